/** What a signed record tells, by its kind. A kind without a reader of its own is told by the fields that all have in common. */
import type { Bytes } from "../../foundation/bytes.ts";
import { decodeReceipt } from "../../provenance/manifest/receipt-statement.ts";
import type { RecordKind } from "../../provenance/manifest/record.ts";
import { type RecordSigner, signerAt } from "../../provenance/manifest/record-envelope.ts";
import { type JsonObject, objectAt, sha256Pattern } from "../../provenance/manifest/statement-fields.ts";
import { isArray, isObject, parseJson } from "../../provenance/manifest/strict-json.ts";
import type { Actor, EventKind } from "./history.ts";

export interface Tale {
  readonly signer: RecordSigner;
  readonly predicateType: string;
  readonly what: EventKind;
  readonly at: string | undefined;
  /** Besides the signer. */
  readonly who: readonly Actor[];
  /** How a sentence goes on that begins with the signer's name. */
  readonly did: string;
  readonly from: readonly string[];
}

type Told = Omit<Tale, "signer" | "predicateType">;

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** One word or label of a statement, at most. */
const labelMax = 64;
const parentsMax = 64;

/** @throws ScansealError `seal-structure` for a payload that is not as its kind's writer writes it */
export function taleOf(kind: RecordKind, payload: Bytes): Tale {
  const { value: document } = parseJson(payload);
  const predicate = objectAt(document, "predicate");
  const predicateType = isObject(document) ? textOf(document, "predicateType") : undefined;
  return {
    signer: signerAt(predicate),
    predicateType: predicateType ?? "",
    ...readers[kind](payload, predicate),
  };
}

const readers: Readonly<Record<RecordKind, (payload: Bytes, predicate: JsonObject) => Told>> = {
  receipt: (payload) => receiptTale(payload),
  correction: (_, predicate) => ({
    ...commonTale(predicate),
    what: "corrected",
    did: "signed a correction of it",
  }),
  derivation: (_, predicate) => derivationTale(predicate),
  "archive-changes": (_, predicate) => ({
    ...commonTale(predicate),
    what: "archive-changes",
    did: "signed the list of changes that this archive may make",
  }),
  series: (_, predicate) => seriesTale(predicate),
  study: (_, predicate) => ({
    ...commonTale(predicate),
    what: "study-closed",
    did: "signed what its study holds",
  }),
};

const bases = { baseline: "found it", import: "brought it in", admission: "let it in" } as const;

function receiptTale(payload: Bytes): Told {
  const { source, basis, operator, asUnsealed, receivedAt } = decodeReceipt(payload);
  const person: Actor[] = operator === undefined ? [] : [{ role: "operator", name: operator }];
  const without = asUnsealed ? ", without the seal it should have" : "";
  return {
    what: "receipt",
    at: receivedAt,
    who: [{ role: "source", name: source }, ...person],
    did: `signed a receipt for it: it ${bases[basis]}${without}, from ${source}`,
    from: [],
  };
}

function derivationTale(predicate: JsonObject): Told {
  const action = textOf(predicate, "action");
  const common = commonTale(predicate);
  if (action !== undefined && /^restore/.test(action))
    return { ...common, what: "restored", did: "signed that it is the restored original" };
  return {
    ...common,
    what: "derived",
    did: `signed that it made it from others${action ? ` (${action})` : ""}`,
  };
}

function seriesTale(predicate: JsonObject): Told {
  return { ...commonTale(predicate), what: "series-closed", did: "signed the list of its series" };
}

/** Names under which statements have their time. */
const timeFields = [
  "at",
  "receivedAt",
  "derivedAt",
  "correctedAt",
  "approvedAt",
  "closedAt",
  "sealedAt",
  "signedAt",
];

function commonTale(predicate: JsonObject): Told {
  const times = timeFields.flatMap((name) => textOf(predicate, name) ?? []);
  const approvers = predicate.approvedBy;
  const people = isArray(approvers) ? approvers.filter((name) => typeof name === "string") : [];
  const parents = isArray(predicate.parents) ? predicate.parents : [];
  return {
    what: "recorded",
    at: times.find((text) => timePattern.test(text)),
    who: people.map((name): Actor => ({ role: "operator", name: name.slice(0, labelMax) })),
    did: "signed a record about it",
    from: parents.flatMap(parentDigest).slice(0, parentsMax),
  };
}

function parentDigest(parent: unknown): string[] {
  const text = typeof parent === "string" ? parent : isParent(parent) ? parent.digest : "";
  return sha256Pattern.test(text) ? [text] : [];
}

function isParent(value: unknown): value is { readonly digest: string } {
  return (
    typeof value === "object" && value !== null && typeof (value as { digest?: unknown }).digest === "string"
  );
}

function textOf(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === "string" ? value.slice(0, labelMax) : undefined;
}
