/**
 * One instance for a reader: fetched from the archive, examined like an object that arrives, compared with what was admitted under its UID, and
 * only then given. What does not pass is held and told; the gate's own copy, where there is one, takes its place.
 */

import type { Bytes } from "../../../foundation/bytes.ts";
import type { Clock } from "../../../foundation/crypto.ts";
import { type MalformedCode, ScansealError } from "../../../foundation/errors.ts";
import type { EventSink } from "../../../operations/event.ts";
import type { Evidence } from "../../evidence/evidence.ts";
import { admit } from "../../policy/admitted.ts";
import { decide, type Mode } from "../../policy/decide.ts";
import { notAsAdmitted } from "../../policy/reading-findings.ts";
import type { Decision, Verdict } from "../../policy/verdict.ts";
import { readInEmergency } from "../../quarantine/emergency.ts";
import { told } from "../fault-words.ts";
import type { Examiner } from "../ports.ts";
import { expectationOf } from "./expectation.ts";
import type {
  Admissions,
  AdmittedEntry,
  Emergencies,
  HeldInstance,
  InstanceName,
  ReadableArchive,
  Reader,
  Replicas,
  StagedObject,
  Staging,
} from "./ports.ts";
import type { Read, VerifiedObject, Withholding } from "./read.ts";
import { type Cached, type CacheLimits, type InUse, VerifiedCache } from "./verified-cache.ts";

/** What an archive returned and no reader gets. */
export interface ReturnedObject {
  readonly asked: InstanceName;
  readonly staged: StagedObject;
  readonly evidence: Evidence;
  readonly decision: Decision;
  readonly archive: Pick<ReadableArchive, "name" | "tolerate">;
}

/** Puts it into quarantine: returns its journal id; the same bytes again are not held twice. @throws ScansealError `io`, `storage-full` */
export type Holding = (returned: ReturnedObject) => Promise<string>;

export interface ReadingParts {
  /** Undefined: the gate itself is the archive, and its copies are all there is. */
  readonly archive: ReadableArchive | undefined;
  readonly replicas: Replicas;
  readonly admissions: Admissions;
  readonly staging: Staging;
  readonly examiner: Pick<Examiner, "examine">;
  readonly hold: Holding;
  /** Undefined: nothing is opened for anybody. */
  readonly emergencies?: Emergencies | undefined;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly cache: CacheLimits;
}

/** The policy of whoever asks. */
export interface ReadingReader extends Reader {
  readonly mode: Mode;
}

interface Examined extends Cached {
  readonly staged: StagedObject;
  readonly evidence: Evidence;
}

/** What one place returned, and what is decided of it for this reader. */
interface Returned {
  readonly used: InUse<Examined>;
  readonly evidence: Evidence;
  readonly decision: Decision;
}

type Attempt =
  | { readonly kind: "returned"; readonly returned: Returned }
  | { readonly kind: "absent" }
  | { readonly kind: "failed"; readonly code: string };

/** One instance, as it is asked for. */
interface Asking {
  readonly asked: InstanceName;
  readonly admitted: AdmittedEntry | undefined;
  readonly mode: Mode;
  /** Name of the configuration. */
  readonly reader: string;
}

export class InstanceReading {
  readonly #parts: ReadingParts;
  readonly #cache: VerifiedCache<Examined>;
  /** When the archive was asked in vain; undefined once it answered. */
  #unansweredAt: number | undefined;

  constructor(parts: ReadingParts) {
    this.#parts = parts;
    this.#cache = new VerifiedCache(parts.cache, parts.clock);
  }

  /** @param admitted what the gate admitted under this UID; undefined for what only the archive knows. Never rejects for one object's sake. */
  async read(
    asked: InstanceName,
    admitted: AdmittedEntry | undefined,
    { mode, name: reader }: ReadingReader,
  ): Promise<Read> {
    const asking: Asking = { asked, admitted, mode, reader };
    const { archive } = this.#parts;
    if (archive && admitted && this.#isAway) {
      const given = await this.#copyFor(asking, admitted, archive);
      if (given) return given;
    }
    const first: Read | undefined = archive && (await this.#fromArchive(archive, asking));
    if (first?.kind === "delivered") return first;
    const withholding: Withholding = first?.kind === "withheld" ? first.withholding : { why: "missing" };
    // What the reader's own policy withholds, a copy of ours would not change.
    const ours = withholding.why !== "policy" && admitted;
    if (!archive && ours) return await this.#ofOurs(asking, ours);
    if (!archive || !ours) return first ?? { kind: "withheld", instance: asked, withholding };
    const why = first?.kind === "emergency" ? "held" : withholding.why;
    const given = await this.#copyFor(asking, ours, archive, why);
    if (given && first?.kind === "emergency") first.done();
    return given ?? first ?? { kind: "withheld", instance: asked, withholding };
  }

  /** An archive that did not answer a moment ago is not waited for again where a copy does as well. */
  get #isAway(): boolean {
    const { clock } = this.#parts;
    return this.#unansweredAt !== undefined && Math.abs(clock.now() - this.#unansweredAt) < awayMs;
  }

  /** In place of what the archive returned, lost or does not give; undefined without one that passes. */
  async #copyFor(
    asking: Asking,
    admitted: AdmittedEntry,
    archive: ReadableArchive,
    why: "held" | "missing" | "unavailable" = "unavailable",
  ): Promise<Read | undefined> {
    const copy = await this.#copy(asking, admitted);
    if (copy.kind !== "returned") return undefined;
    const given = delivered(asking, copy.returned, undefined);
    if (!given) copy.returned.used.done();
    else this.#parts.events({ kind: "read-replaced", object: admitted.objectId, archive: archive.name, why });
    return given;
  }

  /** Where the gate itself is the archive. */
  async #ofOurs(asking: Asking, admitted: AdmittedEntry): Promise<Read> {
    const withheld = (withholding: Withholding): Read => {
      return { kind: "withheld", instance: asking.asked, withholding };
    };
    const copy = await this.#copy(asking, admitted);
    if (copy.kind === "absent") return withheld({ why: "missing" });
    if (copy.kind === "failed") return withheld({ why: "unavailable", code: copy.code });
    const { returned } = copy;
    const given = delivered(asking, returned, undefined);
    if (given) return given;
    const opened = await this.#inEmergency(asking, returned, undefined);
    if (opened) return opened;
    returned.used.done();
    return withheld(heldFor(returned, admitted));
  }

  #copy(asking: Asking, admitted: AdmittedEntry): Promise<Attempt> {
    return this.#attempt(`copy ${admitted.digest}`, () => this.#parts.replicas.open(admitted), asking);
  }

  /** One that was held when it arrived: only a grant opens it. */
  async readHeld(held: HeldInstance, { name: reader, mode }: ReadingReader): Promise<Read> {
    const asking: Asking = { asked: held, admitted: undefined, mode, reader };
    const copy = await this.#attempt(`held ${held.digest}`, () => this.#parts.replicas.open(held), asking);
    if (copy.kind === "returned") {
      const opened = await this.#inEmergency(asking, copy.returned, undefined);
      if (opened) return opened;
      copy.returned.used.done();
    }
    return { kind: "withheld", instance: held, withholding: { why: "missing" } };
  }

  /** Undefined where nobody opened it, or it cannot be sent. Each one that is given is told. */
  async #inEmergency(
    asking: Asking,
    returned: Returned,
    archive: string | undefined,
  ): Promise<Extract<Read, { kind: "emergency" }> | undefined> {
    const { emergencies, clock, events } = this.#parts;
    const { asked, reader, admitted } = asking;
    const object = objectOf(asking, returned, archive);
    if (!emergencies || object.sopClassUid === "") return undefined;
    try {
      const grant = await emergencies.grant(asked.studyInstanceUid, reader);
      const opened = grant && readInEmergency(object, reader, grant, clock.now());
      if (!opened) return undefined;
      const known = admitted ? { object: admitted.objectId } : {};
      events({ kind: "read-emergency", grant: opened.grant.id, reader, verdict: object.verdict, ...known });
      return { kind: "emergency", object: opened, done: returned.used.done };
    } catch (error) {
      events({ kind: "fault", where: "emergency reading", ...told(error) });
      return undefined;
    }
  }

  async #fromArchive(archive: ReadableArchive, asking: Asking): Promise<Read> {
    const { asked, admitted } = asking;
    const withheld = (withholding: Withholding): Read => ({ kind: "withheld", instance: asked, withholding });
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = asked;
    const key = ["archive", studyInstanceUid, seriesInstanceUid, sopInstanceUid].join(" ");
    const askedAt = this.#parts.clock.now();
    const attempt = await this.#attempt(key, () => archive.fetch(asked), asking, archive.tolerate);
    const isUnanswered = attempt.kind === "failed" && linkCodes.has(attempt.code);
    this.#unansweredAt = isUnanswered ? this.#parts.clock.now() : undefined;
    if (attempt.kind === "failed") {
      const { code } = attempt;
      if (admitted)
        this.#parts.events({ kind: "read-failed", object: admitted.objectId, archive: archive.name, code });
      return withheld({ why: "unavailable", code });
    }
    if (attempt.kind === "absent") {
      if (admitted && !(await this.#wasDelivered(admitted, askedAt)))
        return withheld({ why: "unavailable", code: "network" });
      if (admitted)
        this.#parts.events({ kind: "read-missing", object: admitted.objectId, archive: archive.name });
      return withheld({ why: "missing" });
    }
    const { returned } = attempt;
    const given = delivered(asking, returned, archive.name);
    if (given) return given;
    const withholding = heldFor(returned, admitted);
    if (withholding.why === "held") await this.#hold(archive, asking, returned);
    const opened = await this.#inEmergency(asking, returned, archive.name);
    if (opened) return opened;
    returned.used.done();
    return withheld(withholding);
  }

  /** What an archive was not given yet, it has not lost. Where nobody can say, it may have. */
  async #wasDelivered({ objectId }: AdmittedEntry, before: number): Promise<boolean> {
    try {
      return await this.#parts.admissions.wasDelivered(objectId, before);
    } catch (error) {
      this.#parts.events({ kind: "fault", where: "reading", ...told(error) });
      return true;
    }
  }

  /** Into quarantine, and told. It is withheld whatever becomes of this. */
  async #hold(archive: ReadableArchive, { asked, admitted }: Asking, returned: Returned): Promise<void> {
    const { events, hold } = this.#parts;
    const { used, evidence, decision } = returned;
    const report = { archive: archive.name, verdict: decision.verdict, codes: errorCodes(decision) };
    try {
      const object = await hold({ asked, staged: used.value.staged, evidence, decision, archive });
      const known = admitted ? { admitted: admitted.objectId } : {};
      events({ kind: "read-withheld", object, ...report, ...known });
    } catch (error) {
      events({ kind: "fault", where: "what an archive returned cannot be held", ...told(error) });
      events({ kind: "read-withheld", object: admitted?.objectId ?? "", ...report });
    }
  }

  async #attempt(
    key: string,
    open: () => Promise<AsyncIterable<Bytes> | undefined>,
    { asked, admitted, mode }: Asking,
    tolerate: readonly MalformedCode[] = [],
  ): Promise<Attempt> {
    try {
      const used = await this.#cache.use(key, () => this.#examined(open, tolerate));
      const facts = used.value.evidence;
      const evidence = { ...facts, expectation: expectationOf(facts, asked, admitted) };
      return { kind: "returned", returned: { used, evidence, decision: decide(evidence, { mode }) } };
    } catch (error) {
      if (error instanceof AbsentError) return { kind: "absent" };
      const { code, why } = told(error);
      if (!(error instanceof ScansealError))
        this.#parts.events({ kind: "fault", where: "reading", code, why });
      return { kind: "failed", code };
    }
  }

  async #examined(
    open: () => Promise<AsyncIterable<Bytes> | undefined>,
    tolerate: readonly MalformedCode[],
  ): Promise<Examined> {
    const { staging, examiner } = this.#parts;
    const bytes = await open();
    if (!bytes) throw new AbsentError();
    const staged = await staging.stage(bytes);
    try {
      const { extents, digest } = staged;
      const evidence = await examiner.examine({ extents, bytes: staged.bytes, digest, tolerate });
      return { staged, evidence, bytes: staged.bytes, free: () => staged.free() };
    } catch (error) {
      await staged.free();
      throw error;
    }
  }

  /** Nothing stays of what was fetched, but for what is in use. */
  close(): void {
    this.#cache.clear();
  }
}

/** For so long an archive that did not answer is left out: copies go before it, and a study of 300 waits once for it. */
export const awayMs = 30_000;

/** Of the archive as a whole, not of one object. */
export const linkCodes: ReadonlySet<string> = new Set(["network", "timeout"]);

/** There is no such instance where it was looked for. */
class AbsentError extends Error {}

function delivered(
  asking: Asking,
  returned: Returned,
  archive: string | undefined,
): Extract<Read, { kind: "delivered" }> | undefined {
  const proof = admit(objectOf(asking, returned, archive), returned.decision);
  return proof && { kind: "delivered", object: proof, done: returned.used.done };
}

function objectOf(
  { asked }: Asking,
  { used, evidence, decision }: Returned,
  archive: string | undefined,
): VerifiedObject {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = asked;
  const { sopClassUid = "", transferSyntaxUid = "" } = evidence.format ?? {};
  const { verdict, assurance } = decision;
  return {
    studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid,
    sopClassUid,
    transferSyntaxUid,
    staged: used.value.staged,
    evidence,
    verdict,
    assurance,
    archive,
  };
}

const failing: ReadonlySet<Verdict> = new Set<Verdict>(["altered", "untrusted", "malformed"]);

/** What is as it was admitted, or was never proven and fails no check, is withheld by the reader's own policy: no alarm. */
function heldFor({ decision }: Returned, admitted: AdmittedEntry | undefined): Withholding {
  const { verdict, findings } = decision;
  const isOther = findings.some(({ code }) => notAsAdmitted.has(code));
  const isWorse = admitted !== undefined && admitted.verdict !== verdict;
  const isHeld = failing.has(verdict) || isOther || isWorse;
  return { why: isHeld ? "held" : "policy", verdict, codes: errorCodes(decision) };
}

function errorCodes({ findings }: Decision): readonly string[] {
  return [...new Set(findings.filter(({ severity }) => severity === "error").map(({ code }) => code))];
}
