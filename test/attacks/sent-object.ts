/** Objects as they go over the network: what the command says, in which transfer syntax, and the data set's bytes, however broken. */

import { plainTextOf } from "../../src/dicom/elements.ts";
import { encodeMeta } from "../../src/dicom/encode.ts";
import type { JsonDataSet } from "../../src/dicom/json/json-model.ts";
import { tolerableCodes } from "../../src/dicom/read.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid, transferSyntaxOf } from "../../src/dicom/transfer-syntax.ts";
import { failureReason } from "../../src/dicom-network/dicomweb/store-response.ts";
import { connectDimse, type StoredInstance } from "../../src/dicom-network/dimse/client.ts";
import { type Bytes, concatBytes, fromLatin1, latin1 } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { parse } from "../evaluation/fixture.ts";
import { gateTitle } from "../gateway/gate.ts";
import { askWeb, multipartOf, multipartType } from "../gateway/web-request.ts";

export interface SentObject extends StoredInstance {
  readonly dataSet: Bytes;
}

/** A status, or the sender did not get to send it: nobody takes that transfer syntax. */
export type Answer = number | "no context";

/** For files that say who they are. */
export const nobody: StoredInstance = {
  sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
  sopInstanceUid: "2.25.1",
  transferSyntaxUid: explicitLittleEndianUid,
};

interface Head {
  readonly end: number;
  readonly texts: ReadonlyMap<number, string>;
}

const longForms = ["OB", "UN", "OW", "SQ", "UT"];

/** The file meta information as far as it can be made out; whatever is behind it is the data set. */
function looseHead(file: Bytes): Head {
  const texts = new Map<number, string>();
  if (latin1(file.subarray(128, 132)) !== "DICM") return { end: 0, texts };
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  let at = 132;
  while (at + 8 <= file.length && view.getUint16(at, true) === 2) {
    const isLong = longForms.includes(latin1(file.subarray(at + 4, at + 6)));
    const length = isLong ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true);
    const start = at + (isLong ? 12 : 8);
    const element = view.getUint16(at + 2, true);
    const text = latin1(file.subarray(start, start + length)).replace(/[\0 ]+$/, "");
    if (!texts.has(element)) texts.set(element, text);
    at = start + length;
  }
  return { end: at, texts };
}

const isUid = (text: string | undefined): text is string =>
  text !== undefined && text.length <= 64 && /^\d+(\.\d+)*$/.test(text);

/** A file as a sender would send it who looks at nothing: the command follows the data set, or else the file's head, or else `otherwise`. */
export async function asSent(file: Bytes, otherwise: StoredInstance): Promise<SentObject> {
  const { end, texts } = looseHead(file);
  const elements = await parse(file, [...tolerableCodes]).then(
    (object) => object.elements,
    () => [],
  );
  const named = (tag: number, inHead: number): string | undefined =>
    [plainTextOf(elements, tag), texts.get(inHead)].find(isUid);
  const syntax = texts.get(0x0010);
  return {
    sopClassUid: named(tags.sopClassUid, 0x0002) ?? otherwise.sopClassUid,
    sopInstanceUid: named(tags.sopInstanceUid, 0x0003) ?? otherwise.sopInstanceUid,
    transferSyntaxUid: syntax !== undefined && transferSyntaxOf(syntax) ? syntax : explicitLittleEndianUid,
    dataSet: file.subarray(end),
  };
}

/** Each in a request of its own. */
export async function postObjects(port: number, objects: readonly SentObject[]): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const object of objects) {
    const { body } = await askWeb(
      {
        ...{ port, path: "/dicom-web/studies", method: "POST" },
        headers: { "content-type": multipartType, accept: "application/dicom+json" },
      },
      multipartOf([fileOf(object)]),
    );
    const [answer] = [JSON.parse(Buffer.from(body).toString("utf8")) as JsonDataSet];
    const failed = answer!["00081198"]?.Value?.[0] as JsonDataSet | undefined;
    const reason = failed?.["00081197"]?.Value?.[0];
    if (reason === failureReason.transferSyntaxNotSupported) answers.push("no context");
    else answers.push(typeof reason === "number" ? reason : 0);
  }
  return answers;
}

/** Its file meta information says what a command would. */
function fileOf({ sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet }: SentObject): Bytes {
  return concatBytes([
    encodeMeta(fromLatin1(sopClassUid), fromLatin1(sopInstanceUid), transferSyntaxUid),
    dataSet,
  ]);
}

/** PS3.8 9.3.2.2: context ids are odd and below 256. */
const contextsMax = 128;

/** All over one association. */
export async function sendObjects(
  port: number,
  objects: readonly SentObject[],
  callingAeTitle = "CT1",
): Promise<readonly Answer[]> {
  const pairs = new Map(objects.map((one) => [`${one.sopClassUid} ${one.transferSyntaxUid}`, one]));
  if (pairs.size > contextsMax) throw new Error("more contexts than an association has");
  const client = await connectDimse({
    host: "127.0.0.1",
    port,
    callingAeTitle,
    calledAeTitle: gateTitle,
    contexts: [...pairs.values()].map(({ sopClassUid, transferSyntaxUid }, i) => ({
      id: 2 * i + 1,
      abstractSyntax: sopClassUid,
      transferSyntaxes: [transferSyntaxUid],
    })),
  });
  const answers: Answer[] = [];
  for (const { dataSet, ...instance } of objects) {
    try {
      answers.push((await client.store(instance, pieces(dataSet))).code);
    } catch (error) {
      if (!(error instanceof ScansealError) || error.code !== "peer-rejected") throw error;
      answers.push("no context");
    }
  }
  await client.release();
  return answers;
}

async function* pieces(bytes: Bytes): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
}
