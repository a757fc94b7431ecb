/** Which devices an object is said to come from: their policies apply, whoever sent it (DESIGN 4). */
import type { Evidence } from "../evidence/evidence.ts";

/** By its serial number or mark, by a trusted seal, and by a trusted device's marks in its frames: names of the trust store. */
export function claimedDevices({ sealExpectedFrom, manifest, watermark }: Evidence): ReadonlySet<string> {
  const trusted = [manifest?.trust, watermark?.signer].filter((fact) => fact?.result === "trusted");
  const names = [sealExpectedFrom, ...trusted.map((fact) => fact?.signer)];
  return new Set(names.filter((name) => name !== undefined));
}
