/** What is known, and what is only said, of an object's past: lines of `scanseal show`. No values: they are a patient's. */
import type { Evidence } from "../zero-trust/evidence/evidence.ts";

/** Told of each kind; a report shows the rest. */
const shownMax = 8;

type Fact = readonly [string, string];

export function pastFacts({ content, derivation, supersededBy, originalAttributes = [] }: Evidence): Fact[] {
  const facts: Fact[] = [];
  const explained = (content?.attributes ?? []).flatMap(({ explainedBy }) =>
    explainedBy ? [explainedBy] : [],
  );
  const byRecord = new Map(explained.map(({ kind, record, summary }) => [record, [kind, summary] as const]));
  for (const [record, [kind, summary]] of [...byRecord].slice(0, shownMax))
    facts.push([kind === "correction" ? "Corrected" : "Archive's change", `${summary}, record ${record}`]);
  const { claim, faults = [] } = derivation ?? {};
  if (derivation && claim && faults.length === 0) {
    const by = [claim.product && `${claim.product.name} ${claim.product.version}`, claim.operator];
    const made = [claim.action, claim.derivedAt, ...by.filter((text) => text !== undefined)].join(", ");
    facts.push(["Made", `${made}, record ${derivation.record}`]);
    for (const parent of claim.parents.slice(0, shownMax)) facts.push(["Made of", parent]);
  }
  if (supersededBy) facts.push(["Superseded by", `${supersededBy.summary}, record ${supersededBy.record}`]);
  for (const { system, modifiedAt, reason, source, tags } of originalAttributes.slice(0, shownMax)) {
    const who = [system ?? "an unnamed system", modifiedAt, reason, source].filter(
      (text) => text !== undefined,
    );
    facts.push(["Said to be changed", `by ${who.join(", ")}: ${tags.join(" ")} (anybody can write this)`]);
  }
  return facts;
}
