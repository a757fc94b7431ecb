/** What honest software does to files: rewritten by ourselves, and by DCMTK where it is installed. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { rewriteObject } from "../../attack-lab/rewrites.ts";
import { textElement } from "../../dicom/encode.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { readDicom } from "../../dicom/read.ts";
import { writeToBytes } from "../../dicom/splice.ts";
import {
  deflatedUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../../dicom/transfer-syntax.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";

export interface Rewritten {
  readonly name: string;
  readonly operation: string;
  readonly note: string;
}

const run = promisify(execFile);
const retrieveAeTitle = 0x00080054;

async function ownRewrites(object: DicomObject, folder: string): Promise<Rewritten[]> {
  const made: Rewritten[] = [];
  const add = async (name: string, operation: string, note: string, file: Promise<Bytes>): Promise<void> => {
    await writeFile(join(folder, `${name}.dcm`), await file);
    made.push({ name, operation, note });
  };
  if (!object.transferSyntax.encapsulated) {
    const to = (transferSyntaxUid: string, undefinedLengths = false): Promise<Bytes> =>
      rewriteObject(object, { transferSyntaxUid, undefinedLengths });
    await add(
      "implicit",
      "Rewritten as implicit VR",
      "types are no longer in the file",
      to(implicitLittleEndianUid),
    );
    const back = async (): Promise<Bytes> =>
      rewriteObject(await readDicom(new MemorySource(await to(implicitLittleEndianUid))), {
        transferSyntaxUid: explicitLittleEndianUid,
      });
    await add(
      "implicit-and-back",
      "Implicit VR and back",
      "private elements lost their types on the way",
      back(),
    );
    await add("deflated", "Deflated", "the whole data set is compressed", to(deflatedUid));
    await add(
      "undefined-lengths",
      "Sequences with delimiters",
      "lengths are encoded in another way",
      to(explicitLittleEndianUid, true),
    );
  }
  const note = "the archive's name was added: listed, no loss";
  const archived = writeToBytes(object, [
    { kind: "put", element: textElement(retrieveAeTitle, "AE", "ARCHIVE") },
  ]);
  await add("archived", "Stored by an archive", note, archived);
  return made;
}

const compressors = [
  { name: "rle", command: "dcmcrle", args: [], operation: "Compressed as RLE, by DCMTK" },
  { name: "jpeg-ls", command: "dcmcjpls", args: [], operation: "Compressed as JPEG-LS, by DCMTK" },
  {
    name: "jpeg-lossless",
    command: "dcmcjpeg",
    args: ["+e1"],
    operation: "Compressed as JPEG lossless, by DCMTK",
  },
] as const;

/** @param path the sealed file; @param folder where they are written, each as `NAME.dcm` */
export async function roundTripsOf(object: DicomObject, path: string, folder: string): Promise<Rewritten[]> {
  const made = await ownRewrites(object, folder);
  if (object.transferSyntax.encapsulated) return made;
  for (const { name, command, args, operation } of compressors) {
    const output = join(folder, `${name}.dcm`);
    try {
      await run(command, [...args, path, output], { timeout: 60_000 });
    } catch {
      continue; // Not installed, or not for this kind of image: the demonstration does without.
    }
    made.push({ name, operation, note: "every decoded pixel is as captured" });
  }
  return made;
}
