/** The signed statement of a receipt: spec/receipts.md. What was in hands when, and from where; nothing about the time before. */
import { type Bytes, fromLatin1 } from "../../foundation/bytes.ts";
import { type ContentClaim, contentAt, contentDocument } from "./content-claim.ts";
import { type RecordSigner, signerAt } from "./record-envelope.ts";
import {
  badField,
  flagAt,
  labelPattern,
  objectAt,
  oneOf,
  sha256Pattern,
  textAt,
  timeAt,
} from "./statement-fields.ts";
import { isArray, isObject, type JsonValue, parseJson } from "./strict-json.ts";

const statementType = "https://in-toto.io/Statement/v1";
const predicateType = "https://scanseal.org/receipt/v1";

/** baseline: found in an archive or folder. import: brought by a person. admission: let in by a gate. */
const receiptBases = ["baseline", "import", "admission"] as const;
export type ReceiptBasis = (typeof receiptBases)[number];

export interface ReceiptStatement extends ContentClaim {
  readonly signer: RecordSigner;
  /** From where, a name for people: printable ASCII, at most 64 characters; never a patient's. */
  readonly source: string;
  readonly basis: ReceiptBasis;
  /** Who answers for it; an import has one. */
  readonly operator?: string;
  /** Its device seals, or its frames carry a device's mark, and that person took it without a seal. */
  readonly asUnsealed: boolean;
  /** SHA-256 of the opening, hexadecimal. It holds the seed, so that nobody can guess the rest of it. */
  readonly opening: string;
  readonly software: { readonly name: string; readonly version: string };
  /** The receiver's clock: 2026-01-31T23:59:59.123Z. */
  readonly receivedAt: string;
}

/** The payload's bytes: one line of JSON in the order of the specification, ASCII only. @throws ScansealError `seal-structure` */
export function encodeReceipt(statement: ReceiptStatement): Bytes {
  const bytes = fromLatin1(JSON.stringify(documentOf(statement)));
  // What is written can be read: the checks of the reader are the checks of the writer.
  decodeReceipt(bytes);
  return bytes;
}

function documentOf(s: ReceiptStatement): JsonValue {
  const { signer, software } = s;
  return {
    _type: statementType,
    subject: [{ name: "instance", digest: { scansealRoot: s.root } }],
    predicateType,
    predicate: {
      signer: { certificate: signer.certificate, hash: signer.hash },
      source: s.source,
      basis: s.basis,
      ...(s.operator === undefined ? {} : { operator: s.operator }),
      asUnsealed: s.asUnsealed,
      opening: s.opening,
      seed: s.seed,
      table: s.table,
      ...contentDocument(s),
      software: { name: software.name, version: software.version },
      receivedAt: s.receivedAt,
    },
  };
}

/** Reads a payload; its bytes must be those that `encodeReceipt` writes. @throws ScansealError `seal-structure` */
export function decodeReceipt(bytes: Bytes): ReceiptStatement {
  const { text: written, value: document } = parseJson(bytes);
  const subjects = isObject(document) ? document.subject : undefined;
  const subject = isArray(subjects) ? subjects[0] : undefined;
  const predicate = objectAt(document, "predicate");
  const software = objectAt(predicate, "software");
  const operator =
    predicate.operator === undefined ? {} : { operator: textAt(predicate, "operator", labelPattern) };
  const statement: ReceiptStatement = {
    signer: signerAt(predicate),
    source: textAt(predicate, "source", labelPattern),
    basis: oneOf(predicate, "basis", receiptBases),
    ...operator,
    asUnsealed: flagAt(predicate, "asUnsealed"),
    opening: textAt(predicate, "opening", sha256Pattern),
    ...contentAt(predicate, textAt(objectAt(subject, "digest"), "scansealRoot", sha256Pattern)),
    software: {
      name: textAt(software, "name", labelPattern),
      version: textAt(software, "version", labelPattern),
    },
    receivedAt: timeAt(predicate, "receivedAt"),
  };
  // A gate answers for nothing; a person does.
  const { basis, asUnsealed } = statement;
  const isAnswered = statement.operator !== undefined;
  if (basis === "admission" ? isAnswered : !isAnswered && (basis === "import" || asUnsealed))
    badField("operator");
  if (basis === "admission" && asUnsealed) badField("asUnsealed");
  if (written !== JSON.stringify(documentOf(statement))) badField("encoding");
  return statement;
}
