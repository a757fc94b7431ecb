/** Client and server over loopback connections. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { dataPdu, RawPeer } from "../../../test/dicom-network/raw-peer.ts";
import { RecordingProvider } from "../../../test/dicom-network/recording-provider.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { connectDimse, type DimseClient, type DimseTarget } from "./client.ts";
import { encodeCommandSet } from "./command-set.ts";
import { type DimseServer, type DimseServerOptions, startDimseServer } from "./server.ts";
import { DimseRefusal } from "./service.ts";
import { encodeAssociateRequest } from "./upper-layer/pdu-associate.ts";
import { upperLayerTimers } from "./upper-layer/upper-layer-defaults.ts";

const ct = "1.2.840.10008.5.1.4.1.1.2";
const verification = "1.2.840.10008.1.1";
const explicit = "1.2.840.10008.1.2.1";
const object = { sopClassUid: ct, sopInstanceUid: "1.2.3.4", transferSyntaxUid: explicit };

let server: DimseServer;
let provider: RecordingProvider;
const sockets: Socket[] = [];

async function start(options: DimseServerOptions = {}): Promise<void> {
  provider = new RecordingProvider();
  server = await startDimseServer({ host: "127.0.0.1", port: 0 }, provider, options);
}
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

function client(target: Partial<DimseTarget> = {}): Promise<DimseClient> {
  return connectDimse({
    host: "127.0.0.1",
    port: server.port,
    callingAeTitle: "TEST",
    calledAeTitle: "GATE",
    contexts: [
      { id: 1, abstractSyntax: verification, transferSyntaxes: [explicit] },
      { id: 3, abstractSyntax: ct, transferSyntaxes: [explicit] },
    ],
    ...target,
  });
}

/** A connection that says nothing. */
async function silent(): Promise<Socket> {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => undefined);
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

async function* pieces(...texts: readonly (string | Error)[]): AsyncGenerator<Bytes> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield Buffer.from(text);
  }
}

const withCode = (code: string): unknown => expect.objectContaining({ code });

describe("a client and a server", () => {
  it("echo, store and release", async () => {
    await start();
    const open = await client();
    expect(open.contexts.map(({ id }) => id)).toEqual([1, 3]);
    expect(await open.echo()).toMatchObject({ code: 0 });
    expect(await open.store(object, pieces("ab", "", "c", "def"))).toMatchObject({ code: 0 });
    expect(await open.store(object, pieces())).toMatchObject({ code: 0 });
    expect(server.associations).toBe(1);
    const ended = provider.nextEnd("released");
    await open.release();
    await ended;
    expect(open.isOpen).toBe(false);
    expect(server.associations).toBe(0);
    expect(provider.taken.map(({ dataSet }) => Buffer.from(dataSet).toString())).toEqual(["abcdef", ""]);
    const [{ request }] = provider.taken as [(typeof provider.taken)[0]];
    expect(request).toMatchObject({ ...object, messageId: 2 });
    expect(request.association.request.callingAeTitle).toBe("TEST");
    expect(provider.peers[0]!.address).toBe("127.0.0.1");
  });

  it("pass pieces of every size on unchanged, whatever the peer's PDU", async () => {
    await start({ limits: { maxPduBytes: 4_096, associatePduBytesMax: 65_536, sendPduBytesMax: 4_096 } });
    const open = await client();
    const sizes = [1, 4_095, 4_097, 2, 8_191, 1, 65_537, 3, 3, 100_000, 0, 12_345];
    const parts = sizes.map((size, i) => Buffer.alloc(size, i + 1));
    async function* reused(): AsyncGenerator<Bytes> {
      for (const part of parts) {
        const lent = new Uint8Array(part);
        yield lent;
        // A piece is valid until the next one is asked for.
        lent.fill(0xee);
      }
    }
    expect(await open.store(object, reused())).toMatchObject({ code: 0 });
    expect(Buffer.compare(provider.taken[0]!.dataSet, Buffer.concat(parts))).toBe(0);
    await open.release();
  });

  it("a refusal mid-way is answered once all has come, and the association goes on", async () => {
    await start();
    let taken = 0;
    const statuses: unknown[] = [];
    const record = provider.store.bind(provider);
    provider.store = (request) => {
      if (taken > 0) return record(request);
      return {
        write: ({ length }) => {
          taken += length;
          if (taken > 1_000_000) throw new DimseRefusal({ code: 0xa700, comment: "no room" });
        },
        end: () => Promise.reject(new Error("it was refused")),
        cancel: () => undefined,
      };
    };
    const open = await client();
    statuses.push(await open.store(object, megabytes(4)), await open.store(object, pieces("abc")));
    expect(statuses).toEqual([
      { code: 0xa700, comment: "no room" },
      { code: 0, comment: undefined },
    ]);
    expect(taken).toBeLessThan(1_200_000);
    expect(provider.log).toEqual(["end"]);
    await open.release();
  });

  it("a refused object that does not end is ended", async () => {
    await start({ drainBytesMax: 1_000_000 });
    provider.store = () => ({ code: 0xa700 });
    const open = await client();
    const ended = provider.nextEnd("aborted");
    await expect(open.store(object, megabytes(64))).rejects.toMatchObject({
      code: expect.stringMatching(/^(peer-aborted|network)$/),
    });
    expect(await ended).toMatchObject({ by: "us" });
    expect(open.isOpen).toBe(false);
  });

  it("a data set that fails is never complete at the other end", async () => {
    await start();
    const open = await client();
    const failure = new Error("the disk is gone");
    const ended = provider.nextEnd("aborted");
    await expect(open.store(object, pieces("abc", "def", failure))).rejects.toBe(failure);
    await ended;
    expect(provider.log).toEqual(["cancel", "association aborted"]);
    expect(open.isOpen).toBe(false);
    await expect(open.echo()).rejects.toBeInstanceOf(Error);
  });

  it("what the peer did not accept is not sent", async () => {
    await start();
    provider.admit = () => ({
      accept: (abstractSyntax) => (abstractSyntax === ct ? { refuse: 4 } : { transferSyntax: explicit }),
    });
    const open = await client();
    await expect(open.store(object, pieces())).rejects.toMatchObject({
      code: "peer-rejected",
      message: expect.stringMatching(/does not take SOP class .*: the transfer syntax is not supported/),
    });
    await expect(open.store({ ...object, transferSyntaxUid: "1.2.3" }, pieces())).rejects.toMatchObject({
      code: "peer-rejected",
      message: expect.stringMatching(/was not proposed/),
    });
    expect(await open.echo()).toMatchObject({ code: 0 });
    await open.release();
  });

  it("one operation at a time", async () => {
    await start();
    const open = await client();
    const first = open.echo();
    await expect(open.echo()).rejects.toEqual(withCode("usage"));
    await expect(open.release()).rejects.toEqual(withCode("usage"));
    expect(await first).toMatchObject({ code: 0 });
    await open.release();
  });

  it("a rejected association, an absent server, an unusable title", async () => {
    await start();
    provider.admit = () => ({ reject: { result: 1, source: 1, reason: 3 } });
    await expect(client()).rejects.toMatchObject({
      code: "peer-rejected",
      message: expect.stringContaining("calling AE title not recognized"),
    });
    await expect(client({ callingAeTitle: "a title of more than sixteen" })).rejects.toEqual(
      withCode("usage"),
    );
    const { port } = server;
    await server.close();
    await expect(client({ port })).rejects.toEqual(withCode("network"));
    await start();
  });

  it("an abort from either side, by its name", async () => {
    await start();
    provider.store = ({ association }) => {
      association.abort("no more");
      return { code: 0x0124 };
    };
    const open = await client();
    await expect(open.store(object, pieces("abc"))).rejects.toEqual(withCode("peer-aborted"));
    expect(await open.ended).toMatchObject({ kind: "aborted", by: "peer" });
    const other = await client();
    const ended = provider.nextEnd("aborted");
    other.abort("had enough");
    expect(await ended).toMatchObject({ by: "peer" });
    await expect(other.release()).rejects.toEqual(withCode("network"));
  });

  it("128 MB pass through memory that does not grow with them", async () => {
    await start();
    const got = createHash("sha256");
    let peak = 0;
    provider.store = () => ({
      write: (bytes) => {
        got.update(bytes);
        peak = Math.max(peak, process.memoryUsage().arrayBuffers);
        // A disk that is behind now and then: the peer is held back.
        return bytes.length % 7 === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined;
      },
      end: async () => ({ code: 0 }),
      cancel: () => undefined,
    });
    const open = await client();
    const sent = createHash("sha256");
    const before = process.memoryUsage().arrayBuffers;
    expect(await open.store(object, megabytes(128, sent))).toMatchObject({ code: 0 });
    expect(got.digest("hex")).toBe(sent.digest("hex"));
    // Chunks that nobody needs any more stay until the collector comes by.
    expect(peak - before).toBeLessThan(64 << 20);
    await open.release();
  });
});

/** Different ones, in one buffer. */
async function* megabytes(count: number, hash?: ReturnType<typeof createHash>): AsyncGenerator<Bytes> {
  const piece = new Uint8Array(1 << 20);
  for (let i = 0; i < count; i++) {
    piece.fill(i).set([i & 1, 2, 3], i);
    hash?.update(piece);
    yield piece;
  }
}

describe("connections", () => {
  it("silent ones make room for others, and do not delay them", async () => {
    await start({ connectionsMax: 20, connectionsPerAddressMax: 10 });
    const quiet = [];
    for (let i = 0; i < 10; i++) quiet.push(await silent());
    const [first, second] = quiet as [Socket, Socket];
    const closed = Promise.all([once(first, "close"), once(second, "close")]);
    const a = await client();
    const b = await client();
    await closed;
    expect([await a.echo(), await b.echo()]).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(quiet.slice(2).some((socket) => socket.destroyed)).toBe(false);
    await Promise.all([a.release(), b.release()]);
  });

  it("300 silent ones: a good peer is answered", async () => {
    await start();
    await Promise.all(Array.from({ length: 300 }, silent));
    const open = await client();
    expect(await open.echo()).toMatchObject({ code: 0 });
    expect(await open.store(object, pieces("abc"))).toMatchObject({ code: 0 });
    await open.release();
  });

  it("where all have associated the next one is refused, and taken again later", async () => {
    await start({ connectionsMax: 2 });
    const [a, b] = [await client(), await client()];
    await expect(client()).rejects.toEqual(withCode("network"));
    expect(await a!.echo()).toMatchObject({ code: 0 });
    const ended = provider.nextEnd("released");
    await a!.release();
    await ended;
    const c = await client();
    await Promise.all([b!.release(), c.release()]);
  });

  it("who says nothing is let go", async () => {
    await start({ timers: { ...upperLayerTimers, artimMs: 50 } });
    const ended = provider.nextEnd("lost");
    await once(await silent(), "close");
    await ended;
    expect(provider.log).toEqual(["connection lost"]);
  });

  it("a port that is taken is one error", async () => {
    await start();
    const again = startDimseServer({ host: "127.0.0.1", port: server.port }, provider);
    await expect(again).rejects.toMatchObject({
      code: "network",
      message: expect.stringContaining("EADDRINUSE"),
    });
  });
});

describe("stopping", () => {
  it("finishes what is arriving, ends what is idle, takes nothing new", async () => {
    await start();
    const gate = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    provider.store = () => ({
      write: () => arrived.resolve(),
      end: async () => {
        await gate.promise;
        return { code: 0 };
      },
      cancel: () => void provider.log.push("cancel"),
    });
    const [idle, busy] = [await client(), await client()];
    const quiet = await silent();
    const storing = busy.store(object, pieces("abc"));
    await arrived.promise;
    const { port } = server;
    const closed = once(quiet, "close");
    expect(server.isListening).toBe(true);
    const drained = server.drain(60_000);
    await Promise.all([idle.ended, closed]);
    await expect(client({ port })).rejects.toEqual(withCode("network"));
    gate.resolve();
    expect(await storing).toMatchObject({ code: 0 });
    await drained;
    expect(server.isListening).toBe(false);
    expect(provider.log).not.toContain("cancel");
    expect(await busy.ended).toMatchObject({ kind: "aborted", by: "peer" });
  });

  it("gives up what does not end in time", async () => {
    await start();
    const arrived = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    provider.store = () => ({
      write: () => {
        arrived.resolve();
        return new Promise(() => undefined);
      },
      end: async () => ({ code: 0 }),
      cancel: () => cancelled.resolve(),
    });
    const open = await client();
    const storing = open.store(object, megabytes(8));
    const outcome = expect(storing).rejects.toBeInstanceOf(Error);
    await arrived.promise;
    await server.drain(1);
    await cancelled.promise;
    await outcome;
    expect(server.associations).toBe(0);
  });
});

it("a command after half a data set ends the association, and the object is given up", async () => {
  await start();
  const raw = new RawPeer(await silent());
  const context = { id: 3, abstractSyntax: ct, transferSyntaxes: [explicit] };
  raw.send(
    encodeAssociateRequest({
      callingAeTitle: "TEST",
      calledAeTitle: "GATE",
      applicationContext: "1.2.840.10008.3.1.1.1",
      contexts: [context],
      user: { maxPduBytes: 0, implementationClassUid: "1.2" },
    }),
  );
  expect((await raw.pdu())![0]).toBe(2);
  const ended = provider.nextEnd("aborted");
  const command = encodeCommandSet({
    field: 1,
    hasDataSet: true,
    messageId: 1,
    sopClassUid: ct,
    sopInstanceUid: "1.2",
  });
  raw.send(dataPdu([3, 3, command], [3, 0, Buffer.from("half")], [3, 3, command]));
  expect((await raw.pdu())![0]).toBe(7);
  raw.socket.destroy();
  expect(await ended).toMatchObject({ by: "us", why: "a command while a data set is incomplete" });
  expect(provider.log).toEqual(["cancel", "association aborted"]);
});
