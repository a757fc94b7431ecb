/** Lossless operations of other software on received objects raise no alarm, as they raise none on sealed ones. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { operations } from "../evaluation/benign-operations.ts";
import { corpusBytes, corpusFiles, tolerancesFor } from "../evaluation/corpus-files.ts";
import { outcome } from "../evaluation/fixture.ts";
import { describePeer, itWithPeer } from "../peers.ts";
import { Reception } from "./reception.ts";

/** One of each kind, as for sealed objects. */
const names: readonly string[] = [
  "ct-series/lidc-0314-nodule/inst117.dcm",
  "mr-series/siemens-t1-sag-hfs/0018.dcm",
  "ultrasound/philips-grey-native.dcm",
  "radiograph/nih-chest-dx-8bit-b.dcm",
  "multiframe/emri_small.dcm",
  "transfer-syntax/small/SC_rgb.dcm",
  "non-image/sr-basic-text.dcm",
];

describePeer("corpus", "benign operations on received objects", () => {
  const site = new Reception();
  const work = mkdtempSync(join(tmpdir(), "scanseal-received-"));
  afterAll(async () => {
    await site.close();
    rmSync(work, { recursive: true, force: true });
  });
  const files = corpusFiles().filter(({ file }) => names.includes(file));

  for (const operation of operations) {
    itWithPeer(operation.peers, operation.name, async () => {
      const alarms: string[] = [];
      let judged = 0;
      for (const { file } of files) {
        const bytes = corpusBytes(file);
        const changed = await operation.apply(bytes, work, tolerancesFor(file));
        if (!changed) continue;
        site.records = [await site.receipt(bytes)];
        const result = await site.judge(changed);
        judged++;
        if (result.decision.verdict !== "received") alarms.push(`${file}: ${outcome(result)}`);
      }
      expect(alarms).toEqual([]);
      expect(judged).toBeGreaterThan(1);
    });
  }
});
