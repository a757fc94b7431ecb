import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeVariant, variants } from "../../../test/vectors/manifest/encodings.ts";
import {
  comparison,
  facts,
  framesUnchanged,
  put,
  unchanged,
} from "../../../test/vectors/manifest/expectations.ts";
import { sampleElements, samplePixels } from "../../../test/vectors/manifest/sample-object.ts";
import { check, dsseVerifies, keySigner, read, seal } from "../../../test/vectors/manifest/sealing.ts";
import { type NewElement, textElement } from "../../dicom/encode.ts";
import { type Edit, writeToBytes } from "../../dicom/splice.ts";
import { type Tag, tags } from "../../dicom/tags.ts";
import { type Bytes, fromLatin1, latin1 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { checkManifest, type ManifestFacts, openManifest } from "./check.ts";
import { containersOf } from "./containers.ts";
import { decodeEnvelope } from "./envelope.ts";

const explicit = variants.find(({ name }) => name === "explicit")!;
const original = encodeVariant(sampleElements(), explicit);
const sealed = await seal(original);

async function edited(...edits: readonly Edit[]): Promise<Bytes> {
  return writeToBytes(await read(sealed.file), edits);
}

describe("a sealed object", () => {
  it("is wholly proven", async () => {
    const found = await facts(sealed.file, sealed);
    expect(found).toMatchObject({
      signatures: ["valid"],
      deviceNamed: true,
      boundBy: [0],
      sameDevice: true,
      seed: "fits",
      table: "fits",
      rootBy: "table",
      statement: { key: { epoch: "1", counter: 42 }, leaves: { frames: 2, encoded: 0 } },
    });
    expect(found.comparison).toMatchObject({
      ...unchanged,
      matched: found.statement.leaves.count,
      frames: { ...framesUnchanged, route: "native", tail: { bytes: 0, zero: true } },
    });
  });

  it("is proven to somebody who has only DSSE", async () => {
    const { envelope } = (await openManifest(await read(sealed.file), nodeCrypto))!;
    const [first] = envelope.signatures;
    expect(dsseVerifies(latin1(envelope.payload), first!.signature, sealed.certificate)).toBe(true);
    expect(dsseVerifies(`${latin1(envelope.payload)} `, first!.signature, sealed.certificate)).toBe(false);
  });

  it("says nothing about the patient and no identifier in clear", () => {
    // Of random bytes one in some hundred has any four digits.
    const payload = latin1(sealed.payload).replaceAll(/"[0-9a-f]{64}"/g, '""');
    for (const word of ["Muster", "4711", "2.25.", "20260131"]) expect(payload).not.toContain(word);
    expect(sealed.signatureUid).toMatch(/^2\.25\.\d{1,39}$/);
  });

  it("keeps every leaf in every encoding", async () => {
    const seals = sealed.elements;
    for (const variant of variants) {
      const found = await facts(encodeVariant([...sampleElements(), ...seals], variant), sealed);
      expect(found.signatures, variant.name).toEqual(["valid"]);
      expect(found.comparison, variant.name).toMatchObject({ ...unchanged, frames: framesUnchanged });
    }
  });
});

describe("a change", () => {
  it("of one attribute is named, wherever it is", async () => {
    const cases: readonly [Edit, string][] = [
      [put(textElement(tags.patientId, "LO", "4712")), "00100020"],
      [put(textElement(0x00081155, "UI", "2.25.79"), 0x00081140, 0), "00081140/0/00081155"],
      [
        put(textElement(0x00080104, "LO", "Other"), 0x00081140, 0, 0x0040a170, 1),
        "00081140/0/0040A170/1/00080104",
      ],
      [put({ tag: 0x00091002, vr: "OB", value: Uint8Array.of(1, 2, 3, 5) }), "0009[ACME 1.0]02"],
      [put({ tag: 0x00091002, vr: "OB", value: Uint8Array.of(1, 2, 3, 4, 0, 0) }), "0009[ACME 1.0]02"],
      [put(textElement(0x00080100, "SH", "P-2"), 0x00091003, 0), "0009[ACME 1.0]03"],
    ];
    for (const [edit, path] of cases)
      expect(await comparison(await edited(edit), sealed)).toMatchObject({ ...unchanged, changed: [path] });
  });

  it("by addition or removal is named", async () => {
    const overlay: NewElement = { tag: 0x60003000, vr: "UN", value: new Uint8Array(6) };
    expect(await comparison(await edited(put(overlay)), sealed)).toMatchObject({
      ...unchanged,
      added: ["60003000"],
    });
    expect(
      await comparison(await edited({ kind: "remove", path: [tags.patientName] }), sealed),
    ).toMatchObject({
      ...unchanged,
      removed: ["00100010"],
    });
    const item = [textElement(0x00081155, "UI", "2.25.80")];
    expect(
      await comparison(await edited({ kind: "append-item", sequence: 0x00081140, item }), sealed),
    ).toMatchObject({
      ...unchanged,
      changed: ["00081140"],
      added: ["00081140/2/00081155"],
    });
    const creator = textElement(0x000b0010, "LO", "ACME 3");
    expect(await comparison(await edited(put(creator)), sealed)).toMatchObject({
      ...unchanged,
      added: ["000B[ACME 3]"],
    });
  });

  it("of the private creator renames its block", async () => {
    const found = await comparison(await edited(put(textElement(0x00090010, "LO", "ACME 9"))), sealed);
    expect(found.added).toEqual([1, 2, 3, 4].map((n) => `0009[ACME 9]0${n}`));
    expect(found.removed).toEqual([1, 2, 3, 4].map((n) => `0009[ACME 1.0]0${n}`));
  });

  it("of any one bit of any frame is found in that frame", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(samplePixels.length * 8 - 1), async (bit) => {
        const value = samplePixels.slice();
        value[bit >> 3]! ^= 1 << (bit & 7);
        const found = await comparison(await edited(put({ tag: tags.pixelData, vr: "OW", value })), sealed);
        const frame = bit >> 3 < samplePixels.length / 2 ? 0 : 1;
        expect(found).toMatchObject({ ...unchanged, frames: { matched: 1, changed: [frame] } });
      }),
      { numRuns: 60 },
    );
  });

  it("in the number of frames is found", async () => {
    const half = await edited(
      put({ tag: tags.pixelData, vr: "OW", value: samplePixels.subarray(0, 48) }),
      put(textElement(tags.numberOfFrames, "IS", "1")),
    );
    expect(await comparison(half, sealed)).toMatchObject({
      changed: ["00280008"],
      frames: { matched: 1, removed: [1] },
    });
    const value = new Uint8Array(144);
    value.set(samplePixels);
    const more = await edited(
      put({ tag: tags.pixelData, vr: "OW", value }),
      put(textElement(tags.numberOfFrames, "IS", "3")),
    );
    expect(await comparison(more, sealed)).toMatchObject({
      changed: ["00280008"],
      frames: { matched: 2, added: [2] },
    });
    const none = await edited({ kind: "remove", path: [tags.pixelData] });
    expect(await comparison(none, sealed)).toMatchObject({
      frames: { matched: 0, removed: [0, 1], route: "none" },
    });
  });

  it("of any attribute is found, and nothing else is named", async () => {
    const object = await read(sealed.file);
    // Identifiers and pixel attributes would make the object malformed instead; frames have their own test.
    const left: readonly number[] = [0x00080005, 0x00090010, tags.pixelData];
    const candidates = object.elements.filter(({ tag, value, vr }) => {
      const group = tag >>> 16;
      return value?.length && group !== 0x28 && group !== 0x71 && vr !== "UI" && !left.includes(tag);
    });
    expect(candidates.length).toBeGreaterThan(10);
    for (const { tag, vr, value } of candidates) {
      const changed = value!.slice();
      changed[0] = changed[0] === 0x31 ? 0x32 : 0x31;
      const found = await comparison(await edited(put({ tag, vr, value: changed })), sealed);
      expect([...found.changed, ...found.added, ...found.removed]).toHaveLength(1);
      expect(found.matched).toBe(sealed.statement.leaves.count - 1);
    }
  });
});

describe("a seal that lost a part", () => {
  const low = (n: number): Tag => 0x00711000 + n;

  it("is proven without its table while nothing changed, and cannot say where when something did", async () => {
    const without: Edit = { kind: "remove", path: [low(4)] };
    expect(await facts(await edited(without), sealed)).toMatchObject({
      table: "missing",
      rootBy: "recomputed",
    });
    const both = await edited(without, put(textElement(tags.patientId, "LO", "4712")));
    expect(await facts(both, sealed)).toMatchObject({ table: "missing", rootBy: "none" });
  });

  it("is not proven without its seed, or with another", async () => {
    expect(await facts(await edited({ kind: "remove", path: [low(2)] }), sealed)).toMatchObject({
      seed: "missing",
      rootBy: "table",
    });
    const other = await seal(original);
    const swapped = other.elements.find(({ tag }) => tag === low(2))!;
    const found = await facts(await edited(put(swapped)), sealed);
    expect(found).toMatchObject({ seed: "differs", rootBy: "table" });
    expect(found.comparison).toBeUndefined();
  });

  it("refuses another object's table, and falls back to the root", async () => {
    const other = await seal(original);
    const table = other.elements.find(({ tag }) => tag === low(4))!;
    expect(await facts(await edited(put(table)), sealed)).toMatchObject({
      table: "differs",
      rootBy: "recomputed",
    });
  });

  it("is a residue without its envelope, and no seal without its creator", async () => {
    expect(await check(await edited({ kind: "remove", path: [low(0)] }), sealed)).toBeUndefined();
    expect(await check(await edited({ kind: "remove", path: [0x00710010] }), sealed)).toBeUndefined();
  });

  it("moved to another object names everything that differs", async () => {
    const elements = sampleElements().filter(({ tag }) => tag !== tags.patientId);
    const target = encodeVariant(
      [...elements, textElement(tags.patientId, "LO", "0815"), ...sealed.elements],
      explicit,
    );
    expect(await comparison(target, sealed)).toMatchObject({ ...unchanged, changed: ["00100020"] });
  });
});

describe("binding", () => {
  it("needs the UID of this payload and the certificate of this manifest", async () => {
    const object = await read(sealed.file);
    const opened = (await openManifest(object, nodeCrypto))!;
    const { signatureUid: uid, certificate } = sealed;
    const other = keySigner().certificate;
    const bind = async (...bindings: { uid: string; certificate: Bytes | undefined }[]): Promise<unknown> => {
      const found = await checkManifest(object, opened, bindings, {
        crypto: nodeCrypto,
        spkiOf: (der) => der,
      });
      return [found.boundBy, found.sameDevice];
    };
    expect(await bind()).toEqual([[], false]);
    expect(await bind({ uid: "2.25.1", certificate })).toEqual([[], false]);
    expect(await bind({ uid: "2.25.1", certificate }, { uid, certificate })).toEqual([[1], true]);
    expect(await bind({ uid, certificate: other })).toEqual([[0], false]);
    expect(await bind({ uid, certificate: undefined })).toEqual([[0], false]);
    expect(await bind({ uid, certificate }, { uid, certificate: other })).toEqual([[0, 1], false]);
  });

  it("finds a signature by another key, and a key that cannot be read", async () => {
    const object = await read(sealed.file);
    const opened = (await openManifest(object, nodeCrypto))!;
    const other = keySigner().certificate;
    const run = (spkiOf: (der: Bytes) => Bytes): Promise<ManifestFacts> =>
      checkManifest(object, opened, [], { crypto: nodeCrypto, spkiOf });
    expect((await run(() => other)).signatures).toEqual(["invalid"]);
    expect((await run(() => new Uint8Array(9))).signatures).toEqual(["key-unusable"]);
    const unreadable = (): Bytes => {
      throw new ScansealError("certificate-invalid", "not a certificate");
    };
    expect((await run(unreadable)).signatures).toEqual(["key-unusable"]);
  });
});

describe("garbage in the containers", () => {
  it("is only ever our error or a fact", async () => {
    const object = await read(sealed.file);
    const contents = (await containersOf(object))!;
    const element = fc.constantFrom(0, 1, 2, 4);
    const value = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc
        .tuple(fc.nat(4), fc.nat(255), fc.constantFrom(contents.envelope!, contents.table!, contents.seed!))
        .map(([n, byte, of]) => {
          const copy = new Uint8Array(4 + of.length + (of.length % 2));
          copy.set(Uint8Array.of(of.length & 255, of.length >> 8));
          copy.set(of, 4);
          copy[(n * 7919) % copy.length] = byte;
          return copy;
        }),
    );
    await fc.assert(
      fc.asyncProperty(element, value, async (n, bytes) => {
        const file = await edited(put({ tag: 0x00711000 + n, vr: "OB", value: bytes }));
        try {
          const found = await check(file, sealed);
          if (found) expect(["fits", "missing", "differs", "unreadable"]).toContain(found.table);
        } catch (error) {
          expect(error).toMatchObject({ name: "ScansealError", code: "seal-structure" });
        }
      }),
      { numRuns: 300 },
    );
  });

  it("cannot spell one document in two ways", () => {
    const text = latin1(sealed.contents.envelope);
    const variantsOf = [
      text.replace('{"dsse"', '{"dsse":{},"dsse"'),
      text.replace('"certificates"', '"extra":1,"certificates"'),
      text.replace("{", "{ "),
      text.replace("in-toto", "in-tot\\u006f"),
      text.replace("vnd.in-toto+json", "vnd.other+json"),
      `${text} `,
      text.replace('"payload":"', '"payload":"eyJ9","payload":"'),
      text.replace('"keyid"', '"__proto__":{},"keyid"'),
    ];
    expect(() => decodeEnvelope(fromLatin1(text))).not.toThrow();
    for (const variant of variantsOf) {
      expect(variant).not.toBe(text);
      expect(() => decodeEnvelope(fromLatin1(variant))).toThrow(
        expect.objectContaining({ code: "seal-structure" }),
      );
    }
  });
});
