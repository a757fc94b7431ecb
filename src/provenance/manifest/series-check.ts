/** Making series and study manifests, and checking them. The numbers are the steps of spec/series-manifests.md; 1 to 4 are every record's. */
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto, HashName, Signer } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { DetachedRecord } from "./record.ts";
import { type OpenedRecord, openRecord, signerOf, signRecord } from "./record-envelope.ts";
import {
  decodeSeriesOpening,
  decodeStudyOpening,
  encodeSeriesOpening,
  encodeStudyOpening,
  type SeriesOpening,
  type StudyOpening,
  seriesRoot,
  studyRoot,
} from "./series-opening.ts";
import {
  decodeSeriesStatement,
  encodeSeriesStatement,
  type SeriesStatement,
  type VersionedList,
} from "./series-statement.ts";
import { decodeStudyStatement, encodeStudyStatement, type StudyStatement } from "./study-statement.ts";

export interface ManifestSigner {
  readonly crypto: Crypto;
  readonly signer: Signer;
}

/** What the caller says of a new version; the rest is computed. */
export type NewVersion = Pick<VersionedList, "version" | "previous" | "software" | "madeAt">;

/** @throws ScansealError `seal-structure` for what no reader would take, or what the signer throws */
export function signSeriesManifest(
  opening: SeriesOpening,
  said: NewVersion & Pick<SeriesStatement, "type" | "state">,
  ports: ManifestSigner,
): Promise<DetachedRecord> {
  const bytes = encodeSeriesOpening(opening);
  const list = listOf(opening, seriesRoot(ports.crypto, opening), said, ports);
  const statement: SeriesStatement = { ...list, type: said.type, state: said.state };
  return signRecord("series", encodeSeriesStatement(statement), bytes, ports);
}

/** @throws ScansealError `seal-structure` for what no reader would take, or what the signer throws */
export function signStudyManifest(
  opening: StudyOpening,
  said: NewVersion,
  ports: ManifestSigner,
): Promise<DetachedRecord> {
  const bytes = encodeStudyOpening(opening);
  const statement = listOf(opening, studyRoot(ports.crypto, opening), said, ports);
  return signRecord("study", encodeStudyStatement(statement), bytes, ports);
}

function listOf(
  { seed, entries }: { readonly seed: Bytes; readonly entries: readonly unknown[] },
  root: string,
  { version, previous, software, madeAt }: NewVersion,
  { crypto, signer }: ManifestSigner,
): VersionedList {
  return {
    signer: signerOf(crypto, signer),
    root,
    seed: toHex(crypto.hash("SHA-256", seed)),
    version,
    ...(previous === undefined ? {} : { previous }),
    count: entries.length,
    software,
    madeAt,
  };
}

/** Why a manifest counts for nothing: the step that refused it. */
export type ListFault = "record-structure" | "record-signer" | "record-signature-invalid" | "record-opening";

export interface CheckPorts {
  readonly crypto: Crypto;
  readonly spkiOf: (certificate: Bytes) => Bytes;
}

export type CheckedList<S, O> =
  | { readonly fault: ListFault; readonly detail: string }
  | {
      readonly fault?: undefined;
      readonly statement: S;
      readonly opening: O;
      readonly digest: string;
      /** DER; whether it is trusted is judged elsewhere. */
      readonly certificate: Bytes;
      readonly hash: HashName;
    };

export type CheckedSeries = CheckedList<SeriesStatement, SeriesOpening>;
export type CheckedStudy = CheckedList<StudyStatement, StudyOpening>;

/** Whether it is what its signer signed; a fault is data. Which signer may sign it, and whether it is the newest, is judged elsewhere. */
export function checkSeriesManifest(record: DetachedRecord, ports: CheckPorts): Promise<CheckedSeries> {
  return checkList(record, ports, decodeSeriesStatement, decodeSeriesOpening, seriesRoot);
}

export function checkStudyManifest(record: DetachedRecord, ports: CheckPorts): Promise<CheckedStudy> {
  return checkList(record, ports, decodeStudyStatement, decodeStudyOpening, studyRoot);
}

async function checkList<
  S extends VersionedList,
  O extends { readonly seed: Bytes; readonly entries: readonly unknown[] },
>(
  record: DetachedRecord,
  ports: CheckPorts,
  decode: (payload: Bytes) => S,
  open: (opening: Bytes) => O,
  rootOf: (crypto: Crypto, opening: O) => string,
): Promise<CheckedList<S, O>> {
  const { crypto } = ports;
  let opened: OpenedRecord<S>;
  try {
    // 1 to 4.
    opened = await openRecord(record, decode, ports);
  } catch (error) {
    return faultOf(error, "record-structure");
  }
  const { statement, signature, digest, envelope } = opened;
  if (signature === "invalid") return { fault: "record-signature-invalid", detail: signature };
  if (signature !== "valid") return { fault: "record-signer", detail: signature };
  // 5. The opening is exactly what its writer writes.
  let opening: O;
  try {
    opening = open(record.opening);
  } catch (error) {
    return faultOf(error, "record-opening");
  }
  const wrong = (detail: string): CheckedList<S, O> => ({ fault: "record-opening", detail });
  // 6. Its seed is the statement's.
  if (toHex(crypto.hash("SHA-256", opening.seed)) !== statement.seed) return wrong("seed");
  // 7. So is the number of entries.
  if (opening.entries.length !== statement.count) return wrong("count");
  // 8. And so is the root over which series or study it is and the entries in their order.
  if (rootOf(crypto, opening) !== statement.root) return wrong("root");
  return { statement, opening, digest, certificate: envelope.certificates[0]!, hash: statement.signer.hash };
}

function faultOf(error: unknown, fault: ListFault): { readonly fault: ListFault; readonly detail: string } {
  if (error instanceof ScansealError && error.fault === "input") return { fault, detail: error.message };
  throw error;
}
