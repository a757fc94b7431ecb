/** Time and memory the reader takes for each hostile file, each in a process of its own: `node bench/hostile-files.ts`. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { peerPath } from "../test/peers.ts";
import expected from "../test/vectors/expected.json" with { type: "json" };

const script = fileURLToPath(new URL("../test/dicom/reading-process.ts", import.meta.url));

console.log("file | code | ms | peak MB (Node itself included)");
for (const { file } of expected.hostile) {
  const input = `${join(peerPath("corpus"), file)}\n`;
  const output = execFileSync(process.execPath, [script], { input, encoding: "utf8" });
  const { code, milliseconds, megabytes } = JSON.parse(output) as {
    code: string;
    milliseconds: number;
    megabytes: number;
  };
  console.log(`${file} | ${code} | ${milliseconds.toFixed(1)} | ${megabytes.toFixed(0)}`);
}
