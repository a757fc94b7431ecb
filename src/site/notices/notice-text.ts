/** What a reader is told about images that were withheld, or are given although they do not pass: facts in plain lines of printable Latin-1, bounded, without names of patients. */
import type { InstanceName } from "../../zero-trust/gateway/reading/ports.ts";
import type { Withholding } from "../../zero-trust/gateway/reading/read.ts";
import type { Opening } from "../../zero-trust/quarantine/opened.ts";

/** As far as they are known. */
interface Numbered {
  readonly instance: InstanceName;
  readonly seriesNumber?: number | undefined;
  readonly instanceNumber?: number | undefined;
}

export interface WithheldInstance extends Numbered {
  readonly withholding: Withholding;
}

/** Given because people opened it. */
export interface UnprovenInstance extends Numbered {
  readonly verdict: string;
  readonly opening: Opening;
}

export interface NoticeFacts {
  readonly withheld: readonly WithheldInstance[];
  readonly unproven: readonly UnprovenInstance[];
  /** Images of the study that were asked for, those withheld among them. */
  readonly total: number;
  /** The reader's name in the configuration. */
  readonly reader: string;
  readonly at: Date;
  /** The archive could not be asked what else it has. */
  readonly isArchiveUnlisted: boolean;
  /** A finding code's plain sentence; undefined for one that has none. */
  readonly sentenceOf: (code: string) => string | undefined;
}

/** Lines by what they are, for whoever sets them apart. */
export interface NoticeText {
  /** In the picture's large capitals, of which there are no others. */
  readonly heading: "IMAGES WITHHELD" | "UNPROVEN IMAGES" | "MAYBE INCOMPLETE";
  readonly lead: string;
  /** Which: a line for each series. */
  readonly listed: readonly string[];
  /** Why, and what may be missing beside them. */
  readonly reasons: readonly string[];
  readonly advice: readonly string[];
  readonly origin: readonly string[];
}

/** What fits on one page; also keeps the text far below the 10240 characters of Image Comments (LT, PS3.5 table 6.2-1). */
export const listedSeriesMax = 8;
const rangesMax = 12;
const reasonsMax = 4;
const openingsMax = 3;
const nameMax = 64;

/** Printable Latin-1 as it is, every other character as its code: nothing that turns, hides or ends a line. At most `nameMax` of them. */
function inertText(text: string): string {
  let out = "";
  let taken = 0;
  for (const character of text) {
    if (taken++ === nameMax) return `${out}...`;
    const code = character.codePointAt(0)!;
    const isPrintable = (code >= 0x20 && code < 0x7f) || (code >= 0xa1 && code <= 0xff && code !== 0xad);
    // A backslash separates values and starts no escape here.
    const isPlain = isPrintable && code !== 0x5c;
    out += isPlain ? character : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  }
  return out;
}

/** The same facts give the same text. */
export function noticeText(facts: NoticeFacts): NoticeText {
  const { withheld, unproven, reader, at, isArchiveUnlisted } = facts;
  const reasons = reasonsOf(facts);
  const more = reasons.length - reasonsMax;
  return {
    heading: headingOf(facts),
    lead: leadOf(facts),
    listed: listOf(withheld.length > 0 ? withheld : unproven),
    reasons: [
      ...unprovenLines(unproven),
      ...reasons.slice(0, reasonsMax),
      ...(more > 0 ? [`And ${more} more reasons.`] : []),
      ...(isArchiveUnlisted
        ? ["The archive could not be asked what else it has: there may be more images of this study."]
        : []),
    ],
    advice: [adviceOf(facts)],
    origin: [
      `Made for ${inertText(reader)}, ${at.toISOString().slice(0, 19).replace("T", " ")} UTC.`,
      "This notice was made by the gate. It is no image of the patient, and it accuses nobody.",
    ],
  };
}

function adviceOf({ withheld, unproven }: NoticeFacts): string {
  if (withheld.length > 0)
    return "Do not rely on this study until it is complete. Call those who run the image archive: the gate's quarantine and log tell them more.";
  return unproven.length > 0
    ? "Do not rely on these images beyond what they were opened for, and do not file them. Those who run the image archive can say more."
    : "Do not take this study for complete. Ask for it again in a minute; if this notice comes again, call those who run the image archive.";
}

function headingOf({ withheld, unproven }: NoticeFacts): NoticeText["heading"] {
  if (withheld.length > 0) return "IMAGES WITHHELD";
  return unproven.length > 0 ? "UNPROVEN IMAGES" : "MAYBE INCOMPLETE";
}

function leadOf({ withheld, unproven, total }: NoticeFacts): string {
  if (withheld.length + unproven.length === 0)
    return `${counted(total)} of this study ${total === 1 ? "was" : "were"} given.`;
  const of = (count: number): string =>
    `${count} of ${counted(total)} of this study ${count === 1 ? "is" : "are"}`;
  return withheld.length > 0
    ? `${of(withheld.length)} withheld.`
    : `${of(unproven.length)} shown although they do not pass.`;
}

/** People answer for them; what they are is said all the same. The longest open first. */
function unprovenLines(unproven: readonly UnprovenInstance[]): string[] {
  const byOpening = new Map<string, UnprovenInstance[]>();
  for (const one of unproven) {
    const same = byOpening.get(one.opening.id);
    if (same) same.push(one);
    else byOpening.set(one.opening.id, [one]);
  }
  const groups = [...byOpening.values()].sort(([a], [b]) => b!.opening.until - a!.opening.until);
  const more = groups.length - openingsMax;
  return [...groups.slice(0, openingsMax).flatMap(openingLines), ...(more > 0 ? [`And ${more} more.`] : [])];
}

function openingLines(group: readonly UnprovenInstance[]): string[] {
  const { kind, by, until } = group[0]!.opening;
  const [name, verb] = kind === "emergency" ? ["Emergency", "Opened"] : ["Released", "Released"];
  const verdicts = [...new Set(group.map(({ verdict }) => verdict))].sort().join(", ");
  return [
    `${name}: ${counted(group.length)} shown although ${group.length === 1 ? "it does" : "they do"} not pass (${inertText(verdicts)}).`,
    `${verb} by ${by.map(inertText).join(" and ")} until ${minuteOf(new Date(until))} UTC.`,
  ];
}

function minuteOf(at: Date): string {
  return at.toISOString().slice(0, 16).replace("T", " ");
}

/** Lines in the order in which they are read. */
export function noticeLines({ lead, listed, reasons, advice, origin }: NoticeText): readonly string[] {
  return [lead, ...listed, ...reasons, ...advice, ...origin];
}

/** "Series 2: images 7, 9, 12-20" */
function listOf(instances: readonly Numbered[]): string[] {
  const bySeries = new Map<string, Numbered[]>();
  for (const one of instances) {
    const { seriesInstanceUid } = one.instance;
    const same = bySeries.get(seriesInstanceUid);
    if (same) same.push(one);
    else bySeries.set(seriesInstanceUid, [one]);
  }
  const lines = [...bySeries.values()].slice(0, listedSeriesMax).map((same) => {
    const number = same.find(({ seriesNumber }) => seriesNumber !== undefined)?.seriesNumber;
    const numbers = same.flatMap(({ instanceNumber }) => instanceNumber ?? []).sort((a, b) => a - b);
    const unnumbered = same.length - numbers.length;
    const parts = [
      ...(numbers.length === 0
        ? []
        : [`${numbers.length === 1 ? "image" : "images"} ${rangesText(numbers)}`]),
      ...(unnumbered === 0 ? [] : [`${counted(unnumbered)} without a known number`]),
    ];
    return `Series ${number ?? "without a known number"}: ${parts.join(" and ")}`;
  });
  const more = bySeries.size - lines.length;
  return more > 0 ? [...lines, `And ${more} more series`] : lines;
}

/** @param numbers ascending */
function rangesText(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && number - last[1] <= 1) last[1] = number;
    else ranges.push([number, number]);
  }
  const shown = ranges.slice(0, rangesMax).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return shown.join(", ") + (ranges.length > rangesMax ? ", and others" : "");
}

/** Each reason once, with the number of images that it holds for, the most frequent first. */
function reasonsOf({ withheld, sentenceOf }: NoticeFacts): string[] {
  const counts = new Map<string, number>();
  for (const { withholding } of withheld) {
    const reason = reasonOf(withholding, sentenceOf);
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([reason, count]) => `${counted(count)}: ${reason}`);
}

function counted(count: number): string {
  return count === 1 ? "1 image" : `${count} images`;
}

function reasonOf(withholding: Withholding, sentenceOf: NoticeFacts["sentenceOf"]): string {
  switch (withholding.why) {
    case "missing":
      return "Admitted earlier; the archive no longer has it.";
    case "unavailable":
      return "The archive could not be asked, or the check could not be completed.";
    case "held":
    case "policy":
      for (const code of withholding.codes) {
        const sentence = sentenceOf(code);
        if (sentence !== undefined) return sentence;
      }
      return withholding.why === "held" ? "It does not pass the check." : "Nothing proves it.";
  }
}
