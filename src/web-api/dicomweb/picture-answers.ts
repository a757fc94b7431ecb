/** Rendered images and thumbnails (PS3.18 10.4.1.1.3-4, 8.3.5), and WADO-URI (9): pictures of verified objects, and the objects themselves. */
import { negotiate } from "../../dicom-network/dicomweb/accept.ts";
import { readRenderedParameters, readWadoUri } from "../../dicom-network/dicomweb/rendered-parameters.ts";
import type { WebScope } from "../../dicom-network/dicomweb/resource.ts";
import { archiveAway, oneFile, withheldAnswer } from "./instance-answers.ts";
import type { WebAnswer, WebRequest } from "./message.ts";
import type { PictureType, WantedPicture, WebReading } from "./ports.ts";
import { textAnswer } from "./send-answer.ts";

/** The default first (PS3.18 table 8.7.4-1). */
const offers: readonly { readonly type: PictureType; readonly isMultipart: false }[] = [
  { type: "image/jpeg", isMultipart: false },
  { type: "image/png", isMultipart: false },
];

interface PictureResource {
  readonly scope: WebScope;
  readonly form: "rendered" | "thumbnail";
  /** Undefined: of the instance. */
  readonly frames?: readonly number[];
}

export async function picture(
  { scope, form, frames }: PictureResource,
  reading: WebReading,
  request: WebRequest,
): Promise<WebAnswer> {
  const isThumbnail = form === "thumbnail";
  if ((frames && frames.length !== 1) || (!isThumbnail && scope.instance === undefined))
    return textAnswer(501, "Pictures are had image by image.");
  const accepted = negotiate(request.header("accept"), request.parameters.get("accept") ?? undefined, offers);
  if (!accepted) return notPictures;
  const wanted = { frame: frames?.[0], isThumbnail, parameters: readRenderedParameters(request.parameters) };
  return shown(reading, scope, { ...wanted, type: accepted.offer.type });
}

async function shown(reading: WebReading, scope: WebScope, wanted: WantedPicture): Promise<WebAnswer> {
  const answer = await reading.picture(scope, wanted);
  if (answer.kind === "withheld") return withheldAnswer(answer);
  if (answer.kind === "none") return textAnswer(404, "There is no such image or frame.");
  if (answer.kind === "unacceptable") return textAnswer(406, "This is not shown as a picture.");
  const headers = { "content-type": wanted.type, "scanseal-verdict": answer.basis };
  return { status: 200, headers, body: answer.bytes };
}

const notPictures: WebAnswer = textAnswer(406, "Pictures are image/jpeg or image/png.");

/** GET /wado?requestType=WADO... */
export async function wadoUri(reading: WebReading, request: WebRequest): Promise<WebAnswer> {
  const { scope, contentType, frame, rendered, transferSyntax } = readWadoUri(request.parameters);
  const wanted = contentType ?? request.header("accept");
  const objects = [{ type: "application/dicom", isMultipart: false }];
  const pictures = negotiate(wanted, undefined, offers);
  // PS3.18 9.1.2.2: images are pictures unless the object is asked for.
  if (pictures && frame === undefined && contentType === undefined)
    return shown(reading, scope, {
      frame,
      isThumbnail: false,
      parameters: rendered,
      type: pictures.offer.type,
    });
  if (negotiate(wanted, undefined, objects) && frame === undefined)
    return object(reading, scope, transferSyntax);
  if (!pictures) return notPictures;
  return shown(reading, scope, {
    frame,
    isThumbnail: false,
    parameters: rendered,
    type: pictures.offer.type,
  });
}

async function object(
  reading: WebReading,
  scope: WebScope,
  transferSyntax: string | undefined,
): Promise<WebAnswer> {
  const { isNone, isUnlisted, instances } = await reading.read(scope);
  if (isNone && isUnlisted()) return archiveAway;
  for await (const read of instances) {
    if (read.kind === "withheld") return withheldAnswer(read);
    if (transferSyntax === undefined || transferSyntax === read.transferSyntaxUid)
      return oneFile(read, async () => undefined);
    read.done();
    return textAnswer(406, `It is kept in ${read.transferSyntaxUid}.`);
  }
  return textAnswer(404, "Nothing of that name is known here.");
}
