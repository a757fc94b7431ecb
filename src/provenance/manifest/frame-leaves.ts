/** Leaves of pixel data: decoded frames, codestreams, or the whole value where there are no frames to tell apart. */
import { feedPlan, type PlanStep } from "../../dicom/byte-plan.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import { canonicalFrame } from "../../dicom/pixel-data/canonical-frames.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import type { EncapsulatedFrames, NativeFrames, PixelFrames } from "../../dicom/pixel-data/frames.ts";
import { framesOf } from "../../dicom/pixel-data/frames.ts";
import { canonicalFrameBytes } from "../../dicom/pixel-data/image-attributes.ts";
import { type Tag, tagHex, tags } from "../../dicom/tags.ts";
import { type ErrorCode, ScansealError } from "../../foundation/errors.ts";
import type { Leaf, LeafName, StreamedValue } from "../disclosure/commitment.ts";
import { planValue } from "./attribute-leaves.ts";
import { bulkPlan } from "./canonical-value.ts";

/** VR text of leaves that are no attribute. */
const frameVr = "frame";
const encodedVr = "encoded";
const wholeVr = "pixels";

export type PixelForm =
  | { readonly kind: "none" }
  | NativeForm
  | EncapsulatedForm
  /** A video, or pixel data that its attributes or offset tables do not explain: one leaf over all of it. */
  | { readonly kind: "whole"; readonly leaf: Leaf };

interface NativeForm {
  readonly kind: "native";
  readonly tag: Tag;
  readonly pixels: PixelFrames & { readonly layout: NativeFrames };
}

interface EncapsulatedForm {
  readonly kind: "encapsulated";
  readonly tag: Tag;
  readonly pixels: PixelFrames & { readonly layout: EncapsulatedFrames };
}

export type FramedForm = NativeForm | EncapsulatedForm;

const pixelTags: readonly Tag[] = [tags.pixelData, tags.floatPixelData, tags.doubleFloatPixelData];

/** Never fails on what the pixels are: what cannot be told apart is one leaf. */
export async function pixelFormOf(object: DicomObject): Promise<PixelForm> {
  const elements = object.elements.filter(({ tag }) => pixelTags.includes(tag));
  const element = elements[0];
  if (!element) return { kind: "none" };
  if (elements.length > 1)
    throw new ScansealError("pixel-attributes", "more than one pixel data element", {
      tag: elements[1]!.tag,
    });
  const { tag } = element;
  try {
    const pixels = await framesOf(object);
    const layout = pixels?.layout;
    if (pixels && layout?.kind === "native") return { kind: "native", tag, pixels: { ...pixels, layout } };
    if (pixels && layout?.kind === "encapsulated")
      return { kind: "encapsulated", tag, pixels: { ...pixels, layout } };
  } catch (error) {
    if (!isPixelProblem(error)) throw error;
  }
  return { kind: "whole", leaf: wholeLeaf(object, element) };
}

const pixelProblems: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "pixel-attributes",
  "pixel-length",
  "encapsulation-invalid",
  "unsupported",
]);

function isPixelProblem(error: unknown): boolean {
  return error instanceof ScansealError && pixelProblems.has(error.code);
}

/** All fragments after the offset table, joined; or the native value. */
function wholeLeaf(object: DicomObject, element: DataElement): Leaf {
  const hex = tagHex(element.tag);
  const fragments = element.fragments?.slice(1);
  if (!fragments) return { path: hex, vr: wholeVr, value: planValue(bulkPlan(element), object.dataSource) };
  const plan = fragments.map(
    ({ valueOffset, length }): PlanStep => ({ offset: valueOffset, length, swap: 1 }),
  );
  return { path: `${hex}/e`, vr: encodedVr, value: planValue(plan, object.dataSource) };
}

export function frameCountOf(form: FramedForm): number {
  return form.pixels.attributes.numberOfFrames;
}

/** "7FE00010/f/3": a decoded frame. */
export function frameName(tag: Tag, index: number): LeafName {
  return { path: `${tagHex(tag)}/f/${index}`, vr: frameVr };
}

/** "7FE00010/e/3": a codestream. */
export function encodedName(tag: Tag, index: number): LeafName {
  return { path: `${tagHex(tag)}/e/${index}`, vr: encodedVr };
}

/** What `frameName` and `encodedName` wrote, or undefined. */
export function parseFramePath(
  path: string,
): { readonly tag: Tag; readonly kind: "frame" | "encoded"; readonly index: number } | undefined {
  const match = /^(7FE000(?:10|08|09))\/([fe])\/(0|[1-9]\d{0,8})$/.exec(path);
  if (!match) return undefined;
  const [, hex = "", letter, digits = ""] = match;
  return {
    tag: Number.parseInt(hex, 16),
    kind: letter === "f" ? "frame" : "encoded",
    index: Number(digits),
  };
}

/** A decoded frame in canonical form (dicom/pixel-data). Decoding happens when the value is read. */
export function frameValue(
  { pixels }: FramedForm,
  index: number,
  decoder: FrameDecoder | undefined,
): StreamedValue {
  const { object, attributes, layout } = pixels;
  const asNative = layout.kind === "native" || object.transferSyntax.codec === "native";
  return {
    length: canonicalFrameBytes(attributes, asNative),
    async feed(sink) {
      const step = await canonicalFrame(pixels, index, decoder);
      await feedPlan([step], object.dataSource, sink);
    },
  };
}

/**
 * A frame's codestream: every byte of its fragments, joined, the pad byte too. Moving fragment boundaries inside the frame changes
 * nothing, for fragments are even and only the last can end in a pad; and no byte is outside.
 */
export function encodedValue({ pixels }: EncapsulatedForm, index: number): StreamedValue {
  const { fragments } = pixels.layout.frames[index]!;
  const plan = fragments.map(
    ({ valueOffset, length }): PlanStep => ({ offset: valueOffset, length, swap: 1 }),
  );
  return planValue(plan, pixels.object.dataSource);
}

/** Frames that a decoder gives back exactly are committed decoded; lossy ones are judged by their codestreams alone. */
export function canCommitDecoded(form: PixelForm): form is FramedForm {
  return (
    form.kind === "native" || (form.kind === "encapsulated" && form.pixels.object.transferSyntax.lossless)
  );
}

/** All leaves of the pixel data. `decoded` asks for the canonical frames of encapsulated objects; native frames are always committed. */
export function pixelLeaves(form: PixelForm, decoded: boolean, decoder: FrameDecoder | undefined): Leaf[] {
  if (form.kind === "none") return [];
  if (form.kind === "whole") return [form.leaf];
  const leaves: Leaf[] = [];
  for (let index = 0; index < frameCountOf(form); index++) {
    if (form.kind === "native" || decoded)
      leaves.push({ ...frameName(form.tag, index), value: frameValue(form, index, decoder) });
    if (form.kind === "encapsulated")
      leaves.push({ ...encodedName(form.tag, index), value: encodedValue(form, index) });
  }
  return leaves;
}
