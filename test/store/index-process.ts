/** A process that admits and indexes without end until it is killed, and says on a line of its own what was admitted. */
import { fileURLToPath } from "node:url";
import { openSqliteIndexedJournal } from "../../src/store/index/indexed-journal.ts";
import type { IndexEntry } from "../../src/store/index/instance-index.ts";
import { packedJson, unpackedAttributes } from "../../src/store/index/packed-attributes.ts";
import { entryOf } from "./index-fixture.ts";
import { admitting, leaseMs, received } from "./journal-fixture.ts";

export const indexProcess: string = fileURLToPath(import.meta.url);

/** The entry of an admitted object, of the attributes that waited with it. */
export function entryFor(id: string, sopInstanceUid: string, digest: string, packed: Uint8Array): IndexEntry {
  const attributes = unpackedAttributes(packed);
  const text = (tag: string): string => String(attributes[tag]?.Value?.[0]);
  const uids = { studyInstanceUid: text("0020000D"), seriesInstanceUid: text("0020000E"), sopInstanceUid };
  return { ...entryOf({}), ...uids, objectId: id, digest, attributes };
}

async function run(path: string): Promise<void> {
  const { journal, index, queue } = await openSqliteIndexedJournal(path);
  for (let round = 0; ; round++) {
    await journal.addReceived(Array.from({ length: 5 }, () => received()));
    const leases = await journal.claimReceived("child", 5, leaseMs, Date.now());
    const admitted = leases.map(async ({ work, fence }, n) => {
      const { attributes } = entryOf({ study: round % 3, series: n });
      const toIndex = { attributes: packedJson(JSON.stringify(attributes)), payloadDigest: undefined };
      await journal.commitJudgement(work.id, fence, { ...admitting, toIndex }, []);
      process.stdout.write(`${work.id}\n`);
    });
    const waiting = await queue.waiting(4);
    await index.put(
      waiting.map(({ object, attributes }) =>
        entryFor(object.id, object.sopInstanceUid, object.digest, attributes!),
      ),
    );
    await queue.settled(waiting.map(({ object }) => object.id));
    await Promise.all(admitted);
  }
}

if (process.argv[1] === indexProcess) await run(process.argv[2]!);
