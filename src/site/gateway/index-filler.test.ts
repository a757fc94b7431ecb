import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { admitting, judged, received } from "../../../test/store/journal-fixture.ts";
import { encodePart10, textElement } from "../../dicom/encode.ts";
import { readDicom } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { logWords } from "../../operations/log-words.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { type IndexedJournal, openSqliteIndexedJournal } from "../../store/index/indexed-journal.ts";
import type { IndexedInstance } from "../../store/index/instance-index.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import { packedAttributesOf } from "./index-attributes.ts";
import { type FillerParts, fillIndex, IndexFiller } from "./index-filler.ts";

const classElement = textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.2");

function fileOf(uid: string): Bytes {
  const elements = [
    classElement,
    textElement(tags.sopInstanceUid, "UI", uid),
    textElement(tags.patientName, "PN", "Doe^Jane"),
    textElement(tags.studyInstanceUid, "UI", "2.25.10"),
    textElement(tags.seriesInstanceUid, "UI", "2.25.20"),
  ];
  return encodePart10(elements, explicitLittleEndianUid);
}

describe("filling the index", () => {
  let folder: string;
  let stores: IndexedJournal;
  /** By digest: what the object store keeps. */
  let kept: Map<string, Bytes>;
  let parts: FillerParts;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "scanseal-filler-"));
    stores = await openSqliteIndexedJournal(join(folder, "journal.sqlite"));
    kept = new Map();
    parts = {
      ...stores,
      openKept: async ({ digest }: JudgedObject) => {
        const bytes = kept.get(digest);
        return bytes && Object.assign(new MemorySource(bytes), { close: async () => undefined });
      },
    };
  });
  afterEach(async () => {
    await stores.journal.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** @param read whether the examiner read its attributes */
  async function admit(bytes: Bytes, uid: string, read: boolean): Promise<JudgedObject> {
    const digest = toHex(nodeCrypto.hash("SHA-256", bytes));
    kept.set(digest, bytes);
    const object = received({ sopInstanceUid: uid, digest });
    const attributes = read ? packedAttributesOf(await readDicom(new MemorySource(bytes))) : undefined;
    await judged(stores.journal, object, { ...admitting, toIndex: { attributes, payloadDigest: "ab" } });
    return (await stores.journal.object(object.id))!;
  }

  async function indexed(): Promise<IndexedInstance[]> {
    const out: IndexedInstance[] = [];
    for await (const one of stores.index.instancesOf({ studyInstanceUid: "2.25.10" })) out.push(one);
    return out;
  }

  it("puts there what was read, or reads it of the kept bytes, and says what the journal says of it", async () => {
    const one = await admit(fileOf("2.25.1"), "2.25.1", true);
    const two = await admit(fileOf("2.25.2"), "2.25.2", false);
    expect(await fillIndex(parts)).toEqual({ indexed: 2, failed: 0 });
    const found = await indexed();
    expect(found.map(({ objectId }) => objectId)).toEqual([one.id, two.id]);
    expect(found[0]).toMatchObject({
      digest: one.digest,
      payloadDigest: "ab",
      verdict: "verified",
      basis: "verified",
      assurance: "in-device",
      admittedAt: admitting.judgedAt,
    });
    expect(await stores.queue.counts()).toEqual({ waiting: 0, problems: {} });
  });

  it("tells what is missing, why, and goes on with the others", async () => {
    const gone = await admit(fileOf("2.25.1"), "2.25.1", false);
    const changed = await admit(fileOf("2.25.2"), "2.25.2", false);
    kept.delete(gone.digest);
    kept.set(changed.digest, fileOf("2.25.3"));
    await admit(fileOf("2.25.4"), "2.25.5", true);
    const good = await admit(fileOf("2.25.7"), "2.25.7", true);
    // No study, no series.
    const bare = encodePart10(
      [classElement, textElement(tags.sopInstanceUid, "UI", "2.25.8")],
      explicitLittleEndianUid,
    );
    await admit(bare, "2.25.8", true);
    expect(await fillIndex(parts)).toEqual({ indexed: 1, failed: 4 });
    expect((await indexed()).map(({ objectId }) => objectId)).toEqual([good.id]);
    expect(await stores.queue.counts()).toEqual({
      waiting: 0,
      problems: {
        "its bytes are kept no longer: only an archive has them": 1,
        "its kept bytes cannot be read": 1,
        "its data set does not name its instance, series and study": 2,
      },
    });
    // The archive's copy came back, say.
    kept.set(gone.digest, fileOf("2.25.1"));
    await stores.queue.retry();
    expect(await fillIndex(parts)).toMatchObject({ indexed: 1 });
  });

  it("one that cannot be kept does not keep the others out", async () => {
    await admit(fileOf("2.25.1"), "2.25.1", true);
    await admit(fileOf("2.25.2"), "2.25.2", true);
    const put: FillerParts["index"]["put"] = async (entries) => {
      if (entries.some(({ sopInstanceUid }) => sopInstanceUid === "2.25.2"))
        throw new ScansealError("usage", "study instance UID is longer than 256 characters");
      return stores.index.put(entries);
    };
    expect(await fillIndex({ ...parts, index: { put } })).toEqual({ indexed: 1, failed: 1 });
    expect(await stores.queue.counts()).toMatchObject({
      problems: { "it has values that the index cannot keep": 1 },
    });
  });

  it("between the index and the end of waiting a crash repeats what changes nothing", async () => {
    await admit(fileOf("2.25.1"), "2.25.1", true);
    const queue = {
      waiting: (limit: number) => stores.queue.waiting(limit),
      settled: async () => Promise.reject(new ScansealError("io", "the process ended")),
    };
    await expect(
      fillIndex({ ...parts, queue: { ...stores.queue, ...queue } as FillerParts["queue"] }),
    ).rejects.toThrow("the process ended");
    expect(await indexed()).toHaveLength(1);
    expect((await stores.queue.counts()).waiting).toBe(1);
    expect(await fillIndex(parts)).toEqual({ indexed: 1, failed: 0 });
    expect(await stores.index.counts()).toMatchObject({ instances: 1, differingFromStudy: 0 });
  });

  it("tells that something is missing, without a word of what it is", async () => {
    const gone = await admit(fileOf("2.25.1"), "2.25.1", false);
    kept.delete(gone.digest);
    const told = Promise.withResolvers<GatewayEvent>();
    const filler = new IndexFiller(parts, told.resolve);
    filler.start();
    const event = await told.promise;
    await filler.stop();
    const why = "1 object is missing from the index; scanseal index status says why";
    expect(event).toEqual({ kind: "fault", where: "index", code: "unsupported", why });
    for (const word of why.match(/[a-z]+/g)!) expect(logWords.has(word), word).toBe(true);
  });

  it("finds at its start what was admitted without an index, tells a fault once, and goes on when it is over", async () => {
    const bytes = fileOf("2.25.1");
    const object = received({ sopInstanceUid: "2.25.1", digest: toHex(nodeCrypto.hash("SHA-256", bytes)) });
    kept.set(object.digest, bytes);
    await judged(stores.journal, object, admitting);
    const events: GatewayEvent[] = [];
    let fails = 2;
    const there = Promise.withResolvers<void>();
    const put: FillerParts["index"]["put"] = async (entries) => {
      if (fails-- > 0) throw new ScansealError("io", "the journal's database failed");
      const told = await stores.index.put(entries);
      there.resolve();
      return told;
    };
    const filler = new IndexFiller({ ...parts, index: { put } }, (event) => {
      events.push(event);
    });
    filler.start();
    const waking = setInterval(() => filler.wake(), 10);
    await there.promise;
    clearInterval(waking);
    await filler.stop();
    expect(await indexed()).toHaveLength(1);
    expect(events).toEqual([
      { kind: "fault", where: "index", code: "io", why: "the journal's database failed" },
    ]);
  });
});
