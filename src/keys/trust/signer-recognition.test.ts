import { describe, expect, it } from "vitest";
import { build, goodChain, judgedAt } from "../../../test/keys/forged-chains.ts";
import { refusedFormCases } from "../../../test/keys/refused-form-cases.ts";
import { refusedPathCases } from "../../../test/keys/refused-path-cases.ts";
import { type Bytes, fromHex, toHex } from "../../foundation/bytes.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { derBits, derInteger, derSequence } from "../custody/der-writer.ts";
import { parseCertificate } from "./certificate.ts";
import { DerReader } from "./der.ts";
import { assuranceOf, roles } from "./roles.ts";
import { type RecognitionOptions, SignerRecognition } from "./signer-recognition.ts";
import {
  type AnchorLimits,
  anchorsFromPem,
  anchorsToPem,
  createTrustStore,
  type DeviceRecord,
} from "./trust-store.ts";

const [signer, anchor] = goodChain("P-256", 2).map(build) as [Bytes, Bytes];
const [lowSigner, middle, root] = goodChain("P-384", 3).map(build) as [Bytes, Bytes, Bytes];
const options: RecognitionOptions = { now: judgedAt, role: "capture" };

function storeOf(limits: AnchorLimits = {}, devices: DeviceRecord[] = []): SignerRecognition {
  const store = createTrustStore(
    { anchors: [{ certificate: anchor, label: "own", limits }], devices },
    nodeCrypto,
  );
  return new SignerRecognition(store, nodeCrypto);
}

const record: DeviceRecord = {
  fingerprint: parseCertificate(signer, nodeCrypto).fingerprint,
  name: "Scanner 1",
  aeTitle: "CT1",
  serialNumber: "SN",
  roles: ["capture"],
  keyType: "EC-P256",
  hash: "SHA-256",
  keyEpoch: 2,
};

async function outcome(recognition: SignerRecognition, der: Bytes, given = options): Promise<string> {
  const result = await recognition.recognise(der, given);
  return result.ok ? "ok" : result.reason;
}

describe("a signer", () => {
  it("is what its certificate says, without a record", async () => {
    expect(await storeOf().recognise(signer, options)).toMatchObject({
      ok: true,
      assurance: "in-device",
      keyType: "EC-P256",
      keyBits: 256,
      hashes: ["SHA-256", "SHA-384", "SHA-512"],
      device: { name: "CT 1", isRecorded: false },
      revocation: "not-checked",
    });
  });

  it("is what its record says, with one", async () => {
    expect(await storeOf({}, [record]).recognise(signer, options)).toMatchObject({
      ok: true,
      roles: ["capture"],
      hashes: ["SHA-256"],
      device: { name: "Scanner 1", aeTitle: "CT1", isRecorded: true, keyEpoch: 2 },
    });
    expect(await outcome(storeOf({}, [{ ...record, keyType: "RSA" }]), signer)).toBe("certificate-invalid");
    expect(await outcome(storeOf({}, [{ ...record, roles: ["receipt"] }]), signer)).toBe(
      "certificate-wrong-role",
    );
  });

  it("does not lose its record by a rewritten signature", async () => {
    const { keyFingerprint } = parseCertificate(signer, nodeCrypto);
    const rewritten = withOtherSignature(signer);
    expect(rewritten).not.toEqual(signer);
    const known = storeOf({}, [{ ...record, keyFingerprint }]);
    expect(await known.recognise(rewritten, options)).toMatchObject({
      ok: true,
      device: { isRecorded: true },
    });
    expect(await outcome(storeOf({}, [{ ...record, keyFingerprint, roles: ["receipt"] }]), rewritten)).toBe(
      "certificate-wrong-role",
    );
  });

  it("stays within the limits of its anchor", async () => {
    expect(await outcome(storeOf({ organizations: ["Example Hospital"] }), signer)).toBe("ok");
    expect(await outcome(storeOf({ organizations: ["Another"] }), signer)).toBe("certificate-outside-limits");
    expect(await outcome(storeOf({ roles: ["capture"] }), signer)).toBe("ok");
    expect(await outcome(storeOf({ roles: ["receipt"] }), signer)).toBe("certificate-outside-limits");
    expect(await outcome(storeOf({ aeTitles: ["CT1"] }), signer)).toBe("certificate-outside-limits");
  });

  it("is found through an intermediate from the store or from the object, never through an anchor from the object", async () => {
    const trusted = new SignerRecognition(
      createTrustStore({ anchors: [{ certificate: root, label: "root" }] }, nodeCrypto),
      nodeCrypto,
    );
    expect(await outcome(trusted, lowSigner)).toBe("signer-not-recognised");
    expect(await outcome(trusted, lowSigner, { ...options, intermediates: [Uint8Array.of(1), middle] })).toBe(
      "ok",
    );
    expect(await outcome(storeOf(), lowSigner, { ...options, intermediates: [middle, root] })).toBe(
      "signer-not-recognised",
    );
    const none = new SignerRecognition(createTrustStore({ anchors: [] }, nodeCrypto), nodeCrypto);
    expect(await outcome(none, signer, { ...options, intermediates: [anchor] })).toBe(
      "signer-not-recognised",
    );
  });

  it("is judged anew at each time, whatever was kept", async () => {
    const recognition = storeOf();
    const later = parseCertificate(signer, nodeCrypto).notAfter;
    expect(await outcome(recognition, signer)).toBe("ok");
    expect(await outcome(recognition, signer, { ...options, now: later })).toBe("certificate-expired");
    expect(await outcome(recognition, signer, { ...options, now: later, trustedTime: judgedAt })).toBe("ok");
    expect(await outcome(recognition, signer)).toBe("ok");
  });

  it("is data, not an error, for every bad certificate", async () => {
    for (const { title, change } of [...refusedPathCases, ...refusedFormCases]) {
      const chain = goodChain("P-256", 2);
      change(chain);
      const result = await storeOf().recognise(build(chain[0]!), options);
      if (!result.ok) expect(result.detail.length, title).toBeGreaterThan(0);
    }
    expect(await outcome(storeOf(), new Uint8Array(20_000))).toBe("certificate-invalid");
  });
});

describe("a trust store", () => {
  it("exports its anchors as PEM and reads them back", () => {
    const store = createTrustStore(
      {
        anchors: [anchor, root].map((certificate) => ({
          certificate,
          label: "a\n-----BEGIN CERTIFICATE-----",
        })),
      },
      nodeCrypto,
    );
    const text = anchorsToPem(store);
    expect(anchorsFromPem(text, nodeCrypto).map((one) => one.fingerprint)).toEqual(
      store.anchors.map((one) => one.certificate.fingerprint),
    );
    expect(() => anchorsFromPem("nothing", nodeCrypto)).toThrow("no certificate");
  });

  it("takes no certificate as anchor that is no authority", () => {
    const content = { anchors: [{ certificate: signer, label: "x" }] };
    expect(() => createTrustStore(content, nodeCrypto)).toThrow("cannot be an anchor: it is no authority");
  });

  it("has another version when anything in it changes", () => {
    const versions = [
      storeOf(),
      storeOf({ roles: ["capture"] }),
      storeOf({}, [record]),
      storeOf({ organizations: ["capture"] }),
    ];
    expect(new Set(versions.map(({ store }) => store.version)).size).toBe(4);
    expect(storeOf().store.version).toBe(versions[0]!.store.version);
    expect(() => storeOf({}, [record, record])).toThrow("recorded twice");
  });
});

it("roles that capture nothing give no assurance", () => {
  expect(roles.map(assuranceOf)).toEqual([
    "in-device",
    "beside-device",
    "on-receipt",
    undefined,
    undefined,
    undefined,
  ]);
});

/** (r, s) of the P-256 issuer becomes (r, n - s): as valid as before. */
function withOtherSignature(der: Bytes): Bytes {
  const outer = new DerReader(der).enter("certificate");
  const [tbs, algorithm] = [outer.read("tbs").whole, outer.read("algorithm").whole];
  const pair = new DerReader(outer.read("signature").content.subarray(1)).enter("pair");
  const r = pair.read("r").whole;
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = order - BigInt(`0x${toHex(pair.read("s").content)}`);
  const octets = fromHex(s.toString(16).padStart(64, "0"));
  return derSequence(tbs, algorithm, derBits(derSequence(r, derInteger(octets))));
}
