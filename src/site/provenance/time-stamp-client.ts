/** Asks a time-stamping authority over HTTP (RFC 3161 2.4 and 3.4). What it answers is checked in full before anybody keeps it. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { Clock, Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import {
  derInteger,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derTrue,
} from "../../keys/custody/der-writer.ts";
import { DerReader, derTag, directoryTextOf, readerOf, smallIntegerOf } from "../../keys/trust/der.ts";
import { digestOid } from "../../keys/trust/object-identifiers.ts";
import type { TimeStampFact, TimeStampTrust } from "../../keys/trust/time-stamp.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { postForAnswer } from "./authority-post.ts";

/** A token with its chain, and a status with words. */
const answerBytesMax = 64 * 1024;
const nonceBytes = 8;
const wordsMax = 200;

export interface TimeStampSource {
  readonly url: string;
  readonly trust: TimeStampTrust;
  readonly clock: Clock;
  readonly random: Random;
}

export interface NewStamp {
  readonly token: Bytes;
  readonly fact: TimeStampFact;
}

/**
 * A stamp over `message`; only its SHA-256 leaves this machine.
 * @throws ScansealError `network` when the authority cannot be had, `peer-rejected` when it refuses, `peer-protocol` when its answer
 *   is none or does not hold
 */
export async function requestTimeStamp(message: Bytes, source: TimeStampSource): Promise<NewStamp> {
  const nonce = source.random.bytes(nonceBytes);
  const asked = derInteger(nonce);
  const answer = await postForAnswer(source.url, requestOf(message, asked), {
    peer: "the time-stamping authority",
    requestType: "application/timestamp-query",
    answerType: "application/timestamp-reply",
    answer: "a time stamp",
    answerBytesMax,
  });
  const token = tokenOf(answer);
  const question = { message, nonce: asked.subarray(2), now: source.clock.now() };
  const fact = await source.trust.check(token, question);
  if (!fact.ok)
    throw new ScansealError(
      "peer-protocol",
      `the time stamp does not hold (step ${fact.step}: ${fact.detail})`,
    );
  return { token, fact };
}

/** TimeStampReq, version 1, asking for the certificate (RFC 3161 2.4.1). */
function requestOf(message: Bytes, nonce: Bytes): Bytes {
  const algorithm = derSequence(derOid(digestOid.sha256), derNull());
  const imprint = derSequence(algorithm, derOctets(nodeCrypto.hash("SHA-256", message)));
  return derSequence(derInteger(1), imprint, nonce, derTrue());
}

/** TimeStampResp (RFC 3161 2.4.2): granted, or granted with changes, and then the token. */
function tokenOf(answer: Bytes): Bytes {
  try {
    const file = new DerReader(answer);
    const reader = file.enter("the answer");
    file.end("the answer");
    const status = reader.enter("status");
    const number = smallIntegerOf(status.read("status", derTag.integer));
    const words = wordsOf(status);
    if (number > 1)
      throw new ScansealError("peer-rejected", `the authority gives no stamp (status ${number}${words})`);
    const token = reader.read("token", derTag.sequence).whole;
    reader.end("the answer");
    return token;
  } catch (cause) {
    if (!(cause instanceof ScansealError) || cause.code !== "certificate-invalid") throw cause;
    throw new ScansealError("peer-protocol", `the authority's answer is none: ${cause.message}`, { cause });
  }
}

/** PKIFreeText, for people. */
function wordsOf(status: DerReader): string {
  const list = status.optional("status text", derTag.sequence);
  if (!list) return "";
  const first = readerOf(list).read("status text");
  const text = directoryTextOf(first)?.slice(0, wordsMax);
  return text === undefined ? "" : `: ${text}`;
}
