/** For whoever sees the page for the first time: where a scan goes and what will happen to it. */
import type { StatusView } from "../contract.ts";
import { html, type Markup, nothing } from "../markup.ts";
import { modeSentences } from "./verdict-words.ts";

/** `0.0.0.0` and `::` are no address to send to. */
function isEveryAddress(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

export function firstScan(status: StatusView): Markup {
  const { listeners, aeTitle, sources } = status;
  const plain = listeners.find((listener) => !listener.tls);
  const modes = [...new Set(sources.map((source) => source.mode))];
  const told = modes.map(
    (mode) => html`<li><b>${mode}</b> ${modeSentences.get(mode) ?? "as its configuration says."}</li>`,
  );
  return html`<div class="card first">
<h2>Send a scan here</h2>
<p>Give a modality, a PACS or any DICOM sender this address:</p>
<ul class="addresses">${listeners.map((listener) => addressCard(listener, aeTitle, listeners.length > 1))}</ul>
${plain === undefined ? html`<p>All listeners ask for a client certificate: <code>scanseal tls client NAME --out FOLDER</code> makes one.</p>` : command(plain, aeTitle)}
<h3>What happens then</h3>
<ol><li>The gate writes the object to disk, and only then says that it has it.</li>
<li>It checks the seal, the signature and every pixel.</li>
<li>It passes the object on, or holds it and shows here why.</li></ol>
<p>A scan without a seal is no accusation: almost no scanner seals today. Each source has a mode that says what becomes of such scans:</p>
<ul>${told}</ul></div>`;
}

function addressCard(listener: StatusView["listeners"][number], aeTitle: string, isNamed: boolean): Markup {
  const { name, address, port, tls } = listener;
  const host = isEveryAddress(address) ? "this machine’s address" : address;
  return html`<li><dl><dt>AE title</dt><dd>${aeTitle}</dd><dt>Host</dt><dd>${host}</dd><dt>Port</dt><dd>${String(port)}</dd>
<dt>Encryption</dt><dd>${tls ? "TLS" : "none"}</dd>${isNamed ? html`<dt>Listener</dt><dd>${name}</dd>` : nothing}</dl></li>`;
}

function command({ address, port }: StatusView["listeners"][number], aeTitle: string): Markup {
  const host = isEveryAddress(address) ? "127.0.0.1" : address;
  return html`<p>From this machine, with ours or with DCMTK’s sender:</p>
<pre><code>npx scanseal send scan.dcm --to ${aeTitle}@${host}:${String(port)}
storescu -aec ${aeTitle} ${host} ${String(port)} scan.dcm</code></pre>`;
}
