/** TAMPERED.tsv on marked frames: nodules removed, lesions painted in, regions copied; each changed tile named by manifest and key, and no other. */
import { afterAll, expect, it } from "vitest";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { tamperedRows } from "../evaluation/tampered-rows.ts";
import { describePeer } from "../peers.ts";
import { type ForgeryOutcome, isExact, outcomeOf } from "../watermark/outcome.ts";
import { tamperedFrame } from "../watermark/tampered-frames.ts";

/** Changed tiles; those of whole images leave no payload, so that the manifest alone can name them. */
const expected: Readonly<Record<string, readonly [tiles: number, read: ForgeryOutcome["read"]]>> = {
  "ct-nodule-removed-115": [12, "victim"],
  "ct-nodule-removed-116": [12, "victim"],
  "ct-nodule-removed-117": [12, "victim"],
  "ct-nodule-removed-118": [12, "victim"],
  "ct-nodule-injected-131": [15, "victim"],
  "mr-copy-move": [20, "victim"],
  "cxr-opacity-injected": [128, "victim"],
  "single-pixel-plus-1": [1, "victim"],
  "lsb-noise-1pct": [59, "victim"],
  "mirror-pixels-header-kept": [64, "no"],
  "rotated-90": [64, "no"],
  "pixels-transplanted": [64, "no"],
  // Of 4096.
  "lossy-jpeg-then-native": [4076, "no"],
};

describePeer("corpus", "tampered files' changes in marked frames", () => {
  const decoder = new CodecPool();
  afterAll(() => decoder.close());

  it("are found, tile by tile, and frames whose samples are the same are intact", async () => {
    const found: Record<string, readonly [number, string]> = {};
    for (const row of tamperedRows()) {
      const name = row.file.replace("tampered/generated/", "").replace(".dcm", "");
      const outcome = await outcomeOf(await tamperedFrame(row, decoder));
      expect(isExact(outcome.byDigests), name).toBe(true);
      expect(outcome.intact, name).toBe(outcome.samplesChanged === 0);
      if (outcome.intact) continue;
      expect(isExact(outcome.byKey), name).toBe(outcome.read === "victim");
      found[name] = [outcome.byDigests.changed, outcome.read];
    }
    expect(found).toEqual(expected);
  });
});
