/** Requests to a DICOMweb server, made by Node's own client, and what comes back. */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import type { JsonDataSet } from "../../src/dicom/json/json-model.ts";
import { readMultipart } from "../../src/dicom-network/dicomweb/multipart-reader.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";

export interface WebReply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Bytes;
}

/** Of 127.0.0.1. @param tls of a client, for a listener with TLS; rejects where the answer breaks off */
export async function askWeb(
  options: RequestOptions,
  body?: Bytes | AsyncIterable<Bytes>,
  tls?: { readonly cert: string; readonly key: string; readonly ca: string },
): Promise<WebReply> {
  const whole = { host: "127.0.0.1", agent: false, ...options };
  const request = tls ? httpsRequest({ ...whole, ...tls }) : httpRequest(whole);
  const answered = once(request, "response") as Promise<[IncomingMessage]>;
  if (body instanceof Uint8Array) request.end(body);
  else if (body) Readable.from(body).pipe(request);
  else request.end();
  const [response] = await answered;
  const pieces: Bytes[] = [];
  for await (const piece of response) pieces.push(piece as Bytes);
  return { status: response.statusCode ?? 0, headers: response.headers, body: concatBytes(pieces) };
}

export const multipartType = 'multipart/related; type="application/dicom"; boundary=a-b-c';

export function multipartOf(files: readonly Bytes[], contentType = "application/dicom"): Bytes {
  const text = (line: string): Bytes => new Uint8Array(Buffer.from(line, "latin1"));
  const parts = files.flatMap((file) => [
    text(`--a-b-c\r\nContent-Type: ${contentType}\r\n\r\n`),
    file,
    text("\r\n"),
  ]);
  return concatBytes([...parts, text("--a-b-c--\r\n")]);
}

export function jsonOf(body: Bytes): readonly JsonDataSet[] {
  return JSON.parse(Buffer.from(body).toString("utf8")) as readonly JsonDataSet[];
}

export async function partsOf({
  headers,
  body,
}: WebReply): Promise<
  readonly { readonly type: string; readonly verdict: string | undefined; readonly body: Bytes }[]
> {
  const parts: { type: string; verdict: string | undefined; body: Bytes }[] = [];
  async function* whole(): AsyncGenerator<Bytes> {
    yield body;
  }
  for await (const part of readMultipart(headers["content-type"] ?? "", whole())) {
    const pieces: Bytes[] = [];
    for await (const piece of part.body) pieces.push(piece.slice());
    parts.push({
      type: part.headers.get("content-type") ?? "",
      verdict: part.headers.get("scanseal-verdict"),
      body: concatBytes(pieces),
    });
  }
  return parts;
}
