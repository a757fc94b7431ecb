/** When a sweep begins and when it rests: local times of the machine. */

export interface SweepSchedule {
  /** Minutes after midnight. */
  readonly beginsAt: number;
  /** 0 is Sunday; at least one. */
  readonly days: readonly number[];
  /** Minutes after midnight, the end not included; from 22:00 to 06:00 goes over midnight. */
  readonly pause?: { readonly from: number; readonly to: number } | undefined;
}

/** The latest begin at or before this moment; milliseconds since 1970. */
export function lastBegin({ beginsAt, days }: SweepSchedule, now: number): number {
  for (let back = 0; back <= 7; back++) {
    const day = new Date(now);
    // In the hour that summer time leaves out, it is the hour behind.
    const begin = new Date(day.getFullYear(), day.getMonth(), day.getDate() - back, 0, beginsAt);
    if (days.includes(begin.getDay()) && begin.getTime() <= now) return begin.getTime();
  }
  return Number.NEGATIVE_INFINITY;
}

export function isPause({ pause }: SweepSchedule, now: number): boolean {
  if (!pause) return false;
  const { from, to } = pause;
  const date = new Date(now);
  const minute = date.getHours() * 60 + date.getMinutes();
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
}
