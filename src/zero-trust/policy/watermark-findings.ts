/** What the frames' marks add to the findings: where pixels changed, whole frames from elsewhere, and that there was a seal. */
import type { Evidence, FrameChanges, WatermarkEvidence } from "../evidence/evidence.ts";
import { finding } from "./finding.ts";
import type { Finding, FindingLocation, FrameRegion } from "./verdict.ts";

const pixelData = "(7FE0,0010)";
/** In one finding; all of them are only rectangles. */
const regionsMax = 200;

/** Marks that no manifest names say something only where their signer is trusted. */
function told({ watermark }: Evidence): WatermarkEvidence | undefined {
  return watermark && (watermark.boundTo === "manifest" || watermark.signer?.result === "trusted")
    ? watermark
    : undefined;
}

export function changesTold(evidence: Evidence): readonly FrameChanges[] {
  return told(evidence)?.changes ?? [];
}

export function regionsOf(changes: readonly FrameChanges[]): Pick<FindingLocation, "regions"> {
  const regions: FrameRegion[] = [];
  for (const { frame, regions: rectangles } of changes) {
    for (const { x0, y0, x1, y1 } of rectangles.slice(0, regionsMax - regions.length))
      regions.push({ frame, x0, y0, x1, y1 });
  }
  return regions.length === 0 ? {} : { regions };
}

/** "; 12 tiles", "; 2 superblocks": how many places changed and how exactly they are known. */
export function placesText(changes: readonly FrameChanges[]): string {
  const sum = (isCoarse: boolean, one: string): string[] => {
    const places = changes
      .filter(({ basis }) => (basis === "superblocks") === isCoarse)
      .reduce((total, change) => total + change.places, 0);
    return places === 0 ? [] : [`${places} ${places === 1 ? one : `${one}s`}`];
  };
  return [...sum(false, "tile"), ...sum(true, "superblock")].map((part) => `; ${part}`).join("");
}

export function watermarkFindings(evidence: Evidence): Finding[] {
  const watermark = told(evidence);
  if (!watermark) return [];
  const { manifest, content } = evidence;
  const { boundTo, framesForeign, framesUnreadable, framesIntact, framesChecked, signer } = watermark;
  const found: Finding[] = [];
  // The commitments' finding has these places already.
  const said = new Set(content?.framesChanged);
  const changes = watermark.changes.filter(({ frame }) => !said.has(frame));
  if (changes.length > 0) {
    const at = { tag: pixelData, frames: changes.map(({ frame }) => frame), ...regionsOf(changes) };
    const detail = `${framesText(changes.length)} not as marked${placesText(changes)}`;
    found.push({ ...finding("pixels-changed", at, detail), layer: "watermark" });
  }
  if (framesForeign.length > 0) {
    const detail = `${framesText(framesForeign.length)} marked as another object's, frame's or device's`;
    found.push(finding("watermark-foreign", { tag: pixelData, frames: framesForeign }, detail));
  }
  if (framesUnreadable.length > 0) found.push(unreadableFinding(evidence, framesUnreadable));
  if (boundTo === "marks")
    found.push(strippedFinding(signer!.signer, manifest !== undefined, watermark.contentId));
  else if (framesChecked > 0 && framesIntact === framesChecked)
    found.push(finding("watermark-intact", {}, `${framesText(framesIntact)} as marked`));
  return found;
}

function unreadableFinding({ content, watermark }: Evidence, frames: readonly number[]): Finding {
  const { framesChanged = [], framesUncheckable = [], framesAdded = [], unlocalised = true } = content ?? {};
  const doubtful = new Set([...framesChanged, ...framesUncheckable, ...framesAdded]);
  const at = { tag: pixelData, frames };
  const why =
    watermark?.boundTo === "marks" ? "beside marked ones" : "though the manifest says they are marked";
  const detail = `${framesText(frames.length)} without a mark that can be read, ${why}`;
  if (unlocalised || frames.some((frame) => doubtful.has(frame)))
    return finding("watermark-unreadable", at, detail);
  const message = "The watermark cannot be read; the image itself is as it was sealed.";
  return { ...finding("watermark-unreadable", at, detail, "info"), message };
}

function strippedFinding(signer: string, isBroken: boolean, contentId: string | undefined): Finding {
  const name = signer.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
  const what = isBroken ? "that seal is damaged, or another one is in its place" : "its seal was removed";
  return {
    ...finding("seal-stripped", {}, `content ${contentId} is signed in the pixels by ${name}`),
    message: `This image was sealed by ${name}, and ${what}.`,
  };
}

function framesText(count: number): string {
  return count === 1 ? "1 frame" : `${count} frames`;
}
