/** What a correction commits to: Study Instance UIDs and values. Private; kept beside the statement. Steps 6 to 9 of spec/derivations.md. */
import { uidForm } from "../../dicom/uid.ts";
import { type Bytes, equalBytes, fromBase64, fromLatin1, toBase64, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { Committer, type LeafRecord, rootOf, seedBytes } from "../disclosure/commitment.ts";
import { canonicalUid } from "./canonical-value.ts";
import {
  type CorrectedAttribute,
  type CorrectionStatement,
  correctedChangesMax,
  correctedStudiesMax,
} from "./correction-statement.ts";
import { arrayAt, badField, type JsonObject, textAt } from "./statement-fields.ts";
import { isObject, type JsonValue, parseJson } from "./strict-json.ts";

/** LT is 10,240 characters, of up to four bytes; no identity attribute is longer. */
export const correctedValueBytesMax = 40_960;
/** All values of a correction together, in base64. */
const openingBytesMax = 1 << 20;
const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/;

/** Values as the commitments see them (spec/commitments.md, "Values"); undefined for an attribute that is absent. */
export interface CorrectedValues {
  readonly from: Bytes | undefined;
  readonly to: Bytes | undefined;
}

export interface CorrectionOpening {
  /** 32 bytes. */
  readonly seed: Bytes;
  /** Study Instance UIDs, as the statement's `studies`. */
  readonly studies: readonly string[];
  /** As the statement's `changes`. */
  readonly values: readonly CorrectedValues[];
}

/** @throws ScansealError `seal-structure` for what its reader would refuse */
export function encodeCorrectionOpening(opening: CorrectionOpening): Bytes {
  const bytes = fromLatin1(JSON.stringify(documentOf(opening)));
  decodeCorrectionOpening(bytes);
  return bytes;
}

function documentOf({ seed, studies, values }: CorrectionOpening): JsonValue {
  const text = (value: Bytes | undefined): string | null => (value ? toBase64(value) : null);
  return {
    seed: toBase64(seed),
    studies: [...studies],
    values: values.map(({ from, to }) => ({ from: text(from), to: text(to) })),
  };
}

/** @throws ScansealError `seal-structure` for anything but what `encodeCorrectionOpening` writes */
export function decodeCorrectionOpening(bytes: Bytes): CorrectionOpening {
  if (bytes.length > openingBytesMax) badField("opening");
  const { text: written, value: document } = parseJson(bytes);
  if (!isObject(document)) badField("opening");
  const opening: CorrectionOpening = {
    seed: bytesAt(document, "seed") ?? badField("seed"),
    studies: arrayAt(document, "studies", correctedStudiesMax).map((uid) =>
      typeof uid === "string" && uidForm.test(uid) ? uid : badField("studies"),
    ),
    values: arrayAt(document, "values", correctedChangesMax).map((entry) =>
      isObject(entry) ? { from: bytesAt(entry, "from"), to: bytesAt(entry, "to") } : badField("values"),
    ),
  };
  if (opening.seed.length !== seedBytes) badField("seed");
  if (written !== JSON.stringify(documentOf(opening))) badField("encoding");
  return opening;
}

function bytesAt(entry: JsonObject, key: string): Bytes | undefined {
  if (entry[key] === null) return undefined;
  const text = textAt(entry, key, base64Pattern);
  if (text.length > 2 * correctedValueBytesMax) badField(key);
  try {
    return fromBase64(text);
  } catch {
    return badField(key);
  }
}

/** One attribute that is corrected, before it is committed. */
export interface Correction extends CorrectedValues {
  readonly path: string;
  readonly vr: string;
}

export interface CommittedCorrection {
  readonly root: string;
  readonly seed: string;
  readonly studies: readonly string[];
  readonly changes: readonly CorrectedAttribute[];
}

/** @param corrections ascending by path @throws ScansealError `usage` for a seed that is not 32 bytes */
export function commitCorrection(
  crypto: Crypto,
  seed: Bytes,
  studies: readonly string[],
  corrections: readonly Correction[],
): CommittedCorrection {
  const committer = new Committer(crypto, seed, studies.length + 2 * corrections.length);
  const records: LeafRecord[] = [];
  const commit = (index: number, path: string, vr: string, value: Bytes): string => {
    // Kept as a copy: the committer's own buffer is used again.
    const commitment = committer.commit(index, { path, vr }, value).slice();
    records.push({ path, vr, commitment });
    return toHex(commitment);
  };
  const scope = studies.map((uid, i) => commit(i, `study/${i}`, "UI", canonicalUid(fromLatin1(uid))));
  const changes = corrections.map(({ path, vr, from, to }, i): CorrectedAttribute => {
    const at = studies.length + 2 * i;
    return {
      path,
      vr,
      from: from ? commit(at, `from/${i}/${path}`, vr, from) : null,
      to: to ? commit(at + 1, `to/${i}/${path}`, vr, to) : null,
    };
  });
  return {
    root: rootOf(crypto, records),
    seed: toHex(crypto.hash("SHA-256", seed)),
    studies: scope,
    changes,
  };
}

/** Why an opening is none of this statement; undefined where it is. */
export function correctionOpeningFault(
  crypto: Crypto,
  statement: CorrectionStatement,
  opening: CorrectionOpening,
): string | undefined {
  const { seed, studies, values } = opening;
  // 7. As many studies and values as are committed to.
  if (studies.length !== statement.studies.length || values.length !== statement.changes.length)
    return "the opening is of another correction";
  // 8. Seed, every commitment and the root over them.
  const corrections = statement.changes.map(({ path, vr }, i) => ({ path, vr, ...values[i]! }));
  const made = commitCorrection(crypto, seed, studies, corrections);
  if (made.seed !== statement.seed) return "the seed is not the one that was signed";
  const isSame =
    made.root === statement.root &&
    made.studies.every((commitment, i) => commitment === statement.studies[i]!.study) &&
    made.changes.every(({ from, to }, i) => {
      const signed = statement.changes[i]!;
      return from === signed.from && to === signed.to;
    });
  if (!isSame) return "the opening does not open the commitments";
  // 9. One study once, and one value of a path corrected to one other.
  if (new Set(studies).size !== studies.length) return "a study is named twice";
  if (corrections.some(({ from, to }) => isSameValue(from, to))) return "a value is corrected to itself";
  const isTwice = corrections.some((one, i) =>
    corrections.some((other, k) => k < i && other.path === one.path && isSameValue(other.from, one.from)),
  );
  return isTwice ? "a value is corrected twice" : undefined;
}

/** Two absent values are the same. */
export function isSameValue(a: Bytes | undefined, b: Bytes | undefined): boolean {
  return a && b ? equalBytes(a, b) : a === b;
}
