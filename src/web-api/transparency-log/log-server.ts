/** A log over HTTP: read as any client of c2sp.org/tlog-tiles does, and append. */
import { Hono } from "hono";
import type { Bytes } from "../../foundation/bytes.ts";
import { isHostAllowed } from "../host-check.ts";
import { type HttpServer, startHttpServer } from "../http-server.ts";
import { type AppendOptions, answerAppend } from "./append-request.ts";
import { plainAnswer } from "./requests.ts";

export interface LogServerOptions extends AppendOptions {
  /** 0: any free one. */
  readonly port: number;
  /** What everybody may see; undefined before the first. */
  readonly checkpoint: () => Bytes | undefined;
  /** By the path in the URL, without its first slash; undefined when there is no such tile, or it is no path of one. */
  readonly tile: (path: string) => Promise<Bytes | undefined>;
}

/** Submitters, monitors, witnesses. */
const connectionsMax = 2_048;
const keepAliveMs = 60_000;
const common = {
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "cross-origin",
} as const;
const tileHeaders = {
  ...common,
  "content-type": "application/octet-stream",
  // A tile never changes.
  "cache-control": "public, max-age=31536000, immutable",
} as const;
const checkpointHeaders = {
  ...common,
  "content-type": "text/plain; charset=utf-8",
  "cache-control": "no-cache",
} as const;

/** @throws ScansealError `network` when the address cannot be listened on */
export function startLogServer(options: LogServerOptions): Promise<HttpServer> {
  return startHttpServer({
    what: "the log",
    host: options.host,
    port: options.port,
    connectionsMax,
    keepAliveMs,
    first: (request, response) => answerAppend(request, response, options),
    fetch: logApp(options).fetch,
    unreadable: () => plainAnswer(400, "This request cannot be understood."),
  });
}

function logApp({ host, checkpoint, tile }: LogServerOptions): Hono {
  const app = new Hono();
  app.use(async ({ req }, next) => {
    if (!isHostAllowed(host, req.header("host")))
      return plainAnswer(421, "This address answers to the names of this machine only.");
    if (req.method !== "GET" && req.method !== "HEAD") return plainAnswer(405, "Only GET and HEAD.");
    await next();
    return undefined;
  });
  app.get("/checkpoint", () => {
    const bytes = checkpoint();
    if (!bytes) return plainAnswer(404, "Nothing is published yet.");
    return new Response(bytes as Uint8Array<ArrayBuffer>, { headers: checkpointHeaders });
  });
  app.get("/tile/*", async ({ req }) => {
    const bytes = await tile(req.path.slice(1));
    if (!bytes) return plainAnswer(404, "There is no such tile.");
    return new Response(bytes as Uint8Array<ArrayBuffer>, { headers: tileHeaders });
  });
  app.notFound(() => plainAnswer(404, "There is nothing here."));
  // What went wrong is the log's to tell its operator, and nobody's to read.
  app.onError(() => plainAnswer(503, "The log could not answer. Try again."));
  return app;
}
