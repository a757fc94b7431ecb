/** A signed correction of identity attributes of one study, or of several: spec/derivations.md. No value and no UID stands in it. */
import type { Bytes } from "../../foundation/bytes.ts";
import { type RecordSigner, signerAt, signerDocument } from "./record-envelope.ts";
import {
  arrayAt,
  badField,
  integerAt,
  type JsonObject,
  labelPattern,
  oneOf,
  sha256Pattern,
  textAt,
  timeAt,
} from "./statement-fields.ts";
import { decodeForm, encodeForm, type StatementForm } from "./statement-form.ts";
import { isObject } from "./strict-json.ts";

/** What the correction rests on: a message of the hospital's information system, a worklist, or a person's word. */
const correctionBases = ["adt-a08", "adt-a40", "orm", "worklist", "person"] as const;
export type CorrectionBasis = (typeof correctionBases)[number];

/** A patient's studies in one merge; what is more takes several corrections. */
export const correctedStudiesMax = 128;
/** Attributes of a patient and an order, for some spellings of each: an envelope of 64 KiB holds them. */
export const correctedChangesMax = 128;
const approversMax = 4;
/** Identity attributes stand near the top: "00401001", or an item or two below. */
const pathCharactersMax = 128;
const pathPattern = /^[0-9A-F]{8}(?:\/\d{1,5}\/[0-9A-F]{8})*$/;
const vrPattern = /^[A-Z]{2}(?: or [A-Z]{2}){0,2}$/;
const commitmentPattern = /^[0-9a-f]{32}$/;

/** One study's place in its chain of corrections. */
export interface CorrectedStudy {
  /** Commitment to its Study Instance UID: 32 hexadecimal digits. */
  readonly study: string;
  /** From 1. */
  readonly version: number;
  /** Payload digest of the correction before; of version 1 none. */
  readonly previous?: string;
}

export interface CorrectedAttribute {
  /** Standard attributes only: spec/commitments.md, "Paths". */
  readonly path: string;
  /** VR text of the leaf. */
  readonly vr: string;
  /** Commitments to the values: 32 hexadecimal digits; null where the attribute is absent. */
  readonly from: string | null;
  readonly to: string | null;
}

export interface CorrectionStatement {
  readonly signer: RecordSigner;
  /** Root over all commitments, in their order. */
  readonly root: string;
  /** SHA-256 of the seed, hexadecimal. */
  readonly seed: string;
  readonly studies: readonly CorrectedStudy[];
  /** Ascending by path; a path stands once for each value that is corrected. */
  readonly changes: readonly CorrectedAttribute[];
  readonly basis: CorrectionBasis;
  /** Names of operators, or of the system that sent the message. */
  readonly approvedBy: readonly string[];
  readonly correctedAt: string;
}

/** @throws ScansealError `seal-structure` for what its reader would refuse */
export function encodeCorrection(statement: CorrectionStatement): Bytes {
  return encodeForm(correctionForm, statement);
}

/** @throws ScansealError `seal-structure` */
export function decodeCorrection(bytes: Bytes): CorrectionStatement {
  return decodeForm(correctionForm, bytes);
}

const correctionForm: StatementForm<CorrectionStatement> = {
  subject: "correction",
  kind: "correction",
  predicateOf: (s) => ({
    signer: signerDocument(s.signer),
    seed: s.seed,
    studies: s.studies.map(({ study, version, previous }) => ({
      study,
      version,
      ...(previous === undefined ? {} : { previous }),
    })),
    changes: s.changes.map(({ path, vr, from, to }) => ({ path, vr, from, to })),
    basis: s.basis,
    approvedBy: [...s.approvedBy],
    correctedAt: s.correctedAt,
  }),
  read,
};

function read(predicate: JsonObject, root: string): CorrectionStatement {
  const statement: CorrectionStatement = {
    signer: signerAt(predicate),
    root,
    seed: textAt(predicate, "seed", sha256Pattern),
    studies: entriesAt(predicate, "studies", correctedStudiesMax).map(studyAt),
    changes: entriesAt(predicate, "changes", correctedChangesMax).map(changeAt),
    basis: oneOf(predicate, "basis", correctionBases),
    approvedBy: arrayAt(predicate, "approvedBy", approversMax).map((name) =>
      typeof name === "string" && labelPattern.test(name) ? name : badField("approvedBy"),
    ),
    correctedAt: timeAt(predicate, "correctedAt"),
  };
  if (statement.studies.length === 0 || statement.changes.length === 0) badField("studies");
  if (statement.approvedBy.length === 0) badField("approvedBy");
  const { changes } = statement;
  if (changes.some(({ path }, i) => i > 0 && changes[i - 1]!.path > path)) badField("changes");
  return statement;
}

function entriesAt(parent: JsonObject, key: string, max: number): readonly JsonObject[] {
  return arrayAt(parent, key, max).map((entry) => (isObject(entry) ? entry : badField(key)));
}

function studyAt(entry: JsonObject): CorrectedStudy {
  const version = integerAt(entry, "version");
  const previous = entry.previous === undefined ? undefined : textAt(entry, "previous", sha256Pattern);
  // The first has none before it, every other one has.
  if (version < 1 || (version === 1) !== (previous === undefined)) badField("version");
  const study = textAt(entry, "study", commitmentPattern);
  return { study, version, ...(previous === undefined ? {} : { previous }) };
}

function changeAt(entry: JsonObject): CorrectedAttribute {
  const path = textAt(entry, "path", pathPattern);
  if (path.length > pathCharactersMax) badField("path");
  const from = commitmentAt(entry, "from");
  const to = commitmentAt(entry, "to");
  if (from === null && to === null) badField("changes");
  return { path, vr: textAt(entry, "vr", vrPattern), from, to };
}

function commitmentAt(entry: JsonObject, key: string): string | null {
  return entry[key] === null ? null : textAt(entry, key, commitmentPattern);
}
