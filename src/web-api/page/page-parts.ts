/** What the sections of the page are made of. */
import { html, type Markup, nothing } from "../markup.ts";
import { age, grouped } from "./quantities.ts";
import { type Tone, verdictWords } from "./verdict-words.ts";

/** A section that the script renews in place; it is there even when it is empty. */
export function part(id: string, content: Markup): Markup {
  return html`<section id="${id}" data-part>${content}</section>`;
}

export function badge(tone: Tone, mark: string, text: string, count?: number): Markup {
  const times = count === undefined ? nothing : html` <b>${grouped(count)}</b>`;
  return html`<span class="badge ${tone}"><span aria-hidden="true">${mark}</span>\u00a0<bdi>${text}</bdi>${times}</span>`;
}

export function verdictBadge(verdict: string | undefined, count?: number): Markup {
  const { tone, mark, word } = verdictWords(verdict);
  return badge(tone, mark, word, count);
}

export function since(time: string, now: number, after = ""): Markup {
  const text = age(time, now);
  return text === undefined
    ? html`unknown`
    : html`<time datetime="${time}" title="${time}">${text}${after}</time>`;
}

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Markup;
}

/**
 * Below 700 pixels each row is a card and each cell carries its column's title. The roles keep it a table for those who listen: browsers drop
 * them with `display: block`.
 */
export function table<Row>(caption: string, columns: readonly Column<Row>[], rows: readonly Row[]): Markup {
  const head = columns.map(({ title }) => html`<th role="columnheader" scope="col">${title}</th>`);
  const body = rows.map((row) => {
    const cells = columns.map(
      ({ title, cell }) => html`<td role="cell"><span class="label" aria-hidden="true">${title}</span>
<div>${cell(row)}</div></td>`,
    );
    return html`<tr role="row">${cells}</tr>\n`;
  });
  return html`<table role="table"><caption class="unseen">${caption}</caption>
<thead role="rowgroup"><tr role="row">${head}</tr></thead><tbody role="rowgroup">${body}</tbody></table>`;
}
