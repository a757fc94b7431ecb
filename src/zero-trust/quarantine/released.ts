/** The proof type of a release: only a decision of two people makes one, and only to the place they named. */
import { ScansealError } from "../../foundation/errors.ts";
import type { Journal, JudgedObject } from "../../store/journal/journal.ts";
import type { QuarantineRequest } from "../../store/journal/requests.ts";
import { isSamePerson } from "../../store/journal/same-person.ts";
import { requestMsMax } from "./two-people.ts";

const mint: unique symbol = Symbol("mint");

/** A held object that two people released. The constructor cannot be called from outside this file. */
export class Released<T> {
  readonly #object: T;
  /** Id of the approved request. */
  readonly requestId: string;

  constructor(key: typeof mint, object: T, requestId: string) {
    if (key !== mint) throw new ScansealError("internal", "only two people release objects");
    this.#object = object;
    this.requestId = requestId;
  }

  get object(): T {
    return this.#object;
  }
}

/**
 * The request is a release of this held object, approved in time by a second person. What was judged again after the approval may be held for a
 * reason that neither of them saw.
 */
export function isSeenRelease(object: JudgedObject, request: QuarantineRequest): boolean {
  const { requestedBy, requestedAt, approvedBy, approvedAt } = request;
  const isRelease = request.act === "release" && request.state === "approved";
  const isByTwo = approvedBy !== undefined && !isSamePerson(approvedBy, requestedBy);
  const isInTime = approvedAt !== undefined && Math.abs(approvedAt - requestedAt) <= requestMsMax;
  const isSeen = approvedAt !== undefined && object.judgedAt !== undefined && object.judgedAt <= approvedAt;
  const isOfThis = request.objectIds.includes(object.id) && object.state === "held";
  return isRelease && isByTwo && isInTime && isSeen && isOfThis;
}

/** Undefined unless the request is a release of this object to this destination. */
function releasedBy(
  object: JudgedObject,
  destination: string,
  request: QuarantineRequest,
): Released<JudgedObject> | undefined {
  if (request.destination !== destination || !isSeenRelease(object, request)) return undefined;
  return new Released(mint, object, request.id);
}

/** The release behind a delivery. @throws ScansealError `io` */
export async function findRelease(
  object: JudgedObject,
  destination: string,
  journal: Pick<Journal, "requestsOf">,
): Promise<Released<JudgedObject> | undefined> {
  for (const request of await journal.requestsOf(object.id)) {
    const released = releasedBy(object, destination, request);
    if (released) return released;
  }
  return undefined;
}
