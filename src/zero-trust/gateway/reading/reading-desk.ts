/** A study, series or instance for a reader: what the gate admitted and what only the archive knows, each read and verified; nothing left out in silence. */
import { ScansealError } from "../../../foundation/errors.ts";
import { Turns } from "../../../foundation/turns.ts";
import { told } from "../fault-words.ts";
import { awayMs, InstanceReading, linkCodes, type ReadingParts } from "./instance-reading.ts";
import { type Notices, WithheldTally } from "./notice.ts";
import type {
  AdmittedEntry,
  AdmittedInstances,
  HeldInstance,
  InstanceName,
  ReadableArchive,
  ReadScope,
} from "./ports.ts";
import type { NoticeRead, Read } from "./read.ts";
import { ReadingRecord } from "./reading-record.ts";
import type { ReadingReader } from "./returned.ts";

export interface ReadingDeskParts extends ReadingParts {
  readonly admitted: AdmittedInstances;
  /** Fetched and examined ahead of the one that is given: at least 1. */
  readonly aheadMax: number;
  /** An archive that was not reached is not asked again what it has for so long; 30 s unless told. */
  readonly listAgainMs?: number;
  /** Undefined: nobody is told in a picture what is withheld. */
  readonly notices?: Notices | undefined;
}

/** What there is to be read: what the gate admitted, in the order of the study, and then what else there is. */
export interface ReadingPlan {
  readonly instances: readonly PlannedInstance[];
  /** Known when the archive has answered, which for a large study takes a second: nothing that was admitted waits for it. */
  readonly others: Promise<OtherInstances>;
}

export interface OtherInstances {
  /** What only the archive knows, and what was held when it arrived: withheld, unless people opened it for this reader. */
  readonly instances: readonly PlannedInstance[];
  /** The archive could not be asked what else it has: code of a ScansealError. Then what the gate never admitted may be missing. */
  readonly archiveUnlisted: string | undefined;
}

const noOthers: OtherInstances = { instances: [], archiveUnlisted: undefined };

/** Nothing but these. */
export function planOf(instances: readonly PlannedInstance[]): ReadingPlan {
  return { instances, others: Promise.resolve(noOthers) };
}

/** One after the other, what only the archive knows at the end. */
export function joinedPlans(plans: readonly ReadingPlan[]): ReadingPlan {
  const others = Promise.all(plans.map((plan) => plan.others)).then((all) => ({
    instances: all.flatMap(({ instances }) => instances),
    archiveUnlisted: all.find(({ archiveUnlisted }) => archiveUnlisted !== undefined)?.archiveUnlisted,
  }));
  return { instances: plans.flatMap(({ instances }) => instances), others: awaited(others) };
}

/** Whoever reads the plan to its end sees what went wrong; whoever does not need not. */
function awaited<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

export interface PlannedInstance {
  readonly asked: InstanceName;
  readonly admitted: AdmittedEntry | undefined;
  /** It was held when it arrived. */
  readonly held?: HeldInstance | undefined;
  /** It was asked for by name, and the archive could not be asked for it: code of a ScansealError. */
  readonly unavailable?: string | undefined;
}

/** An operation of more is none of a person: a bound on what a request, and an archive's answer, take. */
const plannedMax = 200_000;
/** Associations to ask what there is, beside those that fetch: archives have few for everybody. */
const listsMax = 2;

/** Of all that one operation reads, however many studies it names. */
export class PlanRoom {
  #left = plannedMax;

  /** For one more. @throws ScansealError `usage` */
  take(): void {
    if (this.#left-- <= 0) throw new ScansealError("usage", "too many instances to be read at once");
  }
}

/** What was asked for by its name is read, and fails, where nobody knows whether the archive has it. */
export function withAsked(
  plan: ReadingPlan,
  { sopInstanceUid, seriesInstanceUid, studyInstanceUid }: ReadScope,
): ReadingPlan {
  if (sopInstanceUid === undefined || seriesInstanceUid === undefined || plan.instances.length > 0)
    return plan;
  const asked = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
  const others = plan.others.then((known): OtherInstances => {
    const { instances, archiveUnlisted: unavailable } = known;
    if (unavailable === undefined || instances.length > 0) return known;
    return { ...known, instances: [{ asked, admitted: undefined, unavailable }] };
  });
  return { ...plan, others: awaited(others) };
}

export class ReadingDesk {
  readonly #parts: ReadingDeskParts;
  readonly #reading: InstanceReading;
  readonly #record: ReadingRecord;
  /** The archive was not reached when it was asked what it has. */
  #unlisted: { readonly at: number; readonly code: string } | undefined;
  readonly #lists: Turns = new Turns(listsMax);

  constructor(parts: ReadingDeskParts) {
    this.#parts = parts;
    this.#reading = new InstanceReading(parts);
    this.#record = new ReadingRecord(parts.events);
  }

  /** @throws ScansealError, as the promise of the others does: `io` of the index; `usage` where the operation has no room */
  async plan(scope: ReadScope, room: PlanRoom = new PlanRoom()): Promise<ReadingPlan> {
    const { admitted, archive } = this.#parts;
    // One instance that was admitted needs no list: nothing else has its name.
    const isStudyOrSeries = scope.sopInstanceUid === undefined;
    const early = archive && isStudyOrSeries ? this.#listed(archive, scope) : undefined;
    const instances: PlannedInstance[] = [];
    const seen = new Set<string>();
    for await (const entry of admitted.entriesOf(scope)) {
      room.take();
      seen.add(entry.sopInstanceUid);
      instances.push({ asked: entry, admitted: entry });
    }
    const late = archive && !isStudyOrSeries && instances.length === 0;
    const listed = late ? this.#listed(archive, scope) : early;
    return { instances, others: awaited(this.#othersOf(scope, listed, { seen, room })) };
  }

  /** An archive that is not reached is not waited for by each study: it is left out for a while, as in searches. */
  #listed(archive: ReadableArchive, scope: ReadScope): Promise<ArchiveList> {
    return this.#lists.run(() => this.#listedNow(archive, scope));
  }

  async #listedNow(archive: ReadableArchive, scope: ReadScope): Promise<ArchiveList> {
    const { clock, listAgainMs = awayMs } = this.#parts;
    const { at, code } = this.#unlisted ?? {};
    if (at !== undefined && Math.abs(clock.now() - at) < listAgainMs) return { names: [], unlisted: code };
    const list = await listedBy(archive, scope);
    const { unlisted } = list;
    const isAway = unlisted !== undefined && linkCodes.has(unlisted);
    this.#unlisted = isAway ? { at: clock.now(), code: unlisted } : undefined;
    return list;
  }

  /** @param seen is added to */
  async #othersOf(
    scope: ReadScope,
    listed: Promise<ArchiveList> | undefined,
    { seen, room }: { readonly seen: Set<string>; readonly room: PlanRoom },
  ): Promise<OtherInstances> {
    const { admissions, archive, events } = this.#parts;
    const { names = [], unlisted } = (await listed) ?? {};
    if (archive && unlisted !== undefined)
      events({ kind: "read-failed", archive: archive.name, code: unlisted });
    const instances: PlannedInstance[] = [];
    for (const asked of names) {
      if (seen.has(asked.sopInstanceUid)) continue;
      room.take();
      seen.add(asked.sopInstanceUid);
      // Admitted a moment ago, and not in the index yet.
      const entry = await admissions.entryOf(asked);
      instances.push({ asked: entry ?? asked, admitted: entry });
      if (archive && !entry) events({ kind: "read-unknown", archive: archive.name });
    }
    for (const held of await this.#held(scope, seen)) {
      if (seen.has(held.sopInstanceUid)) continue;
      room.take();
      instances.push({ asked: held, admitted: undefined, held });
    }
    return { instances, archiveUnlisted: unlisted };
  }

  /** Where the one instance that was asked for is known, nothing else has its name. */
  async #held(scope: ReadScope, seen: ReadonlySet<string>): Promise<readonly HeldInstance[]> {
    const isFound = scope.sopInstanceUid !== undefined && seen.has(scope.sopInstanceUid);
    return isFound ? [] : ((await this.#parts.quarantine?.held(scope)) ?? []);
  }

  /** In their order. Whoever takes a delivered one calls its `done`. @throws ScansealError of `others` */
  async *read(plan: ReadingPlan, reader: ReadingReader): AsyncGenerator<Read, void, undefined> {
    yield* this.#each(plan.instances, reader);
    yield* this.#each((await plan.others).instances, reader);
  }

  /** The same, and at the end what tells of those that were withheld. @param noticeSyntax undefined: nothing does */
  async *readWithNotices(
    plan: ReadingPlan,
    reader: ReadingReader,
    noticeSyntax: string | undefined,
  ): AsyncGenerator<Read | NoticeRead, void, undefined> {
    const { notices, events } = this.#parts;
    if (noticeSyntax === undefined || !notices) {
      yield* this.read(plan, reader);
      return;
    }
    const tally = new WithheldTally(notices, events);
    yield* this.#tallied(plan.instances, reader, tally);
    const { instances, archiveUnlisted } = await plan.others;
    yield* this.#tallied(instances, reader, tally);
    const isArchiveUnlisted = archiveUnlisted !== undefined;
    yield* tally.read(reader, { transferSyntaxUid: noticeSyntax, isArchiveUnlisted });
  }

  async *#tallied(
    instances: readonly PlannedInstance[],
    reader: ReadingReader,
    tally: WithheldTally,
  ): AsyncGenerator<Read, void, undefined> {
    tally.expect(instances);
    let at = 0;
    for await (const read of this.#each(instances, reader)) {
      await tally.add(read, instances[at++]!);
      yield read;
    }
  }

  /** Some ahead of the one that is given. */
  async *#each(
    instances: readonly PlannedInstance[],
    reader: ReadingReader,
  ): AsyncGenerator<Read, void, undefined> {
    const ahead: Promise<Read>[] = [];
    try {
      let next = 0;
      const oldest = async (): Promise<Read> => this.#noted(await ahead.shift()!, instances[next++]!, reader);
      for (const one of instances) {
        ahead.push(this.#one(one, reader));
        if (ahead.length >= this.#parts.aheadMax) yield await oldest();
      }
      while (ahead.length > 0) yield await oldest();
    } finally {
      // The reader went away: what was fetched for it is nobody's.
      for (const read of ahead)
        void read.then((one) => {
          if (one.kind !== "withheld") one.done();
        });
    }
  }

  #one({ asked, admitted, held, unavailable: code }: PlannedInstance, reader: ReadingReader): Promise<Read> {
    if (held) return this.#reading.readHeld(held, reader);
    if (code === undefined) return this.#reading.read(asked, admitted, reader);
    const withholding = { why: "unavailable", code } as const;
    return Promise.resolve({ kind: "withheld", instance: asked, withholding });
  }

  #noted(read: Read, { asked, admitted }: PlannedInstance, { name: reader }: ReadingReader): Read {
    const { studyInstanceUid, sopInstanceUid } = asked;
    const isGiven = read.kind !== "withheld";
    this.#record.note({ reader, studyInstanceUid, sopInstanceUid, isGiven, objectId: admitted?.objectId });
    return read;
  }

  close(): void {
    this.#record.close();
    this.#reading.close();
  }
}

interface ArchiveList {
  readonly names: readonly InstanceName[];
  /** Code of a ScansealError. */
  readonly unlisted: string | undefined;
}

/** Asked for at once: what the gate admitted is looked up meanwhile. Never rejects. */
async function listedBy(archive: ReadableArchive, scope: ReadScope): Promise<ArchiveList> {
  const names: InstanceName[] = [];
  try {
    for await (const name of archive.list(scope)) {
      // There is more than is planned for: nobody may take it for all.
      if (names.length >= plannedMax) return { names, unlisted: "peer-protocol" };
      names.push(name);
    }
    return { names, unlisted: undefined };
  } catch (error) {
    return { names, unlisted: told(error).code };
  }
}
