/**
 * Evidence and policy on every acknowledged object, off the network's path. Whatever goes wrong here, the object is held or judged again; a
 * delivery is only ever made from an `Admitted`.
 */
import { tolerableCodes } from "../../dicom/read.ts";
import { uidForm } from "../../dicom/uid.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { type MalformedCode, ScansealError } from "../../foundation/errors.ts";
import type {
  ActRecord,
  JudgedObject,
  Judgement,
  JudgementOutcome,
  Lease,
} from "../../store/journal/journal.ts";
import type { SpoolLocation } from "../../store/spool/spool.ts";
import type { Evidence } from "../evidence/evidence.ts";
import { type Admitted, admit } from "../policy/admitted.ts";
import { decide, decideIncomplete, type Mode, strictestMode } from "../policy/decide.ts";
import type { Decision, Finding, IncompleteDecision } from "../policy/verdict.ts";
import { claimedDevices } from "./claimed-devices.ts";
import { told } from "./fault-words.ts";
import { inFiles, storeCopy } from "./object-copy.ts";
import type { ExaminedEvidence, GatewayPorts } from "./ports.ts";
import { SealingStage } from "./sealer/sealing-stage.ts";
import type { GatewaySettings, SourceSettings } from "./settings.ts";
import type { SourceBook } from "./source-recognition.ts";
import { tolerableOnArrival } from "./tolerable.ts";

/** An examination that failed (a worker died, or took too long) is repeated; an object that does it each time is held. */
const examinationsMax = 3;
/** Claims of one object: above this it ended the gateway itself, again and again. */
const claimsMax = 5;

export interface JudgeState {
  readonly settings: GatewaySettings;
  readonly book: SourceBook;
}

/** What happened to the object, for those who act on it. */
export interface Judged {
  readonly object: JudgedObject;
  readonly outcome: JudgementOutcome & { readonly result: "committed" };
  readonly destinations: readonly string[];
}

/** Evidence, or why there is none. */
type Examined = { readonly evidence: ExaminedEvidence } | { readonly incomplete: string };

export class Judge {
  readonly #ports: GatewayPorts;
  readonly #state: () => JudgeState;
  readonly #gather: () => Promise<void>;
  readonly #stage: SealingStage;
  readonly #onReplaced: (id: string, location: SpoolLocation) => void;

  /**
   * @param gather awaited before a judgement is written, so that several are written together
   * @param onReplaced called with the damaged record of an object that came again: to be released when nobody reads it
   */
  constructor(
    ports: GatewayPorts,
    state: () => JudgeState,
    gather: () => Promise<void> = async () => undefined,
    onReplaced: (id: string, location: SpoolLocation) => void = () => undefined,
  ) {
    this.#ports = ports;
    this.#state = state;
    this.#gather = gather;
    this.#stage = new SealingStage(ports);
    this.#onReplaced = onReplaced;
  }

  /**
   * Undefined when the lease was lost: another gateway judges it.
   * @param onExamined called when the examiner is done with it; not in every case
   * @throws ScansealError `io`, `storage-full` of the journal
   */
  async judge(
    lease: Lease<JudgedObject>,
    onExamined: () => void = () => undefined,
  ): Promise<Judged | undefined> {
    const judging: { isExamined?: true } = {};
    try {
      const examined = await this.#examine(lease);
      judging.isExamined = true;
      onExamined();
      if ("incomplete" in examined) return await this.#holdUnchecked(lease, examined.incomplete);
      return await this.#sealOrDecide(lease, examined.evidence);
    } catch (error) {
      const { code, why } = told(error);
      // The journal is away: what was found is no reason to hold the object. It is judged again.
      if (judging.isExamined && (code === "io" || code === "storage-full")) throw error;
      this.#ports.events({ kind: "fault", where: "judge", code, why });
      return this.#holdUnchecked(lease, `the check failed: ${code}`);
    }
  }

  async #examine({ work, attempt }: Lease<JudgedObject>): Promise<Examined> {
    if (attempt > claimsMax) return { incomplete: `not finished in ${attempt - 1} tries` };
    const allowed = allowedIn(work, this.#state().book.named(work.source));
    const tolerate = allowed.filter((code) => tolerableOnArrival.has(code));
    const { location, release } = await inFiles(work, this.#ports);
    try {
      const extents = this.#ports.spool.files(location);
      const isForIndex = this.#ports.onToIndex !== undefined;
      const readFrom = work.source;
      const examined = { extents, bytes: work.bytes, digest: work.digest, tolerate, readFrom, isForIndex };
      for (let tries = 1; ; tries++) {
        try {
          return { evidence: await this.#ports.examiner.examine(examined) };
        } catch (error) {
          const { code, why } = told(error);
          this.#ports.events({ kind: "fault", where: "examiner", code, why });
          if (tries === examinationsMax)
            return { incomplete: `the examination failed ${tries} times: ${code}` };
        }
      }
    } finally {
      await release();
    }
  }

  /** What is to be sealed is judged when it is; the original only where it is not. */
  async #sealOrDecide(lease: Lease<JudgedObject>, found: ExaminedEvidence): Promise<Judged | undefined> {
    const { arrival, source } = lease.work;
    const settings = this.#state().book.named(source);
    const isOriginal = !arrival.returned && arrival.sealedFrom === undefined && !arrival.uidDiffers;
    if (!isOriginal || !settings?.sealing || namesAnother(found, lease.work))
      return this.#decide(lease, found);
    const taken = await this.#stage.take(lease, found, settings, settings.sealing);
    if (taken.kind === "settled") return undefined;
    return this.#decide(lease, taken.sealer ? { ...found, sealer: taken.sealer } : found);
  }

  async #decide(lease: Lease<JudgedObject>, found: ExaminedEvidence): Promise<Judged | undefined> {
    const { packedAttributes, ...examined } = found;
    const object = lease.work;
    const uidDiffers = object.arrival.uidDiffers || namesAnother(examined, object);
    const mode = await this.#modeOf(object, examined);
    const { returned } = object.arrival;
    const expectation = returned ? { expectation: returned.expectation } : {};
    const first: Evidence = { ...examined, ...expectation, arrival: { uidDiffers, conflict: false } };
    const decision = decide(first, { mode });
    const admitted = admit(object, decision);
    if (!admitted) return this.#commitHeld(lease, decision, judgementOf(first, decision, mode));
    const keepReceipt = await this.#receiptFor(object, first, admitted);
    const made = judgementOf(first, decision, mode);
    const toIndex = this.#ports.onToIndex && toIndexOf(first, decision, packedAttributes);
    const judged = await this.#commitAdmitted(lease, admitted, { ...made, toIndex });
    if (judged !== "conflict") {
      // Never of what is held: somebody else's object under a UID must not be vouched for.
      if (judged) await this.#guarded(keepReceipt);
      return judged;
    }
    // Another object was admitted under this SOP Instance UID: never an overwrite.
    const again: Evidence = { ...examined, ...expectation, arrival: { uidDiffers, conflict: true } };
    const held = decide(again, { mode });
    return this.#commitHeld(lease, held, judgementOf(again, held, mode));
  }

  /** Prepared before the judgement: after it the bytes may be gone. A receipt that cannot be given holds nothing up. */
  async #receiptFor(
    { location, source }: JudgedObject,
    evidence: Evidence,
    { basis }: Admitted<JudgedObject>,
  ): Promise<(() => Promise<void>) | undefined> {
    const { receipts, spool } = this.#ports;
    if (!receipts || !location || basis !== "observed") return undefined;
    if (this.#state().book.named(source)?.receipts !== true) return undefined;
    return this.#guarded(() => receipts.prepare(spool.files(location), evidence, source));
  }

  async #guarded<T>(body: (() => Promise<T>) | undefined): Promise<T | undefined> {
    try {
      return await body?.();
    } catch (error) {
      this.#ports.events({ kind: "fault", where: "receipt", ...told(error) });
      return undefined;
    }
  }

  /** The strictest policy that applies, whoever sent the object (DESIGN 4). */
  async #modeOf(object: JudgedObject, evidence: Evidence): Promise<Mode> {
    const { book } = this.#state();
    // No source of its own: an archive that returned it to a reader.
    const { returned, sealedFrom } = object.arrival;
    // What was sealed here must verify, whatever is let pass unsealed.
    const isOurs = returned !== undefined || sealedFrom !== undefined;
    const own = isOurs ? "enforce" : (book.named(object.source)?.mode ?? "enforce");
    if (own === "enforce") return own;
    const { format } = evidence;
    const claimed = claimedDevices(evidence);
    const ofDevices = book.all
      .filter(({ devices }) => devices.some((name) => claimed.has(name)))
      .map(({ mode }) => mode);
    // Where white space is tolerated, other readers leave it out.
    const study = (object.studyInstanceUid ?? format?.studyInstanceUid)?.replace(/\s/g, "");
    const sources = study === undefined ? [] : await this.#ports.journal.sealedStudySources(study);
    const ofStudy = sources.map((name) => book.named(name)?.mode ?? "enforce");
    return strictestMode([own, ...ofDevices, ...ofStudy]);
  }

  /** The only place where deliveries are made. */
  async #commitAdmitted(
    lease: Lease<JudgedObject>,
    { object, basis }: Admitted<JudgedObject>,
    made: Omit<Judgement, "judgedAt">,
  ): Promise<Judged | undefined | "conflict"> {
    const { destinations } = this.#state().settings;
    // What an archive returned is there already, or was exchanged there.
    const wanted = object.arrival.returned ? [] : destinations.filter(({ takes }) => takes === "admitted");
    const archives = wanted.map(({ name }) => name);
    await this.#gather();
    const judgement = { ...made, basis, stored: object.stored, judgedAt: this.#ports.clock.now() };
    const outcome = await this.#commit(lease, judgement, archives);
    if (outcome.result === "conflict") {
      const { conflictWith } = outcome;
      await this.#ports.journal.addRecord(this.#recordOf("object.conflict", object.id, { conflictWith }));
      return "conflict";
    }
    const judged = await this.#committed(object, judgement, outcome, archives);
    if (judged?.outcome.state === "admitted") this.#ports.onToIndex?.();
    return judged;
  }

  async #holdUnchecked(lease: Lease<JudgedObject>, detail: string): Promise<Judged | undefined> {
    const decision = decideIncomplete(detail);
    return this.#commitHeld(lease, decision, {
      ...decision,
      ...nothingProven,
      findings: stored(decision.findings),
      mode: this.#state().book.named(lease.work.source)?.mode ?? "enforce",
      enforced: "held",
    });
  }

  async #commitHeld(
    lease: Lease<JudgedObject>,
    decision: Decision | IncompleteDecision,
    made: Omit<Judgement, "judgedAt">,
  ): Promise<Judged | undefined> {
    const { work } = lease;
    const stored = await this.#storeHeld(work);
    await this.#gather();
    const judgedAt = this.#ports.clock.now();
    const judgement: Judgement = { ...made, disposition: "held", stored, judgedAt };
    const outcome = await this.#commit(lease, judgement, []);
    if (outcome.result === "conflict")
      throw new ScansealError(
        "internal",
        `a held object (${decision.verdict ?? "unchecked"}) cannot overwrite`,
      );
    return this.#committed(work, judgement, outcome, []);
  }

  async #commit(
    { work, fence }: Lease<JudgedObject>,
    judgement: Judgement,
    destinations: readonly string[],
  ): Promise<Exclude<JudgementOutcome, { readonly result: "damaged" }>> {
    for (;;) {
      const outcome = await this.#ports.journal.commitJudgement(work.id, fence, judgement, destinations);
      if (outcome.result !== "damaged") return outcome;
      await this.#restore(outcome.objectId, work);
    }
  }

  /** An object whose kept copy is damaged came again: the fresh bytes take their place. @throws ScansealError `io`, `storage-full` */
  async #restore(id: string, fresh: JudgedObject): Promise<void> {
    const { journal, events } = this.#ports;
    try {
      await storeCopy(fresh, this.#ports);
    } catch (error) {
      if (told(error).code !== "internal") throw error;
      await journal.reportDamage(this.#recordOf("object.bytes-changed", fresh.id, { where: "spool" }));
      return;
    }
    const record = this.#recordOf("object.bytes-restored", id, { from: fresh.id });
    const replaced = await journal.restoreCopy(record);
    events({ kind: "stored", object: id, bytes: fresh.bytes });
    if (replaced) this.#onReplaced(id, replaced);
  }

  /** Held objects may stay for months: they leave the spool. Where that fails the spool keeps them. */
  async #storeHeld(object: JudgedObject): Promise<boolean> {
    try {
      await storeCopy(object, this.#ports);
      return true;
    } catch (error) {
      const { code, why } = told(error);
      this.#ports.events({ kind: "fault", where: "held object stays in the spool", code, why });
      if (code === "internal")
        await this.#ports.journal.reportDamage(
          this.#recordOf("object.bytes-changed", object.id, { where: "spool" }),
        );
      return false;
    }
  }

  #recordOf(act: string, subject: string, detail: ActRecord["detail"]): ActRecord {
    const { newId, clock } = this.#ports;
    return { id: newId(), at: clock.now(), actor: "gateway", act, subject, detail };
  }

  async #committed(
    object: JudgedObject,
    judgement: Judgement,
    outcome: JudgementOutcome,
    destinations: readonly string[],
  ): Promise<Judged | undefined> {
    if (outcome.result !== "committed") return undefined;
    this.#ports.events({
      kind: "object-judged",
      object: object.id,
      source: object.source,
      verdict: judgement.verdict ?? "none",
      state: outcome.state,
      codes: judgement.findings.filter(({ severity }) => severity === "error").map(({ code }) => code),
      ms: judgement.judgedAt - object.receivedAt,
    });
    if (outcome.spoolFreed && object.location) await this.#ports.spool.release(object.location);
    return { object, outcome, destinations };
  }
}

function allowedIn({ arrival }: JudgedObject, source: SourceSettings | undefined): readonly MalformedCode[] {
  const { returned } = arrival;
  if (!returned) return source?.tolerate ?? [];
  return [...tolerableCodes].filter((code) => returned.tolerate.includes(code));
}

const nothingProven = { basis: undefined, payloadDigest: undefined, sealedBy: undefined, stored: false };

function toIndexOf(
  { manifest }: Evidence,
  { verdict }: Decision,
  attributes: Bytes | undefined,
): NonNullable<Judgement["toIndex"]> {
  const isProven = verdict === "verified" || verdict === "verified-with-changes";
  return { attributes, payloadDigest: isProven ? manifest?.payloadDigest : undefined };
}

function judgementOf(evidence: Evidence, decision: Decision, mode: Mode): Omit<Judgement, "judgedAt"> {
  const { verdict, disposition, assurance, findings } = decision;
  const isProven = verdict === "verified" || verdict === "verified-with-changes";
  const seal = isProven ? evidence.manifest : undefined;
  return {
    ...nothingProven,
    verdict,
    disposition,
    assurance,
    mode,
    enforced: decide(evidence, { mode: "enforce" }).disposition,
    findings: stored(findings),
    payloadDigest: isAsSealed(evidence) ? seal?.payloadDigest : undefined,
    sealedBy: seal?.trust?.signer,
    studyInstanceUid: seal && wellFormedUid(evidence.format?.studyInstanceUid),
  };
}

/**
 * The same seal is a re-send only of an object that has the same entries: one that a correction or an archive changed is another version, which must
 * not be taken for the one that is there.
 */
function isAsSealed({ content }: Evidence): boolean {
  return content?.attributes.every(({ explainedBy }) => explainedBy === undefined) ?? false;
}

function stored(findings: readonly Finding[]): Judgement["findings"] {
  return findings.map((finding) => ({ ...finding, location: { ...finding.location } }));
}

function wellFormedUid(text: string | undefined): string | undefined {
  return text !== undefined && uidForm.test(text) ? text : undefined;
}

/** The receiver could not always read the data set; the examiner may have. */
function namesAnother({ format }: Evidence, object: JudgedObject): boolean {
  return (
    format !== undefined &&
    (format.sopInstanceUid !== object.sopInstanceUid || format.sopClassUid !== object.sopClassUid)
  );
}
