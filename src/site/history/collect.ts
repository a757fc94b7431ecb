/** Puts the chain of custody of one object together: from its bytes where there are any, and from what the site kept. */
import { readDicom, tolerableCodes } from "../../dicom/read.ts";
import { uidForm } from "../../dicom/uid.ts";
import { type ByteSource, readChunks } from "../../foundation/byte-source.ts";
import { type Bytes, toBase64, toHex } from "../../foundation/bytes.ts";
import { isLimit, isMalformed, ScansealError } from "../../foundation/errors.ts";
import type { TrustStore } from "../../keys/trust/trust-store.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import { type OpenedManifest, openManifest } from "../../provenance/manifest/check.ts";
import type { RecordSubject } from "../../provenance/manifest/record.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { ProvenanceJournal, SealRecord } from "../../store/provenance/provenance-journal.ts";
import type { Evidence } from "../../zero-trust/evidence/evidence.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import { recordLookup } from "../provenance/record-lookup.ts";
import type { FileVerifier } from "../verification.ts";
import { capturedBy, contradictionsIn, existsSince, type Looked, touchedSince } from "./answers.ts";
import { gatewayEvents, type LookedAt } from "./gateway-events.ts";
import {
  type History,
  type HistoryEvent,
  type HistoryObject,
  inTimeOrder,
  isoTime,
  type SignedStatement,
} from "./history.ts";
import { recordEvents } from "./record-events.ts";
import {
  claimedChanges,
  keptTimeEvents,
  manifestEvents,
  revocationEvent,
  sealRowEvents,
} from "./seal-events.ts";
import { seriesAnswer } from "./series-answer.ts";

export interface HistorySources {
  /** Looks at bytes as `scanseal show` does. */
  readonly verifier: Pick<FileVerifier, "judge">;
  readonly trust: TrustStore;
  /** What the site keeps beside objects; undefined where it keeps nothing. */
  readonly provenance: ProvenanceJournal | undefined;
  /** Of the site's gate, where there is one. */
  readonly gateway: Journal | undefined;
}

/** Bytes that were looked at. */
interface Seen extends Looked {
  readonly object: HistoryObject;
  readonly manifest: OpenedManifest | undefined;
  /** SHA-256 of all bytes, hexadecimal. */
  readonly digest: string;
}

export class HistoryReader {
  readonly #sources: HistorySources;
  readonly #judge: TrustJudge;

  constructor(sources: HistorySources) {
    this.#sources = sources;
    this.#judge = new TrustJudge(sources.trust, nodeCrypto, systemClock.now());
  }

  /** @throws ScansealError `io` */
  async ofBytes(source: ByteSource): Promise<History> {
    const seen = await this.#look(source);
    return this.#tell(seen.object, seen);
  }

  /** Without the object: only what was kept about its UID. @throws ScansealError `io` */
  async ofUid(sopInstanceUid: string): Promise<History> {
    const { provenance, gateway } = this.#sources;
    const [seal] = (await provenance?.sealsOfInstance(sopInstanceUid)) ?? [];
    const [received] = (await gateway?.objects({ sopInstanceUid, limit: 1 })) ?? [];
    return this.#tell({
      sopInstanceUid,
      seriesInstanceUid: seal?.seriesInstanceUid ?? received?.seriesInstanceUid,
      studyInstanceUid: seal?.studyInstanceUid ?? received?.studyInstanceUid,
      sopClassUid: received?.sopClassUid,
    });
  }

  async #look(source: ByteSource): Promise<Seen> {
    const { evidence, decision } = await this.#sources.verifier.judge(source);
    const manifest = await readSeal(source);
    return { evidence, decision, digest: await digestOf(source), object: namesOf(evidence), manifest };
  }

  async #tell(object: HistoryObject, seen?: Seen): Promise<History> {
    const { provenance, gateway } = this.#sources;
    const uid = object.sopInstanceUid;
    const digest = seen?.evidence.manifest?.payloadDigest;
    const seals = uid === undefined ? [] : ((await provenance?.sealsOfInstance(uid)) ?? []);
    const kept = await this.#kept(object, digest, seen ? [] : seals);
    const events = [
      ...(seen ? manifestEvents(seen.evidence, await this.#queuedAt(digest)) : []),
      ...claimedChanges(seen?.evidence.originalAttributes ?? []),
      ...(await sealRowEvents(seals, seen ? { digest } : undefined, this.#judge)),
      ...kept.events,
      ...(await this.#timeEvents(seen?.evidence, digest, seals)),
      ...this.#revocations(seen, seals),
      ...(gateway && uid !== undefined ? await gatewayEvents(gateway, uid, seen && lookedAt(seen)) : []),
    ];
    const ordered = inTimeOrder(withContentFaults(toldOnce(events), seen?.evidence));
    return {
      object,
      verdict: seen?.decision.verdict,
      assurance: seen?.decision.assurance,
      capturedBy: capturedBy(seen, ordered),
      touchedSince: touchedSince(seen, ordered),
      series: await seriesAnswer(object, { provenance, gateway, judge: this.#judge }),
      existsSince: existsSince(seen, ordered),
      events: ordered,
      contradictions: contradictionsIn(seen, ordered, seals),
      statements: [...(await this.#ownStatement(seen, digest)), ...kept.statements],
    };
  }

  /**
   * Signed records about the object, its seal, its series and its study.
   * @param seals of its UID, where the object was not looked at: one of them may be its own
   */
  async #kept(
    object: HistoryObject,
    digest: string | undefined,
    seals: readonly SealRecord[],
  ): Promise<{ readonly events: readonly HistoryEvent[]; readonly statements: readonly SignedStatement[] }> {
    const { provenance } = this.#sources;
    if (!provenance) return { events: [], statements: [] };
    const digests = digest === undefined ? seals.map((seal) => seal.payloadDigest) : [digest];
    const { sopInstanceUid, seriesInstanceUid, studyInstanceUid } = object;
    const subjects: RecordSubject[] = [
      ...named("instance", sopInstanceUid),
      ...digests.map((name) => ({ kind: "statement", name }) as const),
      ...named("series", seriesInstanceUid),
      ...named("study", studyInstanceUid),
    ];
    const isOwnSigner = (fingerprint: string): boolean => this.#sources.trust.devices.has(fingerprint);
    const reader = {
      lookup: recordLookup(provenance),
      judge: this.#judge,
      own: new Set(digests),
      isOwnSigner,
    };
    return recordEvents(subjects, reader);
  }

  async #timeEvents(
    evidence: Evidence | undefined,
    digest: string | undefined,
    seals: readonly SealRecord[],
  ): Promise<HistoryEvent[]> {
    const { provenance } = this.#sources;
    if (!provenance) return [];
    const isProven = evidence?.log?.state === "proven";
    if (digest !== undefined) return keptTimeEvents(provenance, digest, isProven);
    const told = await Promise.all(
      seals.map((seal) => keptTimeEvents(provenance, seal.payloadDigest, false)),
    );
    // Of an object without a seal they tell what happened to another one.
    return told.flat().map((event) => (evidence ? { ...event, ofOtherBytes: true } : event));
  }

  /** When this site gave the seal to the log. */
  async #queuedAt(digest: string | undefined): Promise<string | undefined> {
    const logged = digest === undefined ? undefined : await this.#sources.provenance?.entryOfSeal(digest);
    return logged && isoTime(logged.entry.queuedAt);
  }

  #revocations(seen: Seen | undefined, seals: readonly SealRecord[]): HistoryEvent[] {
    const own = seen?.manifest?.envelope.certificates[0];
    const name = seen?.evidence.manifest?.trust?.signer ?? "the signer";
    const signers: (readonly [Bytes, string])[] = own
      ? [[own, name]]
      : seen
        ? []
        : seals.map(({ certificate, device }) => [certificate, device]);
    return signers.flatMap(
      ([certificate, signer]) => revocationEvent(this.#sources.trust, this.#judge, certificate, signer) ?? [],
    );
  }

  async #ownStatement(seen: Seen | undefined, digest: string | undefined): Promise<SignedStatement[]> {
    const envelope = seen?.manifest?.containers.envelope;
    if (!envelope || digest === undefined) return [];
    const inside = seen?.manifest?.containers.lateEvidence ?? [];
    const beside = (await this.#sources.provenance?.lateEvidence(digest)) ?? [];
    const late = [...inside, ...beside].map(({ type, bytes }) => ({ type, bytes: toBase64(bytes) }));
    const unique = late.filter((one, i) => late.findIndex(({ bytes }) => bytes === one.bytes) === i);
    return [
      {
        digest,
        predicateType: "https://scanseal.org/capture/v1",
        envelope: toBase64(envelope),
        lateEvidence: unique,
      },
    ];
  }
}

function lookedAt({ digest, evidence, decision }: Seen): LookedAt {
  const isWhole = decision.verdict === "verified" || decision.verdict === "verified-with-changes";
  return { digest, payloadDigest: isWhole ? evidence.manifest?.payloadDigest : undefined };
}

async function digestOf(source: ByteSource): Promise<string> {
  const hash = nodeCrypto.createHash("SHA-256");
  for await (const piece of readChunks(source, 0, source.size)) hash.update(piece);
  return toHex(hash.digest());
}

function named(kind: RecordSubject["kind"], name: string | undefined): RecordSubject[] {
  return name === undefined || name === "" ? [] : [{ kind, name }];
}

/** What the object names itself; text that is no UID is none. */
function namesOf({ format }: Evidence): HistoryObject {
  const uid = (text: string | undefined): string | undefined =>
    text !== undefined && uidForm.test(text) ? text : undefined;
  return {
    sopInstanceUid: uid(format?.sopInstanceUid),
    seriesInstanceUid: uid(format?.seriesInstanceUid),
    studyInstanceUid: uid(format?.studyInstanceUid),
    sopClassUid: uid(format?.sopClassUid),
  };
}

/** The seal as it can be read; what it proves is the evidence's business. */
async function readSeal(source: ByteSource): Promise<OpenedManifest | undefined> {
  try {
    return await openManifest(await readDicom(source, { tolerate: tolerableCodes }), nodeCrypto);
  } catch (error) {
    if (error instanceof ScansealError) {
      const { code } = error;
      if (code === "seal-structure" || isMalformed(code) || isLimit(code)) return undefined;
    }
    throw error;
  }
}

/** What stands in an object's place is a record, which is told by itself where it is kept here. */
function toldOnce(events: readonly HistoryEvent[]): HistoryEvent[] {
  const isRecord = (digest: string, { what, known }: HistoryEvent): boolean =>
    what !== "superseded" && known.by === "statement" && known.digest === digest;
  const replaced = events.flatMap(({ what, known }) =>
    what === "superseded" && known.by === "statement" && events.some((one) => isRecord(known.digest, one))
      ? [known.digest]
      : [],
  );
  return events.flatMap((event) => {
    const { known, what, text } = event;
    if (known.by !== "statement" || !replaced.includes(known.digest)) return event;
    return what === "superseded"
      ? []
      : { ...event, text: `${text} What it says stands in this object's place.` };
  });
}

/** A record may hold, and be about another content than this object's. */
function withContentFaults(events: readonly HistoryEvent[], evidence: Evidence | undefined): HistoryEvent[] {
  const checked = [evidence?.receipt, evidence?.derivation].flatMap((record) => record ?? []);
  return events.map((event) => {
    const { known, fault } = event;
    if (known.by !== "statement" || fault !== undefined) return event;
    const record = checked.find((one) => one.record === known.digest && one.faults.length > 0);
    return record
      ? { ...event, fault: record.faults.map((one) => one.replaceAll("-", " ")).join("; ") }
      : event;
  });
}
