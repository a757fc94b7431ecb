import fc from "fast-check";
import { expect, it } from "vitest";
import type { Evidence } from "../evidence/evidence.ts";
import { Admitted, admit, readmit } from "./admitted.ts";
import { decide, decideIncomplete, type Mode, strictestMode } from "./decide.ts";

const modes: readonly Mode[] = ["observe", "warn", "enforce"];
const plain: Evidence = { signatures: [] };
const intact: Evidence = {
  signatures: [],
  manifest: {
    faults: [],
    trust: { result: "trusted", signer: "CT 1", fingerprint: "00", hashes: [] },
    type: "capture",
    sealedAt: undefined,
    sealedWithTransferSyntax: undefined,
    timeImplausible: false,
    keyEpoch: "1",
    counter: 1,
    payloadDigest: "00",
  },
  content: {
    route: "commitments",
    attributes: [],
    framesChanged: [],
    framesAdded: [],
    framesRemoved: [],
    framesUncheckable: [],
    lossyNow: false,
    transcodedLosslessly: false,
    unlocalised: false,
  },
};

it("an object that is labelled as another is malformed, and held in every mode", () => {
  for (const mode of modes) {
    const evidence = { ...plain, arrival: { uidDiffers: true, conflict: false } };
    const decision = decide(evidence, { mode });
    expect(decision.verdict).toBe("malformed");
    expect(decision.disposition).toBe("held");
    expect(decision.findings.map(({ code }) => code)).toContain("uid-mismatch");
    expect(admit("object", decision)).toBeUndefined();
  }
});

it("a conflict holds in every mode and says nothing of the image", () => {
  for (const mode of modes) {
    for (const evidence of [plain, intact]) {
      const alone = decide(evidence, { mode });
      const decision = decide({ ...evidence, arrival: { uidDiffers: false, conflict: true } }, { mode });
      expect(decision.verdict).toBe(alone.verdict);
      expect(decision.disposition).toBe("held");
      expect(decision.findings.at(-1)?.code).toBe("instance-conflict");
      expect(admit("object", decision)).toBeUndefined();
    }
  }
});

it("a check that could not be completed holds, without a verdict", () => {
  const decision = decideIncomplete("the worker died");
  expect(decision.disposition).toBe("held");
  expect(decision.findings).toMatchObject([{ code: "check-incomplete", detail: "the worker died" }]);
  expect(readmit("object", { ...decision, basis: "observed" })).toBeUndefined();
});

it("the strictest mode applies, and without any, enforce", () => {
  expect(strictestMode(["observe", "warn"])).toBe("warn");
  expect(strictestMode(["enforce", "observe"])).toBe("enforce");
  expect(strictestMode(["observe"])).toBe("observe");
  expect(strictestMode([])).toBe("enforce");
});

const decided = fc.record({
  evidence: fc.constantFrom<Evidence>(
    plain,
    intact,
    { ...plain, arrival: { uidDiffers: true, conflict: false } },
    { ...intact, arrival: { uidDiffers: false, conflict: true } },
    { signatures: [], unreadable: { code: "truncated", message: "" } },
  ),
  mode: fc.constantFrom(...modes),
});

it("what is admitted is admitted again from its record, and nothing else", () => {
  fc.assert(
    fc.property(decided, ({ evidence, mode }) => {
      const decision = decide(evidence, { mode });
      const admitted = admit("object", decision);
      const again = readmit("object", { ...decision, basis: admitted?.basis });
      expect(again?.basis).toBe(admitted?.basis);
      expect(again?.object).toBe(admitted?.object);
      if (decision.disposition === "held") expect(admitted).toBeUndefined();
    }),
  );
});

it("a record whose parts do not belong together admits nothing", () => {
  const never = [
    { verdict: "altered", disposition: "delivered", basis: "observed" },
    { verdict: "untrusted", disposition: "delivered", basis: "observed" },
    { verdict: "malformed", disposition: "delivered-with-notice", basis: "observed" },
    { verdict: "altered", disposition: "delivered", basis: "verified" },
    { verdict: "unsealed", disposition: "delivered", basis: "verified" },
    { verdict: "verified", disposition: "held", basis: "verified" },
    { verdict: "verified", disposition: undefined, basis: "verified" },
    { verdict: "verified", disposition: "delivered", basis: undefined },
    { verdict: undefined, disposition: "delivered", basis: "observed" },
    { verdict: "verified", disposition: "delivered", basis: "anything" },
  ] as const;
  for (const stored of never) expect(readmit("object", stored), JSON.stringify(stored)).toBeUndefined();
});

it("nobody else makes the proof", () => {
  const Forged = Admitted as unknown as new (...parts: readonly unknown[]) => unknown;
  expect(() => new Forged(Symbol("mint"), "object", "verified")).toThrow("only the policy");
});
