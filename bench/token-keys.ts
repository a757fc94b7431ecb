/** What a device key in a PKCS#11 token costs beside one in a file: signatures a second, each over a SHA-256 digest. Needs SoftHSM2. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utf8 } from "../src/foundation/bytes.ts";
import type { Signer } from "../src/foundation/crypto.ts";
import { openDeviceSigner } from "../src/keys/custody/device-keys.ts";
import { enrolLocally } from "../src/keys/custody/local-enrolment.ts";
import { nodeRandom } from "../src/platform/node/crypto.ts";
import { createHome } from "../src/site/home.ts";
import { makeSoftToken } from "../test/keys/soft-token.ts";
import { peerPath } from "../test/peers.ts";

const runMs = 2_000;
const runs = 3;
const pin = "bench-4321";
const folder = mkdtempSync(join(tmpdir(), "scanseal-bench-"));

async function rate(signer: Signer): Promise<number> {
  const begun = performance.now();
  let count = 0;
  for (; performance.now() - begun < runMs; count++) {
    const signature = signer.start();
    signature.update(utf8(`what is signed ${count}`));
    await signature.sign();
  }
  return (count * 1_000) / (performance.now() - begun);
}

try {
  const token = makeSoftToken(folder, "bench", pin);
  Object.assign(process.env, token.env, { SCANSEAL_PKCS11_PIN: pin });
  const home = await createHome(join(folder, "home"), { name: "Bench" });
  const signers = new Map<string, Signer>();
  const places = { file: undefined, token: { module: peerPath("softhsm2"), label: "bench" } };
  for (const [name, place] of Object.entries(places)) {
    await enrolLocally(await home.openAuthority(), home.deviceFolder(name), {
      device: { name, aeTitle: "CT1", serialNumber: name },
      roles: ["capture"],
      passphrase: home.passphrase(),
      random: nodeRandom,
      token: place,
    });
    signers.set(name, await openDeviceSigner(home.deviceFolder(name), home.passphrase()));
  }
  for (let run = 1; run <= runs; run++) {
    const rates = new Map<string, number>();
    for (const [name, signer] of signers) rates.set(name, await rate(signer));
    const [file = 0, inToken = 0] = rates.values();
    process.stdout.write(
      `run ${run}: key file ${file.toFixed(0)}/s, SoftHSM2 ${inToken.toFixed(0)}/s (${(1_000 / inToken).toFixed(2)} ms each), ratio ${(inToken / file).toFixed(2)}\n`,
    );
  }
  const speed = spawnSync("openssl", ["speed", "-seconds", "2", "ecdsap256"], { encoding: "utf8" }).stdout;
  process.stdout.write(`openssl: ${speed.trim().split("\n").at(-1)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
