/** Digital Signature DateTime (0400,0105), VR DT: PS3.5 section 6.2. */

/**
 * UTC with microseconds and an explicit "+0000": dcmsign compares the wall clock written here with the certificate's UTC validity and
 * ignores the zone, so local time makes new certificates "not yet valid" west of Greenwich.
 * @param milliseconds since 1970-01-01T00:00:00Z
 */
export function formatSignatureDateTime(milliseconds: number): string {
  const iso = new Date(milliseconds).toISOString();
  return `${iso.slice(0, 19).replace(/[-T:]/g, "")}.${iso.slice(20, 23)}000+0000`;
}

const pattern = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(?:\.(\d{1,6}))?([+-]\d{4})$/;

function isDate(date: Date, year: number, month: number, day: number): boolean {
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/**
 * Milliseconds since 1970-01-01T00:00:00Z. Undefined when the text is no full date and time or names no zone: what the moment was
 * cannot be known then.
 */
export function parseSignatureDateTime(text: string): number | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", zone = ""] = match;
  const utc = Date.UTC(+year!, +month! - 1, +day!, +hour!, +minute!, +second!);
  // A day or hour that does not exist would have been carried over, and a year below 100 moved.
  if (+hour! > 23 || +minute! > 59 || +second! > 59 || !isDate(new Date(utc), +year!, +month!, +day!))
    return undefined;
  const offsetMinutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5));
  const sign = zone.startsWith("-") ? -1 : 1;
  return utc + Number(fraction.padEnd(3, "0").slice(0, 3)) - sign * offsetMinutes * 60_000;
}
