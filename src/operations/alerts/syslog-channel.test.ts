import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { syslogServer } from "../../../test/alert-receivers.ts";
import { makeTlsMaterial, type TlsMaterial } from "../../../test/dicom-network/tls-material.ts";
import type { SyslogTarget } from "../audit/syslog-sender.ts";
import type { AlertMessage } from "./alert-message.ts";
import { SyslogChannel } from "./syslog-channel.ts";

let material: TlsMaterial;
beforeAll(async () => {
  material = await makeTlsMaterial();
});

const message: AlertMessage = {
  ...{ id: "01900000-0000-7000-8000-00000000000a", gate: "GATE", alarm: "held", phase: "began" },
  ...{ severity: "critical", what: "what ct1 sends is held", todo: "look" },
  ...{ count: 1, total: 1, since: 0, at: Date.parse("2026-11-23T03:00:00Z") },
};
/** RFC 5424 6: facility 10, severity 2. */
const line =
  '<82>1 2026-11-23T03:00:00.000Z gate scanseal 7 ALERT - \ufeffheld began critical gate="GATE" count=1 total=1 id=01900000-0000-7000-8000-00000000000a: what ct1 sends is held; what to do: look';

function channel(target: SyslogTarget): SyslogChannel {
  return new SyslogChannel(target, { host: "gate", processId: 7 });
}

function overTls(port: number, authorities = material.authority): SyslogTarget {
  const { certificatePem: certificate, keyPem: key } = material.client;
  return { host: "127.0.0.1", port, transport: "tls", tls: { authorities, certificate, key } };
}

describe("alerts by syslog", () => {
  it("go over mutual TLS, one frame each, whatever is in them", async () => {
    const received = await syslogServer(material);
    await channel(overTls(received.port)).send(message);
    await received.until(1);
    expect(received.taken).toEqual([line]);
    await channel(overTls(received.port)).send({
      ...message,
      phase: "ended",
      severity: "notice",
      what: "a\nb\u2028<34>1 x",
    });
    await received.until(2);
    expect(received.taken[1]).toMatch(/^<85>1 .*: a\?b\?<34>1 x$/);
  });

  it("not to a server of another authority", async () => {
    const received = await syslogServer(material);
    const other = await makeTlsMaterial();
    const sent = channel(overTls(received.port, other.authority)).send(message);
    await expect(sent).rejects.toThrow(/certificate|signature/);
    expect(received.taken).toEqual([]);
  });

  it("a server that is not there, or breaks off, has not taken it", async () => {
    const server = createServer((socket) => void socket.resetAndDestroy());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const target = { host: "127.0.0.1", port, transport: "tcp" } as const;
    await expect(channel(target).send(message)).rejects.toThrow();
    server.close();
    await once(server, "close");
    await expect(channel(target).send(message)).rejects.toThrow(/ECONNREFUSED/);
  });

  it("a server that never ends its side took it once it lived on", async () => {
    const sockets: Socket[] = [];
    let text = "";
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
    });
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    await channel({ host: "127.0.0.1", port, transport: "tcp" }).send(message);
    expect(text).toBe(`${Buffer.byteLength(line)} ${line}`);
  });

  it("or as a datagram", async () => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const got = once(socket, "message");
    await channel({ host: "127.0.0.1", port: socket.address().port, transport: "udp" }).send(message);
    expect(String((await got)[0])).toBe(line);
    socket.close();
  });
});
