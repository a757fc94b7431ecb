/** What an archive returned to a reader and the reader did not get: into the spool and the journal like an object that arrived, to be held by the judge. */
import { metaBytesMax } from "../../dicom/limits.ts";
import { metaEndOf } from "../../dicom/meta-end.ts";
import { uidForm } from "../../dicom/uid.ts";
import { type Bytes, concatBytes, fromHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { ReceivedObject } from "../../store/journal/journal.ts";
import type { Reception } from "./object-receiver.ts";
import type { ReturnedObject } from "./reading/instance-reading.ts";
import { encodeHeader, receivedFrom } from "./spool-header.ts";

/** The head of a file, in which group 0002 ends. */
const headBytes = 128 + 4 + metaBytesMax + 16;
/** What one archive's answers may take up: one that answers otherwise each time it is asked must not fill the disk. */
const intake = { day: { bytes: 2 ** 38, objects: 100_000 } };
/** Of the spool: the rest is for what arrives. */
const spoolShare = 0.5;
const rememberedMax = 10_000;

/** The same bytes, asked for again and again, are held once. */
export class ReturnedObjects {
  readonly #reception: Reception;
  /** Archive, name and digest -> journal id; the longest known first. */
  readonly #held = new Map<string, Promise<string>>();

  constructor(reception: Reception) {
    this.#reception = reception;
  }

  /**
   * @returns its journal id, once it is durable
   * @throws ScansealError `storage-full`, also where the archive's answers have taken their room; `io`; `internal` when the staged bytes changed
   */
  async hold(returned: ReturnedObject): Promise<string> {
    const { archive, asked, staged } = returned;
    const key = [archive.name, asked.studyInstanceUid, asked.sopInstanceUid, staged.digest].join(" ");
    const known = this.#held.get(key);
    if (known && (await this.#isHeld(known))) return known;
    this.#requireRoom(returned);
    const holding = holdReturned(returned, this.#reception);
    this.#held.delete(key);
    this.#held.set(key, holding);
    if (this.#held.size > rememberedMax) {
      const [oldest = ""] = this.#held.keys();
      this.#held.delete(oldest);
    }
    return holding;
  }

  /** One that a person let go of, or deleted, is another matter when it comes again. */
  async #isHeld(known: Promise<string>): Promise<boolean> {
    try {
      const { journal } = this.#reception.ports;
      const id = await known;
      const object = await journal.object(id);
      // Its row follows what is durable already.
      return object === undefined || object.state === "received" || object.state === "held";
    } catch {
      return false;
    }
  }

  #requireRoom({ archive, staged }: ReturnedObject): void {
    const { intake: counted, ports } = this.#reception;
    const name = `returned by ${archive.name}`;
    const { bytes, bytesMax } = ports.spool.usage();
    if (counted.over({ name, intake }, staged.bytes, true) || bytes + staged.bytes > spoolShare * bytesMax)
      throw new ScansealError("storage-full", "what archives return has taken the room that it has");
    counted.begin(name);
    counted.add(name, staged.bytes);
  }
}

async function holdReturned(returned: ReturnedObject, reception: Reception): Promise<string> {
  const { ports, rows, traffic } = reception;
  const { staged } = returned;
  const writer = ports.spool.begin();
  try {
    const head: Bytes[] = [];
    let kept = 0;
    for await (const piece of staged.read()) {
      if (kept < headBytes) head.push(piece.slice(0, headBytes - kept));
      kept += piece.length;
      traffic.note(piece.length);
      await writer.write(piece);
    }
    // Of what is no Part 10 file nothing can be sent, not even to a reading place.
    const dataSetOffset = metaEndOf(concatBytes(head)) ?? staged.bytes;
    const object = rowOf(returned, { id: ports.newId(), receivedAt: ports.clock.now(), dataSetOffset });
    const location = await writer.commit(encodeHeader({ kind: "received", object }), fromHex(staged.digest));
    rows.add(receivedFrom(object, location));
    return object.id;
  } catch (error) {
    writer.discard();
    throw error;
  }
}

/** By the names that were asked for: what it says itself is a stranger's. */
function rowOf(
  { asked, staged, evidence, archive }: ReturnedObject,
  known: Pick<ReceivedObject, "id" | "receivedAt" | "dataSetOffset">,
): Omit<ReceivedObject, "location"> {
  const { format } = evidence;
  const uid = (text: string | undefined, otherwise: string): string =>
    text !== undefined && uidForm.test(text) ? text : otherwise;
  return {
    ...known,
    source: archive.name,
    peerTitle: "",
    peerAddress: "",
    sopClassUid: uid(format?.sopClassUid, ""),
    sopInstanceUid: uid(format?.sopInstanceUid, asked.sopInstanceUid),
    transferSyntaxUid: uid(format?.transferSyntaxUid, ""),
    seriesInstanceUid: asked.seriesInstanceUid,
    studyInstanceUid: asked.studyInstanceUid,
    bytes: staged.bytes,
    digest: staged.digest,
    arrival: {
      uidDiffers: false,
      returned: {
        tolerate: archive.tolerate,
        expectation: evidence.expectation ?? { instance: "same", seal: "not-admitted", isOlder: false },
      },
    },
  };
}
