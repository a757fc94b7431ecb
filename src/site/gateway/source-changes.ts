/**
 * Who may send, and in which mode, can be changed with an editor too: what the configuration file says otherwise than it did is recorded, also what
 * was changed while the gateway was stopped.
 */
import { join } from "node:path";
import { fromUtf8, utf8 } from "../../foundation/bytes.ts";
import type { Clock } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import { fileExists, readPrivateFile, replaceFileDurably } from "../../platform/node/private-files.ts";
import type { ActRecord, Journal } from "../../store/journal/journal.ts";
import type { SourceSettings } from "../../zero-trust/gateway/settings.ts";

/** No operator's name: it has a space. */
const actor = "configuration file";
/** Thousands of sources. */
const fileBytesMax = 1 << 20;
/** A source's records are looked through for its last change: refusals stand there too. */
const recordsMax = 1_000;

/** Those that say a source's mode. */
const acts: ReadonlySet<string> = new Set(["source.added", "source.mode.changed", "source.removed"]);

/** By name of the source. */
type Modes = ReadonlyMap<string, string>;

interface Change {
  readonly act: "source.added" | "source.mode.changed" | "source.removed";
  readonly source: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export interface SourceChangesPorts {
  readonly journal: Pick<Journal, "addRecord" | "records">;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** In force in the gateway that has this data folder, or that had it last; by name of the source. Empty where nothing can be read. */
export function recordedModes(data: string): Modes {
  const path = pathOf(data);
  if (!fileExists(path)) return new Map();
  try {
    const value = JSON.parse(fromUtf8(readPrivateFile(path, fileBytesMax))) as object;
    return new Map(Object.entries(value));
  } catch {
    return new Map();
  }
}

function pathOf(data: string): string {
  return join(data, "sources.json");
}

export class SourceChanges {
  readonly #data: string;
  readonly #ports: SourceChangesPorts;

  /** @param data the gateway's folder */
  constructor(data: string, ports: SourceChangesPorts) {
    this.#data = data;
    this.#ports = ports;
  }

  /** What holds from now on. Never throws: what cannot be recorded is an event, and recorded at the next change or start. */
  async note(sources: readonly Pick<SourceSettings, "name" | "mode">[]): Promise<void> {
    const { events } = this.#ports;
    try {
      // Where it cannot be read each source is new, unless its records say so already.
      const known = recordedModes(this.#data);
      const found: Modes = new Map(sources.map(({ name, mode }) => [name, mode]));
      const changes = changesBetween(known, found);
      for (const change of changes) await this.#record(change);
      if (changes.length === 0) return;
      const bytes = utf8(JSON.stringify(Object.fromEntries(found)));
      replaceFileDurably(pathOf(this.#data), bytes, { mode: 0o600 });
    } catch (error) {
      const code = error instanceof ScansealError ? error.code : "internal";
      events({ kind: "fault", where: "configuration", code, why: "changed sources could not be recorded" });
    }
  }

  async #record({ act, source, from, to }: Change): Promise<void> {
    const { journal, events, clock, newId } = this.#ports;
    const records = await journal.records({ subject: source, limit: recordsMax });
    const last = records.find((record) => acts.has(record.act));
    // `scanseal source` has recorded it, with the person's name.
    if (last && modeAfter(last) === to) return;
    const modes = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const detail = { ...(act === "source.added" ? { mode: to! } : modes), isProven: false };
    await journal.addRecord({ id: newId(), at: clock.now(), actor, act, subject: source, detail });
    events({ kind: "source-changed", source, ...modes });
  }
}

function changesBetween(known: Modes, found: Modes): Change[] {
  const changes: Change[] = [];
  for (const source of new Set([...known.keys(), ...found.keys()])) {
    const [from, to] = [known.get(source), found.get(source)];
    if (from === to) continue;
    const act =
      from === undefined ? "source.added" : to === undefined ? "source.removed" : "source.mode.changed";
    changes.push({ act, source, from, to });
  }
  return changes;
}

function modeAfter({ act, detail }: ActRecord): unknown {
  return act === "source.added" ? detail.mode : act === "source.mode.changed" ? detail.to : undefined;
}
