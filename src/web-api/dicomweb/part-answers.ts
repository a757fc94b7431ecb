/** Frames (WADO-RS, PS3.18 10.4.1.1.6) and bulk values (10.4.1.1.5) of one verified instance. */
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { negotiate } from "../../dicom-network/dicomweb/accept.ts";
import {
  multipartType,
  type OutgoingPart,
  writeMultipart,
} from "../../dicom-network/dicomweb/multipart-writer.ts";
import type { WebResource, WebScope } from "../../dicom-network/dicomweb/resource.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { boundary } from "./boundary.ts";
import { withheldAnswer } from "./instance-answers.ts";
import { urlOf, type WebAnswer, type WebRequest } from "./message.ts";
import type { FrameForm, PartsAnswer, WebReading } from "./ports.ts";
import { textAnswer } from "./send-answer.ts";

const octets = "application/octet-stream";
/** PS3.18 table 8.7.3-5: codestreams as they are kept. */
const codestreams = [
  "image/jpeg",
  "image/jls",
  "image/jp2",
  "image/jphc",
  "image/jxl",
  "image/dicom-rle",
] as const;

export async function frames(
  { scope, frames: wanted }: Extract<WebResource, { kind: "frames" }>,
  reading: WebReading,
  request: WebRequest,
): Promise<WebAnswer> {
  if (!isInstance(scope)) return textAnswer(404, "There is nothing here.");
  const forms = formsOf(request);
  if (forms.length === 0) return textAnswer(406, `Frames are multipart/related; type="${octets}".`);
  return inParts(await reading.frames(scope, wanted, forms), urlOf(request.origin, scope));
}

export async function bulkValue(
  { scope, path }: Extract<WebResource, { kind: "bulkdata" }>,
  reading: WebReading,
  request: WebRequest,
): Promise<WebAnswer> {
  if (path === undefined || !isInstance(scope))
    return textAnswer(501, "Bulk values are had one by one, as the metadata names them.");
  const offers = [
    { type: octets, isMultipart: true },
    { type: octets, isMultipart: false },
  ];
  const accepted = negotiate(request.header("accept"), request.parameters.get("accept") ?? undefined, offers);
  if (!accepted) return textAnswer(406, `Bulk values are ${octets}.`);
  const answer = await reading.bulkValue(scope, path);
  if (accepted.offer.isMultipart || answer.kind !== "parts")
    return inParts(answer, urlOf(request.origin, scope));
  const { value: only } = await answer.parts[Symbol.asyncIterator]().next();
  if (!only) return inParts({ kind: "none" }, "");
  const length = only.length === undefined ? {} : { "content-length": `${only.length}` };
  return {
    status: 200,
    headers: { "content-type": octets, "scanseal-verdict": answer.basis, ...length },
    body: only.bytes,
    done: () => answer.done(),
  };
}

function isInstance(scope: WebScope): scope is Required<WebScope> {
  return scope.instance !== undefined;
}

/** Every form that the reader takes, most wanted first. */
function formsOf(request: WebRequest): readonly FrameForm[] {
  const parameter = request.parameters.get("accept") ?? undefined;
  return [octets, ...codestreams].flatMap((type): readonly FrameForm[] => {
    const accepted = negotiate(request.header("accept"), parameter, [{ type, isMultipart: true }]);
    if (!accepted) return [];
    const { transferSyntaxes } = accepted;
    // Who names the codestream's type takes it as it is kept; the default of the others is explicit little endian.
    const isUnsaid = type !== octets && transferSyntaxes !== "any" && transferSyntaxes.every(isDefault);
    return [{ type, transferSyntaxes: isUnsaid ? "any" : transferSyntaxes }];
  });
}

function isDefault(uid: string): boolean {
  return uid === explicitLittleEndianUid;
}

function inParts(answer: PartsAnswer, url: string): WebAnswer {
  switch (answer.kind) {
    case "withheld":
      return withheldAnswer(answer);
    case "none":
      return textAnswer(404, "There is no such instance, frame or value.");
    case "unacceptable":
      return textAnswer(406, "It is kept in another form: ask for transfer-syntax=*.");
    case "parts": {
      const mark = boundary();
      return {
        status: 200,
        headers: { "content-type": multipartType(answer.type, mark) },
        body: writeMultipart(outgoing(answer, url), mark),
        done: () => answer.done(),
      };
    }
  }
}

async function* outgoing(
  { parts, basis }: Extract<PartsAnswer, { kind: "parts" }>,
  url: string,
): AsyncGenerator<OutgoingPart> {
  for await (const { contentType, length, bytes } of parts) {
    const headers: Record<string, string> = { "Content-Location": url, "Scanseal-Verdict": basis };
    if (length !== undefined) headers["Content-Length"] = `${length}`;
    yield { contentType, headers, body: bytes instanceof Uint8Array ? one(bytes) : bytes };
  }
}

async function* one(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}
