/** What every answer carries. Nothing is loaded from elsewhere, framed, cached, or read by another origin. */
import { createHash } from "node:crypto";
import { renewalScript } from "./page/renewal-script.ts";
import { statusStyle } from "./page/status-style.ts";

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** The page's own style and script by their hash; the script may ask this server alone. */
const contentPolicy = [
  "default-src 'none'",
  `style-src ${hashOf(statusStyle)}`,
  `script-src ${hashOf(renewalScript)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const securityHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": contentPolicy,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};
