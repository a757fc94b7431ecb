/** Scenario 42: a device put back from an old copy, or its key in other hands, seals two images under one number. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { createTrustStore } from "../../src/keys/trust/trust-store.ts";
import { nodeCrypto, systemClock } from "../../src/platform/node/crypto.ts";
import { FirstSights } from "../../src/site/gateway/first-sights.ts";
import { OpenedProvenance } from "../../src/site/provenance/opened-provenance.ts";
import { recordLookup } from "../../src/site/provenance/record-lookup.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal } from "../../src/store/provenance/provenance-journal.ts";
import { collectEvidence } from "../../src/zero-trust/evidence/collect.ts";
import type { Evidence } from "../../src/zero-trust/evidence/evidence.ts";
import { TrustJudge } from "../../src/zero-trust/evidence/trust-check.ts";
import { decide } from "../../src/zero-trust/policy/decide.ts";
import { newAuthority, newDevice, Site, trustContentOf } from "../evaluation/fixture.ts";
import expected from "../vectors/expected.json" with { type: "json" };
import { image } from "../watermark/marked-objects.ts";
import { counterScenarios } from "./counter-scenarios.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-counter-"));
const place = join(folder, "provenance.sqlite");
const authority = newAuthority();
const device = newDevice(authority);
/** The same device; the second one's counter was put back. */
const [before, after] = [new Site(authority, [device]), new Site(authority, [device])];

describe("scenario 42: the counter", () => {
  let journal: ProvenanceJournal;
  let first: Bytes;
  let second: Bytes;

  beforeAll(async () => {
    journal = await openProvenanceJournal(place);
    first = await before.seal(image());
    second = await after.seal(image({ seed: 2, sopInstanceUid: "2.25.4712" }));
  });
  afterAll(async () => {
    await Promise.all([journal.close(), before.close(), after.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const examine = async (bytes: Bytes): Promise<Evidence> =>
    collectEvidence(new MemorySource(bytes), {
      crypto: nodeCrypto,
      trust: new TrustJudge(
        createTrustStore(trustContentOf(authority, [device]), nodeCrypto),
        nodeCrypto,
        systemClock.now(),
      ),
      records: recordLookup(journal),
    });
  const verdictOf = (evidence: Evidence) => {
    const { verdict, findings } = decide(evidence);
    return { verdict, code: findings.find(({ severity }) => severity === "error")?.code };
  };
  const gate = () =>
    new FirstSights(
      {
        width: 1,
        examine: async ({ digest }) => examine(digest === "1" ? first : second),
        close: async () => {},
      },
      { provenance: new OpenedProvenance(place), clock: systemClock, events: () => undefined },
    );
  const arriving = (digest: string) => ({ extents: [], bytes: 0, digest, tolerate: [] });

  it("the first one passes, and passes again when it is sent again", async () => {
    const sights = gate();
    expect(verdictOf(await sights.examine(arriving("1")))).toEqual({ verdict: "verified", code: undefined });
    expect(verdictOf(await sights.examine(arriving("1")))).toEqual({ verdict: "verified", code: undefined });
    await sights.close();
  });

  it.each(counterScenarios)("$what", async ({ what }) => {
    const row = expected.scenarios.find((one) => one.scenario === 42 && one.what === what);
    const sights = gate();
    expect(verdictOf(await sights.examine(arriving("2")))).toEqual({
      verdict: row?.verdict,
      code: row?.code,
    });
    await sights.close();
    // Nobody knows which of them is the device's: from then on neither is believed here.
    expect(verdictOf(await examine(first))).toEqual({ verdict: row?.verdict, code: row?.code });
  });

  it("of two that come at once at least one is told", async () => {
    const elsewhere = join(folder, "elsewhere.sqlite");
    const other = await openProvenanceJournal(elsewhere);
    const sights = new FirstSights(
      {
        width: 2,
        examine: async ({ digest }) => {
          // As their threads saw them: before either was remembered.
          const { counter: _, time: _time, ...evidence } = await examine(digest === "1" ? first : second);
          return evidence;
        },
        close: async () => {},
      },
      { provenance: new OpenedProvenance(elsewhere), clock: systemClock, events: () => undefined },
    );
    const both = await Promise.all(["1", "2"].map((one) => sights.examine(arriving(one))));
    expect(both.map((one) => verdictOf(one).verdict)).toContain("untrusted");
    await sights.close();
    await other.close();
  });

  it("a manifest that nobody trusted signed blackens no number", async () => {
    const stranger = newAuthority("Somebody");
    const forger = new Site(stranger, [newDevice(stranger, { key: device.key })]);
    const forged = await forger.seal(image({ seed: 9, sopInstanceUid: "2.25.4713" }));
    const elsewhere = await openProvenanceJournal(join(folder, "third.sqlite"));
    const sights = new FirstSights(
      { width: 1, examine: async () => examine(forged), close: async () => {} },
      {
        provenance: new OpenedProvenance(join(folder, "third.sqlite")),
        clock: systemClock,
        events: () => undefined,
      },
    );
    const { manifest } = await sights.examine(arriving("3"));
    expect(manifest?.trust?.result).not.toBe("trusted");
    const { keyFingerprint, keyEpoch, counter } = manifest!;
    const number = { keyFingerprint: keyFingerprint!, keyEpoch: keyEpoch!, counter: counter! };
    expect(await elsewhere.usesOf(number)).toEqual([]);
    await Promise.all([sights.close(), elsewhere.close(), forger.close()]);
  });
});
