/** The status page: made anew for each request, nothing loaded from anywhere, every text of others escaped. */
import type { ReadinessView, StatusView } from "../contract.ts";
import { html, Markup, nothing } from "../markup.ts";
import { firstScan } from "./first-scan.ts";
import { gateState, isUntouched } from "./gate-state.ts";
import { part, since } from "./page-parts.ts";
import { certificates, counts, destinations, heldStudies, recentObjects, sources } from "./page-sections.ts";
import { renewalScript } from "./renewal-script.ts";
import { statusStyle } from "./status-style.ts";

/** Without a script. */
const reloadSeconds = 15;

/** @param status undefined when the gate could not say @param now milliseconds since 1970 */
export function renderStatusPage(
  status: StatusView | undefined,
  readiness: ReadinessView,
  now: number,
): string {
  const { tone, headline, sentence } = gateState(status, readiness, now);
  const title = `${headline} · ${status?.aeTitle ?? "Scanseal"}`;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${new Markup(statusStyle)}</style>
<noscript><meta http-equiv="refresh" content="${reloadSeconds}"></noscript></head><body>
<header><div class="wide">
<div id="state" class="state ${tone}" data-part role="status"><p class="name">${status === undefined ? "Scanseal" : `${status.product} gate ${status.aeTitle}`}</p><h1>${headline}</h1><p>${sentence}</p></div>
<p id="stale" class="stale" role="alert" hidden>The gate does not answer. What stands below is old.</p>
</div></header>
<main class="wide">${status === undefined ? nothing : sections(status, now)}</main>
<footer class="wide">${status === undefined ? nothing : footer(status, now)}</footer>
<script>${new Markup(renewalScript)}</script></body></html>
`;
  return page.text;
}

function sections(status: StatusView, now: number): Markup {
  const isEmpty = isUntouched(status.objects);
  return html`${part("counts", isEmpty ? nothing : counts(status))}
<div class="columns"><div>${part("first", isEmpty ? firstScan(status) : nothing)}
${part("held", heldStudies(status.held, now))}
${part("recent", recentObjects(status.recent, now))}</div>
<div>${part("sources", sources(status))}
${part("destinations", destinations(status, now))}
${part("certificates", certificates(status))}</div></div>`;
}

function footer({ listeners, version, startedAt }: StatusView, now: number): Markup {
  const shown = listeners.map(
    ({ name, address, port, tls }) =>
      html`<li>${name}: <code>${address.includes(":") ? `[${address}]` : address}:${String(port)}</code> ${tls ? "TLS" : "no encryption"}</li>`,
  );
  return html`<div id="foot" data-part><ul>${shown}<li>version ${version}, running for ${since(startedAt, now)}</li></ul></div>
<nav aria-label="For machines"><a href="/api/v1/status">JSON</a> <a href="/metrics">metrics</a> <a href="/readyz">readiness</a></nav>`;
}
