/** A signed statement of what an object was made from, and how: spec/derivations.md. No identifier and no unsalted digest of content stands in it. */
import type { Bytes } from "../../foundation/bytes.ts";
import { type ContentClaim, contentAt, contentDocument } from "./content-claim.ts";
import { type RecordSigner, signerAt, signerDocument } from "./record-envelope.ts";
import {
  arrayAt,
  badField,
  flagAt,
  type JsonObject,
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
import { isObject } from "./strict-json.ts";

export const derivationActions = [
  "transcode-lossless",
  "compress-lossy",
  "restore-original",
  "annotate",
  "processed",
] as const;
export type DerivationAction = (typeof derivationActions)[number];

/** How a parent was found when the derivation was signed; what was anything else is no parent. */
const parentVerdicts = ["verified", "verified-with-changes", "received"] as const;
type ParentVerdict = (typeof parentVerdicts)[number];

/** A volume's slices; the envelope holds 64 KiB. */
export const parentsMax = 400;

export interface DerivationParent {
  /** Payload digest of its capture manifest, receipt or derivation. */
  readonly digest: string;
  readonly verdict: ParentVerdict;
}

export interface DerivationStatement extends ContentClaim {
  readonly signer: RecordSigner;
  readonly action: DerivationAction;
  /** Ascending by digest, each once. */
  readonly parents: readonly DerivationParent[];
  /** What made it. */
  readonly product?: SoftwareName;
  /** Who answers for it. */
  readonly operator?: string;
  /** It stands in the place of its one parent, whose SOP Instance UID it has: only an original that was restored can. */
  readonly supersedes: boolean;
  /** SHA-256 of the opening, hexadecimal: it holds a random seed. */
  readonly opening: string;
  readonly derivedAt: string;
}

/** @throws ScansealError `seal-structure` for what its reader would refuse */
export function encodeDerivation(statement: DerivationStatement): Bytes {
  return encodeForm(derivationForm, statement);
}

/** @throws ScansealError `seal-structure` */
export function decodeDerivation(bytes: Bytes): DerivationStatement {
  return decodeForm(derivationForm, bytes);
}

const derivationForm: StatementForm<DerivationStatement> = {
  subject: "instance",
  kind: "derivation",
  predicateOf: (s) => ({
    signer: signerDocument(s.signer),
    action: s.action,
    parents: s.parents.map(({ digest, verdict }) => ({ digest, verdict })),
    ...(s.product === undefined ? {} : { product: softwareDocument(s.product) }),
    ...(s.operator === undefined ? {} : { operator: s.operator }),
    supersedes: s.supersedes,
    opening: s.opening,
    seed: s.seed,
    table: s.table,
    ...contentDocument(s),
    derivedAt: s.derivedAt,
  }),
  read,
};

function read(predicate: JsonObject, root: string): DerivationStatement {
  const statement: DerivationStatement = {
    signer: signerAt(predicate),
    action: oneOf(predicate, "action", derivationActions),
    parents: arrayAt(predicate, "parents", parentsMax).map((entry) =>
      isObject(entry) ? parentAt(entry) : badField("parents"),
    ),
    ...(predicate.product === undefined ? {} : { product: softwareAt(predicate, "product") }),
    ...operatorAt(predicate),
    supersedes: flagAt(predicate, "supersedes"),
    opening: textAt(predicate, "opening", sha256Pattern),
    ...contentAt(predicate, root),
    derivedAt: timeAt(predicate, "derivedAt"),
  };
  const { parents, supersedes, action } = statement;
  if (parents.length === 0) badField("parents");
  if (parents.some(({ digest }, i) => i > 0 && parents[i - 1]!.digest >= digest)) badField("parents");
  if (supersedes && (action !== "restore-original" || parents.length !== 1)) badField("supersedes");
  return statement;
}

function parentAt(entry: JsonObject): DerivationParent {
  return {
    digest: textAt(entry, "digest", sha256Pattern),
    verdict: oneOf(entry, "verdict", parentVerdicts),
  };
}
