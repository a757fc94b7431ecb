import { expect, it } from "vitest";
import { addressesClash, exposureOf, reachesListener } from "./network-address.ts";

it.each([
  ["0.0.0.0", "every-network"],
  ["::", "every-network"],
  ["0:0:0:0:0:0:0:0", "every-network"],
  ["::ffff:0.0.0.0", "every-network"],
  ["::ffff:0:0", "every-network"],
  ["127.0.0.1", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["0:0:0:0:0:0:0:1", "loopback"],
  ["::ffff:10.1.2.3", "private"],
  ["fe80::1%eth0", "private"],
  ["::ffff:8.8.8.8", "public"],
] as const)("%s is reached from: %s", (address, expected) => {
  expect(exposureOf(address)).toBe(expected);
});

it("knows one address by its two spellings", () => {
  expect(addressesClash("10.1.2.3", "::ffff:10.1.2.3")).toBe(true);
  expect(addressesClash("10.1.2.3", "10.1.2.4")).toBe(false);
  expect(reachesListener("127.0.0.1", "::ffff:0.0.0.0")).toBe(true);
});
