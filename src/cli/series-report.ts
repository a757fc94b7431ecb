/** How the completeness of series is shown. UIDs may come from anybody's file. */
import type { SeriesFault, SeriesJudgement, SeriesState } from "../zero-trust/policy/series.ts";
import { jsonLine } from "./terminal/json-line.ts";
import type { Palette } from "./terminal/palette.ts";
import { visibleText } from "./terminal/visible-text.ts";

const marks: Readonly<Record<SeriesState, string>> = { complete: "✓", open: "–", incomplete: "✗" };

/** Lists of a judgement, in the order they are told. */
const lists = [
  ["missing", "missing"],
  ["foreign", "not of this series"],
  ["duplicated", "there more than once"],
  ["reordered", "not in the sealed order"],
  ["unproven", "listed, but not proven itself"],
  ["late", "sealed after it was closed"],
] as const satisfies readonly (readonly [keyof SeriesJudgement, string])[];

const faultTexts: Readonly<Record<SeriesFault["code"], string>> = {
  "series-manifest-invalid": "a manifest does not hold",
  "series-manifest-untrusted": "a manifest's signer is not trusted",
  "series-manifest-misplaced": "a manifest is of another series",
  "series-manifest-superseded": "an older manifest was refused",
  "series-manifest-missing": "the newest manifest is not at hand",
  "series-manifest-fork": "two manifests contradict each other",
  "series-manifest-signers": "two devices claim it",
};

/** "✗ incomplete  series 1.2.3: 26 of 28 instances, manifest v1 by CT1; 2 missing" */
export function seriesLine(judgement: SeriesJudgement, palette: Palette): string {
  const { state, seriesInstanceUid, present, expected, version, signer, basis } = judgement;
  const paint = state === "complete" ? palette.good : state === "incomplete" ? palette.bad : palette.notice;
  const how = basis === "key-object" ? "Key Object" : "manifest";
  const counted =
    expected === undefined
      ? `${present} here, no manifest to compare with`
      : `${present} of ${expected} instances, ${how} v${version} by ${signer}`;
  const told = lists.flatMap(([key, words]) =>
    judgement[key].length === 0 ? [] : [`${judgement[key].length} ${words}`],
  );
  const faults = judgement.faults.map(({ code }) => faultTexts[code]);
  const text = [counted, ...told, ...new Set(faults)].join("; ");
  return `${paint(`${marks[state]} ${state}`)}  series ${visibleText(seriesInstanceUid)}: ${visibleText(text)}`;
}

/** Every UID that is told, and every fault, below the line. */
export function seriesDetails(judgement: SeriesJudgement): string[] {
  const uids = lists.flatMap(([key, words]) =>
    judgement[key].map((uid) => `  ${words}: ${visibleText(uid)}`),
  );
  const faults = judgement.faults.map(
    ({ code, detail, manifest }) =>
      `  ${faultTexts[code]} (${code}): ${visibleText(detail)}${manifest === undefined ? "" : `, SHA-256 ${manifest}`}`,
  );
  return [...uids, ...faults];
}

/** The contract of `--json`: one line a series. */
export function seriesJson({ seriesInstanceUid, ...rest }: SeriesJudgement): string {
  const { basis, version, manifest, signer, expected } = rest;
  return jsonLine({
    series: seriesInstanceUid,
    ...rest,
    basis: basis ?? null,
    version: version ?? null,
    manifest: manifest ?? null,
    signer: signer ?? null,
    expected: expected ?? null,
  });
}
