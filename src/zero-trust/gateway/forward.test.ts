import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Bytes, concatBytes, fromHex, toHex } from "../../foundation/bytes.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import { openFolderObjectStore } from "../../store/objects/folder-object-store.ts";
import type { ObjectStore } from "../../store/objects/object-store.ts";
import { openSegmentSpool } from "../../store/spool/segment-spool.ts";
import type { Spool } from "../../store/spool/spool.ts";
import { type Admitted, readmit } from "../policy/admitted.ts";
import type { ArchiveLink } from "./archive-link.ts";
import { type Forwarded, forward } from "./forward.ts";
import { storeCopy } from "./object-copy.ts";

let folder: string;
let spool: Spool;
let objects: ObjectStore;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-forward-"));
  objects = await openFolderObjectStore(join(folder, "objects"));
  spool = await openSegmentSpool(join(folder, "spool"), { bytesMax: 16 << 20 });
  for await (const _ of spool.recover());
});
afterEach(async () => {
  await spool.close();
  rmSync(folder, { recursive: true, force: true });
});

const head = 300;

/** An admitted object in the spool. */
async function keep(content: Bytes): Promise<Admitted<JudgedObject>> {
  const writer = spool.begin();
  await writer.write(content);
  const digest = nodeCrypto.hash("SHA-256", content);
  const location = await writer.commit(Uint8Array.of(0x7b, 0x7d), digest);
  const object = {
    verdict: "verified",
    disposition: "delivered",
    basis: "verified",
    bytes: content.length,
    digest: toHex(digest),
    dataSetOffset: head,
    location,
    stored: false,
  } as unknown as JudgedObject;
  return readmit(object, object)!;
}

/** Takes the data set as a peer would: it is complete only when the association is not aborted. */
async function deliver(admitted: Admitted<JudgedObject>): Promise<{
  readonly forwarded: Forwarded;
  readonly sent: Bytes;
  readonly isComplete: boolean;
}> {
  const pieces: Bytes[] = [];
  let isComplete = false;
  const link: ArchiveLink = {
    isOpen: true,
    answerTo: () => "taken",
    store: async (_, dataSet) => {
      for await (const piece of dataSet) pieces.push(piece.slice());
      isComplete = true;
      return { code: 0 };
    },
    release: async () => undefined,
    abort: () => {
      isComplete = false;
    },
  };
  const forwarded = await forward(admitted, link, { crypto: nodeCrypto, objects, spool });
  return { forwarded, sent: concatBytes(pieces), isComplete };
}

function content(length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255);
}

/** 1 MiB is the size of the pieces that are read. */
it.each([301, 5_000, (1 << 20) + 1, 3 << 20])(
  "sends exactly the data set of a file of %i bytes",
  async (length) => {
    const bytes = content(length);
    const { forwarded, sent, isComplete } = await deliver(await keep(bytes));
    expect(forwarded).toEqual({ result: "answered", status: { code: 0 } });
    expect(isComplete).toBe(true);
    expect(Buffer.compare(sent, bytes.subarray(head))).toBe(0);
  },
);

it("sends the same from the object store", async () => {
  const bytes = content(100_000);
  const { object } = await keep(bytes);
  await storeCopy(object, { objects, spool });
  await spool.release(object.location!);
  const stored: JudgedObject = { ...object, stored: true, location: undefined };
  const { sent, isComplete } = await deliver(readmit(stored, stored)!);
  expect(isComplete).toBe(true);
  expect(Buffer.compare(sent, bytes.subarray(head))).toBe(0);
});

it("scenario 47: with one byte changed in the spool no archive completes the object", async () => {
  for (const length of [2_000, (2 << 20) + 77]) {
    const bytes = content(length);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: length - 1 }), async (at) => {
        const admitted = await keep(bytes);
        changeByte(admitted.object, at);
        const { forwarded, sent, isComplete } = await deliver(admitted);
        await spool.release(admitted.object.location!);
        expect(forwarded).toEqual({ result: "bytes-changed" });
        expect(isComplete).toBe(false);
        expect(sent.length).toBeLessThan(length - head);
      }),
      { numRuns: 25 },
    );
  }
});

it("a digest or a size that is not the file's sends nothing to its end", async () => {
  const { object } = await keep(content(5_000));
  const digest = fromHex(object.digest);
  digest[0]! ^= 1;
  for (const other of [{ digest: toHex(digest) }, { bytes: 4_999 }, { bytes: 5_001 }]) {
    const lying: JudgedObject = { ...object, ...other };
    const { forwarded, isComplete } = await deliver(readmit(lying, lying)!);
    expect(forwarded).toEqual({ result: "bytes-changed" });
    expect(isComplete).toBe(false);
  }
});

it("an object of which no copy is kept is an error", async () => {
  const { object } = await keep(content(5_000));
  const nowhere: JudgedObject = { ...object, location: undefined };
  await expect(deliver(readmit(nowhere, nowhere)!)).rejects.toMatchObject({ code: "io" });
});

/** Behind the gateway's back, in the segment file. */
function changeByte(object: JudgedObject, at: number): void {
  let before = 0;
  for (const { path, offset, length } of spool.files(object.location!)) {
    if (at < before + length) {
      const file = readFileSync(path);
      file[offset + at - before]! ^= 1;
      writeFileSync(path, file);
      return;
    }
    before += length;
  }
}
