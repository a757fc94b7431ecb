/** Drives a spool on a simulated disk through writers, faults and power cuts, and holds what it says against what it was given. */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { type Bytes, toHex } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { openSegmentSpool } from "../../src/store/spool/segment-spool.ts";
import type { RecoveredRecord, Spool, SpoolLocation } from "../../src/store/spool/spool.ts";
import { type FaultPlan, randomOf, SimulatedDisk } from "./simulated-disk.ts";

export interface RecordPlan {
  readonly bytes: number;
  readonly pieceBytes: number;
  readonly headerBytes: number;
  readonly fate: "keep" | "release" | "discard" | "abandon";
}

export interface LifePlan {
  /** One list for each writer. */
  readonly writers: readonly (readonly RecordPlan[])[];
  /** Calls of the disk until its power is cut. */
  readonly steps: number;
  readonly seed: number;
  /** How likely what is not durable is lost. */
  readonly loss: number;
  readonly faults: FaultPlan | undefined;
}

interface Given {
  readonly bytes: Bytes;
  readonly header: Bytes;
  /** `sure`: acknowledged, never released. */
  state: "writing" | "asked" | "sure" | "released";
  location?: SpoolLocation;
}

const folder = "/spool";
const segmentBytes: number = 128 << 10;
const bytesMax: number = 12 * segmentBytes;

/** Enough for every call of a recovery. */
const stepsMax = 1_000_000;

export class SpoolModel {
  /** By the header's text, which is the record's name. */
  readonly #given = new Map<string, Given>();
  #files: Map<string, Bytes> = new Map();
  acknowledged = 0;
  refused = 0;
  recovered = 0;

  /** Opens, recovers and checks; writes until the power is cut. */
  async live(plan: LifePlan): Promise<void> {
    const disk = new SimulatedDisk(plan.seed, this.#files);
    const spool = await finished(
      disk,
      openSegmentSpool(folder, { bytesMax, segmentBytes, disk, clock: { now: () => 0 } }),
    );
    await finished(disk, this.#recover(spool));
    disk.faults = plan.faults;
    const work = Promise.all(plan.writers.map((records) => this.#write(spool, records)));
    let isDone = false;
    const finish = (): void => {
      isDone = true;
    };
    work.then(finish, finish);
    const left = await disk.run(plan.steps, () => isDone);
    if (isDone) await work;
    // Nothing may wait for ever: while steps are left, something is under way.
    else expect(left).toBe(0);
    this.#files = disk.afterCut(plan.seed ^ 0x5bd1e995, plan.loss);
    await this.#recoverOnly(plan.seed);
  }

  /** Recovery itself must change nothing that the next one needs. */
  async #recoverOnly(seed: number): Promise<void> {
    const disk = new SimulatedDisk(seed, this.#files);
    const spool = await finished(
      disk,
      openSegmentSpool(folder, { bytesMax, segmentBytes, disk, clock: { now: () => 0 } }),
    );
    await finished(disk, this.#recover(spool));
    await finished(disk, spool.close());
    this.#files = disk.afterCut(seed, 1);
  }

  async #recover(spool: Spool): Promise<void> {
    const found = new Set<string>();
    for await (const record of spool.recover()) {
      const name = Buffer.from(record.header).toString("latin1");
      expect(found.has(name)).toBe(false);
      found.add(name);
      await this.#check(spool, name, record);
    }
    for (const [name, { state }] of this.#given) {
      if (state === "sure" && !found.has(name))
        throw new Error(`record ${name.slice(0, 20)} was acknowledged and is lost`);
    }
    this.recovered += found.size;
  }

  async #check(spool: Spool, name: string, record: RecoveredRecord): Promise<void> {
    const given = this.#given.get(name);
    if (!given || given.state === "writing")
      throw new Error(`record ${name.slice(0, 20)} was never committed`);
    expect(toHex(record.digest)).toBe(toHex(digestOf(given.bytes)));
    const source = await spool.open(record.location);
    const bytes = await source.read(0, source.size);
    await source.close();
    if (Buffer.compare(bytes, given.bytes) !== 0)
      throw new Error(`record ${name.slice(0, 20)} has other bytes`);
    if (given.state === "sure") {
      expect(record.location).toEqual(given.location);
    } else {
      // Nobody was told that it is safe, or somebody said it lives elsewhere.
      given.state = "released";
      await spool.release(record.location);
      await spool.release(record.location);
    }
  }

  async #write(spool: Spool, plans: readonly RecordPlan[]): Promise<void> {
    for (const plan of plans) {
      try {
        await this.#record(spool, plan);
      } catch (error) {
        if (!(error instanceof ScansealError)) throw error;
        expect(["storage-full", "io"]).toContain(error.code);
        this.refused++;
      }
    }
  }

  async #record(spool: Spool, plan: RecordPlan): Promise<void> {
    const number = this.#given.size;
    const name = `record ${number} `.padEnd(plan.headerBytes, "-");
    const given: Given = {
      bytes: contentOf(number, plan.bytes),
      header: Buffer.from(name),
      state: "writing",
    };
    this.#given.set(name, given);
    const writer = spool.begin();
    for (let at = 0; at < plan.bytes; at += plan.pieceBytes) {
      await writer.write(given.bytes.subarray(at, at + plan.pieceBytes));
    }
    if (plan.fate === "abandon") return;
    if (plan.fate === "discard") return writer.discard();
    given.state = "asked";
    given.location = await writer.commit(given.header, digestOf(given.bytes));
    this.acknowledged++;
    given.state = "sure";
    if (plan.fate === "keep") return;
    given.state = "released";
    await spool.release(given.location);
  }
}

async function finished<T>(disk: SimulatedDisk, work: Promise<T>): Promise<T> {
  let isDone = false;
  const finish = (): void => {
    isDone = true;
  };
  work.then(finish, finish);
  await disk.run(stepsMax, () => isDone);
  if (!isDone) throw new Error("the spool waits for nothing");
  return work;
}

function digestOf(bytes: Bytes): Bytes {
  return createHash("sha256").update(bytes).digest();
}

/** Different in every sector of every record. */
function contentOf(number: number, length: number): Bytes {
  const random = randomOf(number);
  const out = Buffer.alloc(length);
  for (let at = 0; at < length; at += 512)
    out.fill(Math.floor(random() * 256), at, Math.min(length, at + 512));
  return out;
}
