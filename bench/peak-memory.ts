/** Peak memory of sealing, verifying and copying a native object of 2 GB, a process each: `node bench/peak-memory.ts [frames]` after `npm run build`. */
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchSite } from "./bench-site.ts";
import { writeLargeObject } from "./large-object.ts";
import { program } from "./processes.ts";

/** 4,000 frames of 0.5 MB. */
const frames = Number(process.argv[2] ?? 4000);
const copier = fileURLToPath(new URL("./copy-process.ts", import.meta.url));
/** Told by the process itself when it ends: KiB. */
const tellPeak = `data:text/javascript,process.on("exit",()=>process.stderr.write("peak "+process.resourceUsage().maxRSS))`;

const site = await benchSite();
const input = join(site.subfolder("input"), "large.dcm");
const out = site.subfolder("output");
const bytes = writeLargeObject(input, frames);

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
  `${(bytes / 1e9).toFixed(2)} GB, ${frames} frames\n\n| what | peak MB | s | MB/s |\n| --- | ---: | ---: | ---: |`,
);
measure("seal", program, "seal", input, "--device", "bench", "--out", out, "--home", site.homeFolder);
const sealed = join(out, readdirSync(out)[0]!);
measure("verify", program, "verify", sealed, "--home", site.homeFolder);
measure("verify --deep", program, "verify", sealed, "--deep", "--home", site.homeFolder);
measure("copy (read, write, no change)", copier, sealed, join(site.folder, "copy.dcm"));
rmSync(site.folder, { recursive: true });
