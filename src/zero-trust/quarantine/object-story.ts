/** Everything the journal knows of one object: for the person who has to decide. */
import type { ActRecord, Delivery, Journal, JudgedObject } from "../../store/journal/journal.ts";
import type { QuarantineRequest } from "../../store/journal/requests.ts";

export interface ObjectStory {
  readonly object: JudgedObject;
  readonly deliveries: readonly Delivery[];
  /** Newest first. */
  readonly requests: readonly QuarantineRequest[];
  /** Oldest first: acts on the object itself, and on requests that name it. */
  readonly history: readonly ActRecord[];
  /** Where it is held in conflict: what was admitted under its SOP Instance UID. */
  readonly conflictsWith: JudgedObject | undefined;
}

/** Of one subject; nothing has so many. */
const recordsMax = 1_000;

type StoryJournal = Pick<Journal, "deliveriesOf" | "requestsOf" | "records" | "admittedInstance" | "object">;

/** @throws ScansealError `io` */
export async function storyOf(journal: StoryJournal, object: JudgedObject): Promise<ObjectStory> {
  const deliveries = await journal.deliveriesOf(object.id);
  const requests = await journal.requestsOf(object.id);
  const history: ActRecord[] = [];
  for (const subject of [object.id, ...requests.map(({ id }) => id)])
    history.push(...(await journal.records({ subject, limit: recordsMax })));
  history.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  return { object, deliveries, requests, history, conflictsWith: await admittedBefore(journal, object) };
}

async function admittedBefore(
  journal: Pick<Journal, "admittedInstance" | "object">,
  { findings, sopInstanceUid }: JudgedObject,
): Promise<JudgedObject | undefined> {
  if (!findings.some(({ code }) => code === "instance-conflict")) return undefined;
  const admitted = await journal.admittedInstance(sopInstanceUid);
  return admitted && (await journal.object(admitted.objectId));
}
