/** Which differences trusted records account for, and whether something newer stands in the object's place: steps 13 to 15 of spec/derivations.md. */
import type { DicomObject } from "../../dicom/model.ts";
import { type Bytes, equalBytes } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { Committer, type LeafRecord } from "../../provenance/disclosure/commitment.ts";
import { decodeLeafTable } from "../../provenance/disclosure/leaf-table.ts";
import { attributeLeaves } from "../../provenance/manifest/attribute-leaves.ts";
import type { OpenedManifest } from "../../provenance/manifest/check.ts";
import { isSameValue } from "../../provenance/manifest/correction-opening.ts";
import type { Opening } from "../../provenance/manifest/sealed-values.ts";
import { habitsOf, matchingHabit } from "./archive-check.ts";
import type { EvidencePorts } from "./collect.ts";
import { correctionsOf, type StudyCorrections, type TrustedCorrection } from "./correction-check.ts";
import type {
  AttributeChange,
  ChangeExplanation,
  ContentEvidence,
  FormatFacts,
  RecordEvidence,
  SupersededEvidence,
} from "./evidence.ts";

export interface ExplainRequest {
  readonly object: DicomObject;
  /** Compared with what was sealed, or received. */
  readonly content: ContentEvidence;
  /** What the comparison rests on; both fit the statement. */
  readonly opening: Opening;
  readonly studyInstanceUid: string | undefined;
}

export interface ExplainedContent {
  readonly content: ContentEvidence;
  readonly supersededBy?: SupersededEvidence;
  /** Corrections and approvals that were found and count for nothing. */
  readonly recordFaults?: readonly RecordEvidence[];
}

export type ExplainPorts = Pick<EvidencePorts, "crypto" | "trust" | "records" | "readFrom">;

const noCorrections: StudyCorrections = { chain: [], detached: [], faulty: [] };

/** @throws ScansealError `io` */
export async function explainChanges(
  request: ExplainRequest,
  ports: ExplainPorts,
): Promise<ExplainedContent> {
  const { content, studyInstanceUid } = request;
  if (!ports.records || content.unlocalised) return { content };
  const { faulty, ...corrections } =
    studyInstanceUid === undefined ? noCorrections : await correctionsOf(studyInstanceUid, ports);
  const isNone = corrections.chain.length + corrections.detached.length === 0;
  const corrected = isNone ? { content } : await applyCorrections(request, corrections, ports.crypto);
  const habits = await habitsOf(ports);
  const explained = habits.approved
    ? withExplanations(corrected.content, (change) => matchingHabit(habits.approved!, change))
    : corrected.content;
  const faults = [...faulty, ...habits.faulty];
  return { ...corrected, content: explained, ...(faults.length === 0 ? {} : { recordFaults: faults }) };
}

/** The same for an object whose seal is trusted. Empty where its content was not compared. @throws ScansealError `io` */
export async function sealedContentExplained(
  object: DicomObject,
  { containers: opening }: OpenedManifest,
  content: ContentEvidence | undefined,
  { studyInstanceUid }: FormatFacts,
  ports: ExplainPorts,
): Promise<Partial<ExplainedContent>> {
  return content ? explainChanges({ object, content, opening, studyInstanceUid }, ports) : {};
}

/** What is explained already stays as it is. */
function withExplanations(
  content: ContentEvidence,
  explain: (change: AttributeChange) => ChangeExplanation | undefined,
): ContentEvidence {
  const attributes = content.attributes.map((change) => {
    const explainedBy = change.explainedBy ?? explain(change);
    return explainedBy ? { ...change, explainedBy } : change;
  });
  return { ...content, attributes };
}

/** A value in force at a time: undefined for an absent attribute. */
type Value = Bytes | undefined;

interface Place {
  readonly explainedBy: TrustedCorrection | undefined;
  /** The first correction of this path that the object has not got. */
  readonly missing: TrustedCorrection | undefined;
}

async function applyCorrections(
  { object, content, opening }: ExplainRequest,
  { chain, detached }: Pick<StudyCorrections, "chain" | "detached">,
  crypto: Crypto,
): Promise<ExplainedContent> {
  const values = await sealedAndPresent(object, content, opening, [...chain, ...detached], crypto);
  const explanations = new Map<string, ChangeExplanation>();
  const missing = new Set<TrustedCorrection>();
  for (const [path, { sealed, present }] of values) {
    const place = placeOf(path, sealed, present, chain);
    if (place?.explainedBy)
      explanations.set(path, {
        kind: "correction",
        record: place.explainedBy.digest,
        summary: place.explainedBy.summary,
      });
    // A chain that forks, or lacks a link, explains no further; but what its newer corrections call older is not delivered as current.
    const newer = place && (place.missing ?? correcting(path, present, detached));
    if (newer) missing.add(newer);
  }
  const explained = withExplanations(content, ({ path, isIrregular }) =>
    isIrregular ? undefined : explanations.get(path),
  );
  const first = [...chain, ...detached].find((correction) => missing.has(correction));
  if (!first) return { content: explained };
  const { digest, statement, summary } = first;
  return {
    content: explained,
    supersededBy: { record: digest, by: "correction", at: statement.correctedAt, summary },
  };
}

function correcting(
  path: string,
  present: Value,
  corrections: readonly TrustedCorrection[],
): TrustedCorrection | undefined {
  return corrections.find(({ statement, opening }) =>
    statement.changes.some(
      (change, i) => change.path === path && isSameValue(opening.values[i]!.from, present),
    ),
  );
}

/**
 * 14. The values that a path had, from the sealed one through every correction of the chain; the object has one of them, or the change is not
 * explained.
 */
function placeOf(
  path: string,
  sealed: Value,
  present: Value,
  chain: readonly TrustedCorrection[],
): Place | undefined {
  const values: Value[] = [sealed];
  const by: TrustedCorrection[] = [];
  for (const correction of chain) {
    const current = values.at(-1);
    const at = correction.statement.changes.findIndex(
      (change, i) => change.path === path && isSameValue(correction.opening.values[i]!.from, current),
    );
    if (at < 0) continue;
    values.push(correction.opening.values[at]!.to);
    by.push(correction);
  }
  // 15. The newest place of a value that came back.
  const at = values.findLastIndex((value) => isSameValue(value, present));
  if (at < 0) return undefined;
  return { explainedBy: by[at - 1], missing: by[at] };
}

/**
 * 13. For each path that a correction names: what the object has, and what was sealed. That is the same where nothing differs; else it is the
 * value of a correction that the sealed commitment opens to. Paths whose sealed value is none that is known are left out.
 */
async function sealedAndPresent(
  object: DicomObject,
  content: ContentEvidence,
  { seed, table }: Opening,
  chain: readonly TrustedCorrection[],
  crypto: Crypto,
): Promise<ReadonlyMap<string, { readonly sealed: Value; readonly present: Value }>> {
  const paths = new Set(chain.flatMap(({ statement }) => statement.changes.map(({ path }) => path)));
  const differing = new Set(content.attributes.map(({ path }) => path));
  const present = await valuesAt(object, paths);
  const isDifferent = [...paths].some((path) => differing.has(path));
  const sealed =
    isDifferent && seed && table ? sealedLeaves(crypto, seed, decodeLeafTable(table)) : undefined;
  const found = new Map<string, { readonly sealed: Value; readonly present: Value }>();
  for (const path of paths) {
    const value = present.get(path);
    // A bulk value is none that a correction gave.
    if (value !== undefined && !(value instanceof Uint8Array)) continue;
    if (!differing.has(path)) {
      found.set(path, { sealed: value, present: value });
      continue;
    }
    const origin = knownValues(chain, path).find((guess) => sealed?.(path, guess));
    if (origin) found.set(path, { sealed: origin.value, present: value });
  }
  return found;
}

interface Guess {
  readonly value: Value;
}

function knownValues(chain: readonly TrustedCorrection[], path: string): Guess[] {
  return chain.flatMap(({ statement, opening }) =>
    statement.changes.flatMap((change, i) =>
      change.path === path ? [{ value: opening.values[i]!.from }] : [],
    ),
  );
}

/** Whether the sealed value was that one. */
function sealedLeaves(
  crypto: Crypto,
  seed: Bytes,
  records: readonly LeafRecord[],
): (path: string, guess: Guess) => boolean {
  const committer = new Committer(crypto, seed, records.length);
  return (path, { value }) => {
    const index = records.findIndex((record) => record.path === path);
    const record = records[index];
    if (!record || !value) return !record && !value;
    return equalBytes(committer.commit(index, record, value), record.commitment);
  };
}

/** Canonical values of the attributes at some paths, in one walk over the elements they stand in. */
export async function valuesAt(
  object: DicomObject,
  paths: ReadonlySet<string>,
): Promise<ReadonlyMap<string, unknown>> {
  const tops = new Set([...paths].map((path) => Number.parseInt(path.slice(0, 8), 16)));
  const leaves = await attributeLeaves(object, { isAsked: (tag) => tops.has(tag) });
  return new Map(leaves.flatMap(({ path, value }) => (paths.has(path) ? [[path, value] as const] : [])));
}
