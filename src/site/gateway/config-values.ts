/** The kinds of values a configuration file has. Each says what it takes when it is given something else. */
import { isIP } from "node:net";
import type { MalformedCode } from "../../foundation/errors.ts";
import { tolerableOnArrival } from "../../zero-trust/gateway/tolerable.ts";
import type { Mode } from "../../zero-trust/policy/decide.ts";
import { type Parse, parseText, Refusal, similar } from "./config-reader.ts";
import { networkProblem, normalNetwork } from "./network-address.ts";
import { shown } from "./yaml-document.ts";

export const modes: readonly Mode[] = ["observe", "warn", "enforce"];

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const nameRule = "must have 1 to 64 letters, digits, dots, dashes or underscores";

export const nameValue: Parse<string> = parseText((text) =>
  namePattern.test(text) ? text : new Refusal(nameRule),
);

/** PS3.5 6.2 AE. */
export const aeTitleValue: Parse<string> = parseText((text) =>
  /^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(text) && text.trim() === text
    ? text
    : new Refusal("must be an AE title: 1 to 16 characters, no backslash and no space around it"),
);

/** A numeric address to listen at: names can mean several, or change. */
export const listenAddressValue: Parse<string> = parseText((text) =>
  isIP(text) > 0
    ? text
    : new Refusal(
        "must be an IP address of this machine",
        "127.0.0.1 for this machine alone, 0.0.0.0 for every network",
      ),
);

/** RFC 1034 3.5, RFC 1123 2.1. The dot between labels is no option of the loop: a name with an underscore would be tried in every division. */
const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$/;

/** Where to connect: an address or a host name. */
export const hostValue: Parse<string> = parseText((text) =>
  isIP(text) > 0 || (hostName.test(text) && !/^[\d.]+$/.test(text))
    ? text
    : new Refusal("must be a host name or an IP address"),
);

export const portValue: Parse<number> = integerValue(1, 65535);

export function integerValue(min: number, max: number): Parse<number> {
  return parseText((text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : new Refusal(`must be a whole number from ${min} to ${max}`);
  });
}

const msOf: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** "30 s" -> milliseconds; undefined for anything else. */
export function durationOf(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,9})\s*(ms|s|min|h|d)$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * msOf[unit!]!;
}

/** @param min @param max milliseconds */
export function durationValue(min: number, max: number): Parse<number> {
  return parseText((text) => {
    const ms = durationOf(text);
    if (ms === undefined) return new Refusal("must be a time", 'such as "30 s", "10 min", "3 d"');
    if (ms >= min && ms <= max) return ms;
    return new Refusal(`must be from ${durationText(min)} to ${durationText(max)}`);
  });
}

function durationText(ms: number): string {
  const units = Object.entries(msOf).filter(([, unit]) => ms % unit === 0);
  const [name, unit] = units[units.length - 1]!;
  return `${ms / unit} ${name}`;
}

const bytesOf: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** @param min @param max bytes */
export function sizeValue(min: number, max: number): Parse<number> {
  return parseText((text) => {
    const [, digits, unit] = /^(\d{1,6})\s*(KiB|MiB|GiB|TiB)$/.exec(text) ?? [];
    if (digits === undefined) return new Refusal("must be a size", 'such as "512 MiB" or "4 GiB"');
    const bytes = Number(digits) * bytesOf[unit!]!;
    if (bytes >= min && bytes <= max) return bytes;
    return new Refusal(`must be from ${sizeText(min)} to ${sizeText(max)}`);
  });
}

function sizeText(bytes: number): string {
  const units = Object.entries(bytesOf).filter(([, unit]) => bytes >= unit);
  const [name, unit] = units[units.length - 1] ?? ["bytes", 1];
  return `${Math.round((bytes / unit) * 10) / 10} ${name}`;
}

/** A closed set of words. */
export function wordValue<T extends string>(words: readonly T[]): Parse<T> {
  return parseText((text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    const like = similar(text, words);
    const hint = like === undefined ? undefined : `did you mean ${like}?`;
    return new Refusal(`must be one of ${words.join(", ")}`, hint);
  });
}

export const flagValue: Parse<boolean> = parseText((text) =>
  text === "true" || text === "false" ? text === "true" : new Refusal("must be true or false"),
);

/** A network in CIDR notation; a single address is a network of one. */
export const networkValue: Parse<string> = parseText((text) => {
  const problem = networkProblem(text);
  return problem === undefined ? normalNetwork(text) : new Refusal(problem.problem, problem.hint);
});

export const toleranceValue: Parse<MalformedCode> = parseText((text) => {
  const codes: readonly MalformedCode[] = [...tolerableOnArrival];
  const found = codes.find((code) => code === text);
  if (found !== undefined) return found;
  const like = similar(text, codes);
  return new Refusal(
    `has ${shown(text)}, which no source may be allowed`,
    like === undefined ? `one may be: ${codes.join(", ")}` : `did you mean ${like}?`,
  );
});

/** A path, resolved by the caller. */
export const pathValue: Parse<string> = parseText((text) =>
  text.length <= 4096 && !text.includes("\0") ? text : new Refusal("must be a path"),
);

/** PS3.5 6.2 LO, or whatever a site calls its devices. */
export const textValue: Parse<string> = parseText((text) =>
  /^[^\p{C}]{1,256}$/u.test(text) ? text : new Refusal("must be one line of at most 256 characters"),
);

export const variableValue: Parse<string> = parseText((text) =>
  /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text)
    ? text
    : new Refusal("must be the name of an environment variable"),
);
