/** What findings tell of changes that recur, whatever the findings say. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { StoredFinding } from "../../store/journal/journal.ts";
import type { SourceSample } from "../../store/journal/source-record.ts";
import { neverHabit } from "../../zero-trust/evidence/archive-habits.ts";
import { clockOffsets } from "./clock-offsets.ts";
import { recurringChanges } from "./recurring-changes.ts";
import { unsealedSenders } from "./unsealed-senders.ts";

function finding(code: string, other: Partial<StoredFinding> = {}): StoredFinding {
  const base = { severity: "error", layer: "manifest", location: {}, message: "", detail: "" } as const;
  return { ...base, code, ...other };
}

let ids = 0;
function sample(...findings: StoredFinding[]): SourceSample {
  return { id: `id-${++ids}`, receivedAt: 1_000_000, peerTitle: "CT1", verdict: "altered", findings };
}

const description = finding("attribute-changed", { location: { tag: "(0008,1030)" } });
const inItem = (n: number): StoredFinding =>
  finding("attribute-added", { location: { tag: "(0008,0104)", path: `00081032/${n}/00080104` } });

it("changes count by path, items under a star, from the second object on", () => {
  const found = recurringChanges([
    sample(description, inItem(0), inItem(3)),
    sample(description, inItem(1)),
    sample(finding("attribute-removed", { location: { path: "0009[ACME]01" } })),
  ]);
  expect(found).toMatchObject([
    { path: "00081030", kinds: ["changed"], objects: 2, standing: "habit" },
    { path: "00081032/*/00080104", kinds: ["added"], objects: 2 },
  ]);
});

it("nothing is learned of an object whose pixels differ, and by-products are no change", () => {
  const byProduct = { ...description, detail: "00081030 changed (by-product of transcoding)" };
  const pixels = finding("pixels-changed");
  expect(recurringChanges([sample(description, pixels), sample(description, pixels)])).toEqual([]);
  expect(recurringChanges([sample(byProduct), sample(byProduct)])).toEqual([]);
});

it("what can never be approved never stands as a habit, whatever stands in a journal", () => {
  const location = fc.oneof(
    fc.record({ tag: fc.string() }),
    fc.record({ path: fc.string() }),
    fc.record({ tag: fc.constantFrom("(0010,0010)", "(0028,0010)", "(0008,0018)", "(0008,1030)") }),
    fc.constant({ path: 7, tag: null }),
  );
  const findings = fc.array(
    fc.tuple(
      fc.constantFrom("attribute-added", "attribute-changed", "pixels-changed", "__proto__"),
      location,
    ),
  );
  fc.assert(
    fc.property(fc.array(findings), (objects) => {
      const samples = objects.map((list) =>
        sample(...list.map(([code, at]) => finding(code, { location: at }))),
      );
      for (const { path, standing } of recurringChanges([
        ...samples,
        ...samples.map((one) => ({ ...one, id: `${one.id}b` })),
      ]))
        expect(standing === "habit").toBe(standing !== "passes" && neverHabit(path) === undefined);
    }),
  );
});

it("a clock is told by sender, from the newest object; nonsense is not", () => {
  const off = (text: string): SourceSample => sample(finding("time-implausible", { detail: text }));
  const newest = new Date(1_000_000 + 7_200_000).toISOString();
  const found = clockOffsets([
    off(`sealed at ${newest}, outside the certificate's validity or ahead of now`),
    off("sealed at 1970-01-01T00:00:00Z, outside"),
    off("sealed at never, outside"),
    off(""),
  ]);
  expect(found).toEqual([{ peerTitle: "CT1", objects: 2, offsetMs: 7_200_000 }]);
});

it("a title that a shell would obey is never part of a command", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 16 }), (peerTitle) => {
      const kind = { verdict: "unsealed", enforced: "held", cause: "seal-missing", objects: 1 } as const;
      const rest = { sopClassUid: "1.2", modality: "CT", sealedBy: undefined, examples: [] };
      const [sender] = unsealedSenders([{ ...kind, ...rest, peerTitle }], [{ name: "MR", aeTitle: "MR1" }]);
      expect(sender!.command).toMatch(/^scanseal [A-Za-z0-9 ._:;,-]+$/);
    }),
  );
  const kind = {
    verdict: "unsealed",
    enforced: "held",
    cause: "seal-missing",
    objects: 1,
    peerTitle: "MR1",
  } as const;
  const rest = { sopClassUid: "1.2", modality: "MR", sealedBy: undefined, examples: [] };
  expect(unsealedSenders([{ ...kind, ...rest }], [{ name: "MR", aeTitle: "MR1" }])[0]!.enrolledAs).toBe("MR");
});
