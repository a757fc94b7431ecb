/** Orthanc as an archive that the real gateway asks to commit: what is kept here until it does, what it lost, and who else says it did. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { connectDimse } from "../../src/dicom-network/dimse/client.ts";
import type { DimseStatus } from "../../src/dicom-network/dimse/service.ts";
import { storageCommitmentClass } from "../../src/dicom-network/dimse/sop-classes.ts";
import { openSqliteIndexedJournal } from "../../src/store/index/indexed-journal.ts";
import type { ObjectCommitment } from "../../src/store/journal/commitments.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { describePeer } from "../peers.ts";
import { phantomFiles } from "./dimse-peers.ts";
import { dcmtkTls, GatewaySite, type LogLine, ourTitle } from "./gateway-site.ts";

const place = makeWorkplace();
let site: GatewaySite;
let archive: { readonly dicom: number; readonly http: number };
let files: string[];

const orthanc = async (path: string, method = "GET"): Promise<unknown> =>
  (await fetch(`http://127.0.0.1:${archive.http}${path}`, { method })).json();

function configure(commitment: object | undefined): void {
  const reports = { listener: "plain", networks: ["127.0.0.1"] };
  const asked = commitment && { commitment: { reports, askAgain: "1 s", alarmAfter: 2, ...commitment } };
  site.configure(
    [{ name: "ct", listener: "plain", aeTitles: ["STORESCU"], mode: "observe" }],
    [{ name: "archive", port: archive.dicom, aeTitle: "ORTHANC", ...asked }],
  );
}

const journalPath = (): string => join(site.sealed.folder, "home", "gateway", "journal.sqlite");

/** One slice, stored. @returns its journal id */
async function sent(): Promise<string> {
  const file = files.shift()!;
  const [judged] = await site.judged(1, () =>
    site.peers.run("storescu", "-aet", "STORESCU", ...site.to("plain"), file),
  );
  return String((judged as LogLine).object);
}

async function commitmentOf(id: string): Promise<ObjectCommitment | undefined> {
  const stores = await openSqliteIndexedJournal(journalPath());
  try {
    return (await stores.commitments.of(id))[0];
  } finally {
    await stores.journal.close();
  }
}

/** As somebody who says that the archive committed. */
async function said(callingAeTitle: string, transactionUid: string): Promise<DimseStatus> {
  const contexts = [
    { id: 1, abstractSyntax: storageCommitmentClass, transferSyntaxes: [explicitLittleEndianUid] },
  ];
  const client = await connectDimse({
    ...{ host: "127.0.0.1", port: site.ports.plain, callingAeTitle, calledAeTitle: ourTitle, contexts },
    roles: [{ sopClassUid: storageCommitmentClass, scu: false, scp: true }],
  });
  try {
    const committed = [{ sopClassUid: "1.2.840.10008.5.1.4.1.1.2", sopInstanceUid: "2.25.7" }];
    return await client.reportCommitment({ transactionUid, committed, failed: [] });
  } finally {
    if (client.isOpen) await client.release();
  }
}

describePeer(["Orthanc", "storescu"], "storage commitment asked of an archive", () => {
  beforeAll(async () => {
    site = await GatewaySite.open(place);
    await site.issue("tls-server", "gate");
    archive = await site.peers.orthanc("archive", {
      DicomModalities: { gate: [ourTitle, "127.0.0.1", site.ports.plain] },
    });
    files = phantomFiles().map((file, i) => site.write(`${i}.dcm`, file));
    configure({});
    await site.start();
  }, 60_000);
  afterAll(() => site.close());

  it("committed on an association of its own; until then the bytes are here", async () => {
    const id = await sent();
    await site.lines("commitment-reported", 1, { destination: "archive", committed: 1, failed: 0 });
    expect(await commitmentOf(id)).toMatchObject({ state: "committed", asks: 1 });
    const { stdout } = place.run("deliveries", "list", "--config", site.path("gateway.yaml"));
    expect(stdout).not.toContain("not committed");
  }, 60_000);

  it("what the archive lost before it was asked is sent again, and then committed to", async () => {
    await site.stop();
    // It does not get to ask.
    configure({ port: await freePort() });
    await site.start();
    const id = await sent();
    await site.lines("delivered", 1, { object: id });
    const [instance] = (await orthanc("/instances?expand&limit=9&since=1")) as { ID: string }[];
    await orthanc(`/instances/${instance!.ID}`, "DELETE");
    const { stdout } = place.run("deliveries", "list", "--config", site.path("gateway.yaml"));
    expect(stdout).toContain("archive: 1 delivered and not committed yet, 0 refused for good");
    await site.kill();
    configure({});
    await site.start();
    await site.lines("commitment-reported", 1, { resent: 1 });
    await site.lines("commitment-reported", 1, { committed: 1 });
    expect(await commitmentOf(id)).toMatchObject({ state: "committed" });
    expect((await orthanc("/instances")) as unknown[]).toHaveLength(2);
  }, 90_000);

  it("who was not asked cannot say so, and neither can the archive of what it was not asked", async () => {
    await expect(said("STRANGER", "2.25.1")).rejects.toMatchObject({ code: "peer-rejected" });
    // A source is no archive.
    await expect(said("STORESCU", "2.25.1")).rejects.toMatchObject({ code: "peer-rejected" });
    expect(await said("ORTHANC", "2.25.1")).toMatchObject({ code: 0x0115 });
    await site.lines("fault", 1, { code: "peer-protocol" });
  }, 60_000);

  it("an archive that is silent is asked again and believed when it speaks, and a kill in between loses nothing", async () => {
    await site.stop();
    // What it says reaches nobody.
    configure({ reports: undefined, port: archive.dicom });
    await site.start();
    const id = await sent();
    await site.lines("delivered", 1, { object: id });
    await site.kill();
    const kept = (await commitmentOf(id))!;
    expect(kept.state).toBe("waits");
    configure({});
    await site.start();
    await site.lines("commitment-reported", 1, { committed: 1 });
    expect(await commitmentOf(id)).toMatchObject({ state: "committed" });
  }, 90_000);

  it("what a removed archive has and never committed to is shown, and goes elsewhere when a person says so", async () => {
    await site.stop();
    configure({ port: await freePort() });
    await site.start();
    const id = await sent();
    await site.lines("delivered", 1, { object: id });
    await site.stop();
    const second = { name: "second", port: archive.dicom, aeTitle: "ORTHANC" };
    site.configure([{ name: "ct", listener: "plain", aeTitles: ["STORESCU"], mode: "observe" }], [second]);
    const config = ["--config", site.path("gateway.yaml")];
    const { stdout } = place.run("deliveries", "list", ...config);
    expect(stdout).toContain(
      "archive, which the configuration does not have: 1 delivered and not committed yet",
    );
    const secret = "a passphrase of the test";
    const env = { SCANSEAL_NEW_OPERATOR_PASSPHRASE: secret, SCANSEAL_OPERATOR_PASSPHRASE: secret };
    const home = ["--home", join(site.sealed.folder, "home")];
    expect(place.runWith({ env }, "operator", "add", "ada", ...home)).toMatchObject({
      status: 0,
      stderr: "",
    });
    const redirect = ["deliveries", "redirect", "archive", "second", "--by", "ada", ...config];
    expect(place.runWith({ env }, ...redirect)).toMatchObject({
      ...{ status: 0, stderr: "", stdout: expect.stringContaining("1 delivery due at second") },
    });
    await site.start();
    await site.lines("delivered", 1, { object: id, destination: "second" });
    expect(await commitmentOf(id)).toBeUndefined();
  }, 90_000);
});

describePeer(["Orthanc", "storescu", "openssl"], "storage commitment asked of an archive over TLS", () => {
  const place = makeWorkplace();
  let site: GatewaySite;
  afterAll(() => site.close());

  it("asked and answered over mutual TLS; another certificate under its title says nothing", async () => {
    site = await GatewaySite.open(place);
    await site.issue("tls-server", "gate");
    await site.issue("tls-client", "gate-out");
    await site.issue("tls-client", "ct1");
    // Orthanc shows one certificate both ways; those of a site are for one role.
    const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const named = ["-subj", "/CN=archive", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const [key, certificate] = [site.path("archive.key"), site.path("archive.pem")];
    const ended = spawnSync("openssl", [
      ...made,
      ...named,
      "-days",
      "90",
      "-keyout",
      key,
      "-out",
      certificate,
    ]);
    expect(ended.status).toBe(0);
    const both = ["authority.pem", "archive.pem"].map((name) => readFileSync(site.path(name), "utf8"));
    site.write("both.pem", both.join(""));
    const { dicom } = await site.peers.orthanc("archive-tls", {
      DicomModalities: {
        gate: { AET: ourTitle, Host: "127.0.0.1", Port: site.ports.secure, UseDicomTls: true },
      },
      DicomTlsEnabled: true,
      DicomTlsCertificate: certificate,
      DicomTlsPrivateKey: key,
      DicomTlsTrustedCertificates: site.path("authority.pem"),
    });
    const tls = { authorities: "archive.pem", certificate: "gate-out.pem", key: "gate-out.key" };
    const reports = { listener: "secure", certificates: ["archive.pem"] };
    site.configure(
      [{ name: "ct", listener: "plain", aeTitles: ["STORESCU"], mode: "observe" }],
      [{ name: "archive", port: dicom, aeTitle: "ORTHANC", tls, commitment: { reports } }],
      { clientAuthorities: "both.pem" },
    );
    await site.start();
    const file = site.write("0.dcm", phantomFiles()[0]!);
    await site.judged(1, () => site.peers.run("storescu", "-aet", "STORESCU", ...site.to("plain"), file));
    await site.lines("commitment-reported", 1, { destination: "archive", committed: 1, failed: 0 });
    const stranger = await site.peers.run(
      ...(["echoscu", "-aet", "ORTHANC", ...dcmtkTls(site, "ct1"), ...site.to("secure")] as const),
    );
    expect(stranger.status).not.toBe(0);
    expect(await site.stop()).toBe(0);
  }, 60_000);
});
