/** Many rows in one statement whose text is always the same: they travel as one JSON parameter, so that it is parsed and planned once. */
import { type RawBuilder, sql } from "kysely";
import type { Engine } from "./tables.ts";

/** As both engines can read it from JSON. */
export type RowColumns = Readonly<Record<string, "text" | "whole">>;

type RowOf<C extends RowColumns> = {
  readonly [K in keyof C]: string | number | null;
};

/** A table expression of the rows, without a name. */
export function rowSet<C extends RowColumns>(
  engine: Engine,
  columns: C,
  rows: readonly RowOf<C>[],
): RawBuilder<unknown> {
  const names = Object.keys(columns);
  if (engine === "sqlite") {
    const read = names.map((name) => sql`json_extract(value, ${sql.lit(`$.${name}`)}) as ${sql.ref(name)}`);
    return sql`(select ${sql.join(read)} from json_each(${jsonOf(rows)}))`;
  }
  const typed = names.map((name) => {
    return sql`${sql.ref(name)} ${sql.raw(columns[name] === "text" ? "text" : "bigint")}`;
  });
  return sql`(select * from jsonb_to_recordset(${jsonOf(rows)}::jsonb) as listed(${sql.join(typed)}))`;
}

/** The same texts for `in`. */
export function listed(engine: Engine, texts: readonly string[]): RawBuilder<string> {
  return engine === "sqlite"
    ? sql<string>`(select value from json_each(${jsonOf(texts)}))`
    : sql<string>`(select jsonb_array_elements_text(${jsonOf(texts)}::jsonb))`;
}

/** PostgreSQL takes no half of a surrogate pair; as a parameter of its own it would arrive replaced as well. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "string" ? each.toWellFormed() : each));
}
