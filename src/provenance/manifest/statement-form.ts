/** The form that all signed statements have: one line of JSON, an in-toto Statement about one root, with the kind's own predicate (spec/records.md). */
import { type Bytes, fromLatin1 } from "../../foundation/bytes.ts";
import {
  badField,
  type JsonObject,
  labelPattern,
  objectAt,
  sha256Pattern,
  textAt,
} from "./statement-fields.ts";
import { isArray, isObject, parseJson } from "./strict-json.ts";

const statementType = "https://in-toto.io/Statement/v1";

export interface StatementForm<T extends { readonly root: string }> {
  readonly subject: "instance" | "series" | "study" | "correction" | "habits";
  /** Of its predicate type. */
  readonly kind: "capture" | "receipt" | "derivation" | "correction" | "archive-changes" | "series" | "study";
  /** In the order of the specification. */
  readonly predicateOf: (statement: T) => JsonObject;
  /** The schema is closed: what it does not read is refused afterwards. @throws ScansealError `seal-structure` */
  readonly read: (predicate: JsonObject, root: string) => T;
}

/** The payload's bytes: one line of JSON in the order of the specification, ASCII only. @throws ScansealError `seal-structure` for what its reader would refuse */
export function encodeForm<T extends { readonly root: string }>(form: StatementForm<T>, statement: T): Bytes {
  const bytes = fromLatin1(textOf(form, statement));
  // What is written can be read: the checks of the reader are the checks of the writer.
  decodeForm(form, bytes);
  return bytes;
}

/**
 * Reads a payload. The bytes must be those that `encodeForm` writes: duplicate or unknown keys, other spellings of a number and white space are
 * refused by comparing. @throws ScansealError `seal-structure`
 */
export function decodeForm<T extends { readonly root: string }>(form: StatementForm<T>, bytes: Bytes): T {
  const { text, value: document } = parseJson(bytes);
  const subjects = isObject(document) ? document.subject : undefined;
  const subject = isArray(subjects) ? subjects[0] : undefined;
  const root = textAt(objectAt(subject, "digest"), "scansealRoot", sha256Pattern);
  const statement = form.read(objectAt(document, "predicate"), root);
  if (text !== textOf(form, statement)) badField("encoding");
  return statement;
}

function textOf<T extends { readonly root: string }>(
  { subject, kind, predicateOf }: StatementForm<T>,
  statement: T,
): string {
  return JSON.stringify({
    _type: statementType,
    subject: [{ name: subject, digest: { scansealRoot: statement.root } }],
    predicateType: `https://scanseal.org/${kind}/v1`,
    predicate: predicateOf(statement),
  });
}

/** What made something: names for people. */
export interface SoftwareName {
  readonly name: string;
  readonly version: string;
}

export function softwareDocument({ name, version }: SoftwareName): JsonObject {
  return { name, version };
}

/** @throws ScansealError `seal-structure` */
export function softwareAt(parent: JsonObject, key: string): SoftwareName {
  const software = objectAt(parent, key);
  return {
    name: textAt(software, "name", labelPattern),
    version: textAt(software, "version", labelPattern),
  };
}

/** A name, where there is one. @throws ScansealError `seal-structure` */
export function operatorAt(predicate: JsonObject): { readonly operator?: string } {
  return predicate.operator === undefined ? {} : { operator: textAt(predicate, "operator", labelPattern) };
}
