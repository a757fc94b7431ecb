/** Instances (WADO-RS, PS3.18 10.4.1.1.1): whole Part 10 files, each verified for this answer; one that is withheld is never left out in silence. */
import { explicitLittleEndianUid, transferSyntaxOf } from "../../dicom/transfer-syntax.ts";
import { type Accepted, negotiate, type Offer } from "../../dicom-network/dicomweb/accept.ts";
import {
  multipartType,
  type OutgoingPart,
  writeMultipart,
} from "../../dicom-network/dicomweb/multipart-writer.ts";
import type { WebScope } from "../../dicom-network/dicomweb/resource.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { boundary } from "./boundary.ts";
import { urlOf, type WebAnswer, type WebRequest } from "./message.ts";
import type { Given, WebReading, Withheld } from "./ports.ts";
import { textAnswer } from "./send-answer.ts";

const dicom = "application/dicom";
const inParts: Offer = { type: dicom, isMultipart: true };
/** PS3.18 10.4.1.1.1: of one instance also without parts. */
const alone: Offer = { type: dicom, isMultipart: false };

export async function instances(
  scope: WebScope,
  reading: WebReading,
  request: WebRequest,
): Promise<WebAnswer> {
  const offers = scope.instance === undefined ? [inParts] : [inParts, alone];
  const accepted = negotiate(request.header("accept"), request.parameters.get("accept") ?? undefined, offers);
  if (!accepted) return textAnswer(406, 'Instances are multipart/related; type="application/dicom".');
  const { isNone, isUnlisted, instances: all } = await reading.read(scope);
  if (isNone && isUnlisted()) return archiveAway;
  const planned = new Planned(all);
  const first = isNone ? undefined : await planned.first();
  if (!first) {
    await planned.close();
    return planned.withheld ? withheldAnswer(planned.withheld) : nothingKnown;
  }
  if (!isAcceptable(first, accepted)) {
    first.done();
    await planned.close();
    return textAnswer(406, `It is kept in ${first.transferSyntaxUid}: ask for transfer-syntax=*.`);
  }
  if (!accepted.offer.isMultipart) return oneFile(first, () => planned.close());
  // PS3.18 table 10.4.3-1: what is known to be missing is told at once; what turns out so, by the notice among the parts.
  const isTold = isUnlisted();
  const status = planned.withheld === undefined && !isTold ? 200 : 206;
  const mark = boundary();
  return {
    status,
    headers: {
      "content-type": multipartType(dicom, mark),
      ...(isTold ? { warning: '299 scanseal "The archive could not be asked what else it has."' } : {}),
    },
    body: writeMultipart(parts(first, planned.rest(), accepted, urlOf(request.origin, scope)), mark),
    done: () => {
      first.done();
      void planned.close();
    },
  };
}

const nothingKnown: WebAnswer = textAnswer(404, "Nothing of that name is known here.");

export const archiveAway: WebAnswer = textAnswer(503, "The archive does not answer.", {
  "retry-after": "30",
});

export function withheldAnswer({ why, codes }: Withheld): WebAnswer {
  if (why === "missing")
    return textAnswer(
      404,
      "It was admitted once, and the archive has it no more. This was told to those who run the gate.",
    );
  if (why === "unavailable")
    return textAnswer(503, "The archive does not give it now.", { "retry-after": "30" });
  const reasons = codes.length === 0 ? "" : ` (${codes.join(", ")})`;
  return textAnswer(403, `Withheld: it does not pass the checks for this reader${reasons}.`);
}

/** Reads of one request, the first one that is given ahead of the answer's status. */
class Planned {
  readonly #reads: AsyncIterator<Given | Withheld>;
  /** The first one. */
  withheld: Withheld | undefined;
  #isNoticed = false;

  constructor(reads: AsyncIterable<Given | Withheld>) {
    this.#reads = reads[Symbol.asyncIterator]();
  }

  async first(): Promise<Given | undefined> {
    for (;;) {
      const { value, done } = await this.#reads.next();
      if (done === true) return undefined;
      if (value.kind === "given") {
        this.#isNoticed ||= value.basis === "notice";
        return value;
      }
      this.withheld ??= value;
    }
  }

  /**
   * After the first one. That the archive could not be asked what else it has turns out too late for the status: whoever has all that was admitted
   * is not kept from it, and the gate's people are told.
   * @throws ScansealError `usage` at the end, where something was withheld, and nothing in the answer says so
   */
  async *rest(): AsyncGenerator<Given> {
    for (;;) {
      const next = await this.first();
      if (!next) break;
      yield next;
    }
    if (this.withheld && !this.#isNoticed)
      throw new ScansealError("usage", "instances were withheld: the answer ends unfinished");
  }

  async close(): Promise<void> {
    await this.#reads.return?.();
  }
}

export function oneFile(given: Given, close: () => Promise<void>): WebAnswer {
  return {
    status: 200,
    headers: {
      "content-type": mediaTypeOf(given),
      "content-length": `${given.length}`,
      "scanseal-verdict": given.basis,
    },
    body: given.bytes(),
    done: () => {
      given.done();
      void close();
    },
  };
}

async function* parts(
  first: Given,
  rest: AsyncIterable<Given>,
  accepted: Accepted<Offer>,
  url: string,
): AsyncGenerator<OutgoingPart> {
  const part = (given: Given): OutgoingPart => ({
    contentType: mediaTypeOf(given),
    headers: { "Content-Location": url, "Scanseal-Verdict": given.basis },
    body: given.bytes(),
  });
  yield part(first);
  first.done();
  for await (const given of rest) {
    try {
      if (!isAcceptable(given, accepted))
        throw new ScansealError("usage", "an instance is kept in a transfer syntax that was not asked for");
      yield part(given);
    } finally {
      given.done();
    }
  }
}

function mediaTypeOf({ transferSyntaxUid }: Given): string {
  return `${dicom}; transfer-syntax=${transferSyntaxUid}`;
}

/** Whoever reads explicit little endian reads every native encoding of a Part 10 file; nothing is encoded anew on its way out. */
function isAcceptable({ transferSyntaxUid }: Given, { transferSyntaxes }: Accepted<Offer>): boolean {
  if (transferSyntaxes === "any" || transferSyntaxes.includes(transferSyntaxUid)) return true;
  const isNative = transferSyntaxOf(transferSyntaxUid)?.encapsulated === false;
  return isNative && transferSyntaxes.includes(explicitLittleEndianUid);
}
