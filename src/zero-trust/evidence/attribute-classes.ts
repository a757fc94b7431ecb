/** The class of an attribute, and what a lossless transcode may leave behind: spec/attribute-classes.md, whose steps are numbered here. */
import table from "./attribute-classes.generated.json" with { type: "json" };

/**
 * clinical: an unexplained change alters the image. identity: explained by an authorised derivation, or altered. administrative: listed, no loss of
 * verdict.
 */
export type AttributeClass = "clinical" | "identity" | "administrative";

type ListedClass = Exclude<AttributeClass, "clinical">;

const listed: ReadonlyMap<string, ListedClass> = new Map([
  ...table.identity.map((tag): [string, ListedClass] => [tag, "identity"]),
  ...table.administrative.map((tag): [string, ListedClass] => [tag, "administrative"]),
]);
const carriers: ReadonlySet<string> = new Set(table.carriers);

/** Our own elements and the Private Creator of their block, at the top level. */
const ownContainer = /^0071\[SCANSEAL 1\.0\](?:0[0-3])?$/;
const standardPath = /^[0-9A-F]{8}(?:\/\d+\/[0-9A-F]{8})*$/;

/**
 * The class of the attribute at a path: tags of eight hexadecimal digits with item numbers between ("00081140/0/00081155"), private elements as
 * group[creator]byte ("0009[ACME 1.0]01"). Anything not listed, private or not understood is clinical.
 */
export function classOfAttribute(path: string): AttributeClass {
  // Step 1: private elements are opaque to us, except our own.
  if (path.includes("[")) return ownContainer.test(path) ? "administrative" : "clinical";
  const upper = path.toUpperCase();
  if (!standardPath.test(upper)) return "clinical";
  // Steps 2 to 5: the strictest step of the path decides.
  let strictest: ListedClass = "administrative";
  for (const [depth, tag] of upper.split("/").filter(isTagStep).entries()) {
    const stepClass = classOfStep(tag, depth);
    if (stepClass === "clinical") return "clinical";
    if (stepClass === "identity") strictest = "identity";
  }
  return strictest;
}

/** Tags and item numbers alternate. */
function isTagStep(_step: string, index: number): boolean {
  return index % 2 === 0;
}

function classOfStep(tag: string, depth: number): AttributeClass {
  // Step 2: group lengths are the reader's affair, in private groups too.
  if (tag.endsWith("0000")) return "administrative";
  // Step 3: listed.
  const found = listed.get(tag);
  if (found !== undefined) return found;
  // Step 4: a part of a macro means what its sequence means, which has been judged.
  if (depth > 0 && carriers.has(tag)) return "administrative";
  // Step 5: private creators, unknown tags and all the rest.
  return "clinical";
}

/** How an attribute differs from what was sealed. */
export interface AttributeChange {
  readonly kind: "added" | "removed" | "changed";
  /** The value now, without padding; numbers in decimal. Absent when removed. */
  readonly present?: string;
  /** Whether the sealed commitment opens to this value: the original is only guessed, never read. */
  readonly wasOriginally?: (value: string) => boolean;
}

interface TranscodeRule {
  readonly tag: string;
  readonly kinds: readonly string[];
  readonly present?: string;
  readonly original: string;
  readonly originals?: readonly string[];
  readonly pairs?: readonly (readonly string[])[];
}

const transcodeRules: ReadonlyMap<string, TranscodeRule> = new Map(
  (table.transcode as readonly TranscodeRule[]).map((rule) => [rule.tag, rule]),
);

/** Bits Stored never exceeds Bits Allocated, and PS3.5 section 8.1.1 ends at 64. */
const bitsMax = 64;

/**
 * Whether this change is one that lossless transcoding makes. It excuses the change only together with decoded frames that match their commitments.
 * Without `change` it is true only where nothing about the value matters. Only the top level of a data set has such attributes.
 */
export function isTranscodeByProduct(path: string, change?: AttributeChange): boolean {
  const rule = transcodeRules.get(path.toUpperCase());
  if (rule === undefined) return false;
  if (change === undefined) return rule.original === "any" && rule.kinds.length === 3;
  // Step 6: the kind of change, then the value it has now, then what it was.
  if (!rule.kinds.includes(change.kind)) return false;
  const present = change.kind === "removed" ? undefined : (change.present ?? "");
  if (present !== undefined && rule.present !== undefined && !new RegExp(rule.present, "s").test(present)) {
    return false;
  }
  if (change.kind === "added") return rule.original !== "embedded" || earlierText(rule, present) === "";
  return openedOriginal(rule, present, change.wasOriginally ?? (() => false));
}

/** What the rule's pattern captures: the text that was there before. */
function earlierText(rule: TranscodeRule, present = ""): string {
  return new RegExp(rule.present ?? "", "s").exec(present)?.[1] ?? "";
}

function openedOriginal(
  rule: TranscodeRule,
  present: string | undefined,
  opens: (value: string) => boolean,
): boolean {
  switch (rule.original) {
    case "any":
      return true;
    case "listed":
      return (rule.originals ?? []).some(opens);
    case "pair":
      return (rule.pairs ?? []).some(
        ([a = "", b = ""]) => (present === a && opens(b)) || (present === b && opens(a)),
      );
    case "embedded":
      return opens(earlierText(rule, present));
    case "narrower":
      return narrowerNumbers(Number(present)).some(opens);
    default:
      return false;
  }
}

/** "0" up to, without, `bits`. */
function narrowerNumbers(bits: number): string[] {
  return Array.from({ length: Math.min(bits, bitsMax) }, (_, number) => String(number));
}
