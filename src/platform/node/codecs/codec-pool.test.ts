import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { describePeer, peer } from "../../../../test/peers.ts";
import type { DecodeRequest } from "../../../dicom/pixel-data/decoder.ts";
import { type EncapsulatedFrames, framesOf, readCodestream } from "../../../dicom/pixel-data/frames.ts";
import { readDicom } from "../../../dicom/read.ts";
import { MemorySource } from "../../../foundation/byte-source.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { CodecPool } from "./codec-pool.ts";

const slices = "transfer-syntax/ctimage/ctimage.1.2.840.10008.1.2";
const small = "transfer-syntax/small";

async function requestOf(file: string): Promise<DecodeRequest> {
  const bytes = new Uint8Array(readFileSync(join(peer("corpus")!, file)));
  const object = await readDicom(new MemorySource(bytes));
  const frames = (await framesOf(object))!;
  const { codec, uid } = object.transferSyntax;
  const codestream = await readCodestream(object, (frames.layout as EncapsulatedFrames).frames[0]!);
  return { codec, transferSyntaxUid: uid, attributes: frames.attributes, codestream };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "decoded",
    (error: unknown) => (error instanceof ScansealError ? error.code : String(error)),
  );
}

/** A program for the threads, as text. */
function program(text: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

describePeer("corpus", "codec pool", () => {
  const pool = new CodecPool({ workersMax: 2 });
  afterAll(() => pool.close());

  it("decodes many frames at once and leaves the caller's bytes alone", async () => {
    const request = await requestOf(`${small}/MR_small_jpeg_ls_lossless.dcm`);
    const before = request.codestream.slice();
    const frames = await Promise.all(Array.from({ length: 12 }, () => pool.decode(request)));
    for (const { samples } of frames) expect(samples).toEqual(frames[0]!.samples);
    expect(frames[0]!.samples.length).toBe(64 * 64 * 2);
    expect(request.codestream).toEqual(before);
  });

  it("refuses a codestream of another size than the attributes say", async () => {
    const files = [
      `${slices}.4.57.JPEGProcess14.dcm`,
      `${slices}.4.80.JPEGLSLossless.dcm`,
      "transfer-syntax/htj2k/ct1_jph.dcm",
    ];
    for (const request of await Promise.all(files.map(requestOf))) {
      const { attributes } = request;
      const asked = [
        { ...attributes, rows: 511 },
        { ...attributes, columns: 513 },
        { ...attributes, samplesPerPixel: 3 },
        { ...attributes, bitsAllocated: 8, bitsStored: 8, highBit: 7 },
      ];
      for (const other of asked)
        expect(await codeOf(pool.decode({ ...request, attributes: other }))).toBe("codec-failed");
      const huge = { ...attributes, rows: 65_535, columns: 65_535 };
      expect(await codeOf(pool.decode({ ...request, attributes: huge }))).toBe("limit-decode");
      expect(await codeOf(pool.decode({ ...request, codec: "jpeg" }))).toBe("unsupported");
    }
  });

  it("refuses a frame that inflates to more or less than it should", async () => {
    const request = await requestOf("odd/liver_deflate.dcm");
    expect(await codeOf(pool.decode(request))).toBe("decoded");
    for (const rows of [511, 513]) {
      const attributes = { ...request.attributes, rows };
      expect(await codeOf(pool.decode({ ...request, attributes }))).toBe("codec-failed");
    }
  });

  it("refuses cut-off codestreams before a codec sees them", async () => {
    const files = [
      `${slices}.4.57.JPEGProcess14.dcm`,
      `${slices}.4.80.JPEGLSLossless.dcm`,
      `${slices}.4.90.JPEG2000LosslessOnly.dcm`,
      "transfer-syntax/htj2k/ct1_jph.dcm",
    ];
    for (const request of await Promise.all(files.map(requestOf))) {
      for (const part of [0, 1, 40, 200, 0.5, 0.99]) {
        const length = part < 1 ? Math.floor(request.codestream.length * part) : part;
        const codestream = request.codestream.subarray(0, length);
        expect(await codeOf(pool.decode({ ...request, codestream }))).toBe("codec-failed");
      }
    }
  });

  it("gives pixels or our error for mutated codestreams, and goes on", async () => {
    const files = [
      `${small}/MR_small_jpeg_ls_lossless.dcm`,
      `${small}/MR_small_jp2klossless.dcm`,
      "transfer-syntax/htj2k/ct1_jph.dcm",
      "tampered/generated/benign-jpeg-lossless.dcm",
      `${small}/SC_rgb_jls_lossy_line.dcm`,
      `${small}/MR_small_RLE.dcm`,
      "odd/liver_deflate.dcm",
    ];
    const memoryBefore = process.memoryUsage().rss;
    for (const request of await Promise.all(files.map(requestOf))) {
      const { samples } = await pool.decode(request);
      const size = request.codestream.length;
      const change = fc.tuple(fc.oneof(fc.nat(Math.min(size, 120) - 1), fc.nat(size - 1)), fc.nat(255));
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
          const codestream = request.codestream.slice();
          for (const [at, value] of changes) codestream[at] = value;
          try {
            const frame = await pool.decode({ ...request, codestream });
            expect(frame.samples.length).toBe(samples.length);
          } catch (error) {
            expect(error).toBeInstanceOf(ScansealError);
          }
        }),
        { numRuns: 150 },
      );
      expect((await pool.decode(request)).samples).toEqual(samples);
    }
    // Two threads, a few megabytes of pixels each, and WebAssembly instances that are dropped when they have grown.
    expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(500 * 2 ** 20);
  }, 240_000);

  it("ends a thread whose codec does not come back, and decodes the next frame", async () => {
    const request = await requestOf(`${slices}.4.80.JPEGLSLossless.dcm`);
    // CharLS works for seconds on a stream without its end; in a loop it never returns. The `rle` job gets past the header check.
    const stuck: Bytes = request.codestream.subarray(0, request.codestream.length - 3);
    const wasm = new URL("./wasm-decoders.ts", import.meta.url).href;
    const workerProgram = program(`
      import { parentPort } from "node:worker_threads";
      import { decodeWithWasm } from "${wasm}";
      parentPort.on("message", async ({ codec, codestream }) => {
        while (codec === "rle") await decodeWithWasm("jpeg-ls", codestream).catch(() => {});
        parentPort.postMessage({ result: (await decodeWithWasm("jpeg-ls", codestream)).data });
      });`);
    const slow = new CodecPool({ workersMax: 1, timeoutMs: 4_000, workerProgram });
    const first = codeOf(slow.decode({ ...request, codec: "rle", codestream: stuck }));
    const second = slow.decode(request);
    expect(await first).toBe("limit-decode");
    expect((await second).samples).toEqual((await pool.decode(request)).samples);
    await slow.close();
  });

  it("survives threads that die at work, at rest, or at the start", async () => {
    const request = await requestOf(`${small}/MR_small_jpeg_ls_lossless.dcm`);
    const once = (body: string): URL =>
      program(`
        import { parentPort } from "node:worker_threads";
        parentPort.on("message", ({ codec, codestream }) => { ${body} });`);
    const good = "parentPort.postMessage({ result: codestream });";
    const atWork = new CodecPool({
      workersMax: 1,
      workerProgram: once(`if (codec === "rle") process.exit(1); ${good}`),
    });
    expect(await codeOf(atWork.decode({ ...request, codec: "rle" }))).toBe("codec-failed");
    expect(await codeOf(atWork.decode(request))).toBe("decoded");
    await atWork.close();
    const throws = new CodecPool({
      workersMax: 1,
      workerProgram: once(`if (codec === "rle") throw 1; ${good}`),
    });
    const results = [throws.decode({ ...request, codec: "rle" }), throws.decode(request)].map(codeOf);
    expect(await Promise.all(results)).toEqual(["codec-failed", "decoded"]);
    await throws.close();
    const atStart = new CodecPool({ workersMax: 1, workerProgram: program("throw new Error()") });
    expect(await Promise.all([atStart.decode(request), atStart.decode(request)].map(codeOf))).toEqual([
      "codec-failed",
      "codec-failed",
    ]);
    await atStart.close();
  });

  it("refuses more waiting frames than allowed, and everything once closed", async () => {
    const request = await requestOf(`${small}/MR_small_jpeg_ls_lossless.dcm`);
    const narrow = new CodecPool({ workersMax: 1, queueMax: 1 });
    const work = [1, 2, 3].map(() => codeOf(narrow.decode(request)));
    expect(await work[2]).toBe("limit-decode");
    expect(await Promise.all(work)).toEqual(["decoded", "decoded", "limit-decode"]);
    const running = codeOf(narrow.decode(request));
    await narrow.close();
    expect(["codec-failed", "decoded"]).toContain(await running);
    expect(await codeOf(narrow.decode(request))).toBe("usage");
  });
});

describe("codec pool without files", () => {
  it("closes without having started", async () => {
    await expect(new CodecPool().close()).resolves.toBeUndefined();
  });
});
