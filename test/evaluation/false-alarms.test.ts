/** A small version of `node bench/false-alarms.ts`: lossless operations of other software raise no alarm on sealed files. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describePeer, itWithPeer } from "../peers.ts";
import { type Operation, operations } from "./benign-operations.ts";
import { corpusFiles } from "./corpus-files.ts";
import { type Cell, columnOf, columns, falseAlarms, isQuiet } from "./false-alarm-table.ts";
import { newSite, type Site } from "./fixture.ts";
import { NetworkPeers } from "./network-peers.ts";

/** One of each column, and one in implicit VR, whose elements GDCM writes as UN. */
const names: readonly string[] = [
  "ct-series/lidc-0314-nodule/inst117.dcm",
  "mr-series/siemens-t1-sag-hfs/0018.dcm",
  "pet-series/qin-headneck-0024/000100.dcm",
  "ultrasound/philips-grey-native.dcm",
  "radiograph/nih-chest-dx-8bit-b.dcm",
  "multiframe/emri_small.dcm",
  "transfer-syntax/small/SC_rgb.dcm",
  "transfer-syntax/small/SC_rgb_16bit.dcm",
  "odd/liver_1frame.dcm",
  "non-image/sr-basic-text.dcm",
  "non-image/pr-luts.dcm",
];

/** What these do to that file is no lossless re-encoding: bench/RESULTS.md, "False alarms". */
const explained: ReadonlyMap<string, RegExp> = new Map([
  ["odd/liver_1frame.dcm", /^gdcmconv --/],
  ["non-image/pr-luts.dcm", /^dcmcj/],
]);

describePeer("corpus", "benign operations", () => {
  const files = corpusFiles().filter(({ file }) => names.includes(file));
  let site: Site;
  beforeAll(() => {
    site = newSite();
  });
  afterAll(() => site.close());

  const alarmsOf = async (operation: Operation): Promise<{ judged: number; alarms: string[] }> => {
    const cells: Cell[] = [];
    await falseAlarms(site, files, [operation], (cell) => void cells.push(cell));
    const judged = cells.filter(({ verdict }) => verdict !== undefined);
    const loud = judged.filter(
      ({ verdict, file }) => !isQuiet(verdict!) && explained.get(file.file)?.test(operation.name) !== true,
    );
    return { judged: judged.length, alarms: loud.map(({ file, story }) => `${file.file}: ${story}`) };
  };

  it("has a file of every modality", () => {
    expect(files.length).toBe(names.length);
    const covered = new Set(files.map(columnOf));
    expect(columns.filter((column) => !covered.has(column))).toEqual(["lossy originals"]);
  });

  for (const operation of operations) {
    itWithPeer(operation.peers, operation.name, async () => {
      const { judged, alarms } = await alarmsOf(operation);
      expect(alarms).toEqual([]);
      expect(judged).toBeGreaterThan(2);
    });
  }

  describePeer(["Orthanc", "storescu", "storescp"], "over the network", () => {
    const work = mkdtempSync(join(tmpdir(), "scanseal-network-"));
    const network = new NetworkPeers(work);
    beforeAll(() => network.start());
    afterAll(async () => {
      await network.close();
      rmSync(work, { recursive: true, force: true });
    });

    it.each(network.operations)("$name", async (operation) => {
      const { judged, alarms } = await alarmsOf(operation);
      expect(alarms).toEqual([]);
      expect(judged).toBeGreaterThan(5);
    });
  });
});
