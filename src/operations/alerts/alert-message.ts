/** One alert as people and machines get it. */
import type { Telling } from "./alert.ts";

export interface AlertMessage extends Omit<Telling, "phase" | "alarm"> {
  readonly phase: Telling["phase"] | "test";
  readonly alarm: Telling["alarm"] | "test" | "gate-down";
  /** The same in each try and each channel: a receiver may get it twice. */
  readonly id: string;
  /** The gate's AE title. */
  readonly gate: string;
}

/** One line. */
export function subjectOf(message: AlertMessage): string {
  const { gate, severity, phase, what } = message;
  const words = { began: severity, test: severity, more: "goes on", ended: "over", quiet: "nothing new" };
  const word = words[phase];
  return oneLine(`Scanseal ${gate}: ${word}: ${countText(message)}${what}`);
}

/** For a mail's body, or a chat. */
export function textOf(message: AlertMessage): string {
  const { what, todo, phase, since, at, total, object, alarm, id } = message;
  const lines = [
    oneLine(`${countText(message)}${what}`),
    ...(phase === "ended" ? [] : [`What to do: ${oneLine(todo)}`]),
    ...(phase === "quiet"
      ? ["Nothing new was heard of it; that alone does not say that it is repaired."]
      : []),
    `Since ${new Date(since).toISOString()}, told ${new Date(at).toISOString()}${total > 1 ? `, ${total} in all` : ""}.`,
    ...(object === undefined ? [] : [`The first of them in the gate's journal: ${object}`]),
    ...(alarm === "test" ? [] : [`More: ${pageOf(message)}`]),
    `Alert ${id}`,
  ];
  return lines.join("\n");
}

function pageOf({ alarm }: AlertMessage): string {
  return `docs/alarms.md#${alarm}`;
}

/** For syslog. */
export function lineOf(message: AlertMessage): string {
  const { gate, alarm, phase, severity, what, todo, count, total, object, id } = message;
  const counts = `count=${count} total=${total}${object === undefined ? "" : ` object=${object}`}`;
  const advice = phase === "ended" ? "" : `; what to do: ${todo}`;
  return oneLine(`${alarm} ${phase} ${severity} gate="${gate}" ${counts} id=${id}: ${what}${advice}`);
}

/** For the body of a webhook; docs/alarms.md is its specification. */
export function jsonOf(message: AlertMessage): string {
  const { id, gate, alarm, phase, severity, what, todo, count, total, since, at, object } = message;
  return JSON.stringify({
    version: 1,
    ...{ id, gate, alarm, phase, severity, what, todo },
    text: `${subjectOf(message)}\n${textOf(message)}`,
    page: pageOf(message),
    ...{ count, total },
    since: new Date(since).toISOString(),
    at: new Date(at).toISOString(),
    object,
  });
}

function countText({ phase, count, total }: AlertMessage): string {
  if (phase === "more") return `${count} more: `;
  if (phase === "ended" || phase === "quiet") return total > 1 ? `after ${total}: ` : "";
  return count > 1 ? `${count} times: ` : "";
}

/** Fields are of closed forms already: a line break would begin another header. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?").slice(0, 1000);
}

export function testMessage(gate: string, id: string, at: number): AlertMessage {
  const what = "this is a test: alerts of this gate arrive here";
  const counts = { count: 1, total: 1, since: at, at };
  const todo = "nothing; whoever asked for it is told whether it arrived";
  return { ...{ id, gate, alarm: "test", phase: "test", severity: "notice", what, todo }, ...counts };
}

/** Told by whoever sees that the gate is gone: a gate that is down tells nothing itself. */
export function gateDownMessage(gate: string, id: string, at: number): AlertMessage {
  const what =
    "the gate is down; modalities keep their images, and readers that fail over to the archive see images without proof";
  const counts = { count: 1, total: 1, since: at, at };
  const todo =
    "look at the service's log and start it again; until then tell the readers; then sweep the archive";
  return { ...{ id, gate, alarm: "gate-down", phase: "began", severity: "critical", what, todo }, ...counts };
}
