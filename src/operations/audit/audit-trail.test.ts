import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { freePorts } from "../../../test/cli/gateway-run.ts";
import { makeTlsMaterial, type TlsMaterial } from "../../../test/dicom-network/tls-material.ts";
import type { GatewayEvent } from "../event.ts";
import { AuditTrail } from "./audit-trail.ts";
import type { SyslogTarget } from "./syslog-sender.ts";

let material: TlsMaterial;
let folder: string;
let faults: GatewayEvent[];

beforeAll(async () => {
  material = await makeTlsMaterial();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-audit-"));
  faults = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const times = { settleMs: 50, stallMs: 300, retryMs: 10, retryMsMax: 20 };

function trail(
  target: SyslogTarget,
  queueBytesMax: number = 1 << 20,
  onFault = (): void => {},
  pace = times,
): AuditTrail {
  return new AuditTrail(
    { target, queueBytesMax },
    {
      ...{ path: join(folder, "audit.sqlite"), title: "SCANSEAL", host: "gate", processId: 1, times: pace },
      clock: { now: () => Date.parse("2026-11-23T08:00:00Z") },
      faults: (event) => {
        faults.push(event);
        onFault();
      },
    },
  );
}

function delivered(i: number): GatewayEvent {
  const object = `01900000-0000-7000-8000-${String(i).padStart(12, "0")}`;
  return { kind: "delivered", object, destination: "pacs", bytes: 1, ms: 1 };
}

const ids = (text: string): Set<string> =>
  new Set([...text.matchAll(/urn:uuid:[0-9a-f-]{24}([0-9]{12})/g)].map(([, id]) => id!));

/** What a server received, frame by frame; throws for a frame that is none. */
class Receiver {
  readonly messages: string[] = [];
  readonly #waiting = new Set<() => void>();

  take(socket: Socket): void {
    let held = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      for (;;) {
        const space = held.indexOf(0x20);
        if (space < 0) break;
        const digits = held.subarray(0, space).toString("latin1");
        if (!/^[1-9][0-9]{0,5}$/.test(digits)) throw new Error(`no frame: ${digits}`);
        const end = space + 1 + Number(digits);
        if (held.length < end) break;
        this.add(held.subarray(space + 1, end).toString("utf8"));
        held = held.subarray(end);
      }
    });
  }

  add(message: string): void {
    if (!/^<8[45]>1 \S+ gate scanseal 1 DICOM\+RFC3881 - \ufeff<\?xml .*<\/AuditMessage>$/.test(message))
      throw new Error(`no audit message: ${message}`);
    this.messages.push(message);
    for (const look of this.#waiting) look();
  }

  get text(): string {
    return this.messages.join("\n");
  }

  until(fits: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (fits()) resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

function listen(server: Server, port = 0): Promise<number> {
  onTestFinished(() => void server.close());
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}

function overTls(port: number, withCertificate = true): SyslogTarget {
  const { certificatePem: certificate, keyPem: key } = material.client;
  const own = withCertificate ? { certificate, key } : {};
  return { host: "127.0.0.1", port, transport: "tls", tls: { authorities: material.authority, ...own } };
}

function tlsServer(receiver: Receiver): Server {
  const { certificatePem: cert, keyPem: key } = material.server;
  const options = { cert, key, ca: material.authority, requestCert: true, rejectUnauthorized: true };
  const server = createTlsServer(options, (socket) => receiver.take(socket));
  server.on("tlsClientError", () => {});
  return server;
}

describe("the audit trail", () => {
  it("sends over mutual TLS, and leaves nothing in the queue when both ended in order", async () => {
    const receiver = new Receiver();
    const audit = trail(overTls(await listen(tlsServer(receiver))));
    for (let i = 0; i < 200; i++) audit.sink(delivered(i));
    await receiver.until(() => ids(receiver.text).size === 200);
    await audit.stop();
    expect(receiver.messages).toHaveLength(202);
    expect(receiver.messages[0]).toContain("Application Start");
    expect(receiver.messages[201]).toContain("Application Stop");
    expect(faults).toEqual([]);
    const again = trail({ host: "127.0.0.1", port: 1, transport: "tcp" });
    expect(again.length).toBe(0);
    await again.stop();
  });

  it("keeps what it has over a restart while no server is there", async () => {
    const receiver = new Receiver();
    const server = createServer((socket) => receiver.take(socket));
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const failed = Promise.withResolvers<void>();
    const before = trail({ host: "127.0.0.1", port, transport: "tcp" }, undefined, failed.resolve);
    for (let i = 0; i < 30; i++) before.sink(delivered(i));
    await failed.promise;
    await before.stop();
    expect(faults).toHaveLength(1);
    await listen(server, port);
    const after = trail({ host: "127.0.0.1", port, transport: "tcp" });
    await receiver.until(() => ids(receiver.text).size === 30);
    await after.stop();
  });

  it("goes on to another server, with what waited for the first, and with a certificate that was missing", async () => {
    const [first, second] = [new Receiver(), new Receiver()];
    const [one, two] = [await listen(tlsServer(first)), await listen(tlsServer(second))];
    // TLS 1.3 writes before it hears that its certificate is missed.
    const audit = trail(overTls(one, false), 1 << 20, undefined, { ...times, settleMs: 10_000 });
    for (let i = 0; i < 50; i++) audit.sink(delivered(i));
    await expect.poll(() => faults.length).toBe(1);
    await audit.apply({ target: overTls(two), queueBytesMax: 1 << 20 });
    for (let i = 50; i < 100; i++) audit.sink(delivered(i));
    await second.until(() => ids(second.text).size === 100);
    await audit.apply({ target: overTls(one), queueBytesMax: 1 << 20 });
    audit.sink(delivered(100));
    await first.until(() => ids(first.text).has("000000000100"));
    await audit.stop();
    expect([second.messages.length, first.messages.length]).toEqual([101, 2]);
    expect(faults).toMatchObject([{ code: "network" }]);
  });

  it("sends again what a server that died had not settled: nothing is lost", async () => {
    const receiver = new Receiver();
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      // The first two take a little and break off; what they were sent is not counted as received.
      if (connections > 2) receiver.take(socket);
      else socket.once("data", () => socket.resetAndDestroy()).on("error", () => {});
    });
    const audit = trail({ host: "127.0.0.1", port: await listen(server), transport: "tcp" });
    for (let i = 0; i < 500; i++) audit.sink(delivered(i));
    await receiver.until(() => ids(receiver.text).size === 500);
    await audit.stop();
    expect(connections).toBeGreaterThan(2);
  });

  it.each([
    ["a server of another authority", false],
    ["a server that wants a certificate of ours", true],
  ])("sends nothing to %s, and keeps it", async (_, isOurs) => {
    const receiver = new Receiver();
    const other = await makeTlsMaterial();
    const { certificatePem: cert, keyPem: key } = isOurs ? material.server : other.server;
    const server = createTlsServer(
      { cert, key, ca: material.authority, requestCert: true, rejectUnauthorized: true },
      (socket) => receiver.take(socket),
    );
    server.on("tlsClientError", () => {});
    const failed = Promise.withResolvers<void>();
    const audit = trail(overTls(await listen(server), !isOurs), undefined, failed.resolve);
    audit.sink(delivered(1));
    await failed.promise;
    await audit.stop();
    expect(receiver.messages).toEqual([]);
    const again = trail({ host: "127.0.0.1", port: 1, transport: "tcp" });
    expect(again.length).toBe(3);
    await again.stop();
  });

  it("gives up a server that never reads, and keeps everything", async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket.pause().on("error", () => {}));
    });
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    const stalled = Promise.withResolvers<void>();
    const target = { host: "127.0.0.1", port: await listen(server), transport: "tcp" } as const;
    const audit = trail(target, 1 << 26, stalled.resolve, { ...times, settleMs: 600_000 });
    for (let i = 0; i < 20_000; i++) audit.sink(delivered(i));
    await stalled.promise;
    await audit.stop();
    expect(faults[0]).toMatchObject({ where: "audit", why: "the server takes nothing more" });
    const again = trail({ host: "127.0.0.1", port: 1, transport: "tcp" }, 1 << 26);
    expect(again.length).toBe(20_002);
    await again.stop();
  });

  it("drops the oldest when the queue is full, counts them, and audits that", async () => {
    const full = Promise.withResolvers<void>();
    const onFault = (): void => {
      if (faults.some((one) => one.kind === "fault" && one.code === "storage-full")) full.resolve();
    };
    const before = trail({ host: "127.0.0.1", port: 1, transport: "tcp" }, 1 << 20, onFault);
    for (let i = 0; i < 3000; i++) before.sink(delivered(i));
    await full.promise;
    await before.stop();
    const receiver = new Receiver();
    const port = await listen(createServer((socket) => receiver.take(socket)));
    const after = trail({ host: "127.0.0.1", port, transport: "tcp" });
    await receiver.until(() => receiver.text.includes("Application Stop"));
    await after.stop();
    expect(ids(receiver.text).has("000000002999")).toBe(true);
    const told = receiver.text.matchAll(/<EventOutcomeDescription>(\d+) audit messages were dropped/g);
    const dropped = [...told].reduce((sum, [, count]) => sum + Number(count), 0);
    // The start was the oldest.
    expect(ids(receiver.text).size).toBe(3000 - (dropped - 1));
  });

  it("sends datagrams", async () => {
    const receiver = new Receiver();
    const socket = createSocket("udp4", (message) => receiver.add(message.toString("utf8")));
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const audit = trail({ host: "127.0.0.1", port: socket.address().port, transport: "udp" });
    audit.sink(delivered(1));
    await receiver.until(() => ids(receiver.text).size === 1);
    await audit.stop();
    socket.close();
  });

  it("is understood by openssl s_server, which asks for a certificate", async () => {
    const { dicom: port } = await freePorts();
    for (const [name, text] of [
      ["server.pem", material.server.certificatePem],
      ["server.key", material.server.keyPem],
      ["authority.pem", material.authority],
    ] as const)
      writeFileSync(join(folder, name), text);
    const args = ["s_server", "-accept", `127.0.0.1:${port}`, "-cert", "server.pem", "-key", "server.key"];
    const more = ["-CAfile", "authority.pem", "-Verify", "2", "-verify_return_error", "-quiet"];
    const child = spawn("openssl", [...args, ...more], { cwd: folder, stdio: ["pipe", "pipe", "ignore"] });
    onTestFinished(() => void child.kill());
    const audit = trail(overTls(port));
    audit.sink(delivered(42));
    let text = "";
    await new Promise<void>((resolve) => {
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (ids(text).has("000000000042")) resolve();
      });
    });
    expect(text).toMatch(
      /^\d+ <85>1 2026-11-23T08:00:00\.000Z gate scanseal 1 DICOM\+RFC3881 - \ufeff<\?xml/,
    );
    await audit.stop();
  });
});
