/** The corrections of a study that count: each checked in full, and in their chain. Numbers are the steps of spec/derivations.md. */
import { ScansealError } from "../../foundation/errors.ts";
import {
  type CorrectionOpening,
  correctionOpeningFault,
  decodeCorrectionOpening,
} from "../../provenance/manifest/correction-opening.ts";
import {
  type CorrectionStatement,
  decodeCorrection,
} from "../../provenance/manifest/correction-statement.ts";
import type { DetachedRecord } from "../../provenance/manifest/record.ts";
import { type OpenedRecord, openRecord } from "../../provenance/manifest/record-envelope.ts";
import { classOfAttribute } from "./attribute-classes.ts";
import type { EvidencePorts } from "./collect.ts";
import type { RecordEvidence, RecordFault, TrustFact } from "./evidence.ts";
import { recordSigner } from "./record-signer.ts";

export type RecordPorts = Pick<EvidencePorts, "crypto" | "trust" | "records">;

export interface TrustedCorrection {
  /** SHA-256 of its payload. */
  readonly digest: string;
  readonly statement: CorrectionStatement;
  readonly opening: CorrectionOpening;
  /** "adt-a08, 2026-01-31T23:59:59.123Z, by site-derivations" */
  readonly summary: string;
}

export interface StudyCorrections {
  /** By version, from 1 without a gap. */
  readonly chain: readonly TrustedCorrection[];
  /** Sound, and newer than the chain, which they do not follow: they explain nothing, but what they say is older is not current. */
  readonly detached: readonly TrustedCorrection[];
  /** What was found and explains nothing. */
  readonly faulty: readonly RecordEvidence[];
}

/** Told of each study; the rest is of the same kind. */
const faultyMax = 16;

/** @throws ScansealError `io` */
export async function correctionsOf(studyInstanceUid: string, ports: RecordPorts): Promise<StudyCorrections> {
  const found = (await ports.records?.about({ kind: "study", name: studyInstanceUid })) ?? [];
  const faulty: RecordEvidence[] = [];
  const sound: Placed[] = [];
  for (const record of found) {
    if (record.kind !== "correction") continue;
    const checked = await checkCorrection(record, studyInstanceUid, ports);
    if ("faults" in checked) faulty.push(checked);
    else if (!sound.some(({ correction }) => correction.digest === checked.correction.digest))
      sound.push(checked);
  }
  const { chain, outside } = chained(sound);
  const detached = sound.flatMap(({ correction }) => (chain.includes(correction) ? [] : [correction]));
  return { chain, detached, faulty: [...faulty, ...outside].slice(0, faultyMax) };
}

/** A correction that holds, with its place in one study's chain. */
interface Placed {
  readonly correction: TrustedCorrection;
  readonly version: number;
  readonly previous: string | undefined;
  readonly trust: TrustFact;
}

async function checkCorrection(
  record: DetachedRecord,
  studyInstanceUid: string,
  ports: RecordPorts,
): Promise<Placed | RecordEvidence> {
  const { crypto, trust: judge } = ports;
  let opened: OpenedRecord<CorrectionStatement>;
  try {
    opened = await openRecord(record, decodeCorrection, {
      crypto,
      spkiOf: (certificate) => judge.spkiOf(certificate),
    }); // 1 to 4
  } catch (error) {
    return structureFault(record.digest, error);
  }
  const { statement, digest } = opened;
  const trust = await recordSigner(opened.envelope.certificates[0]!, "derive", digest, ports);
  const fault = (code: RecordFault, detail: string): RecordEvidence => ({
    record: digest,
    faults: [code],
    detail,
    trust,
  });
  const signer = signerFault(opened, trust);
  if (signer) return fault(...signer);
  // 6. The opening is exactly what its writer writes. 7 to 9: it opens what was signed.
  let opening: CorrectionOpening;
  try {
    opening = decodeCorrectionOpening(record.opening);
  } catch (error) {
    return { ...structureFault(digest, error), faults: ["record-opening"], trust };
  }
  const wrong = correctionOpeningFault(crypto, statement, opening);
  if (wrong !== undefined) return fault("record-opening", wrong);
  // 10. Identity, and nothing else, can be corrected.
  if (statement.changes.some(({ path }) => classOfAttribute(path) !== "identity"))
    return fault("record-content", "it corrects what is no identity attribute");
  // 11. It is about this study.
  const at = opening.studies.indexOf(studyInstanceUid);
  if (at < 0) return fault("record-content", "it is about another study");
  const { version, previous } = statement.studies[at]!;
  const summary = `${statement.basis}, ${statement.correctedAt}, by ${trust.signer}`;
  return { correction: { digest, statement, opening, summary }, version, previous, trust };
}

/** Steps 3 to 5 (7 of spec/records.md): one signer, whose signature fits, of the right role, with a hash that it may use. */
export function signerFault(
  { signature, statement }: OpenedRecord<{ readonly signer: CorrectionStatement["signer"] }>,
  trust: TrustFact,
): readonly [RecordFault, string] | undefined {
  if (signature === "invalid") return ["record-signature-invalid", "the signature does not fit"];
  if (signature !== "valid") return ["record-signer", signature];
  if (trust.result !== "trusted") return ["record-signer", trust.detail ?? trust.result];
  if (!trust.hashes.includes(statement.signer.hash))
    return ["record-signer", "the signer may not use this hash"];
  return undefined;
}

export function structureFault(record: string, error: unknown): RecordEvidence {
  if (!(error instanceof ScansealError) || error.code !== "seal-structure") throw error;
  return { record, faults: ["record-structure"], detail: error.message, trust: undefined };
}

/** 12. From version 1, each names the one before. What forks, or names what is not there, explains nothing, nor does what follows. */
function chained(sound: readonly Placed[]): {
  readonly chain: readonly TrustedCorrection[];
  readonly outside: readonly RecordEvidence[];
} {
  const chain: TrustedCorrection[] = [];
  for (let version = 1; ; version++) {
    const next = sound.filter((one) => one.version === version);
    if (next.length !== 1 || next[0]!.previous !== chain.at(-1)?.digest) break;
    chain.push(next[0]!.correction);
  }
  const outside = sound
    .filter(({ correction }) => !chain.includes(correction))
    .map(
      ({ correction, trust }): RecordEvidence => ({
        record: correction.digest,
        faults: ["record-content"],
        detail:
          "it does not follow the corrections before it: one is missing, or there are two of one version",
        trust,
      }),
    );
  return { chain, outside };
}
