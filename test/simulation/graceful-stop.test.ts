/** SIGTERM in the middle of a transfer: what is under way is finished, what was acknowledged is all there, and the next start goes on. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { SeededRandom } from "../evaluation/seeded-random.ts";
import { makeSealedSite, type SealedSite } from "../gateway/sealed-site.ts";
import { type CrashLoad, makeLoad } from "./crash-objects.ts";
import { CrashSender } from "./crash-sender.ts";
import { CrashSite, crashTitle, programs } from "./crash-site.ts";

const objects = 40;
let site: SealedSite;
let load: CrashLoad;

beforeAll(async () => {
  site = await makeSealedSite();
  load = await makeLoad(site, objects, new SeededRandom("graceful stop"));
});
afterAll(() => site.remove());

it("drains, and nothing is lost", { timeout: 300_000 }, async () => {
  const run = await CrashSite.open(site, { program: programs.source, hasArchive: true });
  try {
    await run.start();
    const sender = new CrashSender(load, 2, crashTitle);
    const sending = sender.send(run.port);
    await sender.tried(objects / 4, sending);
    expect(await run.gateway.end("SIGTERM")).toBe(0);
    await sending;
    const before = sender.acknowledged.length;
    expect(before).toBeGreaterThan(0);
    await run.startGateway();
    await sender.send(run.port);
    expect(sender.left).toBe(0);
    await run.settled(sender.acknowledged.length);
    expect(await run.gateway.end("SIGTERM")).toBe(0);
    const found = await run.audit(sender);
    expect(found).toMatchObject({ lost: 0, duplicates: 0, unverified: 0, unchecked: 0, faults: [] });
    expect(found.acknowledged).toBeGreaterThan(before);
  } finally {
    await run.kill();
    run.remove();
  }
});
