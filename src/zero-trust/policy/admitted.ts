/** The proof type of the way out: only the policy can make one, and only what it admits can be forwarded. */
import { ScansealError } from "../../foundation/errors.ts";
import type { Decision, Disposition } from "./verdict.ts";

export type AdmissionBasis = "verified" | "verified-with-changes" | "received" | "observed";

const mint: unique symbol = Symbol("mint");

/** An object that may be delivered, with the basis it was admitted on. The constructor cannot be called from outside this file. */
export class Admitted<T> {
  readonly #object: T;
  readonly basis: AdmissionBasis;

  constructor(key: typeof mint, object: T, basis: AdmissionBasis) {
    if (key !== mint) throw new ScansealError("internal", "only the policy admits objects");
    this.#object = object;
    this.basis = basis;
  }

  get object(): T {
    return this.#object;
  }
}

/** Undefined for anything the decision holds. */
export function admit<T>(object: T, decision: Decision): Admitted<T> | undefined {
  if (decision.disposition === "held") return undefined;
  const { verdict } = decision;
  const proven = verdict === "verified" || verdict === "verified-with-changes" || verdict === "received";
  return new Admitted(mint, object, proven ? verdict : "observed");
}

/** What a journal kept of a decision. */
export interface StoredDecision {
  readonly verdict: string | undefined;
  readonly disposition: Disposition | undefined;
  readonly basis: string | undefined;
}

/**
 * The same proof again, after a restart, from what was decided then. Undefined for anything that decision did not admit, and for a record in
 * which verdict, disposition and basis do not belong together.
 */
export function readmit<T>(object: T, stored: StoredDecision): Admitted<T> | undefined {
  const { verdict, disposition, basis } = stored;
  if (disposition !== "delivered" && disposition !== "delivered-with-notice") return undefined;
  switch (basis) {
    case "verified":
    case "verified-with-changes":
    case "received":
      return verdict === basis ? new Admitted(mint, object, basis) : undefined;
    case "observed":
      return verdict === "unsealed" || verdict === "superseded"
        ? new Admitted(mint, object, basis)
        : undefined;
    default:
      return undefined;
  }
}
