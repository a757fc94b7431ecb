/** When a failed delivery is tried again, and when it is given up. Pure. */
import { isStored } from "../../dicom-network/dimse/status.ts";
import { linkErrors } from "../../store/journal/journal.ts";
import type { GatewayLimits } from "./settings.ts";

/** An archive whose database is down refuses each object in the words for one it cannot take (0110, Cxxx): it has an hour to be mended. */
const refusalsMax = 8;
/** Times the usual waits. By default 2, 4, 8, 16, 30, 30 and 30 minutes: two hours in all, and half of it at least. */
const refusalPatience = { first: 24, longest: 3 };

export type Failure =
  /** Network, rejection, out of resources: passes. */
  | { readonly kind: "passing"; readonly why: string }
  /** The archive does not take this object. */
  | { readonly kind: "refused"; readonly why: string }
  /** Must not be sent at all. */
  | { readonly kind: "final"; readonly why: string };

export interface FailedDelivery {
  readonly createdAt: number;
  /** This try included. */
  readonly attempts: number;
}

type RetryLimits = Pick<GatewayLimits, "retryMs" | "retryMsMax" | "deliveryMsMax">;

/** Exponential, between half and all of it: many deliveries do not come back at the same moment. @param random 0 to 1 */
export function backOffMs(
  attempts: number,
  limits: Pick<RetryLimits, "retryMs" | "retryMsMax">,
  random: number,
): number {
  const whole = Math.min(limits.retryMs * 2 ** Math.min(attempts - 1, 30), limits.retryMsMax);
  return Math.round(whole * (0.5 + random / 2));
}

/** Milliseconds until the next try; undefined: a dead letter. */
export function retryIn(
  failure: Failure,
  { createdAt, attempts }: FailedDelivery,
  limits: RetryLimits,
  now: number,
  random: number,
): number | undefined {
  if (failure.kind === "final") return undefined;
  if (failure.kind === "refused" && attempts >= refusalsMax) return undefined;
  if (isOverdue({ createdAt }, limits, now)) return undefined;
  if (failure.kind === "passing") return backOffMs(attempts, limits, random);
  const retryMs = limits.retryMs * refusalPatience.first;
  const retryMsMax = limits.retryMsMax * refusalPatience.longest;
  return backOffMs(attempts, { retryMs, retryMsMax }, random);
}

export function isOverdue(
  { createdAt }: Pick<FailedDelivery, "createdAt">,
  { deliveryMsMax }: Pick<RetryLimits, "deliveryMsMax">,
  now: number,
): boolean {
  return now - createdAt >= deliveryMsMax;
}

/** The association was lost before the archive answered: it may be the destination, not the object. */
export function isOfLink({ kind, why }: Failure): boolean {
  return kind === "passing" && linkErrors.some((code) => why.startsWith(code));
}

/** Undefined where the archive has stored the object. PS3.4 table B.2-1: A7xx is out of resources. */
export function failureOf(status: number): Failure | undefined {
  if (isStored(status)) return undefined;
  const why = `the archive answered 0x${status.toString(16).padStart(4, "0")}`;
  return { kind: status >= 0xa700 && status <= 0xa7ff ? "passing" : "refused", why };
}
