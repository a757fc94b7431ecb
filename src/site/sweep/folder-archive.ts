/** An archive's storage folder, or any other, as an archive that can be swept: each file is read once to learn its names. */
import { plainTextOf } from "../../dicom/elements.ts";
import { readDicom, tolerableCodes } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import { isWellFormedUid } from "../../dicom/uid.ts";
import { readChunks } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { openFileSource } from "../../platform/node/file-source.ts";
import type { InstanceName } from "../../zero-trust/gateway/reading/ports.ts";
import { withFile } from "../file-input.ts";
import type { OpenArchive } from "../gateway/read-archive.ts";

export interface FolderReading {
  readonly archive: OpenArchive;
  /** Paths that are no readable DICOM object. */
  readonly unreadable: readonly string[];
  /** Paths of further files of an instance that another file has. */
  readonly duplicates: readonly string[];
}

export async function openFolderArchive(
  paths: readonly string[],
  onFile: (done: number, path: string) => void,
): Promise<FolderReading> {
  const files = new Map<string, { readonly path: string; readonly name: InstanceName }>();
  const unreadable: string[] = [];
  const duplicates: string[] = [];
  for (const [i, path] of paths.entries()) {
    onFile(i, path);
    const name = await nameOf(path);
    if (!name) unreadable.push(path);
    else if (files.has(name.sopInstanceUid)) duplicates.push(path);
    else files.set(name.sopInstanceUid, { path, name });
  }
  const names = [...files.values()].map(({ name }) => name);
  const archive: OpenArchive = {
    name: "folder",
    tolerate: [],
    studies: async () => [...new Set(names.map(({ studyInstanceUid }) => studyInstanceUid))],
    async *list({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }) {
      for (const name of names) {
        const isIn =
          name.studyInstanceUid === studyInstanceUid &&
          (seriesInstanceUid === undefined || name.seriesInstanceUid === seriesInstanceUid) &&
          (sopInstanceUid === undefined || name.sopInstanceUid === sopInstanceUid);
        if (isIn) yield name;
      }
    },
    fetch: async ({ sopInstanceUid }) => {
      const file = files.get(sopInstanceUid);
      return file && bytesOf(file.path);
    },
    close: async () => undefined,
  };
  return { archive, unreadable, duplicates };
}

/** As it calls itself; what is wrong with it is told when it is swept. */
async function nameOf(path: string): Promise<InstanceName | undefined> {
  try {
    const { elements } = await withFile(path, (file) => readDicom(file, { tolerate: tolerableCodes }));
    const [studyInstanceUid, seriesInstanceUid, sopInstanceUid] = [
      tags.studyInstanceUid,
      tags.seriesInstanceUid,
      tags.sopInstanceUid,
    ].map((tag) => plainTextOf(elements, tag));
    const isNamed = [studyInstanceUid, seriesInstanceUid, sopInstanceUid].every(
      (uid) => uid !== undefined && isWellFormedUid(uid),
    );
    return isNamed
      ? {
          studyInstanceUid: studyInstanceUid!,
          seriesInstanceUid: seriesInstanceUid!,
          sopInstanceUid: sopInstanceUid!,
        }
      : undefined;
  } catch (error) {
    if (error instanceof ScansealError) return undefined;
    throw error;
  }
}

async function* bytesOf(path: string): AsyncGenerator<Bytes> {
  const source = await openFileSource(path);
  try {
    yield* readChunks(source, 0, source.size);
  } finally {
    await source.close();
  }
}
