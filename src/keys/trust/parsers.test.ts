/** Hostile bytes: nothing but our error, and nothing changed is read as the same. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { build, goodChain } from "../../../test/keys/forged-chains.ts";
import { type Bytes, concatBytes, fromHex, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { readRequest } from "../custody/certificate-request.ts";
import { derOid, derSequence, derTime, derUtf8 } from "../custody/der-writer.ts";
import { generateKey, spkiOf } from "../custody/private-key.ts";
import { buildCrl, buildName, buildRequest } from "../custody/structure-builder.ts";
import { certificateBytesMax, parseCertificate } from "./certificate.ts";
import { DerReader, namedBitsOf, oidOf, timeOf } from "./der.ts";
import { nameText, readName } from "./distinguished-name.ts";
import { decodePem, encodePem } from "./pem.ts";
import { parseCrl } from "./revocation.ts";
import { keyPurposeOf, roles } from "./roles.ts";

const key = generateKey("EC-P256");
const certificate = build(goodChain("P-256", 2)[0]!);
const crl = buildCrl(
  {
    issuer: buildName([{ oid: "2.5.4.3", value: "x" }]),
    authorityKeyIdentifier: new Uint8Array(20),
    number: 3,
    thisUpdate: 0,
    nextUpdate: 1e12,
    keepsExpiredSince: 0,
    revoked: new Map([
      ["17", { revokedAt: 5000, invalidSince: 4000, reason: "keyCompromise" }],
      ["85", { revokedAt: 6000, invalidSince: undefined, reason: "unspecified" }],
    ]),
  },
  key,
);

function codeOf(body: () => unknown): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    if (error instanceof ScansealError) return error.code;
    throw error;
  }
}

/** A few octets overwritten, cut out or put in. */
function mutations(original: Bytes): fc.Arbitrary<Bytes> {
  const change = fc.record({
    at: fc.nat(original.length),
    removed: fc.nat(3),
    added: fc.uint8Array({ maxLength: 3 }),
  });
  return fc
    .array(change, { minLength: 1, maxLength: 4 })
    .map((changes) =>
      changes.reduce<Bytes>(
        (bytes, { at, removed, added }) =>
          concatBytes([bytes.subarray(0, at), added, bytes.subarray(at + removed)]),
        original,
      ),
    );
}

describe("parsers of hostile bytes", () => {
  it("read garbage as nothing but certificate-invalid", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(codeOf(() => parseCertificate(bytes, nodeCrypto))).toBe("certificate-invalid");
        expect(codeOf(() => parseCrl(bytes, nodeCrypto))).toBe("certificate-invalid");
      }),
      { numRuns: 2000 },
    );
  });

  it("read changed certificates and CRLs, or say certificate-invalid", () => {
    fc.assert(
      fc.property(mutations(certificate), mutations(crl), (one, other) => {
        expect([undefined, "certificate-invalid"]).toContain(codeOf(() => parseCertificate(one, nodeCrypto)));
        expect([undefined, "certificate-invalid"]).toContain(codeOf(() => parseCrl(other, nodeCrypto)));
      }),
      { numRuns: 5000 },
    );
  });

  it("read a changed request as another one or not at all", async () => {
    const request = buildRequest(buildName([{ oid: "2.5.4.3", value: "x" }]), spkiOf(key), key);
    await readRequest(request, nodeCrypto);
    await fc.assert(
      fc.asyncProperty(mutations(request), async (bytes) => {
        const wasChanged = bytes.length !== request.length || bytes.some((byte, i) => byte !== request[i]);
        const code = await readRequest(bytes, nodeCrypto).then(
          () => "read",
          (error: unknown) => (error instanceof ScansealError ? error.code : "another error"),
        );
        expect(["certificate-invalid", "key-unusable", ...(wasChanged ? [] : ["read"])]).toContain(code);
      }),
      { numRuns: 1000 },
    );
  });

  it("refuse every cut-off and every extended certificate", () => {
    for (let length = 0; length < certificate.length; length++) {
      expect(codeOf(() => parseCertificate(certificate.subarray(0, length), nodeCrypto))).toBe(
        "certificate-invalid",
      );
    }
    expect(codeOf(() => parseCertificate(concatBytes([certificate, utf8("x")]), nodeCrypto))).toBe(
      "certificate-invalid",
    );
  });

  it("refuse an oversized certificate before reading it", () => {
    const big = concatBytes([certificate, new Uint8Array(certificateBytesMax)]);
    expect(() => parseCertificate(big, nodeCrypto)).toThrow("larger than 16384 bytes");
  });
});

describe("DER", () => {
  const read = (hex: string): ReturnType<DerReader["read"]> => new DerReader(fromHex(hex)).read("it");

  it("takes the shortest definite length only", () => {
    for (const hex of [
      "3080",
      "308100",
      "30820001",
      "3084000000",
      "3001",
      "1f0100",
      "30",
      "",
      "3085000000000100",
    ]) {
      expect(
        codeOf(() => read(hex)),
        hex,
      ).toBe("certificate-invalid");
    }
    expect(read(`308180${"00".repeat(128)}`).content.length).toBe(128);
  });

  it("reads object identifiers with arcs of any size, and writes them", () => {
    for (const oid of [
      ...roles.map(keyPurposeOf),
      "2.5.29.37.0",
      "1.2.840.10045.4.3.2",
      "2.999.3",
      "0.9.2342",
      "2.25.0",
    ]) {
      expect(oidOf(new DerReader(derOid(oid)).read("it"))).toBe(oid);
    }
    // X.690 8.19.5
    expect(oidOf(read("0603883703"))).toBe("2.999.3");
    for (const hex of ["0600", "06022a80", "06032a8001", `0641${"01".repeat(65)}`]) {
      expect(
        codeOf(() => oidOf(read(hex))),
        hex,
      ).toBe("certificate-invalid");
    }
  });

  it("reads named bits without trailing zeros only", () => {
    expect(namedBitsOf(read("03020780"))).toEqual([0]);
    expect(namedBitsOf(read("03020106"))).toEqual([5, 6]);
    expect(namedBitsOf(read("0303070080"))).toEqual([8]);
    for (const hex of ["0300", "030100", "03020000", "03020680", "03020781", "03020880", "030400000001"]) {
      expect(
        codeOf(() => namedBitsOf(read(hex))),
        hex,
      ).toBe("certificate-invalid");
    }
  });

  it("reads the times it writes", () => {
    fc.assert(
      fc.property(fc.integer({ min: -631152000, max: 253402300799 }), (seconds) => {
        expect(timeOf(new DerReader(derTime(seconds * 1000)).read("it"))).toBe(seconds * 1000);
      }),
    );
  });

  it("shows names without letting them redraw anything", () => {
    const attributes = [{ oid: "2.5.4.3", value: "CT\u001b[2J,\u202e1" }];
    const name = readName(new DerReader(buildName(attributes)), "it");
    expect(nameText(name)).toBe("CN=CT\\u{1b}[2J\\,\\u{202e}1");
    expect(codeOf(() => readName(new DerReader(derSequence(derUtf8("x"))), "it"))).toBe(
      "certificate-invalid",
    );
  });
});

describe("PEM", () => {
  it("gives back what it was made from, in order, past other text", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (blocks) => {
        const text = blocks.map(
          (bytes) => `# a comment\r\n${encodePem("CERTIFICATE", bytes)}${encodePem("X509 CRL", bytes)}`,
        );
        expect(decodePem("CERTIFICATE", text.join("")).map((bytes) => [...bytes])).toEqual(
          blocks.map((bytes) => [...bytes]),
        );
      }),
    );
  });

  it("refuses unfinished and foreign content", () => {
    expect(codeOf(() => decodePem("CERTIFICATE", "-----BEGIN CERTIFICATE-----\nAAAA"))).toBe("usage");
    expect(
      codeOf(() => decodePem("CERTIFICATE", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----")),
    ).toBe("usage");
  });
});
