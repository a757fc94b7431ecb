/** What `locate` says of an object, and paints. */
import type { Rectangle } from "../invisible-watermark/frame.ts";
import { frameRegionsMax } from "../zero-trust/evidence/marked-frames.ts";
import { objectRegionsMax } from "../zero-trust/evidence/watermark-check.ts";
import type { Verdict } from "../zero-trust/policy/verdict.ts";
import type { FrameState, PixelChanges } from "./pixel-changes.ts";
import { visibleText } from "./terminal/visible-text.ts";
import { namedLocationText, regionLines } from "./verdict-report.ts";

/** The whole frame where it changed and no place is named. */
export function changedRectangles(
  state: FrameState,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): readonly Rectangle[] {
  if (state.kind === "located" && state.changes.regions.length > 0) return state.changes.regions;
  const isChanged = state.kind === "located" || state.kind === "changed";
  return isChanged ? [{ x0: 0, y0: 0, x1: columns, y1: rows }] : [];
}

export interface Shown {
  /** The frame in the picture, from 0. */
  readonly index: number;
  readonly verdict: Verdict;
  /** Of an object that was sealed without a watermark, in the manifest's one word. */
  readonly notMarkedReason: string | undefined;
}

/** No patient data, and no byte of the file that a terminal would obey. */
export function objectLines(changes: PixelChanges, { index, verdict, notMarkedReason }: Shown): string[] {
  const { frames, missing, descriptions } = changes;
  const state = frames[index]!;
  const unmarked =
    notMarkedReason === undefined
      ? []
      : [`Sealed without a watermark (${visibleText(notMarkedReason)}): only whole frames can be named.`];
  const shown =
    descriptions.length === 0
      ? []
      : [
          `Shown in another way than sealed: ${listed(descriptions.map((tag) => namedLocationText({ tag })))}.`,
        ];
  return [
    `${verdict}, frame ${index + 1}: ${sentenceOf(state)}`,
    ...(state.kind === "located" ? placesOf(state.changes, frames, index) : []),
    ...unmarked,
    ...shown,
    ...(missing.length === 0 ? [] : [`Missing: frame ${listed(missing.map((frame) => frame + 1))}.`]),
    ...othersLines(frames, index),
  ];
}

const changedSentences: Readonly<Record<Extract<FrameState, { kind: "changed" }>["how"], string>> = {
  foreign: "it comes from elsewhere: its watermark is another object's, frame's or device's.",
  added: "it was added after sealing.",
  lossy: "it was compressed with loss after sealing; nothing says which places differ more.",
  unreadable: "it was changed after sealing; nothing says where, because its watermark cannot be read.",
  differs: "it was changed after sealing; nothing says where, because no watermark of it can be read.",
};

const unknownSentences: Readonly<Record<Extract<FrameState, { kind: "unknown" }>["why"], string>> = {
  "no-seal": "nothing is known: there is no seal, and no watermark by a device this site knows and trusts.",
  "seal-unreliable": "nothing is known: there is a seal, but not one that this site can rely on.",
  "not-comparable": "nothing is known: it could not be compared with what was sealed.",
};

function sentenceOf(state: FrameState): string {
  switch (state.kind) {
    case "intact":
      return state.by === "seal"
        ? "no pixel has changed since sealing."
        : "no pixel has changed since it was marked; only the watermark proves that, and nothing else.";
    case "located": {
      const { basis, regions } = state.changes;
      if (regions.length === 0) return "it was changed after sealing, in more places than are named.";
      // A superblock is some 64 samples wide: most of it may be as it was.
      if (basis === "superblocks") return "something in the red places was changed after sealing.";
      return "the red places were changed after sealing.";
    }
    case "changed":
      return changedSentences[state.how];
    case "unknown":
      return unknownSentences[state.why];
  }
}

/** As `verify` prints them. */
export function regionsText(regions: readonly Rectangle[], frame: number): string[] {
  return regionLines({ regions: regions.map((region) => ({ ...region, frame })) });
}

function placesOf(
  { regions, places }: Extract<FrameState, { kind: "located" }>["changes"],
  frames: readonly FrameState[],
  index: number,
): string[] {
  const all = frames.reduce((sum, one) => sum + (one.kind === "located" ? one.changes.regions.length : 0), 0);
  const isCut = regions.length > 0 && (regions.length >= frameRegionsMax || all >= objectRegionsMax);
  const cut = isCut ? [`Perhaps not every changed place is red: ${places} were found.`] : [];
  return [...regionsText(regions, index), ...cut];
}

function othersLines(frames: readonly FrameState[], index: number): string[] {
  const others = (isWanted: (state: FrameState) => boolean): number[] =>
    frames.flatMap((state, frame) => (frame !== index && isWanted(state) ? [frame + 1] : []));
  const changed = others(({ kind }) => kind === "located" || kind === "changed");
  const unknown = others(({ kind }) => kind === "unknown");
  return [
    ...(changed.length === 0 ? [] : [`Changed too: frame ${listed(changed)} (--frame).`]),
    ...(unknown.length === 0 ? [] : [`Nothing is known of: frame ${listed(unknown)}.`]),
  ];
}

const listedMax = 10;

function listed(all: readonly (string | number)[]): string {
  const more = all.length > listedMax ? `, and ${all.length - listedMax} more` : "";
  return all.slice(0, listedMax).join(", ") + more;
}
