/** Sealed files: written under a temporary name, synced, then named by their SOP Instance UID; never over another object. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { link, lstat, mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { DicomObject } from "../dicom/model.ts";
import { type Edit, writeObject } from "../dicom/splice.ts";
import { uidForm } from "../dicom/uid.ts";
import { ScansealError } from "../foundation/errors.ts";

/** Machine, process and number: whose it is, so that nobody removes what another process is writing. */
const temporaryName = /^\.scanseal-(.+)-(\d+)-(\d+)$/;
/** After which a file of another machine is taken for left behind. */
const abandonedMs = 86_400_000;

export class OutputFolder {
  readonly #folder: string;
  #written = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Made when absent; what an interrupted run left behind is removed. @throws ScansealError `io` */
  static async open(folder: string): Promise<OutputFolder> {
    return asIo(async () => {
      await makeFolders(folder);
      for (const name of await readdir(folder)) {
        if (await isLeftBehind(folder, name)) await unlink(join(folder, name)).catch(() => undefined);
      }
      return new OutputFolder(folder);
    });
  }

  /** Before anything is signed. @throws ScansealError `duplicate-instance` when an object has this UID here, `io` */
  async requireFree(sopInstanceUid: string): Promise<void> {
    const path = this.#pathOf(sopInstanceUid);
    const found = await asIo(() => lstat(path).catch(undefinedWhenAbsent));
    if (found && found.size > 0) throw duplicateOf(path);
  }

  #pathOf(sopInstanceUid: string): string {
    // The reader refuses other UIDs already; here it would decide where a file is written.
    if (!uidForm.test(sopInstanceUid))
      throw new ScansealError("not-sealable", "the SOP Instance UID cannot be a file's name");
    return join(this.#folder, `${sopInstanceUid}.dcm`);
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
    const path = this.#pathOf(sopInstanceUid);
    const temporary = join(this.#folder, `.scanseal-${hostname()}-${process.pid}-${this.#written++}`);
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

/** Node's own recursive mkdir says ENOENT where a folder could not be made, whatever the reason. */
async function makeFolders(folder: string): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(folder); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const path of missing) {
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      // Another process was quicker.
      if (error.code !== "EEXIST") throw error;
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
    const { code } = cause as NodeJS.ErrnoException;
    if (linkless.has(code ?? "")) {
      if (await renameToFree(from, to)) return false;
    } else if (code !== "EEXIST") throw ioError(cause);
  }
  if ((await asIo(() => digestOf(to))) === digest) return true;
  throw duplicateOf(to);
}

/** What file systems without hard links answer: memory sticks, some shares. */
const linkless: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** The name is taken by an empty file first: a crash leaves that, and an empty file counts as free. */
async function renameToFree(from: string, to: string): Promise<boolean> {
  return asIo(async () => {
    try {
      await (await open(to, "wx")).close();
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      if ((await stat(to)).size > 0) return false;
    }
    await rename(from, to);
    return true;
  });
}

function duplicateOf(path: string): ScansealError {
  return new ScansealError(
    "duplicate-instance",
    `another object with this SOP Instance UID is in the output folder: ${path}`,
  );
}

/** A temporary file whose process is no more. */
async function isLeftBehind(folder: string, name: string): Promise<boolean> {
  const [, machine, id] = temporaryName.exec(name) ?? [];
  if (machine === undefined) return false;
  if (machine !== hostname()) {
    const found = await stat(join(folder, name)).catch(undefinedWhenAbsent);
    return found !== undefined && found.mtimeMs < Date.now() - abandonedMs;
  }
  if (Number(id) === process.pid) return true;
  try {
    process.kill(Number(id), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

function undefinedWhenAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
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
      : code === "EROFS"
        ? "the output folder cannot be written: the disk is read-only (EROFS)"
        : `the output folder cannot be written (${code ?? "unknown error"})`;
  return new ScansealError("io", message, { cause });
}
