import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { problemsOfBundle } from "../../../test/vectors/fhir/r5-checker.ts";
import { toBase64, utf8 } from "../../foundation/bytes.ts";
import { fhirBundle } from "./fhir-bundle.ts";
import type { Actor, EventKind, HistoryEvent, SignedStatement } from "./history.ts";

const digest = "ab".repeat(32);
const exportedAt = "2026-02-01T00:00:00.000Z";
const object = {
  sopInstanceUid: "2.25.1",
  seriesInstanceUid: "2.25.2",
  studyInstanceUid: "2.25.3",
  sopClassUid: undefined,
};

/** The form of an envelope; nothing in it is checked here. */
const statement: SignedStatement = {
  digest,
  predicateType: "https://scanseal.org/capture/v1",
  envelope: toBase64(
    utf8(
      JSON.stringify({
        dsse: {
          payloadType: "application/vnd.in-toto+json",
          payload: "e30=",
          signatures: [{ keyid: digest, sig: "AA==" }],
        },
        certificates: ["AAAA"],
      }),
    ),
  ),
  lateEvidence: [
    { type: "time-stamp", bytes: "AAAA" },
    { type: "log-proof", bytes: "AAAA" },
  ],
};

const kinds: readonly EventKind[] = [
  ...(["sealed", "receipt", "derived", "restored", "corrected", "archive-changes", "superseded"] as const),
  ...(["series-listed", "series-closed", "study-closed", "recorded"] as const),
  ...(["received", "resent", "held", "admitted", "conflict", "rechecked", "damaged", "exported"] as const),
  ...(["release-asked", "released", "purge-asked", "purged", "delivered", "delivery-failed"] as const),
  ...(["claimed-change", "first-seen", "time-stamped", "log-queued", "logged", "revoked-signer"] as const),
];

function event(what: EventKind, more: Partial<HistoryEvent> = {}): HistoryEvent {
  return {
    what,
    at: "2026-01-31T10:00:00.000Z",
    time: "T3",
    who: [{ role: "device", name: "CT1", certificate: digest }],
    known: { by: "statement", digest, trust: "trusted" },
    text: "It happened.",
    from: [digest],
    ...more,
  };
}

function typesOf(events: readonly HistoryEvent[]): string[] {
  const bundle = fhirBundle({ object, events, statements: [statement] }, exportedAt);
  expect(problemsOfBundle(bundle)).toEqual([]);
  const { entry = [] } = bundle as unknown as { entry?: { resource: { resourceType: string } }[] };
  return entry.map(({ resource }) => resource.resourceType);
}

describe("a FHIR bundle", () => {
  it.each(kinds)(
    "is sound with %s as a statement, as a row of the journal, and as one that is not proven",
    (what) => {
      expect(typesOf([event(what)])).toEqual(["Provenance", "Binary"]);
      expect(typesOf([event(what, { fault: "its signature does not fit" })])).toEqual(["AuditEvent"]);
      typesOf([event(what, { known: { by: "journal", journal: "gateway" } })]);
      expect(typesOf([event(what, { known: { by: "claim" } })])).toEqual([]);
      expect(typesOf([event(what, { ofOtherBytes: true })])).toEqual([]);
    },
  );

  it("has a time stamp beside the signature, and no log proof, which is none", () => {
    const text = JSON.stringify(
      fhirBundle({ object, events: [event("sealed")], statements: [statement] }, exportedAt),
    );
    expect(text.match(/"sigFormat"/g)).toHaveLength(2);
    expect(text).toContain('"application/cms"');
  });

  it("is sound whatever peers and objects call themselves", () => {
    const roles: readonly Actor["role"][] = ["device", "operator", "source", "destination", "system"];
    const actor = fc.record({
      role: fc.constantFrom(...roles),
      name: fc.string({ unit: "binary" }),
      address: fc.string({ unit: "binary" }),
    });
    const told = fc.record({
      what: fc.constantFrom(...kinds),
      who: fc.array(actor, { minLength: 1, maxLength: 3 }),
      text: fc.string({ unit: "binary" }).map((text) => `It: ${text}`),
      isRow: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(told, { maxLength: 4 }), (given) => {
        const events = given.map(({ what, who, text, isRow }) =>
          event(what, { who, text, ...(isRow ? { known: { by: "journal", journal: "gateway" } } : {}) }),
        );
        typesOf(events);
      }),
    );
  });
});
