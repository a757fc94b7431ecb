/** A witness: the vectors' answers, one winner of many at once, and split views. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fromHex, utf8 } from "../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { checkpointText } from "../../src/provenance/transparency-log/proof/checkpoint.ts";
import {
  checkSignatures,
  formatNote,
  parseNote,
} from "../../src/provenance/transparency-log/proof/signed-note.ts";
import { TreeReader } from "../../src/provenance/transparency-log/proof/tree-reader.ts";
import {
  formatWitnessRequest,
  witnessAnswer,
  witnessRequestBytesMax,
} from "../../src/provenance/transparency-log/proof/witness-request.ts";
import { httpWitness } from "../../src/provenance/transparency-log/sequencer/witness-client.ts";
import { answerWitnessRequest } from "../../src/provenance/transparency-log/sequencer/witness-service.ts";
import { openLogJournal } from "../../src/store/log-journal/open-log-journal.ts";
import { startWitnessServer } from "../../src/web-api/transparency-log/witness-server.ts";
import vectors from "../vectors/transparency-log/vectors.json" with { type: "json" };
import { hasher, logKey, origin, sampleEntry, signedCheckpoint, tilesIn, witnessA } from "./memory-log.ts";
import { memoryWitnessMemory, witnessParts } from "./sequencer-fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-witness-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const entries = Array.from({ length: 400 }, (_, n) => sampleEntry(n));
const readerOf = (size: number) => new TreeReader(size, tilesIn(entries.slice(0, size)), hasher);

async function requestOf(old: number, size: number): Promise<Uint8Array> {
  const reader = readerOf(size);
  const path = old === 0 ? [] : await reader.consistencyPath(old);
  return formatWitnessRequest(old, path, signedCheckpoint(size, await reader.root()));
}

describe("a witness", () => {
  it.each(vectors.witness)("$name: $status", async ({ size, root, request, status }) => {
    const memory = memoryWitnessMemory();
    if (size > 0) await memory.remember(origin, undefined, { size, root: fromHex(root) });
    const before = await memory.witnessed(origin);
    const reply = await answerWitnessRequest(utf8(request), witnessParts(memory));
    expect(reply.status).toBe(status);
    if (status === 409)
      expect(reply).toMatchObject({ contentType: "text/x.tlog.size", body: utf8(`${size}\n`) });
    // What it refuses, it does not remember.
    if (status !== 200) expect(await memory.witnessed(origin)).toEqual(before);
    else expect((await memory.witnessed(origin))?.size).toBe(300);
  });

  it("signs what a verifier accepts", async () => {
    const request = await requestOf(0, 5);
    const { body } = await answerWitnessRequest(request, witnessParts(memoryWitnessMemory()));
    const checkpoint = signedCheckpoint(5, await readerOf(5).root());
    const note = parseNote(Buffer.concat([checkpoint, body]));
    expect((await checkSignatures(note, [witnessA.key], nodeCrypto)).good).toHaveLength(2);
  });

  it("never goes back, however many ask at once", async () => {
    const memory = await openLogJournal(join(folder, "race.sqlite"));
    await answerWitnessRequest(await requestOf(0, 10), witnessParts(memory));
    const sizes = [400, 20, 390, 30, 11, 350, 399];
    const requests = await Promise.all(sizes.map((size) => requestOf(10, size)));
    const replies = await Promise.all(
      requests.map((body) => answerWitnessRequest(body, witnessParts(memory))),
    );
    const winners = sizes.filter((_, i) => replies[i]!.status === 200);
    expect(winners).toHaveLength(1);
    expect(await memory.witnessed(origin)).toMatchObject({ size: winners[0] });
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(sizes.length - 1);
    await memory.close();
  });

  it("catches a split view: of two histories of one log it cosigns one", async () => {
    const memory = memoryWitnessMemory();
    await answerWitnessRequest(await requestOf(0, 100), witnessParts(memory));
    const other = [...entries.slice(0, 100), ...Array.from({ length: 50 }, (_, n) => sampleEntry(7000 + n))];
    const forked = new TreeReader(150, tilesIn(other), hasher);
    expect((await answerWitnessRequest(await requestOf(100, 150), witnessParts(memory))).status).toBe(200);
    const text = checkpointText(origin, { size: 150, root: await forked.root() });
    const fork = formatNote({ text, signatures: [logKey.sign(text)] });
    for (const [old, path] of [
      [100, await forked.consistencyPath(100)],
      [150, []],
    ] as const) {
      const reply = await answerWitnessRequest(formatWitnessRequest(old, path, fork), witnessParts(memory));
      expect(reply.status).toBe(409);
    }
  });

  it("answers over HTTP, within bounds", async () => {
    const memory = memoryWitnessMemory();
    const options = { host: "127.0.0.1", port: 0, bodyBytesMax: witnessRequestBytesMax };
    const answer = (body: Uint8Array) => answerWitnessRequest(body, witnessParts(memory));
    const server = await startWitnessServer({ ...options, answer });
    try {
      const url = `http://127.0.0.1:${server.port}`;
      const client = httpWitness(witnessA.key, url);
      expect(await client.ask(await requestOf(7, 20))).toEqual({ kind: "size", size: 0 });
      expect(await client.ask(await requestOf(0, 20))).toMatchObject({ kind: "signed" });
      expect(await client.ask(utf8("garbage"))).toEqual({ kind: "failed", why: "status 400" });
      const large = { method: "POST", body: new Uint8Array(witnessRequestBytesMax + 1) };
      expect((await fetch(`${url}/add-checkpoint`, large)).status).toBe(413);
      expect((await fetch(`${url}/add-checkpoint`)).status).toBe(404);
    } finally {
      await server.close();
    }
    const gone = httpWitness(witnessA.key, `http://127.0.0.1:${server.port}`);
    expect(await gone.ask(await requestOf(20, 30))).toMatchObject({ kind: "failed" });
  });

  it("whose answer is no answer is a witness that is away", () => {
    expect(witnessAnswer(409, utf8("many\n"))).toMatchObject({ kind: "failed" });
    expect(witnessAnswer(200, utf8("yes"))).toMatchObject({ kind: "failed" });
    expect(witnessAnswer(200, new Uint8Array([0xff, 0x0a]))).toMatchObject({ kind: "failed" });
    expect(witnessAnswer(503, utf8(""))).toMatchObject({ kind: "failed" });
  });
});
