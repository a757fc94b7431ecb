import { describe, expect, it } from "vitest";
import type {
  ContentEvidence,
  Evidence,
  ManifestEvidence,
  TrustFact,
  WatermarkEvidence,
} from "../evidence/evidence.ts";
import { decide } from "./decide.ts";
import type { Decision } from "./verdict.ts";

const trusted: TrustFact = { result: "trusted", signer: "CT 1", fingerprint: "00", hashes: ["SHA-256"] };
const manifest: ManifestEvidence = {
  faults: [],
  trust: trusted,
  type: "capture",
  sealedAt: "2026-11-22T00:00:00Z",
  sealedWithTransferSyntax: "1.2.840.10008.1.2.1",
  timeImplausible: false,
  keyEpoch: "1",
  counter: 1,
  payloadDigest: "00",
};
const same: ContentEvidence = {
  route: "commitments",
  attributes: [],
  framesChanged: [],
  framesAdded: [],
  framesRemoved: [],
  framesUncheckable: [],
  lossyNow: false,
  transcodedLosslessly: false,
  unlocalised: false,
};
const intact: WatermarkEvidence = {
  boundTo: "manifest",
  signer: trusted,
  contentId: "ab",
  framesChecked: 3,
  framesIntact: 3,
  framesForeign: [],
  framesUnreadable: [],
  changes: [],
};
const tile = { x0: 16, y0: 32, x1: 32, y1: 48 };
const changes = [{ frame: 1, basis: "tile-digests", regions: [tile], places: 1 }] as const;
const bound = {
  location: "",
  uid: "2.25.1",
  result: "valid",
  algorithm: "",
  trust: trusted,
  bindsManifest: true,
  uncovered: [],
} as const;

const judged = (evidence: Partial<Evidence>): Decision => decide({ signatures: [bound], ...evidence });
const told = ({ verdict, findings }: Decision): string =>
  [verdict, ...findings.map(({ code, layer, severity }) => `${code} ${layer} ${severity}`)].join("; ");

describe("with a manifest", () => {
  it("marks that are intact are told, and make nothing better", () => {
    expect(told(judged({ manifest, content: same, watermark: intact }))).toBe(
      "verified; watermark-intact watermark info",
    );
    const content = { ...same, framesChanged: [0] };
    expect(judged({ manifest, content, watermark: intact }).verdict).toBe("altered");
    expect(judged({ manifest, watermark: intact }).verdict).toBe("altered");
    const unknown = { ...manifest, trust: { ...trusted, result: "signer-not-recognised" } as const };
    expect(judged({ manifest: unknown, content: same, watermark: intact }).verdict).toBe("untrusted");
  });

  it("places go into the finding that names the frame", () => {
    const content = { ...same, framesChanged: [1, 2] };
    const decision = judged({ manifest, content, watermark: { ...intact, framesIntact: 1, changes } });
    expect(told(decision)).toBe("altered; pixels-changed manifest error");
    expect(decision.findings[0]).toMatchObject({
      location: { frames: [1, 2], regions: [{ frame: 1, ...tile }] },
      detail: "2 frames: not what was sealed; 1 tile",
    });
  });

  it("places of frames that could not be compared have one of their own", () => {
    const watermark = { ...intact, framesIntact: 2, changes };
    expect(told(judged({ manifest, content: { ...same, unlocalised: true }, watermark }))).toBe(
      "altered; content-changed manifest error; pixels-changed watermark error",
    );
  });

  it("frames from elsewhere alter, whatever the commitments say", () => {
    const watermark = { ...intact, framesIntact: 2, framesForeign: [2] };
    expect(told(judged({ manifest, content: same, watermark }))).toBe(
      "altered; watermark-foreign watermark error",
    );
  });

  it("a mark that cannot be read is a warning where the frame is in doubt, else no more than a note", () => {
    const watermark = { ...intact, framesIntact: 2, framesUnreadable: [2] };
    expect(told(judged({ manifest, content: same, watermark }))).toBe(
      "verified; watermark-unreadable watermark info",
    );
    const content = { ...same, framesChanged: [2] };
    expect(told(judged({ manifest, content, watermark }))).toBe(
      "altered; pixels-changed manifest error; watermark-unreadable watermark warning",
    );
  });
});

describe("without a manifest", () => {
  const alone = { ...intact, boundTo: "marks" } as const;
  const unsigned = { signatures: [] };

  it.each<[string, Partial<WatermarkEvidence>, string]>([
    ["intact", {}, "unsealed; seal-stripped watermark error; seal-missing seal warning"],
    [
      "changed",
      { changes },
      "altered; pixels-changed watermark error; seal-stripped watermark error; seal-missing seal warning",
    ],
    [
      "foreign",
      { framesForeign: [1] },
      "altered; watermark-foreign watermark error; seal-stripped watermark error; seal-missing seal warning",
    ],
    ["of nobody known", { signer: undefined, changes }, "unsealed; seal-missing seal warning"],
    [
      "of one who is not trusted",
      { signer: { ...trusted, result: "certificate-revoked" }, changes, framesForeign: [1] },
      "unsealed; seal-missing seal warning",
    ],
  ])("marks that are %s", (_, change, expected) => {
    expect(told(judged({ ...unsigned, watermark: { ...alone, ...change } }))).toBe(expected);
  });

  it("it is held where seals are demanded, and passes with a notice where they are not", () => {
    const evidence = { ...unsigned, watermark: alone };
    expect(decide(evidence, { mode: "enforce" }).disposition).toBe("held");
    expect(decide(evidence, { mode: "warn" }).disposition).toBe("delivered-with-notice");
    expect(decide({ ...evidence, watermark: { ...alone, changes } }, { mode: "observe" }).disposition).toBe(
      "held",
    );
  });

  it("a device's name cannot write on the terminal", () => {
    const signer = { ...trusted, signer: "CT\u001b[31m\u202e" };
    const { findings } = judged({ ...unsigned, watermark: { ...alone, signer } });
    expect(findings[0]?.message).toBe("This image was sealed by CT?[31m?, and its seal was removed.");
  });

  it("a report has at most 200 places", () => {
    const many = Array.from({ length: 300 }, (_, frame) => ({ ...changes[0], frame }));
    const { findings } = judged({ ...unsigned, watermark: { ...alone, changes: many } });
    expect(findings[0]?.location.regions).toHaveLength(200);
    expect(findings[0]?.detail).toContain("300 tiles");
  });
});
