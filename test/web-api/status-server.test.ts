/** The status service over real sockets: methods, headers, hosts, limits, and what it never says. */
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { GatewayMetrics } from "../../src/operations/gateway-metrics.ts";
import type { HttpServer } from "../../src/web-api/http-server.ts";
import { type StatusServerOptions, startStatusServer } from "../../src/web-api/status-server.ts";
import { busyView, emptyView, now, ready } from "./status-views.ts";

const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(changed: Partial<StatusServerOptions> = {}): Promise<number> {
  const server = await startStatusServer({
    ...{ host: "127.0.0.1", port: 0, now: () => now },
    status: () => Promise.resolve(busyView),
    readiness: () => Promise.resolve(ready),
    metrics: () => Promise.resolve("scanseal_up 1\n"),
    ...changed,
  });
  servers.push(server);
  return server.port;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(
  port: number,
  path: string,
  given: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = "GET", headers = {}, body } = given;
    const sent = httpRequest({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Bytes as they are; everything the server says until it ends the connection. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("data", (part: string) => {
      answer += part;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
}

function expectSecured({ headers }: Answer): void {
  const policy = headers["content-security-policy"];
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; connect-src 'self'; /,
  );
  expect(policy).toMatch(/frame-ancestors 'none'/);
  expect(policy).not.toMatch(/unsafe|\*|data:|https?:/);
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
  });
  expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  expect(headers["x-powered-by"] ?? headers.server).toBeUndefined();
}

describe("what is there", () => {
  it("answers GET, each in its own type", async () => {
    const port = await start();
    const answers = await Promise.all(
      ["/healthz", "/readyz", "/metrics", "/api/v1/status", "/"].map((path) => ask(port, path)),
    );
    expect(answers.map(({ status, headers }) => [status, headers["content-type"]])).toEqual([
      [200, "text/plain;charset=UTF-8"],
      [200, "application/json"],
      [200, "text/plain; version=0.0.4; charset=utf-8"],
      [200, "application/json"],
      [200, "text/html; charset=UTF-8"],
    ]);
    expect(answers[0]?.body).toBe("ok\n");
    expect(JSON.parse(answers[1]?.body ?? "")).toEqual({ ready: true, problems: [] });
    expect(JSON.parse(answers[3]?.body ?? "")).toEqual(JSON.parse(JSON.stringify(busyView)));
    expect(answers[4]?.body).toContain("<h1>Taking scans and passing them on</h1>");
    for (const answer of answers) expectSecured(answer);
  });

  it("answers HEAD with the same headers and nothing else", async () => {
    const port = await start();
    for (const path of ["/healthz", "/readyz", "/metrics", "/api/v1/status", "/"]) {
      const [head, get] = [await ask(port, path, { method: "HEAD" }), await ask(port, path)];
      expect([head.status, head.body]).toEqual([get.status, ""]);
      expect(head.headers["content-type"]).toBe(get.headers["content-type"]);
      expectSecured(head);
    }
  });

  it("is nothing but that", async () => {
    const port = await start();
    for (const path of [
      "/x",
      "/healthz/",
      "/api",
      "/api/v1/status/1",
      "//",
      "/..%2fetc/passwd",
      "/%00",
      "/%zz",
    ]) {
      const answer = await ask(port, path);
      expect([answer.status, answer.body], path).toEqual([
        404,
        "There is nothing here. See / for the gate's status.\n",
      ]);
      expectSecured(answer);
    }
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]) {
      for (const path of ["/", "/api/v1/status", "/x"]) {
        const answer = await ask(port, path, { method });
        expect([answer.status, answer.headers.allow], method).toEqual([405, "GET, HEAD"]);
        expectSecured(answer);
      }
    }
  });

  it("metrics are those of the gateway, in the text format", async () => {
    const collect = () =>
      Promise.resolve({
        ...{ objects: { held: 3 }, deliveries: { due: 1 }, oldestReceivedAt: now, oldestDueAt: undefined },
        spool: { bytes: 1, records: 1, bytesMax: 2, isRefusing: false },
        destinations: [],
      });
    const metrics = new GatewayMetrics({ version: "0.1.0", clock: { now: () => now }, collect });
    metrics.sink({ kind: "object-acknowledged", object: "x", source: "ct-1", bytes: 10, ms: 5 });
    const { body } = await ask(await start({ metrics: () => metrics.text() }), "/metrics");
    for (const line of body.split("\n").filter((one) => one !== "")) {
      expect(line).toMatch(
        /^(# (HELP|TYPE) [a-z0-9_]+ .+|[a-z0-9_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? ([0-9.e+-]+|Nan)|[a-z0-9_]+\{.*\} (Nan|\+Inf))$/,
      );
    }
    expect(body).toContain('scanseal_objects_received_total{source="ct-1"} 1\n');
    expect(body).toContain("process_resident_memory_bytes ");
  });
});

describe("readiness", () => {
  it("is 503 with its problems while the gate is not ready, and when it does not say", async () => {
    const problems = ["The disk of the spool is full"];
    const port = await start({ readiness: () => Promise.resolve({ ready: false, problems }) });
    const answer = await ask(port, "/readyz");
    expect([answer.status, JSON.parse(answer.body)]).toEqual([503, { ready: false, problems }]);
    expect((await ask(port, "/healthz")).status).toBe(200);
    const page = await ask(port, "/");
    expect(page.body).toContain("<h1>Not taking scans</h1>");
    expect(page.body).toContain("The disk of the spool is full.");
    const silent = await start({ readiness: () => Promise.reject(new Error("secret")) });
    const said = await ask(silent, "/readyz");
    expect([said.status, JSON.parse(said.body).ready]).toEqual([503, false]);
    expect(said.body).not.toContain("secret");
  });

  it("is asked for once for all who wait", async () => {
    let asked = 0;
    let release: (value: typeof ready) => void = () => undefined;
    const port = await start({
      readiness: () => {
        asked++;
        return new Promise((resolve) => {
          release = resolve;
        });
      },
    });
    const answers = Array.from({ length: 20 }, () => ask(port, "/readyz"));
    while (asked === 0) await new Promise((resolve) => setImmediate(resolve));
    await ask(port, "/healthz");
    release(ready);
    // Those who came after the answer ask again.
    const turn = setInterval(() => release(ready), 1);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(20).fill(200));
    clearInterval(turn);
    expect(asked).toBeLessThan(20);
  });
});

describe("errors", () => {
  it("are told to nobody", async () => {
    const fail = (): Promise<never> => Promise.reject(new Error("password=hunter2 at /srv/journal.db"));
    const port = await start({ status: fail, metrics: fail, readiness: fail });
    for (const path of ["/api/v1/status", "/metrics", "/readyz", "/"]) {
      const answer = await ask(port, path);
      expect(answer.status, path).toBe(503);
      expect(answer.body).not.toMatch(/hunter2|journal\.db|Error:/);
      expectSecured(answer);
    }
    const throwing = await start({
      status: () => {
        throw new Error("hunter2");
      },
    });
    const answer = await ask(throwing, "/");
    expect([answer.status, answer.body.includes("hunter2")]).toEqual([503, false]);
    expect(answer.body).toContain("The gate cannot say how it is");
  });

  it("of a port in use is one that says so", async () => {
    const port = await start();
    await expect(start({ port })).rejects.toMatchObject({
      code: "network",
      message: expect.stringContaining("in use"),
    });
  });
});

describe("hostile requests", () => {
  it("by another name than the machine's are turned away: a page elsewhere cannot read this one", async () => {
    const port = await start();
    for (const host of ["evil.example", `evil.example:${port}`, "localhost.evil.example", "10.0.0.1"]) {
      const answer = await ask(port, "/api/v1/status", { headers: { host } });
      expect(answer.status, host).toBe(421);
      expect(answer.body).not.toContain("SCANSEAL");
      expectSecured(answer);
    }
    expect((await ask(port, "/", { headers: { host: `localhost:${port}` } })).status).toBe(200);
    expect((await ask(port, "/", { headers: { host: "127.0.0.1:1" } })).status).toBe(200);
    // The absolute form names one host in the line and another in the header.
    const absolute = await raw(
      port,
      "GET http://localhost/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    );
    expect(absolute).toMatch(/^HTTP\/1\.1 421 /);
  });

  it("with strange hosts, lines and headers are refused, and the next one is served", async () => {
    const port = await start();
    for (const host of ["", "a b", "[", "[::1", "localhost:99999999", "localhost/..", "%00", "\u00e4"]) {
      const answer = await raw(port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(answer, JSON.stringify(host)).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).not.toMatch(/SCANSEAL|node_modules|Error/);
    }
    for (const text of [
      "GET / HTTP/1.1\r\n\r\n",
      "GARBAGE\r\n\r\n",
      "TRACE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      "GET \\..\\x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(9000)}\r\n\r\n`,
      "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ]) {
      const answer = await raw(port, text);
      expect(answer, text.slice(0, 40)).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).not.toMatch(/SCANSEAL|node_modules|Error:/);
    }
    expect((await ask(port, "/healthz")).status).toBe(200);
  });

  it("with a body are answered without reading it", async () => {
    const port = await start();
    const answer = await ask(port, "/", { headers: { "content-length": "10" }, body: "0123456789" });
    expect([answer.status, answer.headers.connection]).toEqual([413, "close"]);
    expectSecured(answer);
    const chunked = await raw(
      port,
      "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("do not keep the service from ending", async () => {
    const server = await startStatusServer({
      ...{ host: "127.0.0.1", port: 0, metrics: () => Promise.resolve("") },
      status: () => Promise.resolve(emptyView),
      readiness: () => Promise.resolve(ready),
    });
    const open = raw(server.port, "GET / HTTP/1.1\r\nHost: loc");
    await ask(server.port, "/healthz");
    await server.close();
    expect(await open).toBe("");
    await expect(ask(server.port, "/healthz")).rejects.toThrow("ECONNREFUSED");
  });
});
