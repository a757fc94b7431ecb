/** What a source changes in sealed objects again and again: read from the findings that its objects left in the journal. */
import type { ArchiveHabit } from "../../provenance/manifest/archive-statement.ts";
import type { StoredFinding } from "../../store/journal/journal.ts";
import type { SourceSample } from "../../store/journal/source-record.ts";
import { neverHabit } from "../../zero-trust/evidence/archive-habits.ts";

type Kind = ArchiveHabit["kinds"][number];

export interface RecurringChange {
  /** As in the leaf table, item numbers under a star. */
  readonly path: string;
  readonly kinds: readonly Kind[];
  readonly objects: number;
  /** passes: administrative, or approved already. habit: held, and a person may approve it. never: held, and nobody may. */
  readonly standing: "passes" | "habit" | "never";
  /** Why nobody may. */
  readonly never?: string;
  /** Journal ids of the newest. */
  readonly examples: readonly string[];
}

const examplesMax = 3;
/** Seen once is no habit. */
const recurringMin = 2;

const kindsByCode: Readonly<Record<string, Kind>> = {
  "attribute-added": "added",
  "attribute-changed": "changed",
  "attribute-removed": "removed",
};
/** In the order of a list. */
const kindsInOrder: readonly Kind[] = ["added", "changed", "removed"];

interface Seen {
  readonly kinds: Set<Kind>;
  readonly ids: Set<string>;
  isHeld: boolean;
}

/** Most frequent first. @param objects with a seal; of those that differ in more than attributes nothing is learned */
export function recurringChanges(objects: readonly SourceSample[]): RecurringChange[] {
  const seen = new Map<string, Seen>();
  for (const { id, findings } of objects) {
    if (findings.some((one) => one.severity === "error" && !(one.code in kindsByCode))) continue;
    for (const one of findings) {
      const kind = kindsByCode[one.code];
      const path = pathOf(one);
      if (kind === undefined || path === undefined) continue;
      const known = seen.get(path) ?? { kinds: new Set(), ids: new Set(), isHeld: false };
      known.kinds.add(kind);
      known.ids.add(id);
      known.isHeld ||= one.severity === "error";
      seen.set(path, known);
    }
  }
  return [...seen]
    .filter(([, { ids }]) => ids.size >= recurringMin)
    .map(([path, { kinds, ids, isHeld }]): RecurringChange => {
      const never = isHeld ? neverHabit(path) : undefined;
      return {
        path,
        kinds: kindsInOrder.filter((kind) => kinds.has(kind)),
        objects: ids.size,
        standing: !isHeld ? "passes" : never === undefined ? "habit" : "never",
        ...(never === undefined ? {} : { never }),
        examples: [...ids].slice(0, examplesMax),
      };
    })
    .sort((a, b) => b.objects - a.objects || (a.path < b.path ? -1 : 1));
}

/** What another syntax brings with it is no change. */
function pathOf({ location, detail }: StoredFinding): string | undefined {
  if (detail.includes("(by-product of transcoding")) return undefined;
  const { path, tag } = location;
  if (typeof path === "string") return path.includes("[") ? path : path.replace(/\/\d+(?=\/)/g, "/*");
  return typeof tag === "string" ? tag.replace(/[(),]/g, "") : undefined;
}
