/** The judgement: (evidence, policy) -> verdict and disposition. Pure: no I/O, no clock. Numbers are those of spec/verdicts.md. */
import type { Evidence } from "../evidence/evidence.ts";
import { derivationStands } from "./derivation-findings.ts";
import { finding } from "./finding.ts";
import { findingsOf } from "./findings.ts";
import { logFindings } from "./log-findings.ts";
import { notAsAdmitted, readingFindings } from "./reading-findings.ts";
import { isOnlyAdmitted, receiptStands } from "./receipt-findings.ts";
import { revocationFindings } from "./revocation-findings.ts";
import { notSealed, sealerFindings } from "./sealer-findings.ts";
import { timeFindings } from "./time-findings.ts";
import type {
  Assurance,
  Decision,
  Disposition,
  Finding,
  FindingCode,
  IncompleteDecision,
  Verdict,
} from "./verdict.ts";

/** What a source's objects meet: everything is delivered and reported, delivered with a notice, or held unless proven. */
export type Mode = "observe" | "warn" | "enforce";

export interface Policy {
  readonly mode: Mode;
  /** Seals older than this have to be in a log that the verifier knows. Undefined: what is known is told. */
  readonly loggedWithinMs?: number | undefined;
}

const strictPolicy: Policy = { mode: "enforce" };

/** The seal's own fault, whoever signed: nothing that it says can be relied on. */
const sealBroken: ReadonlySet<FindingCode> = new Set<FindingCode>([
  "envelope-invalid",
  "statement-invalid",
  "manifest-signature-invalid",
]);

/** The seal may be sound, but not by someone whom this site trusts for it. */
const untrusted: ReadonlySet<FindingCode> = new Set<FindingCode>([
  "signer-not-recognised",
  "certificate-expired",
  "certificate-not-yet-valid",
  "certificate-revoked",
  "certificate-weak",
  "certificate-wrong-role",
  "certificate-invalid",
  "certificate-outside-limits",
  "revocation-unknown",
  "time-implausible",
  "time-stamp-invalid",
  "foreign-signature",
  "signature-weak",
  "counter-equivocation",
  "log-proof-invalid",
  "log-missing",
]);

/** Without a manifest: a DICOM signature, or the mark of a device that this site trusts, does not fit what is there. */
const alteredUnsealed: ReadonlySet<FindingCode> = new Set<FindingCode>([
  "signature-altered",
  "pixels-changed",
  "watermark-foreign",
  // What this site received is not what is there.
  "received-changed",
  "derived-changed",
]);

/** About what is around the content: they hold the object, but say nothing of the image. */
const besideContent: ReadonlySet<FindingCode> = new Set<FindingCode>([
  "preamble-suspicious",
  "instance-conflict",
  "gate-notice",
  ...notAsAdmitted,
  ...notSealed,
]);

function verdictOf(evidence: Evidence, findings: readonly Finding[]): Verdict {
  const errors = findings
    .filter((f) => f.severity === "error" && !besideContent.has(f.code))
    .map((f) => f.code);
  if (evidence.unreadable || evidence.arrival?.uidDiffers) return "malformed"; // 1
  if (!evidence.manifest) {
    if (errors.some((code) => alteredUnsealed.has(code))) return "altered"; // 2
    const stands = receiptStands(evidence) || derivationStands(evidence);
    if (!stands || errors.length > 0) return "unsealed";
    return evidence.supersededBy ? "superseded" : "received";
  }
  if (errors.some((code) => sealBroken.has(code))) return "altered"; // 3
  if (errors.some((code) => untrusted.has(code))) return "untrusted"; // 4
  if (errors.length > 0 || !evidence.content) return "altered"; // 5
  if (evidence.manifest.type === "notice") return "notice"; // 6
  if (evidence.supersededBy) return "superseded"; // 7
  // 8: a by-product of lossless transcoding is no loss of verdict.
  const administrative = evidence.content.attributes.some((change) => !change.transcodeByProduct);
  return administrative ? "verified-with-changes" : "verified"; // 9
}

const heldVerdicts: ReadonlySet<Verdict | undefined> = new Set([
  ...(["malformed", "altered", "untrusted"] as const),
  "notice", // no archive's
  undefined, // the check could not be completed
]);

/** Of what no mode lets pass: an altered object, say, or one that would overwrite another. */
export function isHeldInEveryMode(verdict: Verdict | undefined, codes: readonly string[]): boolean {
  // never an overwrite; not what was asked for
  const isBarred = (code: string): boolean => code === "instance-conflict" || barred.has(code);
  return heldVerdicts.has(verdict) || codes.some(isBarred);
}

const barred: ReadonlySet<string> = new Set([...notAsAdmitted, ...notSealed]);

function dispositionOf(
  verdict: Verdict,
  findings: readonly Finding[],
  mode: Mode,
  evidence: Evidence,
): Disposition {
  const codes = findings.map(({ code }) => code);
  if (isHeldInEveryMode(verdict, codes)) return "held";
  const besideError = findings.some((f) => f.severity === "error" && besideContent.has(f.code));
  const received = verdict === "received" && (!isOnlyAdmitted(evidence) || derivationStands(evidence));
  const proven = verdict === "verified" || verdict === "verified-with-changes" || received;
  if (proven && !besideError) return "delivered";
  if (mode === "enforce") return "held";
  return mode === "warn" ? "delivered-with-notice" : "delivered";
}

function assuranceOf(evidence: Evidence, verdict: Verdict): Assurance | undefined {
  if (verdict === "received") return "on-receipt";
  if (verdict !== "verified" && verdict !== "verified-with-changes") return undefined;
  return evidence.manifest?.type === "capture" ? "in-device" : "beside-device";
}

export function decide(evidence: Evidence, policy: Policy = strictPolicy): Decision {
  const findings = [
    ...findingsOf(evidence),
    ...timeFindings(evidence),
    ...revocationFindings(evidence),
    ...logFindings(evidence, policy),
    ...readingFindings(evidence),
    ...sealerFindings(evidence),
  ];
  const verdict = verdictOf(evidence, findings);
  return {
    verdict,
    disposition: dispositionOf(verdict, findings, policy.mode, evidence),
    assurance: assuranceOf(evidence, verdict),
    findings,
  };
}

const modesByStrictness: readonly Mode[] = ["observe", "warn", "enforce"];

/** The mode of an object that several policies apply to. Without any it is `enforce`. */
export function strictestMode(modes: readonly Mode[]): Mode {
  const ranks = modes.map((mode) => modesByStrictness.indexOf(mode));
  return modesByStrictness[Math.max(...ranks)] ?? "enforce";
}

/** For an object whose evidence could not be collected: no verdict, and no mode lets it pass. @param detail one sentence for an engineer */
export function decideIncomplete(detail: string): IncompleteDecision {
  return {
    verdict: undefined,
    disposition: "held",
    assurance: undefined,
    findings: [finding("check-incomplete", {}, detail)],
  };
}
