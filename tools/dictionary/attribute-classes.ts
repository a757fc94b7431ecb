/** From the hand-kept rules to the data the verifier reads and to the tables of spec/attribute-classes.md. */

interface TagTable {
  readonly title: string;
  readonly why: string;
  /** Tag -> keyword; the keyword is there for the reader and has to be the dictionary's. */
  readonly tags: Readonly<Record<string, string>>;
}

interface ClassTable extends TagTable {
  readonly id: string;
  readonly class: "identity" | "administrative";
}

interface TranscodeRule {
  readonly tag: string;
  readonly keyword: string;
  readonly why: string;
}

export interface ClassRules {
  readonly tables: readonly ClassTable[];
  readonly carriers: TagTable;
  readonly transcode: readonly TranscodeRule[];
}

/** Every tag of the rules exists, once, under its own keyword. */
export function checkRules(rules: ClassRules, keywords: ReadonlyMap<string, string>): void {
  const seen = new Set<string>();
  const check = (tag: string, keyword: string): void => {
    const known = keywords.get(tag);
    if (known !== keyword) throw new Error(`class rules: ${tag} is ${known ?? "unknown"}, not ${keyword}`);
  };
  for (const { tags } of [...rules.tables, rules.carriers]) {
    for (const [tag, keyword] of Object.entries(tags)) {
      check(tag, keyword);
      if (seen.has(tag)) throw new Error(`class rules: ${tag} is listed twice`);
      seen.add(tag);
    }
  }
  for (const { tag, keyword } of rules.transcode) check(tag, keyword);
}

/** What classOfAttribute reads. `attributes` is the number of rows of the dictionary: what is not listed is clinical. */
export function classData(rules: ClassRules, attributes: number): Record<string, unknown> {
  const tagsOf = (name: ClassTable["class"]): string[] =>
    rules.tables.flatMap((table) => (table.class === name ? Object.keys(table.tags) : [])).sort();
  const identity = tagsOf("identity");
  const administrative = tagsOf("administrative");
  return {
    counts: {
      clinical: attributes - identity.length - administrative.length,
      identity: identity.length,
      administrative: administrative.length,
    },
    identity,
    administrative,
    carriers: Object.keys(rules.carriers.tags).sort(),
    transcode: rules.transcode.map(({ why: _why, keyword: _keyword, ...rule }) => rule),
  };
}

/** The Markdown tables, one line per attribute. */
export function classTables(rules: ClassRules): string {
  const table = ({ title, why, tags }: TagTable, kind: string): string => {
    const rows = Object.entries(tags).map(
      ([tag, keyword]) => `| (${tag.slice(0, 4)},${tag.slice(4)}) | ${keyword} |`,
    );
    return `### ${title} (${kind}, ${rows.length})\n\n${why}\n\n| tag | keyword |\n| --- | --- |\n${rows.join("\n")}\n`;
  };
  return [...rules.tables.map((entry) => table(entry, entry.class)), table(rules.carriers, "carrier")].join(
    "\n",
  );
}

const begin = "<!-- tables: written by tools/dictionary/generate.ts -->";
const end = "<!-- end of tables -->";

/** The page with its tables replaced. */
export function withTables(page: string, tables: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error("spec/attribute-classes.md has lost its marks");
  return `${page.slice(0, from)}${begin}\n\n${tables}\n${page.slice(to)}`;
}
