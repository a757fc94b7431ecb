/** The rules of a decision by two people. Pure: no I/O, no clock. */
import { ScansealError } from "../../foundation/errors.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { QuarantineRequest } from "../../store/journal/requests.ts";

/** A request that nobody looked at for a day was made in a situation that is over. */
export const requestMsMax: number = 24 * 60 * 60_000;

/** "ok" and "test" are no reasons. */
const reasonCharactersMin = 8;
/** As much as the journal keeps of a sentence. */
const reasonCharactersMax = 2_000;

export function expiresAt(request: Pick<QuarantineRequest, "requestedAt">): number {
  return request.requestedAt + requestMsMax;
}

/** A request from the future is of a clock that was wrong: it does not live longer for it. */
export function isExpired(request: Pick<QuarantineRequest, "requestedAt">, now: number): boolean {
  return Math.abs(now - request.requestedAt) > requestMsMax;
}

/** @returns the reason as it is kept @throws ScansealError `usage` */
export function requireReason(reason: string): string {
  const kept = reason.normalize("NFC").trim().replace(/\s+/gu, " ");
  if (kept.length < reasonCharactersMin)
    throw new ScansealError(
      "usage",
      `the reason says too little: at least ${reasonCharactersMin} characters`,
    );
  if (kept.length > reasonCharactersMax)
    throw new ScansealError("usage", `the reason is longer than ${reasonCharactersMax} characters`);
  if (/[\p{Cc}\p{Cf}\p{Cs}]/u.test(kept))
    throw new ScansealError("usage", "the reason has characters that nobody can see");
  return kept;
}

/** What somebody who releases an object must name, so that it is not released by habit. */
type Danger = "altered" | "untrusted" | "malformed" | "unchecked" | "conflict";

const dangerousVerdicts: ReadonlySet<string> = new Set(["altered", "untrusted", "malformed"]);

/** `unchecked`: the check could not be completed. `conflict`: another object was admitted under its SOP Instance UID. */
function dangersOf({ verdict, findings }: Pick<JudgedObject, "verdict" | "findings">): Danger[] {
  const out: Danger[] = [];
  if (verdict === undefined) out.push("unchecked");
  else if (dangerousVerdicts.has(verdict)) out.push(verdict as Danger);
  if (findings.some(({ code }) => code === "instance-conflict")) out.push("conflict");
  return out;
}

/** What whoever releases these has to name, each once. */
export function dangersAmong(objects: readonly Pick<JudgedObject, "verdict" | "findings">[]): string[] {
  return [...new Set(objects.flatMap(dangersOf))];
}

/** @throws ScansealError `usage` when a danger among the objects was not named */
export function requireConfirmed(objects: readonly JudgedObject[], confirmed: readonly string[]): void {
  const counts = new Map<Danger, number>();
  for (const object of objects)
    for (const danger of dangersOf(object)) counts.set(danger, (counts.get(danger) ?? 0) + 1);
  const missing = [...counts].filter(([danger]) => !confirmed.includes(danger));
  if (missing.length === 0) return;
  const told = missing.map(([danger, count]) => `${count} ${danger}`).join(", ");
  const names = [...counts.keys()].join(",");
  throw new ScansealError(
    "usage",
    `among them: ${told}. Who releases this all the same says so: --confirm ${names}`,
  );
}

/** "3 altered, 1 malformed" */
export function verdictCounts(objects: readonly Pick<JudgedObject, "verdict">[]): string {
  const counts = new Map<string, number>();
  for (const { verdict = "unchecked" } of objects) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(", ");
}
