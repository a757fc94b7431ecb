/** The log over real sockets: what anybody may read, who may append, and what is refused before it is read. */
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { HttpServer } from "../../src/web-api/http-server.ts";
import { type LogServerOptions, startLogServer } from "../../src/web-api/transparency-log/log-server.ts";

const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function served(changed: Partial<LogServerOptions> = {}): Promise<string> {
  const server = await startLogServer({
    host: "127.0.0.1",
    port: 0,
    token: undefined,
    checkpoint: () => Buffer.from("a note\n"),
    tile: async (path) => (path === "tile/0/000.p/3" ? new Uint8Array(96) : undefined),
    append: async (bundle) => bundle.length,
    ...changed,
  });
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}

async function append(url: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(`${url}/append`, { method: "POST", body: new Uint8Array(36), ...init });
}

/** What the server says to bytes that fetch would not send. */
async function raw(url: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(bytes);
  let answer = "";
  for await (const part of socket) answer += String(part);
  return answer;
}

describe("reading", () => {
  it("a checkpoint is fresh, a tile for ever", async () => {
    const url = await served();
    const checkpoint = await fetch(`${url}/checkpoint`);
    expect(await checkpoint.text()).toBe("a note\n");
    expect(checkpoint.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(checkpoint.headers.get("cache-control")).toBe("no-cache");
    const tile = await fetch(`${url}/tile/0/000.p/3`);
    expect((await tile.arrayBuffer()).byteLength).toBe(96);
    expect(tile.headers.get("content-type")).toBe("application/octet-stream");
    expect(tile.headers.get("cache-control")).toContain("immutable");
  });

  it("nothing else is there", async () => {
    const url = await served({ checkpoint: () => undefined });
    for (const path of ["/checkpoint", "/tile/0/001", "/", "/log.json", "/tile/0/../../log.json", "/append"])
      expect((await fetch(`${url}${path}`)).status, path).toBe(404);
    expect((await fetch(`${url}/checkpoint`, { method: "DELETE" })).status).toBe(405);
    expect(
      await raw(url, "GET /checkpoint HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n"),
    ).toContain(" 421 ");
  });
});

describe("appending", () => {
  it("gives the index", async () => {
    const answer = await append(await served());
    expect([answer.status, await answer.text()]).toEqual([200, "36\n"]);
  });

  it("is for this machine alone without a token, and for its holders with one", async () => {
    const open = await served({ host: "0.0.0.0" });
    expect((await append(open)).status).toBe(403);
    const guarded = await served({ host: "0.0.0.0", token: "secret" });
    expect((await append(guarded)).status).toBe(403);
    expect((await append(guarded, { headers: { authorization: "Bearer secreT" } })).status).toBe(403);
    expect((await append(guarded, { headers: { authorization: "Bearer secret" } })).status).toBe(200);
  });

  it("is refused before it is read when it is too large, of unknown length, or for another host", async () => {
    const url = await served();
    expect((await append(url, { body: new Uint8Array(4096 * 36 + 1) })).status).toBe(413);
    const head = "POST /append HTTP/1.1\r\nhost: 127.0.0.1\r\n";
    expect(await raw(url, `${head}transfer-encoding: chunked\r\n\r\n`)).toContain(" 411 ");
    expect(await raw(url, `${head}\r\n`)).toContain(" 411 ");
    expect(
      await raw(url, "POST /append HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 36\r\n\r\n"),
    ).toContain(" 421 ");
    expect(await raw(url, `${head}content-length: 99999999999999999999\r\n\r\n`)).toMatch(/ 41[3] | 400 /);
  });

  it.each([
    ["usage", 400],
    ["log-structure", 400],
    ["log-conflict", 503],
    ["io", 503],
    ["internal", 503],
  ] as const)("that fails with %s answers %i and does not say why", async (code, status) => {
    const url = await served({ append: () => Promise.reject(new ScansealError(code, "the secret reason")) });
    const answer = await append(url);
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toContain("secret");
  });
});
