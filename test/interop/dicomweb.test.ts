/** `scanseal baseline --archive` against Orthanc's DICOMweb plug-in. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newBoundary } from "../../src/dicom-network/dicomweb/multipart-writer.ts";
import { uidAt, WebClient } from "../../src/dicom-network/dicomweb/web-client.ts";
import { nodeRandom } from "../../src/platform/node/crypto.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { freePort, listening } from "../evaluation/network-peers.ts";
import { describePeer, peerPath } from "../peers.ts";
import { phantomFiles } from "./dimse-peers.ts";

const place = makeWorkplace();

describePeer(["Orthanc", "orthanc-dicomweb"], "an archive over DICOMweb", () => {
  let archive: ChildProcess;
  let url: string;
  beforeAll(async () => {
    const [http, dicom] = [await freePort(), await freePort()];
    mkdirSync(place.path("orthanc"));
    const configuration = {
      StorageDirectory: place.path("orthanc"),
      IndexDirectory: place.path("orthanc"),
      Plugins: [peerPath("orthanc-dicomweb")],
      HttpPort: http,
      DicomPort: dicom,
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      DicomWeb: { Enable: true, Root: "/dicom-web/" },
    };
    place.write("orthanc.json", JSON.stringify(configuration));
    archive = spawn(peerPath("Orthanc"), [place.path("orthanc.json")], { stdio: "ignore" });
    await listening(http, archive);
    url = `http://127.0.0.1:${http}/dicom-web`;
    for (const [i, file] of phantomFiles().entries()) {
      place.write(`files/${i}.dcm`, file);
      const body = new Uint8Array(file);
      const answer = await fetch(`http://127.0.0.1:${http}/instances`, { method: "POST", body });
      expect(answer.ok).toBe(true);
    }
    place.run("init");
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => archive.once("exit", resolve));
    if (archive.kill()) await ended;
  });

  it("gives each object a receipt, once; the same objects from elsewhere are received", () => {
    const first = place.run("baseline", "--archive", url, "--source", "Orthanc");
    expect(first).toMatchObject({ status: 0, stdout: "4 receipts given\n", stderr: "" });
    const again = place.run("baseline", "--archive", url, "--source", "Orthanc");
    expect(again).toMatchObject({ status: 0, stdout: "0 receipts given, 4 had one already\n" });
    expect(place.run("verify", "files")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("4 received"),
    });
    expect(readdirSync(place.path("scanseal-data")).filter((name) => name.startsWith("staging-"))).toEqual(
      [],
    );
  });

  it("gives our client back, byte for byte, the objects as they were stored through it", async () => {
    const client = new WebClient(url, { authorization: undefined });
    const files = phantomFiles();
    async function* bodies() {
      for (const file of files) yield Readable.from([file]);
    }
    const stored = await client.store(bodies(), { boundary: newBoundary(nodeRandom) });
    expect(stored.status).toBe(200);
    expect(stored.dataSet?.["00081199"]?.Value).toHaveLength(files.length);
    const kept: Buffer[] = [];
    for await (const match of client.search("instances", "00080018")) {
      const [study, series, instance] = ["0020000D", "0020000E", "00080018"].map((tag) => uidAt(match, tag));
      const body = await client.retrieveInstance(`studies/${study}/series/${series}/instances/${instance}`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of body ?? []) chunks.push(chunk.slice());
      kept.push(Buffer.concat(chunks));
    }
    const sorted = (all: readonly Uint8Array[]) => all.map((one) => Buffer.from(one).toString("hex")).sort();
    expect(sorted(kept)).toEqual(sorted(files));
  });

  it("one that is not there, or both ways at once, is said in a line", async () => {
    const nobody = `http://127.0.0.1:${await freePort()}/dicom-web`;
    const away = place.run("baseline", "--archive", nobody, "--source", "x");
    expect(away).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^scanseal: [^\n]+ECONNREFUSED\n$/),
    });
    expect(place.run("baseline", "files", "--archive", url, "--source", "x")).toMatchObject({ status: 2 });
    expect(place.run("baseline", "--source", "x")).toMatchObject({ status: 2 });
  });
});
