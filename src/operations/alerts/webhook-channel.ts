/** Alerts as JSON, POSTed to one address. */
import { createHmac } from "node:crypto";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { type AlertChannel, type ChannelTls, sendMsMax } from "./alert-channel.ts";
import { type AlertMessage, jsonOf } from "./alert-message.ts";

export interface WebhookSettings {
  /** May hold a token: it is never shown. */
  readonly url: string;
  readonly secret: string | undefined;
  /** Without it, whom the system trusts. */
  readonly tls: ChannelTls | undefined;
}

/** A receiver's answer is its status; what it says besides is not read to its end. */
const answerBytesMax = 65_536;

export class WebhookChannel implements AlertChannel {
  readonly name = "webhook";
  readonly #settings: WebhookSettings;
  readonly #msMax: number;

  /** @param msMax for one POST, whatever the server does */
  constructor(settings: WebhookSettings, msMax: number = sendMsMax) {
    this.#settings = settings;
    this.#msMax = msMax;
  }

  send(message: AlertMessage): Promise<undefined> {
    const { url, secret, tls } = this.#settings;
    const body = Buffer.from(jsonOf(message));
    const target = new URL(url);
    const name = tls?.serverName === undefined ? {} : { servername: tls.serverName };
    const own = tls?.certificate === undefined ? {} : { cert: tls.certificate, key: tls.key };
    const options = {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Content-Length": body.length,
        "User-Agent": "scanseal",
        "Scanseal-Alert": message.id,
        ...(secret === undefined ? {} : { "Scanseal-Signature": `sha256=${signatureOf(body, secret)}` }),
      },
      agent: false as const,
      signal: AbortSignal.timeout(this.#msMax),
      ...(tls ? { ca: tls.authorities, ...own, ...name } : {}),
    };
    const isTls = target.protocol === "https:";
    return new Promise((resolve, reject) => {
      const onAnswer = (answer: IncomingMessage): void => {
        const status = answer.statusCode ?? 0;
        drain(answer);
        // A redirection is not followed: it would take the alert to somebody nobody named.
        if (status >= 200 && status < 300) resolve(undefined);
        else reject(new Error(`the receiver answered ${status}`));
      };
      const request = isTls
        ? requestHttps(target, { ...options, minVersion: "TLSv1.2" }, onAnswer)
        : requestHttp(target, options, onAnswer);
      request.on("error", (error: NodeJS.ErrnoException) => reject(new Error(reasonOf(error))));
      request.end(body);
    });
  }
}

/** HMAC-SHA256 (RFC 2104) over the exact bytes of the body, in hexadecimal. */
function signatureOf(body: Uint8Array, secret: string): string {
  return createHmac("sha256", secret).update(body).digest("hex");
}

function drain(answer: IncomingMessage): void {
  let bytes = 0;
  // It keeps no process from ending.
  answer.socket.unref();
  answer.on("error", () => {});
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > answerBytesMax) answer.destroy();
  });
}

/** Codes of the system and of TLS: their texts may hold the address. */
function reasonOf({ name, code }: NodeJS.ErrnoException): string {
  if (name === "AbortError" || name === "TimeoutError") return "timeout: the receiver does not answer";
  return `connection failed: ${code ?? "unknown error"}`;
}
