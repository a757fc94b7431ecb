/** SIGTERM in the middle of work: what is under way is finished or left, what was acknowledged is all there, and the next start goes on. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import { startDimseServer } from "../../src/dicom-network/dimse/server.ts";
import { encodeIdentifier } from "../../src/dicom-network/query/identifier.ts";
import { newState, writeSweepState } from "../../src/site/sweep/sweep-state.ts";
import { MemoryArchive } from "../dicom-network/memory-archive.ts";
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

it("ends while an archive lists studies to its sweep and comes to no end", { timeout: 60_000 }, async () => {
  const provider = new MemoryArchive([]);
  let asked = 0;
  provider.find = async function* ({ transferSyntaxUid }) {
    for (; ; asked++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const uid = textElement(tags.studyInstanceUid, "UI", `2.25.${asked}`);
      yield { dataSet: encodeIdentifier([uid], transferSyntaxUid) };
    }
  };
  const archive = await startDimseServer({ host: "127.0.0.1", port: 0 }, provider);
  const sections = {
    reading: { archive: { host: "127.0.0.1", port: archive.port, aeTitle: "ARCHIVE" }, readers: [] },
    sweep: { at: "01:00" },
  };
  const run = await CrashSite.open(site, { program: programs.source, hasArchive: false, sections });
  try {
    mkdirSync(join(run.data, "sweep"), { recursive: true, mode: 0o700 });
    const weekAgo = newState(`ARCHIVE@127.0.0.1:${archive.port}`, Date.now() - 7 * 86_400_000);
    writeSweepState(join(run.data, "sweep", "scheduled.json"), { ...weekAgo, endedAt: weekAgo.startedAt });
    await run.start();
    await expect.poll(() => asked, { timeout: 20_000 }).toBeGreaterThan(10);
    expect(await run.gateway.end("SIGTERM")).toBe(0);
  } finally {
    await run.kill();
    run.remove();
    await archive.close();
  }
});
