/**
 * Sends what is queued to a syslog server. Syslog has no acknowledgement: over TLS and TCP a message leaves the queue when its connection
 * lived on for a while after it was written, or was ended by both sides in order; whatever else was written is sent again. So nothing is
 * lost with a server, and some arrive twice. A datagram (RFC 5426) is gone once it is sent.
 */
import { createSocket } from "node:dgram";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { AuditQueue, QueuedMessage } from "./audit-queue.ts";
import { framed } from "./syslog-message.ts";

export interface SyslogTarget {
  readonly host: string;
  readonly port: number;
  readonly transport: "tls" | "tcp" | "udp";
  /** PEM texts. */
  readonly tls?:
    | {
        readonly authorities: string;
        readonly certificate?: string | undefined;
        readonly key?: string | undefined;
        readonly serverName?: string | undefined;
      }
    | undefined;
}

export interface SyslogTimes {
  /** A server that dies takes with it what it had not read: it is noticed within this time. */
  readonly settleMs: number;
  /** To connect, and to take what is written. */
  readonly stallMs: number;
  readonly retryMs: number;
  readonly retryMsMax: number;
}

export const syslogTimes: SyslogTimes = {
  settleMs: 10_000,
  stallMs: 30_000,
  retryMs: 1000,
  retryMsMax: 60_000,
};

const batchMax = 50;

/** What is to be sent: the audit's queue, or one alert. */
type SyslogQueue = Pick<AuditQueue, "length" | "after" | "removeThrough">;

export class SyslogSender {
  readonly #queue: SyslogQueue;
  readonly #target: SyslogTarget;
  readonly #times: SyslogTimes;
  readonly #onState: (isReached: boolean, why: string) => void;
  #wake: () => void = () => {};
  #stopping = false;
  #running: Promise<void> | undefined;
  #socket: Socket | undefined;

  /** @param onState told once for each change: reached again, or not any more and why */
  constructor(
    queue: SyslogQueue,
    target: SyslogTarget,
    onState: (isReached: boolean, why: string) => void,
    times: SyslogTimes = syslogTimes,
  ) {
    this.#queue = queue;
    this.#target = target;
    this.#onState = onState;
    this.#times = times;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** There is something in the queue. */
  wake(): void {
    this.#wake();
  }

  /** What cannot be sent in the time stays in the queue. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#wake();
    const grace = setTimeout(() => this.#socket?.destroy(), graceMs);
    await this.#running;
    clearTimeout(grace);
  }

  async #run(): Promise<void> {
    let retryMs = this.#times.retryMs;
    let isReached = true;
    while (true) {
      if (this.#queue.length === 0) {
        if (this.#stopping) return;
        await this.#woken();
        continue;
      }
      const { why, isUseful } = await this.#session(() => {
        if (!isReached) this.#onState(true, "");
        isReached = true;
      });
      if (why !== "" && isReached) this.#onState(false, why);
      if (this.#stopping) return;
      if (why === "") continue;
      isReached = false;
      retryMs = isUseful ? this.#times.retryMs : Math.min(retryMs * 2, this.#times.retryMsMax);
      const pause = AbortSignal.timeout(retryMs);
      await new Promise<void>((resolve) => {
        pause.addEventListener("abort", () => resolve(), { once: true });
        const wake = (): void => {
          if (this.#stopping) resolve();
          else this.#wake = wake;
        };
        this.#wake = wake;
      });
      if (this.#stopping) return;
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** One connection, until it ends. */
  async #session(onSettled: () => void): Promise<{ readonly why: string; readonly isUseful: boolean }> {
    let isUseful = false;
    const settle = (id: number): void => {
      this.#queue.removeThrough(id);
      isUseful = true;
      onSettled();
    };
    try {
      if (this.#target.transport === "udp") await this.#sendDatagrams(settle);
      else await this.#sendOver(await this.#connect(), settle);
      return { why: "", isUseful };
    } catch (error) {
      return { why: (error as Error).message, isUseful };
    }
  }

  async #sendDatagrams(settle: (id: number) => void): Promise<void> {
    const { host, port } = this.#target;
    const socket = createSocket(isIP(host) === 6 ? "udp6" : "udp4");
    try {
      for (const { id, message } of this.#queue.after(0, batchMax)) {
        await new Promise<void>((resolve, reject) => {
          socket.once("error", reject);
          socket.send(message, port, host, (error) => (error ? reject(error) : resolve()));
        });
        settle(id);
      }
    } finally {
      socket.close();
    }
  }

  #connect(): Promise<Socket> {
    const { host, port, transport, tls } = this.#target;
    return new Promise((resolve, reject) => {
      const name = tls?.serverName ?? host;
      const socket =
        transport === "tcp"
          ? connectTcp({ host, port })
          : connectTls({
              ...{ host, port, minVersion: "TLSv1.2" as const, ca: tls?.authorities },
              ...(tls?.certificate === undefined ? {} : { cert: tls.certificate, key: tls.key }),
              ...(isIP(name) === 0 ? { servername: name } : {}),
            });
      this.#socket = socket;
      const timer = setTimeout(
        () => socket.destroy(new Error("the server does not answer")),
        this.#times.stallMs,
      );
      socket.once("close", () => reject(new Error("the connection was closed")));
      socket.on("error", reject);
      socket.once(transport === "tcp" ? "connect" : "secureConnect", () => {
        clearTimeout(timer);
        resolve(socket.resume());
      });
      socket.once("close", () => clearTimeout(timer));
    });
  }

  /** Ends in order when the sender stops; every other end is an error. */
  async #sendOver(socket: Socket, settle: (id: number) => void): Promise<void> {
    const timers = new Set<NodeJS.Timeout>();
    const lost = Promise.withResolvers<never>();
    // It is raced below, and may come when nobody waits.
    lost.promise.catch(() => {});
    socket.on("error", lost.reject);
    socket.once("end", () => lost.reject(new Error("the server ended the connection")));
    socket.once("close", () => lost.reject(new Error("the connection was lost")));
    let sent = 0;
    try {
      while (true) {
        const batch = this.#queue.after(sent, batchMax);
        if (batch.length === 0) {
          if (this.#stopping) break;
          await Promise.race([this.#woken(), lost.promise]);
          continue;
        }
        await Promise.race([this.#write(socket, batch), lost.promise]);
        const last = batch[batch.length - 1]!.id;
        sent = last;
        const timer = setTimeout(() => {
          timers.delete(timer);
          settle(last);
        }, this.#times.settleMs);
        timers.add(timer);
      }
      if (await this.#ended(socket)) settle(sent);
    } finally {
      for (const timer of timers) clearTimeout(timer);
      socket.destroy();
    }
  }

  async #write(socket: Socket, batch: readonly QueuedMessage[]): Promise<void> {
    const timer = setTimeout(
      () => socket.destroy(new Error("the server takes nothing more")),
      this.#times.stallMs,
    );
    try {
      await new Promise<void>((resolve, reject) => {
        const frames = Buffer.concat(batch.map(({ message }) => framed(message)));
        socket.write(frames, (error) => (error ? reject(error) : resolve()));
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the server, having read to our end, ended too: one that refuses our certificate tells so, and ends after that. */
  #ended(socket: Socket): Promise<boolean> {
    return new Promise((resolve) => {
      if (socket.readableEnded || socket.destroyed || socket.errored) return resolve(false);
      socket.once("error", () => resolve(false));
      socket.once("end", () => resolve(true));
      socket.once("close", () => resolve(false));
      socket.end();
    });
  }
}
