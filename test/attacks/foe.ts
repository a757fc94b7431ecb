/** One connection of a hostile peer. */
import { connect, type Socket } from "node:net";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { RawPeer } from "../dicom-network/raw-peer.ts";
import { associate, type WireRequest } from "./dimse-wire.ts";

export interface FoeOptions {
  /** 127.0.0.1 unless it is another. */
  readonly localAddress?: string;
  /** Never reads what we answer. */
  readonly isDeaf?: boolean;
}

export class Foe {
  readonly socket: Socket;
  readonly #peer: RawPeer | undefined;
  /** The connection is over, however. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket, isDeaf: boolean) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    if (isDeaf) socket.pause();
    else this.#peer = new RawPeer(socket);
  }

  /** Undefined when the connection was refused. */
  static open(
    port: number,
    { localAddress = "127.0.0.1", isDeaf = false }: FoeOptions = {},
  ): Promise<Foe | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port, localAddress, noDelay: true });
      socket.on("error", () => resolve(undefined));
      socket.once("connect", () => resolve(new Foe(socket, isDeaf)));
    });
  }

  /** With an accepted association; undefined when it was rejected, or the connection was lost. */
  static async associated(
    port: number,
    request: WireRequest = {},
    options: FoeOptions = {},
  ): Promise<Foe | undefined> {
    const foe = await Foe.open(port, options);
    if (!foe) return undefined;
    foe.send(associate(request));
    if ((await foe.pdu())?.[0] === 2) return foe;
    foe.end();
    return undefined;
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && !this.socket.readableEnded;
  }

  /** @returns false when the transport is full */
  send(bytes: Bytes): boolean {
    return this.socket.writable && this.socket.write(bytes);
  }

  /** Waits for the transport to take it. @returns false when the connection is over */
  async push(bytes: Bytes): Promise<boolean> {
    if (!this.socket.writable) return false;
    if (this.socket.write(bytes)) return true;
    await Promise.race([new Promise<void>((resolve) => this.socket.once("drain", resolve)), this.closed]);
    return this.socket.writable;
  }

  /** The next whole PDU; undefined at the end of the connection. */
  pdu(): Promise<Bytes | undefined> {
    return this.#peer!.pdu();
  }

  /** All PDUs up to the end of the connection: their types. */
  async rest(): Promise<readonly number[]> {
    const types: number[] = [];
    for (let pdu = await this.pdu(); pdu; pdu = await this.pdu()) types.push(pdu[0]!);
    return types;
  }

  end(): void {
    this.socket.destroy();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}
