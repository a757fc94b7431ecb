/**
 * Peak memory of sealing, verifying and copying, a process each, after `npm run build`:
 *
 *   node bench/peak-memory.ts [frames]         a native object of 2 GB
 *   node bench/peak-memory.ts marks [frames]   one of 100 frames, marked and not
 */
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchSite } from "./bench-site.ts";
import { writeLargeObject } from "./large-object.ts";
import { chestAttributes, chestFrames } from "./marking.ts";
import { program } from "./processes.ts";

const ofMarks = process.argv[2] === "marks";
/** 4,000 frames of 0.5 MB. */
const frames = Number(process.argv[ofMarks ? 3 : 2] ?? (ofMarks ? 100 : 4000));
const copier = fileURLToPath(new URL("./copy-process.ts", import.meta.url));
/** Told by the process itself when it ends: KiB. */
const tellPeak = `data:text/javascript,process.on("exit",()=>process.stderr.write("peak "+process.resourceUsage().maxRSS))`;

const site = await benchSite();
const input = join(site.subfolder("input"), "large.dcm");
const out = site.subfolder("output");
const images = ofMarks ? chestFrames() : [];
const bitsStored = ofMarks ? chestAttributes.bitsStored : 16;
const bytes = writeLargeObject(input, frames, images, bitsStored);

function measure(what: string, program: string, ...args: readonly string[]): void {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ["--import", tellPeak, program, ...args], {
    encoding: "utf8",
  });
  const seconds = (performance.now() - started) / 1000;
  const peak = Number(/peak (\d+)$/.exec(stderr)?.[1]) / 1024;
  const rate = bytes / 1e6 / seconds;
  console.log(`| ${what} | ${peak.toFixed(0)} | ${seconds.toFixed(1)} | ${rate.toFixed(0)} |`);
  if (status !== 0) throw new Error(`${what} failed: ${stderr}`);
}

console.log(
  `${(bytes / 1e6).toFixed(0)} MB, ${frames} frames\n\n| what | peak MB | s | MB/s |\n| --- | ---: | ---: | ---: |`,
);
const device = ["--device", "bench"];
const home = ["--home", site.homeFolder];
if (ofMarks) {
  // One frame more: another object, as what was sealed once is sealed the same way again.
  const other = join(site.subfolder("input"), "other.dcm");
  writeLargeObject(other, frames + 1, images, bitsStored);
  const plain = site.subfolder("plain");
  measure(
    "seal --no-watermark",
    program,
    "seal",
    other,
    "--no-watermark",
    "--out",
    plain,
    ...device,
    ...home,
  );
}
measure("seal", program, "seal", input, "--out", out, ...device, ...home);
const sealed = join(out, readdirSync(out)[0]!);
measure("verify", program, "verify", sealed, ...home);
measure("verify --deep", program, "verify", sealed, "--deep", ...home);
measure("copy (read, write, no change)", copier, sealed, join(site.folder, "copy.dcm"));
rmSync(site.folder, { recursive: true });
