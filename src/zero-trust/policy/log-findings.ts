/** What the transparency log says of a seal: spec/verdicts.md. */
import type { Evidence, LogEvidence } from "../evidence/evidence.ts";
import type { Policy } from "./decide.ts";
import { finding } from "./finding.ts";
import type { Finding } from "./verdict.ts";

/** Whatever is in the object and proves nothing is told; that a seal is not logged is told where the policy asks for it. */
export function logFindings(
  { log, manifest }: Evidence,
  { loggedWithinMs }: Pick<Policy, "loggedWithinMs">,
): Finding[] {
  if (!log) return [];
  const found: Finding[] = [];
  const { state, step, fault, origin } = log;
  if (fault !== undefined)
    found.push(finding("log-proof-invalid", {}, `the object's log proof fails at step ${fault}`));
  if (state === "unknown-log" && fault === undefined)
    found.push(finding("log-unknown", {}, `log ${origin} is none of the verifier's policy`));
  // Seals of notices are no captures, and not logged.
  const isDue = loggedWithinMs !== undefined && manifest?.type !== "notice";
  if (state === "proven" || !isDue) return found;
  found.push(...missing(log, loggedWithinMs, step));
  return found;
}

/** A clock that is behind makes a seal younger than it is: never than nothing. */
function missing({ ageMs = 0 }: LogEvidence, loggedWithinMs: number, step: string | undefined): Finding[] {
  const why = step === undefined ? "there is no proof" : `the proof kept here fails at step ${step}`;
  const isDue = ageMs > loggedWithinMs;
  const minutes = Math.floor(ageMs / 60_000);
  const detail = `${why}; sealed ${minutes} minutes ago, ${Math.floor(loggedWithinMs / 60_000)} are allowed`;
  return [finding("log-missing", {}, detail, isDue ? "error" : "info")];
}
