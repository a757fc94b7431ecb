/**
 * One cause rings once: the first of a group is told at once, then at most once an hour how many more there were, and once that it is over.
 * Pure: whoever calls has the clock and keeps the state over restarts.
 */
import type { Alert, Telling } from "./alert.ts";

/** Between two tellings of one group. */
const moreEveryMs = 3_600_000;
/** An end is believed when it lasted: what comes and goes is one group. */
const settleMs = 600_000;
/** Groups of a crowd that ring alone; the rest is one group. */
const crowdMax = 8;
/** Groups of an alarm: what happens to every source at once is one cause. */
const alarmMax = 20;
/** Of all, from a file: a group for each alarm and its others is less. */
const groupsMax = 500;

export interface AlertGroup {
  readonly key: string;
  readonly crowd: string;
  readonly alarm: Alert["alarm"];
  readonly severity: Alert["severity"];
  readonly what: string;
  readonly todo: string;
  readonly object: string | null;
  readonly grade: number | null;
  readonly withinMs: number;
  readonly quietMs: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** Null as long as it did not ring. */
  readonly toldAt: number | null;
  /** When it rings if it lasts. */
  readonly ringAt: number | null;
  /** It seems over, and is told to be then. */
  readonly endAt: number | null;
  readonly endWhat: string;
  readonly total: number;
  readonly untold: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class AlertGroups {
  readonly #groups = new Map<string, Mutable<AlertGroup>>();
  #lastNow: number;

  /** @param kept of `state` before the restart; @param now milliseconds since 1970 */
  constructor(kept: readonly AlertGroup[], now: number) {
    this.#lastNow = now;
    // While nobody listened, nothing was heard: quiet begins now.
    for (const group of kept.slice(0, groupsMax)) {
      const ahead = Math.max(group.firstAt, group.toldAt ?? 0) - now;
      this.#groups.set(group.key, { ...(ahead > 0 ? earlier(group, ahead) : group), lastAt: now });
    }
  }

  get state(): readonly AlertGroup[] {
    return [...this.#groups.values()].map((group) => ({ ...group }));
  }

  add(alert: Alert, now: number): readonly Telling[] {
    this.#setBack(now);
    const group = this.#groupOf(alert, now);
    const { rule } = alert;
    if (group.toldAt === null && group.ringAt === null && now - group.firstAt > rule.withinMs) {
      group.firstAt = now;
      group.total = 0;
      group.untold = 0;
    }
    // Of what lasts, the newest is told.
    if (group.toldAt === null && group.key === alert.key) group.what = alert.what;
    group.lastAt = now;
    group.endAt = null;
    group.total = sum(group.total, alert.count);
    group.untold = sum(group.untold, alert.count);
    if (group.toldAt !== null) {
      if (alert.grade === undefined || alert.grade === group.grade) return [];
      const isWorse = group.grade === null || alert.grade < group.grade;
      group.grade = alert.grade;
      group.severity = alert.severity;
      group.what = alert.what;
      return isWorse ? [this.#tell(group, "began", now)] : [];
    }
    if (group.ringAt === null ? Math.max(group.total, 1) >= rule.atLeast : now >= group.ringAt)
      return [this.#tell(group, "began", now)];
    return [];
  }

  /** What did not ring yet is forgotten; an end that does not last is none. */
  end(key: string, what: string, now: number): void {
    this.#setBack(now);
    const group = this.#groups.get(key);
    if (!group) return;
    if (group.toldAt === null) this.#groups.delete(key);
    else if (group.endAt === null) {
      group.endAt = now + settleMs;
      group.endWhat = what;
    }
  }

  due(now: number): readonly Telling[] {
    this.#setBack(now);
    const tellings: Telling[] = [];
    for (const group of [...this.#groups.values()]) {
      if (now < dueAt(group)) continue;
      if (group.toldAt === null) {
        if (group.ringAt === null) this.#groups.delete(group.key);
        else tellings.push(this.#tell(group, "began", now));
      } else if (isOver(group, now)) {
        this.#groups.delete(group.key);
        const over =
          group.endAt === null
            ? this.#tell(group, "quiet", now)
            : { ...this.#tell(group, "ended", now), what: group.endWhat };
        // Nobody is woken because something is over.
        tellings.push({ ...over, severity: "notice" });
      } else tellings.push(this.#tell(group, "more", now));
    }
    return tellings;
  }

  /** When `due` has something to say, or to forget; undefined without groups. */
  get nextAt(): number | undefined {
    const times = [...this.#groups.values()].map(dueAt);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #groupOf(alert: Alert, now: number): Mutable<AlertGroup> {
    const key = this.#keyFor(alert);
    const known = this.#groups.get(key);
    if (known) return known;
    const { alarm, severity, todo, object = null, grade = null, crowd, rule } = alert;
    const isAlone = key === alert.key;
    const group: Mutable<AlertGroup> = {
      ...{ key, crowd, alarm, severity, todo, object, grade },
      what: isAlone ? alert.what : `${alert.what} (one of many kinds, which are counted together)`,
      withinMs: rule.withinMs,
      quietMs: rule.quietMs,
      firstAt: now,
      lastAt: now,
      toldAt: null,
      ringAt: rule.afterMs === 0 ? null : now + rule.afterMs,
      endAt: null,
      endWhat: "",
      total: 0,
      untold: 0,
    };
    this.#groups.set(key, group);
    return group;
  }

  #keyFor({ key, crowd, alarm }: Alert): string {
    if (this.#groups.has(key)) return key;
    let [inCrowd, inAlarm] = [0, 0];
    for (const group of this.#groups.values()) {
      if (group.crowd === crowd) inCrowd++;
      if (group.alarm === alarm) inAlarm++;
    }
    if (inAlarm >= alarmMax) return `${alarm}, others`;
    return inCrowd >= crowdMax ? `${crowd}, others` : key;
  }

  #tell(group: Mutable<AlertGroup>, phase: Telling["phase"], now: number): Telling {
    const { alarm, severity, what, todo, object, total, untold, firstAt } = group;
    group.toldAt = now;
    group.ringAt = null;
    group.untold = 0;
    const named = object === null ? {} : { object };
    return {
      ...{ phase, alarm, severity, what, todo, ...named },
      ...{ count: untold, total, since: firstAt, at: now },
    };
  }

  /** A clock that was set back must not silence a group until the old time is reached again. */
  #setBack(now: number): void {
    const back = this.#lastNow - now;
    this.#lastNow = now;
    if (back <= 0) return;
    for (const [key, group] of this.#groups) this.#groups.set(key, earlier(group, back));
  }
}

function earlier(group: AlertGroup, ms: number): Mutable<AlertGroup> {
  const moved = (time: number | null): number | null => (time === null ? null : time - ms);
  const { firstAt, lastAt, toldAt, ringAt, endAt } = group;
  return {
    ...group,
    firstAt: firstAt - ms,
    lastAt: lastAt - ms,
    toldAt: moved(toldAt),
    ringAt: moved(ringAt),
    endAt: moved(endAt),
  };
}

function dueAt(group: AlertGroup): number {
  const { toldAt, ringAt, endAt, firstAt, lastAt, withinMs, quietMs, untold } = group;
  if (toldAt === null) return ringAt ?? firstAt + withinMs + 1;
  const over = endAt ?? lastAt + quietMs;
  return untold > 0 ? Math.min(over, toldAt + moreEveryMs) : over;
}

function isOver({ endAt, lastAt, quietMs }: AlertGroup, now: number): boolean {
  return now >= (endAt ?? lastAt + quietMs);
}

/** Sums stay exact. */
function sum(total: number, more: number): number {
  return Math.min(total + more, Number.MAX_SAFE_INTEGER);
}
