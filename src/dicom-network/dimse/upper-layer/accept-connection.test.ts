/** Our acceptor over real sockets, and a requestor played byte by byte. */
import { afterEach, describe, expect, it } from "vitest";
import {
  accepting,
  acceptor,
  closeAll,
  collector,
  expectNothingLeft,
  options,
  pair,
  peer,
  request,
} from "../../../../test/dicom-network/played-association.ts";
import {
  abortPdu,
  dataPdu,
  RawPeer,
  releaseRequest,
  releaseResponse,
  wire,
} from "../../../../test/dicom-network/raw-peer.ts";
import { type Bytes, concatBytes, toHex } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { acceptConnection } from "./accept-connection.ts";
import { decodeAssociateAccept, encodeAssociateRequest } from "./pdu-associate.ts";
import type { AssociateDecision, AssociateIndication, DataIndication } from "./upper-layer.ts";

afterEach(closeAll);

describe("acceptor", () => {
  it("takes several PDVs in one PDU and one PDV in several reads", async () => {
    const received = collector();
    const { raw, ended } = await acceptor(received.indication);
    const pdu = dataPdu([1, 1, wire("01")], [1, 3, wire("02")], [1, 0, wire("0304")]);
    for (const byte of concatBytes([pdu, dataPdu([1, 2, wire("05")])])) raw.send(Uint8Array.of(byte));
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

  it("finishes a send before it answers a release request (AR-7)", async () => {
    const { raw, association, ended } = await acceptor();
    const sent = association.send(1, { isCommand: false, isLast: true }, new Uint8Array(20_000_000));
    raw.send(releaseRequest);
    let bytes = 0;
    let pdu = await raw.pdu();
    for (; pdu?.[0] === 4; pdu = await raw.pdu()) bytes += pdu.length - 12;
    expect([bytes, toHex(pdu!)]).toEqual([20_000_000, toHex(releaseResponse)]);
    await sent;
    raw.socket.end();
    expect(await ended).toEqual({ kind: "released" });
  });

  it("answers a request after the end with one more abort (AA-7), and ignores all else (AA-6)", async () => {
    const { raw, association, ended } = await acceptor();
    association.abort("test");
    raw.send(dataPdu([1, 3, wire("01")]), releaseRequest, encodeAssociateRequest(request));
    expect(toHex((await raw.pdu())!)).toBe("07000000000400000000");
    expect(toHex((await raw.pdu())!)).toBe("07000000000400000202");
    raw.socket.end();
    expect(await ended).toMatchObject({ kind: "aborted", by: "us", abort: { source: 0, reason: 0 } });
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
    expect(await ended).toEqual({ kind: "lost", why: "the peer closed the connection" });
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
