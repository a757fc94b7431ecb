import { describe, expect, it } from "vitest";
import { toHex } from "../../foundation/bytes.ts";
import { hostNames } from "./host-name.ts";

function shown(...texts: readonly string[]): string[] {
  return hostNames(texts).map((host) => (host.kind === "dns" ? host.name : toHex(host.octets)));
}

describe("host names", () => {
  it("are DNS names or addresses, each once", () => {
    expect(shown("Gate.Example.org", "gate.example.org", "gate-1")).toEqual(["gate.example.org", "gate-1"]);
    expect(shown("10.0.255.1")).toEqual(["0a00ff01"]);
    expect(shown("::1", "::", "2001:db8::a:0:1")).toEqual([
      "00000000000000000000000000000001",
      "00000000000000000000000000000000",
      "20010db8000000000000000a00000001",
    ]);
    expect(shown("1:2:3:4:5:6:7:8", "::ffff:192.0.2.1")).toEqual([
      "00010002000300040005000600070008",
      "00000000000000000000ffffc0000201",
    ]);
  });

  it.each([
    "",
    "*.example.org",
    "10.0.0.256",
    "a..b",
    "-a",
    "a-",
    "a b",
    "a/b",
    "a\0b",
    "häuser.org",
    "fe80::1%eth0",
    "x".repeat(64),
    `${"a.".repeat(127)}ab`,
  ])("refuses %j", (text) => {
    expect(() => hostNames(["good", text])).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("are neither none nor many", () => {
    expect(() => hostNames([])).toThrow(expect.objectContaining({ code: "usage" }));
    expect(() => hostNames(Array.from({ length: 17 }, (_, i) => `h${i}`))).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
  });
});
