/** Arbitrary entries and queries: few values, so that they meet. */
import fc from "fast-check";
import type { JsonDataSet, JsonPersonName } from "../../src/dicom/json/json-model.ts";
import type { Matching, Query, QueryKey, QueryLevel } from "../../src/dicom-network/query/query.ts";
import type { IndexEntry } from "../../src/store/index/instance-index.ts";
import { element, entryOf, key, single, uidOf, universal, wildcard } from "./index-fixture.ts";

const word = fc.constantFrom(
  "Doe",
  "doe",
  "D%e",
  "D_e",
  "Do[e",
  "D\\e",
  "Müller",
  "山田",
  "a",
  "DOES",
  "é😀x",
);
const pattern = fc
  .array(fc.constantFrom("*", "?", "D", "d", "o", "e", "%", "_", "[", "]", "\\", "ü", "山", "😀"), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.join(""))
  .filter((text) => /[*?]/.test(text));
const date = fc.constantFrom("20240101", "20240102", "20240229", "20250101", "19991231");
const time = fc.constantFrom("08", "0815", "081500", "081530", "2359", "235959");

interface Kind {
  readonly tag: number;
  readonly vr: string;
  readonly value: fc.Arbitrary<string | number | JsonPersonName>;
  readonly match: fc.Arbitrary<Matching>;
}

const texts = fc.oneof(
  word.map(single),
  pattern.map(wildcard),
  fc.constant(universal),
  fc.constant(wildcard("*")),
);
const ranges = (moments: fc.Arbitrary<string>): fc.Arbitrary<Matching> =>
  fc.oneof(
    moments.map(single),
    fc.record({ kind: fc.constant("range" as const), from: moments }),
    fc.record({ kind: fc.constant("range" as const), to: moments }),
    fc.record({ kind: fc.constant("range" as const), from: moments, to: moments }),
  );
const text = (tag: number, vr = "LO"): Kind => ({ tag, vr, value: word, match: texts });
const person = (tag: number): Kind => ({
  tag,
  vr: "PN",
  value: fc.oneof(
    word.map((Alphabetic) => ({ Alphabetic })),
    fc.record({ Alphabetic: word, Ideographic: word }),
    fc.record({ Ideographic: word, Phonetic: word }),
  ),
  match: texts,
});
const whole = (tag: number): Kind => ({
  tag,
  vr: "IS",
  value: fc.integer({ min: -2, max: 12 }),
  match: fc.integer({ min: -2, max: 12 }).map((value) => single(String(value))),
});

const kinds: readonly Kind[] = [
  person(0x00100010),
  { tag: 0x00100020, vr: "LO", value: word, match: texts },
  { tag: 0x00100030, vr: "DA", value: date, match: ranges(date) },
  { tag: 0x00080020, vr: "DA", value: date, match: ranges(date) },
  { tag: 0x00080030, vr: "TM", value: time, match: ranges(time) },
  text(0x00080050, "SH"),
  text(0x00081030),
  person(0x00080090),
  text(0x00200010, "SH"),
  text(0x00080060, "CS"),
  whole(0x00200011),
  text(0x0008103e),
  text(0x00180015, "CS"),
  { tag: 0x00400244, vr: "DA", value: date, match: ranges(date) },
  text(0x00080070),
  whole(0x00200013),
  text(0x00080008, "CS"),
  { tag: 0x00080032, vr: "TM", value: time, match: ranges(time) },
  whole(0x00280010),
];

const attributesOf: fc.Arbitrary<JsonDataSet> = fc
  .tuple(
    ...kinds.map(({ vr, value }) =>
      fc.option(
        value.map((one) => element(vr, one)),
        { freq: 3, nil: undefined },
      ),
    ),
  )
  .map((elements) =>
    Object.fromEntries(
      elements.flatMap((one, n) =>
        one ? [[kinds[n]!.tag.toString(16).toUpperCase().padStart(8, "0"), one]] : [],
      ),
    ),
  );

export const arbitraryEntries: fc.Arbitrary<IndexEntry[]> = fc
  .array(
    fc.record({
      study: fc.integer({ min: 1, max: 5 }),
      series: fc.integer({ min: 1, max: 3 }),
      instance: fc.integer({ min: 1, max: 6 }),
      basis: fc.constantFrom("verified", "verified-with-changes", "received", "observed"),
      attributes: attributesOf,
    }),
    { maxLength: 30 },
  )
  .chain((choices) =>
    fc
      .shuffledSubarray(
        choices.map((_, n) => n + 1),
        { minLength: choices.length },
      )
      .map((versions) => choices.map((choice, n) => entryOf({ ...choice, version: versions[n]! }))),
  );

const uidKeys: fc.Arbitrary<QueryKey> = fc.oneof(
  fc.integer({ min: 1, max: 6 }).map((study) => key(0x0020000d, single(uidOf(study)))),
  fc
    .array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 })
    .map((studies) => key(0x0020000d, { kind: "uids", values: studies.map((study) => uidOf(study)) })),
  fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }))
    .map(([study, series]) => key(0x0020000e, single(uidOf(study, series)))),
  fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 6 }))
    .map((uid) => key(0x00080018, single(uidOf(...uid)))),
  word.map((modality) => key(0x00080061, single(modality))),
);

/** Study Date and Time, which may be one range. */
const moments: fc.Arbitrary<QueryKey[]> = fc
  .tuple(ranges(date), ranges(time))
  .map(([day, hour]) => [key(0x00080020, day), key(0x00080030, hour)]);

export const arbitraryQuery: fc.Arbitrary<Query> = fc
  .record({
    level: fc.constantFrom<QueryLevel>("PATIENT", "STUDY", "SERIES", "IMAGE"),
    keys: fc.oneof(
      {
        weight: 4,
        arbitrary: fc.uniqueArray(
          fc.oneof(
            {
              weight: 3,
              arbitrary: fc
                .constantFrom(...kinds)
                .chain(({ tag, match }) => match.map((one) => key(tag, one))),
            },
            { weight: 1, arbitrary: uidKeys },
          ),
          {
            maxLength: 3,
            selector: ({ path }) => path[0],
          },
        ),
      },
      { weight: 1, arbitrary: moments },
    ),
    isEverythingAsked: fc.boolean(),
    isDateTimeCombined: fc.boolean(),
    offset: fc.constantFrom(0, 0, 1, 3, 1_000),
    limit: fc.constantFrom(undefined, undefined, 0, 1, 4),
  })
  .map((query) => ({ root: "patient", ...query }));
