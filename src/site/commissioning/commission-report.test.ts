/** What the report says would be held is what the policy holds when the same objects come again in that mode. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { v7 as newId } from "uuid";
import { afterAll, beforeAll, expect, it } from "vitest";
import { slice } from "../../../test/attacks/objects.ts";
import { edited, newSite, type Site } from "../../../test/evaluation/fixture.ts";
import { examinerOf, gateLimits, sourceOf } from "../../../test/gateway/gate.ts";
import { stripSeal, swapPatient } from "../../attack-lab/forgeries.ts";
import { textElement } from "../../dicom/encode.ts";
import { readDicom } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, concatBytes, toHex } from "../../foundation/bytes.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import type { Journal } from "../../store/journal/journal.ts";
import { openSqliteJournal } from "../../store/journal/sqlite-journal.ts";
import { openFolderObjectStore } from "../../store/objects/folder-object-store.ts";
import { openSegmentSpool } from "../../store/spool/segment-spool.ts";
import { Judge } from "../../zero-trust/gateway/judge.ts";
import type { ExaminedEvidence, Examiner, GatewayPorts } from "../../zero-trust/gateway/ports.ts";
import type { SourceSettings } from "../../zero-trust/gateway/settings.ts";
import { SourceBook } from "../../zero-trust/gateway/source-recognition.ts";
import { encodeHeader } from "../../zero-trust/gateway/spool-header.ts";
import type { Mode } from "../../zero-trust/policy/decide.ts";
import { type CommissionReport, commissionReport } from "./commission-report.ts";

interface Sent {
  readonly what: string;
  readonly file: Bytes;
  readonly uid: string;
}

let site: Site;
let stranger: Site;
const pool: Sent[] = [];
let examiner: Examiner;

const uidOf = (n: number): string => `2.25.1000${n}`;
const withUid = (n: number): Bytes => slice([textElement(tags.sopInstanceUid, "UI", uidOf(n))]);

/** Two of each kind, each an instance of its own. */
const makers: Readonly<Record<string, (n: number) => Promise<Bytes>>> = {
  sealed: (n) => site.seal(withUid(n)),
  // Of a device that the site does not know.
  unsealed: (n) => edited(withUid(n), [{ kind: "remove", path: [0x00181000] }]),
  "not sealed by an enrolled device": async (n) => withUid(n),
  stripped: async (n) => {
    const sealed = await site.seal(withUid(n));
    return edited(sealed, stripSeal(await readDicom(new MemorySource(sealed))));
  },
  altered: async (n) => edited(await site.seal(withUid(n)), swapPatient("Other^Patient", `47${n}`)),
  "changed by an office": async (n) =>
    edited(await site.seal(withUid(n)), [{ kind: "put", element: textElement(0x00080054, "AE", "PACS") }]),
  "with bytes behind": async (n) => concatBytes([await site.seal(withUid(n)), Uint8Array.of(1, 2, 3, 4)]),
  "unsealed with bytes behind": async (n) => concatBytes([withUid(n), Uint8Array.of(1, 2, 3, 4)]),
  truncated: async (n) => withUid(n).slice(0, -10),
  "of strangers": (n) => stranger.seal(withUid(n)),
};

beforeAll(async () => {
  site = newSite();
  stranger = newSite();
  const kinds = Object.entries(makers);
  for (const [k, [what, make]] of kinds.entries())
    for (const n of [2 * k, 2 * k + 1]) pool.push({ what, file: await make(n), uid: uidOf(n) });
  const real = examinerOf(site);
  const known = new Map<string, Promise<ExaminedEvidence>>();
  examiner = {
    ...real,
    examine: (object) => {
      const key = `${object.digest} ${object.tolerate.join(" ")}`;
      const found = known.get(key) ?? real.examine(object);
      known.set(key, found);
      return found;
    },
  };
});
afterAll(async () => {
  await site.close();
  await stranger.close();
});

async function receive(journal: Journal, ports: GatewayPorts, { file, uid }: Sent): Promise<void> {
  const object = await readDicom(new MemorySource(file)).catch(() => undefined);
  const digest = nodeCrypto.hash("SHA-256", file);
  const row = {
    id: newId(),
    ...{ receivedAt: systemClock.now(), source: "ct", peerTitle: "CT1", peerAddress: "127.0.0.1" },
    sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
    sopInstanceUid: uid,
    transferSyntaxUid: object?.transferSyntax.uid ?? "1.2.840.10008.1.2.1",
    ...{ bytes: file.length, digest: toHex(digest), dataSetOffset: object?.metaEnd ?? 300 },
    arrival: { uidDiffers: false },
  };
  const writer = ports.spool.begin();
  await writer.write(file);
  const location = await writer.commit(encodeHeader({ kind: "received", object: row }), digest);
  await journal.addReceived([{ ...row, location }]);
}

/** A day of a gate: what came is judged in one mode, with others' policies beside it. */
async function dayOf(
  sent: readonly Sent[],
  source: SourceSettings,
  others: readonly SourceSettings[],
): Promise<{ readonly report: CommissionReport; readonly held: number }> {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-commission-"));
  const journal = await openSqliteJournal(join(folder, "journal.sqlite"));
  const spool = await openSegmentSpool(join(folder, "spool"), { bytesMax: 16 << 20 });
  try {
    for await (const _ of spool.recover());
    const sources = [source, ...others];
    const settings = { aeTitle: "GATE", listeners: [], sources, destinations: [], limits: gateLimits };
    const ports: GatewayPorts = {
      ...{ journal, spool, examiner, crypto: nodeCrypto, clock: systemClock, newId, owner: "test" },
      objects: await openFolderObjectStore(join(folder, "objects")),
      events: () => undefined,
      random: Math.random,
    };
    for (const one of sent) await receive(journal, ports, one);
    const state = { settings, book: new SourceBook(settings, nodeCrypto) };
    const judge = new Judge(ports, () => state);
    for (;;) {
      const [lease] = await journal.claimReceived("test", 1, 60_000, systemClock.now());
      if (!lease) break;
      await judge.judge(lease);
    }
    const none = { issued: [], certificates: [], unknownCertificates: 0, approved: [] };
    const report = await commissionReport({ journal, source, since: 0, now: systemClock.now(), ...none });
    return { report, held: (await journal.counts()).objects.held };
  } finally {
    await journal.close();
    await spool.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

it("would be held is held", async () => {
  const modes = fc.constantFrom<Mode>("observe", "warn");
  const indexes = fc.shuffledSubarray(Array.from({ length: 20 }, (_, i) => i));
  let told = 0;
  await fc.assert(
    fc.asyncProperty(indexes, modes, fc.boolean(), fc.boolean(), async (chosen, mode, tolerant, strict) => {
      const sent = chosen.map((i) => pool[i]!);
      const of = (other: Mode): SourceSettings =>
        sourceOf({ name: "ct", mode: other, tolerate: tolerant ? ["trailing-bytes"] : [] });
      const others = strict ? [sourceOf({ name: "strict", mode: "enforce", devices: ["CT 1"] })] : [];
      const { report, held } = await dayOf(sent, of(mode), others);
      expect(report.objects).toBe(sent.length);
      expect(report.held.now).toBe(held);
      const { warn, stricter, enforce } = report.held;
      expect((await dayOf(sent, of("warn"), others)).held).toBe(warn + stricter);
      expect((await dayOf(sent, of("observe"), others)).held).toBe(warn + stricter);
      expect((await dayOf(sent, of("warn"), [])).held).toBe(warn);
      const replayed = await dayOf(sent, of("enforce"), others);
      expect(replayed.held).toBe(enforce);
      expect(replayed.report.held).toMatchObject({ now: enforce, enforce, warn });
      const causes = report.causes.reduce((n, { objects }) => n + objects, 0);
      const kinds = report.causes.flatMap((cause) => cause.kinds).reduce((n, { objects }) => n + objects, 0);
      expect([causes, kinds]).toEqual([enforce, enforce]);
      expect(report.readiness.isReady).toBe(sent.length > 0 && enforce === 0);
      told += enforce;
    }),
    { numRuns: 12 },
  );
  expect(told).toBeGreaterThan(0);
});

it("each kind of fault is told by its cause, with advice; a tolerance is offered where there is one", async () => {
  const { report } = await dayOf(pool, sourceOf({ name: "ct", mode: "observe" }), []);
  const byCode = new Map(report.causes.map((cause) => [cause.code, cause]));
  expect([...byCode.keys()].sort()).toEqual(
    [
      ...["attribute-changed", "seal-expected", "seal-missing", "signer-not-recognised"],
      ...["trailing-bytes", "truncated"],
    ].sort(),
  );
  expect(byCode.get("signer-not-recognised")?.advice).toContain("scanseal trust import");
  expect(byCode.get("truncated")).toMatchObject({ isHeldInEveryMode: true, heldNow: 2 });
  expect(byCode.get("seal-missing")).toMatchObject({ isHeldInEveryMode: false, heldNow: 0 });
  expect(report.tolerances).toMatchObject([{ code: "trailing-bytes", objects: 4, isAccepted: false }]);
  expect(report.changes).toMatchObject([
    { path: "00080054", standing: "passes", kinds: ["added"], objects: 2 },
    { path: "00100010", standing: "never" },
    { path: "00100020", standing: "never" },
  ]);
  for (const { advice, message } of report.causes) expect([advice, message]).not.toContain("");
});

it("certificates warn at 60, 30 and 7 days and after, and keep nobody from enforce", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-commission-"));
  const journal = await openSqliteJournal(join(folder, "journal.sqlite"));
  const day = 86_400_000;
  const now = 1_800_000_000_000;
  const ends = [400, 61, 59, 29, 6, -1].map((days) => ({
    ...({ of: "device", name: `d${days}`, endsAt: now + days * day } as const),
  }));
  const { certificates, readiness } = await commissionReport({
    ...{ journal, source: sourceOf({ name: "ct" }), since: 0, now, issued: [], approved: [] },
    ...{ certificates: ends, unknownCertificates: 0 },
  });
  expect(certificates.map(({ name, level, daysLeft }) => [name, level, daysLeft])).toEqual([
    ["d-1", 0, -1],
    ["d6", 7, 6],
    ["d29", 30, 29],
    ["d59", 60, 59],
  ]);
  expect(readiness.inTheWay.join()).not.toMatch(/certificate/);
  await journal.close();
  rmSync(folder, { recursive: true, force: true });
});
