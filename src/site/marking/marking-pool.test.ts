import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import type { ImageAttributes } from "../../dicom/pixel-data/image-attributes.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { noiseShareMax } from "../../invisible-watermark/invisibility.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { InlineFrameMarker, type MarkingJob, type MarkSigner } from "../../sealing/frame-marking.ts";
import { MarkingPool } from "./marking-pool.ts";

const attributes: ImageAttributes = {
  rows: 128,
  columns: 160,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  highBit: 11,
  pixelRepresentation: 1,
  photometric: "MONOCHROME2",
  planarConfiguration: 0,
  numberOfFrames: 1,
  kind: "integer",
};

/** A gradient, noisy as far as `noise` goes. */
function samplesOf(seed: number, noise: number): Bytes {
  const { rows, columns } = attributes;
  const values = new Int16Array(rows * columns);
  let state = seed + 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    values[i] = Math.floor(i / columns) - 40 + ((state >>> 16) % (noise + 1));
  }
  return new Uint8Array(values.buffer);
}

function jobOf(frameNo: number, noise = 6): MarkingJob {
  return {
    attributes,
    samples: samplesOf(frameNo, noise),
    keys: {
      keyId: new Uint8Array(8).fill(1),
      locatorKey: new Uint8Array(32).fill(2),
      recoveryKey: new Uint8Array(32).fill(3),
    },
    contentId: new Uint8Array(16).fill(4),
    frameNo,
    noiseShareMax: undefined,
  };
}

/** Not a signature, but depends on what is signed. */
const sign: MarkSigner = async (bytes) => {
  const half = nodeCrypto.hash("SHA-256", bytes);
  const both = new Uint8Array(64);
  both.set(half);
  both.set(half, 32);
  both[32] = 0;
  return both;
};

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error: unknown) => (error instanceof ScansealError ? error.code : String(error)),
  );
}

/** A program for the threads, as text. */
function program(body: string): URL {
  const text = `
    import { parentPort } from "node:worker_threads";
    const answer = (value) => parentPort.postMessage(value);
    parentPort.on("message", (question) => { const { task, job } = question; ${body} });`;
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

describe("marking pool", () => {
  const pool = new MarkingPool({ workersMax: 2 });
  afterAll(() => pool.close());
  const inline = new InlineFrameMarker(nodeCrypto);

  it("marks as marking in one's own thread does, many frames at once, and leaves the caller's bytes alone", async () => {
    expect(pool.parallel).toBe(2);
    const jobs = Array.from({ length: 9 }, (_, i) => jobOf(i));
    const marked = await Promise.all(jobs.map((job) => pool.mark(job, sign)));
    for (const [i, job] of jobs.entries()) {
      expect(job.samples).toEqual(samplesOf(i, 6));
      expect(job.keys).toEqual(jobOf(i).keys);
      const expected = await inline.mark(job, sign);
      expect("samples" in expected && marked[i]).toEqual(expected);
    }
  });

  it("takes only the part of a buffer that is the frame's", async () => {
    const job = jobOf(0);
    const cache = new Uint8Array(job.samples.length + 4096);
    cache.set(job.samples, 2048);
    const samples = cache.subarray(2048, 2048 + job.samples.length);
    expect(await pool.mark({ ...job, samples }, sign)).toEqual(await inline.mark(job, sign));
    expect(cache.length).toBe(job.samples.length + 4096);
  });

  it("says why a frame is not marked, without asking for a signature", async () => {
    const refuse: MarkSigner = () => Promise.reject(new Error("asked"));
    expect(await pool.mark({ ...jobOf(0, 0), noiseShareMax }, refuse)).toEqual({ reason: "noise" });
    const palette = { ...attributes, photometric: "PALETTE COLOR" };
    expect(await pool.mark({ ...jobOf(0), attributes: palette }, refuse)).toEqual({ reason: "palette" });
  });

  it("tells what signing throws, and marks the next frame in the same thread", async () => {
    const single = new MarkingPool({ workersMax: 1 });
    const problem = new Error("no key");
    const thrown = single.mark(jobOf(1), () => Promise.reject(problem));
    const next = single.mark(jobOf(2), sign);
    await expect(thrown).rejects.toBe(problem);
    expect(await next).toEqual(await inline.mark(jobOf(2), sign));
    const atOnce: MarkSigner = () => {
      throw problem;
    };
    await expect(single.mark(jobOf(1), atOnce)).rejects.toBe(problem);
    expect(await codeOf(single.mark(jobOf(1), async () => new Uint8Array(63)))).toBe("usage");
    expect(await codeOf(single.mark({ ...jobOf(1), contentId: new Uint8Array(3) }, sign))).toBe("usage");
    expect(await single.mark(jobOf(3), sign)).toEqual(await inline.mark(jobOf(3), sign));
    await single.close();
  });

  it("keeps one thread for both halves of a frame", async () => {
    const order: string[] = [];
    const single = new MarkingPool({ workersMax: 1 });
    const slowly = (name: string): MarkSigner => {
      return async (bytes) => {
        order.push(`${name} asked`);
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`${name} signed`);
        return sign(bytes);
      };
    };
    await Promise.all(["a", "b", "c"].map((name, i) => single.mark(jobOf(i), slowly(name))));
    expect(order).toEqual(["a", "b", "c"].flatMap((name) => [`${name} asked`, `${name} signed`]));
    await single.close();
  });

  it("gives its threads nothing of the process's environment", async () => {
    const workerProgram = program(
      `answer({ code: "usage", message: JSON.stringify([process.env, process.execArgv]) });`,
    );
    const telling = new MarkingPool({ workersMax: 1, workerProgram });
    await expect(telling.mark(jobOf(0), sign)).rejects.toThrow("[{},[]]");
    await telling.close();
  });

  it("does not keep a process alive for idle threads", () => {
    const script = `
      import { MarkingPool } from ${JSON.stringify(new URL("./marking-pool.ts", import.meta.url).href)};
      const pool = new MarkingPool({ workersMax: 1 });
      const job = ${JSON.stringify({ ...jobOf(0), samples: 0, contentId: 0, keys: 0 })};
      const [samples, contentId, keyId] = [${128 * 160 * 2}, 16, 8].map((n) => new Uint8Array(n));
      const marked = await pool.mark({ ...job, samples, contentId, keys: { keyId } }, async () => new Uint8Array(64));
      console.log(marked.samples.length);`;
    const args = ["--input-type=module", "-e", script];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, {
      encoding: "utf8",
      timeout: 60_000,
    });
    expect([stdout, stderr, status]).toEqual([`${128 * 160 * 2}\n`, "", 0]);
  });
});

describe("marking pool with threads that fail", () => {
  const good = `answer(task === "prepare" ? { toBeSigned: job.samples } : { marked: { samples: question.signature } });`;
  const dying = (body: string): MarkingPool =>
    new MarkingPool({ workersMax: 1, timeoutMs: 4_000, workerProgram: program(body) });
  const both = async (failing: MarkingPool): Promise<string[]> => {
    const codes = await Promise.all(
      [failing.mark(jobOf(13), sign), failing.mark(jobOf(0), sign)].map(codeOf),
    );
    await failing.close();
    return codes;
  };

  it("replaces one that dies in either half, or takes too long", async () => {
    expect(await both(dying(`if (job?.frameNo === 13) process.exit(1); ${good}`))).toEqual([
      "internal",
      "done",
    ]);
    expect(await both(dying(`if (job?.frameNo === 13) throw 1; ${good}`))).toEqual(["internal", "done"]);
    const second = `globalThis.last ??= job.frameNo; if (task === "finish" && last === 13) process.exit(1); ${good}`;
    expect(await both(dying(second))).toEqual(["internal", "done"]);
    expect(await both(dying(`while (job?.frameNo === 13); ${good}`))).toEqual(["timeout", "done"]);
    expect(await both(dying("throw new Error()"))).toEqual(["internal", "internal"]);
  });

  it("replaces one that dies while its frame is signed", async () => {
    const mortal = dying(`${good} if (job?.frameNo === 13) process.exit(1);`);
    expect(await codeOf(mortal.mark(jobOf(13), sign))).toBe("internal");
    const problem = new Error("no key");
    await expect(mortal.mark(jobOf(13), () => Promise.reject(problem))).rejects.toBe(problem);
    expect(await codeOf(mortal.mark(jobOf(0), sign))).toBe("done");
    await mortal.close();
  });

  it("refuses everything once closed, and closes without having started", async () => {
    const closing = dying(good);
    const work = [0, 1, 2].map((frame) => codeOf(closing.mark(jobOf(frame), sign)));
    await closing.close();
    const codes = await Promise.all(work);
    expect(["internal", "done"]).toContain(codes[0]);
    expect(codes.slice(1)).toEqual(["usage", "usage"]);
    expect(await codeOf(closing.mark(jobOf(0), sign))).toBe("usage");
    await expect(new MarkingPool().close()).resolves.toBeUndefined();
  });
});
