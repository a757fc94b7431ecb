/** Identity is the certificate, an AE title is a label: sources and archives over mutual TLS. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { ClientTls } from "../../src/dicom-network/dimse/transport.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { toHex } from "../../src/foundation/bytes.ts";
import { type Authority, createAuthority } from "../../src/keys/custody/authority.ts";
import { issueTlsLocally, type LocalTls } from "../../src/keys/custody/tls-certificate.ts";
import { decodePem } from "../../src/keys/trust/pem.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { slice } from "../attacks/objects.ts";
import { newSite, type Site } from "../evaluation/fixture.ts";
import { archiveAt, examinerOf, Gate, type GateChoice, plainListener, sourceOf } from "./gate.ts";
import { dataSetOf, ReceivingArchive, type Sending, send } from "./network.ts";

let home: string;
let site: Site;
let sealed: Bytes;
let anchor: string;
let strangeAnchor: string;
let gateTls: LocalTls;
let ct1: LocalTls;
let ct2: LocalTls;
let stranger: LocalTls;

async function authorityIn(folder: string): Promise<{ authority: Authority; pem: string }> {
  const environment = { clock: systemClock, random: nodeRandom, passphrase: "correct horse battery" };
  const authority = await createAuthority(join(home, folder), { ...environment, name: `Hospital ${folder}` });
  return { authority, pem: readFileSync(join(home, folder, "authority.pem"), "utf8") };
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "scanseal-mutual-tls-"));
  const { authority, pem } = await authorityIn("a");
  const other = await authorityIn("b");
  anchor = pem;
  strangeAnchor = other.pem;
  const client = (name: string) => ({ kind: "tls-client", name, hosts: [] }) as const;
  gateTls = await issueTlsLocally(authority, { kind: "tls-server", name: "gate", hosts: ["127.0.0.1"] });
  ct1 = await issueTlsLocally(authority, client("ct-1"));
  ct2 = await issueTlsLocally(authority, client("ct-2"));
  stranger = await issueTlsLocally(other.authority, client("ct-1"));
  site = newSite();
  sealed = await site.seal(slice());
});
afterAll(async () => {
  await site.close();
  rmSync(home, { recursive: true, force: true });
});

const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

function fingerprintOf({ certificatePem }: LocalTls): string {
  const [der] = decodePem("CERTIFICATE", certificatePem);
  return toHex(nodeCrypto.hash("SHA-256", der!));
}

const shown = ({ certificatePem, keyPem }: LocalTls): ClientTls => ({
  authorities: anchor,
  certificate: certificatePem,
  key: keyPem,
});

/** CT1 is known by its certificate, CT2 too; the plain listener has a source of its own. */
async function openGate(
  choice: GateChoice = {},
): Promise<{ gate: Gate; tlsPort: number; plainPort: number }> {
  const own = { certificate: gateTls.certificatePem, key: gateTls.keyPem, clientAuthorities: anchor };
  const sources = [
    sourceOf({ name: "first", listener: "tls", certificates: [fingerprintOf(ct1)], aeTitles: ["CT1"] }),
    sourceOf({ name: "second", listener: "tls", certificates: [fingerprintOf(ct2)], aeTitles: ["CT2"] }),
    sourceOf({ name: "legacy", aeTitles: ["OLD"] }),
  ];
  const listeners = [{ ...plainListener, name: "tls", tls: own }, plainListener];
  const gate = await Gate.open(examinerOf(site), { listeners, sources, ...choice });
  toEnd.push(() => gate.end());
  const [tls, plain] = gate.gateway.listeners;
  return { gate, tlsPort: tls!.port, plainPort: plain!.port };
}

it("the certificate names the source; another's AE title changes nothing and is told", async () => {
  const { gate, tlsPort } = await openGate();
  await send(tlsPort, sealed, { tls: shown(ct1) });
  await send(tlsPort, sealed, { tls: shown(ct1), callingAeTitle: "CT2" });
  await send(tlsPort, sealed, { tls: shown(ct2), callingAeTitle: "CT2" });
  await gate.seen("object-judged", 3);
  expect((await gate.rows()).map(({ source, peerTitle }) => [source, peerTitle])).toEqual([
    ["first", "CT1"],
    ["first", "CT2"],
    ["second", "CT2"],
  ]);
  const accepted = await gate.seen("association-accepted", 3);
  expect(accepted.map(({ titleDiffers }) => titleDiffers ?? false)).toEqual([false, true, false]);
});

it("scenario 49: without the certificate its AE title opens nothing", async () => {
  const { gate, tlsPort, plainPort } = await openGate();
  const refused = async (port: number, sending: Sending, code: string): Promise<void> => {
    await expect(send(port, sealed, sending)).rejects.toMatchObject({ code });
  };
  // In clear text.
  await refused(plainPort, { callingAeTitle: "CT1" }, "peer-rejected");
  // A plain source's title under a certificate of no such source goes by the certificate alone.
  await send(tlsPort, sealed, { tls: shown(ct1), callingAeTitle: "OLD" });
  // Of another authority, and without one: TLS 1.3 tells it only when something is read.
  for (const tls of [shown(stranger), { authorities: anchor }]) {
    await expect(send(tlsPort, sealed, { tls })).rejects.toMatchObject({ code: "network" });
  }
  // Clear text on the TLS port.
  await expect(send(tlsPort, sealed)).rejects.toThrow();
  await gate.seen("object-judged");
  expect((await gate.rows()).map(({ source }) => source)).toEqual(["first"]);
  const told = await gate.seen("association-rejected", 4);
  expect(told[0]!.why).toBe("network and AE title of no source");
});

it("an authority's certificate of no source is rejected", async () => {
  const { gate, tlsPort } = await openGate({
    sources: [sourceOf({ name: "first", listener: "tls", certificates: [fingerprintOf(ct1)] })],
  });
  await expect(send(tlsPort, sealed, { tls: shown(ct2) })).rejects.toMatchObject({ code: "peer-rejected" });
  expect(await gate.seen("association-rejected")).toMatchObject([{ why: "certificate of no source" }]);
});

it("a listener that is to lose its TLS still asks for the certificate until it does", async () => {
  const { gate, tlsPort } = await openGate();
  const listeners = [{ ...plainListener, name: "tls" }, plainListener];
  const sources = [sourceOf({ name: "anybody", listener: "tls" })];
  await gate.gateway.applySettings({ ...gate.settings, aeTitle: "RENAMED", listeners, sources });
  await expect(send(tlsPort, sealed, { tls: shown(ct2) })).rejects.toMatchObject({ code: "peer-rejected" });
  expect(await gate.seen("association-rejected")).toMatchObject([{ why: "certificate of no source" }]);
});

it("an archive over TLS gets its object only where its certificate is the right one", async () => {
  const server = { certificate: gateTls.certificatePem, key: gateTls.keyPem, clientAuthorities: anchor };
  const archive = await ReceivingArchive.open(0, server);
  toEnd.push(() => archive.close());
  const own = { certificate: ct2.certificatePem, key: ct2.keyPem };
  const { gate, plainPort } = await openGate({
    destinations: [
      archiveAt(archive.port, { tls: { authorities: anchor, ...own } }),
      archiveAt(archive.port, { name: "imposter", tls: { authorities: strangeAnchor, ...own } }),
    ],
  });
  await send(plainPort, sealed, { callingAeTitle: "OLD" });
  await gate.seen("delivered");
  const [failure] = await gate.seen("destination-down");
  expect(failure).toMatchObject({ destination: "imposter" });
  expect(failure!.why).toContain("certificate");
  expect(archive.received.map(({ bytes }) => bytes)).toEqual([await dataSetOf(sealed)]);
});

it("a listener keeps its certificate where the new one cannot be used", async () => {
  const { gate, tlsPort } = await openGate();
  const { listeners } = gate.settings;
  const broken = { certificate: gateTls.certificatePem, key: ct1.keyPem, clientAuthorities: anchor };
  const changed = listeners.map((listener) => (listener.tls ? { ...listener, tls: broken } : listener));
  await gate.gateway.applySettings({ ...gate.settings, listeners: changed });
  expect(await gate.seen("fault")).toMatchObject([{ where: "listener certificate", code: "key-unusable" }]);
  await send(tlsPort, sealed, { tls: shown(ct1) });
  await gate.seen("object-judged");
});
