/** Parts of true seals put together anew, and what anybody can add to a seal without breaking it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findElement } from "../../src/dicom/elements.ts";
import { type NewElement, textElement } from "../../src/dicom/encode.ts";
import type { DataElement } from "../../src/dicom/model.ts";
import { type Tag, tags } from "../../src/dicom/tags.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { sealPayload } from "../../src/provenance/manifest/envelope.ts";
import { edited, newAuthority, newDevice, newSite, parse, type Site } from "../evaluation/fixture.ts";
import {
  elementBytes,
  lesionWords,
  put,
  rawOf,
  slice,
  verdictOf,
  withEnvelope,
  withoutSignature,
  withRaw,
} from "./objects.ts";

const container = (low: number): Tag => 0x00711000 + low;
const parts = {
  envelope: [container(0)],
  seed: [container(2)],
  table: [container(4)],
  manifest: [container(0), container(2), container(4)],
  signature: [tags.macParametersSequence, tags.digitalSignaturesSequence],
  seal: [
    container(0),
    container(2),
    container(4),
    tags.macParametersSequence,
    tags.digitalSignaturesSequence,
  ],
} as const;

const other = slice(
  [textElement(0x00080018, "UI", "1.2.826.0.1.3680043.9999.12")],
  lesionWords.map((v) => v ^ 1),
);

describe("seals put together anew", () => {
  let site: Site;
  let a: Bytes;
  let b: Bytes;
  beforeAll(async () => {
    site = newSite();
    [a, b] = [await site.seal(slice()), await site.seal(other)];
  });
  afterAll(() => site.close());

  it.each<[keyof typeof parts, RegExp]>([
    ["envelope", /^altered: seed-mismatch; table-mismatch/],
    ["seed", /^altered: seed-mismatch/],
    ["table", /^altered: table-mismatch/],
    ["manifest", /^altered: attribute-changed \(0008,0018\); pixels-changed.*signature-not-bound/],
    ["signature", /^altered: signature-altered.*signature-not-bound/],
    ["seal", /^altered: attribute-changed \(0008,0018\); pixels-changed/],
  ])("the %s of another object of the same device", async (part, expected) => {
    const raw = new Map<Tag, Bytes>();
    for (const tag of parts[part]) raw.set(tag, await rawOf(a, tag));
    expect(await verdictOf(site, await withRaw(b, raw))).toMatch(expected);
  });

  it.each<[string, readonly Tag[], RegExp]>([
    ["table", [container(4)], /^verified: $/],
    ["seed", [container(2)], /^altered: container-missing/],
    ["seed and table", [container(2), container(4)], /^altered: container-missing/],
    ["envelope", [container(0)], /^unsealed: seal-missing/],
  ])("the %s gone", async (_, removed, expected) => {
    const forged = await edited(
      a,
      removed.map((tag) => ({ kind: "remove", path: [tag] })),
    );
    expect(await verdictOf(site, forged)).toMatch(expected);
  });

  it("the table gone beside a changed window", async () => {
    const forged = await edited(a, [
      { kind: "remove", path: [container(4)] },
      put(textElement(0x00281050, "DS", "4000")),
    ]);
    expect(await verdictOf(site, forged)).toMatch(/^altered: container-missing/);
  });

  it("the signatures of both objects on one", async () => {
    const itemsOf = async (bytes: Bytes, tag: Tag): Promise<Bytes[]> => {
      const { items = [] } = findElement((await parse(bytes)).elements, tag) as DataElement;
      return items.map(({ offset, end }) => bytes.subarray(offset, end));
    };
    const raw = new Map<Tag, Bytes>();
    for (const tag of parts.signature) {
      const content = concatBytes([...(await itemsOf(a, tag)), ...(await itemsOf(b, tag))]);
      const header = elementBytes({ tag, vr: "SQ", items: [] }).slice();
      new DataView(header.buffer).setUint32(8, content.length, true);
      raw.set(tag, concatBytes([header, content]));
    }
    expect(await verdictOf(site, await withRaw(a, raw))).toMatch(/^altered: signature-malformed/);
  });

  it("a true seal inside an item of a changed object proves nothing", async () => {
    const changed = slice([textElement(0x00200060, "CS", "R")]);
    const object = await parse(a);
    const inner: NewElement[] = [0x00710010, ...parts.manifest].map((tag) => {
      const { vr, valueOffset, length } = findElement(object.elements, tag)!;
      return { tag, vr, value: a.subarray(valueOffset, valueOffset + length) };
    });
    const forged = await edited(changed, [put({ tag: 0x00081140, vr: "SQ", items: [inner] })]);
    expect(await verdictOf(site, forged)).toMatch(/^unsealed: seal-missing/);
  });

  it("a second block with our creator", async () => {
    const forged = await edited(a, [put(textElement(0x00710030, "LO", "SCANSEAL 1.0"))]);
    expect(await verdictOf(site, forged)).toBe("malformed: seal-structure (0071,0030)");
  });

  it("a second signer in the envelope, whose signature fits", async () => {
    const stranger = newDevice(newAuthority("Test Hospital")).sealing.signer;
    const added = await withEnvelope(a, (envelope) => envelope);
    expect(await verdictOf(site, added)).toBe("verified: ");
    for (const signs of [true, false]) {
      const { payload } = await envelopeOf(a);
      const own = await sealPayload(nodeCrypto, stranger, payload);
      const forged = await withEnvelope(a, ({ signatures, certificates }) => ({
        payload,
        signatures: signs ? [...signatures, ...own.signatures] : signatures,
        certificates: [...certificates, ...own.certificates],
      }));
      expect(await verdictOf(site, forged)).toMatch(/^untrusted: foreign-signature/);
    }
  });

  it("the stranger first, the device second", async () => {
    const stranger = newDevice(newAuthority()).sealing.signer;
    const own = await sealPayload(nodeCrypto, stranger, (await envelopeOf(a)).payload);
    const forged = await withEnvelope(a, ({ payload, signatures, certificates }) => ({
      payload,
      signatures: [...own.signatures, ...signatures],
      certificates: [...own.certificates, ...certificates],
    }));
    expect(await verdictOf(site, forged)).toMatch(/^altered: .*statement-invalid/);
  });

  it("an ECDSA signature rewritten as (r, n - s) gives no new seal", async () => {
    const forged = await withEnvelope(a, (envelope) => ({
      ...envelope,
      signatures: envelope.signatures.map((one) => ({ ...one, signature: otherHalf(one.signature) })),
    }));
    expect(forged).not.toEqual(a);
    expect(await verdictOf(site, forged)).toBe("verified: ");
    const [before, after] = [await site.judge(a), await site.judge(forged)];
    expect(after.evidence.manifest?.payloadDigest).toBe(before.evidence.manifest?.payloadDigest);
  });

  it.each<[string, (signature: Bytes) => Bytes]>([
    ["a byte after it", (signature) => concatBytes([signature, Uint8Array.of(0)])],
    ["a length in two bytes", (s) => concatBytes([Uint8Array.of(0x30, 0x81), s.subarray(1)])],
    ["nothing in it", () => Uint8Array.of(0x30, 0)],
    ["r and s of zero", () => Uint8Array.of(0x30, 6, 2, 1, 0, 2, 1, 0)],
  ])("a manifest signature with %s", async (_, change) => {
    const forged = await withEnvelope(a, (envelope) => ({
      ...envelope,
      signatures: envelope.signatures.map((one) => ({ ...one, signature: change(one.signature) })),
    }));
    expect(await verdictOf(site, forged)).toMatch(/^altered: manifest-signature-invalid/);
  });

  it("an authority of the same name", async () => {
    const double = new (site.constructor as typeof Site)(newAuthority("Test Hospital"), [
      newDevice(newAuthority("Test Hospital")),
    ]);
    const forged = await double.seal(slice([textElement(0x00200060, "CS", "R")]));
    expect(await verdictOf(site, forged)).toMatch(/^untrusted: (signer-not-recognised|certificate-invalid)/);
    await double.close();
  });

  it("the signature gone is told, and the content still proven", async () => {
    expect(await verdictOf(site, await edited(a, withoutSignature))).toBe(
      "verified: signature-missing (FFFA,FFFA)",
    );
    const forged = await edited(a, [...withoutSignature, put(textElement(0x00200060, "CS", "R"))]);
    expect(await verdictOf(site, forged)).toMatch(/^altered: attribute-changed \(0020,0060\)/);
  });
});

async function envelopeOf(sealed: Bytes): Promise<{ readonly payload: Bytes }> {
  let found: Bytes | undefined;
  await withEnvelope(sealed, (envelope) => {
    found = envelope.payload;
    return envelope;
  });
  return { payload: found! };
}

/** Order of P-256 (SEC 2, 2.4.2). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** DER `ECDSA-Sig-Value` with n - s for s. */
function otherHalf(signature: Bytes): Bytes {
  const rEnd = 4 + signature[3]!;
  const s = [...signature.subarray(rEnd + 2)].reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const hex = (order - s).toString(16);
  const padded = hex.length % 2 === 0 ? hex : `0${hex}`;
  const digits = /^[89a-f]/.test(padded) ? `00${padded}` : padded;
  const value = Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16));
  const body = concatBytes([signature.subarray(2, rEnd), Uint8Array.of(2, value.length), value]);
  return concatBytes([Uint8Array.of(0x30, body.length), body]);
}
