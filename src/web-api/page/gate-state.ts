/** What the gate is doing, in one line and one sentence. */
import type { ReadinessView, StatusView } from "../contract.ts";
import { counted, grouped, until } from "./quantities.ts";

export interface GateState {
  readonly tone: "good" | "attention" | "alarm" | "waiting";
  readonly headline: string;
  readonly sentence: string;
}

/** @param status undefined when the gate could not say */
export function gateState(status: StatusView | undefined, readiness: ReadinessView, now: number): GateState {
  if (!readiness.ready) {
    return { tone: "alarm", headline: "Not taking scans", sentence: problemSentence(readiness) };
  }
  if (status === undefined) {
    const sentence = "The gate listens, but its journal did not answer. Try again, then look at its log.";
    return { tone: "alarm", headline: "The gate cannot say how it is", sentence };
  }
  const dead = status.destinations.filter((one) => one.dead > 0);
  if (dead.length > 0) {
    const failed = counted(
      dead.reduce((sum, one) => sum + one.dead, 0),
      "delivery",
      "deliveries",
    );
    const names = dead.map((one) => one.name).join(", ");
    const { held = 0 } = status.objects;
    const also = held === 0 ? "" : ` ${counted(held, "object is", "objects are")} held too.`;
    const sentence = `${names} did not take what passed the gate. The objects are safe here: find out why, then deliver them again.${also}`;
    return { tone: "alarm", headline: `${failed} failed for good`, sentence };
  }
  return (
    uncommittedState(status) ??
    outageState(status, now) ??
    waitingState(status, now) ??
    untroubledState(status)
  );
}

/** An archive that took objects, and says that it does not keep them. */
function uncommittedState({ destinations }: StatusView): GateState | undefined {
  const refusing = destinations.filter(
    ({ uncommitted }) => uncommitted !== undefined && uncommitted.failed > 0,
  );
  if (refusing.length === 0) return undefined;
  const failed = refusing.reduce((sum, { uncommitted }) => sum + (uncommitted?.failed ?? 0), 0);
  const names = refusing.map(({ name }) => name).join(", ");
  const sentence = `${names} says that it does not keep them. They are safe here: find out why, then scanseal deliveries retry.`;
  const headline = `${counted(failed, "delivered object", "delivered objects")} not kept by the archive`;
  return { tone: "alarm", headline, sentence };
}

/** A destination that is away: what waits goes by itself when it is back. */
function outageState(
  { destinations, objects: { held = 0 } }: StatusView,
  now: number,
): GateState | undefined {
  const away = destinations.filter((one) => one.outage !== undefined);
  const [first] = away;
  if (first?.outage === undefined) return undefined;
  const due = away.reduce((sum, one) => sum + one.due, 0);
  const names = away.map(({ name }) => name).join(", ");
  const also = held === 0 ? "" : ` ${counted(held, "object is", "objects are")} held too.`;
  const { why, nextTryAt } = first.outage;
  const sentence = `${counted(due, "delivery waits", "deliveries wait")}; the objects are safe here. Why: ${why}. Next try ${until(nextTryAt, now)}.${also}`;
  return { tone: "attention", headline: `${names} cannot be reached`, sentence };
}

/** Retries are at most ten minutes apart (docs/gateway.md): what waits longer failed several times. */
const stuckMs = 15 * 60_000;

/** Undefined where everything that is due is on its way. */
function waitingState(
  { destinations, oldestDueAt, objects: { held = 0 } }: StatusView,
  now: number,
): GateState | undefined {
  const also = held === 0 ? "" : ` ${counted(held, "object is", "objects are")} held too.`;
  const owed = ({ due, uncommitted }: StatusView["destinations"][number]): number =>
    due + (uncommitted?.waits ?? 0);
  const removed = destinations.filter((one) => one.isRemoved === true && owed(one) > 0);
  if (removed.length > 0) {
    const due = removed.reduce((sum, one) => sum + owed(one), 0);
    const names = removed.map(({ name }) => name).join(", ");
    const sentence = `The configuration does not have ${names} any more. The objects are safe here: send them elsewhere with scanseal deliveries redirect.${also}`;
    const headline = `${counted(due, "delivery waits", "deliveries wait")} for a removed destination`;
    return { tone: "alarm", headline, sentence };
  }
  const age = oldestDueAt === undefined ? 0 : now - Date.parse(oldestDueAt);
  if (!(age > stuckMs)) return undefined;
  const slow = destinations.filter(({ due }) => due > 0).map(({ name }) => name);
  const due = destinations.reduce((sum, one) => sum + one.due, 0);
  const sentence = `${slow.join(", ")} did not take them yet. The objects are safe here and are tried again by themselves.${also}`;
  return {
    tone: "attention",
    headline: `${counted(due, "delivery waits", "deliveries wait")} for too long`,
    sentence,
  };
}

function untroubledState({ objects, released = 0 }: StatusView): GateState {
  const { held = 0, admitted = 0 } = objects;
  const waiting = held - released;
  if (waiting > 0) {
    const others =
      released === 0
        ? "What is held has reached no reader."
        : `${counted(released, "more was", "more were")} released by two people to a reading place; the others have reached no reader.`;
    return {
      tone: "attention",
      headline: `${counted(waiting, "object")} held for a person to look at`,
      sentence: `The gate takes scans and passes on what it may. ${others}`,
    };
  }
  if (isUntouched(objects)) {
    const sentence = "The gate listens. Nothing has been sent to it yet.";
    return { tone: "waiting", headline: "Ready for the first scan", sentence };
  }
  const kept =
    held === 0
      ? "Nothing is held."
      : `${counted(held, "held object was", "held objects were")} released by two people to a reading place, and kept here.`;
  const sentence = `${kept} ${grouped(admitted)} passed so far.`;
  return { tone: "good", headline: "Taking scans and passing them on", sentence };
}

/** Nothing has ever come. */
export function isUntouched(objects: StatusView["objects"]): boolean {
  return Object.values(objects).every((count) => count === 0);
}

function problemSentence({ problems }: ReadinessView): string {
  const told =
    problems.length === 0
      ? "The gate is not ready."
      : problems.map((text) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`).join(" ");
  return `${told} Senders keep what they have and try again.`;
}
