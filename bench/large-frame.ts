/**
 * One frame of a multi-frame object of gigabytes, through a gate that fetches and verifies all of it, beside Orthanc alone.
 *
 *   npx node bench/large-frame.ts [frames]      3900 of 0.5 MB, just under 2 GiB; needs `npm run build` and Orthanc with its DICOMweb plug-in
 */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { DimsePeers } from "../test/interop/dimse-peers.ts";
import { peerPath } from "../test/peers.ts";
import { benchSite } from "./bench-site.ts";
import { frameBytes, writeLargeObject } from "./large-object.ts";
import { get, postFile, timed, WebGate } from "./web-gate.ts";

const frames = Number(process.argv[2] ?? 3_900);
const frame = { accept: 'multipart/related; type="application/octet-stream"; transfer-syntax=*' };
const at = `/studies/2.25.1/series/2.25.2/instances/2.25.${frames}/frames/`;

const peers = new DimsePeers();
const archive = await peers.orthanc("archive", {
  Plugins: [peerPath("orthanc-dicomweb")],
  DicomWeb: { Enable: true, Root: "/dicom-web/" },
});
const site = await benchSite();
const original = join(site.folder, "large.dcm");
// 12 bits of 16, as scanners have them.
const image = randomBytes(frameBytes);
for (let i = 1; i < image.length; i += 2) image[i]! &= 0x0f;
const bytes = writeLargeObject(original, frames, [image], 12);
print(`${frames} frames, ${(bytes / 1e9).toFixed(2)} GB, load ${loadavg()[0]!.toFixed(1)}\n`);
const path = await site.seal(original, site.subfolder("large"));
rmSync(original);
const gate = await WebGate.start({ archive });
print(`stored over STOW-RS, durable: ${(await timed(() => postFile(gate.port, path))).toFixed(0)} ms`);
await gate.until("delivered", 1);
await gate.restart();

print("\n| one frame, ms | Orthanc alone | gate | ratio |\n| --- | ---: | ---: | ---: |");
for (const [name, number] of [
  ["first one", 1],
  ["another one", Math.ceil(frames / 2)],
  ["the last one", frames],
  ["the same again", frames],
] as const) {
  const orthanc = await timed(() => get(archive.http, `${at}${number}`, frame));
  const gated = await timed(() => get(gate.port, `${at}${number}`, frame));
  print(`| ${name} | ${orthanc.toFixed(0)} | ${gated.toFixed(0)} | ${(gated / orthanc).toFixed(2)} |`);
}
print(`\nresident memory of the gate afterwards: ${gate.residentMiB().toFixed(0)} MiB`);
gate.close();
await peers.close();

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
