/** The other end of a DICOM connection, played byte by byte. */
import { connect, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { concatBytes, fromHex, fromLatin1, u32be } from "../../src/foundation/bytes.ts";

/** Hexadecimal digits, 'characters', white space and // comments. */
export function wire(text: string): Bytes {
  const parts: Bytes[] = [];
  for (const line of text.split("\n"))
    for (const [token] of line.replace(/\/\/.*/, "").matchAll(/'[^']*'|[0-9a-f]+/g))
      parts.push(token.startsWith("'") ? fromLatin1(token.slice(1, -1)) : fromHex(token));
  return concatBytes(parts);
}

/** P-DATA-TF with one PDV for each entry: context id, message control header, payload. */
export function dataPdu(...values: readonly (readonly [number, number, Bytes])[]): Bytes {
  const body = concatBytes(
    values.flatMap(([context, control, payload]) => [
      u32be(payload.length + 2),
      Uint8Array.of(context, control),
      payload,
    ]),
  );
  return concatBytes([Uint8Array.of(4, 0), u32be(body.length), body]);
}

export const releaseRequest: Bytes = fromHex("05000000000400000000");
export const releaseResponse: Bytes = fromHex("06000000000400000000");
/** From a service user. */
export const abortPdu: Bytes = fromHex("07000000000400000000");

/** Two ends of a TCP connection over the loopback interface. */
export async function tcpPair(): Promise<[Socket, Socket]> {
  const server = createServer({ noDelay: true });
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect({ port: (server.address() as { port: number }).port, host: "127.0.0.1" });
  const ends = [client, await accepted] as [Socket, Socket];
  server.close();
  return ends;
}

export class RawPeer {
  readonly socket: Duplex;
  #bytes: Bytes = new Uint8Array(0);
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on("data", (chunk: Bytes) => {
      this.#bytes = concatBytes([this.#bytes, chunk]);
      this.#wake();
    });
    const close = () => {
      this.#isClosed = true;
      this.#wake();
    };
    socket.on("end", close);
    socket.on("close", close);
    socket.on("error", close);
  }

  send(...parts: readonly Bytes[]): void {
    this.socket.write(concatBytes(parts));
  }

  /** The next whole PDU; undefined when the connection ended before it. */
  async pdu(): Promise<Bytes | undefined> {
    for (;;) {
      const have = this.#bytes;
      const length =
        have.length < 6 ? undefined : 6 + new DataView(have.buffer, have.byteOffset).getUint32(2);
      if (length !== undefined && have.length >= length) {
        this.#bytes = have.subarray(length);
        return have.slice(0, length);
      }
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
