/** Plain and mutual TLS between our server and our client, and what others are let in with. */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { RecordingProvider } from "../../../test/dicom-network/recording-provider.ts";
import { makeTlsMaterial, type TlsMaterial } from "../../../test/dicom-network/tls-material.ts";
import { connectDimse, type DimseClient } from "./client.ts";
import { type DimseServer, type DimseServerOptions, startDimseServer } from "./server.ts";
import { type ClientTls, peerOf, type ServerTls } from "./transport.ts";
import { upperLayerTimers } from "./upper-layer/upper-layer-defaults.ts";

const ct = "1.2.840.10008.5.1.4.1.1.2";
const explicit = "1.2.840.10008.1.2.1";
const object = { sopClassUid: ct, sopInstanceUid: "1.2.3.4", transferSyntaxUid: explicit };

let ours: TlsMaterial;
let theirs: TlsMaterial;
let server: DimseServer;
let provider: RecordingProvider;

beforeAll(async () => {
  [ours, theirs] = [await makeTlsMaterial(), await makeTlsMaterial()];
});
afterEach(() => server.close());

function serverTls(): ServerTls {
  const { authority: clientAuthorities, server } = ours;
  return { certificate: server.certificatePem, key: server.keyPem, clientAuthorities };
}

async function start(options: DimseServerOptions = {}): Promise<void> {
  provider = new RecordingProvider();
  server = await startDimseServer({ host: "127.0.0.1", port: 0, tls: serverTls() }, provider, options);
}

function clientOf(material: TlsMaterial, authorities = ours.authority): ClientTls {
  const { certificatePem: certificate, keyPem: key } = material.client;
  return { authorities, certificate, key };
}

function client(tls: ClientTls | undefined, host = "127.0.0.1"): Promise<DimseClient> {
  return connectDimse({
    host,
    port: server.port,
    tls,
    callingAeTitle: "TEST",
    calledAeTitle: "GATE",
    contexts: [{ id: 1, abstractSyntax: ct, transferSyntaxes: [explicit] }],
    timers: { ...upperLayerTimers, artimMs: 2_000 },
  });
}

async function* bytes(length: number) {
  yield Buffer.alloc(length, "scan");
}

describe("mutual TLS", () => {
  it("both see the other's certificate; bytes arrive as they were", async () => {
    await start();
    const open = await client(clientOf(ours), "localhost");
    expect(await open.store(object, bytes(3_000_001))).toMatchObject({ code: 0 });
    expect(Buffer.compare(provider.taken[0]!.dataSet, Buffer.alloc(3_000_001, "scan"))).toBe(0);
    expect(provider.peers[0]!.certificate).toEqual(new Uint8Array(ours.client.der));
    expect(open.peer.certificate).toEqual(new Uint8Array(ours.server.der));
    const ended = provider.nextEnd("released");
    await open.release();
    await ended;
  });

  it("makes room again when a connection closes", async () => {
    await start({ connectionsMax: 1 });
    for (let i = 0; i < 3; i++) {
      const open = await client(clientOf(ours));
      const ended = provider.nextEnd("released");
      await open.release();
      await ended;
      expect(server.associations).toBe(0);
    }
  });

  it("without a certificate, or with another authority's, nobody gets to associate", async () => {
    await start();
    for (const tls of [{ authorities: ours.authority }, clientOf(theirs)]) {
      const ended = provider.nextEnd("lost");
      await expect(client(tls)).rejects.toMatchObject({ code: "network" });
      expect(await ended).toMatchObject({ why: "no TLS handshake with a trusted certificate" });
    }
    expect(provider.peers).toEqual([]);
    expect(provider.log).toEqual(["connection lost", "connection lost"]);
    // A server's certificate is no client's.
    const { certificatePem: certificate, keyPem: key } = ours.server;
    await expect(client({ authorities: ours.authority, certificate, key })).rejects.toMatchObject({
      code: "network",
    });
    expect(provider.peers).toEqual([]);
  });

  it("without TLS nobody gets through", async () => {
    await start();
    await expect(client(undefined)).rejects.toMatchObject({ code: expect.stringMatching(/network|timeout/) });
    expect(provider.peers).toEqual([]);
  });

  it("a server whose certificate is another authority's, or for another name, is not spoken to", async () => {
    await start();
    const refused = {
      code: "network",
      message: expect.stringMatching(/^the certificate of .* is not accepted \([A-Z_]+\)$/),
    };
    await expect(client(clientOf(ours, theirs.authority))).rejects.toMatchObject(refused);
    await expect(client({ ...clientOf(ours), serverName: "gate.example.org" })).rejects.toMatchObject(
      refused,
    );
    await expect(client({ ...clientOf(ours), serverName: "localhost" })).resolves.toHaveProperty(
      "isOpen",
      true,
    );
  });

  it("a silent connection is let go before and after the handshake, and delays nobody", async () => {
    await start({ timers: { ...upperLayerTimers, artimMs: 1_000 } });
    const plain = connectTcp(server.port, "127.0.0.1");
    const secured = connect({ ...material(), port: server.port, host: "127.0.0.1" });
    await once(secured, "secureConnect");
    secured.resume();
    const closed = [plain, secured].map((socket: Socket) => {
      socket.on("error", () => undefined);
      return once(socket, "close");
    });
    const open = await client(clientOf(ours));
    expect(open.isOpen).toBe(true);
    await Promise.all(closed);
    await open.release();
  });
});

function material(): ConnectionOptions {
  const { certificatePem: cert, keyPem: key } = ours.client;
  return { ca: ours.authority, cert, key };
}

describe("BCP 195", () => {
  async function handshake(options: ConnectionOptions): Promise<TLSSocket | undefined> {
    const socket = connect({ ...material(), ...options, port: server.port, host: "127.0.0.1" });
    try {
      await once(socket, "secureConnect");
      return socket;
    } catch {
      return undefined;
    } finally {
      socket.on("error", () => undefined);
      socket.destroy();
    }
  }

  it("TLS 1.3, and 1.2 with forward secrecy and authenticated encryption", async () => {
    await start();
    expect((await handshake({ minVersion: "TLSv1.3" }))?.getProtocol()).not.toBe(undefined);
    const old = { maxVersion: "TLSv1.2" as const };
    expect(await handshake({ ...old, ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" })).toBeDefined();
    expect(await handshake({ ...old, ciphers: "ECDHE-ECDSA-AES128-SHA256" })).toBeUndefined();
    expect(await handshake({ ...old, ciphers: "AES128-GCM-SHA256:@SECLEVEL=0" })).toBeUndefined();
    const older = { minVersion: "TLSv1" as const, maxVersion: "TLSv1.1" as const };
    expect(await handshake({ ...older, ciphers: "ALL:@SECLEVEL=0" })).toBeUndefined();
  });

  it("no renegotiation", async () => {
    await start();
    const socket = connect({ ...material(), maxVersion: "TLSv1.2", port: server.port, host: "127.0.0.1" });
    await once(socket, "secureConnect");
    const failed = new Promise((resolve) => {
      socket.on("error", resolve);
      socket.on("close", resolve);
      socket.renegotiate({}, (error) => error && resolve(error));
    });
    await failed;
    socket.destroy();
    expect(provider.peers).toEqual([]);
  });
});

it("a key that does not fit is one error, and not in it", async () => {
  await start();
  const other = { ...serverTls(), key: theirs.server.keyPem };
  const wrong = startDimseServer({ host: "127.0.0.1", port: 0, tls: other }, provider);
  await expect(wrong).rejects.toMatchObject({ code: "key-unusable" });
  const garbage = startDimseServer(
    { host: "127.0.0.1", port: 0, tls: { ...other, key: "SECRET" } },
    provider,
  );
  await expect(garbage).rejects.toMatchObject({
    code: "key-unusable",
    message: expect.not.stringContaining("SECRET"),
  });
  await expect(client({ ...clientOf(ours), key: "SECRET" })).rejects.toMatchObject({ code: "key-unusable" });
});

it("addresses are told without zone, and IPv4 as such", () => {
  const address = (remoteAddress: string) => peerOf({ remoteAddress, remotePort: 1 } as Socket).address;
  expect(["::ffff:10.0.0.7", "fe80::1%eth0", "10.0.0.7", "::1"].map(address)).toEqual([
    "10.0.0.7",
    "fe80::1",
    "10.0.0.7",
    "::1",
  ]);
});
