import { describe, expect, it } from "vitest";
import type { Evidence, TimeEvidence } from "../../zero-trust/evidence/evidence.ts";
import type { Decision } from "../../zero-trust/policy/verdict.ts";
import { capturedBy, contradictionsIn, existsSince, touchedSince } from "./answers.ts";
import { type EventKind, type HistoryEvent, inTimeOrder } from "./history.ts";
import { claimedChanges, manifestEvents } from "./seal-events.ts";

const digest = "ab".repeat(32);

function event(what: EventKind, at: string | undefined, more: Partial<HistoryEvent> = {}): HistoryEvent {
  return {
    what,
    at,
    time: "T2",
    who: [{ role: "device", name: "CT1" }],
    known: { by: "journal", journal: "gateway" },
    text: "It happened.",
    ...more,
  };
}

const manifest: NonNullable<Evidence["manifest"]> = {
  faults: [],
  trust: { result: "trusted", signer: "CT1", fingerprint: digest, hashes: ["SHA-256"] },
  type: "capture",
  sealedAt: "2026-01-31T10:00:00.000Z",
  sealedWithTransferSyntax: undefined,
  timeImplausible: false,
  keyEpoch: "1",
  counter: 7,
  payloadDigest: digest,
};

function decided(verdict: Decision["verdict"]): Decision {
  return { verdict, disposition: "delivered", assurance: undefined, findings: [] };
}

function looked(
  more: Partial<Evidence>,
  verdict: Decision["verdict"],
): { evidence: Evidence; decision: Decision } {
  return { evidence: { signatures: [], manifest, ...more }, decision: decided(verdict) };
}

describe("the order of events", () => {
  it("is that of time, of one moment that of their kinds, and what has no time comes last", () => {
    const at = "2026-01-31T10:00:00.000Z";
    const events = [
      event("claimed-change", undefined),
      event("delivered", at),
      event("received", at),
      event("sealed", at),
      event("logged", "2025-12-31T23:59:59.999Z"),
    ];
    const kinds = inTimeOrder(events).map(({ what }) => what);
    expect(kinds).toEqual(["logged", "sealed", "received", "delivered", "claimed-change"]);
  });
});

describe("what the object claims of its past", () => {
  it.each([
    ["20260131235959.123456+0100", "2026-01-31T22:59:59.123Z"],
    ["20260131235959", "2026-01-31T23:59:59.000Z"],
    ["202601312359", "2026-01-31T23:59:00.000Z"],
    ["2026-01-31T23:59:59.000Z", "2026-01-31T23:59:59.000Z"],
    ["20260131", undefined],
    ["20261331235959", undefined],
    ["yesterday", undefined],
    [undefined, undefined],
  ])("%s is %s", (text, expected) => {
    const [told] = claimedChanges([{ modifiedAt: text, tags: [] }]);
    expect(told!.at).toBe(expected);
  });

  it("is told as a claim", () => {
    const [told] = claimedChanges([
      {
        modifiedAt: "20260131235959",
        system: "PACS",
        reason: "CORRECT",
        source: "RIS",
        tags: ["(0010,0010)"],
      },
    ]);
    expect(told).toMatchObject({ what: "claimed-change", time: "claimed", known: { by: "claim" } });
    expect(told!.text).toBe(
      "The object says that PACS replaced (0010,0010), reason CORRECT, values from RIS.",
    );
  });
});

describe("time stamps and log proofs", () => {
  const time: TimeEvidence = {
    timeClass: "T1",
    at: "2026-01-31T10:00:05.000Z",
    basis: "time-stamp",
    faults: [],
  };

  it("that hold are T1; those that do not are events that are not proven, with the step", () => {
    const faults = [{ of: "time-stamp", step: "imprint", isInObject: true }] as const;
    const log = { state: "invalid", step: "inclusion" } as const;
    const events = manifestEvents({ signatures: [], manifest, time: { ...time, faults }, log });
    expect(events.map(({ what, fault }) => [what, fault])).toEqual([
      ["sealed", undefined],
      ["time-stamped", undefined],
      ["time-stamped", "imprint"],
      ["logged", "inclusion"],
    ]);
    expect(existsSince(undefined, events)).toMatchObject({ at: time.at, time: "T1", isProven: true });
  });

  it("a log without witnesses is no third party", () => {
    const log = { state: "proven", origin: "log.example", index: 4, at: time.at, witnessed: false } as const;
    const [, logged] = manifestEvents({ signatures: [], manifest, log });
    expect(logged).toMatchObject({
      time: "T2",
      text: expect.stringContaining("not protected from site administrators"),
    });
  });
});

describe("answers", () => {
  it("the device's clock alone proves no time; other bytes and refused events prove nothing", () => {
    const sealed = manifestEvents({ signatures: [], manifest });
    expect(existsSince(undefined, sealed)).toMatchObject({ time: "T3", isProven: false });
    const others = [event("received", "2026-01-30T00:00:00.000Z", { ofOtherBytes: true })];
    expect(existsSince(undefined, others)).toMatchObject({ at: undefined, isProven: false });
    expect(
      existsSince(undefined, [event("receipt", "2026-01-30T00:00:00.000Z", { fault: "its signature" })]).at,
    ).toBeUndefined();
    expect(existsSince(undefined, [event("corrected", "2020-01-30T00:00:00.000Z")]).at).toBeUndefined();
  });

  it("a stamp over the seal of an altered object proves nothing of what it is now", () => {
    const at = "2026-01-31T10:00:05.000Z";
    const time: TimeEvidence = { timeClass: "T1", at, basis: "time-stamp", faults: [] };
    const altered = looked({ time }, "altered");
    const events = manifestEvents(altered.evidence);
    expect(existsSince(looked({ time }, "verified"), events)).toMatchObject({ at, isProven: true });
    expect(existsSince(altered, events)).toMatchObject({ at: undefined, isProven: false });
    const received = event("received", "2026-01-31T12:00:00.000Z");
    expect(existsSince(altered, [...events, received])).toMatchObject({ at: received.at, time: "T2" });
  });

  it("a seal by a stranger names nobody who captured it", () => {
    const trust = { ...manifest.trust!, result: "signer-not-recognised" } as const;
    const evidence = { ...looked({ manifest: { ...manifest, trust } }, "untrusted") };
    const answer = capturedBy(evidence, manifestEvents(evidence.evidence));
    expect(answer).toMatchObject({ isProven: false, text: expect.stringContaining("not trusted here") });
  });

  it.each<[Decision["verdict"], boolean]>([
    ["verified", true],
    ["verified-with-changes", true],
    ["altered", false],
    ["untrusted", false],
    ["unsealed", false],
    ["superseded", false],
    ["malformed", false],
  ])("%s: touched by nobody is proven: %s", (verdict, isProven) => {
    expect(touchedSince(looked({}, verdict), []).isProven).toBe(isProven);
  });
});

describe("contradictions", () => {
  const seal = {
    payloadDigest: "cd".repeat(32),
    sopInstanceUid: "2.25.1",
    seriesInstanceUid: "2.25.2",
    studyInstanceUid: "2.25.3",
    device: "CT1",
    keyFingerprint: digest,
    keyEpoch: "1",
    counter: 8,
    sealedAt: 0,
    signature: new Uint8Array(),
    certificate: new Uint8Array(),
    instanceNumber: 1,
  };

  it("another seal under the UID, a number used twice, and a clock that is behind are told", () => {
    const evidence = looked({ counter: { others: ["ef".repeat(32)] } }, "untrusted");
    const events = [...manifestEvents(evidence.evidence), event("first-seen", "2026-01-31T09:00:00.000Z")];
    const found = contradictionsIn(evidence, inTimeOrder(events), [seal]);
    expect(found).toEqual([
      expect.stringContaining("CT1 sealed another object under its UID here (cdcdcdcdcdcd)"),
      expect.stringContaining("used for another object too (efefefefefef)"),
      expect.stringContaining("a clock is wrong"),
    ]);
  });

  it("a few minutes of a clock, and an original without a seal, are none", () => {
    const evidence = looked({}, "verified");
    const near = [...manifestEvents(evidence.evidence), event("received", "2026-01-31T09:56:00.000Z")];
    expect(contradictionsIn(evidence, near, [{ ...seal, payloadDigest: digest }])).toEqual([]);
    const unsealed = { evidence: { signatures: [] }, decision: decided("unsealed") };
    expect(contradictionsIn(unsealed, [], [seal])).toEqual([]);
  });
});
