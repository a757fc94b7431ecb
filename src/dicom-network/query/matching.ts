/** One key's value read as what it matches (PS3.4 C.2.2.2). */
import { isWellFormedUid } from "../../dicom/uid.ts";
import type { Vr } from "../../dicom/vr.ts";
import { unfit } from "./hierarchy.ts";
import type { Matching } from "./query.ts";

/** PS3.4 C.2.2.2.4. */
const wildcardVrs: ReadonlySet<Vr> = new Set(["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"]);
/** Leading spaces count, and a backslash is a character (PS3.5 section 6.2). */
const wholeTextVrs: ReadonlySet<Vr> = new Set(["ST", "LT", "UT", "UR"]);

/** PS3.5 section 6.2. Seconds of 60 are leap seconds. */
const datePattern = /^\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/;
const timePattern = /^([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?$/;
const dateTimePattern =
  /^\d{4}((0[1-9]|1[0-2])((0[1-9]|[12]\d|3[01])(([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?)?)?)?(\+(0\d|1[0-4])[0-5]\d|-(0\d|1[0-2])[0-5]\d)?$/;

const momentPatterns: Readonly<Partial<Record<Vr, RegExp>>> = {
  DA: datePattern,
  TM: timePattern,
  DT: dateTimePattern,
};

/**
 * @param text all of the value, decoded, without padding at its end
 * @throws ScansealError `peer-protocol` for what no rule of C.2.2.2 reads
 */
export function matchingOf(vr: Vr, text: string): Matching {
  if (/^ *\**$/.test(text)) return { kind: "universal" };
  if (text.includes("\ufffd")) throw unfit("a value that is not of its character set");
  if (vr === "UI") return uidMatching(text);
  if (wholeTextVrs.has(vr)) return textMatching(text);
  // PS3.4 C.2.2.3.3: several values only where that was negotiated; we do not.
  if (text.includes("\\")) throw unfit("a key with several values");
  const pattern = momentPatterns[vr];
  const value = text.trim();
  if (pattern) return momentMatching(value, pattern);
  return wildcardVrs.has(vr) ? textMatching(value) : { kind: "single", value };
}

/** C.2.2.2.2. */
function uidMatching(text: string): Matching {
  const values = text.split("\\").map((uid) => uid.trim());
  if (!values.every(isWellFormedUid)) throw unfit("a UID that is none");
  return values.length === 1 ? { kind: "single", value: values[0]! } : { kind: "uids", values };
}

function textMatching(text: string): Matching {
  return /[*?]/.test(text) ? { kind: "wildcard", pattern: text } : { kind: "single", value: text };
}

/** C.2.2.2.5. A hyphen may also begin the offset of a DT: what is a moment as it stands is one. */
function momentMatching(value: string, pattern: RegExp): Matching {
  if (pattern.test(value)) return { kind: "single", value };
  for (let at = value.indexOf("-"); at >= 0; at = value.indexOf("-", at + 1)) {
    const from = value.slice(0, at).trim();
    const to = value.slice(at + 1).trim();
    if (from === "" && to === "") break;
    if ((from !== "" && !pattern.test(from)) || (to !== "" && !pattern.test(to))) continue;
    return { kind: "range", ...(from === "" ? {} : { from }), ...(to === "" ? {} : { to }) };
  }
  throw unfit("a date or time that is none");
}
