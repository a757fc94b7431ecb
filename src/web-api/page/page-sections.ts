/** The sections of the status page below its headline. */
import type { HeldStudyView, RecentObjectView, StatusView } from "../contract.ts";
import { html, type Markup, nothing } from "../markup.ts";
import { badge, since, table, verdictBadge } from "./page-parts.ts";
import { counted, grouped, size, until } from "./quantities.ts";
import { byGravity, modeSentences, stateWord, verdictWords } from "./verdict-words.ts";

export function counts(status: StatusView): Markup {
  const { objects, released = 0, verdicts, spool } = status;
  const { received = 0, admitted = 0, held = 0 } = objects;
  const tile = (label: string, n: number, hint: string): Markup =>
    html`<li><b>${grouped(n)}</b> <span>${label}</span> <small>${hint}</small></li>`;
  const judged = byGravity(verdicts ?? {});
  const spoolUse = `${size(spool.bytes)} of ${size(spool.bytesMax)}`;
  return html`<h2 class="unseen">Counts</h2><ul class="tiles">
${tile("passed", admitted, whereaboutsOf(status))}${tile("held", held, released === 0 ? "kept for a person" : `${grouped(released)} of them released by two people`)}${tile("being checked", received, "acknowledged, no verdict yet")}
<li><b>${size(spool.bytes)}</b> <span>in the spool</span>
<meter min="0" max="${spool.bytesMax}" high="${Math.round(spool.bytesMax * 0.8)}" value="${spool.bytes}" aria-label="Spool: ${spoolUse}"></meter> <small>of ${size(spool.bytesMax)}</small></li></ul>
${judged.length === 0 ? nothing : html`<p class="verdicts"><span>Judged since the start</span> ${judged.map(([verdict, n]) => html`${verdictBadge(verdict, n)} `)}</p>`}`;
}

/** Of what passed. */
function whereaboutsOf({ objects: { admitted = 0 }, destinations, keptOnly = 0 }: StatusView): string {
  if (destinations.length === 0) return "kept here";
  if (keptOnly === 0) return "delivered, or on the way";
  const here = `${grouped(keptOnly)} kept here only`;
  return keptOnly >= admitted ? here : `${here}, ${grouped(admitted - keptOnly)} delivered, or on the way`;
}

/** Where an archive came later. */
function keptHint({ destinations: list, keptOnly = 0 }: StatusView): Markup {
  const archive = list.find(({ takes, isRemoved }) => takes === "admitted" && isRemoved !== true);
  if (keptOnly === 0 || archive === undefined) return nothing;
  const kept = `${counted(keptOnly, "object", "objects")} passed before there was a destination, and ${keptOnly === 1 ? "is" : "are"} kept here only.`;
  return html`<p class="hint">${kept} To send ${keptOnly === 1 ? "it" : "them"}: <code>scanseal deliveries add ${archive.name} --all-kept</code></p>`;
}

export function heldStudies(held: readonly HeldStudyView[], now: number): Markup {
  if (held.length === 0) return nothing;
  return html`<h2>Held</h2>
<p class="hint">Look closer with <code>scanseal quarantine show</code>. A release takes two people and a reason.</p>
<ul class="studies">${held.map((study) => heldStudy(study, now))}</ul>`;
}

function heldStudy(study: HeldStudyView, now: number): Markup {
  const verdicts = byGravity(study.verdicts);
  const { tone, sentence } = verdictWords(verdicts[0]?.[0]);
  const uid = study.studyInstanceUid;
  return html`<li class="card study ${tone}"><p class="say"><bdi>${study.message ?? sentence}</bdi></p>
<p>${verdicts.map(([verdict, n]) => html`${verdictBadge(verdict, n)} `)}</p>
<p class="facts"><span>held for <b>${since(study.firstAt, now)}</b></span> <span>${counted(study.objects, "object")} in ${counted(study.series, "series", "series")}${releasedOf(study)}</span>
<span>from <bdi>${study.sources.join(", ")}</bdi></span></p>
<p class="uid">${uid === undefined ? "Study unknown: the object names none that can be read" : html`Study <code>${uid}</code>`}</p></li>`;
}

function releasedOf({ objects, released = 0 }: HeldStudyView): string {
  if (released === 0) return "";
  return released === objects
    ? ", released by two people"
    : `, ${grouped(released)} of them released by two people`;
}

/** What ends soon: the most urgent first. */
export function certificates({ certificates: list = [] }: StatusView): Markup {
  if (list.length === 0) return nothing;
  const rows = [...list].sort((a, b) => a.daysLeft - b.daysLeft);
  return html`<h2>Certificates</h2>
<p class="hint">They end soon, or have ended. That alone holds nothing; renew them in time.</p>${table(
    "What ends within 60 days",
    [
      { title: "Of", cell: ({ of, name }) => html`${of.replace("-", " ")} <bdi>${name}</bdi>` },
      { title: "Until", cell: ({ endsAt }) => html`${endsAt.slice(0, 10)}` },
      {
        title: "Left",
        cell: ({ daysLeft }) => html`<b>${daysLeft < 0 ? "ended" : counted(daysLeft, "day")}</b>`,
      },
    ],
    rows,
  )}`;
}

export function sources({ sources: list, listeners }: StatusView): Markup {
  const isTls = (name: string): boolean => listeners.some((one) => one.name === name && one.tls);
  const used = [...modeSentences].filter(([mode]) => list.some((source) => source.mode === mode));
  const legend = used.map(([mode, sentence]) => html`<dt>${mode}</dt><dd>${sentence}</dd>`);
  return html`<h2>Sources</h2>
${
  list.length === 0
    ? html`<p class="hint">No sender is known yet, so every one is turned away. Add one: <code>scanseal source add</code></p>`
    : table(
        "Who may send, and what becomes of it",
        [
          { title: "Source", cell: (source) => html`<bdi>${source.name}</bdi>` },
          {
            title: "Listener",
            cell: ({ listener }) =>
              html`${listener} <small>${isTls(listener) ? "TLS" : "no encryption"}</small>`,
          },
          { title: "Mode", cell: ({ mode }) => html`<b>${mode}</b>` },
        ],
        list,
      )
}<dl class="legend">${legend}</dl>`;
}

const uncommittedColumn = {
  title: "Not committed",
  cell: ({ uncommitted }: StatusView["destinations"][number]): Markup => {
    const { waits, failed } = uncommitted ?? { waits: 0, failed: 0 };
    return html`${grouped(waits)}${failed === 0 ? nothing : html` ${badge("bad", "✗", `${grouped(failed)} refused`)}`}`;
  },
};

export function destinations(status: StatusView, now: number): Markup {
  const { destinations: list, oldestDueAt } = status;
  return html`<h2>Destinations</h2>
${
  list.length === 0
    ? html`<p class="hint">None is configured: what passes stays in this gate’s own store.</p>`
    : table(
        "Where objects go, and what waits",
        [
          {
            title: "Destination",
            cell: ({ name, outage }) =>
              html`<bdi>${name}</bdi>${outage === undefined ? nothing : html` ${badge("bad", "✗", "cannot be reached")} <small>${outage.why}; next try ${until(outage.nextTryAt, now)}</small>`}`,
          },
          {
            title: "Takes",
            cell: ({ takes, isRemoved }) =>
              isRemoved === true
                ? badge("bad", "✗", "not in the configuration")
                : html`${takes === "released" ? "what two people released" : "what passes"}`,
          },
          { title: "Waiting", cell: ({ due }) => html`${grouped(due)}` },
          {
            title: "Failed",
            cell: ({ dead }) => (dead === 0 ? html`0` : badge("bad", "✗", grouped(dead))),
          },
          ...(list.some(({ uncommitted }) => uncommitted) ? [uncommittedColumn] : []),
        ],
        list,
      )
}${keptHint(status)}${oldestDueAt === undefined ? nothing : html`<p class="hint">The oldest delivery waits for <b>${since(oldestDueAt, now)}</b>.</p>`}`;
}

export function recentObjects(recent: readonly RecentObjectView[], now: number): Markup {
  if (recent.length === 0) return nothing;
  return html`<h2>Latest objects</h2>
${table(
  "The latest objects, newest first",
  [
    { title: "Received", cell: ({ receivedAt }) => since(receivedAt, now, " ago") },
    { title: "Source", cell: ({ source }) => html`<bdi>${source}</bdi>` },
    { title: "Kind", cell: ({ modality }) => html`<bdi>${modality ?? "–"}</bdi>` },
    { title: "Verdict", cell: verdictOf },
    { title: "Outcome", cell: outcome },
  ],
  recent,
)}`;
}

function verdictOf({ state, verdict }: RecentObjectView): Markup {
  return state === "received" ? html`<span class="quiet">being checked</span>` : verdictBadge(verdict);
}

function outcome({ state, disposition, waitsFor = [], message }: RecentObjectView): Markup {
  const noticed = state === "admitted" && disposition === "delivered-with-notice";
  const waiting = waitsFor.length === 0 ? nothing : html`, waits for <bdi>${waitsFor.join(", ")}</bdi>`;
  const word = state === "received" ? "waits for its verdict" : stateWord(state);
  const said = message === undefined ? nothing : html` <small><bdi>${message}</bdi></small>`;
  return html`${word}${noticed ? ", with a notice" : ""}${waiting}${said}`;
}
