/** One question to an authority over HTTP, in bounds: no redirects, a limit of time and of bytes. What it answers proves nothing yet. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { unreachableReason } from "../unreachable.ts";

const answerMsMax = 15_000;

interface Question {
  /** "the time-stamping authority" */
  readonly peer: string;
  readonly requestType: string;
  readonly answerType: string;
  /** "a time stamp" */
  readonly answer: string;
  readonly answerBytesMax: number;
}

/** @throws ScansealError `network` */
export async function postForAnswer(url: string, request: Bytes, question: Question): Promise<Bytes> {
  const { peer, requestType, answerType, answer, answerBytesMax } = question;
  const failed = (what: string, cause?: unknown): ScansealError =>
    new ScansealError("network", `${peer} ${what}`, { cause });
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": requestType, accept: answerType },
      body: request as Uint8Array<ArrayBuffer>,
      redirect: "error",
      signal: AbortSignal.timeout(answerMsMax),
    });
  } catch (cause) {
    throw failed(`cannot be reached (${unreachableReason(cause)})`, cause);
  }
  const parts: Bytes[] = [];
  let total = 0;
  try {
    for await (const part of response.body ?? []) {
      total += part.length;
      if (total > answerBytesMax) break;
      parts.push(part);
    }
  } catch (cause) {
    throw failed("broke off its answer", cause);
  }
  if (response.status !== 200) throw failed(`answered with status ${response.status}`);
  if (total > answerBytesMax) throw failed("answered with too much");
  const type = response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== answerType) throw failed(`answered with something else than ${answer}`);
  return new Uint8Array(Buffer.concat(parts));
}
