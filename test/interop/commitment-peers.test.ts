/** Orthanc in the place of a modality: it asks the real gateway whether what it sent is committed, and is told when it is, and of what not. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeWorkplace, sampleFile } from "../cli/scanseal-process.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { describePeer } from "../peers.ts";
import { phantomFiles, type Served } from "./dimse-peers.ts";
import { GatewaySite, ourTitle } from "./gateway-site.ts";

const place = makeWorkplace();
let site: GatewaySite;
let http: number;
let archive: Served | undefined;
let archivePort: number;
/** Orthanc's ids of four slices. */
const slices: string[] = [];

async function orthanc(path: string, body?: object | string | Uint8Array<ArrayBuffer>): Promise<unknown> {
  const sent =
    body === undefined || typeof body === "string" || body instanceof Uint8Array
      ? body
      : JSON.stringify(body);
  const answer = await fetch(
    `http://127.0.0.1:${http}${path}`,
    sent === undefined ? {} : { method: "POST", body: sent },
  );
  expect(answer.ok).toBe(true);
  return answer.json();
}

async function asked(resources: readonly string[]): Promise<string> {
  const { ID } = (await orthanc("/modalities/gate/storage-commitment", { Resources: resources })) as {
    ID: string;
  };
  return ID;
}

const reported = async (id: string): Promise<{ Status: string; Failures?: unknown[]; Success?: unknown[] }> =>
  (await orthanc(`/storage-commitment/${id}`)) as { Status: string };

describePeer(["Orthanc", "storescp"], "storage commitment", () => {
  beforeAll(async () => {
    site = await GatewaySite.open(place);
    await site.issue("tls-server", "gate");
    archivePort = await freePort();
    const modality = await site.peers.orthanc("modality", {
      DicomModalities: { gate: [ourTitle, "127.0.0.1", site.ports.plain] },
      DicomAlwaysAllowStore: false,
    });
    http = modality.http;
    const commitment = { host: "127.0.0.1", port: modality.dicom };
    site.configure(
      [
        { name: "ct", listener: "plain", aeTitles: ["ORTHANC"], mode: "observe", commitment },
        { name: "other", listener: "plain", aeTitles: ["OTHER"] },
      ],
      [{ name: "archive", port: archivePort, aeTitle: "SCP" }],
    );
    await site.start();
    for (const file of phantomFiles())
      slices.push(((await orthanc("/instances", new Uint8Array(file))) as { ID: string }).ID);
  }, 60_000);
  afterAll(() => site.close());

  it("is said of what is in the archive, when it is there, and survives a kill in between", async () => {
    const [first, second, third] = slices;
    await site.judged(2, () => orthanc("/modalities/gate/store", { Resources: [first, second] }));
    // The archive is down: nothing is committed, and nothing is said.
    const waiting = await asked([first!, second!]);
    // One of them was never sent.
    const partly = await asked([first!, third!]);
    expect((await reported(waiting)).Status).toBe("Pending");
    await site.kill();
    archive = await site.peers.storescpAt(archivePort, "inbox");
    await site.start();
    await expect.poll(() => reported(waiting), { timeout: 30_000 }).toMatchObject({ Status: "Success" });
    await expect
      .poll(() => reported(partly), { timeout: 30_000 })
      .toMatchObject({ Status: "Failure", Success: { length: 1 }, Failures: { length: 1 } });
    expect(archive.port).toBe(archivePort);
  }, 90_000);

  it("is not said of what was held, whatever was acknowledged", async () => {
    const altered = await alteredSlice();
    const { ID } = (await orthanc("/instances", altered)) as { ID: string };
    await site.judged(1, () => orthanc("/modalities/gate/store", { Resources: [ID] }));
    await site.lines("object-judged", 1, { state: "held" });
    const id = await asked([ID]);
    await expect
      .poll(() => reported(id), { timeout: 30_000 })
      .toMatchObject({ Status: "Failure", Failures: { length: 1 } });
  }, 60_000);
});

async function alteredSlice(): Promise<Uint8Array<ArrayBuffer>> {
  const sealed = new Uint8Array(
    readFileSync(await site.sealed.seal(site.write("4.dcm", sampleFile("2.25.88")))),
  );
  sealed[sealed.length >> 1]! ^= 1;
  return sealed;
}
