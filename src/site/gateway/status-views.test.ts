/** What the status service says of a gateway: with a real journal, and a gateway that says what it is told. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { archiveAt, plainListener } from "../../../test/gateway/gate.ts";
import { admitting, decided, held, holding, judged, received } from "../../../test/store/journal-fixture.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { OpenCommitments } from "../../store/journal/commitments.ts";
import type { Journal } from "../../store/journal/journal.ts";
import { openSqliteJournal } from "../../store/journal/sqlite-journal.ts";
import { renderStatusPage } from "../../web-api/page/status-page.ts";
import type { Gateway, GatewayStatus } from "../../zero-trust/gateway/gateway.ts";
import type { GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import type { CertificateEnd } from "../commissioning/certificate-ends.ts";
import { RecentObjects } from "./recent-objects.ts";
import { type ObservedGateway, readinessView, readingsOf, statusView } from "./status-views.ts";

let folder: string;
let journal: Journal;
let isListening = true;
let status: GatewayStatus;
let storage: string | undefined;
let ends: readonly CertificateEnd[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-status-"));
  journal = await openSqliteJournal(join(folder, "journal.db"));
  isListening = true;
  storage = undefined;
  const nothing = { associations: 0, rowsWaiting: 0, judging: 0, sending: 0, destinations: [] };
  status = { ...nothing, phase: "running", spool: { bytes: 1, records: 1, bytesMax: 100 } };
});
afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

let open: readonly OpenCommitments[] = [];

function observed(destinations: readonly string[] = []): ObservedGateway {
  const listener = { name: "plain", address: "127.0.0.1", port: 11112, isTls: false };
  const gateway = {
    listeners: [
      {
        ...listener,
        get isListening() {
          return isListening;
        },
        close: async () => undefined,
      },
    ],
    status: () => status,
    storageProblem: async () => storage,
  } as unknown as Gateway;
  const settings: GatewaySettings = {
    aeTitle: "GATE",
    listeners: [plainListener],
    sources: [],
    destinations: destinations.map((name) => archiveAt(104, { name })),
    limits: {} as GatewaySettings["limits"],
  };
  const recent = new RecentObjects();
  return {
    version: "1",
    startedAt: 0,
    clock: systemClock,
    journal,
    commitments: { open: async () => open },
    gateway,
    settings: () => settings,
    recent,
    certificates: () => ends,
  };
}

it("shows what archives have and do not commit to, those that were removed too", async () => {
  open = [
    { destination: "archive", waits: 3, failed: 1, oldestAt: 5 },
    { destination: "gone", waits: 2, failed: 0, oldestAt: 5 },
  ];
  const { destinations } = await statusView(observed(["archive", "other"]));
  expect(destinations.map(({ name, uncommitted }) => [name, uncommitted])).toEqual([
    ["archive", { waits: 3, failed: 1 }],
    ["other", undefined],
    ["gone", { waits: 2, failed: 0 }],
  ]);
  expect((await readingsOf(observed(), await journal.counts())).commitments).toEqual(open);
  open = [];
});

it("certificates that end within 60 days are shown, all of them measured; an end alone makes nothing unready", async () => {
  const day = 86_400_000;
  const inDays = (days: number): number => systemClock.now() + days * day + 1_000;
  ends = [
    { of: "device", name: "CT1", endsAt: inDays(59) },
    { of: "listener", name: "secure", endsAt: inDays(-2) },
    { of: "authority", name: "Site", endsAt: inDays(61) },
  ];
  const { certificates } = await statusView(observed());
  expect(certificates).toMatchObject([
    { of: "device", name: "CT1", daysLeft: 59 },
    { of: "listener", name: "secure", daysLeft: -2 },
  ]);
  expect((await readingsOf(observed(), await journal.counts())).certificates).toEqual(ends);
  expect((await readinessView(observed())).ready).toBe(true);
  const page = renderStatusPage(
    await statusView(observed()),
    { ready: true, problems: [] },
    systemClock.now(),
  );
  expect(page).toMatch(
    /<h2>Certificates<\/h2>[\s\S]*listener <bdi>secure<\/bdi>[\s\S]*ended[\s\S]*CT1[\s\S]*59 days/,
  );
  ends = [];
  expect(renderStatusPage(await statusView(observed()), { ready: true, problems: [] }, 0)).not.toContain(
    "Certificates",
  );
});

it("is ready when everything is, and says what is not", async () => {
  const problems = async () => (await readinessView(observed())).problems;
  expect(await readinessView(observed())).toEqual({ ready: true, problems: [] });
  // Full to the brim, but for what makes it refuse: only that counts.
  status = { ...status, spool: { bytes: 99, records: 1, bytesMax: 100 } };
  expect(await problems()).toEqual([]);
  storage = "the disk takes no object: full";
  expect(await problems()).toEqual([storage]);
  expect(await readingsOf(observed(), await journal.counts())).toMatchObject({ spool: { isRefusing: true } });
  isListening = false;
  expect(await problems()).toEqual(["the listener plain is down", storage]);
  await journal.close();
  expect(await problems()).toContain("the journal does not answer");
  status = { ...status, phase: "draining" };
  expect(await problems()).toContain("the gateway is draining");
  expect(await readinessView(observed())).toMatchObject({ ready: false });
});

it("a destination that cannot be reached is told with the reason and the next try; scans are taken", async () => {
  const why = "network: no connection to archive: ECONNREFUSED";
  const outage = { since: 1_000, why, nextTryAt: 61_000 };
  status = { ...status, destinations: [{ name: "archive", outage }] };
  expect(await readinessView(observed(["archive"]))).toEqual({
    ready: true,
    problems: [],
    warnings: [`archive cannot be reached (${why}), next try at 1970-01-01T00:01:01.000Z`],
  });
  const { destinations } = await statusView(observed(["archive", "other"]));
  expect(destinations).toMatchObject([
    {
      name: "archive",
      outage: { since: "1970-01-01T00:00:01.000Z", why, nextTryAt: "1970-01-01T00:01:01.000Z" },
    },
    { name: "other" },
  ]);
  const readings = await readingsOf(observed(["archive"]), await journal.counts());
  expect(readings.destinations).toEqual([{ name: "archive", isReached: false }]);
});

it("gives each held study the sentence of its gravest verdict", async () => {
  const finding = holding.findings[0]!;
  const study = { studyInstanceUid: "2.25.1" };
  await judged(journal, received(study), {
    ...holding,
    verdict: "unsealed",
    findings: [{ ...finding, severity: "warning", message: "Not sealed." }],
  });
  await held(journal, study);
  await judged(journal, received({ studyInstanceUid: "2.25.2" }), {
    ...holding,
    verdict: "verified",
    findings: [
      { ...finding, severity: "info", message: "A detail." },
      { ...finding, message: "Another object was admitted first." },
    ],
  });
  await judged(journal, received({ studyInstanceUid: "2.25.3" }), { ...holding, findings: [] });
  const { held: views } = await statusView(observed());
  const told = views.map(({ studyInstanceUid, message }) => [studyInstanceUid, message]);
  expect(new Map(told as [string, string | undefined][])).toEqual(
    new Map([
      ["2.25.1", "Changed after capture; do not rely on it."],
      ["2.25.2", "Another object was admitted first."],
      ["2.25.3", undefined],
    ]),
  );
  expect(Object.keys(views[0]!)).not.toContain("samples");
});

it("shows what waits for destinations, those that were removed too, and since when", async () => {
  await judged(journal, received(), { ...admitting, judgedAt: 60_000 }, ["pacs", "old"]);
  await judged(journal, received(), { ...admitting, judgedAt: 70_000 }, ["pacs"]);
  const view = await statusView(observed(["pacs", "new"]));
  expect(view.oldestDueAt).toBe("1970-01-01T00:01:00.000Z");
  expect(view.destinations).toEqual([
    { name: "pacs", takes: "admitted", due: 2, dead: 0 },
    { name: "new", takes: "admitted", due: 0, dead: 0 },
    { name: "old", takes: "nothing", isRemoved: true, due: 1, dead: 0 },
  ]);
  await journal.redirectDeliveries("old", "new", 80_000, {
    ...{ id: "1", at: 80_000, actor: "ann", act: "deliveries.redirected", subject: "old", detail: {} },
  });
  const after = await statusView(observed(["pacs", "new"]));
  expect(after.destinations.map(({ name, due }) => [name, due])).toEqual([
    ["pacs", 2],
    ["new", 1],
  ]);
});

it("says what was released, and what a passed object waits for", async () => {
  const object = await held(journal, { studyInstanceUid: "2.25.1" });
  await held(journal, { studyInstanceUid: "2.25.1" });
  const view = async () => statusView(observed(["pacs"]));
  expect((await view()).released).toBe(0);
  await decided(journal, "release", [object.id]);
  expect(await view()).toMatchObject({ released: 1, held: [{ objects: 2, released: 1 }] });

  const seen = observed(["pacs"]);
  const passed = received();
  await judged(journal, passed, admitting, ["pacs"]);
  const told = { source: "ct", verdict: "verified", state: "admitted", codes: [], ms: 1 };
  seen.recent.sink({ kind: "object-judged", object: passed.id, ...told });
  expect((await statusView(seen)).recent).toMatchObject([{ id: passed.id, waitsFor: ["pacs"] }]);
  const now = systemClock.now();
  const [lease] = await journal.claimDeliveries("worker", "pacs", 1, 60_000, now);
  await journal.completeDelivery(lease!.work.delivery.id, lease!.fence, now);
  expect((await statusView(seen)).recent).toMatchObject([{ id: passed.id, waitsFor: [] }]);
});
