/** Sealed files: written under a temporary name, synced, then named by their SOP Instance UID; never over another object. */
import { createHash } from "node:crypto";
import { link, mkdir, open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { DicomObject } from "../dicom/model.ts";
import { type Edit, writeObject } from "../dicom/splice.ts";
import { ScansealError } from "../foundation/errors.ts";

const temporaryPrefix = ".scanseal-";

export class OutputFolder {
  readonly #folder: string;
  #written = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Made when absent; what an interrupted run left behind is removed. @throws ScansealError `io` */
  static async open(folder: string): Promise<OutputFolder> {
    return asIo(async () => {
      await mkdir(folder, { recursive: true });
      for (const name of await readdir(folder)) {
        if (name.startsWith(temporaryPrefix)) await unlink(join(folder, name));
      }
      return new OutputFolder(folder);
    });
  }

  /**
   * @returns the path, and whether the same bytes were there already
   * @throws ScansealError `duplicate-instance` when another object has this UID here, `io`
   */
  async write(
    sopInstanceUid: string,
    object: DicomObject,
    edits: readonly Edit[],
  ): Promise<{ path: string; existed: boolean }> {
    const path = join(this.#folder, `${sopInstanceUid}.dcm`);
    const temporary = join(this.#folder, `${temporaryPrefix}${process.pid}-${this.#written++}`);
    try {
      const digest = await asIo(() => writeDurably(temporary, object, edits));
      // A link fails where the name is taken, so that two writers cannot overwrite each other.
      const existed = await linkOrCompare(temporary, path, digest);
      return { path, existed };
    } finally {
      await unlink(temporary).catch(() => undefined);
    }
  }

  /** Makes the names durable: after the last write. @throws ScansealError `io` */
  async sync(): Promise<void> {
    await asIo(async () => {
      const folder = await open(this.#folder, "r");
      await folder.sync().finally(() => folder.close());
    });
  }
}

async function writeDurably(path: string, object: DicomObject, edits: readonly Edit[]): Promise<string> {
  const file = await open(path, "wx", 0o644);
  const hash = createHash("sha256");
  try {
    await writeObject(object, edits, async (bytes) => {
      hash.update(bytes);
      for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
    });
    await file.datasync();
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

async function linkOrCompare(from: string, to: string, digest: string): Promise<boolean> {
  try {
    await link(from, to);
    return false;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw ioError(cause);
  }
  if ((await asIo(() => digestOf(to))) === digest) return true;
  throw new ScansealError(
    "duplicate-instance",
    `another object with this SOP Instance UID is in the output folder: ${to}`,
  );
}

async function digestOf(path: string): Promise<string> {
  const file = await open(path, "r");
  const hash = createHash("sha256");
  try {
    for await (const chunk of file.createReadStream({ autoClose: false })) hash.update(chunk as Uint8Array);
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

async function asIo<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    throw cause instanceof ScansealError ? cause : ioError(cause);
  }
}

function ioError(cause: unknown): ScansealError {
  const { code } = cause as NodeJS.ErrnoException;
  const message =
    code === "ENOSPC"
      ? "the disk is full"
      : `the output folder cannot be written (${code ?? "unknown error"})`;
  return new ScansealError("io", message, { cause });
}
