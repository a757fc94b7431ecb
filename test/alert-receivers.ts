/** Servers that take alerts: mail and syslog, as real as they get without a data centre. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { onTestFinished } from "vitest";
import type { TlsMaterial } from "./dicom-network/tls-material.ts";

export interface Received<T> {
  readonly port: number;
  readonly taken: T[];
  /** Resolves when so many are there. */
  until(count: number): Promise<void>;
}

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly isSecure: boolean;
  readonly user: string | undefined;
  readonly text: string;
}

class Taken<T> {
  readonly taken: T[] = [];
  #look: () => void = () => {};

  add(one: T): void {
    this.taken.push(one);
    this.#look();
  }

  until(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (this.taken.length >= count) resolve();
      };
      this.#look();
    });
  }
}

/** @param refused recipients */
export async function mailServer(
  options: SMTPServerOptions,
  refused: readonly string[] = [],
): Promise<Received<ReceivedMail>> {
  const mails = new Taken<ReceivedMail>();
  const server = new SMTPServer({
    ...{ logger: false, authOptional: true, disableReverseLookup: true, closeTimeout: 10 },
    ...options,
    onAuth: ({ username, password }, _, done) =>
      password === "right" ? done(null, { user: username }) : done(new Error("no")),
    onRcptTo: ({ address }, _, done) => done(refused.includes(address) ? new Error("no such user") : null),
    onData: (stream, session, done) => {
      let text = "";
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.add({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          isSecure: session.secure,
          user: session.user as string | undefined,
          text,
        });
        done();
      });
    },
  });
  // A client that does not believe its certificate breaks off.
  server.on("error", () => {});
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => new Promise<void>((resolve) => server.close(resolve)));
  return received(mails, server.server as Server);
}

/** RFC 5425 over mutual TLS; throws for a frame that is none. */
export async function syslogServer({ server, authority }: TlsMaterial): Promise<Received<string>> {
  const messages = new Taken<string>();
  const own = { cert: server.certificatePem, key: server.keyPem, ca: authority };
  const listening = createTlsServer(
    { ...own, requestCert: true, rejectUnauthorized: true },
    (socket: TLSSocket) => {
      let held = Buffer.alloc(0);
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        held = Buffer.concat([held, chunk]);
        for (let space = held.indexOf(0x20); space > 0; space = held.indexOf(0x20)) {
          const digits = held.subarray(0, space).toString("latin1");
          if (!/^[1-9][0-9]{0,5}$/.test(digits)) throw new Error(`no frame: ${digits}`);
          const end = space + 1 + Number(digits);
          if (held.length < end) break;
          messages.add(held.subarray(space + 1, end).toString("utf8"));
          held = held.subarray(end);
        }
      });
    },
  );
  listening.on("tlsClientError", () => {});
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  onTestFinished(() => void listening.close());
  return received(messages, listening);
}

function received<T>(taken: Taken<T>, server: Server): Received<T> {
  const { port } = server.address() as AddressInfo;
  return { port, taken: taken.taken, until: (count) => taken.until(count) };
}
