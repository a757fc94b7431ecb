/** The signed statement of a receipt: spec/receipts.md. What was in hands when, and from where; nothing about the time before. */
import type { Bytes } from "../../foundation/bytes.ts";
import { type ContentClaim, contentAt, contentDocument } from "./content-claim.ts";
import { type RecordSigner, signerAt, signerDocument } from "./record-envelope.ts";
import {
  badField,
  flagAt,
  type JsonObject,
  labelPattern,
  oneOf,
  sha256Pattern,
  textAt,
  timeAt,
} from "./statement-fields.ts";
import {
  decodeForm,
  encodeForm,
  operatorAt,
  type SoftwareName,
  type StatementForm,
  softwareAt,
  softwareDocument,
} from "./statement-form.ts";

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
  readonly software: SoftwareName;
  /** The receiver's clock: 2026-01-31T23:59:59.123Z. */
  readonly receivedAt: string;
}

/** @throws ScansealError `seal-structure` for what its reader would refuse */
export function encodeReceipt(statement: ReceiptStatement): Bytes {
  return encodeForm(receiptForm, statement);
}

/** @throws ScansealError `seal-structure` */
export function decodeReceipt(bytes: Bytes): ReceiptStatement {
  return decodeForm(receiptForm, bytes);
}

const receiptForm: StatementForm<ReceiptStatement> = {
  subject: "instance",
  kind: "receipt",
  predicateOf: (s) => ({
    signer: signerDocument(s.signer),
    source: s.source,
    basis: s.basis,
    ...(s.operator === undefined ? {} : { operator: s.operator }),
    asUnsealed: s.asUnsealed,
    opening: s.opening,
    seed: s.seed,
    table: s.table,
    ...contentDocument(s),
    software: softwareDocument(s.software),
    receivedAt: s.receivedAt,
  }),
  read,
};

function read(predicate: JsonObject, root: string): ReceiptStatement {
  const statement: ReceiptStatement = {
    signer: signerAt(predicate),
    source: textAt(predicate, "source", labelPattern),
    basis: oneOf(predicate, "basis", receiptBases),
    ...operatorAt(predicate),
    asUnsealed: flagAt(predicate, "asUnsealed"),
    opening: textAt(predicate, "opening", sha256Pattern),
    ...contentAt(predicate, root),
    software: softwareAt(predicate, "software"),
    receivedAt: timeAt(predicate, "receivedAt"),
  };
  // A gate answers for nothing; a person does.
  const { basis, asUnsealed } = statement;
  const isAnswered = statement.operator !== undefined;
  if (basis === "admission" ? isAnswered : !isAnswered && (basis === "import" || asUnsealed))
    badField("operator");
  if (basis === "admission" && asUnsealed) badField("asUnsealed");
  return statement;
}
