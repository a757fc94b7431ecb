/** A Key Object "Signed Complete Acquisition Content" before other people's software: its form, its signature, its content. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import { put } from "../attacks/objects.ts";
import { corpusSeries, type SealedInstance, SeriesSite } from "../attacks/series-site.ts";
import { describePeer, itWithPeer, peerPath } from "../peers.ts";

describePeer("corpus", "the Key Object of a closed series", () => {
  let site: SeriesSite;
  let scan: SealedInstance[];
  let document: SealedInstance;
  beforeAll(async () => {
    site = await SeriesSite.make();
    scan = await site.seal("MR1", corpusSeries("mr-series/brain-tumour-t1post"));
    document = await site.keyObject(await site.close(scan[0]!.instance!.seriesInstanceUid), scan);
  }, 60_000);
  afterAll(() => site.remove());

  function run(peer: Parameters<typeof peerPath>[0], ...args: readonly string[]): [number | null, string] {
    const { status, stdout, stderr } = spawnSync(peerPath(peer), args, {
      encoding: "latin1",
      timeout: 60_000,
    });
    return [status, `${stdout}${stderr}`];
  }

  it("is verified like any sealed object, and gives the same bytes when it is asked for again", async () => {
    expect(document.decision.verdict).toBe("verified");
    const again = await site.keyObject(await site.close(scan[0]!.instance!.seriesInstanceUid), scan);
    expect(again.path).toBe(document.path);
  });

  itWithPeer("dcmsign", "dcmsign accepts its signature, and none after a change", async () => {
    const anchor = join(site.folder, "anchor.pem");
    const own = site.home.trustContent().anchors[0]!.certificate;
    const base64 = Buffer.from(own).toString("base64");
    const pem = `-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
    writeFileSync(anchor, pem);
    expect(run("dcmsign", "--verify", "+rg", "+cf", anchor, document.path)[0]).toBe(0);
    const forged = await site.forged(document, [put(textElement(tags.patientId, "LO", "another"))]);
    expect(run("dcmsign", "--verify", "+rg", "+cf", anchor, forged.path)[0]).not.toBe(0);
  });

  itWithPeer("dciodvfy", "dciodvfy reports no errors", () => {
    const [, output] = run("dciodvfy", document.path);
    expect(output).toContain("KeyObjectSelectionDocument");
    expect(output.split("\n").filter((line) => line.startsWith("Error"))).toEqual([]);
  });

  itWithPeer(
    "dcmdump",
    "DCMTK finds every instance in it, in the sealed order, with its signature's UID",
    () => {
      const [, output] = run("dcmdump", "+P", "0008,1155", document.path);
      const named = [...output.matchAll(/\[([0-9.]+)\]/g)].map((match) => match[1]);
      const uids = scan.map(({ uid }) => uid);
      // In the evidence and in the content.
      expect(named).toEqual([...uids, ...uids]);
      const [, signatures] = run("dcmdump", "+P", "0400,0100", document.path);
      const digests = [...signatures.matchAll(/\[2\.25\.([0-9]+)\]/g)].map((match) =>
        BigInt(match[1]!).toString(16).padStart(32, "0"),
      );
      expect(digests.slice(0, scan.length)).toEqual(
        scan.map(({ instance }) => instance!.payloadDigest!.slice(0, 32)),
      );
    },
  );

  describe("is refused", () => {
    it("where an object of the list is not there, or not as it was sealed", async () => {
      const closed = await site.close(scan[0]!.instance!.seriesInstanceUid);
      await expect(site.keyObject(closed, scan.slice(1))).rejects.toThrow(scan[0]!.uid);
      const forged = await site.forged(scan[0]!, [put(textElement(tags.patientId, "LO", "another"))]);
      await expect(site.keyObject(closed, [forged, ...scan.slice(1)])).rejects.toThrow(scan[0]!.uid);
    });
  });
});
