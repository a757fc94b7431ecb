/** Which events somebody is woken by, and what that person is told: one row for each kind, so that a new kind has to decide. */
import type { GatewayEvent } from "../event.ts";
import { configuredName, count, knownCode, knownVerdict, madeId, phrase } from "../event-fields.ts";
import { type AlarmFacts, alarmFacts } from "./alarm-facts.ts";
import type { AlarmName, Alert, AlertEvent } from "./alert.ts";

type Row<E> = (event: E) => AlertEvent | undefined;
type Rows = { readonly [K in GatewayEvent["kind"]]: Row<Extract<GatewayEvent, { readonly kind: K }>> };

/** As in the log: the first codes say what it is about. */
const codesMax = 8;
/** A certificate rings anew at each. */
const gradesDays = [7, 30, 60];

const silent = (): undefined => undefined;

const rows: Rows = {
  listening: silent,
  "association-accepted": silent,
  "association-rejected": ({ listener, more }) => {
    const name = configuredName(listener);
    const what = `the listener ${name} turns connections away: no source that this gate knows`;
    return rings("strangers", name, what, { count: 1 + whole(more) });
  },
  "association-ended": silent,
  "object-acknowledged": silent,
  "object-refused": ({ source, why, more }) => {
    const [name, code] = [configuredName(source), knownCode(why)];
    const what = `objects from ${name} are refused (${code}); ${name} still has them`;
    const isOurs = code.startsWith("storage-");
    const rule = isOurs ? { rule: { ...alarmFacts["objects-refused"].rule, atLeast: 1 } } : {};
    return rings("objects-refused", `${name} ${code}`, what, {
      count: 1 + whole(more),
      crowd: name,
      ...rule,
    });
  },
  "object-judged": ({ object, source, verdict, state, codes }) => {
    if (state !== "held") return undefined;
    const name = configuredName(source);
    const known = sorted(codes);
    const why = [verdict === "none" ? "could not be checked" : knownVerdict(verdict), ...known].join(", ");
    const what = `what ${name} sends is held: ${why}`;
    return rings("held", `${name} ${known.join(" ")}`, what, { crowd: name, object });
  },
  "object-sealed": silent,
  delivered: silent,
  "delivery-failed": ({ object, destination, isDead }) => {
    if (!isDead) return undefined;
    const name = configuredName(destination);
    return rings("delivery-dead", name, `objects for ${name} are given up: it does not take them`, {
      object,
    });
  },
  "destination-down": ({ destination, waiting }) => {
    const name = configuredName(destination);
    const waits = waiting === undefined ? "" : `; ${whole(waiting)} deliveries wait`;
    return rings("destination-down", name, `${name} cannot be reached${waits}`, { count: 0 });
  },
  "destination-back": ({ destination }) => {
    const name = configuredName(destination);
    return { ends: keyOf("destination-down", name), what: `${name} is reached again` };
  },
  "commitment-reported": ({ destination, failed, object }) => {
    const name = configuredName(destination);
    if (whole(failed) === 0)
      return { ends: keyOf("commitment-late", name), what: `${name} answers what it is asked to commit to` };
    const what = `${name} does not commit to what it was sent, however often`;
    const about = object === undefined ? {} : { object };
    return rings("commitment-failed", name, what, { count: whole(failed), ...about });
  },
  "commitment-late": ({ destination, waiting }) => {
    const name = configuredName(destination);
    const what = `${name} does not say whether it keeps what it was sent; ${whole(waiting)} objects wait for that`;
    return rings("commitment-late", name, what, { count: 0 });
  },
  "read-withheld": ({ object, archive, verdict, codes }) => {
    const name = configuredName(archive);
    const why = [knownVerdict(verdict), ...sorted(codes)].join(", ");
    const what = `the archive ${name} returned something else than was admitted: ${why}; readers do not get it`;
    return rings("read-withheld", name, what, { object });
  },
  "read-missing": ({ object, archive }) => {
    const name = configuredName(archive);
    const what = `the archive ${name} has lost what was admitted and delivered`;
    return rings("read-missing", name, what, { object });
  },
  "read-failed": ({ object, archive, code }) => {
    const name = configuredName(archive);
    const what = `the archive ${name} gives readers nothing (${knownCode(code)})`;
    return rings("read-failed", name, what, object === undefined ? {} : { object });
  },
  "read-emergency": ({ grant, reader }) => {
    const id = madeId(grant);
    const what = `an emergency was opened (${id.slice(-8)}), and ${configuredName(reader)} was given what would be withheld`;
    return rings("emergency", id, what);
  },
  // Two people decided, and were told then.
  "read-released": silent,
  "read-given": silent,
  "read-replaced": silent,
  "copy-damaged": ({ object, isDropped }) => {
    const what = isDropped
      ? "the gate's own copy of an object is damaged, and was deleted; the archives have the object"
      : "the gate's own bytes of an object are damaged, and no archive may have it";
    return rings("copy-damaged", isDropped ? "copies" : "needed", what, { object });
  },
  "copies-dropped": silent,
  "read-notice": silent,
  "read-unknown": ({ archive }) => {
    const name = configuredName(archive);
    return rings("read-unknown", name, `the archive ${name} has objects that never came through this gate`);
  },
  "study-checked": silent,
  "study-missing": ({ archive, instances }) => {
    const name = configuredName(archive);
    const what = `the archive ${name} has nothing of a study of which ${whole(instances)} images were admitted`;
    return rings("study-missing", name, what);
  },
  "sealed-missing": ({ archive }) => {
    const name = configuredName(archive);
    const what = `images were sealed here that neither came to this gate nor are in the archive ${name}`;
    return rings("sealed-missing", name, what);
  },
  // That something is unproven is no sign that it is false: it wakes nobody, and is told.
  "study-unadmitted": ({ archive, proven, unproven }) =>
    pastTheGate(archive, count(proven) + count(unproven)),
  "sweep-begun": silent,
  "sweep-ended": ({ archive, unknown }) => (unknown > 0 ? pastTheGate(archive, unknown) : undefined),
  stored: silent,
  recovered: silent,
  "worker-ended": () =>
    rings(
      "checking-fails",
      "workers",
      "threads that check objects end again and again; their objects are held",
    ),
  "trust-reloaded": silent,
  "settings-applied": silent,
  "source-changed": silent,
  "disk-low": ({ freeBytes, neededBytes }) => {
    const mebibytes = (bytes: number): number => Math.floor(count(bytes) / 2 ** 20);
    const what = `the data folder's disk has ${mebibytes(freeBytes)} MiB free, and needs ${mebibytes(neededBytes)}`;
    return rings("disk-low", "disk", what, { count: 0 });
  },
  "kept-only": silent,
  "certificate-ending": ({ of, name, days }) => {
    const known = configuredName(name);
    // Subjects of authorities are texts of others.
    const who = `${knownCode(of)}${known === name ? ` ${known}` : ""}`;
    const when = days < 0 ? "has ended" : `ends in ${whole(days)} ${days === 1 ? "day" : "days"}`;
    const severity = days < 0 ? ({ severity: "warning" } as const) : {};
    const grade = days < 0 ? 0 : (gradesDays.find((one) => days <= one) ?? 60);
    return rings("certificate-ending", who, `the certificate of ${who} ${when}`, {
      count: 0,
      grade,
      ...severity,
    });
  },
  "emergency-unreviewed": ({ grants }) => {
    const what = `${whole(grants)} emergencies are over for more than a day, and nobody has reviewed them`;
    return rings("emergency-unreviewed", "grants", what, { count: 0 });
  },
  draining: silent,
  stopped: silent,
  fault: ({ where, code }) => {
    const [place, known] = [phrase(where), knownCode(code)];
    if (place === "audit") {
      const what = known === "storage-full" ? "the oldest are dropped" : "they wait, or cannot be kept";
      return rings("audit-stopped", known, `audit messages do not leave this gate (${known}): ${what}`);
    }
    return rings("fault", `${place} ${known}`, `a fault in the gate: ${place} (${known})`, { crowd: "all" });
  },
};

/** Undefined for what nobody is woken by. */
export function alertOf(event: GatewayEvent): AlertEvent | undefined {
  return (rows[event.kind] as Row<GatewayEvent>)(event);
}

/** A channel cannot be told by itself that it is dead: the others tell. @param channel one of ours */
export function channelAlert(channel: string, isReached: boolean): AlertEvent {
  if (isReached) return { ends: keyOf("channel-dead", channel), what: `alerts by ${channel} are sent again` };
  return rings("channel-dead", channel, `alerts by ${channel} do not arrive; they wait`, { count: 0 });
}

function rings(
  alarm: AlarmName,
  key: string,
  what: string,
  more: {
    readonly count?: number;
    readonly crowd?: string;
    readonly object?: string;
    readonly rule?: AlarmFacts["rule"];
    readonly grade?: number;
    readonly severity?: AlarmFacts["severity"];
  } = {},
): AlertEvent {
  const { severity, todo, rule } = alarmFacts[alarm];
  const { object, grade } = more;
  const alert: Alert = {
    ...{ alarm, severity: more.severity ?? severity, what, todo },
    key: keyOf(alarm, key),
    crowd: keyOf(alarm, more.crowd ?? key),
    count: more.count ?? 1,
    rule: more.rule ?? rule,
    ...(grade === undefined ? {} : { grade }),
    ...(object === undefined ? {} : { object: madeId(object) }),
  };
  return { rings: alert };
}

function pastTheGate(archive: string, found: number): AlertEvent {
  const name = configuredName(archive);
  const what = `the archive ${name} has objects that never came through this gate`;
  const rule = { ...alarmFacts["read-unknown"].rule, atLeast: 1 };
  return rings("read-unknown", `${name} checked`, what, { count: whole(found), rule, severity: "notice" });
}

function keyOf(alarm: AlarmName, key: string): string {
  return `${alarm} ${key}`;
}

/** One fault of a modality is one key, in whatever order its findings come. */
function sorted(codes: readonly string[]): string[] {
  return [...new Set(codes.slice(0, 256).map(knownCode))].sort().slice(0, codesMax);
}

function whole(value = 0): number {
  return Math.floor(count(value));
}
