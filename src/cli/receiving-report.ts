/** What became of objects that were to be received: refusals line by line, and a summary. */
import type { ScansealError } from "../foundation/errors.ts";
import type { Received } from "../site/receipts/receiving-office.ts";
import type { Decision } from "../zero-trust/policy/verdict.ts";
import { namedLocationText } from "./verdict-report.ts";

export interface ReceivingCounts {
  given: number;
  known: number;
  sealed: number;
  refused: number;
  others: number;
  unreadable: number;
}

export function noCounts(): ReceivingCounts {
  return { given: 0, known: 0, sealed: 0, refused: 0, others: 0, unreadable: 0 };
}

/** @param received undefined for what is no DICOM file */
export function count(counts: ReceivingCounts, received: Received | undefined): void {
  if (received === undefined || received.outcome === "directory") counts.others++;
  else counts[received.outcome]++;
}

/** Places named in one line. */
const placesShown = 3;

/** Why an object was not received: the gravest finding's sentence, its code, and where. */
export function refusalText({ findings, verdict }: Decision): string {
  const errors = findings.filter(({ severity }) => severity === "error");
  const [first] = errors;
  if (!first) return `it is ${verdict}`;
  const same = errors.filter(({ code }) => code === first.code);
  const places = same.map(({ location }) => namedLocationText(location)).filter((place) => place !== "");
  const more = places.length > placesShown ? ` and ${places.length - placesShown} more` : "";
  const where = places.length > 0 ? `: ${places.slice(0, placesShown).join("; ")}${more}` : "";
  const conflict =
    first.code === "received-changed"
      ? "conflict, another object was received under its SOP Instance UID. "
      : "";
  const advice =
    first.code === "seal-expected" || first.code === "seal-stripped"
      ? " Get the sealed original; or answer for it with --as-unsealed and --operator."
      : "";
  return `${conflict}${first.message}${advice} (${first.code}${where})`;
}

export function receivingSummary(counts: ReceivingCounts): string {
  const { given, known, sealed, refused } = counts;
  const parts = [`${given} ${given === 1 ? "receipt" : "receipts"} given`];
  if (known > 0) parts.push(`${known} had one already`);
  if (sealed > 0) parts.push(`${sealed} sealed, which need none`);
  if (refused > 0) parts.push(`${refused} refused`);
  return parts.join(", ");
}

/** @returns 0 when everything was received, 1 when something was refused, 2 when something cannot be read */
export function receivingStatus({ refused, unreadable }: ReceivingCounts): number {
  return unreadable > 0 ? 2 : refused > 0 ? 1 : 0;
}

/** A full disk or an unusable key would fail for every object; one that cannot be read fails for itself. */
export function stopsReceiving({ code }: ScansealError): boolean {
  return (
    code === "key-unusable" || code === "storage-full" || code === "internal" || code === "config-invalid"
  );
}
