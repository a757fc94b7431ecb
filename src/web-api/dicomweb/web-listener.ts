/** A port of the DICOMweb server: HTTP/1.1, over mutual TLS or in clear, with limits on everything that takes memory or time. */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer, Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { ConnectionTable } from "../../dicom-network/dimse/connection-table.ts";
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
  readonly answer: (request: WebRequest) => Promise<WebAnswer>;
  /** A connection that never became a request: no certificate that is accepted. */
  readonly onStranger: (address: string, why: string) => void;
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
const headersMsMax = 10_000;
const handshakeMsMax = 10_000;
/** A viewer asks for the next frame within seconds. */
const idleMsMax = 15_000;

/** @throws ScansealError `network` when the port cannot be had, `key-unusable` */
export async function openWebListener(options: WebListenerOptions): Promise<OpenWebListener> {
  const { tls, connectionsMax, connectionsPerAddressMax } = options;
  const server = tls ? tlsServer(tls, options) : createHttpServer(limits);
  server.maxHeadersCount = headersMax;
  server.maxRequestsPerSocket = 0;
  const connections = new ConnectionTable({ connectionsMax, connectionsPerAddressMax });
  server.on("connection", (socket: Socket) => {
    if (!connections.add(socket, peerOf(socket).address)) socket.destroy();
  });
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = connections.all.find(({ socket }) => isOf(socket, request.socket));
    if (connection) connection.isAssociated = true;
    void respond(request, response, options).finally(() => {
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

const limits = {
  maxHeaderSize: headerBytesMax,
  headersTimeout: headersMsMax,
  // Bodies have a pace of their own (request-of.ts): a study of gigabytes takes its time.
  requestTimeout: 0,
  keepAliveTimeout: idleMsMax,
  connectionsCheckingInterval: 1_000,
  noDelay: true,
} as const;

function tlsServer(tls: ServerTls, { onStranger }: WebListenerOptions): Server {
  const server = createHttpsServer({
    ...limits,
    ...serverContextOptions(tls),
    ALPNProtocols: ["http/1.1"],
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: handshakeMsMax,
  });
  server.on("tlsClientError", (error, socket) => onStranger(peerOf(socket).address, codeOf(error)));
  return server;
}

/** Over TLS a request's socket is about the one that was counted. */
function isOf(counted: Socket, socket: Socket): boolean {
  return (
    counted === socket ||
    (counted.remotePort === socket.remotePort && counted.remoteAddress === socket.remoteAddress)
  );
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { tls, host, names, answer }: WebListenerOptions,
): Promise<void> {
  const { socket } = request;
  const certificate = tls && shownCertificate(socket as TLSSocket);
  const peer = peerOf(socket, certificate);
  const asked = requestOf(request, response, { peer, isTls: tls !== undefined, host, names });
  await sendAnswer(request, response, asked.kind === "request" ? await answer(asked.request) : asked.answer);
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
