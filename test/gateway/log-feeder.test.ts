/** The gateway's feeder at a log that is slow and has no end: the gateway stops all the same. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { toBase64 } from "../../src/foundation/bytes.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { LogFeeder } from "../../src/site/gateway/log-feeder.ts";
import type { SiteHome } from "../../src/site/home.ts";
import { feedParts } from "../../src/site/provenance/feeding.ts";
import { queueStatement } from "../../src/site/provenance/log-feed.ts";
import { OpenedProvenance } from "../../src/site/provenance/opened-provenance.ts";
import { SiteLog } from "../../src/site/provenance/site-log.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-feeder-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("ends after the request that is under way, and tells no fault", async () => {
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  let tiles = 0;
  const hash = toBase64(new Uint8Array(32));
  const checkpoint = `slow.example\n${Number.MAX_SAFE_INTEGER}\n${hash}\n\n\u2014 slow.example ${hash}\n`;
  const server = createServer(async (request, response) => {
    if (request.url === "/checkpoint") return response.end(checkpoint);
    tiles++;
    asked.resolve();
    await answered.promise;
    return response.end(new Uint8Array(512));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const log = new SiteLog(folder);
  await log.create("ab".repeat(32));
  log.use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, log.policyText()!);
  const provenance = new OpenedProvenance(join(folder, "provenance.sqlite"), "made");
  const parts = feedParts((await provenance.journal())!);
  await queueStatement(parts, "act 1", { kind: "policy" }, "a change");
  await parts.journal.setTried(["act 1"], 0, 1);
  const home = { folder, log, ledger: () => ({ issued: [], revoked: [] }) } as unknown as SiteHome;
  const events: GatewayEvent[] = [];
  const feeder = new LogFeeder({
    home,
    provenance,
    journal: { records: async () => [] },
    events: (event) => events.push(event),
  });
  feeder.start();
  await asked.promise;
  const stopped = feeder.stop();
  answered.resolve();
  await stopped;
  expect(tiles).toBe(1);
  expect(events).toEqual([]);
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});
