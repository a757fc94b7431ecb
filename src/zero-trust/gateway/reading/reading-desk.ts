/** A study, series or instance for a reader: what the gate admitted and what only the archive knows, each read and verified; nothing left out in silence. */
import { told } from "../fault-words.ts";
import { InstanceReading, type ReadingParts, type ReadingReader } from "./instance-reading.ts";
import type { AdmittedEntry, AdmittedInstances, InstanceName, ReadScope } from "./ports.ts";
import type { Read } from "./read.ts";

export interface ReadingDeskParts extends ReadingParts {
  readonly admitted: AdmittedInstances;
  /** Fetched and examined ahead of the one that is given: at least 1. */
  readonly aheadMax: number;
}

/** The end of a reading. */
export interface Listing {
  readonly kind: "end";
  /** The archive could not be asked what else it has: code of a ScansealError. Then the answer may lack what the gate never admitted. */
  readonly archiveUnlisted: string | undefined;
}

export class ReadingDesk {
  readonly #parts: ReadingDeskParts;
  readonly #reading: InstanceReading;

  constructor(parts: ReadingDeskParts) {
    this.#parts = parts;
    this.#reading = new InstanceReading(parts);
  }

  /**
   * In the order of the study, what only the archive knows last; then one `Listing`. Whoever takes a delivered one calls its `done`. An empty scope gives
   * only the end.
   * @throws ScansealError `io` of the index
   */
  async *read(scope: ReadScope, reader: ReadingReader): AsyncGenerator<Read | Listing> {
    const ahead: Promise<Read>[] = [];
    const { aheadMax } = this.#parts;
    let unlisted: string | undefined;
    try {
      for await (const [asked, entry] of this.#instances(scope, (code) => {
        unlisted = code;
      })) {
        ahead.push(this.#reading.read(asked, entry, reader));
        if (ahead.length >= aheadMax) yield await ahead.shift()!;
      }
      while (ahead.length > 0) yield await ahead.shift()!;
      yield { kind: "end", archiveUnlisted: unlisted };
    } finally {
      // The reader went away: what was fetched for it is nobody's.
      for (const read of ahead)
        void read.then((one) => {
          if (one.kind === "delivered") one.done();
        });
    }
  }

  async *#instances(
    scope: ReadScope,
    onUnlisted: (code: string) => void,
  ): AsyncGenerator<readonly [InstanceName, AdmittedEntry | undefined]> {
    const { admitted, archive, events } = this.#parts;
    const listed = archive && listedBy(archive.list(scope));
    const seen = new Set<string>();
    for await (const entry of admitted.entriesOf(scope)) {
      seen.add(entry.sopInstanceUid);
      yield [entry, entry];
    }
    if (!archive || !listed) return;
    try {
      for (const name of await listed) {
        if (seen.has(name.sopInstanceUid)) continue;
        seen.add(name.sopInstanceUid);
        events({ kind: "read-unknown", archive: archive.name });
        yield [name, undefined];
      }
    } catch (error) {
      const { code } = told(error);
      onUnlisted(code);
    }
  }

  close(): void {
    this.#reading.close();
  }
}

/** A study of more is no study: a bound on what a stranger's answer takes. */
const listedMax = 200_000;

/** Asked for at once, and read whole: what the gate admitted is fetched meanwhile. */
async function listedBy(names: AsyncIterable<InstanceName>): Promise<readonly InstanceName[]> {
  const out: InstanceName[] = [];
  for await (const name of names) {
    out.push(name);
    if (out.length >= listedMax) break;
  }
  return out;
}
