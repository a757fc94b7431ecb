/** What it costs to have an arriving object on the disk before it is acknowledged. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSegmentSpool } from "../src/store/spool/segment-spool.ts";
import type { Spool } from "../src/store/spool/spool.ts";
import { type Benchmark, type Candidate, compare, type Measured } from "./compare.ts";

/** A CT slice, as it arrives: in PDUs of 128 KiB. */
const recordBytes = 530_000;
const pieceBytes: number = 128 << 10;
const records = 120;
const rounds = 9;

const content: Uint8Array = new Uint8Array(recordBytes).map((_, i) => (i * 2_654_435_761) >>> 24);
const digest: Uint8Array = createHash("sha256").update(content).digest();
const header: Uint8Array = Buffer.from(JSON.stringify({ source: "ct-1", sopInstanceUid: "2.25.1" }));

function* pieces(): Generator<Uint8Array> {
  for (let at = 0; at < recordBytes; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
}

/** `records` in all, `writers` of them at a time. */
async function shared(writers: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < records) await one(next++);
  };
  await Promise.all(Array.from({ length: writers }, worker));
}

async function intoSpool(spool: Spool): Promise<void> {
  const writer = spool.begin();
  for (const piece of pieces()) {
    const patience = writer.write(piece);
    if (patience) await patience;
    // As on a network: other sockets have their turn between two PDUs.
    await turn();
  }
  await spool.release(await writer.commit(header, digest));
}

async function durableFile(folder: string, index: number): Promise<void> {
  const path = join(folder, String(index));
  const file = await open(`${path}.new`, "w", 0o600);
  for (const piece of pieces()) {
    await file.write(piece);
    await turn();
  }
  await file.datasync();
  await file.close();
  await rename(`${path}.new`, path);
  const parent = await open(folder);
  await parent.sync();
  await parent.close();
  await rm(path);
}

async function plainFile(folder: string, index: number): Promise<void> {
  const path = join(folder, String(index));
  const file = await open(path, "w", 0o600);
  for (const piece of pieces()) {
    await file.write(piece);
    await turn();
  }
  await file.close();
  await rm(path);
}

const copy: Uint8Array = Buffer.allocUnsafeSlow(recordBytes);

async function copied(): Promise<void> {
  let at = 0;
  for (const piece of pieces()) {
    copy.set(piece, at);
    at += piece.length;
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The table has no column for it: the name says what the main thread spent. */
class MainThread {
  #milliseconds = 0;
  #calls = 0;

  async measure(run: () => Promise<void>): Promise<void> {
    const before = process.threadCpuUsage();
    await run();
    const { user, system } = process.threadCpuUsage(before);
    this.#milliseconds += (user + system) / 1000;
    this.#calls++;
  }

  get perMegabyte(): string {
    return (this.#milliseconds / this.#calls / ((records * recordBytes) / 1e6)).toFixed(2);
  }
}

export const spool: Benchmark = {
  name: "spool",
  about: `${records} records of 0.53 MB, in pieces of 128 KiB, each durable before the next of its writer. CPU is the main thread's, in ms/MB.`,
  async measure(): Promise<readonly Measured[]> {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-spool-"));
    const segments = await openSegmentSpool(join(folder, "spool"), { bytesMax: 1 << 30 });
    const files = join(folder, "files");
    await mkdir(files);
    try {
      const kinds: [string, number, (index: number) => Promise<void>][] = [];
      for (const writers of [1, 4]) {
        kinds.push(
          ["a file each, fdatasync, rename, folder fsync", writers, (i) => durableFile(files, i)],
          ["spool", writers, () => intoSpool(segments)],
          ["plain files, nothing durable", writers, (i) => plainFile(files, i)],
        );
      }
      kinds.push(["copied in memory, nothing written", 1, copied]);
      const threads = kinds.map(() => new MainThread());
      const candidates = kinds.map(
        ([name, writers, one], i): Candidate => ({
          name: `${name}, ${writers} at a time`,
          bytes: records * recordBytes,
          run: () => threads[i]!.measure(() => shared(writers, one)),
        }),
      );
      const measured = await compare(candidates, rounds);
      return measured.map((row, i) => ({ ...row, name: `${row.name}: CPU ${threads[i]!.perMegabyte}` }));
    } finally {
      await segments.close();
      rmSync(folder, { recursive: true });
    }
  },
};
