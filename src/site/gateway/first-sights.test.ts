/** First sights: of sound seals, at the time they came, and without keeping anybody waiting. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { newSite, type Site } from "../../../test/evaluation/fixture.ts";
import { image } from "../../../test/watermark/marked-objects.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import type { Evidence } from "../../zero-trust/evidence/evidence.ts";
import type { Examiner } from "../../zero-trust/gateway/ports.ts";
import { OpenedProvenance } from "../provenance/opened-provenance.ts";
import { FirstSights } from "./first-sights.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-sights-"));
const site: Site = newSite();
afterAll(async () => {
  await site.close();
  rmSync(folder, { recursive: true, force: true });
});

const object = { extents: [], bytes: 0, digest: "", tolerate: [] };
const giving = (evidence: Evidence): Examiner => ({
  width: 3,
  examine: async () => evidence,
  close: async () => undefined,
});

async function evidenceOf(isSealed: boolean): Promise<Evidence> {
  const bytes = isSealed ? await site.seal(image()) : image();
  return (await site.judge(bytes)).evidence;
}

/** What the journal knows after these were examined, each at its time. */
async function seenAfter(place: string, examined: readonly (readonly [Evidence, number])[]): Promise<void> {
  for (const [evidence, at] of examined) {
    const provenance = new OpenedProvenance(place, "made");
    const sights = new FirstSights(giving(evidence), {
      provenance,
      clock: { now: () => at },
      events: () => undefined,
    });
    expect(sights.width).toBe(3);
    expect(await sights.examine(object)).toBe(evidence);
    await sights.close();
  }
}

it("the first time counts, and the number of the key is known", async () => {
  const place = join(folder, "one.sqlite");
  const evidence = await evidenceOf(true);
  await seenAfter(place, [
    [evidence, 500],
    [evidence, 700],
  ]);
  const { payloadDigest, keyFingerprint, keyEpoch, counter } = evidence.manifest!;
  const journal = await openProvenanceJournal(place);
  expect(await journal.firstSeen(payloadDigest!)).toBe(500);
  const number = { keyFingerprint: keyFingerprint!, keyEpoch: keyEpoch!, counter: counter! };
  expect(keyFingerprint).toMatch(/^[0-9a-f]{64}$/);
  expect(await journal.usesOf(number)).toEqual([payloadDigest]);
  await journal.close();
});

it("what is not sealed, broken, or by nobody who is trusted is not kept", async () => {
  const place = join(folder, "two.sqlite");
  const evidence = await evidenceOf(true);
  const manifest = evidence.manifest!;
  const stranger = { ...manifest.trust!, result: "signer-not-recognised" as const };
  await seenAfter(place, [
    [await evidenceOf(false), 1],
    [{ ...evidence, manifest: { ...manifest, trust: stranger } }, 2],
    [{ ...evidence, manifest: { ...manifest, faults: ["manifest-signature-invalid"] } }, 3],
  ]);
  const journal = await openProvenanceJournal(place);
  expect(await journal.firstSeen(manifest.payloadDigest!)).toBeUndefined();
  await journal.close();
});

it("a journal that fails holds nothing up, and is told once", async () => {
  const events: GatewayEvent[] = [];
  const sights = new FirstSights(giving(await evidenceOf(true)), {
    provenance: {
      journal: () => Promise.reject(new ScansealError("io", "the journal cannot be opened")),
      close: async () => undefined,
    },
    clock: { now: () => 1 },
    events: (event) => events.push(event),
  });
  await sights.examine(object);
  await sights.examine(object);
  await sights.close();
  expect(events).toEqual([
    { kind: "fault", where: "provenance", code: "io", why: "the journal cannot be opened" },
  ]);
});
