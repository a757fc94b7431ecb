/** `node authority-server.ts FOLDER`: the authority of an `OpensslAuthority`'s folder over HTTP; prints its port. It ends with its parent. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { replyIn } from "./openssl-reply.ts";

/** RFC 3161 3.4. */
export function authorityServer(reply: (request: Buffer) => Uint8Array): Server {
  return createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const isQuery = request.headers["content-type"] === "application/timestamp-query";
    if (!isQuery) response.writeHead(415).end();
    else
      response
        .writeHead(200, { "content-type": "application/timestamp-reply" })
        .end(reply(Buffer.concat(parts)));
  });
}

const folder = process.argv[2];
if (process.argv[1] === fileURLToPath(import.meta.url) && folder !== undefined) {
  const server = authorityServer((request) => replyIn(folder, request));
  server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
  process.stdin.on("end", () => process.exit(0)).resume();
}
