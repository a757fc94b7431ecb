/**
 * Against DNS rebinding: a page of somewhere else may have its own name point to 127.0.0.1, and a browser then lets it read what it gets. What is
 * bound to the loopback address answers to the names of the loopback address only. Any port: the page may come through a tunnel.
 */
import { isIPv4 } from "node:net";

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** @param bound where the server listens @param header the Host of the request */
export function isHostAllowed(bound: string, header: string | undefined): boolean {
  if (!isLoopback(bound)) return true;
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(header ?? "");
  const name = match?.[1]?.toLowerCase().replace(/^\[|\]$/g, "");
  return name !== undefined && isLoopback(name);
}
