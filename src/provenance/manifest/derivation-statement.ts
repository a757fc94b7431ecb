/** A signed statement of what an object was made from, and how: spec/derivations.md. No identifier and no unsalted digest of content stands in it. */
import { type Bytes, fromLatin1 } from "../../foundation/bytes.ts";
import { type ContentClaim, contentAt, contentDocument } from "./content-claim.ts";
import { type RecordSigner, signerAt } from "./record-envelope.ts";
import {
  arrayAt,
  badField,
  flagAt,
  type JsonObject,
  labelPattern,
  objectAt,
  oneOf,
  sha256Pattern,
  textAt,
  timeAt,
} from "./statement-fields.ts";
import { isArray, isObject, type JsonValue, parseJson } from "./strict-json.ts";

const statementType = "https://in-toto.io/Statement/v1";
const predicateType = "https://scanseal.org/derivation/v1";

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
  readonly product?: { readonly name: string; readonly version: string };
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
  const bytes = fromLatin1(JSON.stringify(documentOf(statement)));
  decodeDerivation(bytes);
  return bytes;
}

function documentOf(s: DerivationStatement): JsonValue {
  const { product, operator } = s;
  return {
    _type: statementType,
    subject: [{ name: "instance", digest: { scansealRoot: s.root } }],
    predicateType,
    predicate: {
      signer: { certificate: s.signer.certificate, hash: s.signer.hash },
      action: s.action,
      parents: s.parents.map(({ digest, verdict }) => ({ digest, verdict })),
      ...(product === undefined ? {} : { product: { name: product.name, version: product.version } }),
      ...(operator === undefined ? {} : { operator }),
      supersedes: s.supersedes,
      opening: s.opening,
      seed: s.seed,
      table: s.table,
      ...contentDocument(s),
      derivedAt: s.derivedAt,
    },
  };
}

/** Reads a payload; it must be exactly what `encodeDerivation` writes. @throws ScansealError `seal-structure` */
export function decodeDerivation(bytes: Bytes): DerivationStatement {
  const { text: written, value: document } = parseJson(bytes);
  const subjects = isObject(document) ? document.subject : undefined;
  const subject = isArray(subjects) ? subjects[0] : undefined;
  const predicate = objectAt(document, "predicate");
  const product = predicate.product === undefined ? undefined : objectAt(predicate, "product");
  const operator =
    predicate.operator === undefined ? {} : { operator: textAt(predicate, "operator", labelPattern) };
  const statement: DerivationStatement = {
    signer: signerAt(predicate),
    action: oneOf(predicate, "action", derivationActions),
    parents: arrayAt(predicate, "parents", parentsMax).map((entry) =>
      isObject(entry) ? parentAt(entry) : badField("parents"),
    ),
    ...(product === undefined
      ? {}
      : {
          product: {
            name: textAt(product, "name", labelPattern),
            version: textAt(product, "version", labelPattern),
          },
        }),
    ...operator,
    supersedes: flagAt(predicate, "supersedes"),
    opening: textAt(predicate, "opening", sha256Pattern),
    ...contentAt(predicate, textAt(objectAt(subject, "digest"), "scansealRoot", sha256Pattern)),
    derivedAt: timeAt(predicate, "derivedAt"),
  };
  const { parents, supersedes, action } = statement;
  if (parents.length === 0) badField("parents");
  if (parents.some(({ digest }, i) => i > 0 && parents[i - 1]!.digest >= digest)) badField("parents");
  if (supersedes && (action !== "restore-original" || parents.length !== 1)) badField("supersedes");
  if (written !== JSON.stringify(documentOf(statement))) badField("encoding");
  return statement;
}

function parentAt(entry: JsonObject): DerivationParent {
  return {
    digest: textAt(entry, "digest", sha256Pattern),
    verdict: oneOf(entry, "verdict", parentVerdicts),
  };
}
