/** Who is connected, and how many may be: connections count from the first packet, long before they say who they are. */
import { isIPv6, type Socket } from "node:net";

export interface ConnectionLimits {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
}

export interface Connection {
  /** As it is counted. */
  readonly address: string;
  readonly socket: Socket;
  /** It has an open association. */
  isAssociated: boolean;
  /** Ends the connection, in whatever state it is. */
  abort: (why: string) => void;
  readonly closed: Promise<void>;
}

/**
 * Where the limit is reached the oldest connection that has not associated makes room: silent ones then cannot keep others out. Where all have
 * associated the new one is refused.
 */
export class ConnectionTable {
  readonly #limits: ConnectionLimits;
  /** In the order they came. */
  readonly #all: Set<Connection> = new Set();
  readonly #byAddress: Map<string, Set<Connection>> = new Map();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get all(): readonly Connection[] {
    return [...this.#all];
  }

  /** Undefined when there is no room. Forgotten when its socket closes. */
  add(socket: Socket, peerAddress: string): Connection | undefined {
    const { connectionsMax, connectionsPerAddressMax } = this.#limits;
    const address = countedAddress(peerAddress);
    const ofAddress = this.#byAddress.get(address) ?? new Set();
    if (!makeRoom(ofAddress, connectionsPerAddressMax) || !makeRoom(this.#all, connectionsMax))
      return undefined;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const abort = (): void => void socket.destroy();
    const connection: Connection = { address, socket, isAssociated: false, abort, closed };
    this.#all.add(connection);
    ofAddress.add(connection);
    this.#byAddress.set(address, ofAddress);
    socket.once("close", () => {
      this.#remove(connection);
      resolve();
    });
    return connection;
  }

  #remove(connection: Connection): void {
    this.#all.delete(connection);
    const ofAddress = this.#byAddress.get(connection.address);
    ofAddress?.delete(connection);
    if (ofAddress?.size === 0) this.#byAddress.delete(connection.address);
  }
}

/** One host has all addresses of an IPv6 network to choose from (RFC 4291 section 2.5.1: its prefix has 64 bits). */
function countedAddress(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  // An IPv4 address at the end stands for two groups; those of the prefix are never among them.
  const length = after.length + (after.at(-1)?.includes(".") ? 1 : 0);
  const groups = [...before, ...Array<string>(Math.max(0, 8 - before.length - length)).fill("0"), ...after];
  const prefix = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${prefix.join(":")}::/64`;
}

/** The socket of what makes room is destroyed, which is told a moment later: so the ones going do not count. */
function makeRoom(connections: ReadonlySet<Connection>, max: number): boolean {
  let living = 0;
  let oldest: Connection | undefined;
  for (const connection of connections) {
    if (connection.socket.destroyed) continue;
    living++;
    if (!connection.isAssociated) oldest ??= connection;
  }
  if (living < max) return true;
  oldest?.abort("too many connections: this one was not used");
  oldest?.socket.destroy();
  return oldest !== undefined;
}
