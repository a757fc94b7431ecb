/** Identifiers of queries and retrievals: read strictly, written so that they are read again. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NewElement, numberElement, textElement } from "../../dicom/encode.ts";
import { type Tag, tags } from "../../dicom/tags.ts";
import type { Vr } from "../../dicom/vr.ts";
import { type Bytes, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeTextDecoding } from "../../platform/node/text-decoding.ts";
import { encodeIdentifier, readIdentifier } from "./identifier.ts";
import type { Query, QueryKey, QueryLevel } from "./query.ts";
import { elementsOfQuery, type ReadQuery, readQueryIdentifier } from "./query-identifier.ts";
import {
  elementsOfRetrieve,
  type RetrieveIdentifier,
  readRetrieveIdentifier,
} from "./retrieve-identifier.ts";

const implicit = "1.2.840.10008.1.2";
const explicit = "1.2.840.10008.1.2.1";
const bigEndian = "1.2.840.10008.1.2.2";
const levelTag: Tag = 0x00080052;
const level = (value: QueryLevel): NewElement => textElement(levelTag, "CS", value);
const study = textElement(tags.studyInstanceUid, "UI", "1.2.3");
const series = textElement(tags.seriesInstanceUid, "UI", "1.2.3.4");
const empty = (tag: Tag, vr: Vr): NewElement => textElement(tag, vr, "");

async function query(
  elements: readonly NewElement[],
  root: Query["root"] = "study",
  options: { readonly syntax?: string; readonly isRelational?: boolean } = {},
): Promise<ReadQuery> {
  const { syntax = explicit, isRelational = false } = options;
  const object = await readIdentifier(encodeIdentifier(elements, syntax), syntax);
  return readQueryIdentifier(object, root, isRelational, nodeTextDecoding);
}

async function retrieve(
  elements: readonly NewElement[],
  root: Query["root"] = "study",
  isRelational = false,
): Promise<RetrieveIdentifier> {
  const object = await readIdentifier(encodeIdentifier(elements, explicit), explicit);
  return readRetrieveIdentifier(object, root, isRelational, nodeTextDecoding);
}

const unfit = { code: "peer-protocol" };

describe("a C-FIND identifier", () => {
  it.each([[implicit], [explicit], [bigEndian]])(
    "in %s has a key for each attribute that is one",
    async (syntax) => {
      const elements = [
        textElement(tags.specificCharacterSet, "CS", "ISO_IR 192"),
        level("SERIES"),
        textElement(tags.modality, "CS", "C*"),
        textElement(tags.patientName, "PN", utf8("MÜLLER^J?")),
        study,
        empty(tags.seriesInstanceUid, "UI"),
        numberElement(tags.rows, "US", 512),
        {
          tag: 0x00400275,
          vr: "SQ",
          items: [[empty(0x00400007, "LO"), textElement(0x00400009, "SH", "S1")]],
        } as const,
        { tag: 0x00081110, vr: "SQ", items: [] } as const,
      ];
      const { query: read, areKeysIgnored } = await query(elements, "study", { syntax });
      expect(areKeysIgnored).toBe(false);
      expect(read).toEqual({
        root: "study",
        level: "SERIES",
        isEverythingAsked: false,
        offset: 0,
        limit: undefined,
        keys: [
          { path: [tags.modality], match: { kind: "wildcard", pattern: "C*" } },
          { path: [0x00081110], match: { kind: "universal" } },
          { path: [tags.patientName], match: { kind: "wildcard", pattern: "MÜLLER^J?" } },
          { path: [tags.studyInstanceUid], match: { kind: "single", value: "1.2.3" } },
          { path: [tags.seriesInstanceUid], match: { kind: "universal" } },
          { path: [tags.rows], match: { kind: "single", value: "512" } },
          { path: [0x00400275, 0x00400007], match: { kind: "universal" } },
          { path: [0x00400275, 0x00400009], match: { kind: "single", value: "S1" } },
        ],
      });
    },
  );

  it("reads names in their character set", async () => {
    // ISO 8859-7: three Greek capitals, then any.
    const name = textElement(tags.patientName, "PN", Uint8Array.of(0xc3, 0xc4, 0xd9, 0x2a));
    const greek = textElement(tags.specificCharacterSet, "CS", "ISO_IR 126");
    const { query: read } = await query([greek, level("STUDY"), name]);
    expect(read.keys[0]!.match).toEqual({ kind: "wildcard", pattern: "\u0393\u0394\u03a9*" });
    // Without its set the bytes are no text at all.
    await expect(query([level("STUDY"), name])).rejects.toMatchObject(unfit);
  });

  it("of private or unknown keys says that they are not supported", async () => {
    const creator = textElement(0x00090010, "LO", "SOMEBODY");
    const { query: read, areKeysIgnored } = await query([level("STUDY"), creator]);
    expect(read.keys).toEqual([]);
    expect(areKeysIgnored).toBe(true);
  });

  it.each<[string, readonly NewElement[], Query["root"]]>([
    ["no level", [study], "study"],
    ["PATIENT in Study Root", [level("PATIENT")], "study"],
    ["a level of nobody", [textElement(levelTag, "CS", "FRAME"), study], "study"],
    ["no study at SERIES level", [level("SERIES"), empty(tags.seriesInstanceUid, "UI")], "study"],
    ["an empty study at SERIES level", [level("SERIES"), empty(tags.studyInstanceUid, "UI")], "study"],
    [
      "two studies at SERIES level",
      [level("SERIES"), textElement(tags.studyInstanceUid, "UI", "1.2\\1.3")],
      "study",
    ],
    ["no patient at STUDY level of Patient Root", [level("STUDY"), study], "patient"],
    ["a pattern for the patient above", [level("STUDY"), textElement(tags.patientId, "LO", "1*")], "patient"],
    ["a series at STUDY level", [level("STUDY"), series], "study"],
    ["two items", [level("STUDY"), { tag: 0x00081110, vr: "SQ", items: [[], []] }], "study"],
    [
      "sequences in sequences in sequences",
      [
        level("STUDY"),
        {
          tag: 0x00081110,
          vr: "SQ",
          items: [[{ tag: 0x00081110, vr: "SQ", items: [[textElement(0x00081150, "UI", "1.2")]] }]],
        },
      ],
      "study",
    ],
    ["a view", [level("STUDY"), textElement(0x00080053, "CS", "ENHANCED")], "study"],
    ["two numbers", [level("STUDY"), numberElement(tags.rows, "US", 1, 2)], "study"],
    ["bytes", [level("STUDY"), { tag: 0x00420011, vr: "OB", value: new Uint8Array(2) }], "study"],
  ])("with %s does not fit", async (_, elements, root) => {
    await expect(query(elements, root)).rejects.toMatchObject(unfit);
  });

  it("relational is freer where that was negotiated", async () => {
    const { query: read } = await query([level("IMAGE"), series], "study", { isRelational: true });
    expect(read.level).toBe("IMAGE");
  });

  it("that is written is read as the same query", async () => {
    const tagOf: Readonly<Record<string, Tag>> = { PN: tags.patientName, DA: 0x00080020, CS: tags.modality };
    const match = fc.oneof(
      fc.constant({ kind: "universal" } as const),
      fc.stringMatching(/^[A-ZÄÖÜ^]{1,10}$/).map((value) => ({ kind: "single", value }) as const),
      fc.stringMatching(/^[A-Zäöü]{1,9}[?*]$/).map((pattern) => ({ kind: "wildcard", pattern }) as const),
    );
    const any = fc.record({ name: match, description: match, inner: match, date: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(any, fc.constantFrom(implicit, explicit, bigEndian), async (one, syntax) => {
        const keys: QueryKey[] = [
          ...(one.date
            ? [{ path: [tagOf.DA!], match: { kind: "range", from: "20260101", to: "20260131" } as const }]
            : []),
          { path: [tagOf.PN!], match: one.name },
          { path: [tags.studyInstanceUid], match: { kind: "uids", values: ["1.2", "1.3"] } },
          { path: [0x00321060], match: one.description },
          { path: [0x00400275, 0x00400007], match: one.inner },
        ];
        const asked: Query = {
          root: "study",
          level: "STUDY",
          keys,
          isEverythingAsked: false,
          offset: 0,
          limit: undefined,
        };
        const { query: read } = await query(elementsOfQuery(asked), "study", { syntax });
        expect(read).toEqual(asked);
      }),
      { numRuns: 50 },
    );
  });

  it("of garbage, or with a byte changed, is our error or a query", async () => {
    const good = encodeIdentifier([level("STUDY"), study, empty(tags.patientName, "PN")], explicit);
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.nat(good.length - 1), fc.nat(255))
        .map(([at, byte]) => Uint8Array.from(good).fill(byte, at, at + 1)),
      fc.nat(good.length).map((end) => good.subarray(0, end)),
    );
    const both = async (bytes: Bytes, syntax: string): Promise<void> => {
      const object = await readIdentifier(bytes, syntax);
      readQueryIdentifier(object, "study", false, nodeTextDecoding);
      readRetrieveIdentifier(object, "study", false, nodeTextDecoding);
    };
    await fc.assert(
      fc.asyncProperty(garbage, fc.constantFrom(explicit, implicit, bigEndian), async (bytes, syntax) => {
        await both(bytes, syntax).catch((error: unknown) => expect(error).toBeInstanceOf(ScansealError));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a C-MOVE or C-GET identifier", () => {
  it("names entities at its level, and one at each above", async () => {
    const two = textElement(tags.seriesInstanceUid, "UI", "1.2.3.4\\1.2.3.5");
    expect(await retrieve([level("SERIES"), study, two])).toEqual({
      root: "study",
      level: "SERIES",
      studyUids: ["1.2.3"],
      seriesUids: ["1.2.3.4", "1.2.3.5"],
      instanceUids: [],
    });
    const patient = textElement(tags.patientId, "LO", "4711");
    expect(await retrieve([level("STUDY"), study, patient])).toMatchObject({
      patientId: "4711",
      studyUids: ["1.2.3"],
    });
    expect(await retrieve([level("STUDY"), study, empty(tags.patientId, "LO")])).not.toHaveProperty(
      "patientId",
    );
    expect(await retrieve([level("PATIENT"), patient], "patient")).toMatchObject({ patientId: "4711" });
    expect(
      await retrieve([level("IMAGE"), textElement(tags.sopInstanceUid, "UI", "1.9")], "study", true),
    ).toMatchObject({ studyUids: [], instanceUids: ["1.9"] });
  });

  it.each<[string, readonly NewElement[], Query["root"]]>([
    ["no study", [level("STUDY"), empty(tags.studyInstanceUid, "UI")], "study"],
    ["no series above", [level("IMAGE"), study, textElement(tags.sopInstanceUid, "UI", "1.9")], "study"],
    ["another key", [level("STUDY"), study, textElement(tags.modality, "CS", "CT")], "study"],
    ["a key below", [level("STUDY"), study, series], "study"],
    ["a pattern", [level("PATIENT"), textElement(tags.patientId, "LO", "4*")], "patient"],
    ["a pattern beside a study", [level("STUDY"), study, textElement(tags.patientId, "LO", "*")], "study"],
    ["two patients", [level("PATIENT"), textElement(tags.patientId, "LO", "4\\5")], "patient"],
    ["no patient", [level("STUDY"), study], "patient"],
    ["a UID that is a path", [level("STUDY"), textElement(tags.studyInstanceUid, "UI", "../1")], "study"],
  ])("with %s does not fit", async (_, elements, root) => {
    await expect(retrieve(elements, root)).rejects.toMatchObject(unfit);
  });

  it("that is written is read as it was", async () => {
    const one: RetrieveIdentifier = {
      root: "patient",
      level: "IMAGE",
      patientId: "Ä-1",
      studyUids: ["1.2"],
      seriesUids: ["1.3"],
      instanceUids: ["1.4", "1.5"],
    };
    expect(await retrieve(elementsOfRetrieve(one), "patient")).toEqual(one);
  });
});
