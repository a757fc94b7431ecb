/** Seals one file, judges it untouched, and applies its mutations. */
import { findElement } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { attributeMutations } from "./attribute-mutations.ts";
import { outcome, parse, type Site, type Tolerances } from "./fixture.ts";
import { frameMutations } from "./frame-mutations.ts";
import { type Mutation, type MutationGroup, problemOf } from "./mutation.ts";
import { containerMutations, signatureMutations, surroundingMutations } from "./seal-mutations.ts";
import { SeededRandom } from "./seeded-random.ts";

/** How many of each kind; Infinity is all. */
export interface Sampling {
  readonly modify: number;
  readonly remove: number;
  readonly add: number;
  readonly frames: number;
  /** Bytes of each element of the seal. */
  readonly sealBytes: number;
  readonly around: boolean;
}

export interface RunResult {
  readonly counts: ReadonlyMap<MutationGroup, number>;
  readonly problems: readonly { readonly group: MutationGroup; readonly text: string }[];
  /** Of unaltered objects: both routes must say `verified`. */
  readonly untouched: string | undefined;
}

export async function runMutations(
  site: Site,
  name: string,
  original: Bytes,
  sampling: Sampling,
  tolerate: Tolerances = [],
): Promise<RunResult> {
  const sealed = await site.seal(original, tolerate);
  let untouched: string | undefined;
  for (const deep of [false, true]) {
    const judged = await site.judge(sealed, { deep, tolerate });
    if (judged.decision.verdict !== "verified") untouched = `${deep ? "deep " : ""}${outcome(judged)}`;
  }
  const counts = new Map<MutationGroup, number>();
  const problems: { group: MutationGroup; text: string }[] = [];
  for (const mutation of await mutationsOf(sealed, name, sampling, tolerate)) {
    const judged = await site.judge(await mutation.make(), { tolerate });
    counts.set(mutation.group, (counts.get(mutation.group) ?? 0) + 1);
    const problem = problemOf(mutation, judged);
    if (problem !== undefined) problems.push({ group: mutation.group, text: `${name}: ${problem}` });
  }
  return { counts, problems, untouched };
}

async function mutationsOf(
  sealed: Bytes,
  name: string,
  sampling: Sampling,
  tolerate: Tolerances,
): Promise<readonly Mutation[]> {
  const object = await parse(sealed, tolerate);
  const random = new SeededRandom(name, "mutations");
  const hasPadding = findElement(object.elements, tags.dataSetTrailingPadding) !== undefined;
  return [
    ...attributeMutations(object, random, sampling),
    ...(await frameMutations(object, random, sampling.frames)),
    ...containerMutations(object, random, sampling.sealBytes),
    ...(sampling.sealBytes > 0 ? signatureMutations(object, random, sampling.sealBytes) : []),
    ...(sampling.around
      ? surroundingMutations(object, random, tolerate).filter(
          ({ what }) => !(hasPadding && /FFFC/.test(what)),
        )
      : []),
  ];
}
