/** Whose network certificate is revoked: real authorities, certificates and lists. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ScansealError } from "../../foundation/errors.ts";
import type { Authority } from "../../keys/custody/authority.ts";
import { issueTlsLocally, type LocalTls } from "../../keys/custody/tls-certificate.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { createHome, type SiteHome } from "../home.ts";
import { RevokedPeers } from "./revoked-peers.ts";
import { TrustWatch } from "./trust-watch.ts";

let folder: string;
let home: SiteHome;
let authority: Authority;
let lost: LocalTls;
let kept: LocalTls;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-revoked-"));
  home = await createHome(join(folder, "home"), { name: "Test site" });
  authority = await home.openAuthority();
  const issue = (name: string) => issueTlsLocally(authority, { kind: "tls-client", name, hosts: [] });
  lost = await issue("lost");
  kept = await issue("kept");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("a revocation is seen while it runs, of one association's certificate too", () => {
  let now = systemClock.now();
  const peers = new RevokedPeers(new TrustWatch(home, { now: () => now }, () => undefined));
  const certificates = [lost.der, kept.der];
  expect(certificates.map((der) => peers.has(der))).toEqual([false, false]);
  authority.revoke(lost.entry.serial, "keyCompromise");
  now += 60_000;
  expect(certificates.map((der) => peers.has(der))).toEqual([true, false]);
  expect(peers.has(lost.der.slice())).toBe(true);
});

it("trust files that cannot be read bring no revoked certificate back", () => {
  const content = home.trustContent();
  let isReadable = true;
  const peers = new RevokedPeers({
    current: () => {
      if (!isReadable) throw new ScansealError("io", "unreadable");
      return { version: 1, content, markSigners: [] };
    },
  });
  expect(peers.has(lost.der)).toBe(true);
  isReadable = false;
  expect([lost.der, kept.der].map((der) => peers.has(der))).toEqual([true, false]);
});

it("another authority's certificate with the same serial number is not revoked", async () => {
  const other = await createHome(join(folder, "other"), { name: "Other site" });
  const content = { ...home.trustContent(), crls: home.trustContent().crls ?? [] };
  const peers = new RevokedPeers({ current: () => ({ version: 1, content, markSigners: [] }) });
  const stranger = await issueTlsLocally(await other.openAuthority(), {
    kind: "tls-client",
    name: "lost",
    hosts: [],
  });
  const sameSerial = withSerial(stranger.der, lost.entry.serial);
  expect(peers.has(sameSerial)).toBe(false);
});

/** The signature no longer fits: it is TLS that looks at it. */
function withSerial(der: Uint8Array, serial: string): Uint8Array {
  const bytes = Buffer.from(der);
  const wanted = Buffer.from(serial, "hex");
  // Certificate, tbsCertificate, [0] version (5), then the serial number.
  const at = bytes.indexOf(Buffer.from([0xa0, 3, 2, 1, 2])) + 5;
  const length = bytes[at + 1]!;
  if (bytes[at] !== 2 || length !== wanted.length) throw new Error("another length");
  wanted.copy(bytes, at + 2);
  return new Uint8Array(bytes);
}
