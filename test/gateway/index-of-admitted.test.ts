/** From the network to the index: what the gate admits is there with its seal, what it holds is not. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/platform/node/crypto.ts";
import { WorkerExaminer } from "../../src/site/gateway/examiner.ts";
import { fillIndex } from "../../src/site/gateway/index-filler.ts";
import { TrustWatch } from "../../src/site/gateway/trust-watch.ts";
import { openSqliteIndexedJournal } from "../../src/store/index/indexed-journal.ts";
import { sampleFile } from "../cli/scanseal-process.ts";
import { all, queryFor, textOf } from "../store/index-fixture.ts";
import { Gate, gateTitle, sourceOf } from "./gate.ts";
import { sendAll } from "./network.ts";
import { makeSealedSite, type SealedSite } from "./sealed-site.ts";

let site: SealedSite;
let examiner: WorkerExaminer;
beforeAll(async () => {
  site = await makeSealedSite();
  const trust = new TrustWatch(site.home, systemClock, () => undefined);
  examiner = new WorkerExaminer({
    trust,
    clock: systemClock,
    events: () => undefined,
    evidenceMs: 60_000,
    width: 1,
  });
  await examiner.start();
});
afterAll(async () => {
  await examiner.close();
  site.remove();
});

it("sealed, unsealed and altered objects of one sending", async () => {
  const sealed = readFileSync(await site.seal(site.write("one.dcm", sampleFile("2.25.1"))));
  const altered = Buffer.from(sealed);
  // Its pixel data are last.
  altered[altered.length - 1]! ^= 1;
  let told = 0;
  const gate = await Gate.open(examiner, {
    sources: [sourceOf({ name: "ct", mode: "observe", aeTitles: [] })],
    onToIndex: () => void told++,
  });
  try {
    const files = [new Uint8Array(altered), sampleFile("2.25.2"), new Uint8Array(sealed)];
    await sendAll(gate.port, files, { calledAeTitle: gateTitle });
    await gate.seen("object-judged", 3);
    await gate.stop();
    expect(told).toBe(2);
    const stores = await openSqliteIndexedJournal(join(gate.folder, "journal.sqlite"));
    try {
      const rows = await stores.journal.objects({ limit: 10 });
      expect(rows.map(({ state }) => state).sort()).toEqual(["admitted", "admitted", "held"]);
      const openKept = async (): Promise<undefined> => undefined;
      expect(await fillIndex({ ...stores, openKept })).toEqual({ indexed: 2, failed: 0 });
      const [study] = await all(stores.index.search(queryFor("STUDY", [])));
      const entries = await all(stores.index.instancesOf({ studyInstanceUid: textOf(study!, "0020000D") }));
      const of = (uid: string) => entries.find(({ sopInstanceUid }) => sopInstanceUid === uid)!;
      expect(entries).toHaveLength(2);
      const admitted = await stores.journal.admittedInstance("2.25.1");
      expect(of("2.25.1")).toMatchObject({
        verdict: "verified",
        basis: "verified",
        objectId: admitted!.objectId,
        digest: admitted!.digest,
        payloadDigest: admitted!.payloadDigest,
      });
      expect(admitted!.payloadDigest).toMatch(/^[0-9a-f]{64}$/);
      expect(of("2.25.2")).toMatchObject({
        verdict: "unsealed",
        basis: "observed",
        payloadDigest: undefined,
      });
    } finally {
      await stores.journal.close();
    }
  } finally {
    rmSync(gate.folder, { recursive: true, force: true });
  }
});
