/** A query as QIDO-RS asks it (PS3.18 8.3.4, 10.6.1): path and parameters. */
import { type Tag, tagHex, tags } from "../../dicom/tags.ts";
import type { Matching, Query, QueryKey } from "../query/query.ts";

/** @returns undefined at PATIENT level, which DICOMweb does not have */
export function queryText({ level, keys, isEverythingAsked }: Query): string | undefined {
  if (level === "PATIENT") return undefined;
  const uidOf = (tag: Tag): string | undefined => {
    const key = keys.find(({ path }) => path.length === 1 && path[0] === tag);
    return key?.match.kind === "single" ? key.match.value : undefined;
  };
  const study = level === "STUDY" ? undefined : uidOf(tags.studyInstanceUid);
  const series = level === "IMAGE" && study !== undefined ? uidOf(tags.seriesInstanceUid) : undefined;
  const above = study === undefined ? "" : `studies/${study}/`;
  const below = series === undefined ? above : `${above}series/${series}/`;
  const inPath = new Set<Tag>([
    ...(study === undefined ? [] : [tags.studyInstanceUid]),
    ...(series === undefined ? [] : [tags.seriesInstanceUid]),
  ]);
  const parameters = keys.filter(({ path }) => !inPath.has(path[0]!) || path.length > 1).map(parameterOf);
  if (isEverythingAsked) parameters.push("includefield=all");
  return `${below}${collections[level]}?${parameters.join("&")}`;
}

const collections = { STUDY: "studies", SERIES: "series", IMAGE: "instances" } as const;

function parameterOf({ path, match }: QueryKey): string {
  const name = path.map((tag) => tagHex(tag).toUpperCase()).join(".");
  return match.kind === "universal"
    ? `includefield=${name}`
    : `${name}=${encodeURIComponent(matchText(match))}`;
}

function matchText(match: Exclude<Matching, { kind: "universal" }>): string {
  switch (match.kind) {
    case "single":
      return match.value;
    case "wildcard":
      return match.pattern;
    case "uids":
      return match.values.join(",");
    case "range":
      return `${match.from ?? ""}-${match.to ?? ""}`;
  }
}
