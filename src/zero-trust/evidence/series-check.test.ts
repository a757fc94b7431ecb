/** Who may sign what a series or a study consists of. */
import { describe, expect, it } from "vitest";
import { type Device, newAuthority, newDevice, trustContentOf } from "../../../test/evaluation/fixture.ts";
import { createTrustStore } from "../../keys/trust/trust-store.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import type { DetachedRecord, RecordLookup } from "../../provenance/manifest/record.ts";
import { signSeriesManifest, signStudyManifest } from "../../provenance/manifest/series-check.ts";
import { judgeSeries } from "../policy/series.ts";
import { type SeriesPorts, seriesManifests, studyManifests } from "./series-check.ts";
import { TrustJudge } from "./trust-check.ts";

const authority = newAuthority();
const scanner = newDevice(authority);
const sealer = newDevice(authority, { name: "Sealer", serialNumber: "2", roles: ["beside-device"] });
const office = newDevice(authority, { name: "Office", serialNumber: "3", roles: ["derive"] });
const revoked = newDevice(authority, { name: "Old", serialNumber: "4", isRevoked: true });
const stranger = newDevice(newAuthority("Test Hospital"));
const store = createTrustStore(trustContentOf(authority, [scanner, sealer, office, revoked]), nodeCrypto);

const series = "2.25.2";
const study = "2.25.1";
const seed = new Uint8Array(32).fill(9);
const said = {
  version: 1,
  software: { name: "scanseal", version: "test" },
  madeAt: "2026-01-31T12:00:00.000Z",
} as const;
const entry = { sopInstanceUid: "2.25.3", payloadDigest: "a".repeat(64), instanceNumber: 1 };

function seriesBy(device: Device, type: "capture" | "beside-device" = "capture"): Promise<DetachedRecord> {
  const opening = { seed, studyInstanceUid: study, seriesInstanceUid: series, entries: [entry] };
  const ports = { crypto: nodeCrypto, signer: device.sealing.signer };
  return signSeriesManifest(opening, { ...said, type, state: "closed" }, ports);
}

function studyBy(device: Device, studyInstanceUid = study): Promise<DetachedRecord> {
  const entries = [{ seriesInstanceUid: series, manifest: "b".repeat(64), version: 2, count: 5 }];
  const ports = { crypto: nodeCrypto, signer: device.sealing.signer };
  return signStudyManifest({ seed, studyInstanceUid, entries }, said, ports);
}

function portsWith(...records: readonly DetachedRecord[]): SeriesPorts {
  const lookup: RecordLookup = {
    about: async () => records,
    lateEvidence: async () => [],
    firstSeen: async () => undefined,
    counterUses: async () => [],
  };
  return { crypto: nodeCrypto, trust: new TrustJudge(store, nodeCrypto, systemClock.now()), records: lookup };
}

describe("a series manifest", () => {
  it.each<[string, Device, "capture" | "beside-device", string]>([
    ["the scanner", scanner, "capture", "trusted"],
    ["the sealer beside it", sealer, "beside-device", "trusted"],
    ["the sealer, as if it were the scanner", sealer, "capture", "certificate-wrong-role"],
    ["the scanner, as if it were a sealer", scanner, "beside-device", "certificate-wrong-role"],
    ["the site's office", office, "capture", "certificate-wrong-role"],
    ["a revoked scanner", revoked, "capture", "certificate-revoked"],
  ])("by %s", async (_, device, type, result) => {
    const [fact] = await seriesManifests(series, portsWith(await seriesBy(device, type)));
    expect(fact?.trust?.result).toBe(result);
    const judged = judgeSeries({ seriesInstanceUid: series, instances: [], manifests: [fact!], named: [] });
    expect(judged.missing).toEqual(result === "trusted" ? [entry.sopInstanceUid] : []);
  });

  it("by an authority of the same name is nobody's", async () => {
    const [fact] = await seriesManifests(series, portsWith(await seriesBy(stranger)));
    expect(fact?.trust?.result).not.toBe("trusted");
  });

  it("that does not hold is told with the step, and lists nothing", async () => {
    const record = await seriesBy(scanner);
    const opening = record.opening.slice();
    opening[opening.length - 4]! ^= 1;
    const [fact] = await seriesManifests(series, portsWith({ ...record, opening }));
    expect(fact).toMatchObject({ faults: ["record-opening"], instances: [], trust: undefined });
    expect(fact?.manifest).toBe(record.digest);
  });

  it("is told from records of other kinds that are filed beside it", async () => {
    const other = { ...(await seriesBy(scanner)), kind: "receipt" } as const;
    expect(await seriesManifests(series, portsWith(other))).toEqual([]);
  });
});

describe("a study manifest", () => {
  it("by the site's office names versions", async () => {
    const [fact] = await studyManifests(study, portsWith(await studyBy(office)));
    expect(fact?.series).toEqual([
      { seriesInstanceUid: series, manifest: "b".repeat(64), version: 2, count: 5 },
    ]);
  });

  it.each<[string, Device]>([
    ["a scanner", scanner],
    ["a stranger", stranger],
  ])("by %s names nothing", async (_, device) => {
    expect(await studyManifests(study, portsWith(await studyBy(device)))).toEqual([]);
  });

  it("of another study names nothing", async () => {
    expect(await studyManifests(study, portsWith(await studyBy(office, "2.25.9")))).toEqual([]);
  });
});
