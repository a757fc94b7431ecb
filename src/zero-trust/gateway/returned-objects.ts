/** What an archive returned to a reader and the reader did not get: into the spool and the journal like an object that arrived, to be held by the judge. */
import { metaBytesMax } from "../../dicom/limits.ts";
import { metaEndOf } from "../../dicom/meta-end.ts";
import { uidForm } from "../../dicom/uid.ts";
import { type Bytes, concatBytes, fromHex } from "../../foundation/bytes.ts";
import type { ReceivedObject } from "../../store/journal/journal.ts";
import type { Reception } from "./object-receiver.ts";
import type { ReturnedObject } from "./reading/instance-reading.ts";
import { encodeHeader, receivedFrom } from "./spool-header.ts";

/** The head of a file, in which group 0002 ends. */
const headBytes = 128 + 4 + metaBytesMax + 16;

/** @returns its journal id, once it is durable @throws ScansealError `storage-full`, `io`; `internal` when the staged bytes changed */
export async function holdReturned(returned: ReturnedObject, reception: Reception): Promise<string> {
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
