/** What differs from what was sealed, as evidence: names and classes of attributes, numbers of frames; never values. */
import { findElement, plainText, unsignedShort } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { framesOf } from "../../dicom/pixel-data/frames.ts";
import { samplesNeedOnly } from "../../dicom/pixel-data/sample-width.ts";
import { tags } from "../../dicom/tags.ts";
import type { ManifestFacts } from "../../provenance/manifest/check.ts";
import type { LeafComparison } from "../../provenance/manifest/comparison.ts";
import type { SealedValueTest } from "../../provenance/manifest/sealed-values.ts";
import { classOfAttribute, isTranscodeByProduct } from "./attribute-classes.ts";
import type { AttributeChange, ContentEvidence } from "./evidence.ts";

const provenBySignature: ContentEvidence = {
  route: "signature",
  attributes: [],
  framesChanged: [],
  framesAdded: [],
  framesRemoved: [],
  framesUncheckable: [],
  lossyNow: false,
  transcodedLosslessly: false,
  unlocalised: false,
};

const nothingCompared: ContentEvidence = { ...provenBySignature, route: "commitments" };

/** Group lengths and (0008,0001) are no leaves unless they hold what no length is: then they carry something. */
const uselessTag = /(?:^|\/)(?:[0-9A-F]{4}0000|00080001)$/;

/** What compression and decompression back to the syntax of the sealing may leave. Its other by-products cannot be told from edits then. */
function isTrace(kind: AttributeChange["kind"], path: string): boolean {
  if (path === "00082111") return kind !== "removed";
  return kind === "added" && (path === "00282110" || path === "00282114");
}

const bitsTags: ReadonlySet<string> = new Set(["00280101", "00280102"]);

/**
 * Bits Stored and High Bit both say that every allocated bit is stored: GDCM writes so what it decodes from JPEG 2000. And every sample
 * is the same number by the sealed description: a sign or an overlay in the bits above would be shown as another one now.
 */
async function isWidened(
  { object, decoder }: ContentContext,
  changed: readonly string[],
  sealedValue: SealedValueTest,
): Promise<boolean> {
  if (![...bitsTags].every((path) => changed.includes(path))) return false;
  const number = (tag: number): number | undefined => unsignedShort(findElement(object.elements, tag));
  const allocated = number(tags.bitsAllocated) ?? 0;
  if (number(tags.bitsStored) !== allocated || number(tags.highBit) !== allocated - 1) return false;
  const sealedBits = Array.from({ length: allocated }, (_, bits) => bits).find(
    (bits) => sealedValue("00280101", String(bits)) && sealedValue("00280102", String(bits - 1)),
  );
  const frames = sealedBits === undefined ? undefined : await framesOf(object);
  return frames !== undefined && samplesNeedOnly(frames, sealedBits!, decoder);
}
/** Codecs whose codestream may hold YBR_RCT (PS3.5 section 8.2.4); in native data a viewer might convert colours for it. */
const reversibleTransform: ReadonlySet<string> = new Set(["jpeg-2000", "htj2k"]);

export interface ContentContext {
  readonly object: DicomObject;
  readonly facts: Pick<ManifestFacts, "comparison" | "rootBy" | "seed">;
  /** Transfer syntax of what was committed. */
  readonly committedAs: string;
  /** Opens commitments to guesses; made only when something differs. */
  readonly sealedValues: () => SealedValueTest;
  readonly decoder: FrameDecoder | undefined;
}

/** Undefined when the seed or everything that could replace it is missing: then nothing was compared. */
export async function contentOf(context: ContentContext): Promise<ContentEvidence | undefined> {
  const { facts } = context;
  if (facts.comparison) return compared(context, facts.comparison);
  if (facts.rootBy === "signature") return provenBySignature;
  if (facts.rootBy === "recomputed") return nothingCompared;
  if (facts.seed !== "fits") return undefined;
  return { ...nothingCompared, unlocalised: true };
}

async function compared(context: ContentContext, comparison: LeafComparison): Promise<ContentEvidence> {
  const { object, committedAs: sealedAs } = context;
  const { frames } = comparison;
  const transcoded = sealedAs !== object.transferSyntax.uid && frames.sealed > 0;
  const framesIntact = frames.matched === frames.sealed && frames.added.length === 0;
  const differing = comparison.changed.length + comparison.added.length + comparison.removed.length;
  // A by-product is one only where no pixel changed and the frames may have been through a codec: not beside the codestream of the sealing.
  const intact = frames.sealed > 0 && framesIntact;
  const recoded = transcoded && frames.route !== "encoded";
  const sealedValue = intact && differing > 0 ? context.sealedValues() : undefined;
  const widened = sealedValue !== undefined && (await isWidened(context, comparison.changed, sealedValue));
  const change =
    (kind: AttributeChange["kind"]) =>
    (path: string): AttributeChange => ({
      path,
      kind,
      attributeClass: uselessTag.test(path) ? "clinical" : classOfAttribute(path),
      transcodeByProduct:
        sealedValue !== undefined &&
        (recoded || isTrace(kind, path) || (widened && bitsTags.has(path))) &&
        (widened || !bitsTags.has(path)) &&
        isByProduct(object, kind, path, sealedValue),
    });
  return {
    route: "commitments",
    attributes: [
      ...comparison.changed.map(change("changed")),
      ...comparison.added.map(change("added")),
      ...comparison.removed.map(change("removed")),
    ],
    framesChanged: frames.changed,
    framesAdded: frames.added,
    framesRemoved: frames.removed,
    framesUncheckable: frames.uncheckable,
    lossyNow: transcoded && !object.transferSyntax.lossless,
    transcodedLosslessly: transcoded && framesIntact && frames.route === "decoded",
    unlocalised: false,
  };
}

function isByProduct(
  object: DicomObject,
  kind: AttributeChange["kind"],
  path: string,
  sealedValue: SealedValueTest,
): boolean {
  const element = /^[0-9A-F]{8}$/.test(path)
    ? findElement(object.elements, Number.parseInt(path, 16))
    : undefined;
  const present = plainText(element) ?? unsignedShort(element)?.toString();
  if (present === "YBR_RCT" && !reversibleTransform.has(object.transferSyntax.codec)) return false;
  return isTranscodeByProduct(path, {
    kind,
    ...(present === undefined ? {} : { present }),
    wasOriginally: (guess) => sealedValue(path, guess),
  });
}
