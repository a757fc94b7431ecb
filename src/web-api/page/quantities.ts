/** Counts, sizes and ages in words. */

/** "1 object", "1,204 objects" */
export function counted(n: number, one: string, many: string = `${one}s`): string {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}

export function grouped(n: number): string {
  return n.toLocaleString("en-US");
}

/** As the configuration has them. */
const units = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

export function size(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : Math.round(value * 10) / 10} ${units[unit]}`;
}

/** From now to a time stamp: "in 12 s"; "now" for one that has passed. */
export function until(time: string, now: number): string {
  const seconds = Math.ceil((Date.parse(time) - now) / 1000);
  return seconds > 0 ? `in ${seconds} s` : "now";
}

/** From a time stamp to now: "40 s", "3 min", "5 h", "2 days"; undefined for what is no time. */
export function age(since: string, now: number): string | undefined {
  const at = Date.parse(since);
  if (Number.isNaN(at)) return undefined;
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}
