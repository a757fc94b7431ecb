import { createServer, type Socket } from "node:net";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { mailServer } from "../../../test/alert-receivers.ts";
import { makeTlsMaterial, type TlsMaterial } from "../../../test/dicom-network/tls-material.ts";
import type { AlertMessage } from "./alert-message.ts";
import { MailChannel, type MailSettings } from "./mail-channel.ts";

let material: TlsMaterial;
beforeAll(async () => {
  material = await makeTlsMaterial();
});

const message: AlertMessage = {
  ...{ id: "01900000-0000-7000-8000-00000000000a", gate: "GATE", alarm: "held", phase: "began" },
  ...{ severity: "critical", what: `what ct1 sends is held: ${"pixels-changed ".repeat(12)}`, todo: "look" },
  ...{ count: 50, total: 50, since: 0, at: Date.parse("2026-11-23T03:00:00Z") },
};

function settings(port: number, more: Partial<MailSettings> = {}): MailSettings {
  return {
    ...{ host: "127.0.0.1", port, transport: "starttls", tls: { authorities: material.authority } },
    ...{ from: "gate@hospital.example", to: ["one@hospital.example"], login: undefined },
    ...more,
  };
}

function server(options: Parameters<typeof mailServer>[0] = {}, refused: string[] = []) {
  const { certificatePem: cert, keyPem: key } = material.server;
  return mailServer({ cert, key, ...options }, refused);
}

const unfolded = (text: string): string => text.replace(/\r\n[ \t]/g, " ");

describe("alerts by mail", () => {
  it.each(["starttls", "tls"] as const)(
    "go over %s, with a password, and name no patient",
    async (transport) => {
      const received = await server({ secure: transport === "tls" });
      const login = { user: "gate", pass: "right" };
      const to = ["one@hospital.example", "two@hospital.example"];
      const sent = await new MailChannel(settings(received.port, { transport, login, to })).send(message);
      expect(sent).toBeUndefined();
      const mail = received.taken[0]!;
      expect(mail).toMatchObject({ from: "gate@hospital.example", to, isSecure: true, user: "gate" });
      const text = unfolded(mail.text);
      expect(text).toMatch(
        /^Subject: Scanseal GATE: critical: 50 times: what ct1 sends is held: pixels-changed/m,
      );
      expect(text).toMatch(/^Auto-Submitted: auto-generated\r$/m);
      expect(text).toMatch(/^Message-ID: <01900000-0000-7000-8000-00000000000a@scanseal>\r$/m);
      expect(text).toContain("What to do: look");
      for (const line of mail.text.split("\r\n")) expect(line.length).toBeLessThanOrEqual(998);
    },
  );

  it("a line break begins no header, and a dot no other command, wherever it comes from", async () => {
    const received = await server();
    const hostile = "a\r\nBcc: evil@example.com\r\n\r\n.\r\nMAIL FROM:<x@y>\u2028";
    const sent = { ...message, what: hostile, todo: hostile, gate: hostile };
    await new MailChannel(settings(received.port)).send(sent);
    expect(received.taken).toHaveLength(1);
    const [head] = received.taken[0]!.text.split("\r\n\r\n");
    expect(head).not.toMatch(/^Bcc:/im);
    expect(received.taken[0]!.to).toEqual(["one@hospital.example"]);
  });

  it("in clear only where the site says so", async () => {
    const received = await server({ disabledCommands: ["STARTTLS", "AUTH"] });
    await expect(new MailChannel(settings(received.port)).send(message)).rejects.toThrow(
      /mail server .*ETLS/,
    );
    expect(received.taken).toEqual([]);
    const plain = settings(received.port, { transport: "tcp", tls: undefined });
    await new MailChannel(plain).send(message);
    expect(received.taken[0]).toMatchObject({ isSecure: false });
  });

  it("not to a server of another authority, nor under another name", async () => {
    const received = await server();
    const other = await makeTlsMaterial();
    const strange = settings(received.port, { tls: { authorities: other.authority } });
    await expect(new MailChannel(strange).send(message)).rejects.toThrow(/failed/);
    const tls = { authorities: material.authority, serverName: "mail.example.com" };
    await expect(new MailChannel(settings(received.port, { tls })).send(message)).rejects.toThrow(/failed/);
    expect(received.taken).toEqual([]);
  });

  it("a wrong password is told without it", async () => {
    const received = await server();
    const login = { user: "gate-user", pass: "wrong-secret" };
    const sent = new MailChannel(settings(received.port, { login })).send(message);
    await expect(sent).rejects.toThrow(/answered 535.*EAUTH/);
    await expect(sent).rejects.not.toThrow(/secret|gate-user/);
  });

  it("a recipient that is refused is told, and the others are not told twice; without any it is no", async () => {
    const received = await server({}, ["gone@hospital.example"]);
    const some = settings(received.port, { to: ["one@hospital.example", "gone@hospital.example"] });
    expect(await new MailChannel(some).send(message)).toBe("1 of 2 recipients were refused");
    expect(received.taken).toHaveLength(1);
    const none = settings(received.port, { to: ["gone@hospital.example"] });
    await expect(new MailChannel(none).send(message)).rejects.toThrow(/EENVELOPE/);
  });

  it.each<[string, (socket: Socket) => void]>([
    ["says nothing", () => {}],
    ["says a letter in a while", drip],
    ["never ends its greeting", (socket) => endless(socket)],
  ])("a server that %s does not keep it", async (_, talk) => {
    const closed = Promise.withResolvers<void>();
    const listening = createServer((socket) => {
      socket.on("error", () => {}).on("close", () => closed.resolve());
      talk(socket.resume());
    });
    onTestFinished(() => void listening.close());
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const { port } = listening.address() as { port: number };
    await expect(new MailChannel(settings(port), 300).send(message)).rejects.toThrow(/mail server/);
    await closed.promise;
  });
});

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write("220-a\r\n"), 20);
  socket.on("close", () => clearInterval(timer));
}

function endless(socket: Socket): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write("220-".padEnd(65_536, "x")));
  };
  socket.on("drain", more);
  more();
}
