import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleFile } from "../../../test/cli/scanseal-process.ts";
import { makeSealedSite, type SealedSite } from "../../../test/gateway/sealed-site.ts";
import { image, withoutSeal } from "../../../test/watermark/marked-objects.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { unpackedAttributes } from "../../store/index/packed-attributes.ts";
import type { ExaminedObject } from "../../zero-trust/gateway/ports.ts";
import { decide } from "../../zero-trust/policy/decide.ts";
import { type ExaminerOptions, WorkerExaminer } from "./examiner.ts";
import { TrustWatch } from "./trust-watch.ts";

let site: SealedSite;
let sealed: ExaminedObject;
let unsealed: ExaminedObject;

beforeAll(async () => {
  site = await makeSealedSite();
  const original = site.write("original.dcm", sampleFile("2.25.1"));
  unsealed = objectIn(original);
  sealed = objectIn(await site.seal(original));
});
afterAll(() => site.remove());

/** In two extents, as an object that crosses two segments. */
function objectIn(path: string): ExaminedObject {
  const bytes = readFileSync(path);
  const half = bytes.length >> 1;
  return {
    extents: [
      { path, offset: 0, length: half },
      { path, offset: half, length: bytes.length - half },
    ],
    bytes: bytes.length,
    digest: createHash("sha256").update(bytes).digest("hex"),
    tolerate: [],
  };
}

/** `advance` moves the clock that the trust files are looked at by. */
async function withExaminer(
  options: Partial<ExaminerOptions>,
  body: (
    examiner: WorkerExaminer,
    events: readonly GatewayEvent[],
    advance: (ms: number) => void,
  ) => Promise<void>,
): Promise<void> {
  const events: GatewayEvent[] = [];
  let ahead = 0;
  const clock = { now: () => systemClock.now() + ahead };
  const sink = (event: GatewayEvent): void => void events.push(event);
  const trust = new TrustWatch(site.home, clock, sink);
  const examiner = new WorkerExaminer({
    trust,
    clock,
    events: sink,
    evidenceMs: 60_000,
    width: 1,
    ...options,
  });
  try {
    await body(examiner, events, (ms) => {
      ahead += ms;
    });
  } finally {
    await examiner.close();
  }
}

/** A thread's program: ready, then what is given for every object. */
function program(onObject: string): URL {
  const source = `
    import { parentPort } from "node:worker_threads";
    parentPort.on("message", (message) => { ${onObject} });
    parentPort.postMessage({ kind: "ready" });`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

const evidence = { kind: "evidence", evidence: { signatures: [] } };
const answer = `parentPort.postMessage(${JSON.stringify(evidence)})`;

describe("examiner", () => {
  it("gives the evidence of what lies in several extents", async () => {
    await withExaminer({ width: 2 }, async (examiner) => {
      await examiner.start();
      const found = await Promise.all([sealed, unsealed, sealed].map((one) => examiner.examine(one)));
      expect(found.map((one) => decide(one).verdict)).toEqual(["verified", "unsealed", "verified"]);
    });
  });

  it("gives the attributes only where the index asks for them, beside the same evidence", async () => {
    await withExaminer({ width: 1 }, async (examiner) => {
      const { packedAttributes, ...found } = await examiner.examine({ ...sealed, isForIndex: true });
      const attributes = unpackedAttributes(packedAttributes!);
      expect(attributes["00080018"]?.Value).toEqual([found.format?.sopInstanceUid]);
      expect(attributes["7FE00010"]).toEqual({ vr: "OW", BulkDataURI: "7FE00010" });
      expect(await examiner.examine(sealed)).toEqual(found);
    });
  });

  it("knows the marks of the site's devices where their seal was removed", async () => {
    const stripped = site.write("stripped.dcm", await withoutSeal(await site.sealMarked(image())));
    await withExaminer({}, async (examiner) => {
      const found = await examiner.examine(objectIn(stripped));
      expect(found.sealExpectedFrom).toBe("CT1");
      expect(decide(found).findings.map(({ code }) => code)).toContain("seal-stripped");
    });
  });

  it("judges nothing but the bytes that were acknowledged", async () => {
    await withExaminer({}, async (examiner) => {
      const other = { ...sealed, digest: unsealed.digest };
      await expect(examiner.examine(other)).rejects.toMatchObject({ code: "io" });
      const gone = { ...sealed, extents: [{ path: "absent", offset: 0, length: 10 }] };
      await expect(examiner.examine(gone)).rejects.toMatchObject({ code: "io" });
      const short = { ...sealed, extents: [{ ...sealed.extents[0]!, length: sealed.bytes + 1 }] };
      await expect(examiner.examine(short)).rejects.toMatchObject({ code: "io" });
      await expect(examiner.examine(sealed)).resolves.toMatchObject({ content: { route: "signature" } });
    });
  });

  it("what is wrong with an object is evidence, within the source's tolerances", async () => {
    const bytes = Buffer.concat([sampleFile("2.25.1"), Buffer.from("tail")]);
    const path = site.write("trailing.dcm", bytes);
    await withExaminer({}, async (examiner) => {
      const found = await examiner.examine(objectIn(path));
      expect(decide(found).verdict).toBe("malformed");
      expect(found.unreadable?.code).toBe("trailing-bytes");
      const tolerated = await examiner.examine({ ...objectIn(path), tolerate: ["trailing-bytes"] });
      expect(decide(tolerated).verdict).toBe("unsealed");
    });
  });

  it("streams what is too large to be held, and compares its digest too", async () => {
    // Data Set Trailing Padding (PS3.10 7.2) of 33 MiB.
    const padding = Buffer.alloc((33 << 20) + 12);
    padding.write("fcfffcff4f420000", "hex");
    padding.writeUInt32LE(33 << 20, 8);
    const large = objectIn(site.write("large.dcm", Buffer.concat([sampleFile("2.25.1"), padding])));
    await withExaminer({}, async (examiner) => {
      expect(decide(await examiner.examine(large)).verdict).toBe("unsealed");
      const other = { ...large, digest: sealed.digest };
      await expect(examiner.examine(other)).rejects.toMatchObject({ code: "io" });
    });
  });

  it("ends a thread that takes too long, and goes on with another", async () => {
    const hangs = program(`if (message.object.bytes === 1) for (;;); else ${answer};`);
    await withExaminer({ workerProgram: hangs, evidenceMs: 1000 }, async (examiner, events) => {
      const slow = examiner.examine({ ...sealed, bytes: 1 });
      const next = examiner.examine(sealed);
      await expect(slow).rejects.toMatchObject({ code: "timeout" });
      await expect(next).resolves.toEqual(evidence.evidence);
      expect(events).toContainEqual({ kind: "worker-ended", why: "an examination took too long" });
    });
  });

  it("what lies behind a slow object goes to another thread, and is answered once", async () => {
    // Takes long for objects of one byte: two threads may begin one after the other on a busy machine.
    const slow = program(`
      const until = Date.now() + (message.object.bytes === 1 ? 3_000 : 0);
      while (Date.now() < until);
      parentPort.postMessage({ kind: "evidence", evidence: { bytes: message.object.bytes } });`);
    await withExaminer({ workerProgram: slow, width: 2 }, async (examiner) => {
      await examiner.start();
      const order: string[] = [];
      const jobs = [1, 2, 3].map((bytes) =>
        examiner.examine({ ...sealed, bytes }).then((found) => {
          order.push(`${bytes} ${JSON.stringify(found)}`);
        }),
      );
      await Promise.all(jobs);
      expect(order.at(-1)).toBe('1 {"bytes":1}');
      // What was examined twice shifts nobody's answer.
      for (const bytes of [4, 5, 6, 7])
        expect(await examiner.examine({ ...sealed, bytes })).toEqual({ bytes });
    });
  });

  it.each([
    ["crashes", "throw new TypeError('secret');", "TypeError"],
    ["exits", "process.exit(3);", "it ended"],
    [
      "takes all memory",
      "const all = []; for (;;) all.push(new Array(1e6).fill(all.length));",
      "ERR_WORKER_OUT_OF_MEMORY",
    ],
  ])("goes on when a thread %s", async (_, does, why) => {
    const fails = program(`if (message.object.bytes === 1) { ${does} } else ${answer};`);
    await withExaminer({ workerProgram: fails }, async (examiner, events) => {
      const lost = examiner.examine({ ...sealed, bytes: 1 });
      const next = examiner.examine(sealed);
      await expect(lost).rejects.toMatchObject({ code: "internal" });
      await expect(next).resolves.toEqual(evidence.evidence);
      expect(events).toContainEqual({ kind: "worker-ended", why });
    });
  });

  it("tells when threads cannot be started", async () => {
    const broken = new URL("data:text/javascript,throw new Error()");
    await withExaminer({ workerProgram: broken }, async (examiner) => {
      await expect(examiner.start()).rejects.toMatchObject({ code: "internal" });
      await expect(examiner.examine(sealed)).rejects.toMatchObject({ code: "internal" });
      await expect(examiner.examine(sealed)).rejects.toMatchObject({ code: "internal" });
    });
  });

  it("notices a revocation while it runs, and holds everything while the trust files are damaged", async () => {
    const verdictOf = async (examiner: WorkerExaminer): Promise<string> =>
      decide(await examiner.examine(sealed)).verdict;
    await withExaminer({}, async (examiner, events, advance) => {
      expect(await verdictOf(examiner)).toBe("verified");
      const authority = await site.home.openAuthority();
      authority.revoke(site.home.issuedTo("CT1")!.serial, "keyCompromise");
      advance(2000);
      expect(await verdictOf(examiner)).toBe("untrusted");
      expect(events).toContainEqual({ kind: "trust-reloaded", devices: 1 });

      const [, crl = ""] = site.home.trustPaths();
      const whole = readFileSync(crl);
      writeFileSync(crl, "damaged");
      advance(2000);
      await expect(examiner.examine(sealed)).rejects.toMatchObject({ code: "key-unusable" });
      await expect(examiner.examine(sealed)).rejects.toMatchObject({ code: "key-unusable" });
      writeFileSync(crl, whole);
      expect(await verdictOf(examiner)).toBe("untrusted");
    });
  });

  it("answers everything that waits for a thread when the trust becomes unreadable", async () => {
    let isReadable = true;
    const trust = {
      current: () => {
        if (!isReadable) throw new ScansealError("key-unusable", "damaged");
        return { version: 1, content: site.home.trustContent(), markSigners: [] };
      },
    };
    const workerProgram = program(`parentPort.postMessage(${JSON.stringify(evidence)})`);
    await withExaminer({ trust, workerProgram }, async (examiner) => {
      await examiner.start();
      const waiting = Array.from({ length: 5 }, () => examiner.examine(sealed));
      isReadable = false;
      const ends = await Promise.allSettled(waiting);
      expect(ends.map(({ status }) => status)).toEqual([
        "fulfilled",
        "fulfilled",
        ...Array(3).fill("rejected"),
      ]);
      isReadable = true;
      expect(await examiner.examine(sealed)).toEqual(evidence.evidence);
    });
  });

  it("judges certificates at the time of the object, not of the start", async () => {
    await withExaminer({}, async (examiner, _, advance) => {
      const fact = async (): Promise<string | undefined> =>
        (await examiner.examine(sealed)).manifest?.trust?.result;
      expect(await fact()).toBe("certificate-revoked");
      advance(20 * 365 * 86_400_000);
      expect(await fact()).not.toBe("certificate-revoked");
    });
  });

  it("takes nothing more once it is closed", async () => {
    await withExaminer({}, async (examiner) => {
      await examiner.start();
      const waiting = [examiner.examine(sealed), examiner.examine(sealed)].map((one) =>
        one.then(
          () => "evidence",
          (error: { code: string }) => error.code,
        ),
      );
      await examiner.close();
      expect(await Promise.all(waiting)).toEqual(["internal", "usage"]);
      await expect(examiner.examine(sealed)).rejects.toMatchObject({ code: "usage" });
    });
  });
});
