/** What `enforce` would have done with what a source sent: from the journal, which keeps it for every object. */
import { causeOf } from "../../store/journal/cause.ts";
import type { Journal, JudgedObject } from "../../store/journal/journal.ts";

export interface DryRunGroup {
  readonly verdict: string;
  /** Of the gravest finding. */
  readonly code: string;
  /** The radiologist's sentence. */
  readonly message: string;
  readonly objects: number;
  readonly studies: number;
}

export interface DryRun {
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly judged: number;
  /** Held already, in the mode that applied. */
  readonly held: number;
  /** Passed, and would have been held. */
  readonly wouldBeHeld: number;
  /** Of those, most frequent first. */
  readonly groups: readonly DryRunGroup[];
}

/** Of one request to the journal. */
const pageObjects = 1000;

/** Objects that were sent again are counted once. @throws ScansealError `io` */
export async function dryRun(
  journal: Pick<Journal, "objects">,
  source: string,
  since: number,
): Promise<DryRun> {
  let judged = 0;
  let held = 0;
  const groups = new Map<string, { group: DryRunGroup; studies: Set<string> }>();
  for await (const object of objectsOf(journal, source, since)) {
    if (object.enforced === undefined || object.state === "resent" || object.state === "received") continue;
    judged++;
    if (object.disposition === "held") held++;
    else if (object.enforced === "held") addTo(groups, object);
  }
  const found = [...groups.values()]
    .map(({ group, studies }) => ({ ...group, studies: studies.size }))
    .sort((a, b) => b.objects - a.objects);
  const wouldBeHeld = found.reduce((sum, { objects }) => sum + objects, 0);
  return { source, since, judged, held, wouldBeHeld, groups: found };
}

async function* objectsOf(
  journal: Pick<Journal, "objects">,
  source: string,
  judgedSince: number,
): AsyncGenerator<JudgedObject> {
  let after: string | undefined;
  for (;;) {
    const page = await journal.objects({ source, judgedSince, after, limit: pageObjects });
    yield* page;
    if (page.length < pageObjects) return;
    after = page[page.length - 1]!.id;
  }
}

function addTo(
  groups: Map<string, { group: DryRunGroup; studies: Set<string> }>,
  object: JudgedObject,
): void {
  const finding = causeOf(object.findings);
  const verdict = object.verdict ?? "none";
  const code = finding?.code ?? "none";
  const key = `${verdict} ${code}`;
  const known = groups.get(key);
  const studies = known?.studies ?? new Set();
  if (object.studyInstanceUid !== undefined) studies.add(object.studyInstanceUid);
  const objects = (known?.group.objects ?? 0) + 1;
  const message = finding?.message ?? "The check could not be completed.";
  groups.set(key, { group: { verdict, code, message, objects, studies: 0 }, studies });
}
