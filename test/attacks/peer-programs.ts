/** Running other people's programs on a forged file, to show what they make of it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findElement } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { parse } from "../evaluation/fixture.ts";
import { type PeerName, peerPath } from "../peers.ts";

export function workFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "scanseal-"));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}

/** @throws Error when the program fails */
export function runPeer(name: PeerName, parameters: readonly string[]): string {
  const run = spawnSync(peerPath(name), parameters, { encoding: "utf8", timeout: 60_000 });
  if (run.status !== 0) throw new Error(`${name} failed: ${run.stderr}`);
  return run.stdout;
}

function through(bytes: Bytes, name: PeerName, options: readonly string[]): Bytes {
  const work = workFolder();
  try {
    const [from, to] = [join(work.path, "from.dcm"), join(work.path, "to.dcm")];
    writeFileSync(from, bytes);
    runPeer(name, [...options, from, to]);
    return new Uint8Array(readFileSync(to));
  } finally {
    work.remove();
  }
}

/** The codestream that a program makes of a native object. */
export async function codestreamBy(
  name: PeerName,
  options: readonly string[],
  bytes: Bytes,
): Promise<{ readonly codestream: Bytes; readonly syntax: string }> {
  const out = through(bytes, name, options);
  const object = await parse(out);
  const fragments = findElement(object.elements, tags.pixelData)!.fragments!.slice(1);
  const parts = fragments.map(({ valueOffset, length }) => out.subarray(valueOffset, valueOffset + length));
  return { codestream: concatBytes(parts), syntax: object.transferSyntax.uid };
}

/** The pixels that a program decodes. */
export async function pixelsBy(name: PeerName, options: readonly string[], bytes: Bytes): Promise<Bytes> {
  const out = through(bytes, name, options);
  const pixels = findElement((await parse(out)).elements, tags.pixelData)!;
  return out.subarray(pixels.valueOffset, pixels.valueOffset + pixels.length);
}
