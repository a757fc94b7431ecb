/** A sealer that asks DCMTK's worklist server whether patient and order are scheduled. */
import { rmSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { encodePart10, type NewElement, textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { systemClock } from "../../src/platform/node/crypto.ts";
import { WorklistServer } from "../../src/site/gateway/sealer/worklist-server.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { ReceivingArchive, sendAll } from "../gateway/network.ts";
import { isHeld, SealerSite, scan } from "../gateway/sealer-site.ts";
import { describePeer } from "../peers.ts";
import { DimsePeers } from "./dimse-peers.ts";

const toEnd: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

/** One scheduled procedure step (PS3.4 table K.6-1). */
function item(patientId: string, accession: string, step = "1"): Bytes {
  const scheduled: NewElement[] = [
    textElement(tags.modality, "CS", "CT"),
    textElement(0x00400001, "AE", "CT01"),
    textElement(0x00400002, "DA", "20261123"),
    textElement(0x00400003, "TM", "1200"),
    textElement(0x00400009, "SH", step),
  ];
  return encodePart10(
    [
      textElement(tags.sopClassUid, "UI", "1.2.276.0.7230010.3.1.0.1"),
      textElement(tags.sopInstanceUid, "UI", `2.25.${step}`),
      textElement(0x00080050, "SH", accession),
      textElement(tags.patientName, "PN", "Doe^Jane"),
      textElement(tags.patientId, "LO", patientId),
      textElement(tags.studyInstanceUid, "UI", "2.25.9"),
      { tag: 0x00400100, vr: "SQ", items: [scheduled] },
      textElement(0x00401001, "SH", "R1"),
    ],
    explicitLittleEndianUid,
  );
}

const isDelivered = ({ kind }: { readonly kind: string }): boolean => kind === "delivered";

async function reasons(site: SealerSite): Promise<readonly string[]> {
  const held = (await site.objects()).filter(({ state }) => state === "held");
  return held.flatMap(({ findings }) =>
    findings.map(({ code }) => code).filter((code) => code.startsWith("sealer-")),
  );
}

describePeer("wlmscpfs", "a worklist server", () => {
  it("is asked for each order; what it does not have, or cannot say, is not sealed", async () => {
    const peers = new DimsePeers();
    toEnd.push(() => peers.close());
    const port = await freePort();
    const server = await peers.wlmscpfs("worklist", port);
    const archive = await ReceivingArchive.open(0);
    toEnd.push(() => archive.close());
    const site = await SealerSite.make();
    toEnd.push(() => site.remove());
    site.configure(archive.port, {
      sealing: [`worklist: {host: 127.0.0.1, port: ${port}, aeTitle: WORKLIST, calling: CT01}`],
    });
    const gate = await site.start();
    const send = (...files: Bytes[]) => sendAll(gate, files, { callingAeTitle: "CT01" });
    // The patient's other order, and somebody else's of the same number.
    peers.write("worklist/WORKLIST/a.wl", item("4711", "A-2", "1"));
    peers.write("worklist/WORKLIST/b.wl", item("47112", "A-1", "2"));
    await send(scan("2.25.301"));
    await site.until(isHeld);
    expect(await reasons(site)).toEqual(["sealer-not-scheduled"]);
    peers.write("worklist/WORKLIST/c.wl", item("4711", "A-1", "3"));
    await send(scan("2.25.302"));
    await site.until(isDelivered);
    await server.stop();
    await send(scan("2.25.303"), scan("2.25.304", { patientId: "4713" }));
    // The first one's order was there today.
    await site.until(isDelivered, 2);
    await site.until(isHeld, 2);
    expect((await reasons(site)).toSorted()).toEqual(["sealer-not-scheduled", "sealer-worklist-away"]);
    expect(archive.received.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(["2.25.302", "2.25.303"]);
  });

  it("is taken at its word in bounds, compared byte by byte, and left alone while it is away", async () => {
    const peers = new DimsePeers();
    toEnd.push(() => peers.close());
    const port = await freePort();
    const served = await peers.wlmscpfs("worklist", port);
    let now = systemClock.now();
    const settings = { host: "127.0.0.1", port, aeTitle: "WORKLIST", callingAeTitle: "GATE" };
    const worklist = new WorklistServer(settings, { now: () => now });
    for (let i = 1; i <= 1_001; i++) peers.write(`worklist/WORKLIST/${i}.wl`, item("many", `A-${i}`, `${i}`));
    await expect(worklist.has({ patientId: "many", accession: "none" })).rejects.toMatchObject({
      code: "limit-elements",
    });
    now += 11_000;
    // A star is no pattern here.
    expect(await worklist.has({ patientId: "man*", accession: "A-1" })).toBe(false);
    rmSync(peers.path("worklist", "WORKLIST", "1.wl"));
    expect(await worklist.has({ patientId: "many", accession: "A-2" })).toBe(true);
    await served.stop();
    await expect(worklist.has({ patientId: "many", accession: "A-2" })).rejects.toMatchObject({
      code: "network",
    });
    const back = await peers.wlmscpfs("worklist", port);
    await expect(worklist.has({ patientId: "many", accession: "A-2" })).rejects.toMatchObject({
      code: "network",
    });
    now += 11_000;
    expect(await worklist.has({ patientId: "many", accession: "A-2" })).toBe(true);
    await back.stop();
  });
});
