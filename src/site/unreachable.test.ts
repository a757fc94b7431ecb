import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { unreachableReason } from "./unreachable.ts";

async function reasonOf(url: string, signal?: AbortSignal): Promise<string> {
  return fetch(url, signal ? { signal } : {}).then(
    () => "answered",
    (cause: unknown) => unreachableReason(cause),
  );
}

it("says what kept an address from answering, never the name of a class or a number", async () => {
  expect(await reasonOf("http://127.0.0.1:9/")).toBe("this address cannot be used");
  const server = createServer(() => undefined).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  expect(await reasonOf(url, AbortSignal.timeout(20))).toBe("no answer in time");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(await reasonOf(url)).toBe("ECONNREFUSED");
});
