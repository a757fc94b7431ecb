/** The questions that a chain of custody is read for, answered from its events; and what in it cannot all be true. */
import type { SealRecord } from "../../store/provenance/provenance-journal.ts";
import type { AttributeChange, Evidence } from "../../zero-trust/evidence/evidence.ts";
import type { Decision } from "../../zero-trust/policy/verdict.ts";
import { type Answer, type EventKind, type History, type HistoryEvent, shortDigest } from "./history.ts";

/** What was looked at: undefined where only journals were asked. */
export interface Looked {
  readonly evidence: Evidence;
  readonly decision: Decision;
}

export function capturedBy(looked: Looked | undefined, events: readonly HistoryEvent[]): Answer {
  const sealed = events.filter(({ what }) => what === "sealed");
  const own = sealed.find(({ known }) => known.by === "statement");
  if (own && own.fault === undefined && looked?.decision.verdict === "altered")
    return { text: `${nameOf(own)} sealed what this object was before it was changed.`, isProven: false };
  if (own && looked?.evidence.manifest?.type === "notice")
    return { text: "Nobody: this is no image of a patient. A gate made it for a reader.", isProven: false };
  if (own && own.fault === undefined) {
    const place =
      looked?.evidence.manifest?.type === "beside-device" ? "by a sealer beside the device" : "in the device";
    return { text: `${nameOf(own)}, sealed ${place}`, isProven: true };
  }
  if (own) return { text: `Not proven. A seal names ${nameOf(own)}, but ${own.fault}.`, isProven: false };
  const row = sealed[0];
  if (row && !looked)
    return {
      text: `${nameOf(row)}, by this site's journal; the object itself was not looked at`,
      isProven: false,
    };
  const made = events.find(
    ({ what, fault }) => (what === "derived" || what === "restored") && fault === undefined,
  );
  if (made) return { text: madeFrom(made, sealed), isProven: false };
  const receipt = events.find(({ what, fault }) => what === "receipt" && fault === undefined);
  if (receipt) {
    const source = receipt.who.find(({ role }) => role === "source")?.name ?? "somebody";
    // A seal that was made here, and is not there, must not read like one that there never was.
    const seal = row
      ? `this object has no seal, though ${nameOf(row)} sealed one of its UID here`
      : "it was not sealed at capture";
    return {
      text: `Not proven: ${seal}. It was received from ${source}.`,
      isProven: false,
    };
  }
  if (row)
    return {
      text: `Not proven: this object has no seal, though ${nameOf(row)} sealed one of its UID here.`,
      isProven: false,
    };
  return { text: "Nobody can say: there is no seal.", isProven: false };
}

/** By a statement of the site's, which found the parents proven; it is no seal at capture. */
function madeFrom({ from = [] }: HistoryEvent, sealed: readonly HistoryEvent[]): string {
  const parents = sealed.filter(({ known }) => known.by === "journal" && from.includes(known.id ?? ""));
  const names = [...new Set(parents.map(nameOf))];
  const whose = names.length === 0 ? counted(from.length, "object") : `what ${names.join(", ")} sealed`;
  return `No seal of its own: it was made from ${whose}.`;
}

function nameOf({ who }: HistoryEvent): string {
  return who[0]?.name ?? "an unknown signer";
}

const changingKinds: readonly EventKind[] = ["corrected", "derived", "restored"];

export function touchedSince(looked: Looked | undefined, events: readonly HistoryEvent[]): Answer {
  const signed = events.filter(({ what, fault }) => changingKinds.includes(what) && fault === undefined);
  const note = signed.length === 0 ? "" : ` ${counted(signed.length, "signed record")} of changes below.`;
  if (!looked)
    return { text: `Not looked at: name the file to compare it with its seal.${note}`, isProven: false };
  const { evidence, decision } = looked;
  const { assurance, verdict } = decision;
  const changes = changesOf(evidence);
  switch (verdict) {
    case "verified":
      return {
        text: `Nobody: it is exactly what was sealed${byProduct(changes)}.${note}`,
        isProven: true,
      };
    case "verified-with-changes":
      return { text: allowedText(changes), isProven: true };
    case "received": {
      const since = evidence.derivation?.faults.length === 0 ? "made" : "received";
      return { text: `Nobody, since it was ${since}.`, isProven: assurance === "on-receipt" };
    }
    case "notice":
      return { text: "Nobody, since the gate made it; it is no image.", isProven: false };
    case "superseded":
      return { text: `A newer version stands in its place.${note}`, isProven: false };
    case "altered":
      return { text: `Changed, and nobody signed for that: ${describe(changes)}.${note}`, isProven: false };
    case "untrusted":
      return {
        text: `Nobody can say: the seal is not one that this site relies on.${note}`,
        isProven: false,
      };
    case "malformed":
      return { text: "Nobody can say: it is no well-formed DICOM object.", isProven: false };
    case "unsealed":
      return { text: `Nobody can say: there is no seal to compare it with.${note}`, isProven: false };
  }
}

interface Changes {
  readonly attributes: readonly AttributeChange[];
  readonly frames: number;
  readonly isTranscoded: boolean;
}

function changesOf({ content }: Evidence): Changes {
  const { attributes = [], framesChanged = [], framesAdded = [], framesRemoved = [] } = content ?? {};
  return {
    attributes: attributes.filter(({ transcodeByProduct }) => !transcodeByProduct),
    frames: framesChanged.length + framesAdded.length + framesRemoved.length,
    isTranscoded: content?.transcodedLosslessly ?? false,
  };
}

function byProduct({ isTranscoded }: Changes): string {
  return isTranscoded ? ", encoded in another way without loss" : "";
}

/** Of an object whose every change is allowed. */
function allowedText({ attributes }: Changes): string {
  const explained = attributes.filter(({ explainedBy }) => explainedBy !== undefined).length;
  const changed = `${counted(attributes.length, "attribute")} changed`;
  if (explained === 0) return `Administrative entries only: ${changed}.`;
  if (explained === attributes.length) return `${changed}, explained by signed records below.`;
  return `${changed}: ${explained} explained by signed records below, the others administrative.`;
}

function describe({ attributes, frames }: Changes): string {
  const explained = attributes.filter(({ explainedBy }) => explainedBy !== undefined).length;
  const parts = [
    ...(attributes.length === 0 ? [] : [counted(attributes.length, "attribute")]),
    ...(frames === 0 ? [] : [counted(frames, "frame")]),
  ];
  const what = parts.length === 0 ? "Its content differs" : `${parts.join(" and ")} changed`;
  return explained === 0 ? what : `${what}, ${explained} explained by signed records`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A correction or an archive's habit may be older than the object. */
const existenceKinds: readonly EventKind[] = [
  "sealed",
  "receipt",
  "derived",
  "restored",
  "first-seen",
  "time-stamped",
  "logged",
  "received",
];

/** Proof that it existed: a third party's time before our own, and that before the device's. */
export function existsSince(
  looked: Looked | undefined,
  events: readonly HistoryEvent[],
): History["existsSince"] {
  // What was proven of an altered object's seal says nothing of the bytes that there are now.
  const isAltered = looked?.decision.verdict === "altered";
  const sound = events.filter(
    ({ what, fault, at, time, ofOtherBytes }) =>
      (isAltered ? what === "received" : existenceKinds.includes(what)) &&
      fault === undefined &&
      at !== undefined &&
      time !== "claimed" &&
      !ofOtherBytes,
  );
  const first = (time: string): HistoryEvent | undefined => sound.find((event) => event.time === time);
  const best = first("T1") ?? first("T2") ?? first("T3");
  if (!best) {
    const text = isAltered ? "Nothing says since when it is as it is now." : "Nothing proves it.";
    return { text, isProven: false, at: undefined, time: undefined };
  }
  const { at, time } = best;
  const claim = first("T3");
  const earlier =
    claim && claim !== best && claim.what === "sealed" ? " The device's own clock says earlier." : "";
  const isEarlier = claim?.at !== undefined && at !== undefined && claim.at.slice(0, 19) < at.slice(0, 19);
  const basis = {
    T1: "no later than that: a third party that is trusted here confirmed it",
    T2: "no later than that: this site's own journal says so",
    T3: "by the clock of whoever signed it alone",
    claimed: "",
  }[time];
  return { text: `${basis}.${isEarlier ? earlier : ""}`, isProven: time === "T1" || time === "T2", at, time };
}

/** A device's clock may be ahead of ours by this much before anybody calls it wrong: as verification allows. */
const skewMs = 5 * 60_000;

/** @param seals that this site made under the object's UID */
export function contradictionsIn(
  looked: Looked | undefined,
  events: readonly HistoryEvent[],
  seals: readonly SealRecord[],
): string[] {
  const found: string[] = [];
  const digest = looked?.evidence.manifest?.payloadDigest;
  const otherSeals = looked ? seals.filter(({ payloadDigest }) => payloadDigest !== digest) : seals.slice(1);
  // An object without a seal may be what was sealed, before it was.
  for (const { device, payloadDigest } of looked && digest === undefined ? [] : otherSeals)
    found.push(`${device} sealed another object under its UID here (${shortDigest(payloadDigest)}).`);
  for (const other of looked?.evidence.counter?.others ?? [])
    found.push(`Its number of the key was used for another object too (${shortDigest(other)}).`);
  const sealed = events.find(({ what, fault }) => what === "sealed" && fault === undefined);
  const seen = events.filter(
    ({ what, at, fault, ofOtherBytes }) =>
      at !== undefined &&
      fault === undefined &&
      !ofOtherBytes &&
      ["first-seen", "received", "time-stamped", "logged"].includes(what),
  );
  const sealedAt = sealed?.at === undefined ? Number.NaN : Date.parse(sealed.at);
  for (const event of seen) {
    if (Date.parse(event.at!) >= sealedAt - skewMs || Number.isNaN(sealedAt)) continue;
    found.push(
      `${words(event.what)} at ${event.at}, before the device says that it sealed it (${sealed!.at}): a clock is wrong, or an earlier object had its UID.`,
    );
    break;
  }
  return found;
}

function words(what: EventKind): string {
  return what === "received"
    ? "It was received"
    : what === "first-seen"
      ? "It was seen here"
      : "A proof is of it";
}
