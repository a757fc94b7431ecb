/** What is scheduled on a modality, asked of a worklist server (PS3.4 annex K), order by order. */
import { explicitLittleEndianUid, implicitLittleEndianUid } from "../../../dicom/transfer-syntax.ts";
import { connectDimse, type DimseClient } from "../../../dicom-network/dimse/client.ts";
import { modalityWorklistClass } from "../../../dicom-network/dimse/sop-classes.ts";
import type { QueryKey } from "../../../dicom-network/query/query.ts";
import type { Clock } from "../../../foundation/crypto.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { WorklistServerSettings } from "../../../zero-trust/gateway/settings.ts";
import { type Order, orderIn } from "./worklist-folder.ts";

/** The scanner's images wait meanwhile: on a hospital's network an answer takes some milliseconds. */
const connectMs = 5_000;
const answerMs = 15_000;
/** A server that did not answer is left alone for a moment: each image of a series would wait for it. */
const restMs = 10_000;
/** Items of one patient. */
const itemsMax = 1_000;

export class WorklistServer {
  readonly #settings: WorklistServerSettings;
  readonly #clock: Clock;
  #away: { readonly error: unknown; readonly since: number } | undefined;

  constructor(settings: WorklistServerSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** @throws ScansealError `network`, `timeout`, `peer-*` where it cannot be asked; `limit-elements` for an answer without end */
  async has(order: Order): Promise<boolean> {
    const now = this.#clock.now();
    if (this.#away && Math.abs(now - this.#away.since) < restMs) throw this.#away.error;
    try {
      const isThere = await this.#ask(order);
      this.#away = undefined;
      return isThere;
    } catch (error) {
      this.#away = { error, since: this.#clock.now() };
      throw error;
    }
  }

  async #ask(order: Order): Promise<boolean> {
    const { host, port, tls, aeTitle, callingAeTitle } = this.#settings;
    const syntaxes = [explicitLittleEndianUid, implicitLittleEndianUid];
    const client = await connectDimse({
      ...{ host, port, tls, callingAeTitle, calledAeTitle: aeTitle, connectMs },
      contexts: [{ id: 1, abstractSyntax: modalityWorklistClass, transferSyntaxes: syntaxes }],
    });
    const timer = setTimeout(() => client.abort("the worklist takes too long"), answerMs);
    try {
      return await isAmong(client, order);
    } finally {
      clearTimeout(timer);
      if (client.isOpen) await client.release().catch(() => undefined);
    }
  }
}

/** Patient ID is what every server matches (PS3.4 table K.6-1); of the rest nothing is left to it. */
async function isAmong(client: DimseClient, { patientId, accession }: Order): Promise<boolean> {
  let items = 0;
  for await (const { elements } of client.findWorklist(keysFor(patientId))) {
    const item = orderIn(elements);
    if (item?.patientId === patientId && item.accession === accession) return true;
    if (++items === itemsMax)
      throw new ScansealError(
        "limit-elements",
        `the worklist has more than ${itemsMax} items of one patient`,
      );
  }
  return false;
}

/** What is universal is returned (PS3.4 K.4.1.1.3.2); some servers answer nothing without a scheduled step. */
function keysFor(patientId: string): readonly QueryKey[] {
  const universal = [
    [0x00080050],
    [0x00100010],
    [0x00400100, 0x00080060],
    [0x00400100, 0x00400001],
    [0x00400100, 0x00400002],
    [0x00400100, 0x00400003],
  ];
  return [
    { path: [0x00100020], match: { kind: "single", value: patientId } },
    ...universal.map((path) => ({ path, match: { kind: "universal" } as const })),
  ];
}
