/** Which records of other sites are kept: those that are whole, signed by whom this site trusts for their kind, and under the names that they open. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { Crypto, HashName } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { Role } from "../../keys/trust/roles.ts";
import { decodeArchiveStatement } from "../../provenance/manifest/archive-statement.ts";
import {
  correctionOpeningFault,
  decodeCorrectionOpening,
} from "../../provenance/manifest/correction-opening.ts";
import { decodeCorrection } from "../../provenance/manifest/correction-statement.ts";
import { openDerivation } from "../../provenance/manifest/derivation.ts";
import { openReceipt } from "../../provenance/manifest/receipt-check.ts";
import type { DetachedRecord, RecordSubject, SubjectKind } from "../../provenance/manifest/record.ts";
import {
  type OpenedRecord,
  openRecord,
  type RecordSigner,
} from "../../provenance/manifest/record-envelope.ts";
import { checkSeriesManifest, checkStudyManifest } from "../../provenance/manifest/series-check.ts";
import type { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";

interface IntakePorts {
  readonly crypto: Crypto;
  readonly trust: TrustJudge;
}

export type Intake = { readonly subjects: readonly RecordSubject[] } | { readonly refused: string };

/** A record that fits its opening, whoever signed it. */
interface Whole {
  readonly subjects: readonly RecordSubject[];
  readonly certificate: Bytes;
  readonly hash: HashName;
  readonly role: Role;
}

/**
 * A record is kept under its payload's digest, and a subject has room for 1,000. One with another opening, kind or signature would keep the right one
 * out for good, and so would any number of a stranger's: neither gets in. What is kept is checked again at every use.
 */
export async function intakeOf(record: DetachedRecord, ports: IntakePorts): Promise<Intake> {
  let whole: Whole | string;
  try {
    whole = await wholeOf(record, ports);
  } catch (error) {
    if (!(error instanceof ScansealError) || error.fault !== "input") throw error;
    return { refused: "it is no record as specified" };
  }
  if (typeof whole === "string") return { refused: whole };
  const { certificate, role, hash, subjects } = whole;
  const { result, hashes } = await ports.trust.judge(certificate, role);
  if (result !== "trusted") return { refused: `its signer is not trusted here for role ${role}: ${result}` };
  return hashes.includes(hash) ? { subjects } : { refused: "its signer may not use this hash" };
}

function wholeOf(record: DetachedRecord, { crypto, trust }: IntakePorts): Promise<Whole | string> {
  const ports = { crypto, spkiOf: (certificate: Bytes) => trust.spkiOf(certificate) };
  switch (record.kind) {
    case "receipt":
      return openReceipt(record, ports).then(({ received, ...opened }) =>
        signedBy("receipt", opened, received && [named("instance", received.opening.sopInstanceUid)]),
      );
    case "derivation":
      return openDerivation(record, ports).then(({ made, ...opened }) => {
        const parents = opened.statement.parents.map(({ digest }) => named("statement", digest));
        return signedBy(
          "derive",
          opened,
          made && [named("instance", made.opening.sopInstanceUid), ...parents],
        );
      });
    case "correction":
      return wholeCorrection(record, ports);
    case "archive-changes":
      return openRecord(record, decodeArchiveStatement, ports).then((opened) => {
        const isAlone = record.opening.length === 0;
        return signedBy("derive", opened, isAlone ? [named("archive", opened.statement.archive)] : undefined);
      });
    case "series":
    case "study":
      return wholeList(record, ports);
  }
}

type OpeningPorts = Parameters<typeof openRecord>[2];

async function wholeCorrection(record: DetachedRecord, ports: OpeningPorts): Promise<Whole | string> {
  const opened = await openRecord(record, decodeCorrection, ports);
  const opening = decodeCorrectionOpening(record.opening);
  const isIts = correctionOpeningFault(ports.crypto, opened.statement, opening) === undefined;
  const before = new Set(opened.statement.studies.flatMap(({ previous }) => previous ?? []));
  const subjects = [
    ...opening.studies.map((uid) => named("study", uid)),
    ...[...before].map((digest) => named("statement", digest)),
  ];
  return signedBy("derive", opened, isIts ? subjects : undefined);
}

async function wholeList(record: DetachedRecord, ports: OpeningPorts): Promise<Whole | string> {
  if (record.kind === "series") {
    const checked = await checkSeriesManifest(record, ports);
    if (checked.fault !== undefined) return `${checked.fault}: ${checked.detail}`;
    const { certificate, hash, statement, opening } = checked;
    return {
      certificate,
      hash,
      role: statement.type,
      subjects: [named("series", opening.seriesInstanceUid)],
    };
  }
  const checked = await checkStudyManifest(record, ports);
  if (checked.fault !== undefined) return `${checked.fault}: ${checked.detail}`;
  const { certificate, hash, opening } = checked;
  return { certificate, hash, role: "derive", subjects: [named("study", opening.studyInstanceUid)] };
}

/** @param subjects undefined where the opening is none of the statement */
function signedBy(
  role: Role,
  { signature, envelope, statement }: OpenedRecord<{ readonly signer: RecordSigner }>,
  subjects: readonly RecordSubject[] | undefined,
): Whole | string {
  if (signature !== "valid") return "its signature does not fit";
  if (!subjects) return "its opening does not open what was signed";
  return { role, subjects, certificate: envelope.certificates[0]!, hash: statement.signer.hash };
}

function named(kind: SubjectKind, name: string): RecordSubject {
  return { kind, name };
}
