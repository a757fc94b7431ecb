/** Every timer, on a clock of the test's own, over a pair of streams. */
import { type Duplex, duplexPair } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { accepting, options, peer, request } from "../../../../test/dicom-network/played-association.ts";
import { abortPdu, dataPdu, RawPeer, releaseRequest, wire } from "../../../../test/dicom-network/raw-peer.ts";
import { type Bytes, toHex } from "../../../foundation/bytes.ts";
import type { AssociationEnd } from "../association.ts";
import { acceptConnection } from "./accept-connection.ts";
import { encodeAssociateAccept, encodeAssociateRequest } from "./pdu-associate.ts";
import { requestAssociation } from "./request-association.ts";
import type { AssociateDecision, DataIndication, UpperLayerAssociation } from "./upper-layer.ts";

const { timers } = options;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  // An ended association keeps no timer.
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** Lets streams and promises do what they can without time going by. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function pass(ms: number): Promise<void> {
  await settle();
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

interface Watched {
  readonly raw: RawPeer;
  readonly server: Duplex;
  readonly end: () => AssociationEnd | undefined;
  readonly association: () => UpperLayerAssociation | undefined;
}

function watch(decide: () => AssociateDecision | Promise<AssociateDecision>): Watched {
  const [client, server] = duplexPair();
  let end: AssociationEnd | undefined;
  const { ended } = acceptConnection(server, peer, decide, options);
  void ended.then((value) => {
    end = value;
  });
  return { raw: new RawPeer(client), server, end: () => end, association: () => undefined };
}

async function associated(indication: DataIndication = () => undefined): Promise<Watched> {
  let association: UpperLayerAssociation | undefined;
  const watched = watch(() =>
    accepting((opened) => {
      association = opened;
      return indication;
    }),
  );
  watched.raw.send(encodeAssociateRequest(request));
  expect((await watched.raw.pdu())?.[0]).toBe(2);
  return { ...watched, association: () => association };
}

/** Our abort goes out at once, the connection is closed by ARTIM as the peer does nothing. */
async function expectAborted(watched: Watched, why: RegExp): Promise<void> {
  await settle();
  expect(toHex((await watched.raw.pdu())!)).toBe(toHex(abortPdu));
  expect(watched.end()).toBeUndefined();
  await pass(timers.artimMs);
  expect(watched.end()).toMatchObject({ kind: "aborted", by: "us", why: expect.stringMatching(why) });
}

describe("ARTIM", () => {
  it("closes a connection on which no request comes, however slowly it comes", async () => {
    const watched = watch(() => accepting(() => () => undefined));
    const bytes = encodeAssociateRequest(request);
    for (let i = 0; i < 9; i++) {
      watched.raw.send(bytes.subarray(i, i + 1));
      await pass(timers.artimMs / 10);
    }
    expect(watched.end()).toBeUndefined();
    await pass(timers.artimMs / 10);
    expect(watched.end()).toMatchObject({ kind: "lost", why: expect.stringContaining("10000 ms") });
    expect(watched.server.destroyed).toBe(true);
  });

  it("does not run while the user decides", async () => {
    const { promise, resolve } = Promise.withResolvers<AssociateDecision>();
    const watched = watch(() => promise);
    watched.raw.send(encodeAssociateRequest(request));
    await pass(10 * timers.artimMs);
    resolve({ reject: { result: 2, source: 1, reason: 1 } });
    expect((await watched.raw.pdu())?.[0]).toBe(3);
    await pass(timers.artimMs - 1);
    expect(watched.end()).toBeUndefined();
    await pass(1);
    expect(watched.end()).toMatchObject({ kind: "rejected", by: "us" });
  });

  it("closes after a release, when the peer does not", async () => {
    const watched = await associated();
    watched.raw.send(releaseRequest);
    expect((await watched.raw.pdu())?.[0]).toBe(6);
    await pass(timers.artimMs);
    expect(watched.end()).toEqual({ kind: "released" });
    expect(watched.server.destroyed).toBe(true);
  });

  it("bounds how long a requestor waits for the answer to its request", async () => {
    const [client, server] = duplexPair();
    const raw = new RawPeer(server);
    let code: unknown;
    requestAssociation(client, peer, request, () => () => undefined, options).catch((error) => {
      code = error.code;
    });
    expect((await raw.pdu())?.[0]).toBe(1);
    await pass(timers.artimMs - 1);
    expect(code).toBeUndefined();
    await pass(1);
    expect(code).toBe("timeout");
    expect(toHex((await raw.pdu())!)).toBe(toHex(abortPdu));
    await pass(timers.artimMs);
    expect(client.destroyed).toBe(true);
  });

  it("bounds how long we wait for the answer to our release", async () => {
    const watched = await associated();
    void watched.association()!.release();
    expect((await watched.raw.pdu())?.[0]).toBe(5);
    await pass(timers.artimMs);
    await expectAborted(watched, /nothing came/);
  });
});

describe("an association", () => {
  it("that is idle is aborted", async () => {
    const watched = await associated();
    await pass(timers.idleMs - 1_000);
    watched.raw.send(dataPdu([1, 3, wire("01")]));
    await pass(timers.idleMs - 1_000);
    expect(watched.end()).toBeUndefined();
    await pass(3_000);
    await expectAborted(watched, /idle/);
  });

  it("is not idle while we work on what it sent", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watched = await associated(() => promise);
    watched.raw.send(dataPdu([1, 2, wire("01")]));
    await pass(10 * timers.idleMs);
    resolve();
    await pass(timers.idleMs - 1_000);
    expect(watched.server.destroyed).toBe(false);
    await pass(3_000);
    await expectAborted(watched, /idle/);
  });

  it("may be silent while we do work for it, and what it sends is read meanwhile", async () => {
    const got: number[] = [];
    const watched = await associated(({ bytes }) => void got.push(bytes.length));
    const work = Promise.withResolvers<string>();
    const done = watched.association()!.work(work.promise);
    await pass(10 * timers.idleMs);
    expect(watched.end()).toBeUndefined();
    watched.raw.send(dataPdu([1, 3, wire("01 02")]));
    await settle();
    expect(got).toEqual([2]);
    work.resolve("done");
    expect(await done).toBe("done");
    await pass(timers.idleMs - 2_000);
    expect(watched.end()).toBeUndefined();
    await pass(4_000);
    await expectAborted(watched, /idle/);
  });

  it("that we abort while an indication is pending for ever ends when the peer closes", async () => {
    const watched = await associated(() => new Promise(() => undefined));
    watched.raw.send(dataPdu([1, 0, wire("01")]), dataPdu([1, 2, wire("02")]));
    await settle();
    watched.association()!.abort("test");
    expect(toHex((await watched.raw.pdu())!)).toBe(toHex(abortPdu));
    watched.raw.socket.end();
    await settle();
    expect(watched.end()).toMatchObject({ kind: "aborted", by: "us", why: "test" });
  });

  it("is given the time we held it back, for its PDU and its message", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let pieces = 0;
    const watched = await associated(() => (pieces++ === 0 ? promise : undefined));
    const pdu = dataPdu([1, 2, new Uint8Array(100)]);
    watched.raw.send(pdu.subarray(0, 50));
    await pass(10 * timers.pduMs);
    resolve();
    await pass(timers.minimumRateGraceMs - 1_000);
    watched.raw.send(pdu.subarray(50), releaseRequest);
    expect((await watched.raw.pdu())?.[0]).toBe(6);
    await pass(timers.artimMs);
    expect(watched.end()).toEqual({ kind: "released" });
  });

  it("whose PDU does not end is aborted, whatever trickles in", async () => {
    const watched = await associated();
    // Fast enough on the average, at first.
    watched.raw.send(dataPdu([1, 3, new Uint8Array(131_000)]).subarray(0, 130_900));
    for (let ms = 0; ms < timers.pduMs; ms += 1_000) {
      watched.raw.send(Uint8Array.of(0));
      await pass(1_000);
    }
    await pass(2_000);
    await expectAborted(watched, /PDU was not complete/);
  });

  it("whose message comes too slowly is aborted, though each PDU is whole", async () => {
    const watched = await associated();
    const pdu = dataPdu([1, 0, new Uint8Array(1_000)]);
    for (let ms = 0; ms < timers.minimumRateGraceMs; ms += 1_000) {
      watched.raw.send(pdu);
      await pass(1_000);
    }
    watched.raw.send(pdu);
    await pass(2_000);
    await expectAborted(watched, /less than 4096 bytes a second/);
  });

  it("whose messages are small but whole is left alone", async () => {
    const watched = await associated();
    for (let ms = 0; ms < 5 * timers.minimumRateGraceMs; ms += 1_000) {
      watched.raw.send(dataPdu([1, 3, wire("01")]));
      await pass(1_000);
    }
    expect(watched.server.destroyed).toBe(false);
    watched.raw.socket.end();
    await settle();
    expect(watched.end()).toMatchObject({ kind: "lost" });
  });

  it("that takes nothing of what we send is aborted, and closed without its help", async () => {
    const watched = await associated();
    watched.raw.socket.removeAllListeners("data");
    watched.raw.socket.pause();
    let code: unknown;
    watched
      .association()!
      .send(1, { isCommand: false, isLast: true }, new Uint8Array(10_000_000))
      .catch((error) => {
        code = error.code;
      });
    await pass(timers.sendStallMs - 1_000);
    expect(code).toBeUndefined();
    await pass(3_000);
    expect(code).toBe("timeout");
    await pass(timers.artimMs);
    expect(watched.end()).toMatchObject({
      kind: "aborted",
      by: "us",
      why: expect.stringContaining("took nothing"),
    });
  });

  it("is not blamed for the time our own event loop was blocked", async () => {
    const watched = await associated();
    watched.raw.send(dataPdu([1, 3, new Uint8Array(100)]).subarray(0, 50));
    await pass(2_000);
    // The clock goes on, the timers do not: as if a long computation had the thread.
    const now = performance.now();
    const blocked = vi.spyOn(performance, "now").mockImplementation(() => now + 60_000);
    await pass(1_000);
    blocked.mockRestore();
    expect(watched.server.destroyed).toBe(false);
    watched.raw.socket.end();
    await settle();
    expect(watched.end()).toMatchObject({ kind: "lost" });
  });
});

describe("a requestor", () => {
  it("keeps no timer after its release", async () => {
    const [client, server] = duplexPair();
    const raw = new RawPeer(server);
    const pending = requestAssociation(client, peer, request, () => () => undefined, options);
    const rq: Bytes = (await raw.pdu())!;
    const decision = accepting(() => () => undefined) as Extract<AssociateDecision, { accept: object }>;
    raw.send(encodeAssociateAccept(decision.accept, rq.subarray(10, 74)));
    const association = await pending;
    const released = association.release();
    expect((await raw.pdu())?.[0]).toBe(5);
    raw.send(wire("06 00 00000004 00000000"));
    expect(await released).toEqual({ kind: "released" });
  });
});
