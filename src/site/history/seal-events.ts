/** The seal, what proves its time, and what the object says of its own past. */

import type { Bytes } from "../../foundation/bytes.ts";
import { equalBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { parseCertificate } from "../../keys/trust/certificate.ts";
import type { TrustStore } from "../../keys/trust/trust-store.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import type { ProvenanceJournal, SealRecord } from "../../store/provenance/provenance-journal.ts";
import type {
  AttributeChange,
  ContentEvidence,
  Evidence,
  ManifestEvidence,
  OriginalAttributesFact,
  TrustFact,
} from "../../zero-trust/evidence/evidence.ts";
import type { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import { type Actor, type HistoryEvent, isoTime, shortDigest } from "./history.ts";

/**
 * What the object's own seal says, as far as it holds.
 * @param queuedAt ISO 8601: when this site gave the seal to the log, which says no time that is anybody's without witnesses
 */
export function manifestEvents(
  { manifest, content, time, log, supersededBy }: Evidence,
  queuedAt?: string,
): HistoryEvent[] {
  if (!manifest) return [];
  const digest = manifest.payloadDigest ?? "";
  const events: HistoryEvent[] = [sealedEvent(manifest, digest, hasChanged(content))];
  if (time && time.timeClass === "T1" && time.basis === "time-stamp") {
    events.push({
      what: "time-stamped",
      at: time.at,
      time: "T1",
      who: [{ role: "authority", name: time.authority ?? "a time-stamping authority" }],
      known: { by: "proof", digest },
      text: `${time.authority ?? "A time-stamping authority"} confirmed that the seal existed.`,
    });
  }
  for (const { of, step } of time?.faults ?? []) events.push(brokenProof(of, step, digest));
  if (log && log.state === "proven") {
    const where = `entry ${log.index ?? "?"} of ${log.origin ?? "the log"}`;
    const guard =
      log.witnessed === true ? "" : ". Without witnesses it is not protected from site administrators";
    events.push({
      what: "logged",
      at: log.at ?? queuedAt,
      time: log.witnessed === true ? "T1" : "T2",
      who: [{ role: "log", name: log.origin ?? "the transparency log" }],
      known: { by: "proof", digest },
      text: `The seal is in the transparency log: ${where}${guard}.`,
    });
  }
  const unknownLog =
    log?.state === "unknown-log"
      ? `it is of ${log.origin ?? "a log"}, which nobody here believes`
      : undefined;
  const logFault = log?.state === "invalid" ? (log.step ?? "unknown step") : (log?.fault ?? unknownLog);
  if (logFault !== undefined) events.push(brokenProof("log-proof", logFault, digest));
  if (supersededBy) {
    const { record, at, by, summary } = supersededBy;
    events.push({
      what: "superseded",
      at,
      time: "T3",
      who: [{ role: "office", name: "site-derivations" }],
      known: { by: "statement", digest: record, trust: "trusted" },
      text: `A ${by} stands in its place: ${summary}.`,
      from: [digest],
    });
  }
  return events;
}

/** More than an archive's habits. */
function hasChanged(content: ContentEvidence | undefined): boolean {
  if (!content) return false;
  const { attributes, framesChanged, framesAdded, framesRemoved, unlocalised } = content;
  const isChange = ({ attributeClass, explainedBy, transcodeByProduct }: AttributeChange): boolean =>
    attributeClass !== "administrative" && explainedBy === undefined && !transcodeByProduct;
  const frames = framesChanged.length + framesAdded.length + framesRemoved.length;
  return frames > 0 || unlocalised || attributes.some(isChange);
}

const places = {
  capture: "in the device",
  "beside-device": "beside the device",
  notice: "as a notice to a reader",
} as const;

function sealedEvent(manifest: ManifestEvidence, digest: string, isChanged: boolean): HistoryEvent {
  const { trust, faults, type, sealedAt, counter, keyEpoch } = manifest;
  const where = type === undefined ? "" : ` ${places[type]}`;
  const problems: string[] = faults.map((fault) => fault.replaceAll("-", " "));
  if (trust?.result !== "trusted")
    problems.push(`its signer is not trusted here (${trust?.result ?? "unknown"})`);
  if (manifest.timeImplausible)
    problems.push("the device's clock was wrong, or its certificate not valid then");
  const number = counter === undefined ? "" : ` as number ${counter} of its key ${keyEpoch}`;
  const name = trust?.signer ?? "an unknown signer";
  return {
    what: "sealed",
    at: sealedAt,
    time: problems.length === 0 ? "T3" : "claimed",
    who: trust ? [deviceOf(trust)] : [],
    known: { by: "statement", digest, trust: trust?.result },
    ...(problems.length === 0 ? {} : { fault: problems.join("; ") }),
    text: `${name} sealed it${where}${number} (${shortDigest(digest)}).${isChanged ? " It is not what was sealed any more." : ""}`,
  };
}

function deviceOf({ signer, fingerprint }: TrustFact): Actor {
  return { role: "device", name: signer, certificate: fingerprint };
}

function brokenProof(of: string, step: string, digest: string): HistoryEvent {
  const isLog = of === "log-proof";
  return {
    what: isLog ? "logged" : "time-stamped",
    at: undefined,
    time: "claimed",
    who: [],
    known: { by: "proof", digest },
    fault: step,
    text: isLog ? "A proof of the transparency log is there." : "A time stamp is there.",
  };
}

/** (0400,0561): who says to have changed what. Anybody can write it. */
export function claimedChanges(facts: readonly OriginalAttributesFact[]): HistoryEvent[] {
  return facts.map(({ modifiedAt, system, reason, source, tags }) => ({
    what: "claimed-change",
    at: isoOfDicom(modifiedAt),
    time: "claimed",
    who: system === undefined ? [] : [{ role: "system", name: system }],
    known: { by: "claim" },
    text: [
      `The object says that ${system ?? "somebody"} replaced ${tags.length === 0 ? "attributes" : tags.join(", ")}`,
      reason === undefined ? "" : `, reason ${reason}`,
      source === undefined ? "" : `, values from ${source}`,
      ".",
    ].join(""),
  }));
}

/** Seconds and fraction may be absent, not what stands before them: a day is no moment of a chain of custody. */
const dateTimePattern = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:\.(\d{1,6}))?([+-]\d{4})?$/;

/** PS3.5 6.2, DT; without an offset it is taken for UTC, as nobody says which time it is. ISO text stays. */
function isoOfDicom(text: string | undefined): string | undefined {
  const plain = text?.trim() ?? "";
  const parts = dateTimePattern.exec(plain);
  const iso = parts
    ? `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6] ?? "00"}.${(parts[7] ?? "0").slice(0, 3)}${
        parts[8] === undefined ? "Z" : `${parts[8].slice(0, 3)}:${parts[8].slice(3)}`
      }`
    : plain;
  const at = /^\d{4}-\d\d-\d\dT/.test(iso) ? Date.parse(iso) : Number.NaN;
  return Number.isNaN(at) ? undefined : isoTime(at);
}

/**
 * Seals that this site made under the UID, as its journal tells them.
 * @param seen of the object that was looked at: its own seal is told by itself, and others are others'
 */
export async function sealRowEvents(
  seals: readonly SealRecord[],
  seen: { readonly digest: string | undefined } | undefined,
  judge: TrustJudge,
): Promise<HistoryEvent[]> {
  const others = seals.filter(({ payloadDigest }) => payloadDigest !== seen?.digest);
  return Promise.all(
    others.map(async ({ payloadDigest, device, certificate, counter, keyEpoch, sealedAt }) => {
      const { fingerprint } = await judge.judge(certificate);
      const number = `as number ${counter} of its key ${keyEpoch} (${shortDigest(payloadDigest)})`;
      return {
        what: "sealed",
        at: isoTime(sealedAt),
        time: "T3",
        who: [{ role: "device", name: device, certificate: fingerprint }],
        known: { by: "journal", journal: "provenance", id: payloadDigest },
        text: `${device} sealed ${seen ? "an object of this UID" : "it"} here ${number}.`,
        ...(seen ? { ofOtherBytes: true } : {}),
      } satisfies HistoryEvent;
    }),
  );
}

/** First sight and log entry of a manifest, by this site's own journal. `isProven`: a log proof was checked already. */
export async function keptTimeEvents(
  journal: ProvenanceJournal,
  digest: string,
  isProven: boolean,
): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  const known = { by: "journal", journal: "provenance", id: digest } as const;
  const seen = await journal.firstSeen(digest);
  if (seen !== undefined) {
    events.push({
      what: "first-seen",
      at: isoTime(seen),
      time: "T2",
      who: [{ role: "gateway", name: "this site" }],
      known,
      text: `This site saw the sealed object for the first time (${shortDigest(digest)}).`,
    });
  }
  const logged = await journal.entryOfSeal(digest);
  if (!logged) return events;
  const { entry, payloadDigests } = logged;
  const others = payloadDigests.length - 1;
  const batch = others <= 0 ? "" : `, together with ${others} ${others === 1 ? "other" : "others"}`;
  const queued = { at: isoTime(entry.queuedAt), time: "T2", known } as const;
  if (entry.index === undefined) {
    events.push({
      ...queued,
      what: "log-queued",
      who: [{ role: "gateway", name: "this site" }],
      text: `The seal waits for its place in the transparency log${batch}.`,
    });
  } else if (!isProven) {
    const origin = entry.origin ?? "the transparency log";
    events.push({
      ...queued,
      what: "logged",
      who: [{ role: "log", name: origin }],
      text: `By this site's journal the seal is entry ${entry.index} of ${origin}${batch}; ${
        entry.proof === undefined ? "there is no proof yet" : "the proof was not checked"
      }.`,
    });
  }
  return events;
}

/** That a signer's certificate was revoked, whoever signed with it and whenever. */
export function revocationEvent(
  store: TrustStore,
  judge: TrustJudge,
  certificate: Bytes,
  name: string,
): HistoryEvent | undefined {
  try {
    const { issuer, serial, fingerprint } = parseCertificate(certificate, nodeCrypto);
    const lists = store.crls.filter((crl) => equalBytes(crl.issuer.der, issuer.der));
    const revocation = lists.flatMap(({ revoked }) => revoked.get(serial) ?? [])[0];
    if (!revocation || revocation.revokedAt > judge.now) return undefined;
    const { invalidSince, reason } = revocation;
    const since =
      invalidSince === undefined
        ? ""
        : `; the key may have been in other hands since ${isoTime(invalidSince)}`;
    return {
      what: "revoked-signer",
      at: isoTime(revocation.revokedAt),
      time: "T3",
      who: [{ role: "device", name, certificate: fingerprint }],
      known: { by: "journal", journal: "provenance" },
      text: `The certificate of ${name} was revoked (${reason})${since}.`,
    };
  } catch (error) {
    if (error instanceof ScansealError && error.code === "certificate-invalid") return undefined;
    throw error;
  }
}
