/** A SoftHSM2 token for the tests of one file, in a folder of its own. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SoftToken {
  readonly label: string;
  readonly pin: string;
  /** For the process that uses it: where SoftHSM finds its tokens. */
  readonly env: { readonly SOFTHSM2_CONF: string };
}

/** @throws Error when softhsm2-util is missing or refuses */
export function makeSoftToken(folder: string, label: string, pin: string): SoftToken {
  const tokens = join(folder, "tokens");
  mkdirSync(tokens, { recursive: true });
  const configuration = join(folder, "softhsm2.conf");
  writeFileSync(configuration, `directories.tokendir = ${tokens}\nobjectstore.backend = file\n`);
  const env = { SOFTHSM2_CONF: configuration };
  const done = spawnSync(
    "softhsm2-util",
    ["--init-token", "--free", "--label", label, "--so-pin", "officer-1234", "--pin", pin],
    { env: { ...process.env, ...env }, encoding: "utf8" },
  );
  if (done.status !== 0) throw new Error(`softhsm2-util: ${done.stderr}`);
  return { label, pin, env };
}
