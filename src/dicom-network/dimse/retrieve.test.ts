/** C-MOVE and C-GET between our client and our provider: sub-operations, cancels, refusals, slow and broken ends. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ArchivedObject, MemoryArchive } from "../../../test/dicom-network/memory-archive.ts";
import {
  closeEnds,
  ct,
  explicit,
  fourObjects,
  open,
  serve,
} from "../../../test/dicom-network/query-retrieve-ends.ts";
import { RecordingProvider } from "../../../test/dicom-network/recording-provider.ts";
import { tags } from "../../dicom/tags.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { RetrieveIdentifier } from "../query/retrieve-identifier.ts";
import type { AssociationEnd } from "./association.ts";
import type { DimseClient, DimseTarget } from "./client.ts";
import type { StoreReceiver } from "./service.ts";
import { queryRetrieveClassUid } from "./sop-classes.ts";
import { upperLayerTimers } from "./upper-layer/upper-layer-defaults.ts";

let objects: readonly ArchivedObject[];
let archive: MemoryArchive;

beforeAll(async () => {
  objects = await fourObjects();
});
beforeEach(() => {
  archive = new MemoryArchive(objects);
});
afterEach(closeEnds);

const study = (): string => objects[0]!.textOf(tags.studyInstanceUid);
const uids = (): string[] => objects.map(({ sopInstanceUid }) => sopInstanceUid);
const wholeStudy = (): RetrieveIdentifier => ({
  root: "study",
  level: "STUDY",
  studyUids: [study()],
  seriesUids: [],
  instanceUids: [],
});

/** Takes everything and tells what came. */
function taking(): { taken: Map<string, Bytes>; receive: Parameters<DimseClient["get"]>[1] } {
  const taken = new Map<string, Bytes>();
  const receive = ({ sopInstanceUid }: { sopInstanceUid: string }): StoreReceiver => {
    const pieces: Bytes[] = [];
    return {
      write: (bytes) => void pieces.push(new Uint8Array(bytes)),
      end: async () => {
        taken.set(sopInstanceUid, Buffer.concat(pieces));
        return { code: 0 };
      },
      cancel: () => undefined,
    };
  };
  return { taken, receive };
}

describe("C-GET", () => {
  it("gives every instance as it is, with its progress", async () => {
    const client = await open(await serve(archive));
    const { taken, receive } = taking();
    const left: unknown[] = [];
    const onProgress = ({ remaining }: { remaining?: number | undefined }): void => void left.push(remaining);
    const result = await client.get(wholeStudy(), receive, { onProgress });
    expect(result).toEqual({
      status: { code: 0, comment: undefined },
      remaining: undefined,
      completed: 4,
      failed: 0,
      warning: 0,
      failedUids: [],
    });
    expect(left).toEqual([3, 2, 1, 0]);
    for (const { sopInstanceUid, dataSet } of objects)
      expect(Buffer.compare(taken.get(sopInstanceUid)!, dataSet)).toBe(0);
    expect(archive.asked).toEqual([wholeStudy()]);
  });

  it("counts what is missing, what the peer refuses and what it takes with a warning", async () => {
    const client = await open(await serve(archive));
    const [missing, refused, odd] = uids();
    archive.missing.add(missing!);
    const { receive } = taking();
    const result = await client.get(wholeStudy(), (request) => {
      if (request.sopInstanceUid === refused) return { code: 0xa700 };
      return request.sopInstanceUid === odd
        ? { ...(receive(request) as StoreReceiver), end: async () => ({ code: 0xb000 }) }
        : receive(request);
    });
    expect(result).toMatchObject({ status: { code: 0xb000 }, completed: 1, failed: 2, warning: 1 });
    expect(result.failedUids).toEqual([missing, refused]);
  });

  it.each<[string, Partial<DimseTarget>]>([
    ["did not take the role", { roles: [] }],
    [
      "has only another transfer syntax",
      {
        contexts: [
          { id: 1, abstractSyntax: queryRetrieveClassUid("study", "get"), transferSyntaxes: [explicit] },
          { id: 3, abstractSyntax: ct, transferSyntaxes: ["1.2.840.10008.1.2.4.70"] },
        ],
      },
    ],
  ])("fails for all where the peer %s", async (_, target) => {
    const client = await open(await serve(archive), target);
    const { receive } = taking();
    const result = await client.get(wholeStudy(), receive);
    expect(result).toMatchObject({ status: { code: 0xa702 }, completed: 0, failed: 4 });
    expect(result.failedUids).toEqual(uids());
  });

  it("is cancelled between two sub-operations", async () => {
    const client = await open(await serve(archive));
    const { taken, receive } = taking();
    const stop = new AbortController();
    const onProgress = (): void => stop.abort();
    const held = Promise.withResolvers<void>();
    let steps = 0;
    archive.pace = () => (++steps > 2 ? held.promise : Promise.resolve());
    const result = await client.get(wholeStudy(), receive, { onProgress, signal: stop.signal });
    held.resolve();
    expect(result.status.code).toBe(0xfe00);
    expect(result.completed).toBe(taken.size);
    expect(result.remaining).toBe(4 - taken.size);
    expect((await client.echo()).code).toBe(0);
  });

  it("is over when the peer goes in the middle of an instance", async () => {
    const provider = new MemoryArchive(objects);
    const ended = Promise.withResolvers<boolean>();
    const { get } = provider;
    provider.get = async (request) => {
      request.signal.addEventListener("abort", () => ended.resolve(true));
      return get.call(provider, request);
    };
    const client = await open(await serve(provider));
    const result = client.get(wholeStudy(), () => ({
      write: () => client.abort("enough"),
      end: async () => ({ code: 0 }),
      cancel: () => undefined,
    }));
    await expect(result).rejects.toMatchObject({ code: "network" });
    expect(await ended.promise).toBe(true);
  });

  it("sends away a peer that does not answer a sub-operation", async () => {
    const ends = Promise.withResolvers<AssociationEnd>();
    const provider = Object.assign(new MemoryArchive(objects), {
      ended: (_: unknown, __: unknown, end: AssociationEnd) => ends.resolve(end),
    });
    const client = await open(await serve(provider, { timers: { ...upperLayerTimers, idleMs: 100 } }));
    const result = client.get(wholeStudy(), () => ({
      write: () => undefined,
      end: () => new Promise(() => undefined),
      cancel: () => undefined,
    }));
    const failed = expect(result).rejects.toBeInstanceOf(ScansealError);
    expect(await ends.promise).toMatchObject({ kind: "aborted", by: "us", why: "idle for 100 ms" });
    client.abort("the test has seen enough");
    await failed;
  });

  it("aborts when an instance breaks after its first piece, and fails it before", async () => {
    const [first, ...others] = objects;
    const provider = new MemoryArchive(objects);
    const broken = (after: number) =>
      async function* (): AsyncGenerator<Bytes> {
        for (let i = 0; i < after; i++) yield first!.dataSet.subarray(i * 100_000, (i + 1) * 100_000);
        throw new Error("disk");
      };
    let after = 0;
    provider.get = async () => ({
      total: () => 2,
      steps: (async function* () {
        yield { ...first!, dataSet: broken(after) };
        yield {
          ...others[0]!,
          dataSet: async function* () {
            yield others[0]!.dataSet;
          },
        };
      })(),
    });
    const port = await serve(provider);
    const { taken, receive } = taking();
    const client = await open(port);
    expect(await client.get(wholeStudy(), receive)).toMatchObject({ completed: 1, failed: 1 });
    expect([...taken.keys()]).toEqual([others[0]!.sopInstanceUid]);
    after = 1;
    const again = await open(port);
    await expect(again.get(wholeStudy(), receive)).rejects.toMatchObject({ code: "peer-aborted" });
    expect(taken.size).toBe(1);
  });
});

it("of what is known in part alone is no success: a warning, and a failure where nothing was given", async () => {
  for (const [known, code] of [
    [objects.length, 0xb000],
    [0, 0xa702],
  ] as const) {
    const whole = new MemoryArchive(objects.slice(0, known));
    const part = new MemoryArchive(objects.slice(0, known));
    part.get = async (request) => ({ ...(await whole.get(request)), isPart: () => true });
    const client = await open(await serve(part));
    const result = await client.get(wholeStudy(), taking().receive);
    expect(result).toMatchObject({ status: { code }, completed: known, failed: 0, failedUids: [] });
  }
});

describe("C-MOVE", () => {
  async function reader(): Promise<RecordingProvider> {
    const provider = new RecordingProvider();
    archive.destinations.set("READER", await serve(provider));
    return provider;
  }

  it("moves to where it was told, and tells progress and failures", async () => {
    const provider = await reader();
    const client = await open(await serve(archive));
    archive.missing.add(uids()[2]!);
    const left: unknown[] = [];
    const onProgress = ({ remaining }: { remaining?: number | undefined }): void => void left.push(remaining);
    const result = await client.move("READER", wholeStudy(), { onProgress });
    expect(result).toMatchObject({ status: { code: 0xb000 }, completed: 3, failed: 1 });
    expect(result.failedUids).toEqual([uids()[2]]);
    expect(left).toEqual([3, 2, 1, 0]);
    expect(provider.taken.map(({ request }) => request.sopInstanceUid)).toEqual(
      uids().filter((uid) => uid !== uids()[2]),
    );
    expect(provider.taken[0]!.request.moveOriginator).toEqual({ aeTitle: "READER", messageId: 1 });
  });

  it("to nobody is A801, to no name too", async () => {
    const client = await open(await serve(archive));
    expect((await client.move("NOBODY", wholeStudy())).status.code).toBe(0xa801);
    expect((await client.move("", wholeStudy())).status.code).toBe(0xa801);
    expect((await client.move("READER", { ...wholeStudy(), studyUids: [] })).status.code).toBe(0xa900);
  });

  it("is cancelled in the middle", async () => {
    const provider = await reader();
    const client = await open(await serve(archive));
    const stop = new AbortController();
    const held = Promise.withResolvers<void>();
    let steps = 0;
    archive.pace = () => (++steps > 2 ? held.promise : Promise.resolve());
    const onProgress = (): void => stop.abort();
    const result = await client.move("READER", wholeStudy(), { onProgress, signal: stop.signal });
    expect(result).toMatchObject({ status: { code: 0xfe00 } });
    expect(result.completed! + result.remaining!).toBe(4);
    expect(provider.taken.length).toBeLessThan(4);
    held.resolve();
  });
});
