/** TAMPERED.tsv as done to marked frames: the attacker edits what was sealed, so what differs from the base is added to the marked base. */
import type { PlanarFrame } from "../../src/invisible-watermark/frame.ts";
import type { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { corpusBytes } from "../evaluation/corpus-files.ts";
import type { TamperedRow } from "../evaluation/tampered-rows.ts";
import { framesIn } from "./corpus-frames.ts";
import type { Forgery } from "./forgeries.ts";
import { device } from "./scene.ts";

export async function tamperedFrame({ file, base }: TamperedRow, decoder: CodecPool): Promise<Forgery> {
  const [original] = await framesIn(corpusBytes(base), decoder);
  const [tampered] = await framesIn(corpusBytes(file), decoder);
  const victim = device.mark(original!, 1, 0);
  if (victim === undefined) throw new Error(`${base} cannot be marked`);
  return { victim, frame: withDifference(victim.frame, original!, tampered!) };
}

/** Within the range of the samples. */
function withDifference(marked: PlanarFrame, original: PlanarFrame, tampered: PlanarFrame): PlanarFrame {
  const top = 2 ** marked.bits - 1;
  const planes = marked.planes.map((plane, c) =>
    plane.map((sample, i) =>
      Math.max(0, Math.min(top, sample + tampered.planes[c]![i]! - original.planes[c]![i]!)),
    ),
  );
  return { ...marked, planes };
}
