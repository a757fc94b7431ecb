/** Statements and openings of corrections, derivations and approvals: what is written can be read, and anything else is refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../../../test/vectors/derivations/vectors.json" with { type: "json" };
import { type Bytes, fromHex, fromLatin1 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import {
  type ArchiveStatement,
  decodeArchiveStatement,
  encodeArchiveStatement,
} from "./archive-statement.ts";
import {
  type Correction,
  commitCorrection,
  correctionOpeningFault,
  decodeCorrectionOpening,
  encodeCorrectionOpening,
} from "./correction-opening.ts";
import { type CorrectionStatement, decodeCorrection, encodeCorrection } from "./correction-statement.ts";
import { type DerivationStatement, decodeDerivation, encodeDerivation } from "./derivation-statement.ts";

const payloadOf = (name: keyof typeof vectors.signed): Bytes => fromLatin1(vectors.signed[name].payload);
const opening = fromHex(vectors.signed.correction.opening);

const readers: readonly (readonly [string, Bytes, (bytes: Bytes) => Bytes])[] = [
  ["correction", payloadOf("correction"), (bytes) => encodeCorrection(decodeCorrection(bytes))],
  ["opening of a correction", opening, (bytes) => encodeCorrectionOpening(decodeCorrectionOpening(bytes))],
  ["derivation", payloadOf("derivation"), (bytes) => encodeDerivation(decodeDerivation(bytes))],
  [
    "approval",
    payloadOf("archive-changes"),
    (bytes) => encodeArchiveStatement(decodeArchiveStatement(bytes)),
  ],
];

describe.each(readers)("a %s", (_, whole, again) => {
  it("is written as it was read", () => {
    expect(again(whole)).toEqual(whole);
  });

  it("of any bytes is read to the same bytes, or refused", () => {
    const edits = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
      .map((list) => {
        const bytes = whole.slice();
        for (const [at, value] of list) bytes[at] = value;
        return bytes;
      });
    const cut = fc.nat(whole.length - 1).map((length) => whole.slice(0, length));
    fc.assert(
      fc.property(fc.oneof(edits, cut, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        let written: Bytes;
        try {
          written = again(bytes);
        } catch (error) {
          expect(error).toMatchObject({ name: "ScansealError", code: "seal-structure" });
          return;
        }
        expect(written).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("what no writer writes", () => {
  const correction = decodeCorrection(payloadOf("correction"));
  const [study, next] = correction.studies;
  const [change] = correction.changes;
  const corrections: readonly (readonly [string, Partial<CorrectionStatement>])[] = [
    ["of no study", { studies: [] }],
    ["of nothing", { changes: [] }],
    ["approved by nobody", { approvedBy: [] }],
    ["approved on two lines", { approvedBy: ["a\nb"] }],
    ["that follows nothing", { studies: [{ ...study!, version: 2 }] }],
    ["that is the first and follows one", { studies: [{ ...next!, version: 1 }] }],
    ["of version 0", { studies: [{ ...study!, version: 0 }] }],
    ["from absent to absent", { changes: [{ ...change!, from: null, to: null }] }],
    ["of a private element", { changes: [{ ...change!, path: "0009[ACME 1.0]01" }] }],
    ["of more than 128 entries", { changes: new Array(129).fill(change!) as CorrectionStatement["changes"] }],
    ["out of order", { changes: [...correction.changes].reverse() }],
    ["with a commitment of another length", { changes: [{ ...change!, to: "ab" }] }],
    ["on a day that does not exist", { correctedAt: "2026-02-30T00:00:00.000Z" }],
  ];
  it.each(corrections)("a correction %s", (_, part) => {
    expect(() => encodeCorrection({ ...correction, ...part })).toThrow(ScansealError);
  });

  const derivation = decodeDerivation(payloadOf("derivation"));
  const [parent, other] = derivation.parents;
  const many = Array.from({ length: 401 }, (_, i) => ({
    ...parent!,
    digest: i.toString(16).padStart(64, "0"),
  }));
  const derivations: readonly (readonly [string, Partial<DerivationStatement>])[] = [
    ["of nothing", { parents: [] }],
    ["of more than 400 parents", { parents: many }],
    ["whose parents are out of order", { parents: [other!, parent!] }],
    ["of one parent twice", { parents: [parent!, parent!] }],
    ["that takes the place of two", { supersedes: true, action: "restore-original" }],
    ["that takes a place and is no original", { supersedes: true, parents: [parent!] }],
    ["by a product without a name", { product: { name: "", version: "1" } }],
  ];
  it.each(derivations)("a derivation %s", (_, part) => {
    expect(() => encodeDerivation({ ...derivation, ...part })).toThrow(ScansealError);
  });
  it("a derivation of 400 parents is one", () => {
    expect(
      decodeDerivation(encodeDerivation({ ...derivation, parents: many.slice(0, 400) })).parents,
    ).toHaveLength(400);
  });

  const approval = decodeArchiveStatement(payloadOf("archive-changes"));
  const habit = (path: string): Partial<ArchiveStatement> => ({ habits: [{ path, kinds: ["added"] }] });
  const approvals: readonly (readonly [string, Partial<ArchiveStatement>])[] = [
    ["of an archive whose name is a path", { archive: "../x" }],
    ["of a pattern that is no path", habit("*")],
    ["of a whole group", habit("0010*")],
    ["of a private element without a creator", habit("0009[]1001")],
    ["of no kind of change", { habits: [{ path: "00080054", kinds: [] }] }],
    ["of paths out of order", { habits: [...approval.habits].reverse() }],
    ["that follows nothing", { version: 2 }],
    ["by nobody", { approvedBy: "" }],
  ];
  it.each(approvals)("an approval %s", (_, part) => {
    expect(() => encodeArchiveStatement({ ...approval, ...part })).toThrow(ScansealError);
  });
});

describe("commitments of a correction", () => {
  const seed = new Uint8Array(32).fill(7);
  const value = fc.option(fc.uint8Array({ minLength: 0, maxLength: 64 }), { nil: undefined });
  const one = fc
    .tuple(fc.constantFrom("00080050", "00100010", "00100020", "00400275/0/00401001"), value, value)
    .filter(([, from, to]) => !(from === undefined && to === undefined))
    .map(([path, from, to]): Correction => ({ path, vr: "LO", from, to }));

  it("open to their values, and to no others", () => {
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 6 }), fc.nat(), fc.nat(255), (given, at, byte) => {
        const corrections = [...given].sort((a, b) => (a.path < b.path ? -1 : 1));
        const committed = commitCorrection(nodeCrypto, seed, ["1.2.3"], corrections);
        const statement: CorrectionStatement = {
          ...decodeCorrection(payloadOf("correction")),
          ...committed,
          studies: [{ study: committed.studies[0]!, version: 1 }],
        };
        const whole = { seed, studies: ["1.2.3"], values: corrections };
        const fault = correctionOpeningFault(nodeCrypto, statement, whole);
        // What is told of honest openings is that they say a thing twice, or nothing.
        if (fault !== undefined) expect(fault).toMatch(/twice|to itself/);
        const values = corrections.map((entry, i) =>
          i === at % corrections.length ? { ...entry, to: Uint8Array.of(...(entry.to ?? []), byte) } : entry,
        );
        expect(correctionOpeningFault(nodeCrypto, statement, { ...whole, values })).toBeDefined();
        expect(correctionOpeningFault(nodeCrypto, statement, { ...whole, studies: ["1.2.4"] })).toBeDefined();
        expect(correctionOpeningFault(nodeCrypto, statement, { ...whole, studies: [] })).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });
});
