import { expect, it } from "vitest";
import { type BufferHolder, WriteBuffers } from "./write-buffers.ts";

/** Sends its buffer when told to. */
function holderOf(buffers: WriteBuffers): BufferHolder & { flushed: number } {
  const holder = {
    flushed: 0,
    flush: () => {
      holder.flushed++;
      buffers.sent(holder);
    },
  };
  return holder;
}

it("many slow senders share the buffers: the longest held goes to the disk", () => {
  const buffers = new WriteBuffers(16, 4);
  const holders = Array.from({ length: 5 }, () => holderOf(buffers));
  for (const holder of holders) buffers.take(holder);
  expect(holders.map(({ flushed }) => flushed)).toEqual([1, 0, 0, 0, 0]);
});

it("while most are on their way to the disk nobody's few bytes are sent: their turn comes", () => {
  const buffers = new WriteBuffers(16, 4);
  const full = Array.from({ length: 4 }, () => {
    const holder = holderOf(buffers);
    const buffer = buffers.take(holder);
    buffers.sent(holder);
    return buffer;
  });
  const tiny = [holderOf(buffers), holderOf(buffers)];
  for (const holder of tiny) buffers.take(holder);
  expect(tiny.map(({ flushed }) => flushed)).toEqual([0, 0]);
  let hasRoom = false;
  void buffers.roomAgain()!.then(() => {
    hasRoom = true;
  });
  for (const buffer of full.slice(0, 2)) buffers.give(buffer);
  expect(buffers.roomAgain()).toBeUndefined();
  return Promise.resolve().then(() => expect(hasRoom).toBe(true));
});
