import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readChunks } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { readSmallExtents } from "../../platform/node/extents-source.ts";
import { openSegmentSpool } from "./segment-spool.ts";
import type { RecoveredRecord, Spool, SpoolLocation } from "./spool.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-spool-"));
  folders.push(folder);
  return join(folder, "spool");
}

const mebibyte: number = 1 << 20;
const small = { bytesMax: 8 * mebibyte, segmentBytes: mebibyte / 2 };

const random: Bytes = randomBytes(10 * mebibyte);

/** Another piece of the same random bytes for each seed below 100. */
function content(length: number, seed = 1): Bytes {
  return random.subarray(seed, seed + length);
}

function digestOf(bytes: Bytes): Bytes {
  return createHash("sha256").update(bytes).digest();
}

async function store(spool: Spool, bytes: Bytes, name = "{}"): Promise<SpoolLocation> {
  const writer = spool.begin();
  for (let at = 0; at < bytes.length; at += 100_000) await writer.write(bytes.subarray(at, at + 100_000));
  return writer.commit(Buffer.from(name), digestOf(bytes));
}

function load(spool: Spool, location: SpoolLocation): Bytes {
  return readSmallExtents(spool.files(location), 1e9, (size) => new Uint8Array(size))!;
}

/** Without a difference of megabytes in the report. */
function expectSame(found: Bytes, expected: Bytes): void {
  expect(Buffer.compare(found, expected)).toBe(0);
}

async function recoverAll(spool: Spool): Promise<RecoveredRecord[]> {
  const out: RecoveredRecord[] = [];
  for await (const record of spool.recover()) out.push(record);
  return out;
}

describe("a segment spool", () => {
  it("gives back records of every size, before and after a restart", async () => {
    const folder = newFolder();
    const spool = await openSegmentSpool(folder, small);
    const sizes = [0, 1, 4031, 4032, 4033, 100_000, 520_127, 520_128, 520_129, 524_288, 2_000_000];
    const locations: SpoolLocation[] = [];
    for (const size of sizes) locations.push(await store(spool, content(size), `{"size":${size}}`));
    for (const [i, location] of locations.entries()) {
      expectSame(load(spool, location), content(sizes[i]!));
      const source = await spool.open(location);
      expect(source.size).toBe(sizes[i]);
      expect([...(await source.read(0, Math.min(5, source.size)))]).toEqual([
        ...content(Math.min(5, source.size)),
      ]);
      await source.close();
    }
    const total = sizes.reduce((a, b) => a + b);
    expect(spool.usage()).toEqual({ bytes: total, records: sizes.length, bytesMax: small.bytesMax });
    await spool.close();

    const again = await openSegmentSpool(folder, small);
    const records = await recoverAll(again);
    expect(records.map((record) => JSON.parse(Buffer.from(record.header).toString()).size)).toEqual(sizes);
    expect(records.map((record) => record.location)).toEqual(JSON.parse(JSON.stringify(locations)));
    expectSame(load(again, locations[10]!), content(2_000_000));
    expect(again.usage().bytes).toBe(total);
    await again.close();
  });

  it("keeps the records of many writers apart", async () => {
    const spool = await openSegmentSpool(newFolder(), {
      bytesMax: 64 * mebibyte,
      segmentBytes: 4 * mebibyte,
    });
    const all = await Promise.all(
      Array.from({ length: 24 }, async (_, i) => ({
        i,
        location: await store(spool, content(900_000 + i, i)),
      })),
    );
    for (const { i, location } of all) expectSame(load(spool, location), content(900_000 + i, i));
    await spool.close();
  });

  it("takes more writers than it has buffers for", async () => {
    const spool = await openSegmentSpool(newFolder(), {
      bytesMax: 128 * mebibyte,
      segmentBytes: 8 * mebibyte,
    });
    const writers = Array.from({ length: 100 }, (_, i) => ({ i, writer: spool.begin() }));
    for (let round = 0; round < 3; round++) {
      for (const { i, writer } of writers) await writer.write(content(20_000, i + round));
    }
    for (const { i, writer } of writers) {
      const bytes = Buffer.concat([0, 1, 2].map((round) => content(20_000, i + round)));
      const location = await writer.commit(Buffer.from("{}"), digestOf(bytes));
      expectSame(load(spool, location), bytes);
    }
    await spool.close();
  });

  it("lets a long object through in bounded memory", async () => {
    const spool = await openSegmentSpool(newFolder(), {
      bytesMax: 512 * mebibyte,
      segmentBytes: 16 * mebibyte,
    });
    const writer = spool.begin();
    const hash = createHash("sha256");
    const piece = content(mebibyte);
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 200; i++) {
      hash.update(piece);
      await writer.write(piece);
    }
    const location = await writer.commit(Buffer.from("{}"), hash.copy().digest());
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * mebibyte);
    expect(new Set(location.extents.map((extent) => extent.segment)).size).toBeGreaterThan(12);
    const source = await spool.open(location);
    const back = createHash("sha256");
    for await (const bytes of readChunks(source, 0, source.size)) back.update(bytes);
    expect(back.digest()).toEqual(hash.digest());
    await source.close();
    await spool.close();
  });

  it("reuses released space, and then tells the released no more", async () => {
    const folder = newFolder();
    const spool = await openSegmentSpool(folder, small);
    const first = await store(spool, content(1000), "first");
    await spool.release(first);
    for (let i = 0; i < 60; i++) {
      const location = await store(spool, content(400_000, i), `later ${i}`);
      await spool.release(location);
      await spool.release(location);
    }
    expect(spool.usage()).toMatchObject({ bytes: 0, records: 0 });
    expect(readdirSync(folder).filter((name) => name.startsWith("segment-")).length).toBeLessThan(12);
    expect(() => spool.files(first)).toThrow(expect.objectContaining({ code: "io" }));
    // A location of an earlier life must not release the record that lies there now.
    const kept = await store(spool, content(5000), "kept");
    await spool.release(first);
    await spool.close();

    const again = await openSegmentSpool(folder, small);
    const names = (await recoverAll(again)).map((record) => Buffer.from(record.header).toString());
    expect(names).toContain("kept");
    expect(names).not.toContain("first");
    expect(names.length).toBeLessThan(14);
    expectSame(load(again, kept), content(5000));
    await again.close();
  });

  it("reuses the space of earlier runs", async () => {
    const folder = newFolder();
    const names: string[] = [];
    for (let life = 0; life < 8; life++) {
      const spool = await openSegmentSpool(folder, small);
      for (const record of await recoverAll(spool)) {
        names.push(Buffer.from(record.header).toString());
        await spool.release(record.location);
      }
      expect(spool.usage()).toMatchObject({ bytes: 0, records: 0 });
      for (let i = 0; i < 10; i++) await store(spool, content(400_000), `${life}-${i}`);
      await spool.close();
    }
    // 80 records of 400 kB went through 8 MiB; a few are told again whose segment had not begun its next life.
    expect(new Set(names).size).toBe(70);
  });

  it("leaves nothing of one object behind another", async () => {
    const folder = newFolder();
    const spool = await openSegmentSpool(folder, small);
    const secret = Buffer.alloc(600_000, "Doe^John");
    const writer = spool.begin();
    await writer.write(secret);
    writer.discard();
    const location = await store(spool, Uint8Array.of(1));
    const { path, offset } = spool.files(location)[0]!;
    const block = readFileSync(path).subarray(offset, offset - 64 + 4096);
    expect(block.includes("Doe")).toBe(false);
    await spool.close();
  });

  it("refuses above its quota, and takes again what was released", async () => {
    const spool = await openSegmentSpool(newFolder(), small);
    const locations: SpoolLocation[] = [];
    await expect(
      (async () => {
        for (let i = 0; i < 40; i++) locations.push(await store(spool, content(400_000, i)));
      })(),
    ).rejects.toMatchObject({ code: "storage-full" });
    expect(locations.length).toBeGreaterThan(13);
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "storage-full" }));
    for (const [i, location] of locations.entries()) expectSame(load(spool, location), content(400_000, i));
    for (const location of locations) await spool.release(location);
    await store(spool, content(400_000));
    await spool.close();
  });

  it("refuses a record that is larger than the spool, and goes on", async () => {
    const spool = await openSegmentSpool(newFolder(), small);
    await expect(store(spool, content(9 * mebibyte))).rejects.toMatchObject({ code: "storage-full" });
    expect(spool.usage()).toMatchObject({ bytes: 0, records: 0 });
    expect((await store(spool, content(100_000))).bytes).toBe(100_000);
    await spool.close();
  });

  it("is asked in order", async () => {
    const folder = newFolder();
    const spool = await openSegmentSpool(folder, small);
    const writer = spool.begin();
    await expect(writer.commit(new Uint8Array(65_537), new Uint8Array(32))).rejects.toMatchObject({
      code: "usage",
    });
    const other = spool.begin();
    await expect(other.commit(new Uint8Array(3), new Uint8Array(31))).rejects.toMatchObject({
      code: "usage",
    });
    const third = spool.begin();
    await third.commit(new Uint8Array(65_536), digestOf(new Uint8Array(0)));
    expect(() => third.write(Uint8Array.of(1))).toThrow(expect.objectContaining({ code: "usage" }));
    third.discard();
    expect(spool.usage().records).toBe(1);
    await spool.close();
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "io" }));

    const again = await openSegmentSpool(folder, small);
    expect(() => again.begin()).toThrow(expect.objectContaining({ code: "usage" }));
    expect((await recoverAll(again)).length).toBe(1);
    await expect(recoverAll(again)).rejects.toMatchObject({ code: "usage" });
    again.begin().discard();
    await again.close();
  });

  it("wants sizes that can be", async () => {
    const wrong = [
      { bytesMax: 1000 },
      { bytesMax: 1e9, segmentBytes: 5000 },
      { bytesMax: 1e9, segmentBytes: 200_001 },
      { bytesMax: Number.NaN },
    ];
    for (const options of wrong) {
      await expect(openSegmentSpool(newFolder(), options)).rejects.toMatchObject({ code: "usage" });
    }
  });
});

describe("the folder of a spool", () => {
  it("is for its owner alone, and for one spool", async () => {
    const folder = newFolder();
    const spool = await openSegmentSpool(folder, small);
    await store(spool, content(10));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    await expect(openSegmentSpool(folder, small)).rejects.toMatchObject({ code: "io" });
    // The refused attempt must not have freed the lock for other processes.
    expect(await inChild(folder, "await openSegmentSpool(folder, options);")).toContain('"io"');
    await spool.close();
    expect(await inChild(folder, "await openSegmentSpool(folder, options);")).toContain("done");
    chmodSync(folder, 0o755);
    await expect(openSegmentSpool(folder, small)).rejects.toMatchObject({ code: "key-unusable" });
  });

  it("never follows a link, and leaves a damaged segment as it is", async () => {
    const folder = newFolder();
    const spool = await openSegmentSpool(folder, small);
    await store(spool, content(10), "here");
    await spool.close();
    const [name = ""] = readdirSync(folder).filter((file) => file.startsWith("segment-"));
    const whole = readFileSync(join(folder, name));
    whole[20]! ^= 1;
    writeFileSync(join(folder, name), whole);
    const damaged = await openSegmentSpool(folder, small);
    expect(await recoverAll(damaged)).toEqual([]);
    await store(damaged, content(400_000));
    await damaged.close();
    expect(Buffer.compare(readFileSync(join(folder, name)), whole)).toBe(0);

    symlinkSync("/etc/hostname", join(folder, "segment-00000099"));
    const linked = await openSegmentSpool(folder, small);
    await expect(recoverAll(linked)).rejects.toMatchObject({ code: "io" });
    await linked.close();
  });

  it("may be on a disk that takes no more", async () => {
    // RLIMIT_FSIZE of 300 blocks of 512 bytes: less than a segment.
    const output = await inChild(
      newFolder(),
      "(await openSegmentSpool(folder, options)).begin();",
      "ulimit -f 300;",
    );
    expect(output).toContain('"storage-full"');
  });
});

describe("a spool whose process is killed", () => {
  it("has every acknowledged record", { timeout: 120_000 }, async () => {
    const folder = newFolder();
    const known = new Map<string, string>();
    for (let life = 0; life < 6; life++) {
      const output = await inChild(folder, writingForEver(life), "", 15 + life * 10);
      for (const line of output.split("\n").slice(0, -1)) {
        const [name, digest] = line.split(" ");
        known.set(name!, digest!);
      }
      const spool = await openSegmentSpool(folder, { bytesMax: 64 * mebibyte, segmentBytes: mebibyte });
      const found = new Map<string, string>();
      for (const record of await recoverAll(spool)) {
        const bytes = load(spool, record.location);
        expect(Buffer.compare(digestOf(bytes), record.digest)).toBe(0);
        found.set(Buffer.from(record.header).toString(), Buffer.from(record.digest).toString("hex"));
      }
      await spool.close();
      for (const [name, digest] of known) expect([name, found.get(name)]).toEqual([name, digest]);
    }
    expect(known.size).toBeGreaterThan(100);
  });
});

/** Three writers; a line for each acknowledged record. */
function writingForEver(life: number): string {
  return `
    const spool = await openSegmentSpool(folder, { bytesMax: ${64 * mebibyte}, segmentBytes: ${mebibyte} });
    for await (const record of spool.recover());
    await Promise.all([0, 1, 2].map(async (writer) => {
      for (let i = 0; ; i++) {
        const bytes = randomBytes((i * 37_777 + writer * 1000) % 90_000);
        const record = spool.begin();
        for (let at = 0; at < bytes.length; at += 16_384) await record.write(bytes.subarray(at, at + 16_384));
        const digest = createHash("sha256").update(bytes).digest();
        const name = "${life}-" + writer + "-" + i;
        await record.commit(Buffer.from(name), digest);
        process.stdout.write(name + " " + digest.toString("hex") + "\\n");
      }
    }));`;
}

/** Runs the script in another process, killed after so many lines. @returns its standard output: the error's code when it failed */
function inChild(folder: string, script: string, shell = "", linesUntilKill?: number): Promise<string> {
  const text = `
    import { createHash, randomBytes } from "node:crypto";
    import { openSegmentSpool } from ${JSON.stringify(new URL("./segment-spool.ts", import.meta.url).href)};
    const folder = ${JSON.stringify(folder)};
    const options = ${JSON.stringify(small)};
    try {
      ${script}
      console.log("done");
    } catch (error) {
      console.log(JSON.stringify(error.code));
    }`;
  const child = spawn(
    "/bin/sh",
    ["-c", `${shell} exec "$0" "$@"`, process.execPath, "--input-type=module", "-e", text],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      output += piece;
      if (linesUntilKill !== undefined && output.split("\n").length > linesUntilKill) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("close", () => resolve(output));
  });
}
