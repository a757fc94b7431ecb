/** How deliveries of one destination end, in the journal and in events: delivered, failed, or given back as they were. */
import type { ActRecord, Delivery, JudgedObject, Lease } from "../../store/journal/journal.ts";
import { told } from "./fault-words.ts";
import type { GatewayPorts } from "./ports.ts";
import { type Failure, failureOf, retryIn } from "./retry.ts";
import type { GatewayLimits } from "./settings.ts";

export type DueDelivery = Lease<{ readonly delivery: Delivery; readonly object: JudgedObject }>;

/** The archive has it; the journal does not know yet. */
export interface Sent {
  readonly lease: DueDelivery;
  readonly startedAt: number;
  readonly sentAt: number;
}

export interface EndParts {
  readonly limits: () => GatewayLimits;
  readonly onDelivered: (object: JudgedObject) => Promise<void>;
  /** It is still due: its bytes may move to the object store. */
  readonly onFailed: (object: JudgedObject) => void;
}

export class DeliveryEnds {
  /** By delivery the newest fence of what is claimed and has not ended: what a second worker claims meanwhile stays the first one's. */
  readonly claimed: Map<string, number> = new Map<string, number>();
  /** The journal failed: it may have leases of ours that we do not know of. */
  hasLost = false;
  readonly #destination: string;
  readonly #ports: GatewayPorts;
  readonly #parts: EndParts;

  constructor(destination: string, ports: GatewayPorts, parts: EndParts) {
    this.#destination = destination;
    this.#ports = ports;
    this.#parts = parts;
  }

  /** @returns the fence to end it with */
  endOf({ work, fence }: DueDelivery): number {
    const { id } = work.delivery;
    const newest = this.claimed.get(id) ?? fence;
    this.claimed.delete(id);
    return newest;
  }

  /** Empties the list. Never throws. */
  async writeDown(sent: Sent[]): Promise<void> {
    await Promise.all(
      sent.splice(0).map((one) =>
        // The lease is given back, and the delivery is repeated.
        this.#complete(one).catch((error: unknown) => {
          this.hasLost = true;
          this.#ports.events({ kind: "fault", where: "delivery", ...told(error) });
        }),
      ),
    );
  }

  async #complete({ lease, startedAt, sentAt }: Sent): Promise<void> {
    const { journal, events } = this.#ports;
    const { delivery, object } = lease.work;
    if (!(await journal.completeDelivery(delivery.id, this.endOf(lease), sentAt))) return;
    events({
      kind: "delivered",
      object: object.id,
      destination: this.#destination,
      bytes: object.bytes,
      ms: sentAt - startedAt,
    });
    await this.#parts.onDelivered(object);
  }

  async fail(lease: DueDelivery, failure: Failure): Promise<void> {
    const { journal, clock, events, random } = this.#ports;
    const { attempt, work } = lease;
    const { delivery, object } = work;
    const fence = this.endOf(lease);
    const now = clock.now();
    const tried = { createdAt: delivery.createdAt, attempts: attempt };
    const retryInMs = retryIn(failure, tried, this.#parts.limits(), now, random());
    const nextAt = retryInMs === undefined ? undefined : now + retryInMs;
    try {
      if (!(await journal.failDelivery(delivery.id, fence, failure.why, nextAt))) return;
    } catch (error) {
      this.hasLost = true;
      events({ kind: "fault", where: "deliveries", ...told(error) });
      return;
    }
    events({
      kind: "delivery-failed",
      object: object.id,
      destination: this.#destination,
      why: failure.why,
      isDead: retryInMs === undefined,
      retryInMs,
    });
    if (failure.kind !== "final") this.#parts.onFailed(object);
  }

  /** They were not tried: due as they were. */
  async giveBack(leases: readonly DueDelivery[], why: string): Promise<void> {
    for (const lease of leases) {
      const { delivery, object } = lease.work;
      try {
        await this.#ports.journal.returnDelivery(delivery.id, this.endOf(lease), why);
      } catch (error) {
        this.hasLost = true;
        this.#ports.events({ kind: "fault", where: "deliveries", ...told(error) });
      }
      this.#parts.onFailed(object);
    }
  }

  /** @param status the archive's answer @returns undefined where it has the object */
  async judgeAnswer(status: number, { objectId }: Delivery): Promise<Failure | undefined> {
    const failure = failureOf(status);
    if (!failure && status !== 0)
      await this.#ports.journal.addRecord(
        this.#recordOf("object.delivered-with-warning", objectId, { status }),
      );
    return failure;
  }

  async reportChanged({ id }: JudgedObject): Promise<void> {
    const why = "the kept bytes of an object are not those that were judged; nothing was delivered";
    this.#ports.events({ kind: "fault", where: "delivery", code: "internal", why });
    await this.#ports.journal.reportDamage(this.#recordOf("object.bytes-changed", id, {}));
  }

  #recordOf(act: string, subject: string, detail: ActRecord["detail"]): ActRecord {
    const { newId, clock } = this.#ports;
    const named = { ...detail, destination: this.#destination };
    return { id: newId(), at: clock.now(), actor: "gateway", act, subject, detail: named };
  }
}
