/** Addresses and networks, as a configuration file writes them. */
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** Why a text is no network; undefined for one that is. */
export function networkProblem(
  text: string,
): { readonly problem: string; readonly hint?: string } | undefined {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  const bits = family === 6 ? 128 : 32;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  if (family === 0 || rest.length > 0 || address.includes("%") || length < 0 || length > bits) {
    return { problem: "must be a network in CIDR notation", hint: "such as 10.1.0.0/16 or 10.1.2.3" };
  }
  const base = baseOf(address, length);
  return base === bigOf(address)
    ? undefined
    : { problem: "has bits set behind its prefix", hint: `10.1.0.0/16, not 10.1.2.3/16` };
}

export function normalNetwork(text: string): string {
  if (text.includes("/")) return text;
  return `${text}/${isIP(text) === 6 ? 128 : 32}`;
}

/** Every address of `inner` is one of `outer`; both are networks. */
export function containsNetwork(outer: string, inner: string): boolean {
  const [outerAddress = "", outerBits = "0"] = outer.split("/");
  const [innerAddress = "", innerBits = "0"] = inner.split("/");
  if (isIP(outerAddress) !== isIP(innerAddress) || Number(outerBits) > Number(innerBits)) return false;
  return baseOf(innerAddress, Number(outerBits)) === bigOf(outerAddress);
}

function baseOf(address: string, prefix: number): bigint {
  const bits = isIP(address) === 6 ? 128 : 32;
  const shift = BigInt(bits - prefix);
  return (bigOf(address) >> shift) << shift;
}

function bigOf(address: string): bigint {
  if (isIP(address) === 4) return address.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  const [head = "", tail] = withoutDotted(address).split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** RFC 4291 2.2 (3): the last 32 bits may be written as an IPv4 address. */
function withoutDotted(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) => {
    const group = (high: string, low: string): string => ((Number(high) << 8) | Number(low)).toString(16);
    return `${group(a, b)}:${group(c, d)}`;
  });
}

const privateRanges = new BlockList();
// RFC 1918, RFC 3927, RFC 6598, RFC 4193, RFC 4291 2.5.6.
for (const [address, bits] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
  ["100.64.0.0", 10],
] as const)
  privateRanges.addSubnet(address, bits);
for (const [address, bits] of [
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  privateRanges.addSubnet(address, bits, "ipv6");

/** As it is meant: ::ffff:0.0.0.0 is every IPv4 address, 0:0:0:0:0:0:0:1 is ::1 (RFC 4291 2.2, 2.5.5.2). */
function plain(address: string): string {
  if (isIP(address) !== 6 || address.includes("%")) return address;
  const big = bigOf(address);
  if (big === 0n) return "::";
  if (big === 1n) return "::1";
  if (big >> 32n !== 0xffffn) return address;
  return [24n, 16n, 8n, 0n].map((shift) => (big >> shift) & 0xffn).join(".");
}

function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || /^127\./.test(address);
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** Reached from other machines, or from networks that are not the site's own. */
export function exposureOf(text: string): "loopback" | "private" | "every-network" | "public" {
  const address = plain(text);
  if (isLoopback(address)) return "loopback";
  if (isWildcard(address)) return "every-network";
  const isPrivate = privateRanges.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  return isPrivate ? "private" : "public";
}

/** Two listeners at one port: their addresses must differ, and neither be all addresses. */
export function addressesClash(a: string, b: string): boolean {
  const [one, other] = [plain(a), plain(b)];
  return one === other || isWildcard(one) || isWildcard(other);
}

/** A connection to `host` arrives at a listener of this machine at `listens`. Names other than localhost are not looked up. */
export function reachesListener(to: string, listener: string): boolean {
  const [host, listens] = [plain(to), plain(listener)];
  if (isWildcard(host)) return true;
  if (isLoopback(host) || host === listens)
    return isWildcard(listens) || isLoopback(listens) || host === listens;
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return isWildcard(listens) && own.some(({ address }) => address === host);
}
