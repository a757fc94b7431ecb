/** What receipts add to the findings, and whether one stands in for a seal: "unchanged since received", never since capture (spec/verdicts.md). */
import type {
  AttributeChange,
  ContentEvidence,
  Evidence,
  ReceiptClaim,
  ReceiptEvidence,
} from "../evidence/evidence.ts";
import { finding } from "./finding.ts";
import type { Finding, FindingLocation } from "./verdict.ts";

/** The first 100 differing attributes are listed one by one, as for seals. */
const listedMax = 100;
const pixelData = "(7FE0,0010)";

type TrustedReceipt = ReceiptEvidence & { readonly claim: ReceiptClaim; readonly content: ContentEvidence };

/** Sound, by a signer who may give receipts, and compared with the object. */
function trustedReceipt({ receipt }: Evidence): TrustedReceipt | undefined {
  const { claim, content, trust, faults = [] } = receipt ?? {};
  const isSound = trust?.result === "trusted" && faults.every((fault) => fault === "record-content");
  return receipt && claim && content && isSound ? { ...receipt, claim, content } : undefined;
}

/** A trusted receipt says that what is there was there, and nothing speaks against taking its word. */
export function receiptStands(evidence: Evidence): boolean {
  const receipt = trustedReceipt(evidence);
  if (evidence.manifest || !receipt || receipt.disagreeing > 0) return false;
  return isAcceptable(evidence, receipt) && graveParts(receipt.content) === 0;
}

/**
 * An object that should have a seal is taken on a receipt only if the receipt is older than the device's enrolment, or a person answered for it
 * by name. Otherwise whoever strips a seal would only have to have the rest received.
 */
function isAcceptable(evidence: Evidence, { claim, beforeEnrolment }: TrustedReceipt): boolean {
  if (evidence.sealExpectedFrom === undefined || claim.asUnsealed) return true;
  return beforeEnrolment && claim.basis !== "admission" && !isMarked(evidence);
}

/**
 * Nothing but a gate's own receipt speaks for it: it says no more than the mode that let the object in, so that what passed a lenient source does
 * not pass a strict one by it.
 */
export function isOnlyAdmitted(evidence: Evidence): boolean {
  return receiptStands(evidence) && evidence.receipt?.claim?.basis === "admission";
}

/** Its frames carry a trusted device's mark. */
function isMarked({ watermark }: Evidence): boolean {
  return watermark?.boundTo === "marks" && watermark.signer?.result === "trusted";
}

function isBenign({ attributeClass, transcodeByProduct, explainedBy }: AttributeChange): boolean {
  return attributeClass === "administrative" || transcodeByProduct || explainedBy !== undefined;
}

function graveParts(content: ContentEvidence): number {
  const { framesChanged, framesAdded, framesRemoved, framesUncheckable } = content;
  const frames = [framesChanged, framesAdded, framesRemoved, framesUncheckable].reduce(
    (sum, list) => sum + list.length,
    0,
  );
  const attributes = content.attributes.filter((change) => !isBenign(change)).length;
  return frames + attributes + (content.unlocalised ? 1 : 0);
}

export function receiptFindings(evidence: Evidence): Finding[] {
  const { receipt } = evidence;
  if (!receipt) return [];
  const trusted = trustedReceipt(evidence);
  if (!trusted) return [unusableFinding(receipt)];
  const found = contentFindings(trusted);
  const { claim, disagreeing } = trusted;
  if (!isAcceptable(evidence, trusted)) {
    const detail = `${claim.basis} of ${claim.receivedAt}, without --as-unsealed, of an object of ${evidence.sealExpectedFrom}`;
    found.push(finding("receipt-not-accepted", {}, detail));
  }
  if (isOnlyAdmitted(evidence))
    found.push(finding("receipt-of-admission", {}, `held in enforce unless a person receives it`));
  if (disagreeing > 0)
    found.push(finding("receipts-disagree", {}, `${disagreeing} other trusted receipts do not fit`));
  return found;
}

function unusableFinding({ faults, trust, record, detail }: ReceiptEvidence): Finding {
  const why = faults[0] ?? trust?.result ?? "not compared";
  return finding("receipt-unusable", {}, `record ${record}: ${detail ?? why}`);
}

function contentFindings(receipt: TrustedReceipt): Finding[] {
  const { claim, content, trust, record } = receipt;
  const since = sinceText(claim);
  const said = `${claim.basis} of ${claim.receivedAt} by ${trust?.signer ?? ""}, record ${record}`;
  const found = content.attributes.slice(0, listedMax).map((change) => attributeFinding(change, since));
  const more = content.attributes.slice(listedMax).filter((change) => !isBenign(change)).length;
  if (more > 0) found.push(changed({}, `${more} more attributes differ`, since));
  const frames = (list: readonly number[], what: string): void => {
    const count = list.length === 1 ? "1 frame" : `${list.length} frames`;
    if (list.length > 0) found.push(changed({ tag: pixelData, frames: list }, `${count}: ${what}`, since));
  };
  frames(content.framesChanged, content.lossyNow ? "compressed with loss since" : "not what was received");
  frames(content.framesAdded, "not there when received");
  frames(content.framesRemoved, "missing");
  frames(content.framesUncheckable, "cannot be compared with what was received");
  if (graveParts(content) > 0) return found;
  const what = content.attributes.length > 0 ? "Only administrative entries changed" : "Unchanged";
  const seal = claim.asUnsealed
    ? `without the seal it should have: ${claim.operator} answered for that`
    : "not sealed at capture";
  return [{ ...finding("received-unchanged", {}, said), message: `${what} ${since}; ${seal}.` }, ...found];
}

function attributeFinding(change: AttributeChange, since: string): Finding {
  const { path, kind, attributeClass, transcodeByProduct } = change;
  const last = path.split("/").at(-1)!;
  const tag = /^[0-9A-F]{8}$/.test(last) ? { tag: `(${last.slice(0, 4)},${last.slice(4)})` } : {};
  const location = last === path && "tag" in tag ? tag : { ...tag, path };
  const what = transcodeByProduct ? "by-product of transcoding" : attributeClass;
  const detail = `${path} ${kind} (${change.explainedBy?.summary ?? what})`;
  if (!isBenign(change)) return changed(location, detail, since);
  const made = finding(`attribute-${kind}`, location, detail, "info");
  return { ...made, layer: "record", message: `An entry that may change was updated ${since}.` };
}

function changed(location: FindingLocation, detail: string, since: string): Finding {
  return {
    ...finding("received-changed", location, detail),
    message: `Changed ${since}; do not rely on it.`,
  };
}

/** The label is signed, and printable ASCII. */
function sinceText({ source, receivedAt }: ReceiptClaim): string {
  return `since it was received from ${source} on ${receivedAt.slice(0, 10)}`;
}

/** That it has no seal is no news then, and "nothing can be proven" is not true. */
export function isChangedSinceReceived(evidence: Evidence): boolean {
  const receipt = trustedReceipt(evidence);
  return receipt !== undefined && graveParts(receipt.content) > 0;
}

/** Under a receipt that stands: its own finding says that there is no seal, and somebody answered for it. */
export function excused(one: Finding, { receipt, sealExpectedFrom }: Evidence): Finding[] {
  if (one.code === "seal-missing") return [];
  if (one.code !== "seal-expected" && one.code !== "seal-stripped") return [one];
  const why = receipt?.claim?.asUnsealed
    ? `${receipt.claim.operator} took it without a seal`
    : `received before ${sealExpectedFrom} was enrolled`;
  const answered = receipt?.claim?.asUnsealed ? ` ${receipt.claim.operator} answered for that.` : "";
  return [{ ...one, severity: "warning", message: one.message + answered, detail: `${one.detail}; ${why}` }];
}
