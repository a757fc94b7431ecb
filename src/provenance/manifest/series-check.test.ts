/** Series and study manifests: whatever is changed in one is found, and nothing that strangers write is taken for one. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { keySigner } from "../../../test/vectors/manifest/sealing.ts";
import { type Bytes, fromLatin1 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import type { DetachedRecord } from "./record.ts";
import {
  checkSeriesManifest,
  checkStudyManifest,
  signSeriesManifest,
  signStudyManifest,
} from "./series-check.ts";
import {
  decodeSeriesOpening,
  decodeStudyOpening,
  encodeSeriesOpening,
  type SeriesOpening,
  seriesRoot,
} from "./series-opening.ts";
import { decodeSeriesStatement, encodeSeriesStatement } from "./series-statement.ts";
import { decodeStudyStatement } from "./study-statement.ts";

// The "certificate" of this signer is its public key.
const signer = keySigner();
const ports = { crypto: nodeCrypto, signer };
const checking = { crypto: nodeCrypto, spkiOf: (certificate: Bytes): Bytes => certificate };
const software = { name: "scanseal", version: "test" };
const said = { version: 1, software, madeAt: "2026-01-31T12:00:00.000Z" } as const;

const uid = fc.stringMatching(/^[0-9.]{1,64}$/);
const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const entry = fc.record({
  sopInstanceUid: uid,
  payloadDigest: digest,
  instanceNumber: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
});
const opening: fc.Arbitrary<SeriesOpening> = fc.record({
  seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  studyInstanceUid: uid,
  seriesInstanceUid: uid,
  entries: fc.uniqueArray(entry, { minLength: 1, maxLength: 12, selector: (one) => one.sopInstanceUid }),
});

const sample: SeriesOpening = {
  seed: new Uint8Array(32).fill(7),
  studyInstanceUid: "2.25.1",
  seriesInstanceUid: "2.25.2",
  entries: [3, 4, 5].map((n) => ({
    sopInstanceUid: `2.25.${n}`,
    payloadDigest: String(n).repeat(64),
    instanceNumber: n,
  })),
};

describe("a manifest with one byte changed", () => {
  let series: DetachedRecord;
  let study: DetachedRecord;
  beforeAll(async () => {
    series = await signSeriesManifest(sample, { ...said, type: "capture", state: "closed" }, ports);
    const entries = [{ seriesInstanceUid: "2.25.2", manifest: series.digest, version: 1, count: 3 }];
    study = await signStudyManifest({ seed: sample.seed, studyInstanceUid: "2.25.1", entries }, said, ports);
  });

  it.each(["series", "study"] as const)("is no %s manifest any more, wherever it is", async (kind) => {
    const record = kind === "series" ? series : study;
    const check = kind === "series" ? checkSeriesManifest : checkStudyManifest;
    expect((await check(record, checking)).fault).toBeUndefined();
    const accepted: string[] = [];
    const steps = new Set<string>();
    for (const part of ["envelope", "opening"] as const)
      for (let at = 0; at < record[part].length; at++)
        for (const bit of [0, 5]) {
          const bytes = record[part].slice();
          bytes[at]! ^= 1 << bit;
          const { fault } = await check({ ...record, [part]: bytes }, checking);
          if (fault === undefined) accepted.push(`${part} ${at}.${bit}`);
          else steps.add(fault);
        }
    expect(accepted).toEqual([]);
    expect([...steps].sort()).toEqual([
      "record-opening",
      "record-signature-invalid",
      "record-signer",
      "record-structure",
    ]);
  });

  it("cut anywhere is none either", async () => {
    for (const part of ["envelope", "opening"] as const)
      for (let length = 0; length < series[part].length; length += 7) {
        const cut = { ...series, [part]: series[part].subarray(0, length) };
        expect((await checkSeriesManifest(cut, checking)).fault).toBeDefined();
      }
  });
});

describe("openings", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(opening, (one) => {
        expect(decodeSeriesOpening(encodeSeriesOpening(one))).toEqual(one);
      }),
    );
  });

  it("have a root of their own: another order, entry, number, series or seed is another root", () => {
    fc.assert(
      fc.property(opening, entry, uid, (one, other, series) => {
        const [first, ...rest] = one.entries;
        const changed: SeriesOpening[] = [
          { ...one, entries: [...one.entries, other] },
          { ...one, entries: rest },
          { ...one, entries: [...rest, first!] },
          { ...one, seriesInstanceUid: series },
          { ...one, seed: one.seed.map((byte) => byte ^ 1) },
        ];
        const text = JSON.stringify(one.entries);
        for (const two of changed) {
          const isSame =
            JSON.stringify(two.entries) === text && two.seriesInstanceUid === one.seriesInstanceUid;
          if (two.seed === one.seed && isSame) continue;
          expect(seriesRoot(nodeCrypto, two)).not.toBe(seriesRoot(nodeCrypto, one));
        }
      }),
    );
  });

  it("do not run together: where a UID ends is part of it", () => {
    const joined = (uids: readonly string[]): string =>
      seriesRoot(nodeCrypto, { ...sample, studyInstanceUid: uids[0]!, seriesInstanceUid: uids[1]! });
    expect(joined(["2.25.1", "12.25"])).not.toBe(joined(["2.25.11", "2.25"]));
  });

  it("above 16 MiB are not read", () => {
    const long = new Uint8Array((16 << 20) + 1).fill(0x20);
    expect(() => decodeSeriesOpening(long)).toThrow(/opening/);
  });

  it("of 100,000 entries are", () => {
    const entries = Array.from({ length: 100_000 }, (_, n) => ({
      sopInstanceUid: `${"1.2.".repeat(12)}${n}`,
      payloadDigest: "a".repeat(64),
      instanceNumber: n,
    }));
    const bytes = encodeSeriesOpening({ ...sample, entries });
    expect(decodeSeriesOpening(bytes).entries).toHaveLength(100_000);
    const more = { ...sample, entries: [...entries, { ...entries[0]!, sopInstanceUid: "9" }] };
    expect(() => encodeSeriesOpening(more)).toThrow(ScansealError);
  });
});

describe("parsers", () => {
  const parsers = [decodeSeriesStatement, decodeStudyStatement, decodeSeriesOpening, decodeStudyOpening];

  it("give nothing but our error for garbage", () => {
    const json = fc.json().map((text) => fromLatin1(text.replaceAll(/[^ -~]/g, "?")));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), json), (bytes) => {
        for (const parse of parsers) expect(() => parse(bytes)).toThrow(ScansealError);
      }),
    );
  });

  it("refuse what its writer would not write", async () => {
    const statement = { ...said, signer: { certificate: "0".repeat(64), hash: "SHA-256" as const } };
    const whole = { ...statement, root: "1".repeat(64), seed: "2".repeat(64), count: 1 };
    const series = { ...whole, type: "capture" as const, state: "closed" as const };
    expect(decodeSeriesStatement(encodeSeriesStatement(series))).toEqual(series);
    for (const bad of [{ version: 2 }, { previous: "3".repeat(64) }, { count: 0 }, { root: "x" }])
      expect(() => encodeSeriesStatement({ ...series, ...bad })).toThrow(ScansealError);
  });
});
