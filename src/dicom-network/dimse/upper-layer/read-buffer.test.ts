import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { withReadBuffer } from "./read-buffer.ts";

async function accepted(): Promise<{ accepted: Socket; sender: Socket; close: () => void }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const sender = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  return { accepted: socket, sender, close: () => server.close() };
}

it("reads into one buffer, which stays as it is while the socket is paused", async () => {
  const { accepted: from, sender, close } = await accepted();
  const socket = withReadBuffer(from);
  const content = Uint8Array.from({ length: 3 << 20 }, (_, i) => (i * 31 + (i >> 12)) & 0xff);
  const got: Uint8Array[] = [];
  const buffers = new Set<ArrayBufferLike>();
  socket.on("data", (bytes: Uint8Array) => {
    buffers.add(bytes.buffer);
    socket.pause();
    const seen = new Uint8Array(bytes);
    setTimeout(() => {
      expect(Buffer.compare(bytes, seen)).toBe(0);
      got.push(seen);
      socket.resume();
    }, 1);
  });
  const ended = once(socket, "end");
  socket.resume();
  expect(socket.remoteAddress).toBe("127.0.0.1");
  sender.end(content);
  await ended;
  expect(buffers.size).toBe(1);
  expect(got.length).toBeGreaterThan(10);
  expect(Buffer.compare(Buffer.concat(got), content)).toBe(0);
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
  close();
});
