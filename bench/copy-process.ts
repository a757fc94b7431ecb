/** Run by bench/peak-memory.ts: reads an object and writes it without a change. */
import { open } from "node:fs/promises";
import { readDicom } from "../src/dicom/read.ts";
import { writeObject } from "../src/dicom/splice.ts";
import { openFileSource } from "../src/platform/node/file-source.ts";

const [from = "", to = ""] = process.argv.slice(2);
const source = await openFileSource(from);
const target = await open(to, "w");
await writeObject(await readDicom(source), [], async (bytes) => {
  for (let at = 0; at < bytes.length; ) at += (await target.write(bytes, at)).bytesWritten;
});
await target.close();
await source.close();
