/** Who was given what: told some seconds after the last instance of a study, so that a study of a thousand images, or as many requests for frames, is one event. */
import type { EventSink } from "../../../operations/event.ts";

/** One instance that a reader asked for, and what became of it. */
export interface ReadInstance {
  readonly reader: string;
  readonly studyInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly isGiven: boolean;
  /** Journal id of what was admitted under its UID. */
  readonly objectId: string | undefined;
}

interface Study {
  readonly reader: string;
  /** SOP Instance UIDs: asked for twice is one. */
  readonly given: Set<string>;
  readonly withheld: Set<string>;
  readonly objects: Set<string>;
  readonly timer: { refresh(): unknown };
}

/** The ids that an event names; an audit message has room for them. */
const namedMax = 100;
/** As many studies at once as a hospital's readers open in some seconds; of more each is told at once. */
const studiesMax = 1_000;
/** Of one study; then it is told, and counted anew. */
const instancesMax = 10_000;

export class ReadingRecord {
  readonly #events: EventSink;
  readonly #quietMs: number;
  readonly #studies = new Map<string, Study>();

  constructor(events: EventSink, quietMs: number = 10_000) {
    this.#events = events;
    this.#quietMs = quietMs;
  }

  note({ reader, studyInstanceUid, sopInstanceUid, isGiven, objectId }: ReadInstance): void {
    const key = `${reader} ${studyInstanceUid}`;
    const study = this.#studies.get(key) ?? this.#open(key, reader);
    (isGiven ? study.given : study.withheld).add(sopInstanceUid);
    if (isGiven && objectId !== undefined && study.objects.size < namedMax) study.objects.add(objectId);
    study.timer.refresh();
    if (study.given.size + study.withheld.size >= instancesMax || this.#studies.size > studiesMax)
      this.#tell(key);
  }

  #open(key: string, reader: string): Study {
    const timer = setTimeout(() => this.#tell(key), this.#quietMs);
    timer.unref();
    const study: Study = { reader, given: new Set(), withheld: new Set(), objects: new Set(), timer };
    this.#studies.set(key, study);
    return study;
  }

  #tell(key: string): void {
    const study = this.#studies.get(key);
    if (!study) return;
    this.#studies.delete(key);
    const { reader, given, withheld, objects } = study;
    this.#events({
      kind: "read-given",
      reader,
      given: given.size,
      withheld: withheld.size,
      objects: [...objects],
    });
  }

  /** What was not told yet is told. */
  close(): void {
    for (const key of [...this.#studies.keys()]) this.#tell(key);
  }
}
