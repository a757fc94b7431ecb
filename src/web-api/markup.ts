/** HTML from templates: every value is escaped unless it is markup already. */
import { escapeHtml } from "../foundation/html-text.ts";

export class Markup {
  readonly text: string;
  /** Only templates make it: what is passed here is not escaped. */
  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Markup | readonly Markup[];

export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(String.raw({ raw: parts }, ...values.map(textOf)));
}

export const nothing: Markup = new Markup("");

function textOf(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === "string") return escapeHtml(value);
  return typeof value === "number" ? String(value) : value.map((one) => one.text).join("");
}
