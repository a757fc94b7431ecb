import { expect, it } from "vitest";
import type { Evidence, TrustFact, WatermarkEvidence } from "../evidence/evidence.ts";
import { claimedDevices } from "./claimed-devices.ts";

const trusted = (signer: string): TrustFact => ({ result: "trusted", signer, fingerprint: "00", hashes: [] });
const marks = (signer: TrustFact | undefined): WatermarkEvidence => ({
  boundTo: "marks",
  signer,
  contentId: "ab",
  framesChecked: 1,
  framesIntact: 1,
  framesForeign: [],
  framesUnreadable: [],
  changes: [],
});

it("an object that says to be of one device and carries another's marks meets the policies of both", () => {
  const evidence: Evidence = { signatures: [], sealExpectedFrom: "CT 1", watermark: marks(trusted("MR 2")) };
  expect([...claimedDevices(evidence)]).toEqual(["CT 1", "MR 2"]);
});

it("marks of somebody who is not trusted name nobody", () => {
  const expired: TrustFact = { ...trusted("MR 2"), result: "certificate-expired" };
  expect(claimedDevices({ signatures: [], watermark: marks(expired) }).size).toBe(0);
  expect(claimedDevices({ signatures: [], watermark: marks(undefined) }).size).toBe(0);
});
