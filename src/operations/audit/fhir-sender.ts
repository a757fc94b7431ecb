/**
 * Creates what is queued on a FHIR server, oldest first, one after the other. It leaves the queue when the server has answered that it has it; an
 * answer that is lost makes it arrive twice. What the server refuses for its content would hold up everything after it: that is dropped and told.
 */
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { AuditQueue } from "./audit-queue.ts";
import { type SyslogTarget, type SyslogTimes, syslogTimes } from "./syslog-sender.ts";

export interface FhirTarget {
  /** Of the service: ".../fhir"; "AuditEvent" is added. */
  readonly url: string;
  /** An `Authorization` header; never shown. */
  readonly authorization?: string | undefined;
  /** Without it, whom the system trusts. */
  readonly tls?: SyslogTarget["tls"];
}

/** The same again would be refused again: the content is not taken. */
const refusedForGood: ReadonlySet<number> = new Set([400, 413, 422]);

export class FhirSender {
  readonly #queue: Pick<AuditQueue, "length" | "after" | "removeThrough">;
  readonly #target: FhirTarget;
  readonly #times: Pick<SyslogTimes, "stallMs" | "retryMs" | "retryMsMax">;
  readonly #onState: (isReached: boolean, why: string) => void;
  readonly #stopped: AbortController = new AbortController();
  #wake: () => void = () => {};
  #isStopping = false;
  #running: Promise<void> | undefined;

  /** @param onState told once for each change, and for each message that is refused for good */
  constructor(
    queue: Pick<AuditQueue, "length" | "after" | "removeThrough">,
    target: FhirTarget,
    onState: (isReached: boolean, why: string) => void,
    times: Pick<SyslogTimes, "stallMs" | "retryMs" | "retryMsMax"> = syslogTimes,
  ) {
    this.#queue = queue;
    this.#target = target;
    this.#onState = onState;
    this.#times = times;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** There is something in the queue. */
  wake(): void {
    if (this.#queue.length > 0 || this.#isStopping) this.#wake();
  }

  /** What cannot be sent in the time stays in the queue. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    const grace = setTimeout(() => this.#stopped.abort(), graceMs);
    await this.#running;
    clearTimeout(grace);
  }

  async #run(): Promise<void> {
    let why = "";
    let retryMs = this.#times.retryMs;
    while (true) {
      const [first] = this.#queue.after(0, 1);
      if (!first) {
        if (this.#isStopping) return;
        await this.#pause(undefined);
        continue;
      }
      try {
        const status = await this.#post(Buffer.from(first.message));
        const isTaken = status >= 200 && status < 300;
        // A redirection is not followed: it would take the audit to somebody nobody named.
        if (!isTaken && !refusedForGood.has(status)) throw new Error(`the server answered ${status}`);
        this.#queue.removeThrough(first.id);
        if (!isTaken) this.#onState(false, `a record was refused and dropped: the server answered ${status}`);
        else if (why !== "") this.#onState(true, "");
        if (isTaken) why = "";
        retryMs = this.#times.retryMs;
      } catch (error) {
        if (why === "") this.#onState(false, (error as Error).message);
        why = (error as Error).message;
        if (this.#isStopping) return;
        await this.#pause(retryMs);
        retryMs = Math.min(retryMs * 2, this.#times.retryMsMax);
      }
    }
  }

  /** @param ms undefined: until there is something */
  #pause(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      timer?.unref();
      this.#wake = () => {
        // New records do not make a server that is away come back.
        if (ms !== undefined && !this.#isStopping) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** @returns the status @throws Error whose message may be shown */
  #post(body: Uint8Array): Promise<number> {
    const { url, authorization, tls } = this.#target;
    const target = new URL(`${url.replace(/\/+$/, "")}/AuditEvent`);
    const own = tls?.certificate === undefined ? {} : { cert: tls.certificate, key: tls.key };
    const name = tls?.serverName === undefined ? {} : { servername: tls.serverName };
    const options = {
      method: "POST",
      headers: {
        "Content-Type": "application/fhir+json",
        Accept: "application/fhir+json",
        // The resource need not come back.
        Prefer: "return=minimal",
        "Content-Length": body.length,
        "User-Agent": "scanseal",
        ...(authorization === undefined ? {} : { Authorization: authorization }),
      },
      agent: false as const,
      signal: AbortSignal.any([AbortSignal.timeout(this.#times.stallMs), this.#stopped.signal]),
      ...(tls ? { ca: tls.authorities, ...own, ...name } : {}),
    };
    return new Promise((resolve, reject) => {
      const onAnswer = (answer: IncomingMessage): void => {
        // What it says besides its status may repeat the record: nobody reads it.
        answer.on("error", () => {}).destroy();
        resolve(answer.statusCode ?? 0);
      };
      const request =
        target.protocol === "https:"
          ? requestHttps(target, { ...options, minVersion: "TLSv1.2" }, onAnswer)
          : requestHttp(target, options, onAnswer);
      request.on("error", (error: NodeJS.ErrnoException) => reject(new Error(reasonOf(error))));
      request.end(body);
    });
  }
}

/** Codes of the system and of TLS: their texts may hold the address. */
function reasonOf({ name, code }: NodeJS.ErrnoException): string {
  if (name === "AbortError" || name === "TimeoutError") return "timeout: the server does not answer";
  return `connection failed: ${code ?? "unknown error"}`;
}
