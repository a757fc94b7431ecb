/** One reader's requests over DICOMweb: the reading desk and the index, as the server asks for them. */

import { withUnverifiedLabel } from "../../../dicom/json/unverified-label.ts";
import type { DicomObject } from "../../../dicom/model.ts";
import type { FrameDecoder } from "../../../dicom/pixel-data/decoder.ts";
import { framesOf } from "../../../dicom/pixel-data/frames.ts";
import { readDicom, tolerableCodes } from "../../../dicom/read.ts";
import { explicitLittleEndianUid } from "../../../dicom/transfer-syntax.ts";
import type { WebScope } from "../../../dicom-network/dicomweb/resource.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { openFileSource } from "../../../platform/node/file-source.ts";
import type { InstanceIndex } from "../../../store/index/instance-index.ts";
import type {
  FrameForm,
  Given,
  GivenInstances,
  GivenPart,
  PartsAnswer,
  PictureAnswer,
  WantedPicture,
  WebReading,
  Withheld,
} from "../../../web-api/dicomweb/ports.ts";
import type { ReaderSearching } from "../../../zero-trust/gateway/reading/dimse-reading.ts";
import type { ReadScope } from "../../../zero-trust/gateway/reading/ports.ts";
import {
  type NoticeRead,
  type Outgoing,
  outgoingObject,
  type Read,
} from "../../../zero-trust/gateway/reading/read.ts";
import {
  type OtherInstances,
  type PlannedInstance,
  planOf,
  type ReadingDesk,
  type ReadingPlan,
} from "../../../zero-trust/gateway/reading/reading-desk.ts";
import type { ReaderSettings } from "../../../zero-trust/gateway/settings.ts";
import type { FrameRenderer } from "../../rendering/rendered-frame.ts";
import { bulkPart, chooseForm, frameParts } from "./frame-parts.ts";

export interface WebReadingParts {
  readonly desk: Pick<ReadingDesk, "plan" | "read" | "readWithNotices">;
  readonly search: ReaderSearching;
  readonly index: Pick<InstanceIndex, "metadataOf">;
  readonly decoder: FrameDecoder;
  readonly renderer: FrameRenderer;
}

export function webReading(
  { desk, search, index, decoder, renderer }: WebReadingParts,
  reader: ReaderSettings,
  end: () => void,
): WebReading {
  const read = async (scope: WebScope): Promise<GivenInstances> => {
    const plan = await desk.plan(readScope(scope));
    let others: OtherInstances | undefined;
    const known = plan.others.then((all) => {
      others = all;
    });
    known.catch(() => undefined);
    if (plan.instances.length === 0) await known;
    // One instance that is withheld is told by the status: another in its place would be taken for it.
    const syntax = scope.instance === undefined ? explicitLittleEndianUid : undefined;
    return {
      isNone: plan.instances.length === 0 && others?.instances.length === 0,
      isUnlisted: () => others?.archiveUnlisted !== undefined,
      instances: given(desk.readWithNotices(plan, reader, syntax)),
    };
  };
  return {
    search: (query) => search(query, reader.name),
    metadata: (scope) => index.metadataOf(readScope(scope), withUnverifiedLabel),
    read,
    frames: async (scope, wanted, forms) =>
      partsOf(await madeOf(desk, scope, reader, (object) => ofFrames(object, wanted, forms, decoder))),
    bulkValue: async (scope, path) => {
      const type = "application/octet-stream";
      const of = async (object: DicomObject): Promise<Parts | "none"> => {
        const part = bulkPart(object, path);
        return part ? { type, parts: oneOf(part) } : "none";
      };
      return partsOf(await madeOf(desk, scope, reader, of));
    },
    picture: (scope, wanted) => pictureOf(desk, scope, reader, { ...wanted, renderer }),
    end,
  };
}

function readScope({ study = "", series, instance }: WebScope): ReadScope {
  return { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: instance };
}

async function* given(reads: AsyncIterable<Read | NoticeRead>): AsyncGenerator<Given | Withheld> {
  for await (const read of reads) yield read.kind === "withheld" ? withheld(read) : givenOf(read);
}

function givenOf(read: Outgoing): Given {
  const { sopInstanceUid, transferSyntaxUid, staged } = outgoingObject(read);
  const { done } = read;
  return {
    kind: "given",
    sopInstanceUid,
    transferSyntaxUid,
    basis: basisOf(read),
    length: staged.bytes,
    bytes: () => staged.read(),
    done,
  };
}

function basisOf(read: Outgoing): string {
  if (read.kind === "notice") return read.kind;
  return read.kind === "delivered" ? read.object.basis : read.object.opening.kind;
}

function withheld({ instance, withholding }: Extract<Read, { kind: "withheld" }>): Withheld {
  const { why } = withholding;
  const codes = "codes" in withholding ? withholding.codes : [];
  return { kind: "withheld", sopInstanceUid: instance.sopInstanceUid, why, codes };
}

interface Parts {
  readonly type: string;
  readonly parts: AsyncIterable<GivenPart>;
}

/** What is made of one instance, which is read and verified whole before. */
type Made<T> =
  | { readonly kind: "made"; readonly made: T; readonly basis: string; readonly done: () => void }
  | Withheld
  | { readonly kind: "none" }
  | { readonly kind: "unacceptable" };

/** Of a study or series from the image in its middle. */
async function madeOf<T extends object>(
  desk: Pick<ReadingDesk, "plan" | "read">,
  scope: WebScope,
  reader: ReaderSettings,
  of: (object: DicomObject) => Promise<T | "none" | "unacceptable">,
): Promise<Made<T>> {
  const plan = await desk.plan(readScope(scope));
  const instances = plan.instances.length > 0 ? plan.instances : await onlyOthers(plan);
  const middle = Math.floor(instances.length / 2);
  for await (const read of desk.read(planOf(instances.slice(middle, middle + 1)), reader)) {
    if (read.kind === "withheld") return withheld(read);
    const { staged } = read.object.object;
    const source = await openFileSource(staged.extents[0]!.path, false);
    const done = (): void => {
      void source.close().catch(() => undefined);
      read.done();
    };
    try {
      const made = await of(await readDicom(source, { tolerate: tolerableCodes }));
      if (typeof made !== "string") return { kind: "made", made, basis: basisOf(read), done };
      done();
      return { kind: made };
    } catch (error) {
      done();
      throw error;
    }
  }
  return { kind: "none" };
}

/** @throws ScansealError `network` */
async function onlyOthers({ others }: ReadingPlan): Promise<readonly PlannedInstance[]> {
  const { instances, archiveUnlisted } = await others;
  if (instances.length === 0 && archiveUnlisted !== undefined)
    throw new ScansealError("network", "the archive does not answer");
  return instances;
}

function partsOf(answer: Made<Parts>): PartsAnswer {
  if (answer.kind !== "made") return answer;
  const { made, basis, done } = answer;
  return { kind: "parts", ...made, basis, done };
}

async function ofFrames(
  object: DicomObject,
  wanted: readonly number[],
  forms: readonly FrameForm[],
  decoder: FrameDecoder,
): Promise<Parts | "none" | "unacceptable"> {
  const frames = await framesOf(object);
  if (!frames || wanted.some((number) => number > frames.attributes.numberOfFrames)) return "none";
  const form = chooseForm(object, forms);
  if (!form) return "unacceptable";
  try {
    return { type: form.type, parts: await frameParts(frames, wanted, form, decoder) };
  } catch (error) {
    const isNot = error instanceof ScansealError && error.code === "unsupported";
    if (isNot) return "unacceptable";
    throw error;
  }
}

async function pictureOf(
  desk: Pick<ReadingDesk, "plan" | "read">,
  scope: WebScope,
  reader: ReaderSettings,
  wanted: WantedPicture & { readonly renderer: FrameRenderer },
): Promise<PictureAnswer> {
  const answer = await madeOf(desk, scope, reader, (object) => painted(object, wanted));
  if (answer.kind !== "made") return answer;
  const { made, basis, done } = answer;
  done();
  return { kind: "picture", basis, bytes: made };
}

async function painted(
  object: DicomObject,
  {
    frame = 1,
    isThumbnail,
    parameters,
    type,
    renderer,
  }: WantedPicture & { readonly renderer: FrameRenderer },
): Promise<Bytes | "none" | "unacceptable"> {
  try {
    const frames = await framesOf(object);
    if (!frames) return "unacceptable";
    if (frame > frames.attributes.numberOfFrames) return "none";
    return isThumbnail
      ? await renderer.thumbnail(frames, frame - 1, parameters, type)
      : await renderer.frame(frames, frame - 1, parameters, type);
  } catch (error) {
    if (error instanceof ScansealError && notShown.has(error.code)) return "unacceptable";
    throw error;
  }
}

/** The object's own fault, or its kind: no alarm. */
const notShown: ReadonlySet<string> = new Set([
  "unsupported",
  "usage",
  "limit-decode",
  "value-invalid",
  "codec-failed",
  "pixel-length",
  "pixel-attributes",
  "encapsulation-invalid",
]);

async function* oneOf<T>(part: T): AsyncGenerator<T> {
  yield part;
}
