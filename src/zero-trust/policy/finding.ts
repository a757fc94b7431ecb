/** One finding, with the severity, layer and sentence of its code. */
import { sentenceOf } from "./sentences.ts";
import type { Finding, FindingCode, FindingLocation, Severity } from "./verdict.ts";

export function finding(
  code: FindingCode,
  location: FindingLocation,
  detail: string,
  severity: Severity = sentenceOf(code).severity,
): Finding {
  const { layer, message } = sentenceOf(code);
  return { code, severity, layer, location, message, detail };
}
