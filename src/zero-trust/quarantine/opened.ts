/**
 * The proof type of what a reader is given although it does not pass: only people make one. In an emergency one of them opens a study; two release
 * objects, byte for byte as they are in quarantine. Each is for one reader and a limited time, and never for an archive.
 */
import { ScansealError } from "../../foundation/errors.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { QuarantineRequest } from "../../store/journal/requests.ts";
import type { EmergencyGrant } from "./emergency.ts";
import { isSeenRelease } from "./released.ts";

/** Who opened it, and until when. */
export interface Opening {
  readonly kind: "emergency" | "release";
  /** Of the emergency, or the request. */
  readonly id: string;
  /** One person, or two. */
  readonly by: readonly string[];
  /** Milliseconds since 1970. */
  readonly until: number;
}

const mint: unique symbol = Symbol("mint");

/** The constructor cannot be called from outside this file. */
export class Opened<T> {
  readonly #object: T;
  readonly opening: Opening;

  constructor(key: typeof mint, object: T, opening: Opening) {
    if (key !== mint) throw new ScansealError("internal", "only people open objects");
    this.#object = object;
    this.opening = opening;
  }

  get object(): T {
    return this.#object;
  }
}

/** Undefined where the grant is over, or of another study or reader. */
export function openedInEmergency<T extends { readonly studyInstanceUid: string }>(
  object: T,
  reader: string,
  grant: EmergencyGrant,
  now: number,
): Opened<T> | undefined {
  const { id, by, until, openedAt, closedAt, studyInstanceUid } = grant;
  const isOpen = now >= openedAt && now < until && closedAt === undefined;
  const isOfThis = studyInstanceUid === object.studyInstanceUid && grant.reader === reader;
  if (!isOpen || !isOfThis) return undefined;
  return new Opened(mint, object, { kind: "emergency", id, by: [by], until });
}

/** Two people's decision to let readers have a held object. */
export interface ReleaseToReader {
  readonly request: QuarantineRequest;
  /** As the journal has it now. */
  readonly held: JudgedObject;
}

/** Undefined where it is over, withdrawn, for another reader, or of other bytes than those in quarantine. @param digest SHA-256 of the object's file */
export function openedByRelease<T>(
  object: T,
  digest: string,
  reader: string,
  { request, held }: ReleaseToReader,
  now: number,
): Opened<T> | undefined {
  const { id, requestedBy, approvedBy, approvedAt, forReaders } = request;
  if (!isSeenRelease(held, request) || !forReaders || approvedBy === undefined || approvedAt === undefined)
    return undefined;
  const until = approvedAt + forReaders.ms;
  const isOpen = now >= approvedAt && now < until && forReaders.names.includes(reader);
  if (!isOpen || digest !== held.digest) return undefined;
  return new Opened(mint, object, { kind: "release", id, by: [requestedBy, approvedBy], until });
}
