/** Our requestor over real sockets: with our acceptor, and with one played byte by byte. */
import { afterEach, describe, expect, it } from "vitest";
import {
  accepting,
  acceptor,
  closeAll,
  collector,
  expectNothingLeft,
  implicit,
  options,
  pair,
  peer,
  rejectedWith,
  request,
  requestor,
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
import { acceptConnection } from "./accept-connection.ts";
import { encodeAssociateAccept, encodeAssociateRequest } from "./pdu-associate.ts";
import { requestAssociation } from "./request-association.ts";
import type { UpperLayerAssociation } from "./upper-layer.ts";
import { upperLayerLimits } from "./upper-layer-defaults.ts";

afterEach(closeAll);

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
    const { raw, association, socket } = await requestor();
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
    expectNothingLeft(socket);
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
