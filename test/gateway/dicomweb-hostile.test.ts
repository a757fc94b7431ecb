/** Hostile peers of the DICOMweb server: what is no request ends, what is slow ends, and good peers are served all the same. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { DicomWebPorts } from "../../src/web-api/dicomweb/ports.ts";
import { textAnswer } from "../../src/web-api/dicomweb/send-answer.ts";
import { DicomWebService } from "../../src/web-api/dicomweb/service.ts";
import {
  type OpenWebListener,
  openWebListener,
  type WebListenerOptions,
} from "../../src/web-api/dicomweb/web-listener.ts";
import { phantomFiles } from "../interop/dimse-peers.ts";
import { multipartOf, multipartType } from "./web-request.ts";
import { WebSite } from "./web-site.ts";

async function open(port: number, text = ""): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(Buffer.from(text, "latin1"));
  return socket;
}

/** Everything that comes until the other side ends the connection. */
async function rest(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(pieces).toString("latin1");
}

const say = async (port: number, text: string): Promise<string> => rest(await open(port, text));

describe("a listener with short patience", () => {
  let listener: OpenWebListener;
  let bodies = 0;
  const timers = { headersMs: 100, idleMs: 100, bodyMs: 100, takingMs: 100 };
  const start = (answer: WebListenerOptions["answer"]): Promise<OpenWebListener> =>
    openWebListener({
      name: "test",
      host: "127.0.0.1",
      port: 0,
      names: [],
      connectionsMax: 20,
      connectionsPerAddressMax: 10,
      timers,
      answer,
      onStranger: () => undefined,
    });
  beforeAll(async () => {
    listener = await start(async ({ path, body }) => {
      if (path === "/endless") return { status: 200, body: endless() };
      try {
        for await (const piece of body) bodies += piece.length;
      } catch (error) {
        return textAnswer((error as { code: string }).code === "timeout" ? 408 : 400, "no");
      }
      return textAnswer(200, "yes");
    });
  });
  afterAll(() => listener.close(0));

  it("ends what sends no headers, half of them, or its body by the byte", async () => {
    expect(await say(listener.port, "")).toMatch(/^(HTTP\/1.1 408 |$)/);
    expect(await say(listener.port, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")).toMatch(/^(HTTP\/1.1 408 |$)/);
    const slow = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nxx";
    expect(await say(listener.port, slow)).toMatch(/^HTTP\/1.1 408 /);
  }, 20_000);

  it("ends the answer to a reader that takes nothing, and asks its source for no more", async () => {
    const socket = await open(listener.port, "GET /endless HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await once(socket, "readable");
    await endlessOver.promise;
    // Of an answer whose body is not wanted too.
    endlessOver = Promise.withResolvers<void>();
    const head = "HEAD /endless HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    expect(await say(listener.port, head)).toMatch(/^HTTP\/1.1 200 /);
    await endlessOver.promise;
    socket.destroy();
  });

  it("is no way past its own reading of a request", async () => {
    const refused = [
      "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc",
      `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n${"a: b\r\n".repeat(20_000)}\r\n`,
      "GET /\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    for (const text of refused) expect(await say(listener.port, text)).not.toMatch(/^HTTP\/1.1 200/);
    const answered = async (head: string): Promise<string> =>
      (await say(listener.port, `${head}Connection: close\r\n\r\n`)).slice(9, 12);
    expect(await answered("GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n")).toBe("400");
    expect(await answered("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.2\r\n")).toMatch(/400|200/);
    expect(await answered("GET / HTTP/1.1\r\nHost: a b\r\n")).toBe("400");
    expect(await answered("GET / HTTP/1.0\r\n")).toBe("400");
    expect(await answered("GET / HTTP/1.1\r\nHost: [::1]:99\r\n")).toBe("200");
  });

  it("answers some requests that come at once, and cuts whoever sends hundreds", async () => {
    const one = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    const some = `${`${one}\r\n`.repeat(4)}${one}Connection: close\r\n\r\n`;
    expect((await say(listener.port, some)).match(/HTTP\/1.1 200 /g)).toHaveLength(5);
    expect((await say(listener.port, `${one}\r\n`.repeat(500))).match(/HTTP/g)?.length ?? 0).toBeLessThan(20);
  });

  it("cuts a body in chunks of one byte, and takes one in chunks of kilobytes", async () => {
    const chunked = (chunk: string, count: number): string =>
      `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${`${chunk.length.toString(16)}\r\n${chunk}\r\n`.repeat(count)}0\r\n\r\n`;
    expect(await say(listener.port, chunked("-", 5_000))).toBe("");
    expect(await say(listener.port, chunked("-".repeat(1_000), 2_000))).toMatch(/^HTTP\/1.1 200 /);
  });

  it("silent connections make room for one that asks", async () => {
    const silent = await Promise.all(Array.from({ length: 40 }, () => open(listener.port)));
    expect(
      await say(listener.port, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"),
    ).toMatch(/^HTTP\/1.1 200 /);
    for (const socket of silent) socket.destroy();
  });

  it("a body that nobody asked for is not waited for", async () => {
    const text = "POST / HTTP/1.1\r\nHost: b.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    expect(await say(listener.port, text)).toMatch(/^HTTP\/1.1 421 /);
    expect(await say(listener.port, text.replace("b.example", "127.0.0.1"))).toMatch(/^HTTP\/1.1 100 /);
    expect(bodies).toBeGreaterThan(0);
  });
});

let endlessOver = Promise.withResolvers<void>();
async function* endless(): AsyncGenerator<Bytes> {
  try {
    for (;;) yield new Uint8Array(1 << 20);
  } finally {
    endlessOver.resolve();
  }
}

describe("whatever is asked", () => {
  const ports: DicomWebPorts = {
    storing: () => ({ begin: () => ({ status: { code: 0xa700 } }), end: () => undefined }),
    reading: () => ({
      search: async function* () {},
      metadata: async function* () {},
      read: async () => ({ isNone: true, isUnlisted: () => false, instances: (async function* () {})() }),
      frames: async () => ({ kind: "none" }),
      bulkValue: async () => ({ kind: "none" }),
      picture: async () => ({ kind: "unacceptable" }),
      end: () => undefined,
    }),
    onFault: (error) => {
      throw error;
    },
  };
  const service = new DicomWebService(ports);
  const word = fc.oneof(
    fc.constantFrom(
      "studies",
      "series",
      "instances",
      "frames",
      "metadata",
      "bulkdata",
      "rendered",
      "thumbnail",
      "1.2.3",
      "7FE00010",
      "1",
    ),
    fc.string({ maxLength: 12 }),
  );
  const header = fc.oneof(
    fc.constantFrom("application/dicom", multipartType, "application/dicom+json", "*/*;q=0"),
    fc.string({ maxLength: 60 }),
  );

  it("it is answered, with no fault of ours", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("GET", "POST", "PUT", "OPTIONS"),
        fc.array(word, { maxLength: 9 }),
        fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 })), { maxLength: 5 }),
        fc.record({ accept: header, "content-type": header }),
        fc.uint8Array({ maxLength: 300 }),
        async (method, words, parameters, headers, content) => {
          const { status } = await service.answer({
            method,
            path: `/dicom-web/${words.join("/")}`,
            parameters: new URLSearchParams(parameters),
            header: (name) => headers[name as keyof typeof headers],
            peer: { address: "127.0.0.1", port: 1, certificate: undefined },
            origin: "http://127.0.0.1",
            body: (async function* () {
              yield content;
            })(),
          });
          expect([204, 400, 404, 405, 406, 409, 413, 415, 501]).toContain(status);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("a gate under hostile peers", () => {
  let site: WebSite;
  beforeAll(async () => {
    site = await WebSite.open({ limits: { objectSize: "1 MiB", associations: 4 } });
  }, 60_000);
  afterAll(() => site?.close());

  it("keeps nothing of a request that breaks off, and is free for the next", async () => {
    const [file] = phantomFiles();
    const body = multipartOf([file!]);
    const head = `POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${multipartType}\r\nContent-Length: ${body.length}\r\n\r\n`;
    for (let i = 0; i < 12; i++) {
      const socket = await open(site.ports.clear, head);
      socket.write(body.subarray(0, 10_000 * (i + 1)));
      await new Promise((resolve) => setTimeout(resolve, 10));
      socket.destroy();
      await new Promise((resolve) => socket.once("close", resolve));
    }
    const stored = async (): Promise<number> => (await site.store([file!])).status;
    let status = await stored();
    while (status === 503) status = await stored();
    expect(status).toBe(200);
    await site.judged(1);
    expect(site.events.filter(({ kind }) => kind === "object-acknowledged")).toHaveLength(1);
  });

  it("refuses what is too large, part by part, without keeping it", async () => {
    const [file] = phantomFiles();
    const large = new Uint8Array(3 << 20);
    large.set(file!);
    const { status, body } = await site.store([large, file!, large]);
    expect(status).toBe(202);
    expect(Buffer.from(body).toString()).toMatch(/"00081198":.*"00081199"/);
  });

  it("serves good peers while garbage comes", async () => {
    const garbage = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        open(site.ports.clear, `${"\x00\xff".repeat(i)}GET ${"/".repeat(i)}`),
      ),
    );
    expect((await site.ask("/studies")).status).toBe(200);
    for (const socket of garbage) socket.destroy();
    expect((await site.ask("/studies")).status).toBe(200);
    expect(site.events.filter(({ kind }) => kind === "fault")).toEqual([]);
  });
});
