/** Tables 9-21 and 9-26 of PS3.8 in words, for people who read logs. */
import type { AbortReason, AssociateReject, AssociationEnd } from "../association.ts";

const rejectSources: Readonly<Record<number, string>> = {
  1: "service user",
  2: "service provider, association control",
  3: "service provider, presentation",
};

/** By source. */
const rejectReasons: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  1: {
    1: "no reason given",
    2: "application context name not supported",
    3: "calling AE title not recognized",
    7: "called AE title not recognized",
  },
  2: { 1: "no reason given", 2: "protocol version not supported" },
  3: { 1: "temporary congestion", 2: "local limit exceeded" },
};

const abortReasons: Readonly<Record<number, string>> = {
  0: "reason not specified",
  1: "unrecognized PDU",
  2: "unexpected PDU",
  4: "unrecognized PDU parameter",
  5: "unexpected PDU parameter",
  6: "invalid PDU parameter value",
};

/** "rejected permanently by the service user: calling AE title not recognized" */
function describeReject(reject: AssociateReject): string {
  const how = reject.result === 1 ? "permanently" : "for now";
  const reason = rejectReasons[reject.source]?.[reject.reason] ?? `reason ${reject.reason}`;
  return `rejected ${how} by the ${rejectSources[reject.source]}: ${reason}`;
}

/** "aborted by the service provider: unexpected PDU" */
function describeAbort(abort: AbortReason): string {
  if (abort.source === 0) return "aborted by the service user";
  return `aborted by the service provider: ${abortReasons[abort.reason] ?? `reason ${abort.reason}`}`;
}

/** One line for a log. */
export function describeEnd(end: AssociationEnd): string {
  switch (end.kind) {
    case "released":
      return "released";
    case "rejected":
      return `${describeReject(end.reject)} (${end.by === "us" ? "our side" : "the peer's side"})`;
    case "aborted": {
      const text = `${describeAbort(end.abort)} (${end.by === "us" ? "our side" : "the peer's side"})`;
      return end.why === undefined ? text : `${text}: ${end.why}`;
    }
    case "lost":
      return `connection lost: ${end.why}`;
  }
}
