/** What a person can do about what would be held, in the words of whoever runs the archive. */
import type { MalformedCode } from "../../foundation/errors.ts";
import { tolerableOnArrival } from "../../zero-trust/gateway/tolerable.ts";
import { sentenceOf } from "../../zero-trust/policy/sentences.ts";
import type { FindingCode } from "../../zero-trust/policy/verdict.ts";

/** What accepting a non-conformance means. */
export const toleranceMeanings: Readonly<Partial<Record<MalformedCode, string>>> = {
  "tag-order":
    "elements that stand in the wrong order are read as they stand; other readers may stop at them, or miss some",
  "trailing-bytes":
    "bytes behind the last element are let pass; no viewer shows them, and nothing says what they are",
  "length-odd": "values of odd length are read; other readers may refuse the object",
  "uid-invalid":
    "UIDs that break the rules of UIDs are taken as they are; another system may change or refuse them",
  "uid-mismatch":
    "the file's head may name another object than its content; the content counts (never where the sender's command names another object)",
  "value-invalid":
    "values that their type does not allow are let pass; other readers may show them otherwise",
  "vr-mismatch": "elements of another type than the standard gives them are read as they are written",
  "pixel-length": "pixel data may be longer than the image needs; what is behind the image is not shown",
  "encapsulation-invalid":
    "compressed frames may be wrapped otherwise than the standard says; other readers may not find them",
};

/** Where it can be accepted, its name. */
export function tolerableCause(
  verdict: string | undefined,
  cause: string | undefined,
): MalformedCode | undefined {
  if (verdict !== "malformed") return undefined;
  return [...tolerableOnArrival].find((code) => code === cause);
}

export function sentenceOfCause(cause: string | undefined): string {
  return sentenceOf((cause ?? "check-incomplete") as FindingCode).message;
}

export interface AdviceFacts {
  readonly source: string;
  readonly verdict: string | undefined;
  readonly cause: string | undefined;
  /** Of an object with it. */
  readonly example: string | undefined;
  readonly isTolerated: boolean;
}

/** One sentence: what to do next. */
export function adviceFor({ source, verdict, cause, example, isTolerated }: AdviceFacts): string {
  const look = `look at one: scanseal quarantine show ${example ?? "ID"}`;
  const tolerable = tolerableCause(verdict, cause);
  if (tolerable !== undefined && isTolerated)
    return `accepted since: have those that are held judged again: scanseal commission ${source} --recheck --by NAME`;
  if (tolerable !== undefined)
    return `have the device mended, or accept it: scanseal commission ${source} --accept tolerate:${tolerable} --by NAME`;
  return advice[cause ?? ""] ?? (verdict === undefined ? advice["check-incomplete"]! : look);
}

const advice: Readonly<Record<string, string>> = {
  "seal-missing": "seal at capture: enrol the device, below; until then it cannot be told from a forgery",
  "seal-expected":
    "the device is enrolled and did not seal these: look at the device, or at what stands between",
  "seal-stripped":
    "something removes the seal on the way: look at what stands between the device and this gate",
  "signer-not-recognised":
    "sealed elsewhere: scanseal trust import PEM, if that authority is to be believed here; then --recheck",
  "certificate-expired": "scanseal keys rotate DEVICE",
  "certificate-not-yet-valid": "look at the device's clock",
  "time-implausible": "look at the device's clock, and at this machine's",
  "revocation-unknown": "scanseal trust import CRL: a newer revocation list of that authority",
  "check-incomplete": "--recheck; if it stays, the gateway's log says why",
};
