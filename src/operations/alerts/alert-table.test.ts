import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../../../test/peers.ts";
import type { GatewayEvent } from "../event.ts";
import { alarmFacts } from "./alarm-facts.ts";
import type { Alert } from "./alert.ts";
import { jsonOf } from "./alert-message.ts";
import { alertOf, channelAlert } from "./alert-table.ts";

const id = "01900000-0000-7000-8000-000000000001";

function ringOf(event: GatewayEvent): Alert {
  const alert = alertOf(event);
  if (!alert || !("rings" in alert)) throw new Error("it does not ring");
  return alert.rings;
}

function held(source: string, codes: readonly string[], state = "held", object = id): GatewayEvent {
  return { kind: "object-judged", object, source, verdict: "altered", state, codes, ms: 1 };
}

describe("the table of alerts", () => {
  it("one bad modality is one group, whatever object and order of findings; another one is another", () => {
    const one = ringOf(held("ct1", ["pixels-changed", "attribute-changed"]));
    expect(one).toMatchObject({ alarm: "held", severity: "critical", count: 1, object: id });
    expect(one.what).toContain("ct1");
    const others = [
      held("ct1", ["attribute-changed", "pixels-changed"], "held", id.replace("1900", "1901")),
      held("ct1", ["pixels-changed", "pixels-changed", "attribute-changed"]),
    ];
    for (const other of others) expect(ringOf(other).key).toBe(one.key);
    for (const other of [
      held("ct2", ["pixels-changed", "attribute-changed"]),
      held("ct1", ["pixels-changed"]),
    ])
      expect(ringOf(other).key).not.toBe(one.key);
    expect(alertOf(held("ct1", [], "admitted"))).toBeUndefined();
  });

  it("counts what was not told one by one", () => {
    const peer = { listener: "plain", peerAddress: "10.0.0.9", peerTitle: "EVIL", why: "unknown peer" };
    const rung = ringOf({ kind: "association-rejected", ...peer, more: 41 });
    expect(rung).toMatchObject({ alarm: "strangers", count: 42, rule: { atLeast: 10 } });
    expect(JSON.stringify(rung)).not.toMatch(/EVIL|10\.0\.0\.9/);
    const refused = (why: string): Alert => ringOf({ kind: "object-refused", source: "ct1", status: 1, why });
    expect(refused("limit-depth").rule.atLeast).toBe(10);
    expect(refused("storage-full").rule.atLeast).toBe(1);
  });

  it("a delivery that is tried again wakes nobody, one that is given up does", () => {
    const failed = {
      kind: "delivery-failed",
      object: id,
      destination: "pacs",
      why: "x",
      retryInMs: 1,
    } as const;
    expect(alertOf({ ...failed, isDead: false })).toBeUndefined();
    expect(ringOf({ ...failed, isDead: true }).alarm).toBe("delivery-dead");
  });

  it("a destination that is back ends what rang when it was down; each emergency rings alone", () => {
    const down = ringOf({
      kind: "destination-down",
      destination: "pacs",
      why: "x",
      waiting: 3,
      retryInMs: 1,
    });
    expect(down).toMatchObject({ count: 0, rule: { afterMs: 300_000 } });
    const back = alertOf({ kind: "destination-back", destination: "pacs", waiting: 3, downMs: 1 });
    expect(back).toMatchObject({ ends: down.key });
    const emergency = (grant: string): Alert =>
      ringOf({ kind: "read-emergency", grant, reader: "ws", verdict: "altered" });
    expect(emergency(id).key).not.toBe(emergency(id.replace("0001", "0002")).key);
    expect(channelAlert("mail", true)).toMatchObject({ ends: "channel-dead mail" });
  });

  it("an archive that answers ends what rang while it did not; what it does not keep rings by itself", () => {
    const counts = { committed: 1, resent: 0, missing: 0 };
    const late = ringOf({ kind: "commitment-late", destination: "pacs", waiting: 4, asks: 3 });
    const answered = { kind: "commitment-reported", destination: "pacs", ...counts } as const;
    expect(alertOf({ ...answered, failed: 0 })).toMatchObject({ ends: late.key });
    expect(ringOf({ ...answered, failed: 2, object: id, reason: 0x0112 })).toMatchObject({
      ...{ alarm: "commitment-failed", count: 2, object: id },
    });
  });

  it("audit messages that are dropped are an alarm of their own", () => {
    const fault = { kind: "fault", where: "audit", code: "storage-full", why: "x" } as const;
    expect(ringOf(fault).alarm).toBe("audit-stopped");
    expect(ringOf({ ...fault, where: "judge" }).alarm).toBe("fault");
  });

  it("nothing that is not of its form gets into an alert, and no line break into any", () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.constantFrom("DOE^JOHN", "a\r\nBcc: x@y", "1.2.840.10008.1", "\u202e<script>", "x".repeat(100_000)),
    );
    const fields = fc.record({
      ...{ listener: hostile, peerAddress: hostile, peerTitle: hostile, why: hostile, association: hostile },
      ...{ source: hostile, object: hostile, verdict: hostile, codes: fc.array(hostile, { maxLength: 20 }) },
      ...{ destination: hostile, archive: hostile, code: hostile, grant: hostile, reader: hostile },
      ...{ where: hostile, state: fc.constant("held"), isDead: fc.constant(true), waiting: fc.double() },
      ...{ of: hostile, name: hostile, days: fc.double(), grants: fc.double() },
      ...{ failed: fc.double(), asks: fc.double() },
      ...{ more: fc.double(), freeBytes: fc.double(), neededBytes: fc.double(), status: fc.double() },
    });
    const kinds = fc.constantFrom(
      ...(["association-rejected", "object-refused", "object-judged", "delivery-failed"] as const),
      ...(["destination-down", "destination-back", "read-withheld", "read-missing", "read-failed"] as const),
      ...(["read-emergency", "read-unknown", "worker-ended", "disk-low", "fault"] as const),
      ...(["copy-damaged", "commitment-reported", "commitment-late"] as const),
      ...(["certificate-ending", "emergency-unreviewed"] as const),
    );
    fc.assert(
      fc.property(kinds, fields, (kind, given) => {
        const alert = alertOf({ kind, ...given } as unknown as GatewayEvent)!;
        const plain = /^[A-Za-z0-9 ._:;,()*"'%/-]*$/;
        expect(JSON.stringify(alert)).not.toMatch(/DOE|Bcc|script|1\.2\.840/);
        if ("ends" in alert) return void expect(alert.what).toMatch(plain);
        expect(alert.rings.what).toMatch(plain);
        expect(alert.rings.what.length).toBeLessThan(1500);
        expect(Number.isInteger(alert.rings.count)).toBe(true);
        const times = { since: 0, at: 1, total: 1, id, gate: "GATE", phase: "began" as const };
        const message = { ...alert.rings, ...times };
        const sent = JSON.parse(jsonOf(message));
        expect(sent).toMatchObject({ version: 1, alarm: alert.rings.alarm });
        expect(sent.text.split(/[\r\n\u2028]/).length).toBeLessThanOrEqual(7);
      }),
      { numRuns: 2000 },
    );
  });

  it("docs/alarms.md has each alarm: what happened, what it means, what to do first, whom to call", () => {
    const page = readFileSync(join(projectRoot, "docs", "alarms.md"), "utf8");
    const parts = new Map(page.split(/^## /m).map((part) => [part.split("\n")[0]!, part]));
    for (const alarm of Object.keys(alarmFacts)) {
      const part = parts.get(alarm) ?? "";
      for (const word of ["Happened", "Means", "First", "Call"]) expect(part, alarm).toContain(`**${word}**`);
    }
  });
});
