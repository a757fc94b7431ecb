/** Fields of events, made fit for logs and metrics: each is of a closed form, whoever filled it. */
import { isIP } from "node:net";
import { logWords } from "./log-words.ts";

/** What stands for a value that is not of its form. */
const other = "other";
const mask = "*";
/** A reason is one sentence. */
const phraseCharactersMax = 240;

const verdicts: ReadonlySet<string> = new Set([
  ...["verified", "verified-with-changes", "received", "altered", "untrusted", "unsealed", "superseded"],
  ...["malformed", "notice", "none"],
]);
const modes: ReadonlySet<string> = new Set(["observe", "warn", "enforce"]);
const objectStates: ReadonlySet<string> = new Set([
  ...["received", "admitted", "held", "resent", "resolved", "purged", "sealed"],
]);
const deliveryStates: ReadonlySet<string> = new Set(["due", "delivered", "dead"]);

/** A name of the configuration: of a source, listener or destination. Digits and dots alone would be a UID. */
export function configuredName(text: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text) && /[A-Za-z]/.test(text) ? text : other;
}

/** Ids are UUIDs, made here. */
export function madeId(text: string): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : other;
}

/** A UUID, or "listener address port" of its connection. */
export function associationId(text: string): string {
  const [listener = "", address = "", port = "", ...more] = text.split(" ");
  const isConnection =
    more.length === 0 &&
    configuredName(listener) === listener &&
    isIP(address) !== 0 &&
    /^\d{1,5}$/.test(port);
  return isConnection ? text : madeId(text);
}

export function ipAddress(text: string): string {
  return isIP(text) === 0 ? other : text;
}

/** PS3.5 6.2 AE, without controls and quotes; what looks like a UID or a path is none. */
export function titleLabel(text: string): string {
  const label = text.replace(/[^A-Za-z0-9 _.:@+-]/g, "?").slice(0, 16);
  return /\d+\.\d+\.\d/.test(label) ? other : label;
}

export function knownVerdict(text: string): string {
  return verdicts.has(text) ? text : other;
}

export function knownMode(text: string): string {
  return modes.has(text) ? text : other;
}

export function knownObjectState(text: string): string {
  return objectStates.has(text) ? text : other;
}

export function knownDeliveryState(text: string): string {
  return deliveryStates.has(text) ? text : other;
}

/** "storage-full": words of `logWords` joined by dashes. */
export function knownCode(text: string): string {
  return text.length <= 64 && text.split("-").every((word) => logWords.has(word)) ? text : other;
}

/** Sums of it stay numbers, and no one event can be the whole sum. */
export function count(value: number): number {
  return Number.isFinite(value) && value >= 0 ? Math.min(value, Number.MAX_SAFE_INTEGER) : 0;
}

/** A duration or size, a status, a word with its full stop, or what stands between words. */
const phraseParts = /\d{1,12} (?:ms|s|bytes)\b|0x[0-9A-Fa-f]{4}(?![\w.])|[^\s,:;()/_-]+|[\s,:;()/_-]+/gu;

/**
 * A sentence, of which only known words, durations, sizes, numbers of up to three digits and 16-bit hexadecimal statuses remain; between them
 * blanks, commas, colons and the like. Everything else is `*`.
 */
export function phrase(text: string): string {
  const parts = text.slice(0, phraseCharactersMax).match(phraseParts) ?? [];
  return parts
    .map((part) => (/^[\s,:;()/_-]/.test(part) ? part.replace(/\s+/g, " ") : phrasePart(part)))
    .join("")
    .replace(/\*(?:[/_: -]?\*)+/g, mask)
    .trim();
}

function phrasePart(part: string): string {
  const [, body = "", end = ""] = /^(.*?)([.]?)$/su.exec(part) ?? [];
  // "mode", the journal's
  const word = body
    .toLowerCase()
    .replace(/^"(.*)"$/s, "$1")
    .replace(/'s$/, "");
  const isKnown = logWords.has(word) || /^\d{1,3}$|^\d{1,12} (ms|s|bytes)$|^0x[0-9A-Fa-f]{4}$/.test(body);
  return (isKnown ? body : mask) + end;
}
