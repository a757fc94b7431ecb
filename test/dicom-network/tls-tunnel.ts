/** TLS around peers that speak none: DCMTK 3.6.7 gives it to findscu and storescu alone. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import type { TlsMaterial } from "./tls-material.ts";

export interface Tunnel {
  readonly port: number;
  close(): void;
}

/** Takes plain connections and makes them TLS ones, with the client's certificate, to `port`. */
export function tunnelIntoTls(port: number, { authority, client }: TlsMaterial): Promise<Tunnel> {
  const own = { ca: authority, cert: client.certificatePem, key: client.keyPem };
  const away = (): Socket => connectTls({ host: "127.0.0.1", port, ...own });
  return listening(
    createServer({ noDelay: true }, (near) => join(near, away())),
    new Set(),
  );
}

/** Takes TLS connections of who has a certificate of the authority, to the plain `port`. */
export function tunnelOutOfTls(port: number, { authority, server }: TlsMaterial): Promise<Tunnel> {
  const own = { ca: authority, cert: server.certificatePem, key: server.keyPem, requestCert: true };
  const away = (): Socket => connect({ host: "127.0.0.1", port, noDelay: true });
  return listening(
    createTlsServer({ ...own, noDelay: true }, (near) => join(near, away())),
    new Set(),
  );
}

function join(near: Socket, far: Socket): void {
  near.pipe(far).pipe(near);
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const)
    one.on("error", () => other.destroy()).on("close", () => other.destroy());
}

async function listening(server: Server, open: Set<Socket>): Promise<Tunnel> {
  server.on("connection", (socket: Socket) => void open.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const close = (): void => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { port, close };
}
