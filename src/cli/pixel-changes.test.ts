import { describe, expect, it } from "vitest";
import type {
  ContentEvidence,
  Evidence,
  ManifestEvidence,
  TrustFact,
  WatermarkEvidence,
} from "../zero-trust/evidence/evidence.ts";
import { changedRectangles, objectLines } from "./located-changes.ts";
import { isUnchanged, pixelChangesOf } from "./pixel-changes.ts";

const trusted: TrustFact = { result: "trusted", signer: "CT1", fingerprint: "", hashes: ["SHA-256"] };
const manifest: ManifestEvidence = {
  faults: [],
  trust: trusted,
  type: "capture",
  sealedAt: undefined,
  sealedWithTransferSyntax: undefined,
  timeImplausible: false,
  keyEpoch: undefined,
  counter: undefined,
  payloadDigest: undefined,
};
const content: ContentEvidence = {
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
const watermark: WatermarkEvidence = {
  boundTo: "manifest",
  signer: trusted,
  contentId: "",
  framesChecked: 3,
  framesIntact: 3,
  framesForeign: [],
  framesUnreadable: [],
  changes: [],
};
const sealed: Evidence = { signatures: [], manifest, content };
const changes = (evidence: Evidence, verdict: "altered" | "untrusted" | "unsealed" | "verified") =>
  pixelChangesOf(evidence, { verdict }, 3);
const unchanged = (...given: Parameters<typeof changes>): boolean => isUnchanged(changes(...given));

describe("what is proven about pixels", () => {
  it("by a sound seal of a trusted signer, and by nothing less of one", () => {
    expect(unchanged(sealed, "verified")).toBe(true);
    expect(unchanged(sealed, "untrusted")).toBe(false);
    const stranger = { ...trusted, result: "signer-not-recognised" } as const;
    expect(unchanged({ ...sealed, manifest: { ...manifest, trust: stranger } }, "altered")).toBe(false);
    for (const fault of [
      "envelope-invalid",
      "manifest-signature-invalid",
      "statement-invalid",
      "seed-mismatch",
      "table-mismatch",
      "container-missing",
    ] as const)
      expect(unchanged({ ...sealed, manifest: { ...manifest, faults: [fault] } }, "altered")).toBe(false);
    expect(unchanged({ signatures: [], manifest }, "altered")).toBe(false);
  });

  it.each(["framesChanged", "framesAdded", "framesRemoved", "framesUncheckable"] as const)(
    "%s is not unchanged",
    (what) => {
      expect(unchanged({ ...sealed, content: { ...content, [what]: [1] } }, "altered")).toBe(false);
    },
  );

  it("a mark that cannot be read is no change where the seal proves the samples, and one where it does not", () => {
    const lost = { ...watermark, framesIntact: 2, framesUnreadable: [1] };
    expect(unchanged({ ...sealed, watermark: lost }, "verified")).toBe(true);
    const unlocalised = { ...content, unlocalised: true };
    const { frames } = changes({ ...sealed, content: unlocalised, watermark: lost }, "altered");
    expect(frames.map(({ kind }) => kind)).toEqual(["intact", "changed", "intact"]);
  });

  it("by a trusted signer's marks only where every frame was looked at", () => {
    const marks: WatermarkEvidence = { ...watermark, boundTo: "marks" };
    const of = (more: Partial<WatermarkEvidence>): boolean =>
      unchanged({ signatures: [], watermark: { ...marks, ...more } }, "unsealed");
    expect(of({})).toBe(true);
    expect(of({ signer: undefined })).toBe(false);
    expect(of({ signer: { ...trusted, result: "certificate-revoked" } })).toBe(false);
    expect(of({ framesChecked: 2, framesIntact: 2 })).toBe(false);
    expect(of({ framesChecked: 3, framesIntact: 2 })).toBe(false);
    expect(of({ framesChecked: 3, framesIntact: 2, framesForeign: [2] })).toBe(false);
  });

  it("a frame from elsewhere, and one with more places than are named, are red as a whole", () => {
    const many = { frame: 0, basis: "tile-digests", regions: [], places: 9000 } as const;
    const marks = { ...watermark, framesIntact: 1, framesForeign: [2], changes: [many] };
    const found = changes({ ...sealed, watermark: marks }, "altered");
    const red = found.frames.map((state) => changedRectangles(state, { rows: 4, columns: 6 }).length);
    expect(red).toEqual([1, 0, 1]);
    const shown = { verdict: "altered", notMarkedReason: undefined } as const;
    expect(objectLines(found, { ...shown, index: 0 })).toEqual([
      "altered, frame 1: it was changed after sealing, in more places than are named.",
      "Changed too: frame 3 (--frame).",
    ]);
    expect(objectLines(found, { ...shown, index: 2 })[0]).toContain("comes from elsewhere");
  });

  it("nothing of the file that a terminal would obey is said", () => {
    const lines = objectLines(changes(sealed, "verified"), {
      index: 0,
      verdict: "verified",
      notMarkedReason: "\u001b[2J",
    });
    expect(lines.join("\n")).not.toContain("\u001b");
  });
});
