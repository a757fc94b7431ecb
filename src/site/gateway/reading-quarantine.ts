/** What readers are told of quarantine, and given from it: from the journal. */
import type { Clock } from "../../foundation/crypto.ts";
import type { Journal, JudgedObject } from "../../store/journal/journal.ts";
import type {
  HeldInstance,
  InstanceName,
  Opener,
  Quarantine,
  ReadScope,
} from "../../zero-trust/gateway/reading/ports.ts";
import { openGrant } from "../../zero-trust/quarantine/emergency.ts";
import { openedByRelease, openedInEmergency } from "../../zero-trust/quarantine/opened.ts";

type QuarantineJournal = Pick<Journal, "object" | "objects" | "records" | "releasesTo">;

/** Looked at in one query. */
const rowsAtOnce = 1_000;
/** Of one study: a source that sends without end stops no reader. */
const heldMax = 10_000;

export class ReadingQuarantine implements Quarantine {
  readonly #journal: QuarantineJournal;
  readonly #clock: Clock;

  constructor(journal: QuarantineJournal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  async held(scope: ReadScope): Promise<readonly HeldInstance[]> {
    const byUid = new Map<string, HeldInstance>();
    let after: string | undefined;
    do {
      const rows = await this.#journal.objects({ ...scope, state: "held", after, limit: rowsAtOnce });
      for (const row of rows) if (isMissed(row)) byUid.set(row.sopInstanceUid, heldInstance(row, scope));
      after = rows.length < rowsAtOnce ? undefined : rows.at(-1)!.id;
    } while (after !== undefined && byUid.size < heldMax);
    return [...byUid.values()];
  }

  async releasedTo(reader: string, instance: InstanceName): Promise<HeldInstance | undefined> {
    const releases = await this.#journal.releasesTo(reader, this.#clock.now());
    if (releases.length === 0) return undefined;
    const { studyInstanceUid, sopInstanceUid } = instance;
    const rows = await this.#journal.objects({
      ...{ studyInstanceUid, sopInstanceUid, state: "held", limit: rowsAtOnce },
    });
    const row = rows.findLast(({ id }) => releases.some(({ objectIds }) => objectIds.includes(id)));
    return row && heldInstance(row, instance);
  }

  async openerFor(
    reader: string,
    studyInstanceUid: string,
    held?: HeldInstance,
  ): Promise<Opener | undefined> {
    const now = (): number => this.#clock.now();
    const grant = await openGrant(this.#journal, studyInstanceUid, reader, now());
    if (grant) return (object) => openedInEmergency(object, reader, grant, now());
    if (!held) return undefined;
    const releases = await this.#journal.releasesTo(reader, now());
    const request = releases.find(({ objectIds }) => objectIds.includes(held.objectId));
    const row = request && (await this.#journal.object(held.objectId));
    if (!row) return undefined;
    return (object) => openedByRelease(object, object.staged.digest, reader, { request, held: row }, now());
  }
}

/** What an archive returned is asked of the archive again; a notice of ours is no image that anybody misses. */
function isMissed({ arrival, verdict }: JudgedObject): boolean {
  return !arrival.returned && verdict !== "notice";
}

function heldInstance(
  { id, digest, sopInstanceUid, seriesInstanceUid = "", verdict = "unchecked", findings }: JudgedObject,
  { studyInstanceUid }: Pick<ReadScope, "studyInstanceUid">,
): HeldInstance {
  const errors = findings.filter(({ severity }) => severity === "error").map(({ code }) => code);
  const codes = [...new Set(errors)];
  return { objectId: id, digest, studyInstanceUid, seriesInstanceUid, sopInstanceUid, verdict, codes };
}
