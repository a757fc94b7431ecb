/** What is proven about the pixels of each frame, and by whom: for pictures that say where. Pure. */
import type {
  ContentEvidence,
  Evidence,
  FrameChanges,
  ManifestFault,
  WatermarkEvidence,
} from "../zero-trust/evidence/evidence.ts";
import type { Decision } from "../zero-trust/policy/verdict.ts";

/** What vouches for a frame: all that a trusted signer's manifest says, or only a trusted signer's mark in it. */
export type Voucher = "seal" | "marks";

export type FrameState =
  | { readonly kind: "intact"; readonly by: Voucher }
  | { readonly kind: "located"; readonly changes: FrameChanges }
  /** It is not what it was, and nothing says where. */
  | { readonly kind: "changed"; readonly how: "foreign" | "added" | "lossy" | "unreadable" | "differs" }
  | { readonly kind: "unknown"; readonly why: "no-seal" | "seal-unreliable" | "not-comparable" };

export interface PixelChanges {
  /** One for each frame that is there. */
  readonly frames: readonly FrameState[];
  /** Frames of the sealing that are gone. */
  readonly missing: readonly number[];
  /** "(0028,0004)": attributes that say how samples are shown, and are not as sealed. */
  readonly descriptions: readonly string[];
}

/** Nothing that a manifest says counts with one of these. */
const broken: ReadonlySet<ManifestFault> = new Set<ManifestFault>([
  "envelope-invalid",
  "manifest-signature-invalid",
  "statement-invalid",
]);

/** The manifest is whole, and by a signer whom this site trusts for it. */
export function isSealBelieved({ manifest }: Evidence, { verdict }: Pick<Decision, "verdict">): boolean {
  if (manifest === undefined || verdict === "untrusted" || manifest.trust?.result !== "trusted") return false;
  return !manifest.faults.some((fault) => broken.has(fault));
}

/** @param count frames that are there */
export function pixelChangesOf(
  evidence: Evidence,
  decision: Pick<Decision, "verdict">,
  count: number,
): PixelChanges {
  const isBelieved = isSealBelieved(evidence, decision);
  const content = isBelieved ? evidence.content : undefined;
  const judge = new FrameJudge(evidence, content, isBelieved, count);
  return {
    frames: Array.from({ length: count }, (_, frame) => judge.stateOf(frame)),
    missing: content?.framesRemoved ?? [],
    descriptions: content ? descriptionsIn(content) : [],
  };
}

export function isUnchanged({ frames, missing, descriptions }: PixelChanges): boolean {
  return missing.length + descriptions.length === 0 && frames.every(({ kind }) => kind === "intact");
}

class FrameJudge {
  readonly #content: ContentEvidence | undefined;
  /** Of a trusted signer. */
  readonly #marks: WatermarkEvidence | undefined;
  readonly #located: ReadonlyMap<number, FrameChanges>;
  readonly #otherwise: FrameState;
  readonly #isProvenBySeal: boolean;

  constructor(
    { manifest, watermark }: Evidence,
    content: ContentEvidence | undefined,
    isBelieved: boolean,
    count: number,
  ) {
    const isTrusted =
      watermark?.boundTo === "manifest" ? isBelieved : watermark?.signer?.result === "trusted";
    this.#content = content;
    this.#marks = isTrusted ? watermark : undefined;
    this.#located = new Map(this.#marks?.changes.map((changes) => [changes.frame, changes]));
    this.#isProvenBySeal = manifest?.faults.length === 0 && content !== undefined && !content.unlocalised;
    // Marks name the frames that changed, not those that did not: every frame was looked at, and all the others are intact.
    const {
      framesChecked = 0,
      framesIntact = 0,
      framesForeign = [],
      framesUnreadable = [],
    } = this.#marks ?? {};
    const named = this.#located.size + framesForeign.length + framesUnreadable.length;
    const isAccounted = framesChecked === count && framesIntact > 0 && framesIntact + named === count;
    this.#otherwise = isAccounted
      ? { kind: "intact", by: "marks" }
      : { kind: "unknown", why: isBelieved ? "not-comparable" : manifest ? "seal-unreliable" : "no-seal" };
  }

  stateOf(frame: number): FrameState {
    const changes = this.#located.get(frame);
    if (changes) return { kind: "located", changes };
    const content = this.#content;
    if (this.#marks?.framesForeign.includes(frame)) return { kind: "changed", how: "foreign" };
    if (content?.framesAdded.includes(frame)) return { kind: "changed", how: "added" };
    if (content?.framesChanged.includes(frame))
      return { kind: "changed", how: content.lossyNow ? "lossy" : "differs" };
    if (this.#isProvenBySeal)
      return content!.framesUncheckable.includes(frame)
        ? { kind: "unknown", why: "not-comparable" }
        : { kind: "intact", by: "seal" };
    // Where the seal proves the samples, a mark that cannot be read is none of their faults; here it is all that is known.
    if (this.#marks?.framesUnreadable.includes(frame)) return { kind: "changed", how: "unreadable" };
    return this.#otherwise;
  }
}

/** Group 0028 (PS3.3 C.7.6.3, C.11), also in functional groups: the same samples are another picture. */
function descriptionsIn({ attributes }: ContentEvidence): string[] {
  const tags = attributes
    .filter((one) => !one.transcodeByProduct && one.attributeClass !== "administrative")
    .flatMap(({ path }) => /(?:^|\/)(0028)([0-9A-F]{4})(?=$|\/)/.exec(path)?.slice(1).join(",") ?? []);
  return [...new Set(tags)].map((tag) => `(${tag})`);
}
