/**
 * What else is logged: whom the authority enrolled and revoked, how the gate's policy was changed, what people released. It is taken from the
 * records of these acts, whichever command or editor made them, so that none is forgotten in a crash between an act and its entry.
 */
import type { ActRecord, Journal } from "../../store/journal/journal.ts";
import type { SiteHome } from "../home.ts";
import { type FeedParts, queueStatement } from "./log-feed.ts";

/** Acts of these kinds looked at in one round, the newest: refusals and conflicts, which strangers can cause, do not crowd them out. */
const actsMax = 1_000;
const loggedActs = [
  "source.",
  "quarantine.release.approved",
  "quarantine.release.ended",
  "quarantine.purge.approved",
  "emergency.",
  "operator.added",
  "operator.removed",
] as const;
/** Of an act's details: names of this site and numbers. What people typed as a reason may be anything. */
const toldDetails: ReadonlySet<string> = new Set([
  "from",
  "to",
  "mode",
  "isProven",
  "objects",
  "requestedBy",
  "destination",
  "digest",
  "reader",
  "readers",
  "and",
  "until",
  "tolerate",
  "although",
  "record",
  "habits",
]);

const isoTime = (ms: number): string => new Date(ms).toISOString();

/** Enrolments and revocations of the site's authority. @returns new entries @throws ScansealError `key-unusable`, `io` */
export async function queueLedger(parts: FeedParts, home: SiteHome): Promise<number> {
  const { issued, revoked } = home.ledger();
  let queued = 0;
  for (const entry of issued) {
    const { name, roles, keyType, keyEpoch, fingerprint, keyFingerprint, issuedAt, notAfter } = entry;
    const statement = {
      kind: "enrolment",
      at: isoTime(issuedAt),
      ...{ name, roles, keyType, keyEpoch, certificate: fingerprint, key: keyFingerprint },
      notAfter: isoTime(notAfter),
    } as const;
    const summary = `${name}, ${roles.join(" and ")}, key ${keyEpoch}`;
    if (await queueStatement(parts, `enrolment ${fingerprint}`, statement, summary)) queued++;
  }
  for (const { serial, revokedAt, invalidSince, reason } of revoked) {
    const of = issued.find((entry) => entry.serial === serial);
    const statement = {
      kind: "revocation",
      at: isoTime(revokedAt),
      ...{ serial, reason, certificate: of?.fingerprint },
      ...(invalidSince === undefined ? {} : { invalidSince: isoTime(invalidSince) }),
    } as const;
    const summary = `${of?.name ?? "a TLS certificate"}, ${reason}`;
    const id = `revocation ${serial} ${reason} ${invalidSince ?? revokedAt}`;
    if (await queueStatement(parts, id, statement, summary)) queued++;
  }
  return queued;
}

/** The gate's acts that outsiders should be able to count. @returns new entries @throws ScansealError `io` */
export async function queueActs(parts: FeedParts, journal: Pick<Journal, "records">): Promise<number> {
  let queued = 0;
  const acts = await journal.records({ limit: actsMax, actsLike: loggedActs });
  for (const act of acts.toReversed()) {
    const kind = kindOfAct(act);
    if (!kind) continue;
    const { at, actor } = act;
    // Of an emergency the subject is a study.
    const subject = act.act === "emergency.opened" ? act.id : act.subject;
    const told = Object.entries(act.detail).filter(([name]) => toldDetails.has(name));
    const statement = { kind, at: isoTime(at), act: act.act, actor, subject, ...Object.fromEntries(told) };
    if (await queueStatement(parts, `act ${act.id}`, statement, `${act.act} by ${actor}`)) queued++;
  }
  return queued;
}

/** Which approvals of archives' changes the site keeps: what was approved, and that nothing else was, can be counted. @returns new entries @throws ScansealError `io` */
export async function queueApprovals(parts: FeedParts): Promise<number> {
  let queued = 0;
  const kept = await parts.journal.recordsOfKind("archive-changes", actsMax);
  for (const { digest } of kept.toReversed()) {
    const at = isoTime(parts.clock.now());
    const statement = { kind: "policy", at, act: "archive.approved", record: digest } as const;
    if (await queueStatement(parts, `record ${digest}`, statement, "an archive's changes approved")) queued++;
  }
  return queued;
}

function kindOfAct({ act }: ActRecord): "policy" | "release" | undefined {
  if (/^(source\.|operator\.(added|removed)$)/.test(act)) return "policy";
  return /^(quarantine\.((release|purge)\.approved|release\.ended)|emergency\.[a-z]+)$/.test(act)
    ? "release"
    : undefined;
}
