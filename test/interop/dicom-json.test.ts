/** The DICOM JSON Model of every well-formed file of the corpus, as pydicom makes it and as we do. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { JsonDataSet, JsonElement } from "../../src/dicom/json/json-model.ts";
import { toJsonDataSet } from "../../src/dicom/json/to-json.ts";
import type { DicomObject } from "../../src/dicom/model.ts";
import { readDicom, tolerableCodes } from "../../src/dicom/read.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { nodeTextDecoding } from "../../src/platform/node/text-decoding.ts";
import { describePeer, itWithPeer, peerPath, projectRoot } from "../peers.ts";
import { wellFormedFiles } from "./peer-readings.ts";

/** 768 bytes are 1,024 characters of base64, which is what pydicom counts. */
const inlineBytesMax = 768;

/** What both mean and write differently: VR, or tag; why. */
const explained: readonly (readonly [
  string,
  (ours: JsonElement | undefined, theirs: JsonElement | undefined, tag: string) => boolean,
])[] = [
  [
    "group lengths and trailing padding are no attributes",
    (ours, _, tag) => !ours && /^....0000$|^FFFCFFFC$/.test(tag),
  ],
  [
    "JSON is UTF-8, and ours says so",
    (ours, _, tag) => tag === "00080005" && ours?.Value?.[0] === "ISO_IR 192",
  ],
  [
    "pixel data of ours is always bulk",
    (ours, _, tag) => tag === "7FE00010" && ours?.BulkDataURI !== undefined,
  ],
  [
    "empty values among others are null (PS3.18 F.2.5), padding is no part",
    (ours, theirs) => sameButEmpty(ours, theirs),
  ],
];

function sameButEmpty(ours: JsonElement | undefined, theirs: JsonElement | undefined): boolean {
  const values = ours?.Value?.map((value) => value ?? "");
  return values !== undefined && JSON.stringify(values) === JSON.stringify(theirs?.Value?.map(trimmed));
}

function trimmed<T>(value: T): T | string {
  return typeof value === "string" ? value.trim() : value;
}

function differences(ours: JsonDataSet, theirs: JsonDataSet, at: string): string[] {
  const tags = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])];
  return tags.flatMap((tag) => {
    const [x, y] = [ours[tag], theirs[tag]];
    if (x?.vr === "SQ" && y?.vr === "SQ" && (x.Value?.length ?? 0) === (y.Value?.length ?? 0))
      return (x.Value ?? []).flatMap((item, i) =>
        differences(item as JsonDataSet, y.Value![i] as JsonDataSet, `${at}${tag}/${i}/`),
      );
    const isSame = x && y && x.vr === y.vr && (isBulk(x) ? isBulk(y) : content(x) === content(y));
    return isSame || explained.some(([, is]) => is(x, y, tag))
      ? []
      : [`${at}${tag} ${content(x)} ${content(y)}`];
  });
}

/** What we refuse is nobody's metadata. */
async function readable(path: string): Promise<DicomObject | undefined> {
  try {
    return await readDicom(new MemorySource(readFileSync(path)), { tolerate: tolerableCodes });
  } catch (error) {
    if (error instanceof ScansealError) return undefined;
    throw error;
  }
}

const isBulk = (element: JsonElement): boolean => element.BulkDataURI !== undefined;
const content = (element: JsonElement | undefined): string =>
  JSON.stringify(element?.Value ?? element?.InlineBinary ?? element?.vr ?? null)?.slice(0, 200);

describePeer("pydicom", "DICOM JSON", () => {
  itWithPeer(
    "corpus",
    "is pydicom's, but for what is explained",
    async () => {
      const paths = wellFormedFiles().map(({ file }) => join(peerPath("corpus"), file));
      const script = join(projectRoot, "test", "interop", "pydicom-json.py");
      const run = spawnSync(peerPath("pydicom"), [script], { input: paths.join("\n"), maxBuffer: 1 << 30 });
      const found: string[] = [];
      let compared = 0;
      for (const line of run.stdout.toString("utf8").trimEnd().split("\n")) {
        const [path, theirs] = JSON.parse(line) as [string, JsonDataSet | null];
        if (!theirs) continue;
        const object = await readable(path);
        if (!object) continue;
        const { elements } = object;
        const bulkUri = (at: string): string => `bulk/${at}`;
        const ours = toJsonDataSet(elements, { decoding: nodeTextDecoding, inlineBytesMax, bulkUri });
        found.push(...differences(ours, theirs, `${path.split("/").at(-1)} `));
        compared++;
      }
      expect(found).toEqual([]);
      expect(compared).toBeGreaterThan(550);
    },
    300_000,
  );
});
