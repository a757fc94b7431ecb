/** What sources sent within a day, kept over a restart: HOME's data folder, intake.json, written each minute. A killed process forgets a minute. */
import { join } from "node:path";
import { fromUtf8, utf8 } from "../../foundation/bytes.ts";
import type { Clock } from "../../foundation/crypto.ts";
import type { EventSink } from "../../operations/event.ts";
import { fileExists, readPrivateFile, replaceFileDurably } from "../../platform/node/private-files.ts";
import { Intake, type IntakeCounts } from "../../zero-trust/gateway/intake.ts";
import { FaultsInARow } from "./faults-in-a-row.ts";
import { Rounds } from "./rounds.ts";

const everyMs = 60_000;
/** A day's steps of thousands of sources. */
const fileBytesMax = 32 << 20;

export class IntakeFile {
  readonly intake: Intake;
  readonly #path: string;
  readonly #faults: FaultsInARow;
  readonly #rounds: Rounds;
  #written = "";

  /** @param data the gateway's folder */
  constructor(data: string, clock: Clock, events: EventSink) {
    this.#path = join(data, "intake.json");
    this.#faults = new FaultsInARow(events, "quotas");
    this.intake = new Intake(clock, this.#read());
    this.#rounds = new Rounds(
      async () => this.save(),
      () => everyMs,
    );
    this.#rounds.start();
  }

  async close(): Promise<void> {
    await this.#rounds.stop();
    this.save();
  }

  /** What goes wrong is an event: the quotas hold, and a restart forgets. */
  save(): void {
    try {
      const text = JSON.stringify(this.intake.counts());
      if (text !== this.#written) replaceFileDurably(this.#path, utf8(text), { mode: 0o600 });
      this.#written = text;
      this.#faults.over();
    } catch (error) {
      this.#faults.tell(error, "what sources sent could not be written");
    }
  }

  #read(): IntakeCounts {
    try {
      if (!fileExists(this.#path)) return {};
      const value = JSON.parse(fromUtf8(readPrivateFile(this.#path, fileBytesMax))) as IntakeCounts;
      const isCount = (one: unknown): boolean => Number.isSafeInteger(one) && (one as number) >= 0;
      const isSound = Object.values(value).every((steps) =>
        steps.every(({ at, objects, bytes }) => [at, objects, bytes].every(isCount)),
      );
      if (isSound) return value;
    } catch (error) {
      this.#faults.tell(error, "what sources sent cannot be read: quotas begin anew");
      return {};
    }
    return {};
  }
}
