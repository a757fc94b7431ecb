/**
 * What people do with held objects. Release and purge take two of them: one asks, another approves within a day. Whoever calls this has
 * established who the operator is.
 */
import { ScansealError } from "../../foundation/errors.ts";
import type { ActRecord, JudgedObject } from "../../store/journal/journal.ts";
import type { QuarantineRequest } from "../../store/journal/requests.ts";
import { isSamePerson } from "../../store/journal/same-person.ts";
import { heldAmong } from "./held-objects.ts";
import type { Place, QuarantinePorts } from "./ports.ts";
import { deletePurged, type PurgeOutcome } from "./purge.ts";
import { expiresAt, isExpired, requireConfirmed, requireReason, verdictCounts } from "./two-people.ts";

/** Objects of one transaction of records. */
const recordsAtOnce = 500;

export interface Asked {
  readonly by: string;
  readonly reason: string;
}

export interface ReleaseAsked extends Asked {
  /** The destination, as the configuration has it. */
  readonly to: Place | undefined;
  /** Dangers that the person named (two-people.ts). */
  readonly confirmed: readonly string[];
}

/** Who may read what is released, by names of the configuration. */
export interface ReadersAsked {
  readonly readers: readonly string[];
  /** Milliseconds from the approval on. */
  readonly ms: number;
  readonly confirmed: readonly string[];
}

/** @throws ScansealError `usage` for a place that is none for released objects: above all the archive */
export function requireReadingPlace(place: Place | undefined): Place {
  if (!place) throw new ScansealError("usage", "the configuration has no such destination");
  if (place.takes !== "released") {
    throw new ScansealError(
      "usage",
      `${place.name} takes what the policy admits: what people release never goes there, only to a destination with "takes: released"`,
    );
  }
  return place;
}

function requireHeld(objects: readonly JudgedObject[]): void {
  const other = objects.find(({ state }) => state !== "held");
  if (objects.length === 0 || other)
    throw new ScansealError("usage", other ? `${other.id} is not held: it is ${other.state}` : "no objects");
}

/** Step one of two. Nothing happens to the objects yet. @throws ScansealError `usage`, `io` */
export async function requestRelease(
  ports: QuarantinePorts,
  objects: readonly JudgedObject[],
  { by, reason, to, confirmed }: ReleaseAsked,
): Promise<QuarantineRequest> {
  const { name } = requireReadingPlace(to);
  requireHeld(objects);
  requireConfirmed(objects, confirmed);
  return ask(ports, objects, { act: "release", by, reason, destination: name });
}

/**
 * Step one of two, for readers of this gate in place of a destination. @throws ScansealError `usage`, `io`
 * @param known readers of the configuration
 */
export async function requestReading(
  ports: QuarantinePorts,
  objects: readonly JudgedObject[],
  { by, reason, readers, ms, confirmed }: Asked & ReadersAsked,
  known: readonly string[],
): Promise<QuarantineRequest> {
  requireReaders(readers, known);
  requireReadable(objects);
  requireHeld(objects);
  requireConfirmed(objects, confirmed);
  const forReaders = { names: readers, ms };
  return ask(ports, objects, { act: "release", by, reason, destination: undefined, forReaders });
}

/** @throws ScansealError `usage` */
export function requireReaders(readers: readonly string[], known: readonly string[]): void {
  const other = readers.find((name) => !known.includes(name));
  if (other === undefined && readers.length > 0) return;
  const names = known.join(", ") || "it has none";
  throw new ScansealError("usage", `the configuration has no such reader: ${names}`);
}

/** A reader that asks for the instance gets what was admitted under its name. @throws ScansealError `usage` */
export function requireReadable(objects: readonly JudgedObject[]): void {
  const conflicts = objects.filter(({ findings }) =>
    findings.some(({ code }) => code === "instance-conflict"),
  ).length;
  if (conflicts > 0)
    throw new ScansealError(
      "usage",
      `another object was admitted in the place of ${conflicts} of them, and readers get that one: release to a destination`,
    );
}

/** Step one of two. Nothing happens to the objects yet. @throws ScansealError `usage`, `io` */
export async function requestPurge(
  ports: QuarantinePorts,
  objects: readonly JudgedObject[],
  { by, reason }: Asked,
): Promise<QuarantineRequest> {
  requireHeld(objects);
  return ask(ports, objects, { act: "purge", by, reason, destination: undefined });
}

async function ask(
  { journal, newId, clock }: QuarantinePorts,
  objects: readonly JudgedObject[],
  asked: Asked & Pick<QuarantineRequest, "act" | "destination" | "forReaders">,
): Promise<QuarantineRequest> {
  const { act, by, destination, forReaders } = asked;
  const reason = requireReason(asked.reason);
  const id = newId();
  const now = clock.now();
  const request: QuarantineRequest = {
    id,
    act,
    objectIds: objects.map((object) => object.id),
    reason,
    requestedBy: by,
    requestedAt: now,
    destination,
    forReaders,
    state: "pending",
    approvedBy: undefined,
    approvedAt: undefined,
  };
  const detail = {
    objects: objects.length,
    verdicts: verdictCounts(objects),
    reason,
    ...placeDetail(request),
  };
  const record = { id: newId(), at: now, actor: by, act: `quarantine.${act}.requested`, subject: id, detail };
  await journal.addRequest(request, record);
  return request;
}

/** Where it goes, for the records. @param approvedAt from when on readers may have it */
function placeDetail(
  { destination, forReaders }: Pick<QuarantineRequest, "destination" | "forReaders">,
  approvedAt?: number,
): ActRecord["detail"] {
  if (destination !== undefined) return { destination };
  if (!forReaders) return {};
  const readers = forReaders.names.join(", ");
  return approvedAt === undefined
    ? { readers, minutes: Math.round(forReaders.ms / 60_000) }
    : { readers, until: approvedAt + forReaders.ms };
}

export interface Approver {
  readonly by: string;
  readonly confirmed: readonly string[];
  readonly places: readonly Place[];
  /** Readers of the configuration. */
  readonly readers: readonly string[];
  /** Whoever asked must still be one. */
  readonly isOperator: (name: string) => boolean;
}

export interface Approval {
  readonly request: QuarantineRequest;
  /** Objects it was carried out on; the others are held no longer. */
  readonly done: number;
  readonly purge: PurgeOutcome | undefined;
}

/**
 * Step two of two: another person carries the request out. The journal settles who was first.
 * @throws ScansealError `usage` for the same person, an expired or decided request, a danger not named; `io`
 */
export async function approve(ports: QuarantinePorts, id: string, approver: Approver): Promise<Approval> {
  const { journal, clock, newId } = ports;
  const request = await pendingRequest(ports, id);
  const { act } = request;
  const refuse = async (why: string, message: string): Promise<never> => {
    await journal.addRecord(recordOf(ports, approver.by, `quarantine.${act}.refused`, id, { why }));
    throw new ScansealError("usage", message);
  };
  if (isSamePerson(request.requestedBy, approver.by))
    await refuse("same-person", "who asked cannot approve: it takes a second person");
  if (!approver.isOperator(request.requestedBy))
    await refuse("not-an-operator", `${request.requestedBy}, who asked, is no operator any more: ask anew`);
  await requireInTime(ports, request);
  const held = await heldAmong(journal, request.objectIds);
  if (held.length === 0)
    throw new ScansealError("usage", "none of its objects is held any more: withdraw the request");
  if (act === "release") {
    if (request.forReaders) {
      requireReaders(request.forReaders.names, approver.readers);
      requireReadable(held);
    } else requireReadingPlace(approver.places.find(({ name }) => name === request.destination));
    requireConfirmed(held, approver.confirmed);
  }
  const at = clock.now();
  const detail = { objects: held.length, verdicts: verdictCounts(held), requestedBy: request.requestedBy };
  const record: ActRecord = {
    id: newId(),
    at,
    actor: approver.by,
    act: `quarantine.${act}.approved`,
    subject: id,
    detail: { ...detail, ...placeDetail(request, at) },
  };
  const toDelete = await journal.approveRequest(id, approver.by, at, record);
  if (!toDelete) throw new ScansealError("usage", "somebody else decided on this request at the same moment");
  const approved: QuarantineRequest = {
    ...request,
    state: "approved",
    approvedBy: approver.by,
    approvedAt: at,
  };
  const purge = act === "purge" ? await deletePurged(ports, approved, toDelete) : undefined;
  return { request: approved, done: held.length, purge };
}

async function pendingRequest({ journal }: QuarantinePorts, id: string): Promise<QuarantineRequest> {
  const request = await journal.request(id);
  if (!request) throw new ScansealError("usage", "there is no request of this id");
  if (request.state === "pending") return request;
  const by = request.approvedBy === undefined ? "" : ` by ${request.approvedBy}`;
  throw new ScansealError("usage", `the request was ${request.state}${by}: nothing is left to decide`);
}

async function requireInTime(ports: QuarantinePorts, request: QuarantineRequest): Promise<void> {
  if (!isExpired(request, ports.clock.now())) return;
  const { id, act } = request;
  const detail = { expiredAt: expiresAt(request) };
  await ports.journal.withdrawRequest(
    id,
    recordOf(ports, "gateway", `quarantine.${act}.expired`, id, detail),
  );
  throw new ScansealError("usage", "the request is older than a day and has expired: ask anew");
}

/** Who asked, or any other operator, takes a request back; or ends what readers were given, before its time. @throws ScansealError `usage`, `io` */
export async function withdraw(ports: QuarantinePorts, id: string, by: string): Promise<QuarantineRequest> {
  const asked = await ports.journal.request(id);
  const isOpen = asked?.state === "approved" && asked.forReaders !== undefined;
  const request = isOpen ? asked : await pendingRequest(ports, id);
  const act = `quarantine.${request.act}.${isOpen ? "ended" : "withdrawn"}`;
  const record = recordOf(ports, by, act, id, { requestedBy: request.requestedBy });
  if (!(await ports.journal.withdrawRequest(id, record)))
    throw new ScansealError("usage", "somebody else decided on this request at the same moment");
  return { ...request, state: "withdrawn" };
}

/**
 * Held objects are judged again by the gateway. One person suffices: the policy decides, not the person.
 * @returns how many will be
 * @throws ScansealError `io`
 */
export async function recheck(
  ports: QuarantinePorts,
  objects: readonly JudgedObject[],
  by: string,
): Promise<number> {
  let count = 0;
  for (let at = 0; at < objects.length; at += recordsAtOnce) {
    const part = objects.slice(at, at + recordsAtOnce);
    // Recorded first: the judgement so far is forgotten with the state.
    await Promise.all(
      part.map(({ id, verdict = "unchecked", findings }) => {
        const codes = [...new Set(findings.map(({ code }) => code))].slice(0, codesMax).join(" ");
        return ports.journal.addRecord(recordOf(ports, by, "quarantine.recheck", id, { verdict, codes }));
      }),
    );
    count += await ports.journal.recheck(part.map(({ id }) => id));
  }
  return count;
}

/** Different codes of one object; there are some seventy in all. */
const codesMax = 100;

function recordOf(
  { newId, clock }: QuarantinePorts,
  actor: string,
  act: string,
  subject: string,
  detail: ActRecord["detail"],
): ActRecord {
  return { id: newId(), at: clock.now(), actor, act, subject, detail };
}
