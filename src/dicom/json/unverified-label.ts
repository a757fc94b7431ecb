/** What a match, or an instance's metadata, says of itself where it was never verified: in a description that viewers show. */
import type { JsonDataSet, JsonElement } from "./json-model.ts";

const unverifiedLabel = "[UNVERIFIED]";
/** Of a description (PS3.5 table 6.2-1: LO). */
const descriptionMax = 64;

type Level = "PATIENT" | "STUDY" | "SERIES" | "IMAGE";

/** Patient Comments, Study Description, Series Description, Image Comments (LT, LO). */
const labels: Readonly<Record<Level, { readonly tag: string; readonly vr: "LO" | "LT" }>> = {
  PATIENT: { tag: "00104000", vr: "LT" },
  STUDY: { tag: "00081030", vr: "LO" },
  SERIES: { tag: "0008103E", vr: "LO" },
  IMAGE: { tag: "00204000", vr: "LT" },
};

/** The attribute that carries the label. */
export function labelTag(level: Level): string {
  return labels[level].tag;
}

/** In front of what the attribute says; with it alone where it says nothing, or was not asked for. */
export function withUnverifiedLabel(match: JsonDataSet, level: Level): JsonDataSet {
  const { tag: label, vr } = labels[level];
  const own = match[label]?.Value?.[0];
  const text = typeof own === "string" ? `${unverifiedLabel} ${own}` : unverifiedLabel;
  const element: JsonElement = { vr, Value: [vr === "LO" ? text.slice(0, descriptionMax) : text] };
  const others = Object.entries(match).filter(([tag]) => tag !== label);
  return Object.fromEntries([...others, [label, element] as const].sort(([a], [b]) => (a < b ? -1 : 1)));
}
