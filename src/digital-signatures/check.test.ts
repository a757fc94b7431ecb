import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readDicom, tolerableCodes } from "../dicom/read.ts";
import { type ByteSource, MemorySource } from "../foundation/byte-source.ts";
import { type Bytes, fromBase64 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { checkSignatures } from "./check.ts";
import { mustBeSigned } from "./required-attributes.ts";
import { feedPlans } from "./shared-pass.ts";
import { formatSignatureDateTime, parseSignatureDateTime } from "./signature-date-time.ts";
import { readSignerCertificate, signatureWithoutPadding } from "./signer-certificate.ts";

interface Vectors {
  readonly vectors: readonly { readonly name: string; readonly file: string }[];
}
const stored = JSON.parse(
  readFileSync(new URL("../../test/vectors/digital-signatures/vectors.json", import.meta.url), "utf8"),
) as Vectors;
const vector = (name: string): Bytes => fromBase64(stored.vectors.find((each) => each.name === name)!.file);

describe("hostile signatures", () => {
  it("whatever bytes change, there are facts or the reader's error, and nothing else", async () => {
    const base = vector("two signatures");
    const start = base.length - 2600;
    const change = fc.record({ at: fc.integer({ min: start, max: base.length - 1 }), to: fc.nat(255) });
    let unread = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = base.slice();
        for (const { at, to } of changes) bytes[at] = to;
        try {
          const object = await readDicom(new MemorySource(bytes), { tolerate: tolerableCodes });
          const facts = await checkSignatures(object, { crypto: nodeCrypto });
          expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
        } catch (error) {
          expect(error).toBeInstanceOf(ScansealError);
          unread++;
        }
      }),
      { numRuns: 1500 },
    );
    expect(unread).toBeLessThan(1500);
  });

  it("certificates and signatures: garbage is undefined", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(readSignerCertificate(bytes)).toBeUndefined();
      }),
    );
    const certificate = { der: new Uint8Array(0), text: "", publicKey: new Uint8Array(0) };
    const p256 = { ...certificate, keyAlgorithm: "EC-P256", keyBits: 256 } as const;
    const rsa = { ...certificate, keyAlgorithm: "RSA", keyBits: 24 } as const;
    const cut = (key: typeof p256 | typeof rsa, ...bytes: readonly number[]): number | undefined =>
      signatureWithoutPadding(Uint8Array.from(bytes), key)?.length;
    expect(cut(p256, 0x30, 1, 9)).toBe(3);
    expect(cut(p256, 0x30, 1, 9, 0)).toBe(3);
    expect(cut(p256, 0x30, 1, 9, 7)).toBeUndefined();
    expect(cut(p256, 0x30, 1, 9, 0, 0)).toBeUndefined();
    expect(cut(p256, 0x30, 0x80, 0, 0)).toBeUndefined();
    expect(cut(p256, 0x30, 0x81, 1, 9)).toBeUndefined();
    expect(cut(rsa, 1, 2, 3, 0)).toBe(3);
    expect(cut(rsa, 1, 2)).toBeUndefined();
  });

  it("more signatures than are checked is said, not computed", async () => {
    const object = await readDicom(new MemorySource(vector("explicit VR, P-256")));
    const sequence = object.elements.at(-1)!;
    const items = Array.from({ length: 70 }, () => sequence.items![0]!);
    const many = { ...object, elements: [...object.elements.slice(0, -1), { ...sequence, items }] };
    const facts = await checkSignatures(many, { crypto: nodeCrypto });
    expect(facts).toHaveLength(65);
    expect(facts.at(-1)).toMatchObject({ result: "malformed", problems: [{ code: "too-many-signatures" }] });
  });

  it("a hash this platform does not have is a fact", async () => {
    const object = await readDicom(new MemorySource(vector("explicit VR, P-256")));
    const poor = {
      ...nodeCrypto,
      createSignatureCheck: (): never => {
        throw new ScansealError("key-unusable", "not here");
      },
    };
    expect(await checkSignatures(object, { crypto: poor })).toMatchObject([
      { result: "weak", computed: "unchecked" },
    ]);
  });

  it("what cannot be read is an error, not a finding", async () => {
    const bytes = vector("explicit VR, P-256");
    const object = await readDicom(new MemorySource(bytes));
    const pixels = object.elements.find(({ tag }) => tag === 0x7fe00010)!;
    const { value: _, ...reference } = pixels;
    const elements = object.elements.map((element) => (element === pixels ? reference : element));
    const broken: ByteSource = {
      size: bytes.length,
      read: () => Promise.reject(new ScansealError("io", "gone")),
    };
    const check = checkSignatures({ ...object, elements, dataSource: broken }, { crypto: nodeCrypto });
    await expect(check).rejects.toMatchObject({ code: "io" });
  });
});

describe("one pass for several plans", () => {
  it("reads a range that plans share once, and gives each its bytes in order", async () => {
    const source = new MemorySource(Uint8Array.from({ length: 100 }, (_, i) => i));
    const reads: number[] = [];
    const counted: ByteSource = {
      size: 100,
      read: (offset, length) => {
        reads.push(offset);
        return source.read(offset, length);
      },
    };
    const got: number[][] = [[], [], []];
    const range = (offset: number, length: number, swap: 1 | 2 = 1) => ({ offset, length, swap }) as const;
    const plans = [
      [Uint8Array.of(201), range(10, 4), Uint8Array.of(202), range(50, 2)],
      [range(10, 4), range(50, 2, 2)],
      [range(30, 2), Uint8Array.of(203)],
    ];
    await feedPlans(
      plans.map((plan, n) => ({ plan, sink: (bytes: Bytes) => void got[n]!.push(...bytes) })),
      counted,
    );
    expect(got).toEqual([
      [201, 10, 11, 12, 13, 202, 50, 51],
      [10, 11, 12, 13, 51, 50],
      [30, 31, 203],
    ]);
    expect(reads).toEqual([10, 30, 50, 50]);
  });
});

describe("signing time", () => {
  it("comes back from its text", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(2999, 0) }), (ms) => {
        expect(parseSignatureDateTime(formatSignatureDateTime(ms))).toBe(ms);
      }),
    );
  });

  it.each([
    ["20240229120000.000000+0000", Date.UTC(2024, 1, 29, 12)],
    ["20240229120000-0500", Date.UTC(2024, 1, 29, 17)],
    ["20240229120000.5+0130", Date.UTC(2024, 1, 29, 10, 30, 0, 500)],
    ["20240229120000", undefined],
    ["20230229120000+0000", undefined],
    ["20240229250000+0000", undefined],
    ["now", undefined],
  ])("%s", (text, expected) => {
    expect(parseSignatureDateTime(text)).toBe(expected);
  });
});

describe("required attributes", () => {
  it.each([
    0x00100010, 0x00200032, 0x00280010, 0x60003000, 0x7fe00010, 0x00281052, 0x52009230, 0x00080060,
    0x0040a730,
  ])("%i is required", (tag) => {
    expect(mustBeSigned(tag)).toBe(true);
  });

  it.each([0x00080054, 0x00201208, 0x00091001, 0x00280000])("%i is not", (tag) => {
    expect(mustBeSigned(tag)).toBe(false);
  });
});
