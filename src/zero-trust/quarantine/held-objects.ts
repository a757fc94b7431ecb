/** What is held, as people look for it: by study, series, instance. */
import { ScansealError } from "../../foundation/errors.ts";
import type { Journal, JudgedObject, ObjectFilter } from "../../store/journal/journal.ts";

/** Which objects are meant. A study without UID holds the objects whose UID could not be read. */
export type Selector =
  | { readonly by: "object"; readonly id: string }
  /** The end of its id, as a terminal shows it. */
  | { readonly by: "ending"; readonly idEnding: string }
  | { readonly by: "instance"; readonly sopInstanceUid: string }
  | { readonly by: "series"; readonly seriesInstanceUid: string }
  | { readonly by: "study"; readonly studyInstanceUid: string | undefined };

/** Of one request, and of what one command works on: as many as the journal takes in one transaction. */
const objectsMax = 20_000;
/** A large study; more is asked for twice. */
const unaskedMax = 1_000;
/** Of one question to the journal. */
const pageObjects = 1_000;

type Objects = Pick<Journal, "objects" | "object">;

/** Held objects, oldest first. @throws ScansealError `io`, `usage` when there are too many for one command */
export async function heldObjects(journal: Objects, selector: Selector): Promise<readonly JudgedObject[]> {
  switch (selector.by) {
    case "object": {
      const object = await journal.object(selector.id);
      return object?.state === "held" ? [object] : [];
    }
    case "ending":
      return all(journal, { state: "held", idEnding: selector.idEnding });
    case "instance":
      return all(journal, { state: "held", sopInstanceUid: selector.sopInstanceUid });
    case "series":
      return all(journal, { state: "held", seriesInstanceUid: selector.seriesInstanceUid });
    case "study": {
      const { studyInstanceUid } = selector;
      if (studyInstanceUid !== undefined) return all(journal, { state: "held", studyInstanceUid });
      return all(journal, { state: "held" }, (object) => object.studyInstanceUid === undefined);
    }
  }
}

async function all(
  journal: Objects,
  filter: Omit<ObjectFilter, "limit" | "after">,
  isMeant: (object: JudgedObject) => boolean = () => true,
): Promise<JudgedObject[]> {
  const out: JudgedObject[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await journal.objects({ ...filter, after, limit: pageObjects });
    out.push(...page.filter(isMeant));
    if (out.length > objectsMax)
      throw new ScansealError("usage", `more than ${objectsMax} objects: take them series by series`);
    if (page.length < pageObjects) return out;
    after = page.at(-1)!.id;
  }
}

/**
 * The held objects that a command is to work on: what could be a slip of the hand is asked for again.
 * @param isAll the person said that all are meant
 * @throws ScansealError `usage` when there are none, several under one SOP Instance UID, or very many; `io`
 */
export async function selectHeld(
  journal: Objects,
  selector: Selector,
  isAll: boolean,
): Promise<readonly JudgedObject[]> {
  const objects = await heldObjects(journal, selector);
  if (objects.length === 0) throw new ScansealError("usage", await whyNothing(journal, selector));
  if (isAll) return objects;
  if ((selector.by === "instance" || selector.by === "ending") && objects.length > 1) {
    const what = selector.by === "instance" ? "under this SOP Instance UID" : "whose ids end so";
    throw new ScansealError(
      "usage",
      `${objects.length} different objects are held ${what} (${shownIds(objects)}): name one by its id, or all with --all`,
    );
  }
  if (objects.length > unaskedMax)
    throw new ScansealError("usage", `these are ${objects.length} objects: name a series, or all with --all`);
  return objects;
}

async function whyNothing(journal: Objects, selector: Selector): Promise<string> {
  if (selector.by === "object") {
    const object = await journal.object(selector.id);
    return object ? `the object is not held: it is ${object.state}` : "there is no object of this id";
  }
  if (selector.by === "ending") {
    const [object] = await journal.objects({ idEnding: selector.idEnding, limit: 1 });
    return object ? `the object is not held: it is ${object.state}` : "there is no object whose id ends so";
  }
  return selector.by === "instance"
    ? "nothing is held under this SOP Instance UID: scanseal quarantine list shows what is"
    : `nothing is held of this ${selector.by}: scanseal quarantine list shows what is`;
}

const shownMax = 5;

function shownIds(objects: readonly JudgedObject[]): string {
  const ids = objects.slice(0, shownMax).map(({ id }) => id);
  return ids.join(", ") + (objects.length > shownMax ? ", ..." : "");
}

/** Objects asked for at once: each is a question to the journal. */
const questionsMax = 100;

/** Those of a request that are still held. @throws ScansealError `io` */
export async function heldAmong(journal: Objects, ids: readonly string[]): Promise<readonly JudgedObject[]> {
  const out: JudgedObject[] = [];
  for (let at = 0; at < ids.length; at += questionsMax) {
    const found = await Promise.all(ids.slice(at, at + questionsMax).map((id) => journal.object(id)));
    for (const object of found) if (object?.state === "held") out.push(object);
  }
  return out;
}

/** Objects in any state: for looking. @throws ScansealError `io`, `usage` */
export async function findObjects(journal: Objects, selector: Selector): Promise<readonly JudgedObject[]> {
  switch (selector.by) {
    case "object": {
      const object = await journal.object(selector.id);
      return object ? [object] : [];
    }
    case "ending":
      return all(journal, { idEnding: selector.idEnding });
    case "instance":
      return all(journal, { sopInstanceUid: selector.sopInstanceUid });
    default:
      return heldObjects(journal, selector);
  }
}

export interface HeldSeries {
  readonly seriesInstanceUid: string | undefined;
  readonly modality: string | undefined;
  readonly objects: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly sources: readonly string[];
  readonly firstAt: number;
  readonly lastAt: number;
}

/** The held objects of a study, series by series, in the order they arrived. */
export function seriesOf(objects: readonly JudgedObject[]): readonly HeldSeries[] {
  const groups = new Map<string | undefined, JudgedObject[]>();
  for (const object of objects) {
    const group = groups.get(object.seriesInstanceUid);
    if (group) group.push(object);
    else groups.set(object.seriesInstanceUid, [object]);
  }
  return [...groups].map(([seriesInstanceUid, members]) => {
    const verdicts: Record<string, number> = {};
    for (const { verdict = "undetermined" } of members) verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
    const times = members.map(({ receivedAt }) => receivedAt).sort((a, b) => a - b);
    return {
      seriesInstanceUid,
      modality: members.find(({ modality }) => modality !== undefined)?.modality,
      objects: members.length,
      verdicts,
      sources: [...new Set(members.map(({ source }) => source))].sort(),
      firstAt: times[0]!,
      lastAt: times.at(-1)!,
    };
  });
}
