/**
 * Emergency reading: one authenticated person opens one study to one reader for a limited time, at once and alone; somebody else reviews it afterwards.
 * What was withheld is given then, untouched, never into an archive. Grants are records of the journal, which only grow.
 */
import { ScansealError } from "../../foundation/errors.ts";
import type { ActRecord, Journal } from "../../store/journal/journal.ts";
import { isSamePerson } from "../../store/journal/same-person.ts";
import type { QuarantinePorts } from "./ports.ts";
import { requireReason } from "./two-people.ts";

export interface EmergencyGrant {
  readonly id: string;
  readonly studyInstanceUid: string;
  /** Name of the configuration. */
  readonly reader: string;
  readonly by: string;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  readonly until: number;
  readonly closedAt: number | undefined;
  readonly reviewedBy: string | undefined;
}

type Records = Pick<Journal, "records">;

/** A night; whoever needs longer opens it again, and is seen to. */
const emergencyMsMax: number = 12 * 60 * 60_000;
export const emergencyMsDefault: number = 4 * 60 * 60_000;
const acts = {
  opened: "emergency.opened",
  closed: "emergency.closed",
  reviewed: "emergency.reviewed",
} as const;
/** Of one study. */
const recordsMax = 1_000;

export interface EmergencyAsked {
  readonly studyInstanceUid: string;
  readonly reader: string;
  readonly by: string;
  readonly reason: string;
  readonly ms: number;
}

/** In force at once. Whoever calls this has established who `by` is. @throws ScansealError `usage`, `io` */
export async function openEmergency(
  { journal, newId, clock }: QuarantinePorts,
  { studyInstanceUid, reader, by, reason, ms }: EmergencyAsked,
): Promise<EmergencyGrant> {
  if (!(ms > 0 && ms <= emergencyMsMax))
    throw new ScansealError("usage", `an emergency lasts up to ${emergencyMsMax / 3_600_000} hours`);
  const kept = requireReason(reason);
  const at = clock.now();
  const id = newId();
  const detail = { reader, reason: kept, until: at + ms };
  await journal.addRecord({ id, at, actor: by, act: acts.opened, subject: studyInstanceUid, detail });
  return grantOf({ id, at, actor: by, act: acts.opened, subject: studyInstanceUid, detail }, [])!;
}

/** Newest first, of a study or of all. @throws ScansealError `io` */
export async function emergencies(
  journal: Records,
  studyInstanceUid?: string,
): Promise<readonly EmergencyGrant[]> {
  const opened = await journal.records({
    subject: studyInstanceUid,
    actsLike: [acts.opened],
    limit: recordsMax,
  });
  if (opened.length === 0) return [];
  const later = await journal.records({ actsLike: [acts.closed, acts.reviewed], limit: recordsMax });
  return opened.flatMap((record) => grantOf(record, later) ?? []);
}

/** Undefined without one. @throws ScansealError `io` */
export async function openGrant(
  journal: Records,
  studyInstanceUid: string,
  reader: string,
  now: number,
): Promise<EmergencyGrant | undefined> {
  return (await emergencies(journal, studyInstanceUid)).find(
    (grant) => grant.reader === reader && grant.closedAt === undefined && now < grant.until,
  );
}

/** Ends before its time. @throws ScansealError `usage`, `io` */
export async function closeEmergency(
  ports: QuarantinePorts,
  id: string,
  by: string,
): Promise<EmergencyGrant> {
  const grant = await named(ports.journal, id);
  if (grant.closedAt !== undefined || ports.clock.now() >= grant.until)
    throw new ScansealError("usage", "that emergency is over already");
  return act(ports, grant, acts.closed, by);
}

/** Somebody else looked at it. @throws ScansealError `usage` for whoever opened it, `io` */
export async function reviewEmergency(
  ports: QuarantinePorts,
  id: string,
  by: string,
): Promise<EmergencyGrant> {
  const grant = await named(ports.journal, id);
  if (isSamePerson(grant.by, by))
    throw new ScansealError("usage", "who opened it cannot review it: it takes a second person");
  if (grant.reviewedBy !== undefined)
    throw new ScansealError("usage", `${grant.reviewedBy} has reviewed it already`);
  return act(ports, grant, acts.reviewed, by);
}

async function act(
  { journal, newId, clock }: QuarantinePorts,
  grant: EmergencyGrant,
  name: string,
  by: string,
): Promise<EmergencyGrant> {
  const record = { id: newId(), at: clock.now(), actor: by, act: name, subject: grant.id, detail: {} };
  await journal.addRecord(record);
  return named(journal, grant.id);
}

async function named(journal: Records, id: string): Promise<EmergencyGrant> {
  const found = (await emergencies(journal)).filter((grant) => grant.id.endsWith(id));
  if (found.length === 1 && id.length >= 8) return found[0]!;
  throw new ScansealError("usage", "there is no emergency of this id, or more than one ends so");
}

function grantOf(record: ActRecord, later: readonly ActRecord[]): EmergencyGrant | undefined {
  const { id, at, actor, subject, detail } = record;
  const { reader, reason, until } = detail;
  if (typeof reader !== "string" || typeof reason !== "string" || typeof until !== "number") return undefined;
  const of = (name: string): ActRecord | undefined =>
    later.find((one) => one.act === name && one.subject === id);
  return {
    id,
    studyInstanceUid: subject,
    reader,
    by: actor,
    reason,
    openedAt: at,
    until,
    closedAt: of(acts.closed)?.at,
    reviewedBy: of(acts.reviewed)?.actor,
  };
}
