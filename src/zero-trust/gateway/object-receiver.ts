/**
 * Takes one arriving object: spooled, hashed and parsed in one pass, chunk by chunk, all synchronous but for back-pressure. It is acknowledged
 * only when it is durable. Over a resource limit it is refused; a grammar violation ends the parsing only, and the object is kept whole, to be
 * held as malformed (DESIGN 5).
 */

import { nameTextOf } from "../../dicom/elements.ts";
import { encodeMeta } from "../../dicom/encode.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { PushReader } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import { uidForm } from "../../dicom/uid.ts";
import { DimseRefusal, type DimseStatus, type StoreReceiver } from "../../dicom-network/dimse/service.ts";
import type { ByteSource } from "../../foundation/byte-source.ts";
import { type Bytes, fromLatin1, toHex } from "../../foundation/bytes.ts";
import type { Hash } from "../../foundation/crypto.ts";
import { isLimit, ScansealError } from "../../foundation/errors.ts";
import type { ReceivedObject } from "../../store/journal/journal.ts";
import type { SpoolWriter } from "../../store/spool/spool.ts";
import { told } from "./fault-words.ts";
import type { Intake } from "./intake.ts";
import type { Occupancy } from "./occupancy.ts";
import type { GatewayPorts } from "./ports.ts";
import type { RefusalRecords } from "./refusal-records.ts";
import type { RowWriter } from "./row-writer.ts";
import type { GatewayLimits, SourceSettings } from "./settings.ts";
import { encodeHeader, receivedFrom } from "./spool-header.ts";
import { tolerableOnArrival } from "./tolerable.ts";
import type { Traffic } from "./traffic.ts";

/** PS3.4 table B.2-1 and PS3.7 annex C.5. */
export const storeStatus = {
  success: 0x0000,
  processingFailure: 0x0110,
  outOfResources: 0xa700,
  cannotUnderstand: 0xc000,
} as const;

/** What receivers share. */
export interface Reception {
  readonly ports: GatewayPorts;
  readonly occupancy: Occupancy;
  readonly intake: Intake;
  readonly rows: RowWriter;
  readonly refusals: RefusalRecords;
  readonly inflating: InflatingSlots;
  readonly traffic: Traffic;
}

/** An inflated data set is held in memory while it is parsed, up to 192 MiB: so only a few at once, the rest is parsed by the examiner alone. */
export class InflatingSlots {
  #free = 2;

  take(): boolean {
    if (this.#free === 0) return false;
    this.#free--;
    return true;
  }

  give(): void {
    this.#free++;
  }
}

/** What the arriving data set says of itself, as far as it could be read. */
type ArrivedFacts = Pick<ReceivedObject, "seriesInstanceUid" | "studyInstanceUid" | "modality" | "arrival">;

const nothingRead: ArrivedFacts = { arrival: { uidDiffers: false } };

/** How the protocol names what arrives: syntactically UIDs, not yet compared with the data set. */
export interface ArrivingName {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

export interface Arrival {
  readonly named: ArrivingName;
  /** Who sends: a label, and a numeric address. */
  readonly peer: { readonly title: string; readonly address: string };
  readonly source: SourceSettings;
  readonly limits: GatewayLimits;
  /** The data set is deflated. */
  readonly isDeflated: boolean;
  /** It must be of this study: the address it was stored to says so. */
  readonly studyInstanceUid?: string | undefined;
}

export class ObjectReceiver implements StoreReceiver {
  readonly #reception: Reception;
  readonly #arrival: Arrival;
  readonly #startedAt: number;
  readonly #writer: SpoolWriter;
  readonly #hash: Hash;
  readonly #dataSetOffset: number;
  #parser: PushReader | undefined;
  #holdsSlot = false;
  #bytes = 0;
  #isEnding = false;
  #isOver = false;

  /** @throws ScansealError `storage-full`, `io`: there is no room */
  constructor(arrival: Arrival, reception: Reception) {
    const { named, isDeflated } = arrival;
    const { ports, inflating } = reception;
    this.#reception = reception;
    this.#arrival = arrival;
    this.#startedAt = ports.clock.now();
    this.#hash = ports.crypto.createHash("SHA-256");
    this.#writer = ports.spool.begin();
    const meta = encodeMeta(
      fromLatin1(named.sopClassUid),
      fromLatin1(named.sopInstanceUid),
      named.transferSyntaxUid,
    );
    this.#dataSetOffset = meta.length;
    // Some hundred bytes: there is room without waiting. A failure shows again at the next write.
    this.#writer.write(meta)?.catch(() => undefined);
    this.#holdsSlot = isDeflated && inflating.take();
    // All that may be tolerated is: this parser finds limits and names, the verdict is the examiner's.
    if (!isDeflated || this.#holdsSlot) this.#parser = new PushReader({ tolerate: tolerableOnArrival });
    this.#take(meta);
  }

  write(bytes: Bytes): void | Promise<void> {
    const { limits, source } = this.#arrival;
    const { occupancy, intake, ports } = this.#reception;
    if (this.#bytes + bytes.length > limits.objectBytesMax)
      this.#refuse(storeStatus.outOfResources, "object-bytes", "the object is too large");
    if (ports.clock.now() - this.#startedAt > limits.objectMs)
      this.#refuse(storeStatus.outOfResources, "object-time", "the object took too long");
    if (occupancy.bytesOf(source.name) + bytes.length > source.quotaBytes)
      this.#refuse(storeStatus.outOfResources, "quota", "too much is waiting to be checked");
    const over = intake.over(source, bytes.length, false);
    if (over) this.#refuse(storeStatus.outOfResources, over.why, "quota used up");
    intake.add(source.name, bytes.length);
    this.#take(bytes);
    try {
      return this.#writer.write(bytes)?.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(bytes: Bytes): void {
    this.#bytes += bytes.length;
    this.#reception.occupancy.addBytes(this.#arrival.source.name, bytes.length);
    this.#reception.traffic.note(bytes.length);
    this.#hash.update(bytes);
    try {
      this.#parser?.push(bytes);
    } catch (error) {
      this.#stopParsing(error);
    }
  }

  /** A limit refuses the object; a grammar violation, or what our parser stumbles over, is the examiner's to tell. */
  #stopParsing(error: unknown): void {
    this.#endParsing();
    const { code, why } = told(error);
    if (error instanceof ScansealError && isLimit(error.code))
      this.#refuse(storeStatus.cannotUnderstand, code, "over a limit");
    if (!(error instanceof ScansealError))
      this.#reception.ports.events({ kind: "fault", where: "receiver", code, why });
  }

  #endParsing(): void {
    this.#parser = undefined;
    if (this.#holdsSlot) this.#reception.inflating.give();
    this.#holdsSlot = false;
  }

  async end(): Promise<DimseStatus> {
    this.#isEnding = true;
    const { named, peer, source } = this.#arrival;
    const { ports, occupancy, refusals, rows } = this.#reception;
    const facts = this.#facts();
    const { studyInstanceUid } = this.#arrival;
    if (studyInstanceUid !== undefined && facts.studyInstanceUid !== studyInstanceUid)
      this.#refuse(0xa900, "uid-mismatch", "another study than the address names");
    const digest = this.#hash.digest();
    const receivedAt = ports.clock.now();
    const object: Omit<ReceivedObject, "location"> = {
      id: ports.newId(),
      receivedAt,
      source: source.name,
      peerTitle: peer.title,
      peerAddress: peer.address,
      sopClassUid: named.sopClassUid,
      sopInstanceUid: named.sopInstanceUid,
      transferSyntaxUid: named.transferSyntaxUid,
      ...facts,
      bytes: this.#bytes,
      digest: toHex(digest),
      dataSetOffset: this.#dataSetOffset,
    };
    const header = encodeHeader({ kind: "received", object });
    const location = await this.#writer.commit(header, digest).catch((error: unknown) => this.#fail(error));
    this.#isOver = true;
    refusals.stored();
    occupancy.await(object.id, source.name, object.bytes);
    rows.add(receivedFrom(object, location));
    this.#tell(object);
    return { code: storeStatus.success };
  }

  /** After the response has left: the sender waits for that one. */
  #tell({ id, bytes }: Pick<ReceivedObject, "id" | "bytes">): void {
    const { events, clock } = this.#reception.ports;
    const ms = clock.now() - this.#startedAt;
    const source = this.#arrival.source.name;
    setImmediate(() => events({ kind: "object-acknowledged", object: id, source, bytes, ms }));
  }

  #facts(): ArrivedFacts {
    const parser = this.#parser;
    if (!parser) return nothingRead;
    try {
      return factsOf(parser.finish(arrivedSource(this.#bytes)), this.#arrival.named);
    } catch (error) {
      this.#stopParsing(error);
      return nothingRead;
    } finally {
      this.#endParsing();
    }
  }

  cancel(): void {
    // All of it has arrived: it may be durable already.
    if (!this.#isEnding) this.#forget();
  }

  /** Nothing of it stays. */
  #forget(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#writer.discard();
    this.#endParsing();
    this.#reception.occupancy.addBytes(this.#arrival.source.name, -this.#bytes);
  }

  /** @throws DimseRefusal */
  #refuse(status: number, why: string, comment: string): never {
    const bytes = this.#bytes;
    this.#forget();
    this.#reception.refusals.note({ source: this.#arrival.source.name, status, why, bytes });
    throw new DimseRefusal({ code: status, comment });
  }

  /** The spool could not take it. @throws DimseRefusal; what is no error of storage is passed on */
  #fail(error: unknown): never {
    const code = error instanceof ScansealError ? error.code : "internal";
    if (code === "storage-full") this.#refuse(storeStatus.outOfResources, code, "no room");
    if (code === "io") this.#refuse(storeStatus.processingFailure, code, "storage failed");
    this.#forget();
    throw error;
  }
}

/** The parser wants to know how much there was; it reads nothing. */
function arrivedSource(size: number): ByteSource {
  return { size, read: () => Promise.reject(new ScansealError("internal", "only the size is known")) };
}

/** Of what a hostile data set may say, only what has this form, or that of a UID, goes into the journal. */
const codeForm = /^[A-Z0-9_ ]{1,16}$/;

function factsOf({ elements }: DicomObject, named: ArrivingName): ArrivedFacts {
  const formed = (tag: number, form: RegExp): string | undefined => {
    const text = nameTextOf(elements, tag);
    return text !== undefined && form.test(text) ? text : undefined;
  };
  return {
    seriesInstanceUid: formed(tags.seriesInstanceUid, uidForm),
    studyInstanceUid: formed(tags.studyInstanceUid, uidForm),
    modality: formed(tags.modality, codeForm),
    arrival: {
      uidDiffers:
        nameTextOf(elements, tags.sopInstanceUid) !== named.sopInstanceUid ||
        nameTextOf(elements, tags.sopClassUid) !== named.sopClassUid,
    },
  };
}
