import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { expect, it, onTestFinished } from "vitest";
import { AuditTrail } from "../../operations/audit/audit-trail.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { openSqliteJournal } from "../../store/journal/sqlite-journal.ts";
import { ActAudit } from "./act-audit.ts";

const at = Date.parse("2026-11-23T08:00:00Z");
const study = "1.2.840.113619.2.55.3.1";

async function place() {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-acts-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const journal = await openSqliteJournal(join(folder, "journal.sqlite"));
  onTestFinished(() => journal.close());
  let text = "";
  const server = createServer((socket) => {
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("end", () => socket.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const faults: GatewayEvent[] = [];
  const open = (): AuditTrail =>
    new AuditTrail(
      { target: { host: "127.0.0.1", port, transport: "tcp" }, queueBytesMax: 1 << 20 },
      {
        path: join(folder, "audit.sqlite"),
        title: "GATE",
        host: "gate",
        processId: 1,
        clock: { now: () => at },
        faults: (event) => void faults.push(event),
      },
    );
  const act = (name: string, actor: string, subject: string, more: { at?: number; detail?: object } = {}) =>
    journal.addRecord({
      id: newId(),
      at: more.at ?? at,
      actor,
      act: name,
      subject,
      detail: { ...more.detail },
    });
  const parts = { journal, events: (event: GatewayEvent) => void faults.push(event) };
  return { open, act, parts, journal, faults, sent: () => text };
}

const times = (text: string, part: string): number => text.split(part).length - 1;

it("what operators did while no gate ran is audited when it runs, once, and without what they typed", async () => {
  const { open, act, parts, sent, faults } = await place();
  const request = newId();
  await act("operator.added", "anna", "ben");
  await act("quarantine.release.requested", "anna", request, {
    detail: { reason: "DOE^JANE is waiting", objects: 3 },
  });
  await act("emergency.opened", "ben", study, { detail: { reader: "ward", reason: "DOE^JANE", until: 5 } });
  await act("operator.refused", "gateway", "anna", {
    detail: { why: "wrong-passphrase", command: "quarantine release" },
  });
  await act("object.refused", "gateway", "ct1");
  for (const _ of ["first start", "second start"]) {
    const trail = open();
    const audit = new ActAudit(trail, parts);
    await audit.look();
    await audit.stop();
    await trail.stop();
  }
  expect(faults).toEqual([]);
  for (const part of [
    "operator.added",
    "quarantine.release.requested",
    "emergency.opened",
    "operator.refused",
  ])
    expect([part, times(sent(), `<EventOutcomeDescription>${part}`)]).toEqual([part, 1]);
  expect(sent()).toMatch(/110137.*110135.*110127.*110114.*110122/s);
  expect(sent()).toContain('UserID="ben" UserIsRequestor="true"');
  expect(sent()).not.toMatch(/DOE|JANE|1\.2\.840|object\.refused/);
});

it("acts are audited that come late, with a clock that was set back, and in hundreds", async () => {
  const { open, act, parts, sent } = await place();
  const trail = open();
  const audit = new ActAudit(trail, parts);
  for (let i = 0; i < 501; i++) await act("deliveries.retried", "anna", "pacs", { at: at + i });
  await audit.look();
  await act("source.mode.changed", "anna", "ct1", { at: at - 3_600_000 });
  await audit.look();
  await audit.stop();
  await trail.stop();
  expect(times(sent(), "<EventOutcomeDescription>deliveries.retried")).toBe(501);
  expect(times(sent(), "<EventOutcomeDescription>source.mode.changed")).toBe(1);
});

it("acts that the journal cannot give, or a full disk does not take, are told once and audited later", async () => {
  const { open, act, parts, sent, faults } = await place();
  await act("operator.removed", "anna", "ben");
  const trail = open();
  let isFull = true;
  const full = {
    actsSince: 0,
    takeActs: (acts: Parameters<AuditTrail["takeActs"]>[0]) => {
      if (isFull) throw new Error("database or disk is full");
      trail.takeActs(acts);
    },
  };
  const audit = new ActAudit(full, parts);
  await audit.look();
  await audit.look();
  expect(faults).toMatchObject([{ kind: "fault", where: "audit" }]);
  isFull = false;
  await audit.stop();
  await trail.stop();
  expect(times(sent(), "<EventOutcomeDescription>operator.removed")).toBe(1);
});
