/** Every byte of a proof and of a checkpoint counts. */
import { describe, expect, it } from "vitest";
import {
  bothWitnesses,
  hasher,
  logKey,
  origin,
  plainRoot,
  policyOf,
  sampleEntry,
  sampleProof,
  sha256,
  signedCheckpoint,
  testKey,
  testTime,
  tilesIn,
  witnessA,
  witnessB,
} from "../../../../test/transparency-log/memory-log.ts";
import { nodeCrypto } from "../../../platform/node/crypto.ts";
import { checkpointText } from "./checkpoint.ts";
import { contentOfPlace, entryOf, kindOf, sealsContent } from "./log-entry.ts";
import { formatNote } from "./signed-note.ts";
import { TreeReader } from "./tree-reader.ts";
import { type LogStep, verifyCheckpoint, verifyGrowth, verifyLogProof } from "./verification.ts";
import { verifyWholeLog } from "./whole-log.ts";

const trust = { policy: policyOf(bothWitnesses), crypto: nodeCrypto, now: testTime + 60 };
const root = new Uint8Array(32).fill(7);

describe("proof of an entry", () => {
  it("holds, with the time at which the quorum was there", async () => {
    for (const [index, size] of [
      [0, 1],
      [3, 300],
      [299, 300],
      [255, 256],
      [256, 257],
    ] as const) {
      const { entry, proof } = await sampleProof(index, size);
      expect(await verifyLogProof(proof, entry, trust)).toMatchObject({
        ok: true,
        index,
        protection: "witnessed",
        time: testTime + 7,
      });
    }
  });

  it("every byte flipped is refused, with the step named", async () => {
    const { entry, proof } = await sampleProof(70, 300);
    const steps = new Map<LogStep, number>();
    for (let at = 0; at < proof.length; at++) {
      for (const bits of [0x01, 0x20, 0x80]) {
        const changed = new Uint8Array(proof);
        changed[at]! ^= bits;
        const result = await verifyLogProof(changed, entry, trust);
        expect(result.ok, `byte ${at} ^ ${bits}`).toBe(false);
        if (!result.ok) steps.set(result.step, (steps.get(result.step) ?? 0) + 1);
      }
    }
    const expected: LogStep[] = [
      "proof-format",
      "checkpoint-format",
      "log-signature",
      "witness-quorum",
      "inclusion",
    ];
    expect([...steps.keys()].sort()).toEqual(expected.sort());
  });

  it("truncated or lengthened anywhere is refused", async () => {
    const { entry, proof } = await sampleProof(5, 40);
    for (let at = 0; at < proof.length; at++) {
      expect((await verifyLogProof(proof.subarray(0, at), entry, trust)).ok, `cut at ${at}`).toBe(false);
      const longer = Buffer.concat([proof.subarray(0, at), Uint8Array.of(0x41), proof.subarray(at)]);
      expect((await verifyLogProof(longer, entry, trust)).ok, `longer at ${at}`).toBe(false);
    }
  });

  it("of another entry, or of none, is refused", async () => {
    const { entry, proof } = await sampleProof(5, 40);
    for (let at = 0; at < entry.length; at++) {
      const changed = new Uint8Array(entry);
      changed[at]! ^= 1;
      expect(await verifyLogProof(proof, changed, trust)).toMatchObject({ ok: false, step: "inclusion" });
    }
    expect(await verifyLogProof(proof, undefined, trust)).toMatchObject({ ok: false, step: "entry" });
  });
});

describe("checkpoint", () => {
  const text = checkpointText(origin, { size: 9, root });
  const noteOf = (...signatures: Parameters<typeof formatNote>[0]["signatures"]) =>
    formatNote({ text, signatures });

  it("every byte flipped is refused", async () => {
    const note = signedCheckpoint(9, root);
    expect((await verifyCheckpoint(note, trust)).ok).toBe(true);
    for (let at = 0; at < note.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = new Uint8Array(note);
        changed[at]! ^= 1 << bit;
        expect((await verifyCheckpoint(changed, trust)).ok, `byte ${at}, bit ${bit}`).toBe(false);
      }
    }
  });

  it("needs its log and its quorum", async () => {
    const stranger = testKey(origin, 1).sign("something else");
    const cases: [Uint8Array, LogStep][] = [
      [noteOf(witnessA.cosign(text, testTime), witnessB.cosign(text, testTime)), "log-signature"],
      [noteOf(stranger, witnessA.cosign(text, testTime), witnessB.cosign(text, testTime)), "log-signature"],
      [noteOf(logKey.sign(text), witnessA.cosign(text, testTime)), "witness-quorum"],
      [
        noteOf(logKey.sign(text), witnessA.cosign(text, 5), witnessB.cosign(text, testTime + 9999)),
        "witness-quorum",
      ],
      [noteOf(logKey.sign(text), witnessA.cosign(text, 5), witnessA.cosign(text, 6)), "witness-quorum"],
      [signedCheckpoint(9, root, "other.example"), "log-signature"],
    ];
    for (const [note, step] of cases)
      expect(await verifyCheckpoint(note, trust)).toMatchObject({ ok: false, step });
  });

  it("without witnesses says that nobody watches the site's administrators", async () => {
    const alone = { ...trust, policy: policyOf([`log ${logKey.vkey}`, "quorum none"]) };
    expect(await verifyCheckpoint(noteOf(logKey.sign(text)), alone)).toMatchObject({
      ok: true,
      protection: "not protected from site administrators",
      time: undefined,
    });
  });

  it("signatures of unknown keys are ignored", async () => {
    const other = testKey("witness-c.example", 4).cosign(text, testTime);
    const note = noteOf(
      other,
      logKey.sign(text),
      witnessB.cosign(text, testTime),
      witnessA.cosign(text, testTime),
    );
    expect((await verifyCheckpoint(note, trust)).ok).toBe(true);
  });
});

describe("seals of a series", () => {
  it("are one entry; each image has its place in it, and no other image", async () => {
    const payloads = Array.from({ length: 300 }, (_, n) => sha256(Uint8Array.of(n & 255, n >> 8)));
    const salt = sha256(root);
    const entry = entryOf({ kind: "seals", salt, content: sealsContent(payloads, hasher) }, nodeCrypto);
    expect(kindOf(entry)).toBe("seals");
    const leaves = payloads.map((payload) => hasher.leaf(payload));
    const index = 17;
    const path = await pathIn(leaves, index);
    const place = { payloadDigest: payloads[index]!, index, count: 300, path };
    const opened = (changed: Partial<typeof place>): Uint8Array | undefined => {
      const content = contentOfPlace({ ...place, ...changed }, hasher);
      return content && entryOf({ kind: "seals", salt, content }, nodeCrypto);
    };
    expect(opened({})).toEqual(entry);
    for (const wrong of [
      { index: 18 },
      { count: 299 },
      { payloadDigest: payloads[18]! },
      { path: path.slice(1) },
    ])
      expect(opened(wrong)).not.toEqual(entry);
  });
});

/** In the small tree of one series. */
async function pathIn(leaves: readonly Uint8Array[], index: number): Promise<Uint8Array[]> {
  const entries = new TreeReader(
    leaves.length,
    async ({ level, index: tile, width }) => {
      const span = 256 ** (level as number);
      const at = (i: number) => (tile * 256 + i) * span;
      return Buffer.concat(
        Array.from({ length: width }, (_each, i) => plainRoot(leaves.slice(at(i), at(i) + span))),
      );
    },
    hasher,
  );
  return await entries.inclusionPath(index);
}

describe("a whole log", () => {
  const entries = Array.from({ length: 700 }, (_, n) => sampleEntry(n));
  const read = tilesIn(entries);
  const head = { size: 700, root: plainRoot(entries.map((entry) => hasher.leaf(entry))) };

  it("is read entry by entry", async () => {
    const seen: number[] = [];
    await verifyWholeLog(head, read, hasher, (_entry, index) => seen.push(index));
    expect(seen).toEqual(entries.map((_, index) => index));
  });

  it("with any byte changed in any tile or bundle is refused", async () => {
    const paths: { level: number | "entries"; index: number; width: number }[] = [];
    await verifyWholeLog(
      head,
      (name) => {
        paths.push(name);
        return read(name);
      },
      hasher,
      () => undefined,
    );
    expect(paths).toHaveLength(3 + 2 + 1 + 1);
    for (const damaged of paths) {
      const bytes = await read(damaged);
      for (let at = 0; at < bytes.length; at += 131) {
        const changed = new Uint8Array(bytes);
        changed[at]! ^= 4;
        const deceitful = async (name: typeof damaged) =>
          name.level === damaged.level && name.index === damaged.index ? changed : read(name);
        await expect(verifyWholeLog(head, deceitful, hasher, () => undefined)).rejects.toMatchObject({
          code: "log-structure",
        });
      }
    }
  });

  it("only grows", async () => {
    const older = {
      origin,
      size: 300,
      root: plainRoot(entries.slice(0, 300).map((entry) => hasher.leaf(entry))),
    };
    const newer = { origin, ...head };
    const path = await new TreeReader(700, read, hasher).consistencyPath(300);
    const note = { text: "", signatures: [] };
    expect(verifyGrowth({ ...older, note }, { ...newer, note }, path, nodeCrypto)).toEqual({ ok: true });
    const forked = { ...older, root, note };
    expect(verifyGrowth(forked, { ...newer, note }, path, nodeCrypto)).toMatchObject({ step: "consistency" });
    const elsewhere = { ...newer, origin: "other.example", note };
    expect(verifyGrowth({ ...older, note }, elsewhere, path, nodeCrypto)).toMatchObject({ ok: false });
  });
});
