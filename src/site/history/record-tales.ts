/** What a signed record tells, by its kind. */
import type { Bytes } from "../../foundation/bytes.ts";
import { decodeArchiveStatement } from "../../provenance/manifest/archive-statement.ts";
import { type CorrectionBasis, decodeCorrection } from "../../provenance/manifest/correction-statement.ts";
import { type DerivationAction, decodeDerivation } from "../../provenance/manifest/derivation-statement.ts";
import { decodeReceipt } from "../../provenance/manifest/receipt-statement.ts";
import type { RecordKind } from "../../provenance/manifest/record.ts";
import type { RecordSigner } from "../../provenance/manifest/record-envelope.ts";
import { decodeSeriesStatement } from "../../provenance/manifest/series-statement.ts";
import { decodeStudyStatement } from "../../provenance/manifest/study-statement.ts";
import type { Actor, EventKind } from "./history.ts";

export interface Tale {
  readonly signer: RecordSigner;
  readonly what: EventKind;
  readonly at: string;
  /** Besides the signer. */
  readonly who: readonly Actor[];
  /** How a sentence goes on that begins with the signer's name. */
  readonly did: string;
  readonly from: readonly string[];
}

/** @param own payload digests of the object's manifest, where it is known: a record that names one was made from it */
export function taleOf(kind: RecordKind, payload: Bytes, own: ReadonlySet<string>): Tale {
  return readers[kind](payload, own);
}

const readers: Readonly<Record<RecordKind, (payload: Bytes, own: ReadonlySet<string>) => Tale>> = {
  receipt: receiptTale,
  derivation: derivationTale,
  correction: correctionTale,
  "archive-changes": archiveTale,
  series: seriesTale,
  study: studyTale,
};

const bases = {
  baseline: "it was found in",
  import: "it was brought in from",
  admission: "the gate let it in from",
};

function receiptTale(payload: Bytes): Tale {
  const { signer, source, basis, operator, asUnsealed, receivedAt } = decodeReceipt(payload);
  const without = asUnsealed ? ", without the seal it should have" : "";
  const by = operator === undefined ? "" : ` by ${operator}`;
  return {
    signer,
    what: "receipt",
    at: receivedAt,
    who: [{ role: "source", name: source }, ...people(operator)],
    did: `signed a receipt: ${bases[basis]} ${source}${by}${without}`,
    from: [],
  };
}

const actions: Readonly<Record<DerivationAction, string>> = {
  "transcode-lossless": "encoding in another way, without loss",
  "compress-lossy": "compressing with loss",
  "restore-original": "restoring the original pixels",
  annotate: "annotating",
  processed: "processing",
};

function derivationTale(payload: Bytes, own: ReadonlySet<string>): Tale {
  const { signer, action, parents, product, operator, supersedes, derivedAt } = decodeDerivation(payload);
  const digests = parents.map(({ digest }) => digest);
  const isParent = digests.some((digest) => own.has(digest));
  const means = product === undefined ? "" : `, with ${product.name} ${product.version}`;
  const by = operator === undefined ? "" : `, for ${operator}`;
  const others = parents.length === 1 ? "another object" : `${parents.length} objects`;
  const restored = action === "restore-original";
  const made = isParent ? "another object was made from it" : `it was made from ${others}`;
  return {
    signer,
    what: isParent ? (supersedes ? "superseded" : "parent-of") : restored ? "restored" : "derived",
    at: derivedAt,
    who: [...(product ? [{ role: "system", name: product.name } as const] : []), ...people(operator)],
    did: `signed that ${made} by ${actions[action]}${means}${by}`,
    from: digests,
  };
}

const grounds: Readonly<Record<CorrectionBasis, string>> = {
  "adt-a08": "after a patient update (ADT A08) of",
  "adt-a40": "after a patient merge (ADT A40) of",
  orm: "after an order message (ORM) of",
  worklist: "after a worklist of",
  person: "on the word of",
};

function correctionTale(payload: Bytes): Tale {
  const { signer, basis, approvedBy, changes, correctedAt, studies } = decodeCorrection(payload);
  const what = changes.length === 1 ? "1 entry" : `${changes.length} entries`;
  const previous = studies.flatMap((study) => study.previous ?? []);
  return {
    signer,
    what: "corrected",
    at: correctedAt,
    who: approvedBy.map((name): Actor => ({ role: basis === "person" ? "operator" : "system", name })),
    did: `signed a correction of ${what} of patient or order, ${grounds[basis]} ${approvedBy.join(" and ")}`,
    from: [...new Set(previous)],
  };
}

function archiveTale(payload: Bytes): Tale {
  const { signer, archive, version, previous, habits, approvedBy, approvedAt } =
    decodeArchiveStatement(payload);
  return {
    signer,
    what: "archive-changes",
    at: approvedAt,
    who: [{ role: "destination", name: archive }, ...people(approvedBy)],
    did: `signed the ${habits.length} changes that ${archive} may make (version ${version}), approved by ${approvedBy}`,
    from: previous === undefined ? [] : [previous],
  };
}

function seriesTale(payload: Bytes): Tale {
  const { signer, state, version, previous, count, madeAt } = decodeSeriesStatement(payload);
  const done = state === "closed" ? "closed its series" : "listed its series, which is not over,";
  return {
    signer,
    what: state === "closed" ? "series-closed" : "series-listed",
    at: madeAt,
    who: [],
    did: `${done} as version ${version}: ${instances(count)}`,
    from: previous === undefined ? [] : [previous],
  };
}

function studyTale(payload: Bytes): Tale {
  const { signer, version, previous, count, madeAt } = decodeStudyStatement(payload);
  return {
    signer,
    what: "study-closed",
    at: madeAt,
    who: [],
    did: `signed what its study holds, version ${version}: ${count} ${count === 1 ? "series" : "closed series"}`,
    from: previous === undefined ? [] : [previous],
  };
}

function instances(count: number): string {
  return count === 1 ? "1 instance" : `${count} instances`;
}

function people(operator: string | undefined): Actor[] {
  return operator === undefined ? [] : [{ role: "operator", name: operator }];
}
