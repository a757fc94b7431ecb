/** One offline page: original, forgery and verdict side by side. Nothing is loaded from anywhere; no script runs. */
import { toBase64 } from "../../../foundation/bytes.ts";
import { escapeHtml } from "../../../foundation/html-text.ts";
import type { Verdict } from "../../../zero-trust/policy/verdict.ts";
import type {
  DemoReport,
  Exhibit,
  ExhibitFinding,
  GateAnswer,
  GateTraffic,
  Picture,
  RoundTrip,
} from "./demo-report.ts";
import { pageStyle } from "./style.ts";

const tones: Readonly<Record<Verdict, { mark: string; tone: string }>> = {
  verified: { mark: "✓", tone: "good" },
  "verified-with-changes": { mark: "✓", tone: "good" },
  received: { mark: "✓", tone: "good" },
  altered: { mark: "✗", tone: "bad" },
  untrusted: { mark: "✗", tone: "bad" },
  malformed: { mark: "✗", tone: "bad" },
  unsealed: { mark: "–", tone: "note" },
  superseded: { mark: "–", tone: "note" },
  notice: { mark: "–", tone: "note" },
};

function badge(verdict: Verdict): string {
  const { mark, tone } = tones[verdict];
  return `<span class="badge ${tone}">${mark} ${escapeHtml(verdict)}</span>`;
}

const answers: Readonly<Record<GateAnswer, string>> = {
  passed: '<span class="badge good">→ passed</span>',
  held: '<span class="badge bad">✗ held at the gate</span>',
  "here already": '<span class="badge good">= here already</span>',
};

function picture({ caption, png }: Picture): string {
  const text = escapeHtml(caption);
  return `<figure><img alt="${text}" src="data:image/png;base64,${toBase64(png)}"><figcaption>${text}</figcaption></figure>`;
}

function side(title: string, pictures: readonly Picture[]): string {
  return `<div class="side"><h4>${title}</h4><div class="shots">${pictures.map(picture).join("")}</div></div>`;
}

function finding({ code, message, where, detail }: ExhibitFinding, tone: string): string {
  const place = where === "" ? "" : `${escapeHtml(where)} · `;
  const quiet = tone === "bad" ? "" : " quiet";
  return `<div class="finding${quiet}"><b>${escapeHtml(message)}</b><small>${place}${escapeHtml(code)}: ${escapeHtml(detail)}</small></div>`;
}

function exhibit({ title, attack, original, forged, where, answer, verdict, findings }: Exhibit): string {
  const { tone } = tones[verdict];
  return `<article><header><h3>${escapeHtml(title)}</h3><div class="badges">${badge(verdict)} ${answers[answer]}</div></header><p>${escapeHtml(attack)}</p>
${original.length + forged.length === 0 ? "" : `<div class="pair${where.length === 0 ? "" : " three"}">${side("As sealed", original)}${side("As it arrived", forged)}${where.length === 0 ? "" : side("Where", where)}</div>`}
${findings.map((found) => finding(found, tone)).join("\n")}</article>`;
}

function roundTrip({ operation, answer, verdict, note }: RoundTrip): string {
  return `<tr><td>${escapeHtml(operation)}</td><td>${badge(verdict)}</td><td>${answers[answer]}</td><td>${escapeHtml(note)}</td></tr>`;
}

/** Sender, gate, archive: what went in and what came out. */
function flow({ address, sent, passed, held, hereAlready, arrived, asSealed }: GateTraffic): string {
  const isWhole = arrived === asSealed;
  const here = hereAlready === 0 ? "" : `<li><b>${hereAlready}</b> the archive has already</li>`;
  return `<div class="flow">
<div class="stop"><h4>Sender</h4><b class="figure">${sent}</b><p>objects over DICOM: the sealed series, the forgeries, and copies rewritten by other software</p></div>
<div class="arrow" aria-hidden="true">→</div>
<div class="stop gate"><h4>Gate</h4><ul><li class="goodly"><b>${passed}</b> passed</li><li class="badly"><b>${held}</b> held, with the reason</li>${here}</ul>
<p>at ${escapeHtml(address)}, mode enforce</p></div>
<div class="arrow" aria-hidden="true">→</div>
<div class="stop"><h4>Archive</h4><b class="figure">${arrived}</b><p>objects received${isWhole ? ", each byte for byte as it was sealed. No forgery among them." : `; ${asSealed} of them as sealed`}</p></div>
</div>`;
}

const limits = [
  "An image that was false before it was sealed is sealed like any other.",
  "A picture of a picture, re-scanned or photographed and sealed again, is a new image to the seal.",
  "Whoever steals a device's key can seal until the theft is noticed and the key revoked.",
  "“Unsealed” does not mean fake. Almost every image in the world is unsealed; nothing can be proven about it, either way.",
  "“Altered” accuses nobody. It says that this is not what was sealed.",
];

export function renderDemoPage(report: DemoReport): string {
  const { title, subject, generatedAt, device, assurance, gate } = report;
  const quiet = report.roundTrips.every(({ verdict }) => tones[verdict].tone === "good");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title><style>${pageStyle}</style></head><body><main>
<h1>${escapeHtml(title)}</h1>
<p class="lead">${escapeHtml(subject)} sealed as at capture, then attacked, then sent through a live gateway. This is what it decided.</p>
<div class="facts"><span>Sealed by <b>${escapeHtml(device)}</b></span><span>Assurance <b>${escapeHtml(assurance)}</b></span>
<span>Made <b>${escapeHtml(generatedAt)}</b></span></div>
<h2>Through the gate</h2>
${flow(gate)}
<h2>Forgeries</h2>
${report.exhibits.map(exhibit).join("\n")}
<h2>Routine changes</h2>
<p>Other software rewrites files all the time. None of this changes what the image says${quiet ? ", and none of it raises an alarm" : ""}. These are copies of one image that the archive has: the gate recognises the seal, and does not send it twice.</p>
<table><thead><tr><th>What was done</th><th>Verdict</th><th>The gate</th><th></th></tr></thead><tbody>${report.roundTrips.map(roundTrip).join("")}</tbody></table>
<h2>What this does not prove</h2>
<ul>${limits.map((text) => `<li>${text}</li>`).join("")}</ul>
</main></body></html>
`;
}
