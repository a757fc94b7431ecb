/** Who may send, with DCMTK's clients at the TLS and the plain port of the real gateway process: the certificate decides, never the AE title. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inspectFile } from "../../src/cli/sending/outgoing-file.ts";
import { connectDimse } from "../../src/dicom-network/dimse/client.ts";
import { readChunks } from "../../src/foundation/byte-source.ts";
import { createAuthority, openAuthority } from "../../src/keys/custody/authority.ts";
import { issueTlsLocally } from "../../src/keys/custody/tls-certificate.ts";
import { nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { openFileSource } from "../../src/platform/node/file-source.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { describePeer } from "../peers.ts";
import { type Ended, phantomFiles } from "./dimse-peers.ts";
import { dcmtkTls, GatewaySite, ourTitle } from "./gateway-site.ts";

const noHandshake = "no TLS handshake with a trusted certificate";
const day = 24 * 3600 * 1000;
/** TLS certificates of the authority end after 397 days. */
const longAgo = { now: (): number => systemClock.now() - 500 * day };

const place = makeWorkplace();
let site: GatewaySite;
let slice: string;
const serials = new Map<string, string>();

describePeer(["echoscu", "storescu", "openssl"], "certificates and AE titles", () => {
  beforeAll(async () => {
    site = await GatewaySite.open(place);
    await site.issue("tls-server", "gate");
    for (const name of ["ct1", "ct2", "nobody", "lost"])
      serials.set(name, (await site.issue("tls-client", name)).serial);
    await makeWrongOnes();
    const on = { listener: "secure", aeTitles: ["CT1"] };
    site.configure([
      { ...on, name: "first", certificates: ["ct1.pem", "lost.pem"], mode: "enforce" },
      { ...on, name: "second", certificates: ["ct2.pem"], aeTitles: ["CT2"], mode: "observe" },
      { name: "old", listener: "plain", aeTitles: ["OLD"], mode: "observe" },
    ]);
    await site.start();
    slice = site.write("slice.dcm", phantomFiles()[0]!);
  });
  afterAll(() => site.close());

  /** Of another authority, of none, ended. */
  async function makeWrongOnes(): Promise<void> {
    const passphrase = "correct horse battery";
    const owner = { kind: "tls-client", name: "ct1", hosts: [] } as const;
    const folder = site.path("other");
    const ports = { clock: systemClock, random: nodeRandom, passphrase };
    const other = await createAuthority(folder, { ...ports, name: "Test site" });
    const home = `${site.sealed.folder}/home`;
    const own = {
      clock: longAgo,
      random: nodeRandom,
      passphrase: readFileSync(`${home}/secret`, "utf8").trim(),
    };
    const past = await openAuthority(`${home}/authority`, own);
    for (const [name, authority] of [
      ["other", other],
      ["ended", past],
    ] as const) {
      const { certificatePem, keyPem } = await issueTlsLocally(authority, { ...owner, name });
      site.write(`${name}.pem`, certificatePem);
      site.write(`${name}.key`, keyPem);
    }
    const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-keyout", site.path("self.key"), "-out", site.path("self.pem")];
    const made = await site.peers.run("openssl", ...request, "-subj", "/CN=ct1", ...files);
    expect(made).toMatchObject({ status: 0 });
  }

  const echo = (certificate: string, title: string): Promise<Ended> =>
    site.peers.run("echoscu", "-aet", title, ...dcmtkTls(site, certificate), ...site.to("secure"));

  /** The gateway tells it at once the first time; the next ones are counted. */
  async function expectTurnedAway(why: string, attempt: () => Promise<Ended>): Promise<Ended> {
    const ended = await attempt();
    expect(ended.status).not.toBe(0);
    expect(await site.lines("association-rejected", 1, { why })).not.toEqual([]);
    return ended;
  }

  it("a source's certificate opens the gate", async () => {
    expect(await echo("ct1", "CT1")).toMatchObject({ status: 0 });
  });

  it.each([
    ["of another authority of the same name", "other"],
    ["self-signed", "self"],
    ["ended", "ended"],
    ["a server's", "gate"],
  ])("a certificate %s gets no association", async (_, name) => {
    await expectTurnedAway(noHandshake, () => echo(name, "CT1"));
  });

  it("no certificate, and no TLS, on the TLS port: no association", async () => {
    const anonymous = ["+tla", "-ic", "-aet", "CT1", ...site.to("secure")];
    await expectTurnedAway(noHandshake, () => site.peers.run("echoscu", ...anonymous));
    const clear = ["-aet", "CT1", ...site.to("secure")];
    await expectTurnedAway(noHandshake, () => site.peers.run("echoscu", ...clear));
    expect(await echo("ct1", "CT1")).toMatchObject({ status: 0 });
  });

  it("the authority's certificate of no source is rejected by name", async () => {
    const ended = await expectTurnedAway("certificate of no source", () => echo("nobody", "CT1"));
    expect(ended.text).toContain("Calling AE Title Not Recognized");
  });

  it("a TLS source's AE title in clear text is rejected", async () => {
    const ended = await expectTurnedAway("network and AE title of no source", () =>
      site.peers.run("storescu", "-aet", "CT1", ...site.to("plain"), slice),
    );
    expect(ended.text).toContain("Calling AE Title Not Recognized");
  });

  it("under another source's AE title it stays its own source, with its own mode", async () => {
    const tls = dcmtkTls(site, "ct1");
    const sent = await site.judged(1, async () => {
      const ended = await site.peers.run("storescu", "-aet", "CT2", ...tls, ...site.to("secure"), slice);
      expect(ended).toMatchObject({ status: 0 });
    });
    // The second source's mode lets it pass; under its title the first one's object is held all the same.
    expect(sent).toMatchObject([{ source: "first", verdict: "unsealed", state: "held" }]);
    const accepted = await site.lines("association-accepted", 1, { source: "first", peerTitle: "CT2" });
    expect(accepted).toMatchObject([{ level: "warn", titleDiffers: true }]);
    expect(await site.lines("association-accepted", 0, { source: "second" })).toEqual([]);
  });

  it("a revoked certificate opens nothing any more, while the gateway runs", async () => {
    const file = await inspectFile(slice);
    const pem = (name: string) => readFileSync(site.path(name), "utf8");
    const open = await connectDimse({
      ...{ host: "127.0.0.1", port: site.ports.secure, callingAeTitle: "CT1", calledAeTitle: ourTitle },
      tls: { authorities: pem("authority.pem"), certificate: pem("lost.pem"), key: pem("lost.key") },
      contexts: [{ id: 1, abstractSyntax: file.sopClassUid, transferSyntaxes: [file.transferSyntaxUid] }],
    });
    const authority = await site.sealed.home.openAuthority();
    authority.revoke(serials.get("lost")!, "keyCompromise");
    // The list is looked at every two seconds.
    let ended = await echo("lost", "CT1");
    while (ended.status === 0) ended = await echo("lost", "CT1");
    expect(ended.text).toContain("Calling AE Title Not Recognized");
    expect(await site.lines("association-rejected", 1, { why: "certificate revoked" })).toHaveLength(1);
    // An association that is still open has an end too.
    const source = await openFileSource(slice);
    const dataSet = readChunks(source, file.dataSetOffset, file.bytes - file.dataSetOffset);
    await expect(open.store(file, dataSet)).rejects.toThrow();
    await source.close();
    expect(await open.ended).toMatchObject({ kind: "aborted", by: "peer" });
    expect(await echo("ct1", "CT1")).toMatchObject({ status: 0 });
  });

  it("drains, and each that was turned away was counted", async () => {
    expect(await site.stop()).toBe(0);
    const told = await site.lines("association-rejected", 0, { why: noHandshake });
    expect(told.reduce((sum, { more }) => sum + 1 + Number(more ?? 0), 0)).toBe(6);
  });
});
