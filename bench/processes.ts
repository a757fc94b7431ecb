/** Whole processes: the command line as it is installed beside DCMTK's. Needs `npm run build`. */
import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { peerPath, projectRoot } from "../test/peers.ts";
import { benchSite, sealedSlices } from "./bench-site.ts";
import { type Benchmark, compare } from "./compare.ts";

export const program: string = join(projectRoot, "dist", "cli", "bin.js");

function scanseal(...args: readonly string[]): void {
  execFileSync(process.execPath, [program, ...args], { stdio: "ignore" });
}

export const oneObject: Benchmark = {
  name: "one-object",
  about: "One sealed CT slice of 0.53 MB, a process each. dcmsign looks at the signature alone.",
  async measure() {
    const site = await benchSite();
    const [slice = ""] = await sealedSlices();
    return compare(
      [
        {
          name: "dcmsign --verify +cf",
          run: () =>
            execFileSync(peerPath("dcmsign"), ["--verify", "+cf", site.anchorsFile, slice], {
              stdio: "ignore",
            }),
        },
        { name: "scanseal verify", run: () => scanseal("verify", slice, "--home", site.homeFolder) },
      ],
      15,
    );
  },
};

const folderFiles = 1000;

async function thousandSlices(): Promise<string> {
  const site = await benchSite();
  const folder = site.subfolder("thousand");
  const slices = await sealedSlices();
  for (let i = 0; i < folderFiles; i++)
    copyFileSync(slices[i % slices.length]!, join(folder, `${String(i).padStart(4, "0")}.dcm`));
  return folder;
}

export const folder: Benchmark = {
  name: "folder",
  about: `A folder of ${folderFiles} sealed CT slices of 0.53 MB, page cache warm, whole processes. Target: 20 times faster than the loop.`,
  async measure() {
    const site = await benchSite();
    const files = await thousandSlices();
    const loop = `for f in "$2"/*; do "$0" --verify +cf "$1" "$f" >/dev/null 2>&1 || exit 1; done`;
    return compare(
      [
        {
          name: "shell loop over dcmsign --verify +cf",
          run: () => execFileSync("/bin/sh", ["-c", loop, peerPath("dcmsign"), site.anchorsFile, files]),
        },
        { name: "scanseal verify FOLDER", run: () => scanseal("verify", files, "--home", site.homeFolder) },
        {
          name: "scanseal verify FOLDER --deep",
          run: () => scanseal("verify", files, "--deep", "--home", site.homeFolder),
        },
      ],
      3,
    );
  },
};
