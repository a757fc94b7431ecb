import { expect, it } from "vitest";
import type { GatewayEvent } from "./event.ts";
import { fewerRejections } from "./fewer-rejections.ts";

function watched() {
  const seen: GatewayEvent[] = [];
  const time = { now: 0 };
  const sink = fewerRejections(
    (event) => void seen.push(event),
    () => time.now,
  );
  const reject = (peerAddress: string, listener = "plain", why = "called"): void =>
    sink({ kind: "association-rejected", listener, peerAddress, peerTitle: "X", why });
  const told = () =>
    seen.splice(0).map((event) => {
      if (event.kind !== "association-rejected") return event.kind;
      const { listener, peerAddress, more = 0 } = event;
      return `${listener} ${peerAddress} +${more}`;
    });
  return { time, sink, reject, told };
}

it("tells the first of an address and reason at once, and the number of the others later", () => {
  const { time, reject, told } = watched();
  for (let i = 0; i < 100; i++) reject("10.0.0.1");
  reject("10.0.0.1", "tls");
  reject("10.0.0.1", "tls", "calling");
  reject("10.0.0.2");
  const first = ["plain 10.0.0.1 +0", "tls 10.0.0.1 +0", "tls 10.0.0.1 +0", "plain 10.0.0.2 +0"];
  expect(told()).toEqual(first);
  time.now = 9_999;
  reject("10.0.0.1");
  expect(told()).toEqual([]);
  time.now = 10_000;
  reject("10.0.0.1");
  expect(told()).toEqual(["plain 10.0.0.1 +100"]);
});

it("nine hundred objects that a full disk refuses are two lines; another reason is told at once", () => {
  const time = { now: 0 };
  const seen: GatewayEvent[] = [];
  const refusals = fewerRejections(
    (event) => void seen.push(event),
    () => time.now,
  );
  const refuse = (why: string): void =>
    refusals({ kind: "object-refused", source: "ct", status: 0xa700, why });
  for (let i = 0; i < 892; i++) refuse("storage-full");
  refuse("quota");
  time.now = 10_000;
  refuse("storage-full");
  expect(seen).toMatchObject([{ why: "storage-full" }, { why: "quota" }, { why: "storage-full", more: 891 }]);
  expect(seen[0]).not.toHaveProperty("more");
  // The disk has room again: whatever happens next tells how many there were.
  for (let i = 0; i < 5; i++) refuse("storage-full");
  time.now = 20_000;
  refusals({ kind: "stored", object: "x", bytes: 1 });
  expect(seen.slice(3)).toMatchObject([{ why: "storage-full", more: 4 }, { kind: "stored" }]);
});

it("whoever does not come back is told of by the next, or at the end; everything else passes", () => {
  const { time, sink, reject, told } = watched();
  for (let i = 0; i < 3; i++) reject("10.0.0.1");
  sink({ kind: "worker-ended", why: "" });
  expect(told()).toEqual(["plain 10.0.0.1 +0", "worker-ended"]);
  time.now = 10_000;
  reject("10.0.0.2");
  reject("10.0.0.2");
  expect(told()).toEqual(["plain 10.0.0.1 +1", "plain 10.0.0.2 +0"]);
  sink({ kind: "stopped" });
  expect(told()).toEqual(["plain 10.0.0.2 +0", "stopped"]);
});

it("ten thousand addresses make a thousand lines and one, and no more is remembered", () => {
  const { time, sink, reject, told } = watched();
  for (let i = 0; i < 10_000; i++) reject(`10.0.${i >> 8}.${i & 255}`);
  expect(told()).toHaveLength(1_001);
  time.now = 20_000;
  reject("10.1.1.1");
  expect(told()).toEqual(["plain 10.1.1.1 +8999"]);
  sink({ kind: "stopped" });
  expect(told()).toEqual(["stopped"]);
});
