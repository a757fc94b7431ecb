/** A witness over HTTP. https://c2sp.org/tlog-witness */
import { Hono } from "hono";
import type { Bytes } from "../../foundation/bytes.ts";
import { type HttpServer, startHttpServer } from "../http-server.ts";
import { boundedBody, plainAnswer } from "./requests.ts";

export interface WitnessServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The longest body of add-checkpoint. */
  readonly bodyBytesMax: number;
  readonly answer: (body: Bytes) => Promise<{
    readonly status: number;
    readonly contentType: string;
    readonly body: Bytes;
  }>;
}

const connectionsMax = 256;
const keepAliveMs = 60_000;

/** @throws ScansealError `network` when the address cannot be listened on */
export function startWitnessServer(options: WitnessServerOptions): Promise<HttpServer> {
  const app = new Hono();
  app.post("/add-checkpoint", async ({ req }) => {
    const given = await boundedBody(req.raw, options.bodyBytesMax);
    if (given instanceof Response) return given;
    const { status, contentType, body } = await options.answer(given);
    const headers = {
      "content-type": contentType,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    };
    return new Response(body as Uint8Array<ArrayBuffer>, { status, headers });
  });
  app.notFound(() => plainAnswer(404, "There is nothing here. A witness answers POST add-checkpoint."));
  app.onError(() => plainAnswer(503, "The witness could not answer. Try again."));
  return startHttpServer({
    what: "the witness",
    host: options.host,
    port: options.port,
    connectionsMax,
    keepAliveMs,
    fetch: app.fetch,
    unreadable: () => plainAnswer(400, "This request cannot be understood."),
  });
}
