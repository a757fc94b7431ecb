/**
 * RFC 3161 time stamps: tokens checked a second in one thread, their size, and what asking for one costs with `openssl ts` behind HTTP on
 * this machine.
 *
 *   node bench/time-stamps.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utf8 } from "../src/foundation/bytes.ts";
import { TimeStampTrust } from "../src/keys/trust/time-stamp.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../src/platform/node/crypto.ts";
import { requestTimeStamp } from "../src/site/provenance/time-stamp-client.ts";
import { authorityServer } from "../test/time-stamps/authority-server.ts";
import { type AuthorityForm, OpensslAuthority } from "../test/time-stamps/openssl-authority.ts";

const differentTokens = 32;
const checks = 4000;
const stamps = 100;
const folder = mkdtempSync(join(tmpdir(), "scanseal-stamps-"));

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function checking(name: string, form: AuthorityForm): Promise<void> {
  const authority = new OpensslAuthority(join(folder, name), form);
  const trust = new TimeStampTrust({ anchors: [authority.anchor] }, nodeCrypto);
  const messages = Array.from({ length: differentTokens }, (_, i) => utf8(`signature ${i}`));
  const tokens = messages.map((message) => authority.stamp(message));
  const now = Date.now();
  const begun = performance.now();
  for (let i = 0; i < checks; i++) {
    const at = i % differentTokens;
    const { ok } = await trust.check(tokens[at]!, { message: messages[at]!, now });
    if (!ok) throw new Error(`${name}: a token does not hold`);
  }
  const rate = Math.round((checks * 1000) / (performance.now() - begun));
  process.stdout.write(`${name}: ${median(tokens.map(({ length }) => length))} bytes, ${rate} checked/s\n`);
}

async function asking(): Promise<void> {
  const authority = new OpensslAuthority(join(folder, "asked"));
  const inOpenssl: number[] = [];
  const server = authorityServer((request) => {
    const begun = performance.now();
    const answer = authority.reply(request);
    inOpenssl.push(performance.now() - begun);
    return answer;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const trust = new TimeStampTrust({ anchors: [authority.anchor] }, nodeCrypto);
  const source = { url: `http://127.0.0.1:${port}/`, trust, clock: systemClock, random: nodeRandom };
  const whole: number[] = [];
  for (let i = 0; i < stamps; i++) {
    const begun = performance.now();
    await requestTimeStamp(utf8(`signature ${i}`), source);
    whole.push(performance.now() - begun);
  }
  server.close();
  const [total, within] = [median(whole), median(inOpenssl)];
  process.stdout.write(
    `a stamp: ${total.toFixed(1)} ms, of these in openssl's process ${within.toFixed(1)}\n`,
  );
}

try {
  await checking("P-256", {});
  await checking("P-256, three certificates", { hasIntermediate: true });
  await checking("P-384", { key: "P-384", signerDigest: "sha512", essHash: "sha384" });
  await checking("RSA-2048", { key: "RSA-2048" });
  await asking();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
