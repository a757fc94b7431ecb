/** Both roles over real sockets: with each other, and with a peer played byte by byte. */
import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  abortPdu,
  dataPdu,
  RawPeer,
  releaseRequest,
  releaseResponse,
  tcpPair,
  wire,
} from "../../../../test/dicom-network/raw-peer.ts";
import { type Bytes, concatBytes, toHex } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { AssociateRequest, AssociationEnd } from "../association.ts";
import { acceptConnection } from "./accept-connection.ts";
import { decodeAssociateAccept, encodeAssociateAccept, encodeAssociateRequest } from "./pdu-associate.ts";
import { requestAssociation } from "./request-association.ts";
import type {
  AssociateDecision,
  AssociateIndication,
  DataIndication,
  UpperLayerAssociation,
} from "./upper-layer.ts";
import { upperLayerLimits, upperLayerTimers } from "./upper-layer-defaults.ts";

const options = { timers: upperLayerTimers, limits: upperLayerLimits };
const peer = { address: "127.0.0.1", port: 104 };
const implicit = "1.2.840.10008.1.2";

const request: AssociateRequest = {
  callingAeTitle: "CT1",
  calledAeTitle: "GATE",
  applicationContext: "1.2.840.10008.3.1.1.1",
  contexts: [
    { id: 1, abstractSyntax: "1.2.840.10008.1.1", transferSyntaxes: [implicit] },
    { id: 3, abstractSyntax: "1.2.3", transferSyntaxes: [implicit] },
  ],
  user: { maxPduBytes: 0, implementationClassUid: "1.2.3" },
};

/** Accepts context 1 only. */
function accepting(onOpen: (association: UpperLayerAssociation) => DataIndication): AssociateDecision {
  return {
    accept: {
      contexts: [
        { id: 1, result: 0, transferSyntax: implicit },
        { id: 3, result: 3, transferSyntax: "" },
      ],
      user: { maxPduBytes: 0, implementationClassUid: "1.2.4" },
    },
    onOpen,
  };
}

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

async function pair(): Promise<[Socket, Socket]> {
  const ends = await tcpPair();
  open.push(...ends);
  return ends;
}

interface Collected {
  readonly parts: { isCommand: boolean; bytes: Bytes }[];
  readonly indication: DataIndication;
  readonly next: () => Promise<void>;
}

/** Puts message parts together. */
function collector(): Collected {
  const parts: { isCommand: boolean; bytes: Bytes }[] = [];
  let pieces: Bytes[] = [];
  let wake = () => {};
  return {
    parts,
    indication: ({ bytes, isCommand, isLast }) => {
      pieces.push(new Uint8Array(bytes));
      if (!isLast) return;
      parts.push({ isCommand, bytes: concatBytes(pieces) });
      pieces = [];
      wake();
    },
    next: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

/** A played requestor and our acceptor, which has accepted. */
async function acceptor(indication: DataIndication = () => undefined): Promise<{
  raw: RawPeer;
  ended: Promise<AssociationEnd>;
  association: UpperLayerAssociation;
  socket: Socket;
}> {
  const [client, server] = await pair();
  const raw = new RawPeer(client);
  const { promise, resolve } = Promise.withResolvers<UpperLayerAssociation>();
  const { ended } = acceptConnection(
    server,
    peer,
    () =>
      accepting((association) => {
        resolve(association);
        return indication;
      }),
    options,
  );
  raw.send(encodeAssociateRequest(request));
  expect((await raw.pdu())?.[0]).toBe(2);
  return { raw, ended, association: await promise, socket: server };
}

/** Our requestor and a played acceptor, which has accepted with the given maximum PDU. */
async function requestor(
  maxPduBytes = 0,
  indication: DataIndication = () => undefined,
): Promise<{ raw: RawPeer; association: UpperLayerAssociation; socket: Socket }> {
  const [client, server] = await pair();
  const raw = new RawPeer(server);
  const pending = requestAssociation(client, peer, request, () => indication, options);
  const rq = await raw.pdu();
  const decision = accepting(() => () => undefined) as Extract<AssociateDecision, { accept: object }>;
  const accept = { ...decision.accept, user: { ...decision.accept.user, maxPduBytes } };
  raw.send(encodeAssociateAccept(accept, rq!.subarray(10, 74)));
  return { raw, association: await pending, socket: client };
}

const rejectedWith = async (promise: Promise<unknown>): Promise<ScansealError> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ScansealError);
  return error as ScansealError;
};

function expectNothingLeft(socket: Socket): void {
  expect(socket.destroyed).toBe(true);
  for (const name of ["data", "error", "drain"]) expect(socket.listenerCount(name)).toBe(0);
}

describe("accept and request talk to each other", () => {
  it("associate, data both ways, release", async () => {
    const [client, server] = await pair();
    const received = collector();
    const answered = collector();
    const image = Uint8Array.from({ length: 500_001 }, (_, i) => i * 7);
    const { ended } = acceptConnection(
      server,
      peer,
      async (asked) => {
        expect(asked).toMatchObject({ callingAeTitle: "CT1", calledAeTitle: "GATE" });
        return accepting((association) => (value) => {
          received.indication(value);
          if (value.isLast && !value.isCommand)
            return association.send(1, { isCommand: true, isLast: true }, Uint8Array.of(9, 9));
        });
      },
      options,
    );
    const association = await requestAssociation(client, peer, request, () => answered.indication, options);
    expect(association.accept.user.maxPduBytes).toBe(upperLayerLimits.maxPduBytes);
    expect(association.accept.contexts.map((context) => context.result)).toEqual([0, 3]);
    const answer = answered.next();
    await association.send(1, { isCommand: true, isLast: true }, Uint8Array.of(1, 2, 3, 4));
    await association.send(1, { isCommand: false, isLast: false }, image);
    await association.send(1, { isCommand: false, isLast: false }, new Uint8Array(0));
    await association.send(1, { isCommand: false, isLast: true }, new Uint8Array(0));
    await answer;
    expect(received.parts).toEqual([
      { isCommand: true, bytes: Uint8Array.of(1, 2, 3, 4) },
      { isCommand: false, bytes: image },
    ]);
    expect(answered.parts).toEqual([{ isCommand: true, bytes: Uint8Array.of(9, 9) }]);
    expect(await association.release()).toEqual({ kind: "released" });
    expect(await ended).toEqual({ kind: "released" });
    expectNothingLeft(client);
    expectNothingLeft(server);
    expect((await rejectedWith(association.send(1, { isCommand: true, isLast: true }, image))).code).toBe(
      "network",
    );
  });

  it("a rejection, in words", async () => {
    const [client, server] = await pair();
    const { ended } = acceptConnection(
      server,
      peer,
      () => ({ reject: { result: 1, source: 1, reason: 3 } }),
      options,
    );
    const error = await rejectedWith(
      requestAssociation(client, peer, request, () => () => undefined, options),
    );
    expect(error.code).toBe("peer-rejected");
    expect(error.message).toContain("permanently");
    expect(error.message).toContain("service user");
    expect(error.message).toContain("calling AE title not recognized");
    expect(await ended).toEqual({ kind: "rejected", by: "us", reject: { result: 1, source: 1, reason: 3 } });
  });

  it("an abort by either side", async () => {
    const one = await acceptor();
    one.association.abort("test");
    one.association.abort("again");
    expect(toHex((await one.raw.pdu())!)).toBe("07000000000400000000");
    one.raw.socket.end();
    expect(await one.ended).toMatchObject({ kind: "aborted", by: "us", abort: { source: 0 }, why: "test" });
    const two = await acceptor();
    two.raw.send(wire("07 00 00000004 00 00 02 06"));
    expect(await two.ended).toEqual({ kind: "aborted", by: "peer", abort: { source: 2, reason: 6 } });
    expectNothingLeft(two.socket);
    expect(
      (await rejectedWith(two.association.send(1, { isCommand: true, isLast: true }, Uint8Array.of(1)))).code,
    ).toBe("peer-aborted");
  });
});

describe("acceptor", () => {
  it("takes several PDVs in one PDU and one PDV in several reads", async () => {
    const received = collector();
    const { raw, ended } = await acceptor(received.indication);
    const third = received.next();
    const pdu = dataPdu([1, 1, wire("01")], [1, 3, wire("02")], [1, 0, wire("0304")]);
    for (const byte of concatBytes([pdu, dataPdu([1, 2, wire("05")])])) raw.send(Uint8Array.of(byte));
    await third.then(() => received.parts.length === 2 || received.next());
    raw.send(releaseRequest);
    expect(toHex((await raw.pdu())!)).toBe(toHex(releaseResponse));
    raw.socket.end();
    expect(await ended).toEqual({ kind: "released" });
    expect(received.parts).toEqual([
      { isCommand: true, bytes: wire("0102") },
      { isCommand: false, bytes: wire("030405") },
    ]);
  });

  it("holds the peer back while an indication is pending, and keeps the order", async () => {
    const log: string[] = [];
    const releases: (() => void)[] = [];
    const { promise: three, resolve } = Promise.withResolvers<void>();
    const { raw, ended, socket } = await acceptor(({ bytes }) => {
      log.push(`in ${bytes[0]}`);
      if (log.length === 5) resolve();
      const gate = Promise.withResolvers<void>();
      releases.push(gate.resolve);
      queueMicrotask(() => releases.shift()!());
      return gate.promise.then(() => {
        expect(socket.isPaused()).toBe(true);
        log.push(`out ${bytes[0]}`);
      });
    });
    raw.send(dataPdu([1, 2, wire("01")], [1, 2, wire("02")]), dataPdu([1, 2, wire("03")]), releaseRequest);
    raw.socket.end();
    await three;
    expect(await ended).toEqual({ kind: "released" });
    expect(log).toEqual(["in 1", "out 1", "in 2", "out 2", "in 3", "out 3"]);
    expect(toHex((await raw.pdu())!)).toBe(toHex(releaseResponse));
  });

  it("bounds what it reads ahead while an indication is pending", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let arrived = 0;
    const { raw, socket, ended } = await acceptor(({ bytes }) => {
      arrived += bytes.length;
      return promise;
    });
    const pdu = dataPdu([1, 0, new Uint8Array(100_000)]);
    let isFull = false;
    while (!isFull) isFull = !raw.socket.write(pdu) && raw.socket.writableLength > 8_000_000;
    expect(arrived).toBeLessThan(200_000);
    expect(socket.readableLength).toBeLessThan(1_000_000);
    raw.socket.destroy();
    resolve();
    expect((await ended).kind).toBe("lost");
  });

  it.each<[string, Bytes, string]>([
    ["an A-ASSOCIATE-RQ in an association", encodeAssociateRequest(request), "0202"],
    ["an A-ASSOCIATE-AC", wire("02 00 00000004 00000000"), "0202"],
    ["an A-RELEASE-RP without a request", releaseResponse, "0202"],
    ["an unknown PDU", wire("09 00 00000000"), "0201"],
    ["a PDU of 4 GB", wire("04 00 ffffffff"), "0206"],
    ["more than the maximum", wire("04 00 00020001"), "0206"],
    ["a PDV on a context that was refused", dataPdu([3, 3, wire("01")]), "0206"],
    ["a PDV on a context that nobody proposed", dataPdu([255, 3, wire("01")]), "0206"],
    ["a PDV of length 0", wire("04 00 00000006 00000000 01 03"), "0206"],
    ["an endless number of empty PDVs", wire("04 00 00000006 00000002 01 00"), "0206"],
  ])("aborts %s", async (_, bytes, reason) => {
    const { raw, ended, socket } = await acceptor();
    raw.send(bytes);
    expect(toHex((await raw.pdu())!)).toBe(`0700000000040000${reason}`);
    raw.socket.end();
    expect(await ended).toMatchObject({ kind: "aborted", by: "us", abort: { source: 2 } });
    expectNothingLeft(socket);
  });

  it.each<[string, Bytes, string]>([
    // PS3.8 AA-1: before there is an association the abort comes from the service user.
    ["data first", dataPdu([1, 3, wire("01")]), "07000000000400000000"],
    ["garbage first", wire("'GET / HTTP/1.1' 0d0a0d0a"), "07000000000400000000"],
    ["a request with an even context", spoiled(78 + 25, 2), "07000000000400000000"],
    ["a request for version 2", spoiled(7, 2), "03000000000400010202"],
    ["another application context", spoiled(78, 0x39), "03000000000400010102"],
  ])("answers %s", async (_, bytes, answer) => {
    const [client, server] = await pair();
    const raw = new RawPeer(client);
    const indicate: AssociateIndication = () => {
      throw new Error("not to be asked");
    };
    const { ended } = acceptConnection(server, peer, indicate, options);
    raw.send(bytes);
    expect(toHex((await raw.pdu())!)).toBe(answer);
    raw.socket.end();
    expect(["rejected", "aborted"]).toContain((await ended).kind);
    expectNothingLeft(server);
  });

  it("returns an acceptance that says its own maximum", async () => {
    const [client, server] = await pair();
    const raw = new RawPeer(client);
    acceptConnection(server, peer, () => accepting(() => () => undefined), options);
    raw.send(encodeAssociateRequest(request));
    expect(decodeAssociateAccept((await raw.pdu())!.subarray(6)).user.maxPduBytes).toBe(131_072);
  });

  it.each<[string, AssociateIndication]>([
    ["throws", () => Promise.reject(new Error("secret of a patient"))],
    [
      "throws at once",
      () => {
        throw new ScansealError("config-invalid", "no source");
      },
    ],
    [
      "throws when opened",
      () =>
        accepting(() => {
          throw new Error("secret of a patient");
        }),
    ],
    [
      "answers what was not asked",
      () => ({
        accept: { contexts: [{ id: 9, result: 2, transferSyntax: "" }], user: request.user },
        onOpen: () => () => undefined,
      }),
    ],
  ])("aborts when its user %s", async (_, indicate) => {
    const [client, server] = await pair();
    const raw = new RawPeer(client);
    const { ended } = acceptConnection(server, peer, indicate, options);
    raw.send(encodeAssociateRequest(request));
    let last = await raw.pdu();
    if (last?.[0] === 2) last = await raw.pdu();
    expect(toHex(last!)).toBe("07000000000400000000");
    raw.socket.end();
    const end = await ended;
    expect(end).toMatchObject({ kind: "aborted", by: "us" });
    expect(JSON.stringify(end)).not.toContain("secret");
  });

  it.each<[string, DataIndication]>([
    [
      "throws",
      () => {
        throw new Error("x");
      },
    ],
    ["rejects", () => Promise.reject(new ScansealError("storage-full", "no room"))],
  ])("aborts when its data indication %s", async (_, indication) => {
    const { raw, ended } = await acceptor(indication);
    raw.send(dataPdu([1, 3, wire("01")], [1, 0, wire("02")]));
    expect(toHex((await raw.pdu())!)).toBe("07000000000400000000");
    raw.socket.end();
    expect(await ended).toMatchObject({ kind: "aborted", by: "us", abort: { source: 0, reason: 0 } });
  });

  it("hands on nothing after its user aborted, not even the rest of the PDU", async () => {
    let values = 0;
    const { raw, ended, association } = await acceptor(() => {
      values++;
      association.abort("enough");
    });
    raw.send(dataPdu([1, 0, wire("01")], [1, 0, wire("02")]), dataPdu([1, 2, wire("03")]), abortPdu);
    expect(await ended).toMatchObject({ kind: "aborted", by: "us", why: "enough" });
    expect(values).toBe(1);
  });

  it("aborts data before the answer", async () => {
    const [client, server] = await pair();
    const raw = new RawPeer(client);
    const { promise } = Promise.withResolvers<AssociateDecision>();
    const { ended } = acceptConnection(server, peer, () => promise, options);
    raw.send(encodeAssociateRequest(request), dataPdu([1, 3, wire("01")]));
    expect(toHex((await raw.pdu())!)).toBe("07000000000400000202");
    raw.socket.end();
    expect(await ended).toMatchObject({ kind: "aborted", by: "us" });
  });

  it.each<[string, readonly Bytes[]]>([
    ["before its request", []],
    ["in its request", [encodeAssociateRequest(request).subarray(0, 50)]],
    ["in a PDV", [encodeAssociateRequest(request), dataPdu([1, 2, new Uint8Array(100)]).subarray(0, 50)]],
  ])("says lost for a peer that goes %s", async (_, parts) => {
    const [client, server] = await pair();
    const { ended } = acceptConnection(server, peer, () => accepting(() => () => undefined), options);
    for (const part of parts) client.write(part);
    client.end();
    expect(await ended).toEqual({ kind: "lost", why: "closed by the peer" });
    expectNothingLeft(server);
  });

  it("ends for a connection that is closed already", async () => {
    const [, server] = await pair();
    server.destroy();
    const { ended } = acceptConnection(server, peer, () => accepting(() => () => undefined), options);
    expect((await ended).kind).toBe("lost");
  });

  it("abort before a request closes the connection", async () => {
    const [client, server] = await pair();
    const raw = new RawPeer(client);
    const connection = acceptConnection(server, peer, () => accepting(() => () => undefined), options);
    connection.abort("stopping");
    expect(await connection.ended).toMatchObject({ kind: "aborted", by: "us", why: "stopping" });
    expect(await raw.pdu()).toBeUndefined();
  });

  it("cuts off a peer that goes on sending after it was rejected", async () => {
    const [client, server] = await pair();
    client.on("error", () => undefined);
    const { ended } = acceptConnection(
      server,
      peer,
      () => ({ reject: { result: 1, source: 1, reason: 1 } }),
      options,
    );
    client.write(encodeAssociateRequest(request));
    const flood = dataPdu([1, 0, new Uint8Array(100_000)]);
    const send = () => {
      while (!client.destroyed && client.write(flood));
    };
    client.on("drain", send);
    send();
    expect(await ended).toMatchObject({ kind: "rejected", by: "us" });
    expectNothingLeft(server);
  });
});

/** The request with one byte changed. */
function spoiled(at: number, value: number): Bytes {
  const pdu = encodeAssociateRequest(request);
  pdu[at] = value;
  return pdu;
}

describe("requestor", () => {
  it.each([[128], [16_384], [16_385], [0]])("fragments for a peer that takes %i", async (maximum) => {
    const { raw, association } = await requestor(maximum);
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i * 31);
    const sent = association.send(1, { isCommand: false, isLast: true }, bytes);
    const parts: Bytes[] = [];
    for (let isLast = false; !isLast; ) {
      const pdu = (await raw.pdu())!;
      expect(pdu[0]).toBe(4);
      const length = new DataView(pdu.buffer).getUint32(2);
      expect(length).toBeLessThanOrEqual(maximum === 0 ? 131_072 : maximum);
      expect(new DataView(pdu.buffer).getUint32(6)).toBe(length - 4);
      expect(pdu[10]).toBe(1);
      // PS3.8 annex E: an even length.
      expect((length - 6) % 2).toBe(0);
      parts.push(pdu.subarray(12));
      isLast = pdu[11] === 2;
    }
    await sent;
    expect(concatBytes(parts)).toEqual(bytes);
  });

  it("waits for a peer that does not read; the bytes are then free", async () => {
    const { raw, association } = await requestor();
    raw.socket.pause();
    const bytes = new Uint8Array(64_000_000);
    let isDone = false;
    const sent = association.send(1, { isCommand: false, isLast: true }, bytes).then(() => {
      isDone = true;
    });
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    expect((await rejectedWith(association.send(1, { isCommand: true, isLast: true }, bytes))).code).toBe(
      "usage",
    );
    raw.socket.removeAllListeners("data");
    raw.socket.on("data", () => undefined);
    raw.socket.resume();
    await sent;
  });

  it("finishes a send before it requests the release", async () => {
    const { raw, association } = await requestor();
    const sent = association.send(1, { isCommand: false, isLast: true }, new Uint8Array(2_000_000));
    const released = association.release();
    let pdu = await raw.pdu();
    let data = 0;
    while (pdu?.[0] === 4) {
      data += pdu.length - 12;
      pdu = await raw.pdu();
    }
    await sent;
    expect([data, toHex(pdu!)]).toEqual([2_000_000, toHex(releaseRequest)]);
    raw.send(releaseResponse);
    expect(await released).toEqual({ kind: "released" });
  });

  it("small sends wait too, once the transport is full", async () => {
    const { raw, association } = await requestor();
    raw.socket.pause();
    let sent = 0;
    const rejection = (async () => {
      for (;;) {
        await association.send(1, { isCommand: true, isLast: true }, new Uint8Array(4_000));
        sent++;
      }
    })();
    // Whatever the kernel takes: it ends.
    let before = -1;
    while (sent !== before) {
      before = sent;
      for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    raw.socket.destroy();
    expect((await rejectedWith(rejection)).code).toBe("network");
    expect(await association.ended).toMatchObject({ kind: "lost" });
  });

  it("takes data after its release request (AR-6)", async () => {
    const received = collector();
    const { raw, association } = await requestor(0, received.indication);
    const end = association.release();
    expect(toHex((await raw.pdu())!)).toBe(toHex(releaseRequest));
    raw.send(dataPdu([1, 3, wire("07")]), releaseResponse);
    expect(await end).toEqual({ kind: "released" });
    expect(received.parts).toEqual([{ isCommand: true, bytes: wire("07") }]);
  });

  it("release collision: the requestor answers first, then waits (Sta9, Sta11)", async () => {
    const { raw, association, socket } = await requestor();
    const end = association.release();
    expect(toHex((await raw.pdu())!)).toBe(toHex(releaseRequest));
    raw.send(releaseRequest);
    expect(toHex((await raw.pdu())!)).toBe(toHex(releaseResponse));
    expect(socket.destroyed).toBe(false);
    raw.send(releaseResponse);
    expect(await end).toEqual({ kind: "released" });
    expectNothingLeft(socket);
  });

  it("release collision: the acceptor waits, then answers (Sta10, Sta12)", async () => {
    const { raw, association, ended } = await acceptor();
    const end = association.release();
    expect(toHex((await raw.pdu())!)).toBe(toHex(releaseRequest));
    raw.send(releaseRequest, releaseResponse);
    expect(toHex((await raw.pdu())!)).toBe(toHex(releaseResponse));
    raw.socket.end();
    expect(await end).toEqual({ kind: "released" });
    expect(await ended).toEqual({ kind: "released" });
  });

  it("both ends at once release each other", async () => {
    const [client, server] = await pair();
    const { promise, resolve } = Promise.withResolvers<UpperLayerAssociation>();
    acceptConnection(
      server,
      peer,
      () =>
        accepting((opened) => {
          resolve(opened);
          return () => undefined;
        }),
      options,
    );
    const ours = await requestAssociation(client, peer, request, () => () => undefined, options);
    const theirs = await promise;
    expect(await Promise.all([ours.release(), theirs.release()])).toEqual([
      { kind: "released" },
      { kind: "released" },
    ]);
  });

  it.each<[string, Bytes, string, string]>([
    ["an abort", abortPdu, "peer-aborted", ""],
    ["an abort of the provider", wire("07 00 00000004 00 00 02 01"), "peer-aborted", ""],
    ["a rejection without sense", wire("03 00 00000004 00 07 01 01"), "peer-protocol", "0206"],
    ["a request", encodeAssociateRequest(request), "peer-protocol", "0202"],
    ["data", dataPdu([1, 3, wire("01")]), "peer-protocol", "0202"],
    ["garbage", wire("'HTTP/1.1 400 Bad Request'"), "peer-protocol", "0201"],
    ["an acceptance of another context", acceptanceOf(5, 0), "peer-protocol", "0206"],
    ["an acceptance with a maximum PDU of 1", acceptanceOf(1, 1), "peer-protocol", "0206"],
  ])("%s for an answer", async (_, answer, code, abort) => {
    const [client, server] = await pair();
    const raw = new RawPeer(server);
    const pending = requestAssociation(client, peer, request, () => () => undefined, options);
    await raw.pdu();
    raw.send(answer);
    expect((await rejectedWith(pending)).code).toBe(code);
    const last = await raw.pdu();
    expect(last === undefined ? "" : toHex(last).slice(16)).toBe(abort);
  });

  it("a connection that ends, or never was, is network", async () => {
    const [client, server] = await pair();
    const pending = requestAssociation(client, peer, request, () => () => undefined, options);
    server.end();
    expect((await rejectedWith(pending)).code).toBe("network");
    const [gone] = await pair();
    gone.destroy();
    expect(
      (await rejectedWith(requestAssociation(gone, peer, request, () => () => undefined, options))).code,
    ).toBe("network");
  });

  it("a request of ours that breaks the standard is usage, and the connection is closed", async () => {
    const [client] = await pair();
    const bad = { ...request, contexts: [] };
    expect(
      (await rejectedWith(requestAssociation(client, peer, bad, () => () => undefined, options))).code,
    ).toBe("usage");
    expect(client.destroyed).toBe(true);
  });

  it("refuses a send on a context that was not accepted", async () => {
    const { association } = await requestor();
    const send = association.send(3, { isCommand: true, isLast: true }, Uint8Array.of(1));
    expect((await rejectedWith(send)).code).toBe("usage");
  });
});

function acceptanceOf(id: number, maxPduBytes: number): Bytes {
  return encodeAssociateAccept(
    {
      contexts: [{ id, result: 0, transferSyntax: implicit }],
      user: { maxPduBytes, implementationClassUid: "1" },
    },
    new Uint8Array(64),
  );
}
