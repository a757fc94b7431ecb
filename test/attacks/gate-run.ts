/** Cases through a gate with its real examining threads, in one mode, to an archive that keeps what it gets. */
import { type Bytes, equalBytes } from "../../src/foundation/bytes.ts";
import { systemClock } from "../../src/platform/node/crypto.ts";
import { WorkerExaminer } from "../../src/site/gateway/examiner.ts";
import type { TrustSnapshot } from "../../src/site/gateway/trust-watch.ts";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import type { SourceSettings } from "../../src/zero-trust/gateway/settings.ts";
import type { Mode } from "../../src/zero-trust/policy/decide.ts";
import { type Authority, type Device, trustContentOf } from "../evaluation/fixture.ts";
import { archiveAt, Gate, plainListener, sourceOf, webListener } from "../gateway/gate.ts";
import { ReceivingArchive } from "../gateway/network.ts";
import { type Answer, postObjects, type SentObject, sendObjects } from "./sent-object.ts";

/** What a case comes to, in every mode. */
export interface GateCase {
  readonly name: string;
  readonly sent: SentObject;
  /** Over the network: a verdict; `refused` while it arrives; `no context` for it. */
  readonly verdict: string;
  /** A finding, or the reason of a refusal. */
  readonly code?: string | undefined;
}

export interface GateOutcome {
  readonly name: string;
  readonly answer: Answer;
  readonly row: JudgedObject | undefined;
  readonly inArchive: boolean;
}

/** Trust that can change while the threads run. */
export class ChangingTrust {
  #snapshot: TrustSnapshot;

  constructor(authority: Authority, devices: readonly Device[]) {
    this.#snapshot = { version: 1, content: trustContentOf(authority, devices), markSigners: [] };
  }

  change(authority: Authority, devices: readonly Device[]): void {
    const version = this.#snapshot.version + 1;
    this.#snapshot = { version, content: trustContentOf(authority, devices), markSigners: [] };
  }

  current(): TrustSnapshot {
    return this.#snapshot;
  }
}

export function workersFor(trust: ChangingTrust, evidenceMs = 60_000): WorkerExaminer {
  const width = 1;
  return new WorkerExaminer({ trust, clock: systemClock, events: () => undefined, evidenceMs, width });
}

export type Door = "C-STORE" | "STOW-RS";

/** Sends all of them, over one association or request by request; resolves when all that may leave has left. */
export async function runCases(
  cases: readonly GateCase[],
  mode: Mode,
  examiner: WorkerExaminer,
  { door = "C-STORE", source }: { readonly door?: Door; readonly source?: Partial<SourceSettings> } = {},
): Promise<readonly GateOutcome[]> {
  const archive = await ReceivingArchive.open(0);
  const isWeb = door === "STOW-RS";
  const gate = await Gate.open(examiner, {
    listeners: [isWeb ? webListener : plainListener],
    sources: [sourceOf({ mode, ...source })],
    destinations: [archiveAt(archive.port)],
    spoolBytesMax: 256 << 20,
  });
  try {
    const objects = cases.map(({ sent }) => sent);
    const answers = await (isWeb ? postObjects(gate.port, objects) : sendObjects(gate.port, objects));
    const acknowledged = answers.filter((answer) => answer === 0).length;
    await gate.seen("object-judged", acknowledged);
    const rows = await gate.rows();
    await gate.seen("delivered", rows.filter(({ state }) => state === "admitted").length);
    await gate.stopped();
    const left = [...rows];
    return cases.map(({ name, sent }, i) => {
      const answer = answers[i]!;
      const row = answer === 0 ? left.shift() : undefined;
      return { name, answer, row, inArchive: has(archive, sent.dataSet) };
    });
  } finally {
    await gate.end();
    await archive.close();
  }
}

/**
 * A part of STOW-RS names its object in its file meta information: where a data set does not begin behind it, or it names two, there is none. Elements
 * more in front are of that group, which goes no further.
 */
const asPart: ReadonlyMap<string, string> = new Map([
  ["malformed/generated/zero-length.dcm", "refused - -"],
  ["malformed/generated/magic-only.dcm", "refused - -"],
  ["nothing at all", "refused - -"],
  ["one byte", "refused - -"],
  ["another transfer syntax in front", "refused - -"],
  ["group 0002 in front", "verified delivered -"],
]);

/** It says the same over that door. */
export function isSameOver(door: Door, { name }: GateCase): boolean {
  return door === "C-STORE" || !asPart.has(name);
}

function has({ received }: ReceivingArchive, dataSet: Bytes): boolean {
  return received.some(({ bytes }) => equalBytes(bytes, dataSet));
}

/** One line: "altered held -", the last part "archive" where it arrived there. */
export function toldOutcome({ answer, row, inArchive }: GateOutcome): string {
  const where = inArchive ? "archive" : "-";
  if (answer === "no context") return `no context - ${where}`;
  if (answer !== 0) return `refused - ${where}`;
  return `${row?.verdict} ${row?.disposition} ${where}`;
}

/** What a verdict comes to in a mode (docs/gateway.md). */
export function expectedOutcome(one: GateCase, mode: Mode, door: Door): string {
  const { verdict, name } = one;
  if (!isSameOver(door, one)) return asPart.get(name)!;
  if (verdict === "no context" || verdict === "refused") return `${verdict} - -`;
  if (verdict.startsWith("verified")) return `${verdict} delivered archive`;
  if (verdict !== "unsealed" || mode === "enforce") return `${verdict} held -`;
  return `${verdict} ${mode === "warn" ? "delivered-with-notice" : "delivered"} archive`;
}
