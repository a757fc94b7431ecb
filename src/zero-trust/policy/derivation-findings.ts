/** What corrections, derivations and an object's own words about its past add to the findings (spec/derivations.md, spec/verdicts.md). */
import type {
  AttributeChange,
  ContentEvidence,
  DerivationClaim,
  DerivationEvidence,
  Evidence,
} from "../evidence/evidence.ts";
import { finding } from "./finding.ts";
import type { Finding, FindingLocation } from "./verdict.ts";

/** The first 100 differing attributes are listed one by one, as for seals. */
const listedMax = 100;
/** Named in one line; the rest is counted. */
const namedMax = 4;
const pixelData = "(7FE0,0010)";

type TrustedDerivation = DerivationEvidence & {
  readonly claim: DerivationClaim;
  readonly content: ContentEvidence;
};

function trustedDerivation({ derivation }: Evidence): TrustedDerivation | undefined {
  const { claim, content, trust, faults = [] } = derivation ?? {};
  const isSound = trust?.result === "trusted" && faults.every((fault) => fault === "record-content");
  return derivation && claim && content && isSound ? { ...derivation, claim, content } : undefined;
}

/** A trusted derivation says what this is and where it comes from, and it is what was made. */
export function derivationStands(evidence: Evidence): boolean {
  const derivation = trustedDerivation(evidence);
  return !evidence.manifest && derivation !== undefined && !isChanged(derivation.content);
}

/** What may differ: administrative entries, by-products of lossless transcoding, what a trusted record explains. */
function isBenign({ attributeClass, transcodeByProduct, explainedBy }: AttributeChange): boolean {
  return attributeClass === "administrative" || transcodeByProduct || explainedBy !== undefined;
}

function framesOf(content: ContentEvidence): readonly (readonly number[])[] {
  return [content.framesChanged, content.framesAdded, content.framesRemoved, content.framesUncheckable];
}

function isChanged(content: ContentEvidence): boolean {
  const isSame = content.attributes.every(isBenign) && framesOf(content).every((list) => list.length === 0);
  return !isSame || content.unlocalised;
}

export function derivationFindings(evidence: Evidence): Finding[] {
  const { supersededBy, recordFaults = [], derivation } = evidence;
  const found: Finding[] = [];
  if (supersededBy) {
    const detail = `${supersededBy.by} ${supersededBy.record}: ${supersededBy.summary}`;
    const message = "An entry was corrected since; use a copy with the corrected entries.";
    const said = finding("superseded", {}, detail);
    found.push(supersededBy.by === "correction" ? { ...said, message } : said);
  }
  if (derivation) found.push(...madeFindings(derivation, trustedDerivation(evidence)));
  for (const { record, faults, detail } of recordFaults)
    found.push(finding("record-unusable", {}, `record ${record}: ${faults[0]}: ${detail ?? ""}`));
  return [...found, ...wordsFindings(evidence)];
}

function madeFindings(derivation: DerivationEvidence, trusted: TrustedDerivation | undefined): Finding[] {
  if (!trusted) {
    const { record, faults, detail, trust } = derivation;
    const why = detail ?? faults[0] ?? trust?.result ?? "not compared";
    return [finding("record-unusable", {}, `record ${record}: ${why}`)];
  }
  const { claim, content, record } = trusted;
  const said = saidText(claim, record);
  if (!isChanged(content)) return [{ ...finding("derived", {}, said), message: madeText(claim) }];
  return changedFindings(content, said);
}

const madeBy: ReadonlyMap<string, string> = new Map([
  ["transcode-lossless", "Recompressed without loss"],
  ["compress-lossy", "Compressed with loss: it is not what the scanner saw"],
  ["restore-original", "The original of a marked image, restored"],
  ["annotate", "Annotated"],
  ["processed", "Made by image processing"],
]);

function madeText({ action, product }: DerivationClaim): string {
  const by = product ? `, by ${product.name} ${product.version}` : "";
  return `${madeBy.get(action) ?? action}${by}; made from proven objects, not sealed at capture.`;
}

function saidText(
  { action, parents, product, operator, derivedAt }: DerivationClaim,
  record: string,
): string {
  const named = parents.slice(0, namedMax).join(", ");
  const more = parents.length > namedMax ? ` and ${parents.length - namedMax} more` : "";
  const by = [
    ...(product ? [`${product.name} ${product.version}`] : []),
    ...(operator === undefined ? [] : [operator]),
  ];
  return `${action} of ${named}${more}${by.length > 0 ? ` by ${by.join(", ")}` : ""}, ${derivedAt}, record ${record}`;
}

function changedFindings(content: ContentEvidence, said: string): Finding[] {
  const changed = (at: FindingLocation, what: string): Finding =>
    finding("derived-changed", at, `${what}: not what was made (${said})`);
  const grave = content.attributes.filter((change) => !isBenign(change));
  const found = grave.slice(0, listedMax).map(({ path, kind }) => changed({ path }, `${path} ${kind}`));
  if (grave.length > listedMax) found.push(changed({}, `${grave.length - listedMax} more attributes`));
  for (const frames of framesOf(content)) {
    const count = frames.length === 1 ? "1 frame" : `${frames.length} frames`;
    if (frames.length > 0) found.push(changed({ tag: pixelData, frames }, count));
  }
  if (content.unlocalised) found.push(changed({}, "something"));
  return found;
}

/** What it says itself, which explains nothing. */
function wordsFindings({ originalAttributes = [], refersTo = [] }: Evidence): Finding[] {
  const found = originalAttributes.map(({ modifiedAt, system, reason, tags }) => {
    const what = tags.slice(0, namedMax).join(" ");
    const more = tags.length > namedMax ? ` and ${tags.length - namedMax} more` : "";
    const detail = `${system ?? "an unnamed system"}, ${modifiedAt ?? "no time"}, ${reason ?? "no reason"}: ${what}${more}; it explains nothing`;
    return finding("original-attributes", { tag: "(0400,0561)" }, detail);
  });
  const sources = refersTo.filter(({ how }) => how === "source").map((one) => one.sopInstanceUid);
  const others = refersTo.filter(({ how }) => how === "referenced").map((one) => one.sopInstanceUid);
  if (sources.length > 0) {
    const message =
      "It says that it was made from other images; it neither vouches for them nor taints them.";
    const detail = `made from ${listText(sources)} by its own word`;
    found.push({ ...finding("refers-to", { tag: "(0008,2112)" }, detail), message });
  }
  if (others.length > 0) found.push(finding("refers-to", {}, `refers to ${listText(others)}`));
  return found;
}

function listText(uids: readonly string[]): string {
  const more = uids.length > namedMax ? ` and ${uids.length - namedMax} more` : "";
  return uids.slice(0, namedMax).join(", ") + more;
}

/**
 * Under a derivation that stands: that there is no seal is said by it, and the parents' seals answer for what was captured. Its pixels are what was
 * made, so what is left of a parent's marks in them tells only that it was made of marked images.
 */
export function excusedByDerivation(one: Finding): Finding[] {
  if (one.code === "seal-missing") return [];
  if (one.code === "seal-expected" || one.code === "seal-stripped") return [{ ...one, severity: "info" }];
  return one.layer === "watermark" && one.severity === "error" ? [ofParents(one)] : [one];
}

function ofParents(one: Finding): Finding {
  const message = "Its pixels differ from the marked images that it was made of, as its record says.";
  return { ...one, severity: "info", message };
}
