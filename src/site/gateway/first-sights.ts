/**
 * Remembers when this site first had a manifest in hands (time class T2), and under which number of its key; and looks, when that is durable, whether
 * the number was used for another one: of two that come at once the later one to be remembered is told.
 */
import type { Clock } from "../../foundation/crypto.ts";
import type { EventSink } from "../../operations/event.ts";
import type { Evidence } from "../../zero-trust/evidence/evidence.ts";
import { Gathering } from "../../zero-trust/gateway/gathering.ts";
import type { ExaminedEvidence, ExaminedObject, Examiner } from "../../zero-trust/gateway/ports.ts";
import type { OpenedProvenance } from "../provenance/opened-provenance.ts";
import { FaultsInARow } from "./faults-in-a-row.ts";

export interface FirstSightParts {
  readonly provenance: Pick<OpenedProvenance, "journal" | "close">;
  readonly clock: Clock;
  readonly events: EventSink;
}

/** Between two transactions; and so many do not wait for more: fewer than are examined ahead, whose threads must not run dry. */
const commitMs = 50;
const gatheredMax = 8;

/** Around the examiner, which it leaves open. */
export class FirstSights implements Examiner {
  readonly #examiner: Examiner;
  readonly #parts: FirstSightParts;
  readonly #writing = new Set<Promise<unknown>>();
  readonly #faults: FaultsInARow;
  readonly #gathering: Gathering = new Gathering(commitMs, gatheredMax);

  constructor(examiner: Examiner, parts: FirstSightParts) {
    this.#examiner = examiner;
    this.#parts = parts;
    this.#faults = new FaultsInARow(parts.events, "provenance");
  }

  get width(): number {
    return this.#examiner.width;
  }

  async examine(object: ExaminedObject): Promise<ExaminedEvidence> {
    const evidence = await this.#examiner.examine(object);
    // Nobody could write it again, and whoever is not trusted does not fill the journal.
    const { manifest, time } = evidence;
    const isSound = manifest?.trust?.result === "trusted" && manifest.faults.length === 0;
    if (!isSound || time?.timeClass === "T2") return evidence;
    const sighting = this.#sight(manifest);
    this.#writing.add(sighting);
    const others = await sighting.finally(() => this.#writing.delete(sighting));
    return others.length === 0 ? evidence : { ...evidence, counter: { others } };
  }

  /** @returns other manifests under its number */
  async #sight(manifest: NonNullable<Evidence["manifest"]>): Promise<readonly string[]> {
    const { payloadDigest, keyFingerprint, keyEpoch, counter } = manifest;
    const { provenance, clock } = this.#parts;
    const at = clock.now();
    if (payloadDigest === undefined || keyFingerprint === undefined) return [];
    if (keyEpoch === undefined || counter === undefined) return [];
    try {
      const journal = await provenance.journal();
      const number = { keyFingerprint, keyEpoch, counter };
      await this.#gathering.join();
      await journal?.sight(payloadDigest, number, at);
      const uses = (await journal?.usesOf(number)) ?? [];
      this.#faults.over();
      return uses.filter((digest) => digest !== payloadDigest);
    } catch (error) {
      this.#faults.tell(error, "a first sight was not kept");
      return [];
    }
  }

  /** What is under way is written. */
  async close(): Promise<void> {
    this.#gathering.flush();
    await Promise.all(this.#writing);
    await this.#parts.provenance.close();
  }
}
