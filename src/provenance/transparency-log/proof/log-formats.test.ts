/** Parsers of the log's formats: one value has one text, and garbage yields only our error. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bothWitnesses,
  logKey,
  origin,
  policyOf,
  sampleEntry,
  sampleProof,
  signedCheckpoint,
  witnessA,
} from "../../../../test/transparency-log/memory-log.ts";
import { utf8 } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { nodeCrypto } from "../../../platform/node/crypto.ts";
import { parseCheckpoint } from "./checkpoint.ts";
import { encodeBundle, entriesOf } from "./entry-bundle.ts";
import { formatProof, parseProof } from "./log-proof.ts";
import { formatNote, parseNote } from "./signed-note.ts";
import { tileNameOf, tilePath, tilesOf } from "./tile.ts";
import { formatVerifierKey, parseVerifierKey } from "./verifier-key.ts";
import { parsePolicy } from "./witness-policy.ts";
import { formatWitnessRequest, parseWitnessRequest } from "./witness-request.ts";

const root = new Uint8Array(32).fill(7);
const refusal = expect.objectContaining({ code: "log-structure" });

describe("tile paths", () => {
  it("are those of c2sp.org/tlog-tiles", () => {
    expect(tilePath({ level: 0, index: 1234067, width: 256 })).toBe("tile/0/x001/x234/067");
    expect(tilePath({ level: "entries", index: 0, width: 17 })).toBe("tile/entries/000.p/17");
    expect(tilesOf(0, 70_000)).toEqual({ full: 273, partialWidth: 112 });
    expect(tilesOf(1, 70_000)).toEqual({ full: 1, partialWidth: 17 });
    expect(tilesOf(2, 70_000)).toEqual({ full: 0, partialWidth: 1 });
    expect(tilesOf(1, 256)).toEqual({ full: 0, partialWidth: 1 });
  });

  it("go there and back", () => {
    const level = fc.oneof(fc.constant("entries" as const), fc.nat(6));
    const name = fc.record({ level, index: fc.nat(2 ** 45), width: fc.integer({ min: 1, max: 256 }) });
    fc.assert(fc.property(name, (one) => void expect(tileNameOf(tilePath(one))).toEqual(one)));
  });

  it.each([
    "tile/0/1",
    "tile/0/0001",
    "tile/7/000",
    "tile/00/000",
    "tile/0/x000/001",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/0/x001/x234/067/",
    "tile/0/../000",
    "tile/data/000",
    "/tile/0/000",
  ])("%s is none", (path) => {
    expect(tileNameOf(path)).toBeUndefined();
  });
});

describe("entry bundles", () => {
  it("go there and back", () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 256 });
    fc.assert(fc.property(entries, (all) => void expect(entriesOf(encodeBundle(all), 256)).toEqual(all)));
  });

  it("are refused when they end too early or have too many", () => {
    const bundle = encodeBundle([sampleEntry(1), sampleEntry(2)]);
    expect(() => entriesOf(bundle.subarray(0, -1), 256)).toThrow(refusal);
    expect(() => entriesOf(bundle.subarray(0, 37), 256)).toThrow(refusal);
    expect(() => entriesOf(bundle, 1)).toThrow(refusal);
  });
});

describe("verifier keys", () => {
  it("go there and back, with their ID", () => {
    for (const { vkey, key } of [logKey, witnessA]) {
      expect(parseVerifierKey(vkey, nodeCrypto)).toEqual(key);
      expect(formatVerifierKey(key)).toBe(vkey);
    }
  });

  it("with any character changed are refused", () => {
    const { vkey } = witnessA;
    for (let at = 0; at < vkey.length; at++) {
      const other = vkey[at] === "A" ? "B" : "A";
      expect(() => parseVerifierKey(vkey.slice(0, at) + other + vkey.slice(at + 1), nodeCrypto)).toThrow(
        ScansealError,
      );
    }
  });
});

describe("notes", () => {
  it("keep text and signatures", () => {
    const bytes = signedCheckpoint(12, root);
    const note = parseNote(bytes);
    expect(formatNote(note)).toEqual(bytes);
    expect(note.signatures.map(({ name }) => name)).toEqual([
      origin,
      "witness-a.example",
      "witness-b.example",
    ]);
    expect(parseCheckpoint(bytes)).toMatchObject({ origin, size: 12, root });
  });

  it.each([
    ["no signature", "a\n1\nb\n"],
    ["no blank line", "a\n— b AAAAAAAA\n"],
    ["a hyphen", "a\n\n- b AAAAAAAA\n"],
    ["no end", "a\n\n— b AAAAAAAA"],
    ["two spaces", "a\n\n—  b AAAAAAAA\n"],
    ["a plus in the name", "a\n\n— b+c AAAAAAAA\n"],
    ["a wide space in the name", "a\n\n— b\u2003c AAAAAAAA\n"],
    ["not base64", "a\n\n— b AAAAAAA\n"],
    ["unused bits", "a\n\n— b AAAAAAB=\n"],
    ["only a key ID", "a\n\n— b AAAAAA==\n"],
    ["a carriage return", "a\r\n\n— b AAAAAAAA\n"],
    ["a NUL", "a\0\n\n— b AAAAAAAA\n"],
  ])("with %s are refused", (_, text) => {
    expect(() => parseNote(utf8(text))).toThrow(refusal);
  });

  it("with an extension line, a leading zero or a short root are no checkpoints", () => {
    const lines = parseNote(signedCheckpoint(12, root)).text.split("\n");
    const signed = (changed: readonly string[]) =>
      formatNote({ text: `${changed.join("\n")}\n`, signatures: [logKey.sign("x")] });
    const [first, , third] = lines as [string, string, string];
    for (const bad of [
      [first, "12", third, "more"],
      [first, "012", third],
      [first, "12", "AAAA"],
      ["", "1", third],
      [first, "9007199254740993", third],
    ]) {
      expect(() => parseCheckpoint(signed(bad))).toThrow(refusal);
    }
  });
});

describe("proofs and requests", () => {
  it("go there and back", async () => {
    const { proof } = await sampleProof(3, 300);
    expect(formatProof(parseProof(proof))).toEqual(proof);
    const { path, checkpoint } = parseProof(proof);
    const request = parseWitnessRequest(formatWitnessRequest(5, path, checkpoint));
    expect(request).toMatchObject({ oldSize: 5, path, checkpoint: { size: 300 } });
  });

  it("refuse an extra line: nothing authenticates it", async () => {
    const text = Buffer.from((await sampleProof(3, 30)).proof).toString();
    expect(() => parseProof(utf8(text.replace("\nindex", "\nextra AAAA\nindex")))).toThrow(refusal);
  });
});

describe("policies", () => {
  const a = `witness a ${witnessA.vkey}`;
  it("are read with comments, tabs and URLs", () => {
    const policy = policyOf([
      "# ours",
      "",
      `\tlog  ${logKey.vkey}\thttps://log.example/ `,
      a,
      "group g any a",
      "quorum g",
    ]);
    expect(policy.logs[0]).toMatchObject({ key: logKey.key, url: "https://log.example/" });
    expect(policy.quorum).toBe("g");
    expect(policyOf(["quorum none"]).quorum).toBeUndefined();
  });

  it.each<[string, readonly string[]]>([
    ["no quorum", [a]],
    ["two quorums", [a, "quorum a", "quorum none"]],
    ["a quorum not defined", ["quorum a"]],
    ["a quorum defined later", ["quorum a", a]],
    ["a member defined later", ["group g any a", a, "quorum g"]],
    ["a member twice", [a, "group g 1 a a", "quorum g"]],
    ["a member of two groups", [a, "group g any a", "group h any a", "quorum h"]],
    ["a threshold of 0", [a, "group g 0 a", "quorum g"]],
    ["a threshold above its members", [a, "group g 2 a", "quorum g"]],
    ["a group without members", [a, "group g all", "quorum a"]],
    ["a witness twice", [a, a.replace("witness a", "witness b"), "quorum a"]],
    ["a name twice", [a, "group a any a", "quorum a"]],
    ["a witness called none", [a.replace("witness a", "witness none"), "quorum none"]],
    ["none as a member", [a, "group g any none", "quorum g"]],
    ["a log's key for a witness", [`witness a ${logKey.vkey}`, "quorum a"]],
    ["a witness' key for a log", [`log ${witnessA.vkey}`, "quorum none"]],
    ["another word", ["quorums none"]],
    ["a carriage return", ["quorum none\r"]],
  ])("with %s are refused", (_, lines) => {
    expect(() => policyOf(lines)).toThrow(refusal);
  });
});

describe("garbage", () => {
  const parsers: [string, (bytes: Uint8Array) => unknown][] = [
    ["note", parseNote],
    ["checkpoint", parseCheckpoint],
    ["proof", parseProof],
    ["request", parseWitnessRequest],
    ["policy", (bytes) => parsePolicy(bytes, nodeCrypto)],
    ["bundle", (bytes) => entriesOf(bytes, 256)],
    ["vkey", (bytes) => parseVerifierKey(Buffer.from(bytes).toString(), nodeCrypto)],
  ];
  const seeds: Uint8Array[] = [
    signedCheckpoint(12, root),
    formatWitnessRequest(1, [root], signedCheckpoint(12, root)),
    utf8(bothWitnesses.map((line) => `${line}\n`).join("")),
    utf8(logKey.vkey),
    encodeBundle([sampleEntry(0), sampleEntry(1)]),
  ];
  it.each(parsers)("in a %s yields a value or only our error", (_, parse) => {
    const mutated = fc
      .tuple(fc.constantFrom(...seeds), fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 6 }))
      .map(([seed, at, cut, insert]) => {
        const from = at % (seed.length + 1);
        return Buffer.concat([seed.subarray(0, from), insert, seed.subarray(from + (cut % 4))]);
      });
    const input = fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated);
    fc.assert(
      fc.property(input, (bytes) => {
        try {
          parse(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ScansealError);
          expect(["log-structure", "unsupported"]).toContain((error as ScansealError).code);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
