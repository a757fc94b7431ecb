/** A listener for Web-standard requests, with limits on everything that takes memory before a request is understood. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { ScansealError } from "../foundation/errors.ts";

export interface HttpServerOptions {
  /** For the error: "the status page". */
  readonly what: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly connectionsMax: number;
  readonly keepAliveMs: number;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Asked before `fetch`, for what must be fast; false when it leaves the request alone. */
  readonly first?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** The answer to what is no request. */
  readonly unreadable: () => Response;
}

export interface HttpServer {
  readonly port: number;
  /** Ends open connections too. */
  close(): Promise<void>;
}

/** A request here is a line and a few headers, and perhaps a small body. */
const headerBytesMax: number = 8 * 1024;
const headersMsMax = 5_000;
const requestMsMax = 10_000;

/** @throws ScansealError `network` when the address cannot be listened on */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const listener = getRequestListener(options.fetch, {
    hostname: "localhost",
    overrideGlobalObjects: false,
    errorHandler: options.unreadable,
  });
  const server = createServer(
    {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersMsMax,
      requestTimeout: requestMsMax,
      keepAliveTimeout: options.keepAliveMs,
      // How often the two limits above are looked at.
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      if (options.first?.(request, response) !== true) void listener(request, response);
    },
  );
  server.maxConnections = options.connectionsMax;
  const port = await listen(server, options);
  return { port, close: () => closed(server) };
}

function listen(server: Server, { what, host, port }: HttpServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const why = cause.code === "EADDRINUSE" ? "the port is in use" : (cause.code ?? "unknown");
      reject(new ScansealError("network", `${what} cannot listen on port ${port}: ${why}`, { cause }));
    };
    server.once("error", failed);
    server.listen(port, host, () => {
      server.removeListener("error", failed);
      // An error of a later accept (too many files) ends no service.
      server.on("error", () => undefined);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
