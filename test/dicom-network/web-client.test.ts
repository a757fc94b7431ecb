/** Our DICOMweb client against servers in this process, honest and otherwise, plain and with mutual TLS. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readMultipart } from "../../src/dicom-network/dicomweb/multipart-reader.ts";
import { newBoundary } from "../../src/dicom-network/dicomweb/multipart-writer.ts";
import { failureReason, storeResponse } from "../../src/dicom-network/dicomweb/store-response.ts";
import { WebClient, type WebClientOptions } from "../../src/dicom-network/dicomweb/web-client.ts";
import { type Bytes, concatBytes, latin1 } from "../../src/foundation/bytes.ts";
import { createAuthority } from "../../src/keys/custody/authority.ts";
import { issueTlsLocally } from "../../src/keys/custody/tls-certificate.ts";
import { nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function opened(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function clientOf(answer: Answering, options: Partial<WebClientOptions> = {}): Promise<WebClient> {
  const port = await opened(createServer(answer));
  return new WebClient(`http://127.0.0.1:${port}/dw/`, { authorization: undefined, ...options });
}

async function taken(body: AsyncIterable<Bytes> | undefined): Promise<Bytes> {
  const chunks: Bytes[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk.slice());
  return concatBytes(chunks);
}

async function* filesOf(bodies: readonly Bytes[], size = 10_000): AsyncGenerator<AsyncIterable<Bytes>> {
  for (const body of bodies)
    yield (async function* () {
      for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
    })();
}

async function found(client: WebClient): Promise<unknown[]> {
  const out: unknown[] = [];
  for await (const match of client.search("studies", "0020000D")) out.push(match);
  return out;
}

const boundary = newBoundary(nodeRandom);
const study = (uid: string) => ({ "0020000D": { vr: "UI", Value: [uid] } });

describe("a client", () => {
  it("stores what a server reads part by part, and is told of each", async () => {
    const arrived: Bytes[] = [];
    const client = await clientOf(
      async (request, response) => {
        expect(request.headers.authorization).toBe("Bearer t");
        expect(request.url).toBe("/dw/studies/1.2");
        for await (const { body } of readMultipart(request.headers["content-type"]!, request))
          arrived.push(await taken(body));
        const { status, dataSet } = storeResponse(
          [
            { sopClassUid: "1.1", sopInstanceUid: "1.4", outcome: { kind: "stored" } },
            {
              sopClassUid: "1.1",
              sopInstanceUid: "1.5",
              outcome: { kind: "failed", reason: failureReason.cannotUnderstand },
            },
          ],
          undefined,
        );
        response.writeHead(status).end(JSON.stringify(dataSet));
      },
      { authorization: "Bearer t" },
    );
    const files = [nodeRandom.bytes(300_000), new Uint8Array(0), new Uint8Array(1)];
    const { status, dataSet } = await client.store(filesOf(files), { study: "1.2", boundary });
    expect(arrived.map((bytes) => Buffer.from(bytes))).toEqual(files.map((bytes) => Buffer.from(bytes)));
    expect(status).toBe(202);
    expect(dataSet?.["00081198"]?.Value).toHaveLength(1);
  });

  it("is answered before it has sent everything", async () => {
    const client = await clientOf((_, response) => void response.writeHead(415).end());
    expect(await client.store(filesOf([new Uint8Array(1000)]), { boundary })).toEqual({
      status: 415,
      dataSet: undefined,
    });
  });

  it("says why its own file could not be read", async () => {
    const client = await clientOf((request) => void request.resume());
    async function* broken(): AsyncGenerator<AsyncIterable<Bytes>> {
      yield (async function* (): AsyncGenerator<Bytes> {
        yield new Uint8Array(10);
        throw new Error("disk");
      })();
    }
    await expect(client.store(broken(), { boundary })).rejects.toMatchObject({ code: "network" });
  });

  it("goes through pages until there is nothing new", async () => {
    const asked: (string | null)[] = [];
    const client = await clientOf((request, response) => {
      const offset = new URL(request.url!, "http://x").searchParams.get("offset");
      asked.push(offset);
      const page = offset === "0" ? ["1.1", "1.2"] : offset === "2" ? ["1.2", "1.3"] : [];
      response.end(JSON.stringify(page.map(study)));
    });
    expect(await found(client)).toEqual(["1.1", "1.2", "1.3"].map(study));
    expect(asked).toEqual(["0", "2", "4"]);
  });

  it("asks on the connection it has, and anew on another where that was closed meanwhile", async () => {
    const sockets: Socket[] = [];
    const client = await clientOf(({ socket }, response) => {
      // A reset that comes when the next request is on its way.
      if (sockets.includes(socket) && sockets.length === 1 && asked === 4) socket.resetAndDestroy();
      else {
        if (!sockets.includes(socket)) sockets.push(socket);
        response.setHeader(
          "content-type",
          `multipart/related; type="application/dicom"; boundary=${boundary}`,
        );
        response.end(`--${boundary}\r\n\r\n${asked}\r\n--${boundary}--\r\n`);
      }
    });
    let asked = 0;
    const bodies: string[] = [];
    for (asked = 1; asked <= 5; asked++)
      bodies.push(latin1(await taken(await client.retrieveInstance("studies/1/series/2/instances/3"))));
    expect(bodies).toEqual(["1", "2", "3", "4", "5"]);
    // The one of the fourth is not kept.
    expect(sockets).toHaveLength(3);
  });

  it("is told that there is no such instance", async () => {
    const client = await clientOf((_, response) => void response.writeHead(404).end("no"));
    expect(await client.retrieveInstance("studies/1.2")).toBeUndefined();
  });

  const hostile: readonly (readonly [string, string, Answering])[] = [
    [
      "gzip nobody asked for",
      "peer-protocol",
      (_, to) => to.writeHead(200, { "content-encoding": "gzip" }).end("x"),
    ],
    ["headers without end", "network", (_, to) => to.writeHead(200, { x: "y".repeat(20_000) }).end("[]")],
    ["bytes that are no UTF-8", "peer-protocol", (_, to) => to.end(Buffer.from([0x5b, 0xff, 0x5d]))],
    ["numbers for matches", "peer-protocol", (_, to) => to.end("[1]")],
    ["a redirect", "peer-rejected", (_, to) => to.writeHead(307, { location: "/other" }).end()],
    ["no HTTP", "network", (request) => void request.socket.end("garbage\r\n\r\n")],
    ["nothing", "network", (request) => void request.socket.destroy()],
  ];
  it.each(hostile)("answered with %s says %s", async (_, code, answer) => {
    await expect(found(await clientOf(answer))).rejects.toMatchObject({ code });
  });
});

it("shows its certificate to a server that asks for one, and trusts no other authority's", async () => {
  const home = mkdtempSync(join(tmpdir(), "scanseal-web-client-"));
  try {
    const environment = { clock: systemClock, random: nodeRandom, passphrase: "correct horse battery" };
    const authority = await createAuthority(join(home, "a"), { ...environment, name: "Hospital" });
    const ca = readFileSync(join(home, "a", "authority.pem"), "utf8");
    const own = await issueTlsLocally(authority, { kind: "tls-server", name: "web", hosts: ["127.0.0.1"] });
    const reader = await issueTlsLocally(authority, { kind: "tls-client", name: "reader", hosts: [] });
    const options = {
      key: own.keyPem,
      cert: own.certificatePem,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
    };
    const port = await opened(createTlsServer(options, (_, response) => void response.writeHead(204).end()));
    const url = `https://127.0.0.1:${port}`;
    const shown = { ca, certificate: reader.certificatePem, key: reader.keyPem };
    const client = (tls: WebClientOptions["tls"]) => new WebClient(url, { authorization: undefined, tls });
    expect(await found(client(shown))).toEqual([]);
    await expect(found(client({ ca }))).rejects.toMatchObject({ code: "network" });
    await expect(found(client({ ...shown, ca: undefined }))).rejects.toMatchObject({ code: "network" });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
