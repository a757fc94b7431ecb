/** `scanseal baseline --archive AET@HOST:PORT` against Orthanc and dcmqrscp. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { makeTlsMaterial } from "../dicom-network/tls-material.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { describePeer, peerPath } from "../peers.ts";
import { DimsePeers, phantomFiles } from "./dimse-peers.ts";

const place = makeWorkplace();
let peers: DimsePeers;
/** Four slices; the fourth in JPEG Lossless. */
let paths: string[];

beforeAll(() => {
  peers = new DimsePeers();
  paths = phantomFiles().map((file, i) => {
    place.write(`files/${i}.dcm`, file);
    return place.path("files", `${i}.dcm`);
  });
  place.run("init");
});
afterAll(() => peers.close());

async function fill(http: number): Promise<void> {
  for (const path of paths) {
    const body = new Uint8Array(readFileSync(path));
    const answer = await fetch(`http://127.0.0.1:${http}/instances`, { method: "POST", body });
    expect(answer.ok).toBe(true);
  }
}

describePeer(["Orthanc", "dcmcjpeg"], "an archive over DIMSE", () => {
  beforeAll(() => {
    // As it is kept: an archive that gave it uncompressed would make another object of it.
    const [path] = paths.slice(-1);
    const compressed = spawnSync(peerPath("dcmcjpeg"), ["+un", path!, path!]);
    expect(compressed.status).toBe(0);
  });

  it("gives each object a receipt, once; the same objects from elsewhere are received", async () => {
    const { dicom, http } = await peers.orthanc("plain", {
      DicomAlwaysAllowFind: true,
      DicomAlwaysAllowGet: true,
    });
    await fill(http);
    const address = `ORTHANC@127.0.0.1:${dicom}`;
    const first = place.run("baseline", "--archive", address, "--source", "Orthanc");
    expect(first).toMatchObject({ status: 0, stdout: "4 receipts given\n", stderr: "" });
    const again = place.run("baseline", "--archive", address, "--source", "Orthanc");
    expect(again).toMatchObject({ status: 0, stdout: "0 receipts given, 4 had one already\n" });
    expect(place.run("verify", "files")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("4 received"),
    });
    expect(readdirSync(place.path("scanseal-data")).filter((name) => name.startsWith("staging-"))).toEqual(
      [],
    );
  });

  it("over TLS, with our certificate", async () => {
    const tls = await makeTlsMaterial();
    const { dicom, http } = await peers.orthanc("tls", {
      DicomAlwaysAllowFind: true,
      DicomAlwaysAllowGet: true,
      DicomTlsEnabled: true,
      DicomTlsCertificate: peers.write("orthanc.crt", tls.server.certificatePem),
      DicomTlsPrivateKey: peers.write("orthanc.key", tls.server.keyPem),
      DicomTlsTrustedCertificates: peers.write("orthanc-ca.crt", tls.authority),
    });
    await fill(http);
    const options = [
      ["--tls-ca", peers.write("ca.pem", tls.authority)],
      ["--tls-cert", peers.write("our.pem", tls.client.certificatePem)],
      ["--tls-key", peers.write("our.key", tls.client.keyPem)],
    ].flat();
    const address = `ORTHANC@127.0.0.1:${dicom}`;
    const run = place.run("baseline", "--archive", address, "--source", "Orthanc", ...options);
    expect(run).toMatchObject({ status: 0, stdout: "0 receipts given, 4 had one already\n", stderr: "" });
    const plain = place.run("baseline", "--archive", address, "--source", "Orthanc");
    expect(plain).toMatchObject({ status: 2, stdout: "" });
  });

  it("one that refuses C-GET, or is not there, is told in a line", async () => {
    const { dicom, http } = await peers.orthanc("refusing", {
      DicomAlwaysAllowFind: true,
      DicomAlwaysAllowGet: false,
    });
    await fill(http);
    const refusing = place.run("baseline", "--archive", `ORTHANC@127.0.0.1:${dicom}`, "--source", "x");
    // One object was tried, the others need not be.
    expect(refusing).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(
        /^scanseal: ORTHANC: [^\n]+ not received: [^\n]+\nscanseal: the archive does not give objects by C-GET \(Study Root\): [^\n]+\n$/,
      ),
    });
    const nobody = place.run("baseline", "--archive", `X@127.0.0.1:${await freePort()}`, "--source", "x");
    expect(nobody).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^scanseal: [^\n]+nothing listens there\n$/),
    });
    const mixed = place.run("baseline", "--archive", "https://x/y", "--tls-ca", "x", "--source", "x");
    expect(mixed.status).toBe(2);
  });
});

describePeer(["dcmqrscp", "storescu"], "dcmqrscp as an archive", () => {
  it("is walked too", async () => {
    const { port } = await peers.dcmqrscp("qr", {});
    const stored = await peers.run(
      "storescu",
      "-aec",
      "ARCHIVE",
      "127.0.0.1",
      `${port}`,
      ...paths.slice(0, 3),
    );
    expect(stored.status).toBe(0);
    const address = `ARCHIVE@127.0.0.1:${port}`;
    const run = place.run("baseline", "--archive", address, "--source", "dcmqrscp");
    expect(run).toMatchObject({ status: 0, stdout: "0 receipts given, 3 had one already\n", stderr: "" });
  });
});
