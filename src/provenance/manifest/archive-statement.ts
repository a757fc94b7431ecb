/** What an archive is allowed to change, as a person approved it: spec/derivations.md, "Archives' habits". */
import { type Bytes, fromLatin1, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { type RecordSigner, signerAt, signerDocument } from "./record-envelope.ts";
import {
  arrayAt,
  badField,
  integerAt,
  type JsonObject,
  labelPattern,
  sha256Pattern,
  textAt,
  timeAt,
} from "./statement-fields.ts";
import { decodeForm, encodeForm, type StatementForm } from "./statement-form.ts";
import { isObject, type JsonValue } from "./strict-json.ts";

/** An archive touches a dozen attributes; an envelope holds these. */
export const habitsMax = 256;
const pathBytesMax = 160;
/** Of a leaf, with an item's number, or a star for any: "00081115/0/0008103E", "0009[ACME 1.0]01". */
const patternForm =
  /^[0-9A-F]{8}(?:\/(?:\*|\d{1,5})\/[0-9A-F]{8})*$|^[0-9A-F]{4}\[[ !-$&-.0-Z\\^-~%]{1,64}\](?:[0-9A-F]{2})?$/;
/** Names an archive for people, and for `--from`. */
export const archiveNamePattern: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const changeKinds = ["added", "changed", "removed"] as const;
type ChangeKind = (typeof changeKinds)[number];

export interface ArchiveHabit {
  readonly path: string;
  /** In the order added, changed, removed. */
  readonly kinds: readonly ChangeKind[];
}

export interface ArchiveStatement {
  readonly signer: RecordSigner;
  /** What the statement is about, for readers of in-toto: `habitsDigest`. */
  readonly root: string;
  readonly archive: string;
  /** From 1; the newest replaces the others. */
  readonly version: number;
  /** Payload digest of the one before. */
  readonly previous?: string;
  /** Ascending by path. */
  readonly habits: readonly ArchiveHabit[];
  readonly approvedBy: string;
  readonly approvedAt: string;
}

/** @throws ScansealError `seal-structure` for what its reader would refuse */
export function encodeArchiveStatement(statement: ArchiveStatement): Bytes {
  return encodeForm(archiveForm, statement);
}

/** @throws ScansealError `seal-structure` */
export function decodeArchiveStatement(bytes: Bytes): ArchiveStatement {
  return decodeForm(archiveForm, bytes);
}

const archiveForm: StatementForm<ArchiveStatement> = {
  subject: "habits",
  kind: "archive-changes",
  predicateOf: (s) => ({
    signer: signerDocument(s.signer),
    archive: s.archive,
    version: s.version,
    ...(s.previous === undefined ? {} : { previous: s.previous }),
    habits: habitsDocument(s.habits),
    approvedBy: s.approvedBy,
    approvedAt: s.approvedAt,
  }),
  read,
};

function habitsDocument(habits: readonly ArchiveHabit[]): JsonValue {
  return habits.map(({ path, kinds }) => ({ path, kinds: [...kinds] }));
}

/** SHA-256 of the habits as the statement writes them, hexadecimal. They say nothing of a patient. */
export function habitsDigest(crypto: Crypto, habits: readonly ArchiveHabit[]): string {
  return toHex(crypto.hash("SHA-256", fromLatin1(JSON.stringify(habitsDocument(habits)))));
}

function read(predicate: JsonObject, root: string): ArchiveStatement {
  const previous =
    predicate.previous === undefined ? undefined : textAt(predicate, "previous", sha256Pattern);
  const statement: ArchiveStatement = {
    signer: signerAt(predicate),
    root,
    archive: textAt(predicate, "archive", archiveNamePattern),
    version: integerAt(predicate, "version"),
    ...(previous === undefined ? {} : { previous }),
    habits: arrayAt(predicate, "habits", habitsMax).map((entry) =>
      isObject(entry) ? habitAt(entry) : badField("habits"),
    ),
    approvedBy: textAt(predicate, "approvedBy", labelPattern),
    approvedAt: timeAt(predicate, "approvedAt"),
  };
  const { version, habits } = statement;
  if (version < 1 || (version === 1) !== (previous === undefined)) badField("version");
  if (habits.some(({ path }, i) => i > 0 && habits[i - 1]!.path >= path)) badField("habits");
  return statement;
}

function habitAt(entry: JsonObject): ArchiveHabit {
  const path = textAt(entry, "path", patternForm);
  if (path.length > pathBytesMax) badField("path");
  const kinds = arrayAt(entry, "kinds", changeKinds.length).map(
    (kind) => changeKinds.find((one) => one === kind) ?? badField("kinds"),
  );
  const inOrder = changeKinds.filter((kind) => kinds.includes(kind));
  if (kinds.length === 0 || kinds.some((kind, i) => kind !== inOrder[i])) badField("kinds");
  return { path, kinds };
}
