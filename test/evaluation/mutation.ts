/** One change of a sealed object, and what must come of it. */
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { Verdict } from "../../src/zero-trust/policy/verdict.ts";
import { type Judged, outcome } from "./fixture.ts";

export interface Mutation {
  /** "modify 00081140/0/00081155" */
  readonly what: string;
  readonly group: MutationGroup;
  readonly make: () => Promise<Bytes>;
  readonly verdicts: readonly Verdict[];
  /** Whether the findings say where; undefined where nothing must be said. */
  readonly named?: ((judged: Judged) => boolean) | undefined;
}

export type MutationGroup =
  | "attribute modified"
  | "attribute removed"
  | "attribute added"
  | "administrative attribute"
  | "frame, one bit"
  | "seal containers"
  | "signature items"
  | "file meta, preamble, padding";

/** Undefined when what came of it is what had to come. */
export function problemOf(mutation: Mutation, judged: Judged): string | undefined {
  if (!mutation.verdicts.includes(judged.decision.verdict)) {
    return `${mutation.what}: not ${mutation.verdicts.join(" or ")} but ${outcome(judged)}`;
  }
  if (mutation.named && judged.decision.verdict !== "malformed" && !mutation.named(judged)) {
    return `${mutation.what}: not named: ${outcome(judged)}`;
  }
  return undefined;
}

/** The bytes with one of them changed. */
export function patched(bytes: Bytes, offset: number, change: (byte: number) => number): Bytes {
  const out = bytes.slice();
  out[offset] = change(out[offset]!);
  return out;
}
