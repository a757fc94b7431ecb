/**
 * One instance for a reader: fetched from the archive, examined like an object that arrives, compared with what was admitted under its UID, and
 * only then given. What does not pass is held and told; the gate's own copy, where there is one, takes its place.
 */

import type { Bytes } from "../../../foundation/bytes.ts";
import type { Clock } from "../../../foundation/crypto.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { EventSink } from "../../../operations/event.ts";
import type { Evidence } from "../../evidence/evidence.ts";
import { decide } from "../../policy/decide.ts";
import type { Decision } from "../../policy/verdict.ts";
import { told } from "../fault-words.ts";
import type { Examiner } from "../ports.ts";
import { expectationOf } from "./expectation.ts";
import { begunSoon, paced } from "./pace.ts";
import type {
  Admissions,
  AdmittedEntry,
  HeldInstance,
  InstanceName,
  Opener,
  Quarantine,
  ReadableArchive,
  Replicas,
  StagedObject,
  Staging,
} from "./ports.ts";
import type { Read, Withholding } from "./read.ts";
import {
  type Asking,
  delivered,
  type Examined,
  errorCodes,
  heldFor,
  objectOf,
  type ReadingReader,
  type Returned,
} from "./returned.ts";
import { type CacheLimits, VerifiedCache } from "./verified-cache.ts";

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
  /** What the gate never admitted was sealed at this site, by its own records. Undefined: nobody knows. @throws ScansealError `io` */
  readonly wasSealed?: ((asked: InstanceName) => Promise<boolean>) | undefined;
  /** Undefined: nothing is opened for anybody. */
  readonly quarantine?: Quarantine | undefined;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly cache: CacheLimits;
}

type Attempt =
  | { readonly kind: "returned"; readonly returned: Returned }
  | { readonly kind: "absent" }
  | { readonly kind: "failed"; readonly code: string };

type OpenedRead = Extract<Read, { kind: "opened" }>;

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
    const read = await this.#proven(asking);
    if (read.kind === "opened") this.#tellOpened(read, reader, admitted?.objectId);
    if (read.kind !== "withheld" || read.withholding.why === "policy") return read;
    return (await this.#released(asking)) ?? read;
  }

  async #proven(asking: Asking): Promise<Read> {
    const { asked, admitted } = asking;
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
    const why = first?.kind === "opened" ? "held" : withholding.why;
    const given = await this.#copyFor(asking, ours, archive, why);
    if (given && first?.kind === "opened") first.done();
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
    const opened = await this.#opened(asking, returned, undefined);
    if (opened) return opened;
    returned.used.done();
    return withheld(heldFor(returned, admitted));
  }

  #copy(asking: Asking, admitted: AdmittedEntry): Promise<Attempt> {
    return this.#attempt(`copy ${admitted.digest}`, () => this.#parts.replicas.open(admitted), asking);
  }

  /** One that is in quarantine: only people open it. */
  async readHeld(held: HeldInstance, { name: reader, mode }: ReadingReader): Promise<Read> {
    const { verdict, codes } = held;
    const asking: Asking = { asked: held, admitted: undefined, mode, reader };
    const opener = await this.#openerFor(asking, held);
    const opened = opener && (await this.#heldBytes(asking, held, opener));
    if (opened) this.#tellOpened(opened, reader, held.objectId);
    return opened ?? { kind: "withheld", instance: held, withholding: { why: "held", verdict, codes } };
  }

  async #heldBytes(asking: Asking, held: HeldInstance, opener: Opener): Promise<OpenedRead | undefined> {
    const copy = await this.#attempt(`held ${held.digest}`, () => this.#parts.replicas.open(held), asking);
    if (copy.kind !== "returned") return undefined;
    const opened = this.#openedBy(opener, asking, copy.returned, undefined);
    if (!opened) copy.returned.used.done();
    return opened;
  }

  /** What is withheld of a study that was read before may be in quarantine, and released from there. */
  async #released({ asked, reader, mode }: Asking): Promise<Read | undefined> {
    try {
      const held = await this.#parts.quarantine?.releasedTo(reader, asked);
      const read = held && (await this.readHeld(held, { name: reader, mode }));
      return read?.kind === "opened" ? read : undefined;
    } catch (error) {
      return this.#notOpened(error);
    }
  }

  /** What an archive, or a copy of the gate's, returned; undefined where nobody opened it. */
  async #opened(
    asking: Asking,
    returned: Returned,
    archive: string | undefined,
  ): Promise<OpenedRead | undefined> {
    const opener = await this.#openerFor(asking);
    return opener && this.#openedBy(opener, asking, returned, archive);
  }

  async #openerFor({ asked, reader }: Asking, held?: HeldInstance): Promise<Opener | undefined> {
    try {
      return await this.#parts.quarantine?.openerFor(reader, asked.studyInstanceUid, held);
    } catch (error) {
      return this.#notOpened(error);
    }
  }

  #notOpened(error: unknown): undefined {
    this.#parts.events({ kind: "fault", where: "opened for a reader", ...told(error) });
  }

  /** Undefined where it is not what was opened, or cannot be sent. */
  #openedBy(
    opener: Opener,
    asking: Asking,
    returned: Returned,
    archive: string | undefined,
  ): OpenedRead | undefined {
    const object = objectOf(asking, returned, archive);
    const opened = object.sopClassUid === "" ? undefined : opener(object);
    return opened && { kind: "opened", object: opened, done: returned.used.done };
  }

  /** Each one that is given: where a copy that passes takes its place, it was not. */
  #tellOpened({ object: { object, opening } }: OpenedRead, reader: string, id: string | undefined): void {
    const facts = { reader, verdict: object.verdict, ...(id === undefined ? {} : { object: id }) };
    if (opening.kind === "emergency")
      this.#parts.events({ kind: "read-emergency", grant: opening.id, ...facts });
    else this.#parts.events({ kind: "read-released", request: opening.id, ...facts });
  }

  async #fromArchive(archive: ReadableArchive, asking: Asking): Promise<Read> {
    const { asked, admitted } = asking;
    const withheld = (withholding: Withholding): Read => ({ kind: "withheld", instance: asked, withholding });
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = asked;
    const key = ["archive", studyInstanceUid, seriesInstanceUid, sopInstanceUid].join(" ");
    const askedAt = this.#parts.clock.now();
    const copyThere = async (): Promise<boolean> =>
      admitted !== undefined && (await this.#parts.replicas.has(admitted));
    const open = async (): Promise<AsyncIterable<Bytes> | undefined> => {
      const pieces = await begunSoon((onAsked) => archive.fetch(asked, onAsked), copyThere);
      return pieces && paced(pieces);
    };
    const attempt = await this.#attempt(key, open, asking, archive);
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
    const opened = await this.#opened(asking, returned, archive.name);
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
      used.value.held ??= hold({ asked, staged: used.value.staged, evidence, decision, archive });
      const object = await used.value.held;
      const known = admitted ? { admitted: admitted.objectId } : {};
      events({ kind: "read-withheld", object, ...report, ...known });
    } catch (error) {
      used.value.held = undefined;
      events({ kind: "fault", where: "what an archive returned cannot be held", ...told(error) });
      events({ kind: "read-withheld", object: admitted?.objectId ?? "", ...report });
    }
  }

  async #attempt(
    key: string,
    open: () => Promise<AsyncIterable<Bytes> | undefined>,
    { asked, admitted, mode }: Asking,
    archive?: ReadableArchive,
  ): Promise<Attempt> {
    try {
      const wasSealed = !admitted && (await this.#parts.wasSealed?.(asked)) === true;
      const used = await this.#cache.use(key, () => this.#examined(open, archive));
      const facts = used.value.evidence;
      // What was restored here, or received, is proven without its seal.
      const wasStripped = wasSealed && decide(facts, { mode }).verdict === "unsealed";
      const evidence = { ...facts, expectation: expectationOf(facts, asked, admitted, wasStripped) };
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
    archive: ReadableArchive | undefined,
  ): Promise<Examined> {
    const { staging, examiner } = this.#parts;
    const pieces = await open();
    if (!pieces) throw new AbsentError();
    const staged = await staging.stage(pieces);
    try {
      const { extents, digest, bytes } = staged;
      // What a person approved that the archive changes is explained (spec/derivations.md).
      const from = { tolerate: archive?.tolerate ?? [], readFrom: archive?.name };
      const evidence = await examiner.examine({ extents, bytes, digest, ...from });
      return { staged, evidence, bytes, free: () => staged.free() };
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
