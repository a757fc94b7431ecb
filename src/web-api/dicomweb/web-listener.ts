/** A port of the DICOMweb server: HTTP/1.1, over mutual TLS or in clear, with limits on everything that takes memory or time. */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer, Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Connection, ConnectionTable } from "../../dicom-network/dimse/connection-table.ts";
import {
  codeOf,
  peerOf,
  type ServerTls,
  serverContextOptions,
  shownCertificate,
} from "../../dicom-network/dimse/transport.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { WebAnswer, WebRequest } from "./message.ts";
import { requestOf } from "./request-of.ts";
import { sendAnswer } from "./send-answer.ts";

export interface WebListenerOptions {
  /** For the error. */
  readonly name: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls?: ServerTls | undefined;
  /** Host names that a listener without TLS answers to, beside addresses. */
  readonly names: readonly string[];
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  readonly timers?: WebTimers;
  readonly answer: (request: WebRequest) => Promise<WebAnswer>;
  /** A connection that never became a request: no certificate that is accepted. */
  readonly onStranger: (address: string, why: string) => void;
}

/** Milliseconds. */
export interface WebTimers {
  /** For a request's headers. */
  readonly headersMs: number;
  /** Between requests. */
  readonly idleMs: number;
  /** For bytes of a body, beside what its length earns. */
  readonly bodyMs: number;
  /** For the other side to take what was written. */
  readonly takingMs: number;
}

export interface OpenWebListener {
  readonly port: number;
  readonly isListening: boolean;
  /** For connections from now on. @throws ScansealError `key-unusable`: nothing changes */
  renewTls(tls: ServerTls): void;
  /** Takes no new connection; what is under way may end within `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Three UIDs, a list of frames, a query of some dozen keys. */
const headerBytesMax: number = 16 << 10;
const headersMax = 100;
const handshakeMsMax = 10_000;
/** Requests of one connection at once (RFC 9112 9.3.2): browsers send one, some clients the next before the answer. */
const pipelinedMax = 8;
/** A viewer asks for the next frame within seconds; a modality's line may rest for half a minute. */
const timersDefault: WebTimers = { headersMs: 10_000, idleMs: 15_000, bodyMs: 30_000, takingMs: 60_000 };

/** @throws ScansealError `network` when the port cannot be had, `key-unusable` */
export async function openWebListener(options: WebListenerOptions): Promise<OpenWebListener> {
  const { tls, connectionsMax, connectionsPerAddressMax } = options;
  const server = tls ? tlsServer(tls, options) : createHttpServer(limitsOf(options));
  server.maxHeadersCount = headersMax;
  server.maxRequestsPerSocket = 0;
  const connections = new ConnectionTable({ connectionsMax, connectionsPerAddressMax });
  // Over TLS a request's socket is about the one that was counted.
  const counted = new Map<string, Connection>();
  server.on("connection", (socket: Socket) => {
    const connection = connections.add(socket, peerOf(socket).address);
    if (!connection) {
      socket.destroy();
      return;
    }
    const end = farEnd(socket);
    counted.set(end, connection);
    socket.once("close", () => {
      if (counted.get(end) === connection) counted.delete(end);
    });
  });
  const underWay = new WeakMap<Socket, number>();
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    const before = underWay.get(socket) ?? 0;
    if (socket.destroyed || before >= pipelinedMax) {
      socket.destroy();
      return;
    }
    underWay.set(socket, before + 1);
    const connection = counted.get(farEnd(socket));
    if (connection) connection.isAssociated = true;
    const isOpen = (): boolean => server.listening;
    void respond(request, response, { ...options, isOpen })
      .catch(() => response.destroy())
      .finally(() => {
        underWay.set(socket, (underWay.get(socket) ?? 1) - 1);
        if (connection) connection.isAssociated = false;
      });
  };
  server.on("request", serve);
  server.on("checkContinue", serve);
  server.on("clientError", (_, socket) => socket.destroy());
  const port = await listen(server, options);
  return {
    port,
    get isListening() {
      return server.listening;
    },
    renewTls: (renewed) => {
      if (server instanceof HttpsServer) server.setSecureContext(serverContextOptions(renewed));
    },
    close: (graceMs) => close(server, graceMs),
  };
}

function limitsOf({ timers = timersDefault }: WebListenerOptions): ServerOptions {
  return {
    maxHeaderSize: headerBytesMax,
    headersTimeout: timers.headersMs,
    // Bodies have a pace of their own (request-of.ts): a study of gigabytes takes its time.
    requestTimeout: 0,
    keepAliveTimeout: timers.idleMs,
    connectionsCheckingInterval: Math.min(1_000, timers.headersMs),
    noDelay: true,
  };
}

function tlsServer(tls: ServerTls, options: WebListenerOptions): Server {
  const { onStranger } = options;
  const server = createHttpsServer({
    ...limitsOf(options),
    ...serverContextOptions(tls),
    ALPNProtocols: ["http/1.1"],
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: handshakeMsMax,
  });
  server.on("tlsClientError", (error, socket) => {
    const code = codeOf(error);
    const why = code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE" ? "no client certificate" : code;
    onStranger(peerOf(socket).address, why);
  });
  return server;
}

function farEnd({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  {
    tls,
    host,
    names,
    answer,
    timers = timersDefault,
    isOpen,
  }: WebListenerOptions & { isOpen: () => boolean },
): Promise<void> {
  const { socket } = request;
  const certificate = tls && shownCertificate(socket as TLSSocket);
  const peer = peerOf(socket, certificate);
  const { bodyMs, takingMs } = timers;
  const asked = requestOf(request, response, { peer, isTls: tls !== undefined, host, names, bodyMs });
  const answered = asked.kind === "request" ? await answer(asked.request) : asked.answer;
  // A listener that is closing waits for nobody's next request.
  if (!isOpen()) response.shouldKeepAlive = false;
  await sendAnswer(request, response, answered, takingMs);
}

function listen(server: Server, { name, host, port }: WebListenerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const why = cause.code === "EADDRINUSE" ? "the port is in use" : codeOf(cause);
      reject(new ScansealError("network", `listener ${name} cannot have port ${port}: ${why}`, { cause }));
    };
    server.once("error", failed);
    server.listen(port, host, () => {
      server.removeListener("error", failed);
      // An error of a later accept (too many files) ends no service.
      server.on("error", () => undefined);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
