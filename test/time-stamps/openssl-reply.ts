/** `openssl ts -reply` in the folder of an authority. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** TimeStampResp (DER) for a TimeStampReq. */
export function replyIn(folder: string, request: Uint8Array, openssl = "openssl"): Buffer {
  writeFileSync(join(folder, "in.tsq"), request);
  const args = ["ts", "-reply", "-config", "ts.cnf", "-queryfile", "in.tsq", "-out", "out.tsr"];
  const run = spawnSync(openssl, args, { cwd: folder, encoding: "utf8" });
  if (run.status !== 0) throw new Error(`openssl ts: ${run.stderr}`);
  return readFileSync(join(folder, "out.tsr"));
}
