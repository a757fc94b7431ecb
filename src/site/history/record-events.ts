/** Signed records about an object as events: each is checked as if a stranger had brought it. */
import { toBase64 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { Role } from "../../keys/trust/roles.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { decodeEnvelope } from "../../provenance/manifest/envelope.ts";
import type {
  DetachedRecord,
  RecordKind,
  RecordLookup,
  RecordSubject,
} from "../../provenance/manifest/record.ts";
import { openRecord } from "../../provenance/manifest/record-envelope.ts";
import type { TrustFact } from "../../zero-trust/evidence/evidence.ts";
import type { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import { type Actor, type HistoryEvent, type SignedStatement, shortDigest } from "./history.ts";
import { type Tale, taleOf } from "./record-tales.ts";

/** Of one object; a patient's merges and an archive's habits make dozens. */
const recordsMax = 200;
/** A correction of a derivation of a receipt. */
const generationsMax = 4;

const rolesOfKind: Readonly<Record<RecordKind, readonly Role[]>> = {
  receipt: ["receipt"],
  derivation: ["derive"],
  correction: ["derive"],
  "archive-changes": ["derive"],
  study: ["derive"],
  series: ["capture", "beside-device"],
};

export interface RecordStory {
  readonly events: readonly HistoryEvent[];
  readonly statements: readonly SignedStatement[];
}

export interface RecordReader {
  readonly lookup: RecordLookup;
  readonly judge: TrustJudge;
  /** Payload digests of the object's own manifests. */
  readonly own: ReadonlySet<string>;
  /** Whether a certificate is one that this site's authority gave out: then its clock is the site's. */
  readonly isOwnSigner: (fingerprint: string) => boolean;
}

/**
 * What is about these subjects, and what names those records in turn.
 * @throws ScansealError `io`
 */
export async function recordEvents(
  subjects: readonly RecordSubject[],
  reader: RecordReader,
): Promise<RecordStory> {
  const { lookup } = reader;
  const found = new Map<string, DetachedRecord>();
  let next = subjects;
  for (let generation = 0; generation < generationsMax && next.length > 0; generation++) {
    const fresh: DetachedRecord[] = [];
    for (const subject of next) {
      for (const record of await lookup.about(subject)) {
        if (found.has(record.digest) || found.size >= recordsMax) continue;
        found.set(record.digest, record);
        fresh.push(record);
      }
    }
    next = fresh.map(({ digest }) => ({ kind: "statement", name: digest }));
  }
  const told = await Promise.all([...found.values()].map((record) => tell(record, reader)));
  const statements = await Promise.all(
    told.map(async ({ record }): Promise<SignedStatement> => {
      const late = await lookup.lateEvidence(record.digest);
      return {
        digest: record.digest,
        predicateType: predicateTypeOf(record.kind),
        envelope: toBase64(record.envelope),
        lateEvidence: late.map(({ type, bytes }) => ({ type, bytes: toBase64(bytes) })),
      };
    }),
  );
  return { events: told.map(({ event }) => event), statements };
}

function predicateTypeOf(kind: RecordKind): string {
  return `https://scanseal.org/${kind}/v1`;
}

interface ToldRecord {
  readonly record: DetachedRecord;
  readonly event: HistoryEvent;
}

async function tell(record: DetachedRecord, { judge, own, isOwnSigner }: RecordReader): Promise<ToldRecord> {
  const { kind, digest } = record;
  try {
    const ports = { crypto: nodeCrypto, spkiOf: (der: Uint8Array) => judge.spkiOf(der) };
    const opened = await openRecord(record, (payload) => taleOf(kind, payload, own), ports);
    const tale = opened.statement;
    const certificate = decodeEnvelope(record.envelope).certificates[0]!;
    const trust = await bestTrust(judge, certificate, rolesOfKind[kind]);
    const fault = faultOf(record, opened.digest, opened.signature, tale, trust);
    return { record, event: eventOf(record, tale, trust, fault, isOwnSigner(trust.fingerprint)) };
  } catch (error) {
    if (!(error instanceof ScansealError) || error.code === "io") throw error;
    const event: HistoryEvent = {
      what: "recorded",
      at: undefined,
      time: "claimed",
      who: [],
      known: { by: "statement", digest, trust: undefined },
      fault: error.message,
      text: `A record of kind ${kind} is kept here that cannot be read.`,
    };
    return { record, event };
  }
}

async function bestTrust(
  judge: TrustJudge,
  certificate: Uint8Array,
  roles: readonly Role[],
): Promise<TrustFact> {
  let first: TrustFact | undefined;
  for (const role of roles) {
    const trust = await judge.judge(certificate, role);
    if (trust.result === "trusted") return trust;
    first ??= trust;
  }
  return first!;
}

function faultOf(
  record: DetachedRecord,
  digest: string,
  signature: string,
  tale: Tale,
  trust: TrustFact,
): string | undefined {
  if (digest !== record.digest) return "it is kept under another record's name";
  if (signature !== "valid") return `its signature does not fit (${signature})`;
  if (trust.result !== "trusted") return `its signer is not trusted here (${trust.result})`;
  if (!trust.hashes.includes(tale.signer.hash)) return "its signer may not use that hash";
  return undefined;
}

function eventOf(
  { kind, digest }: DetachedRecord,
  tale: Tale,
  trust: TrustFact,
  fault: string | undefined,
  isOwn: boolean,
): HistoryEvent {
  const role = kind === "series" ? "device" : "office";
  const signer: Actor = { role, name: trust.signer, certificate: trust.fingerprint };
  const { what, at, who, did, from } = tale;
  return {
    what,
    at,
    time: fault !== undefined ? "claimed" : isOwn && role === "office" ? "T2" : "T3",
    who: [signer, ...who],
    known: { by: "statement", digest, trust: trust.result },
    ...(fault === undefined ? {} : { fault }),
    text: `${trust.signer} ${did} (${shortDigest(digest)}).`,
    ...(from.length === 0 ? {} : { from }),
  };
}
