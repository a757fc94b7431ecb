import { describe, expect, it } from "vitest";
import type { Evidence, SignatureEvidence } from "../evidence/evidence.ts";
import { decide } from "./decide.ts";

const rewritten: SignatureEvidence = {
  location: "",
  uid: "2.25.1",
  result: "transcoded",
  algorithm: "ECDSA P-256, SHA-256",
  trust: { result: "trusted", signer: "another device", fingerprint: "00", hashes: ["SHA-256"] },
  bindsManifest: false,
  uncovered: [],
};

describe("a signature that the image's rewriting made uncheckable", () => {
  it.each(["transcoded", "vr-lost"] as const)(
    "is said to be replaced by the manifest only where it names it: %s",
    (result) => {
      const other: Evidence = { signatures: [{ ...rewritten, result }] };
      expect(decide(other).findings.map(({ code }) => code)).toContain("signature-not-checkable");
      expect(decide(other).findings.map(({ code }) => code)).not.toContain(`signature-${result}`);
      const faultless = {
        faults: [],
        trust: rewritten.trust,
        type: "capture",
        sealedAt: "2026-11-22T00:00:00Z",
        sealedWithTransferSyntax: "1.2.840.10008.1.2.1",
        timeImplausible: false,
        keyEpoch: "1",
        counter: 1,
        payloadDigest: "00",
      } as const;
      const own: Evidence = {
        signatures: [{ ...rewritten, result, bindsManifest: true }],
        manifest: faultless,
      };
      expect(decide(own).findings.map(({ code }) => code)).toContain(`signature-${result}`);
    },
  );
});
