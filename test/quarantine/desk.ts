/** People at the desk of a quarantine of their own, fresh for each test. */
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import type { QuarantineRequest } from "../../src/store/journal/requests.ts";
import {
  type Approval,
  type Approver,
  approve,
  type ReadersAsked,
  requestPurge,
  requestReading,
  requestRelease,
} from "../../src/zero-trust/quarantine/decisions.ts";
import type { Place, QuarantinePorts } from "../../src/zero-trust/quarantine/ports.ts";
import { addHeld, type HeldOptions, openTestQuarantine, type TestQuarantine } from "./held-objects.ts";

export const reading: Place = { name: "reading", takes: "released" };
export const archive: Place = { name: "archive", takes: "admitted" };
export const reader = "ward";
export const reason = "a second opinion is wanted";
export const usage: unknown = expect.objectContaining({ code: "usage" });

class TestDesk {
  readonly place: TestQuarantine;
  #made = 0;

  constructor(place: TestQuarantine) {
    this.place = place;
  }

  get ports(): QuarantinePorts {
    return this.place.ports;
  }

  get journal(): QuarantinePorts["journal"] {
    return this.place.ports.journal;
  }

  /** Different bytes each time, unless told. */
  hold(options: Partial<HeldOptions> = {}): Promise<JudgedObject> {
    const bytes = new Uint8Array(1_000).fill(++this.#made);
    const sopInstanceUid = `2.25.${this.#made}`;
    return addHeld(this.ports, { bytes, verdict: "unsealed", sopInstanceUid, ...options });
  }

  /** By anna. */
  askRelease(
    objects: readonly JudgedObject[],
    to: Place = reading,
    confirmed: readonly string[] = [],
  ): Promise<QuarantineRequest> {
    return requestRelease(this.ports, objects, { by: "anna", reason, to, confirmed });
  }

  /** By anna, for an hour. */
  askReading(objects: readonly JudgedObject[], more: Partial<ReadersAsked> = {}): Promise<QuarantineRequest> {
    const asked = { readers: [reader], ms: 3_600_000, confirmed: [], ...more };
    return requestReading(this.ports, objects, { by: "anna", reason, ...asked }, [reader, "office"]);
  }

  /** By anna. */
  askPurge(objects: readonly JudgedObject[]): Promise<QuarantineRequest> {
    return requestPurge(this.ports, objects, { by: "anna", reason });
  }

  approveAs(by: string, { id }: QuarantineRequest, more: Partial<Approver> = {}): Promise<Approval> {
    const approver = {
      by,
      confirmed: [],
      places: [archive, reading],
      readers: [reader],
      isOperator: () => true,
      ...more,
    };
    return approve(this.ports, id, approver);
  }

  async stateOf({ id }: JudgedObject): Promise<string | undefined> {
    return (await this.journal.object(id))?.state;
  }

  /** Oldest first. */
  async actsOn(subject: string): Promise<string[]> {
    const records = await this.journal.records({ subject, limit: 1_000 });
    return records.map(({ actor, act }) => `${actor} ${act}`).reverse();
  }

  fileOf({ digest }: JudgedObject): string {
    return join(this.place.folder, "data", "objects", digest.slice(0, 2), digest.slice(2, 4), digest);
  }
}

/** @returns the desk of the test that runs */
export function testDesk(): () => TestDesk {
  let desk: TestDesk | undefined;
  beforeEach(async () => {
    desk = new TestDesk(await openTestQuarantine());
  });
  afterEach(() => desk?.place.close());
  return () => desk!;
}
