import { describe, expect, it } from "vitest";
import { isHostAllowed } from "./host-check.ts";

describe("the Host of a request to the loopback address", () => {
  it.each([
    "localhost",
    "LOCALHOST:8042",
    "127.0.0.1",
    "127.0.0.1:65535",
    "127.8.9.10:1",
    "[::1]",
    "[::1]:8042",
  ])("may be %s", (header) => {
    for (const bound of ["127.0.0.1", "::1", "localhost"]) expect(isHostAllowed(bound, header)).toBe(true);
  });

  it.each([
    undefined,
    "",
    "evil.example",
    "evil.example:8042",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost:8042@evil.example",
    "evil.example#localhost",
    "127.0.0.1:8042:1",
    "10.0.0.1",
    "128.0.0.1",
    "[::2]",
    "[::ffff:10.0.0.1]",
    "localhost ",
    "0.0.0.0",
    "2130706433",
  ])("may not be %j", (header) => {
    expect(isHostAllowed("127.0.0.1", header)).toBe(false);
  });

  it("is nobody's business where the page is meant for others", () => {
    expect(isHostAllowed("0.0.0.0", "gate.hospital.example")).toBe(true);
    expect(isHostAllowed("10.0.0.5", undefined)).toBe(true);
  });
});
