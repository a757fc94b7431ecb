/** The proof type of a release: only a decision of two people makes one, and only to the place they named. */
import { ScansealError } from "../../foundation/errors.ts";
import type { Journal, JudgedObject, QuarantineRequest } from "../../store/journal/journal.ts";

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

/** Undefined unless the request is an approved release of this object to this destination, by two different people. */
export function releasedBy(
  object: JudgedObject,
  destination: string,
  request: QuarantineRequest,
): Released<JudgedObject> | undefined {
  const isRelease = request.act === "release" && request.state === "approved";
  const isByTwo = request.approvedBy !== undefined && request.approvedBy !== request.requestedBy;
  const isOfThis = request.objectIds.includes(object.id) && request.destination === destination;
  if (!isRelease || !isByTwo || !isOfThis || object.state !== "held") return undefined;
  return new Released(mint, object, request.id);
}

/** Approved releases are looked through newest first; a site has some a week. */
const requestsMax = 1_000;

/** The release behind a delivery. @throws ScansealError `io` */
export async function findRelease(
  object: JudgedObject,
  destination: string,
  journal: Pick<Journal, "requests">,
): Promise<Released<JudgedObject> | undefined> {
  for (const request of await journal.requests("approved", requestsMax)) {
    const released = releasedBy(object, destination, request);
    if (released) return released;
  }
  return undefined;
}
