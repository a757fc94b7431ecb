/** Alerts by e-mail: one connection for each, over TLS unless the site says otherwise. */
import MailComposer from "nodemailer/lib/mail-composer";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { type AlertChannel, type ChannelTls, sendMsMax } from "./alert-channel.ts";
import { type AlertMessage, subjectOf, textOf } from "./alert-message.ts";

export interface MailSettings {
  readonly host: string;
  readonly port: number;
  /** STARTTLS that must succeed (RFC 3207), TLS from the first byte (RFC 8314), or in clear. */
  readonly transport: "starttls" | "tls" | "tcp";
  /** Without it, whom the system trusts. */
  readonly tls: ChannelTls | undefined;
  readonly from: string;
  readonly to: readonly string[];
  readonly login: { readonly user: string; readonly pass: string } | undefined;
}

export class MailChannel implements AlertChannel {
  readonly name = "mail";
  readonly #settings: MailSettings;
  readonly #msMax: number;

  /** @param msMax for one mail, whatever the server does */
  constructor(settings: MailSettings, msMax: number = sendMsMax) {
    this.#settings = settings;
    this.#msMax = msMax;
  }

  async send(message: AlertMessage): Promise<string | undefined> {
    const { from, to, login } = this.#settings;
    const mail = await mailOf(message, from, to);
    const connection = this.#connection();
    const failed = Promise.withResolvers<never>();
    // It is raced below, and may come when nobody waits.
    failed.promise.catch(() => {});
    connection.on("error", failed.reject);
    // A server that says a letter in a while is never idle: the whole has a limit.
    const timer = setTimeout(() => failed.reject({ code: "ETIMEDOUT" }), this.#msMax);
    const step = <T>(run: (done: (error?: unknown, value?: T) => void) => void): Promise<T> =>
      Promise.race([
        failed.promise,
        new Promise<T>((resolve, reject) => {
          run((error, value) => (error ? reject(error) : resolve(value as T)));
        }),
      ]);
    try {
      await step<void>((done) => connection.connect((error) => done(error)));
      if (login) await step((done) => connection.login({ ...login, credentials: login }, done));
      const { rejected } = await step<SMTPConnection.SentMessageInfo>((done) =>
        connection.send({ from, to: [...to] }, mail, done),
      );
      connection.quit();
      // Whoever got it must not get it again for the sake of the others.
      if (rejected.length > 0) return `${rejected.length} of ${to.length} recipients were refused`;
      return undefined;
    } catch (error) {
      connection.close();
      throw new Error(reasonOf(error));
    } finally {
      clearTimeout(timer);
    }
  }

  #connection(): SMTPConnection {
    const { host, port, transport, tls } = this.#settings;
    const own = tls?.certificate === undefined ? {} : { cert: tls.certificate, key: tls.key };
    const name = tls?.serverName === undefined ? {} : { servername: tls.serverName };
    return new SMTPConnection({
      ...{ host, port },
      secure: transport === "tls",
      requireTLS: transport === "starttls",
      ignoreTLS: transport === "tcp",
      connectionTimeout: this.#msMax,
      greetingTimeout: this.#msMax,
      socketTimeout: this.#msMax,
      dnsTimeout: this.#msMax,
      tls: { minVersion: "TLSv1.2", ...(tls ? { ca: tls.authorities, ...own } : {}), ...name },
    });
  }
}

function mailOf(message: AlertMessage, from: string, to: readonly string[]): Promise<Buffer> {
  const composer = new MailComposer({
    ...{ from, to: [...to], subject: subjectOf(message), text: `${textOf(message)}\n` },
    date: new Date(message.at),
    messageId: `<${message.id}@scanseal>`,
    // RFC 3834: nobody's absence answers it.
    headers: { "Auto-Submitted": "auto-generated", "X-Scanseal-Alert": `${message.alarm} ${message.phase}` },
    // Nothing of a message is a file or an address to fetch.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

/** Codes of the system and of SMTP: a server's words may repeat the user, or anything. */
function reasonOf(error: unknown): string {
  const { code, responseCode, command } = (error ?? {}) as {
    readonly code?: unknown;
    readonly responseCode?: unknown;
    readonly command?: unknown;
  };
  if (code === "ETIMEDOUT") return "timeout: the mail server does not answer";
  const said = typeof responseCode === "number" ? `answered ${responseCode}` : "failed";
  const at = typeof command === "string" && /^[A-Z ]{2,20}$/.test(command) ? ` at ${command}` : "";
  return `the mail server ${said}${at}: ${typeof code === "string" ? code : "unknown error"}`;
}
