/** `scanseal baseline --archive` against Orthanc's DICOMweb plug-in. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
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
