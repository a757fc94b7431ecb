/** Servers that are no log: what they answer is bounded, and they lead nowhere else. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { appendRemotely, openLogSource } from "./log-source.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a log's server", () => {
  it.each([301, 302, 303, 307, 308])("leads this machine nowhere else: status %d", async (status) => {
    const asked: string[] = [];
    const inside = await serve((request, response) => {
      asked.push(request.method ?? "");
      response.end("7");
    });
    const url = await serve((_, response) => response.writeHead(status, { location: inside }).end());
    await expect(appendRemotely(url, Uint8Array.of(0, 1, 2), "token")).rejects.toMatchObject({
      code: "network",
    });
    const source = openLogSource(url);
    await expect(source.checkpoint()).rejects.toMatchObject({ code: "network" });
    await expect(source.readTile({ level: 0, index: 0, width: 1 })).rejects.toMatchObject({
      code: "network",
    });
    expect(asked).toEqual([]);
  });

  it.each(["", "-1", "1.5", "0x1", "007", "9007199254740992", "9999999999999999", "\u00b2"])(
    "is not believed that an entry is at %j",
    async (text) => {
      const url = await serve((_, response) => response.end(text));
      await expect(appendRemotely(url, Uint8Array.of(0, 1, 2), undefined)).rejects.toMatchObject({
        code: "network",
        message: "the log's answer is no index",
      });
    },
  );

  it("that sends without end is cut off", async () => {
    const url = await serve((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(new Uint8Array(65_536)));
      };
      response.on("drain", more);
      more();
    });
    await expect(openLogSource(url).checkpoint()).rejects.toMatchObject({
      message: "the log's answer is too large",
    });
  });
});
