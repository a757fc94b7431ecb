import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { makeTlsMaterial } from "../../../test/dicom-network/tls-material.ts";
import type { GatewayEvent } from "../event.ts";
import { type AlertChannel, ChannelQueue } from "./alert-channel.ts";
import type { AlertMessage } from "./alert-message.ts";
import { Alerts } from "./alerts.ts";
import { WebhookChannel } from "./webhook-channel.ts";

let folder: string;
let faults: GatewayEvent[];
let now: number;
let ids: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-alerts-"));
  faults = [];
  now = Date.parse("2026-11-23T03:00:00Z");
  ids = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const times = { retryMs: 5, retryMsMax: 10, deadAfter: 3 };

function alerts(channels: readonly AlertChannel[], path = join(folder, "alerts.json")): Alerts {
  // One that a test leaves behind tells no other test.
  const told = faults;
  const one = new Alerts({
    ...{ channels, path, gate: "GATE", times, clock: { now: () => now } },
    newId: () => `id-${ids++}`,
    faults: (event) => told.push(event),
  });
  one.start();
  return one;
}

function held(i: number, source = "ct1"): GatewayEvent {
  const object = `01900000-0000-7000-8000-${String(i).padStart(12, "0")}`;
  const codes = ["pixels-changed"];
  return { kind: "object-judged", object, source, verdict: "altered", state: "held", codes, ms: 1 };
}

interface Post {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A web server that takes alerts; `answer` says how. */
class Receiver {
  readonly posts: Post[] = [];
  answer: (response: ServerResponse, request: IncomingMessage) => void = (response) =>
    void response.writeHead(204).end();
  url = "";
  #look: () => void = () => {};

  static async listen(): Promise<Receiver> {
    const receiver = new Receiver();
    const server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      request.on("end", () => {
        receiver.posts.push({ headers: request.headers, body });
        receiver.answer(response, request);
        receiver.#look();
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    return receiver;
  }

  until(fits: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (fits()) resolve();
      };
      this.#look();
    });
  }
}

/** Takes or refuses what it is told to. */
class Channel implements AlertChannel {
  readonly name: string;
  readonly taken: AlertMessage[] = [];
  isDead = false;
  tries = 0;
  #look: () => void = () => {};

  constructor(name = "mail") {
    this.name = name;
  }

  async send(message: AlertMessage): Promise<undefined> {
    this.tries++;
    if (!this.isDead) this.taken.push(message);
    setImmediate(() => this.#look());
    if (this.isDead) throw new Error("connection failed: ECONNREFUSED");
  }

  until(fits: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (fits()) resolve();
      };
      this.#look();
    });
  }

  get told(): string[] {
    return this.taken.map(({ alarm, phase, count }) => `${alarm} ${phase} ${count}`);
  }
}

describe("alerts by webhook", () => {
  it("fifty altered objects ring once, signed over the exact bytes", async () => {
    const receiver = await Receiver.listen();
    const secret = "a secret of the test";
    const one = alerts([new WebhookChannel({ url: receiver.url, secret, tls: undefined })]);
    for (let i = 0; i < 50; i++) one.sink(held(i));
    one.sink(held(99, "mr1"));
    await receiver.until(() => receiver.posts.length === 2);
    await one.stop();
    expect(receiver.posts).toHaveLength(2);
    const { headers, body } = receiver.posts[0]!;
    const signature = createHmac("sha256", secret).update(body).digest("hex");
    expect(headers["scanseal-signature"]).toBe(`sha256=${signature}`);
    expect(headers["content-type"]).toBe("application/json");
    const alert = JSON.parse(body);
    expect(alert).toMatchObject({
      ...{ version: 1, id: headers["scanseal-alert"], gate: "GATE", alarm: "held", phase: "began" },
      ...{ severity: "critical", count: 1, total: 1, page: "docs/alarms.md#held" },
      ...{ since: "2026-11-23T03:00:00.000Z", object: "01900000-0000-7000-8000-000000000000" },
    });
    expect(alert.text).toContain("what ct1 sends is held: altered, pixels-changed");
    expect(faults).toEqual([]);
  });

  it.each<[string, RegExp, Receiver["answer"]]>([
    ["an error", /answered 503/, (response) => response.writeHead(503).end("no")],
    ["a redirection", /answered 307/, (response) => response.writeHead(307, { Location: "/other" }).end()],
    ["no HTTP", /connection failed: HPE_/, (_, request) => void request.socket.end("hello\r\n\r\n")],
    ["an end", /connection failed: ECONNRESET/, (_, request) => void request.socket.destroy()],
    ["endless headers", /connection failed: HPE_HEADER_OVERFLOW/, (_, request) => endless(request)],
  ])("%s is no", async (_, why, answer) => {
    const receiver = await Receiver.listen();
    receiver.answer = answer;
    const channel = new WebhookChannel({ url: `${receiver.url}?token=x`, secret: undefined, tls: undefined });
    const sent = channel.send({ ...message, id: "a" });
    await expect(sent).rejects.toThrow(why);
    await expect(sent).rejects.not.toThrow(/token|127\.0/);
    expect(receiver.posts).toHaveLength(1);
    expect(receiver.posts[0]!.headers["scanseal-signature"]).toBeUndefined();
  });

  it("over TLS to a receiver of the named authority, and to no other", async () => {
    const material = await makeTlsMaterial();
    const { certificatePem: cert, keyPem: key } = material.server;
    let posts = 0;
    const server = createTlsServer({ cert, key }, (_, response) => {
      posts++;
      response.writeHead(200).end();
    });
    onTestFinished(() => void server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const sent = (authorities: string, serverName?: string): Promise<undefined> =>
      new WebhookChannel({ url, secret: undefined, tls: { authorities, serverName } }).send(message);
    await sent(material.authority);
    await sent(material.authority, "localhost");
    await expect(sent((await makeTlsMaterial()).authority)).rejects.toThrow(/failed: [A-Z_]+/);
    await expect(sent(material.authority, "elsewhere.example")).rejects.toThrow(/ERR_TLS_CERT_ALTNAME/);
    expect(posts).toBe(2);
  });

  it.each<[string, Receiver["answer"]]>([
    ["does not answer", () => {}],
    ["says a letter in a while", (_, request) => drip(request)],
  ])("a receiver that %s does not keep it", async (_, answer) => {
    const receiver = await Receiver.listen();
    receiver.answer = answer;
    const channel = new WebhookChannel({ url: receiver.url, secret: undefined, tls: undefined }, 200);
    await expect(channel.send(message)).rejects.toThrow(/does not answer/);
  });

  it("an endless answer after a yes is yes, and is cut off", async () => {
    const receiver = await Receiver.listen();
    const closed = Promise.withResolvers<void>();
    receiver.answer = (response) => {
      response.writeHead(200).on("close", closed.resolve);
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", more).on("error", () => {});
      more();
    };
    await new WebhookChannel({ url: receiver.url, secret: undefined, tls: undefined }).send(message);
    await closed.promise;
  });
});

const message: AlertMessage = {
  ...{ id: "id", gate: "GATE", alarm: "held", phase: "began", severity: "critical", what: "x", todo: "y" },
  ...{ count: 1, total: 1, since: 0, at: 0 },
};

function endless(request: IncomingMessage): void {
  const { socket } = request;
  socket.on("error", () => {});
  socket.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(1 << 20)}`);
}

function drip({ socket }: IncomingMessage): void {
  socket.write("HTTP/1.1 200 OK\r\nX: ");
  const timer = setInterval(() => socket.write("x"), 20);
  socket.on("error", () => {}).on("close", () => clearInterval(timer));
}

describe("alerts over time", () => {
  it("are told once over a restart, and what came before it is counted", async () => {
    const channel = new Channel();
    const before = alerts([channel]);
    for (let i = 0; i < 10; i++) before.sink(held(i));
    await channel.until(() => channel.taken.length === 1);
    await before.stop();
    now += 3_600_000;
    const after = alerts([channel]);
    await channel.until(() => channel.taken.length === 2);
    for (let i = 0; i < 8; i++) after.sink(held(i));
    await after.stop();
    expect(channel.told).toEqual(["held began 1", "held more 9"]);
    expect(channel.taken[1]!.total).toBe(10);
    expect(faults).toEqual([]);
  });

  it("what no channel took waits over a restart", async () => {
    const channel = new Channel();
    channel.isDead = true;
    const before = alerts([channel]);
    before.sink(held(1));
    await channel.until(() => channel.tries > 0);
    await before.stop();
    channel.isDead = false;
    const after = alerts([channel]);
    await channel.until(() => channel.taken.length > 0);
    await after.stop();
    expect(channel.taken[0]).toMatchObject({ alarm: "held", id: "id-0" });
  });

  it("a dead channel is told once by the others and the log, hears all when it is back, and then it is over", async () => {
    const [dead, alive] = [new Channel("webhook"), new Channel("mail")];
    dead.isDead = true;
    const one = alerts([dead, alive]);
    one.sink(held(1));
    await dead.until(() => dead.tries > 20);
    expect(alive.told).toEqual(["held began 1", "channel-dead began 0"]);
    // As long as it is dead, that is not over.
    now += 50 * 60_000;
    const { tries } = dead;
    await dead.until(() => dead.tries > tries + 2);
    now += 50 * 60_000;
    await dead.until(() => dead.tries > tries + 4);
    expect(alive.told).toHaveLength(2);
    expect(faults).toEqual([
      expect.objectContaining({ where: "alerts", code: "network", why: expect.stringContaining("webhook") }),
    ]);
    dead.isDead = false;
    await dead.until(() => dead.taken.length === 2);
    expect(dead.told).toEqual(alive.told);
    await one.stop();
    now += 20 * 60_000;
    const after = alerts([dead, alive]);
    await alive.until(() => alive.taken.length === 3);
    await after.stop();
    expect(alive.taken[2]).toMatchObject({ alarm: "channel-dead", phase: "ended" });
    expect(alive.taken[2]!.what).toContain("are sent again");
  });

  it("a crash while it is told tells it again, under the same id", async () => {
    const begun = Promise.withResolvers<void>();
    const never: AlertChannel = {
      name: "mail",
      send: () => {
        begun.resolve();
        return new Promise(() => {});
      },
    };
    alerts([never]).sink(held(1));
    await begun.promise;
    // Nothing was stopped: this is what a killed process leaves.
    const channel = new Channel();
    const after = alerts([channel]);
    after.sink(held(2));
    await channel.until(() => channel.taken.length > 0);
    await after.stop();
    expect(channel.taken).toEqual([expect.objectContaining({ alarm: "held", id: "id-0" })]);
    expect(JSON.parse(readFileSync(join(folder, "alerts.json"), "utf8")).groups[0]).toMatchObject({
      total: 2,
    });
  });

  it("a destination that is down for five minutes rings, also over a restart; one that is back before does not", async () => {
    const channel = new Channel();
    const down = (destination: string): GatewayEvent => {
      return { kind: "destination-down", destination, why: "timeout", waiting: 2, retryInMs: 60_000 };
    };
    const before = alerts([channel]);
    before.sink(down("pacs"));
    before.sink(down("vna"));
    now += 240_000;
    before.sink({ kind: "destination-back", destination: "vna", waiting: 2, downMs: 240_000 });
    before.sink({ ...down("pacs"), waiting: 7 } as GatewayEvent);
    await before.stop();
    now += 60_000;
    const after = alerts([channel]);
    await channel.until(() => channel.taken.length > 0);
    await after.stop();
    expect(channel.told).toEqual(["destination-down began 0"]);
    expect(channel.taken[0]!.what).toBe("pacs cannot be reached; 7 deliveries wait");
    expect(channel.taken[0]!.at - channel.taken[0]!.since).toBe(300_000);
  });

  it("a channel that is away for long keeps the newest two hundred, and that is told once", async () => {
    const dropped: string[] = [];
    const queue = new ChannelQueue(new Channel(), [], {
      ...{ times, onState: () => {}, onNote: () => {}, onSent: () => {} },
      onDropped: (channel) => dropped.push(channel),
    });
    for (let i = 0; i < 260; i++) queue.push({ ...message, id: `id-${i}` });
    expect(queue.waiting).toHaveLength(200);
    expect(queue.waiting[0]!.id).toBe("id-60");
    expect(dropped).toEqual(["mail"]);
  });

  it.each([
    ["no JSON", "{"],
    ["another version", '{"version":2,"groups":[],"waiting":{}}'],
    ["a group without its times", '{"version":1,"groups":[{"key":"a"}],"waiting":{}}'],
    ["a message that is none", '{"version":1,"groups":[],"waiting":{"mail":[1]}}'],
    ["a message of no time", '{"version":1,"groups":[],"waiting":{"mail":[{"id":"a","at":1e300}]}}'],
    ["too large", " ".repeat(5 << 20)],
  ])("a file that is broken (%s) is a fresh state and one line in the log", async (_, text) => {
    writeFileSync(join(folder, "alerts.json"), text);
    const channel = new Channel();
    const one = alerts([channel]);
    one.sink(held(1));
    await channel.until(() => channel.taken.length === 1);
    await one.stop();
    expect(faults).toEqual([expect.objectContaining({ kind: "fault", where: "alerts", code: "io" })]);
    expect(JSON.parse(readFileSync(join(folder, "alerts.json"), "utf8")).groups).toHaveLength(1);
  });

  it("a file that cannot be written keeps nobody from hearing, and is one line in the log", async () => {
    const path = join(folder, "folder", "alerts.json");
    const channel = new Channel();
    const one = alerts([channel], path);
    for (let i = 0; i < 5; i++) one.sink(held(i, `ct${i}`));
    await channel.until(() => channel.taken.length === 5);
    await one.stop();
    expect(faults).toEqual([expect.objectContaining({ where: "alerts", code: "io" })]);
    mkdirSync(join(folder, "folder"));
    const isHealed = alerts([channel], path);
    await isHealed.stop();
    expect(JSON.parse(readFileSync(path, "utf8")).version).toBe(1);
  });
});
