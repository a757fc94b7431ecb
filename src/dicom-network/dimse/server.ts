/** A DIMSE server: listens, takes associations, and hands what peers ask to a provider. */
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, Server as TlsServer } from "node:tls";
import { ScansealError } from "../../foundation/errors.ts";
import type { AssociateReject, AssociateRequest, AssociationEnd, NetworkPeer } from "./association.ts";
import { type Connection, type ConnectionLimits, ConnectionTable } from "./connection-table.ts";
import {
  agreedContexts,
  answerRequest,
  areQueriesRelational,
  type Implementation,
  ownImplementation,
  requestorRoles,
} from "./presentation.ts";
import type { DimseProvider, OpenAssociation } from "./service.ts";
import { DimseSession } from "./session.ts";
import { codeOf, peerOf, type ServerTls, serverContextOptions, shownCertificate } from "./transport.ts";
import { acceptConnection } from "./upper-layer/accept-connection.ts";
import { withReadBuffer } from "./upper-layer/read-buffer.ts";
import type {
  AssociateDecision,
  UpperLayerAssociation,
  UpperLayerLimits,
  UpperLayerTimers,
} from "./upper-layer/upper-layer.ts";
import { upperLayerLimits, upperLayerTimers } from "./upper-layer/upper-layer-defaults.ts";

export interface DimseListener {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly tls?: ServerTls | undefined;
}

export interface DimseServerOptions extends Partial<ConnectionLimits> {
  readonly implementation?: Implementation;
  readonly timers?: UpperLayerTimers;
  readonly limits?: UpperLayerLimits;
  /** What a refused object may still send before the association is aborted. */
  readonly drainBytesMax?: number;
  /** What a provider may take from one answer of a query or retrieval to the next. */
  readonly stepMs?: number | undefined;
}

export interface DimseServer {
  readonly port: number;
  /** The port is open: false once it was closed, by whomever. */
  readonly isListening: boolean;
  /** Open associations. */
  readonly associations: number;
  /**
   * For connections from now on; those that are open go on with what they have.
   * @throws ScansealError `key-unusable`, `usage` without TLS: nothing changes
   */
  renewTls(tls: ServerTls): void;
  /** Closes the port; what is connected stays, but no new association is taken. */
  stopAccepting(): Promise<void>;
  /** Takes nothing new; messages under way may end within `graceMs`; then everything is aborted. Resolves when all is closed. */
  drain(graceMs: number): Promise<void>;
  /** Aborts everything. */
  close(): Promise<void>;
}

/** 100 associations, as many that have not associated yet, and some being closed. */
const connectionsMaxDefault = 256;
/** A workstation with a handful of associations; a site behind one translated address. */
const connectionsPerAddressMaxDefault = 64;
/** A slice, a radiograph, a mammogram: their senders get an answer. To receive gigabytes for nothing helps nobody. */
const drainBytesMaxDefault: number = 128 << 20;
/** For the abort to leave before the connection is cut. */
const abortedMs = 500;

/** PS3.8 table 9-21: transient, presentation related, temporary congestion. */
const congestion: AssociateReject = { result: 2, source: 3, reason: 1 };

/** Association ids: unique in this process. */
let associationsSoFar = 0;

/**
 * @throws ScansealError `network` when the port cannot be had, `key-unusable` for TLS
 */
export async function startDimseServer(
  listener: DimseListener,
  provider: DimseProvider,
  options: DimseServerOptions = {},
): Promise<DimseServer> {
  const server = new ListeningServer(listener, provider, options);
  await server.listen();
  return server;
}

class ListeningServer implements DimseServer {
  readonly #listener: DimseListener;
  readonly #provider: DimseProvider;
  readonly #options: Required<
    Pick<DimseServerOptions, "timers" | "limits" | "drainBytesMax" | "implementation">
  > &
    Pick<DimseServerOptions, "stepMs">;
  readonly #server: Server;
  readonly #connections: ConnectionTable;
  readonly #sessions: Map<Connection, DimseSession> = new Map();
  #isAccepting = true;
  #port = 0;

  constructor(listener: DimseListener, provider: DimseProvider, options: DimseServerOptions) {
    this.#listener = listener;
    this.#provider = provider;
    this.#options = {
      timers: options.timers ?? upperLayerTimers,
      limits: options.limits ?? upperLayerLimits,
      drainBytesMax: options.drainBytesMax ?? drainBytesMaxDefault,
      implementation: options.implementation ?? ownImplementation,
      stepMs: options.stepMs,
    };
    this.#connections = new ConnectionTable({
      connectionsMax: options.connectionsMax ?? connectionsMaxDefault,
      connectionsPerAddressMax: options.connectionsPerAddressMax ?? connectionsPerAddressMaxDefault,
    });
    this.#server = listener.tls ? this.#tlsServer(listener.tls) : this.#tcpServer();
  }

  #tcpServer(): Server {
    return createTcpServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
      const socket = withReadBuffer(accepted);
      const connection = this.#admit(socket);
      if (connection) this.#serve(connection, socket, peerOf(socket));
    });
  }

  #tlsServer(tls: ServerTls): Server {
    const { artimMs } = this.#options.timers;
    const server = createTlsServer({
      ...serverContextOptions(tls),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: artimMs,
      noDelay: true,
    });
    // By address and port, for Node tells of the TLS socket only what it is about.
    const shaking = new Map<string, Connection>();
    const keyOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;
    server.on("connection", (socket: Socket) => {
      const connection = this.#admit(socket);
      if (!connection) return;
      const key = keyOf(socket);
      shaking.set(key, connection);
      const peer = peerOf(socket);
      socket.once("close", () => {
        if (!shaking.delete(key)) return;
        this.#provider.ended?.(undefined, peer, {
          kind: "lost",
          why: "no TLS handshake with a trusted certificate",
        });
      });
    });
    server.on("secureConnection", (socket: TLSSocket) => {
      const key = keyOf(socket);
      const connection = shaking.get(key);
      const certificate = shownCertificate(socket);
      // Node has closed what is not authorised; who has shown no certificate is nobody.
      if (!connection || !socket.authorized || certificate === undefined) {
        socket.destroy();
        return;
      }
      shaking.delete(key);
      this.#serve(connection, socket, peerOf(socket, certificate));
    });
    server.on("tlsClientError", (_: Error, socket: TLSSocket) => void socket.destroy());
    return server;
  }

  async listen(): Promise<void> {
    const { host, port } = this.#listener;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void =>
        reject(
          new ScansealError("network", `cannot listen on ${host}:${port} (${codeOf(error)})`, {
            cause: error,
          }),
        );
      this.#server.once("error", failed);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", failed);
        const address = this.#server.address();
        if (typeof address === "object" && address !== null) this.#port = address.port;
        // For instance when there are no file descriptors left: the connection is lost, the server is not.
        this.#server.on("error", () => undefined);
        resolve();
      });
    });
  }

  renewTls(tls: ServerTls): void {
    if (!(this.#server instanceof TlsServer)) throw new ScansealError("usage", "the listener has no TLS");
    this.#server.setSecureContext(serverContextOptions(tls));
  }

  get isListening(): boolean {
    return this.#server.listening;
  }

  get port(): number {
    return this.#port;
  }

  get associations(): number {
    return this.#sessions.size;
  }

  #admit(socket: Socket): Connection | undefined {
    // Until the Upper Layer listens.
    socket.on("error", () => undefined);
    const { address } = peerOf(socket);
    const connection = this.#isAccepting ? this.#connections.add(socket, address) : undefined;
    if (!connection) socket.destroy();
    return connection;
  }

  #serve(connection: Connection, socket: Socket, peer: NetworkPeer): void {
    // A TLS socket may fail once more after the Upper Layer has let it go.
    socket.on("error", () => undefined);
    let open: OpenAssociation | undefined;
    const indicate = async (request: AssociateRequest): Promise<AssociateDecision> => {
      if (!this.#isAccepting) return { reject: congestion };
      const answer = await this.#provider.admit(request, peer);
      if ("reject" in answer) return answer;
      if (!this.#isAccepting) return { reject: congestion };
      const accept = answerRequest(request, answer, this.#options.implementation);
      const onOpen: Extract<AssociateDecision, { accept: unknown }>["onOpen"] = (association) => {
        const opened = this.#open(connection, association);
        open = opened.open;
        return opened.take;
      };
      return { accept, onOpen };
    };
    const accepted = acceptConnection(socket, peer, indicate, this.#options);
    connection.abort = (why) => {
      this.#sessions.get(connection)?.end();
      accepted.abort(why);
    };
    void accepted.ended.then((end) => this.#ended(connection, open, peer, end));
  }

  #open(
    connection: Connection,
    association: UpperLayerAssociation,
  ): { open: OpenAssociation; take: DimseSession["take"] } {
    const { peer, request, accept } = association;
    const open: OpenAssociation = {
      id: `${++associationsSoFar}`,
      peer,
      request,
      contexts: agreedContexts(request, accept),
      rolesOf: requestorRoles(request, accept),
      isRelational: (sopClassUid) => areQueriesRelational(request, accept, sopClassUid),
      abort: (why) => connection.abort(why),
    };
    const { drainBytesMax, stepMs } = this.#options;
    const session = new DimseSession(association, open, this.#provider, drainBytesMax, stepMs);
    connection.isAssociated = true;
    this.#sessions.set(connection, session);
    return { open, take: (value) => session.take(value) };
  }

  #ended(
    connection: Connection,
    open: OpenAssociation | undefined,
    peer: NetworkPeer,
    end: AssociationEnd,
  ): void {
    this.#sessions.get(connection)?.end();
    this.#sessions.delete(connection);
    this.#provider.ended?.(open, peer, end);
  }

  async stopAccepting(): Promise<void> {
    this.#isAccepting = false;
    // The port is free at once; Node's callback waits for the connections too.
    if (this.#server.listening) this.#server.close();
  }

  async drain(graceMs: number): Promise<void> {
    await this.stopAccepting();
    const connections = this.#connections.all;
    const abort = (connection: Connection): void => connection.abort("the server stops");
    for (const connection of connections) {
      const session = this.#sessions.get(connection);
      if (session && graceMs > 0) session.whenIdle(() => abort(connection));
      else abort(connection);
    }
    await this.#closed(connections, graceMs);
    for (const connection of this.#connections.all) abort(connection);
    await this.#closed(this.#connections.all, abortedMs);
    const left = this.#connections.all;
    for (const { socket } of left) socket.destroy();
    await Promise.all(left.map(({ closed }) => closed));
  }

  /** Waits for `ms` at most. */
  async #closed(connections: readonly Connection[], ms: number): Promise<void> {
    if (ms <= 0 || connections.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([promise, Promise.all(connections.map(({ closed }) => closed))]);
    clearTimeout(timer);
  }

  close(): Promise<void> {
    return this.drain(0);
  }
}
