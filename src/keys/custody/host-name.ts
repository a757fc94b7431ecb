/** Where a TLS server is reached: what its certificate names, and what its clients compare. */
import { isIP, isIPv4 } from "node:net";
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

export type HostName =
  | { readonly kind: "dns"; readonly name: string }
  /** 4 or 16 octets. */
  | { readonly kind: "ip"; readonly octets: Bytes };

/** A gateway has a few names and addresses. */
const hostsMax = 16;

/** RFC 1034 3.5 and RFC 1123 2.1: labels of 1 to 63 letters, digits and inner dashes. No wildcard: it would stand for machines nobody named. */
const dnsName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** @throws ScansealError `usage` naming the first that is neither a host name nor an address */
export function hostNames(texts: readonly string[]): HostName[] {
  if (texts.length === 0 || texts.length > hostsMax) {
    throw new ScansealError("usage", `a server's certificate names 1 to ${hostsMax} hosts`);
  }
  return [...new Set(texts.map((text) => text.toLowerCase()))].map(hostName);
}

function hostName(text: string): HostName {
  if (isIP(text) !== 0) return { kind: "ip", octets: isIPv4(text) ? ipv4Octets(text) : ipv6Octets(text) };
  // What looks like an address and is none (10.0.0.256) would be taken for a name that no client ever compares.
  if (!dnsName.test(text) || /(^|\.)\d+$/.test(text)) {
    throw new ScansealError("usage", "a host is a DNS name without wildcard, or an IP address");
  }
  return { kind: "dns", name: text };
}

function ipv4Octets(text: string): Bytes {
  return Uint8Array.from(text.split(".").map(Number));
}

/** RFC 4291 2.2; the URL parser writes the one canonical form: lower case, no dotted part, at most one "::". */
function ipv6Octets(text: string): Bytes {
  if (text.includes("%")) throw new ScansealError("usage", "an address in a certificate has no zone");
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const groups = (part: string): string[] => part.split(":").filter((group) => group !== "");
  const after = groups(tail ?? "");
  const before = groups(head);
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  const all = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return concatBytes(all.map((group) => Uint8Array.of(group >> 8, group & 0xff)));
}
