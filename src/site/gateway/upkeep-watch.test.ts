import { describe, expect, it } from "vitest";
import { ScansealError } from "../../foundation/errors.ts";
import { AlertGroups } from "../../operations/alerts/alert-groups.ts";
import { alertOf } from "../../operations/alerts/alert-table.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { UpkeepWatch } from "./upkeep-watch.ts";

const dayMs = 86_400_000;
const start = Date.parse("2026-11-23T03:00:00Z");

interface Place {
  now: number;
  disk: { readonly freeBytes: number; readonly neededBytes: number };
  readonly events: GatewayEvent[];
  readonly watch: UpkeepWatch;
}

type Records = Awaited<ReturnType<ConstructorParameters<typeof UpkeepWatch>[0]["journal"]["records"]>>;

function place(ends: () => { of: string; name: string; endsAt: number }[], records: Records = []): Place {
  const events: GatewayEvent[] = [];
  const made: Place = {
    now: start,
    disk: { freeBytes: 2, neededBytes: 1 },
    events,
    watch: new UpkeepWatch({
      ends,
      disk: async () => made.disk,
      journal: {
        records: async ({ actsLike = [] }) => records.filter(({ act }) => actsLike.includes(act)),
      },
      clock: { now: () => made.now },
      events: (event) => events.push(event),
    }),
  };
  return made;
}

describe("upkeep", () => {
  it("a certificate rings at 60, 30 and 7 days and when it ended, once each, until it is renewed", async () => {
    let endsAt = start + 70 * dayMs;
    const site = place(() => [
      { of: "device", name: "CT1", endsAt },
      { of: "listener", name: "secure", endsAt: start + 900 * dayMs },
    ]);
    const groups = new AlertGroups([], start);
    const told: string[] = [];
    for (let half = 0; half < 160; half++) {
      site.now = start + (half * dayMs) / 2;
      if (half === 150) endsAt = start + 800 * dayMs;
      site.events.length = 0;
      // Every ten minutes.
      for (let look = 0; look < 72; look++) await site.watch.look();
      for (const event of site.events) {
        const alert = alertOf(event);
        if (alert && "rings" in alert)
          for (const { phase, what, severity } of groups.add(alert.rings, site.now))
            told.push(`${half / 2} ${phase} ${severity}: ${what}`);
      }
      for (const { phase } of groups.due(site.now)) told.push(`${half / 2} ${phase}`);
    }
    expect(told).toEqual([
      "10 began notice: the certificate of device CT1 ends in 60 days",
      "39.5 began notice: the certificate of device CT1 ends in 30 days",
      "62.5 began notice: the certificate of device CT1 ends in 7 days",
      "70.5 began warning: the certificate of device CT1 has ended",
      "77.5 quiet",
    ]);
  });

  it("emergencies that nobody reviewed are told the day after they were over", async () => {
    const record = (act: string, id: string, subject: string, until = start): Records[number] => ({
      ...{ id, at: start - 1000, actor: "ada", act, subject },
      detail: { reader: "ws", reason: "trauma", until },
    });
    const opened = ["a", "b", "c"].map((id) => record("emergency.opened", id, "1.2.3"));
    const site = place(() => [], [...opened, record("emergency.reviewed", "r", "b")]);
    site.now = start + dayMs - 1;
    await site.watch.look();
    expect(site.events).toEqual([]);
    site.now = start + dayMs;
    for (let look = 0; look < 72; look++) await site.watch.look();
    expect(site.events).toEqual([{ kind: "emergency-unreviewed", grants: 2 }]);
  });

  it("a disk that fills is told every ten minutes, and is one alarm", async () => {
    const site = place(() => []);
    site.disk = { freeBytes: 1 << 20, neededBytes: 128 << 20 };
    const groups = new AlertGroups([], start);
    const told: string[] = [];
    for (let look = 0; look < 30; look++) {
      site.events.length = 0;
      site.now += 600_000;
      if (look === 20) site.disk = { freeBytes: 1 << 30, neededBytes: 128 << 20 };
      await site.watch.look();
      for (const event of site.events) {
        const alert = alertOf(event);
        if (alert && "rings" in alert)
          told.push(...groups.add(alert.rings, site.now).map(({ what }) => what));
      }
      told.push(...groups.due(site.now).map(({ phase }) => phase));
    }
    expect(told).toEqual(["the data folder's disk has 1 MiB free, and needs 128", "quiet"]);
  });

  it("files that cannot be read are a fault, and the rest is looked at nevertheless", async () => {
    const site = place(() => {
      throw new ScansealError("io", "the ledger cannot be read");
    });
    for (let look = 0; look < 300; look++) await site.watch.look();
    expect(site.events).toEqual([
      { kind: "fault", where: "certificates", code: "io", why: "the ledger cannot be read" },
    ]);
  });
});
