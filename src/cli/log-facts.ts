/** What is said of a seal's place in the transparency log. */
import type { LogEvidence } from "../zero-trust/evidence/evidence.ts";

/** For scripts: `state`, and what is known besides. */
export function logJson(log: LogEvidence): Record<string, unknown> {
  const { state, origin, index, at, witnessed, step, fault } = log;
  return { state, origin, index, at, witnessed, step, fault };
}

/** "entry 12 of log.hospital.example, cosigned by the quorum at 2026-01-31T10:00:05.000Z" */
export function logText({ state, origin, index, at, witnessed, step }: LogEvidence): string {
  switch (state) {
    case "proven": {
      const by =
        witnessed === true ? `cosigned by the quorum at ${at}` : "not protected from site administrators";
      return `entry ${index} of ${origin}, ${by}`;
    }
    case "invalid":
      return `not proven: the proof fails at step ${step}`;
    case "unknown-log":
      return `by a proof of ${origin}, which is no log that this site believes`;
    case "unknown":
      return "no proof is known";
  }
}
