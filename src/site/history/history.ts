/** The chain of custody of one object: what happened to it, who did it, and how that is known. Plain data, without patient data. */
import type { TimeClass, TrustResult } from "../../zero-trust/evidence/evidence.ts";
import type { Assurance, Verdict } from "../../zero-trust/policy/verdict.ts";

/** In the order in which events of one moment are told. */
const eventKinds = [
  "sealed",
  "receipt",
  "derived",
  "restored",
  "parent-of",
  "corrected",
  "archive-changes",
  "claimed-change",
  "first-seen",
  "time-stamped",
  "log-queued",
  "logged",
  "received",
  "resent",
  "held",
  "admitted",
  "conflict",
  "rechecked",
  "damaged",
  "exported",
  "release-asked",
  "released",
  "purge-asked",
  "purged",
  "delivered",
  "delivery-failed",
  "series-listed",
  "series-closed",
  "study-closed",
  "superseded",
  "revoked-signer",
  "recorded",
] as const;
export type EventKind = (typeof eventKinds)[number];

/** claimed: somebody wrote it, and nobody who is believed signed it. */
export type EventTime = TimeClass | "claimed";

export interface Actor {
  readonly role:
    | "device"
    | "office"
    | "operator"
    | "source"
    | "destination"
    | "gateway"
    | "authority"
    | "log"
    | "system";
  /** May come from a peer or an object: to be made harmless before it is shown. */
  readonly name: string;
  readonly address?: string;
  /** SHA-256 of the certificate it signed with, hexadecimal. */
  readonly certificate?: string;
}

export type Known =
  /** A signed statement: its payload's SHA-256, and whether its signer is believed here. */
  | { readonly by: "statement"; readonly digest: string; readonly trust: TrustResult | undefined }
  /** A time stamp or a log proof about that statement, which was checked. */
  | { readonly by: "proof"; readonly digest: string }
  /** A row of this site's own journals: nobody else can check it. */
  | { readonly by: "journal"; readonly journal: "gateway" | "provenance"; readonly id?: string }
  /** The object says so. */
  | { readonly by: "claim" };

export interface HistoryEvent {
  readonly what: EventKind;
  /** ISO 8601 in UTC; undefined where nothing that can be read says when. */
  readonly at: string | undefined;
  readonly time: EventTime;
  readonly who: readonly Actor[];
  readonly known: Known;
  /** Not proven, and why. */
  readonly fault?: string;
  /** One sentence in plain words. */
  readonly text: string;
  /** It is about other bytes, or another seal, under the same SOP Instance UID than those that were looked at. */
  readonly ofOtherBytes?: true;
  /** Payload digests of what it was made from, or stands in the place of. */
  readonly from?: readonly string[];
}

/** An envelope that others can check without us: DSSE and certificates, in base64. What it commits to stays at the site. */
export interface SignedStatement {
  readonly digest: string;
  readonly predicateType: string;
  /** As it is kept: `{"dsse": ..., "certificates": [...]}`. */
  readonly envelope: string;
  readonly lateEvidence: readonly { readonly type: string; readonly bytes: string }[];
}

export interface SeriesAnswer {
  /** unknown: no manifest that is believed says how many there should be. */
  readonly state: "complete" | "incomplete" | "open" | "unknown";
  readonly text: string;
  readonly version?: number;
  /** In the manifest. */
  readonly count?: number;
  /** SOP Instance UIDs of the manifest that this site never had. */
  readonly missing: readonly string[];
}

export interface Answer {
  readonly text: string;
  readonly isProven: boolean;
}

export interface HistoryObject {
  readonly sopInstanceUid: string | undefined;
  readonly seriesInstanceUid: string | undefined;
  readonly studyInstanceUid: string | undefined;
  readonly sopClassUid: string | undefined;
}

export interface History {
  readonly object: HistoryObject;
  /** Of the bytes that were looked at; undefined where there were none. */
  readonly verdict: Verdict | undefined;
  readonly assurance: Assurance | undefined;
  readonly capturedBy: Answer;
  readonly touchedSince: Answer;
  readonly series: SeriesAnswer;
  readonly existsSince: Answer & { readonly at: string | undefined; readonly time: EventTime | undefined };
  /** In time order. */
  readonly events: readonly HistoryEvent[];
  /** What cannot all be true. */
  readonly contradictions: readonly string[];
  readonly statements: readonly SignedStatement[];
}

/** By time; events of one moment in the order of their kinds; those without a time come last. */
export function inTimeOrder(events: readonly HistoryEvent[]): HistoryEvent[] {
  const rank = ({ what }: HistoryEvent): number => eventKinds.indexOf(what);
  const at = (event: HistoryEvent): number => (event.at === undefined ? Infinity : Date.parse(event.at));
  return events
    .map((event, index) => ({ event, index }))
    .sort((a, b) => {
      const [first, second] = [at(a.event), at(b.event)];
      if (first !== second) return first < second ? -1 : 1;
      return rank(a.event) - rank(b.event) || a.index - b.index;
    })
    .map(({ event }) => event);
}

export function isoTime(at: number): string {
  return new Date(at).toISOString();
}

/** "3f2a91c05b17": enough of a digest for people to compare. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
