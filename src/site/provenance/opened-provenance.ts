/** A site's provenance, opened when it is first asked and there is any. */
import { fileExists } from "../../platform/node/private-files.ts";
import type { RecordLookup } from "../../provenance/manifest/record.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal } from "../../store/provenance/provenance-journal.ts";
import { recordLookup } from "./record-lookup.ts";

export class OpenedProvenance {
  readonly #place: string | undefined;
  readonly #isMade: boolean;
  #journal: Promise<ProvenanceJournal> | undefined;
  #lookup: RecordLookup | undefined;

  /**
   * @param place a file that may not exist yet, or a `postgres://` URL
   * @param made by whoever asks first, where there is none
   */
  constructor(place: string | undefined, made?: "made") {
    this.#place = place;
    this.#isMade = made !== undefined;
  }

  /** Undefined while the site keeps nothing. @throws ScansealError `io`, `config-invalid` */
  async journal(): Promise<ProvenanceJournal | undefined> {
    if (!this.#journal) {
      const place = this.#place;
      if (place === undefined) return undefined;
      const isThere = this.#isMade || /^postgres(ql)?:\/\//.test(place) || fileExists(place);
      if (!isThere) return undefined;
      this.#journal = openProvenanceJournal(place);
      // Tried again by whoever asks next.
      this.#journal.catch(() => {
        this.#journal = undefined;
      });
    }
    return this.#journal;
  }

  /** The same as the verifier asks for it. */
  async lookup(): Promise<RecordLookup | undefined> {
    const journal = await this.journal();
    if (journal && !this.#lookup) this.#lookup = recordLookup(journal);
    return this.#lookup;
  }

  async close(): Promise<void> {
    const journal = await this.#journal?.catch(() => undefined);
    await journal?.close();
  }
}
