/** Completeness, case by case. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TrustFact } from "../evidence/evidence.ts";
import type { PresentInstance, SeriesEvidence, SeriesManifestFact } from "../evidence/series-evidence.ts";
import { judgeSeries, type SeriesJudgement } from "./series.ts";

const series = "1.2.3";
const closedAt = 1_000;
const digestOf = (n: number, salt = "d"): string => `${salt}${n}`.padEnd(64, "0");

function instance(n: number, change: Partial<PresentInstance> = {}): PresentInstance {
  return {
    sopInstanceUid: `1.2.3.${n}`,
    seriesInstanceUid: series,
    studyInstanceUid: "1.2",
    instanceNumber: n,
    isProven: true,
    payloadDigest: digestOf(n),
    parents: [],
    signer: "CT 1",
    sealedAt: closedAt - 100 + n,
    ...change,
  };
}

function trustOf(signer: string, result: TrustFact["result"] = "trusted"): TrustFact {
  return { result, signer, fingerprint: signer, hashes: ["SHA-256"], role: "capture" };
}

function manifest(count: number, change: Partial<SeriesManifestFact> = {}): SeriesManifestFact {
  const version = change.version ?? 1;
  return {
    basis: "manifest",
    manifest: digestOf(version, "e"),
    isPresented: false,
    state: "closed",
    version,
    previous: version === 1 ? undefined : digestOf(version - 1, "e"),
    studyInstanceUid: "1.2",
    seriesInstanceUid: series,
    madeAt: closedAt,
    trust: trustOf("CT 1"),
    faults: [],
    instances: numbers(count).map((n) => ({
      sopInstanceUid: `1.2.3.${n}`,
      digest: digestOf(n),
      instanceNumber: n,
    })),
    ...change,
  };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const instances = (count: number): PresentInstance[] => numbers(count).map((n) => instance(n));

function judged(evidence: Partial<SeriesEvidence>): SeriesJudgement {
  return judgeSeries({
    seriesInstanceUid: series,
    instances: instances(5),
    manifests: [manifest(5)],
    named: [],
    ...evidence,
  });
}

const lists = ["missing", "duplicated", "reordered", "foreign", "unproven", "late"] as const;
const told = (one: SeriesJudgement): Partial<Record<(typeof lists)[number], readonly string[]>> =>
  Object.fromEntries(lists.flatMap((key) => (one[key].length > 0 ? [[key, one[key]]] : [])));
const codes = (one: SeriesJudgement): string[] => one.faults.map(({ code }) => code);

describe("a Key Object and manifests", () => {
  const keyObject = (count: number, version: number): SeriesManifestFact =>
    manifest(count, { basis: "key-object", isPresented: true, version, previous: undefined });

  it("of a version that no manifest has does not make a series complete that lacks something", () => {
    const one = judged({ instances: instances(4), manifests: [manifest(5), keyObject(4, 9)] });
    expect(one.state).toBe("incomplete");
    expect(codes(one)).toContain("series-manifest-missing");
    expect(judged({ instances: instances(4), manifests: [manifest(5), keyObject(4, 1)] }).state).toBe(
      "incomplete",
    );
    expect(judged({ manifests: [manifest(5), keyObject(5, 1)] }).state).toBe("complete");
    expect(judged({ manifests: [keyObject(5, 2)] }).state).toBe("complete");
  });
});

describe("a series and its manifest", () => {
  it("complete: the list, and nothing else", () => {
    const one = judged({});
    expect(one).toMatchObject({ state: "complete", version: 1, expected: 5, present: 5, signer: "CT 1" });
    expect(told(one)).toEqual({});
  });

  it("open without a manifest, and while the newest one says so", () => {
    expect(judged({ manifests: [] })).toMatchObject({ state: "open", basis: undefined, present: 5 });
    expect(judged({ manifests: [manifest(5, { state: "open" })] }).state).toBe("open");
    const gone = judged({ manifests: [manifest(5, { state: "open" })], instances: instances(4) });
    expect(gone).toMatchObject({ state: "incomplete", missing: ["1.2.3.5"] });
  });

  it.each<[string, PresentInstance, object]>([
    ["altered", instance(3, { isProven: false }), { unproven: ["1.2.3.3"] }],
    [
      "stripped",
      instance(3, { isProven: false, payloadDigest: undefined, signer: undefined }),
      { unproven: ["1.2.3.3"] },
    ],
    [
      "sealed by another device",
      instance(3, { signer: "MR 1" }),
      { missing: ["1.2.3.3"], foreign: ["1.2.3.3"] },
    ],
    [
      "sealed anew with other content",
      instance(3, { payloadDigest: digestOf(9) }),
      { missing: ["1.2.3.3"], foreign: ["1.2.3.3"] },
    ],
    ["renumbered", instance(3, { instanceNumber: 30 }), { reordered: ["1.2.3.3"] }],
    ["without its number", instance(3, { instanceNumber: undefined }), { reordered: ["1.2.3.3"] }],
    [
      "of another series",
      instance(3, { seriesInstanceUid: "1.2.4" }),
      { missing: ["1.2.3.3"], foreign: ["1.2.3.3"] },
    ],
  ])("one listed instance %s", (_, other, expected) => {
    const one = judged({ instances: instances(5).map((each, i) => (i === 2 ? other : each)) });
    expect(one.state).toBe("incomplete");
    expect(told(one)).toEqual(expected);
  });

  it("an original restored from a listed instance stands for it", () => {
    const restored = instance(3, { payloadDigest: undefined, signer: undefined, parents: [digestOf(3)] });
    const one = judged({ instances: instances(5).map((each, i) => (i === 2 ? restored : each)) });
    expect(one.state).toBe("complete");
    const other = { ...restored, parents: [digestOf(4)] };
    expect(judged({ instances: [...instances(2), other] }).foreign).toEqual(["1.2.3.3"]);
  });

  it.each<[string, Partial<PresentInstance>, object]>([
    ["sealed since by the same device", { sealedAt: closedAt + 1 }, { late: ["1.2.3.6"] }],
    ["sealed while it was closed", {}, { late: ["1.2.3.6"] }],
    ["sealed before and left out", { sealedAt: closedAt - 98 }, { foreign: ["1.2.3.6"] }],
    ["sealed since by another device", { sealedAt: closedAt + 1, signer: "MR 1" }, { foreign: ["1.2.3.6"] }],
    ["not proven", { sealedAt: closedAt + 1, isProven: false }, { foreign: ["1.2.3.6"] }],
    [
      "without a seal",
      { isProven: false, payloadDigest: undefined, signer: undefined },
      { foreign: ["1.2.3.6"] },
    ],
  ])("one more, %s", (_, change, expected) => {
    const one = judged({ instances: [...instances(5), instance(6, change)] });
    expect(one.state).toBe("late" in expected ? "open" : "incomplete");
    expect(told(one)).toEqual(expected);
  });

  it("there twice, whether the copies are equal or not", () => {
    expect(told(judged({ instances: [...instances(5), instance(2)] }))).toEqual({ duplicated: ["1.2.3.2"] });
    const altered = instance(2, { isProven: false });
    expect(told(judged({ instances: [...instances(5), altered] }))).toEqual({ duplicated: ["1.2.3.2"] });
  });
});

describe("whatever is done to the instances of a closed series", () => {
  const count = 12;
  const some = fc.uniqueArray(fc.integer({ min: 1, max: count }), { maxLength: count });
  const uids = (ns: readonly number[]): string[] => [...ns].sort((a, b) => a - b).map((n) => `1.2.3.${n}`);

  it("is named exactly, in any order of files", () => {
    const strangers = fc.uniqueArray(fc.integer({ min: 50, max: 60 }), { maxLength: 3 });
    fc.assert(
      fc.property(some, some, some, some, strangers, fc.infiniteStream(fc.nat()), (...given) => {
        const [gone, twice, altered, moved, strange, random] = given;
        const missing = new Set(gone);
        const here = numbers(count).filter((n) => !missing.has(n));
        const files = here.flatMap((n) => {
          const number = moved.includes(n) ? n + 100 : n;
          const one = instance(n, { instanceNumber: number, isProven: !altered.includes(n) });
          return twice.includes(n) ? [one, one] : [one];
        });
        files.push(...strange.map((n) => instance(n, { seriesInstanceUid: "1.2.4" })));
        const keys = new Map(files.map((file) => [file, random.next().value as number]));
        files.sort((a, b) => keys.get(a)! - keys.get(b)!);
        const one = judged({ instances: files, manifests: [manifest(count)] });
        const left = (ns: readonly number[]): string[] => uids(ns.filter((n) => !missing.has(n)));
        const expected = {
          missing: uids(gone),
          duplicated: left(twice),
          reordered: left(moved),
          unproven: left(altered),
          foreign: uids(strange),
          late: [],
        };
        const byNumber = (a: string, b: string): number => Number(a.slice(6)) - Number(b.slice(6));
        for (const key of lists) expect(one[key].toSorted(byNumber), key).toEqual(expected[key]);
        const isClean = lists.every((key) => expected[key].length === 0);
        expect(one.state).toBe(isClean ? "complete" : "incomplete");
        expect(one.present).toBe(count - gone.length - expected.unproven.length);
      }),
    );
  });
});

describe("several manifests", () => {
  const older = manifest(3);
  const newer = manifest(5, { version: 2 });

  it("the newest counts, in whatever order they are found", () => {
    for (const manifests of [
      [older, newer],
      [newer, older],
    ])
      expect(judged({ manifests })).toMatchObject({ state: "complete", version: 2, faults: [] });
  });

  it("an older one that is brought is refused", () => {
    const brought = { ...older, basis: "key-object", isPresented: true } as const;
    const one = judged({ manifests: [newer, brought], instances: instances(3) });
    expect(one).toMatchObject({ state: "incomplete", missing: ["1.2.3.4", "1.2.3.5"] });
    expect(codes(one)).toEqual(["series-manifest-superseded"]);
  });

  it("an older one is refused where only the name of the newer one is known", () => {
    const named = [{ seriesInstanceUid: series, manifest: newer.manifest!, version: 2, count: 5 }];
    const one = judged({ manifests: [older], instances: instances(3), named });
    expect(one).toMatchObject({ state: "incomplete", version: undefined });
    expect(codes(one)).toEqual(["series-manifest-missing", "series-manifest-superseded"]);
    expect(judged({ named: [{ ...named[0]!, seriesInstanceUid: "1.2.4" }] }).state).toBe("complete");
  });

  it.each<[string, SeriesManifestFact[]]>([
    ["two of one number", [manifest(4, { manifest: digestOf(8, "e") }), manifest(5)]],
    ["one that follows another", [older, manifest(5, { version: 2, previous: digestOf(8, "e") })]],
    [
      "one list under two names",
      [manifest(5), manifest(5, { basis: "key-object", manifest: digestOf(8, "e") })],
    ],
    ["two lists under one name", [manifest(4, { basis: "key-object" }), manifest(5)]],
  ])("a fork: %s", (_, manifests) => {
    for (const order of [manifests, manifests.toReversed()]) {
      const one = judged({ manifests: order });
      expect(one).toMatchObject({ state: "incomplete", expected: 5 });
      expect(new Set(codes(one))).toEqual(new Set(["series-manifest-fork"]));
    }
  });

  it("a fork: the study manifest names another", () => {
    const named = [{ seriesInstanceUid: series, manifest: digestOf(8, "e"), version: 1, count: 5 }];
    expect(codes(judged({ named }))).toEqual(["series-manifest-fork"]);
  });

  it("two devices: told, and the one whose instances are there counts", () => {
    const strange = manifest(2, { trust: trustOf("MR 1"), manifest: digestOf(8, "e"), version: 7 });
    const one = judged({ manifests: [strange, manifest(5)] });
    expect(one).toMatchObject({ state: "incomplete", signer: "CT 1" });
    expect(codes(one)).toEqual(["series-manifest-signers"]);
  });

  it.each<[string, Partial<SeriesManifestFact>]>([
    ["series-manifest-invalid", { faults: ["record-opening"] }],
    ["series-manifest-misplaced", { seriesInstanceUid: "1.2.4" }],
    ["series-manifest-untrusted", { trust: trustOf("CT 1", "certificate-revoked") }],
    ["series-manifest-untrusted", { trust: undefined }],
  ])("%s counts for nothing, and takes nothing away", (code, change) => {
    const bad = manifest(2, { version: 9, ...change });
    expect(judged({ manifests: [bad, manifest(5)] })).toMatchObject({ state: "complete", version: 1 });
    const alone = judged({ manifests: [bad], instances: instances(5) });
    expect(alone.state).toBe("open");
    expect(codes(alone)).toEqual([code]);
  });
});

describe("a list without numbers", () => {
  const list = manifest(5, { basis: "key-object" });
  const bare = { ...list, instances: list.instances.map((one) => ({ ...one, instanceNumber: undefined })) };
  const numbered = (given: readonly number[]): PresentInstance[] =>
    given.map((n, i) => instance(i + 1, { instanceNumber: n }));

  it("says the order", () => {
    expect(judged({ manifests: [bare], instances: numbered([10, 20, 20, 30, 40]) }).state).toBe("complete");
    const one = judged({ manifests: [bare], instances: numbered([10, 40, 20, 30, 50]) });
    expect(one.reordered).toEqual(["1.2.3.2", "1.2.3.3", "1.2.3.4"]);
  });

  it("names 128 bits of a digest, which are enough", () => {
    const short = {
      ...bare,
      instances: bare.instances.map((one) => ({ ...one, digest: one.digest.slice(0, 32) })),
    };
    expect(judged({ manifests: [short] }).state).toBe("complete");
    const other = instances(5).map((one) => ({ ...one, payloadDigest: digestOf(8) }));
    expect(judged({ manifests: [short], instances: other }).missing).toHaveLength(5);
  });
});
