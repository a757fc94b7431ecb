/** The gateway's status service: health, readiness, metrics, and a page for people. It reads; nothing can be changed through it. */
import { type Context, Hono } from "hono";
import { sharedAnswer } from "./answers.ts";
import type { ReadinessView, StatusView } from "./contract.ts";
import { isHostAllowed } from "./host-check.ts";
import { type HttpServer, startHttpServer } from "./http-server.ts";
import { renderStatusPage } from "./page/status-page.ts";
import { securityHeaders } from "./security-headers.ts";

export interface StatusServerOptions {
  /** An address; 127.0.0.1 unless the page is meant for others: it asks nobody who they are. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly status: () => Promise<StatusView>;
  readonly readiness: () => Promise<ReadinessView>;
  /** Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
}

/** Some browsers, a monitoring system and an orchestrator; not more, since each connection takes memory from the gate. */
const connectionsMax = 100;
const idleMsMax = 10_000;

/** @throws ScansealError `network` when the address cannot be listened on */
export function startStatusServer(options: StatusServerOptions): Promise<HttpServer> {
  return startHttpServer({
    what: "the status page",
    host: options.host,
    port: options.port,
    connectionsMax,
    keepAliveMs: idleMsMax,
    fetch: makeApp(options).fetch,
    unreadable: () => refusal(400, "This request cannot be understood."),
  });
}

function refusal(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { ...securityHeaders, "content-type": "text/plain; charset=utf-8", ...headers },
  });
}

const notReady: ReadinessView = { ready: false, problems: ["The gate does not answer"] };

function makeApp({ host, now = Date.now, ...asked }: StatusServerOptions): Hono {
  const status = sharedAnswer(asked.status);
  const metrics = sharedAnswer(asked.metrics);
  const ask = sharedAnswer(asked.readiness);
  const readiness = (): Promise<ReadinessView> => ask().catch(() => notReady);
  const app = new Hono();
  app.use(async (context, next) => {
    const refused = refuse(host, context);
    if (refused) return refused;
    await next();
    for (const [name, value] of Object.entries(securityHeaders)) context.res.headers.set(name, value);
    return undefined;
  });
  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/readyz", async (context) => {
    const { ready, problems, warnings } = await readiness();
    return context.json({ ready, problems, warnings }, ready ? 200 : 503);
  });
  app.get("/metrics", async (context) => {
    const text = await metrics();
    return context.body(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  });
  app.get("/api/v1/status", async (context) => context.json(await status()));
  app.get("/", async (context) => {
    const [view, ready] = await Promise.all([status().catch(() => undefined), readiness()]);
    return context.html(renderStatusPage(view, ready, now()), view === undefined ? 503 : 200);
  });
  app.notFound(() => refusal(404, "There is nothing here. See / for the gate's status."));
  // Whatever went wrong is the gate's to log, and nobody's to read here.
  app.onError(() => refusal(503, "The gate could not answer. Its log says why."));
  return app;
}

/** Undefined for a request that is answered. */
function refuse(bound: string, { req }: Context): Response | undefined {
  if (!isHostAllowed(bound, req.header("host"))) {
    return refusal(421, "This address answers to the names of this machine only.");
  }
  if (req.method !== "GET" && req.method !== "HEAD") {
    return refusal(405, "Only GET and HEAD.", { allow: "GET, HEAD" });
  }
  const hasBody =
    req.header("transfer-encoding") !== undefined || (req.header("content-length") ?? "0") !== "0";
  // Nobody reads it: the connection ends with the answer.
  return hasBody ? refusal(413, "A request here has no body.", { connection: "close" }) : undefined;
}
