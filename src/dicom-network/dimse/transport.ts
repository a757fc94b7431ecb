/** TCP and TLS under the Upper Layer (PS3.8 section 9.1, PS3.15 annex B): settings, and connecting. */
import { constants } from "node:crypto";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from "node:tls";
import { ScansealError } from "../../foundation/errors.ts";
import type { NetworkPeer } from "./association.ts";

/** PEM texts. */
export interface ServerTls {
  readonly certificate: string;
  readonly key: string;
  /** Peers must show a certificate that one of these issued: mutual TLS. */
  readonly clientAuthorities: string;
}

/** PEM texts. */
export interface ClientTls {
  /** Who may have issued the server's certificate. */
  readonly authorities: string;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** The name in the server's certificate, where it is not the host we connect to. */
  readonly serverName?: string | undefined;
}

/**
 * BCP 195 (RFC 9325 section 4.2; PS3.15 B.12): TLS 1.3, and 1.2 with forward secrecy and authenticated encryption only. 128 bits first: they are
 * enough, and faster.
 */
const suites = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

const groups = "X25519:P-256:P-384";

type OwnContext = Pick<SecureContextOptions, "ca" | "cert" | "key"> & { readonly secureOptions: number };

function contextOptions(own: OwnContext): SecureContextOptions {
  return { minVersion: "TLSv1.2", ciphers: suites, ecdhCurve: groups, ...own };
}

/** @throws ScansealError `key-unusable` */
function secureContext(own: OwnContext): SecureContext {
  try {
    return createSecureContext(contextOptions(own));
  } catch (cause) {
    // OpenSSL's messages quote nothing of a key, but the error holds more than its message.
    throw new ScansealError("key-unusable", `the TLS certificate and key cannot be used (${codeOf(cause)})`, {
      cause,
    });
  }
}

/** Node's TLS server takes no context that is made already, only what to make it of. @throws ScansealError `key-unusable` */
export function serverContextOptions({
  certificate,
  key,
  clientAuthorities,
}: ServerTls): SecureContextOptions {
  // Without tickets every connection shows its certificate anew, so that a revoked one does not live on in a session.
  const secureOptions = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET;
  const own = { cert: certificate, key, ca: clientAuthorities, secureOptions };
  secureContext(own);
  return contextOptions(own);
}

/** The peer of a connection. */
export function peerOf(socket: Socket, certificate?: Uint8Array): NetworkPeer {
  return {
    address: plainAddress(socket.remoteAddress ?? ""),
    port: socket.remotePort ?? 0,
    certificate,
  };
}

/** Without the zone; ::ffff:192.0.2.1 is 192.0.2.1. */
function plainAddress(address: string): string {
  const withoutZone = address.split("%")[0]!;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutZone);
  return mapped?.[1] ?? withoutZone;
}

/** DER of the certificate that the other end showed; undefined without one. */
export function shownCertificate(socket: TLSSocket): Uint8Array | undefined {
  const raw = socket.getPeerX509Certificate()?.raw;
  return raw && new Uint8Array(raw);
}

/** "ECONNREFUSED", "CERT_HAS_EXPIRED", "ERR_SSL_..." */
export function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? code : "unknown";
}

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  readonly tls?: ClientTls | undefined;
  readonly connectMs: number;
}

/**
 * A connection that is ready: for TLS, with the server's certificate checked.
 * @throws ScansealError `network`, `timeout`, `key-unusable`
 */
export function openTransport(target: ConnectTarget): Promise<{ socket: Socket; peer: NetworkPeer }> {
  const { host, port, tls, connectMs } = target;
  // Before the promise, so that an unusable key is told as such.
  const secure = tls && clientContext(tls);
  return new Promise((resolve, reject) => {
    const socket = secure
      ? connectTls({
          host,
          port,
          secureContext: secure,
          servername: serverNameOf(target),
          rejectUnauthorized: true,
        })
      : connectTcp({ host, port, noDelay: true });
    const end = (error: ScansealError | undefined): void => {
      clearTimeout(timer);
      socket.off("error", onError);
      socket.off(ready, onReady);
      // Until the Upper Layer listens, and after it.
      socket.on("error", () => undefined);
      if (error === undefined) return;
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error): void => end(connectError(target, error));
    const onReady = (): void => {
      end(undefined);
      const certificate = secure ? shownCertificate(socket as TLSSocket) : undefined;
      resolve({ socket, peer: peerOf(socket, certificate) });
    };
    const ready = secure ? "secureConnect" : "connect";
    const timer = setTimeout(() => {
      end(new ScansealError("timeout", `no connection to ${host}:${port} within ${connectMs} ms`));
    }, connectMs);
    socket.on("error", onError);
    socket.on(ready, onReady);
  });
}

function clientContext({ authorities, certificate, key }: ClientTls): SecureContext {
  const own = certificate !== undefined && key !== undefined ? { cert: certificate, key } : {};
  return secureContext({ ca: authorities, ...own, secureOptions: constants.SSL_OP_NO_RENEGOTIATION });
}

/** RFC 6066 section 3: addresses are no server names; Node compares the address with the certificate itself. */
function serverNameOf({ host, tls }: ConnectTarget): string {
  return tls?.serverName ?? (isIP(host) ? "" : host);
}

function connectError({ host, port, tls }: ConnectTarget, error: Error): ScansealError {
  const code = codeOf(error);
  const isCertificate = tls !== undefined && !/^E[A-Z]+$/.test(code) && !code.startsWith("ERR_SSL");
  const message = isCertificate
    ? `the certificate of ${host}:${port} is not accepted (${code})`
    : `no connection to ${host}:${port} (${code})`;
  return new ScansealError("network", message, { cause: error });
}
