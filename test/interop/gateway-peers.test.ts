/**
 * Real senders and real archives with the real gateway process between them: what is admitted arrives byte for byte, in its own transfer syntax,
 * at each archive.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { describePeer, itWithPeer, type PeerName, peerPath } from "../peers.ts";
import { dataSetOf, phantomFiles, type Served } from "./dimse-peers.ts";
import { dcmtkTls, GatewaySite, type LogLine, ourTitle } from "./gateway-site.ts";

const senders: readonly PeerName[] = ["echoscu", "storescu", "dcmsend", "storescp", "Orthanc"];
const tools: readonly PeerName[] = ["dcmcrle", "dcmcjpeg", "dcmcjpls", "dcmconv", "gdcmconv", "dcmodify"];
const destinations = ["storescp", "storescp-tls", "orthanc", "orthanc-tls"] as const;

const place = makeWorkplace();
let site: GatewaySite;
let storescp: Served;
let orthanc: { readonly dicom: number; readonly http: number };
let orthancTls: { readonly dicom: number; readonly http: number };
let slices: readonly string[];

const digestOf = (bytes: Bytes): string => createHash("sha256").update(bytes).digest("hex");
const dataSetIn = (path: string): Promise<Bytes> => dataSetOf(readFileSync(path));

const deflatedUid = "1.2.840.10008.1.2.1.99";
/** By Orthanc and its id: what it serves stays the same. */
const served = new Map<string, Bytes>();

/** Orthanc 1.10.1 serves deflated objects with bytes of its own after their end, whoever sent them: they are left out. */
async function filesOf(http: number): Promise<Bytes[]> {
  const base = `http://127.0.0.1:${http}/instances`;
  // One after the other: Orthanc closes a connection it does not keep before its last bytes are read.
  const files: Bytes[] = [];
  for (const id of (await (await fetch(base)).json()) as string[]) {
    const url = `${base}/${id}/file`;
    const file = served.get(url) ?? new Uint8Array(await (await fetch(url)).arrayBuffer());
    served.set(url, file);
    files.push(file);
  }
  return files.filter((file) => !hasText(file.subarray(0, 1024), deflatedUid));
}

/** Digests of the data sets an Orthanc serves. */
async function servedBy({ http }: { readonly http: number }): Promise<ReadonlySet<string>> {
  const files = await filesOf(http);
  return new Set(await Promise.all(files.map(async (file) => digestOf(await dataSetOf(file)))));
}

function hasText(bytes: Bytes, text: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(text);
}

async function inboxOf(name: string): Promise<ReadonlySet<string>> {
  return new Set(
    await Promise.all(site.peers.inbox(name).map(async (file) => digestOf(await dataSetOf(file)))),
  );
}

/** All four archives got these data sets; storescp writes them as they came, Orthanc as its DCMTK would write them. */
async function expectArrived(
  judged: readonly LogLine[],
  dataSets: readonly Bytes[],
  written: "as DCMTK writes" | "otherwise" = "as DCMTK writes",
): Promise<void> {
  expect(judged.map(({ state }) => state)).toEqual(dataSets.map(() => "admitted"));
  for (const destination of destinations) await site.delivered(judged, destination);
  const archives = [await inboxOf("storescp"), await inboxOf("storescp-tls")];
  if (written === "as DCMTK writes") archives.push(await servedBy(orthanc), await servedBy(orthancTls));
  for (const [i, digests] of archives.entries())
    expect(
      dataSets.map((bytes) => digests.has(digestOf(bytes))),
      destinations[i],
    ).toEqual(dataSets.map(() => true));
}

/** DCMTK's programs tell what went wrong. */
async function run(name: PeerName, ...options: readonly string[]): Promise<void> {
  expect(await site.peers.run(name, ...options)).toMatchObject({ status: 0 });
}

/** A slice as another object, in a form that a tool makes. */
async function made(name: string, tool: PeerName, ...options: readonly string[]): Promise<string> {
  const path = site.path(`${name}.dcm`);
  await run(tool, ...options, slices[0]!, path);
  const uid = `(0008,0018)=2.25.${digestOf(Buffer.from(name)).replace(/\D/g, "").slice(0, 20).replace(/^0+/, "")}`;
  await run("dcmodify", "-nb", "-m", uid, path);
  return path;
}

describePeer([...senders, ...tools], "real peers", () => {
  beforeAll(async () => {
    site = await GatewaySite.open(place);
    const tls = { authorities: "authority.pem", certificate: "gate-out.pem", key: "gate-out.key" };
    await site.issue("tls-server", "gate");
    await site.issue("tls-client", "gate-out");
    await site.issue("tls-server", "archive");
    const ct1 = await site.issue("tls-client", "ct1");
    await site.issue("tls-client", "orthanc");
    storescp = await site.peers.storescpAt(await freePort(), "storescp", "-d", "+xa");
    const secured = ["+xa", ...dcmtkTls(site, "archive")];
    const storescpTls = await site.peers.storescpAt(await freePort(), "storescp-tls", ...secured);
    const gate = { AET: ourTitle, Host: "127.0.0.1" };
    const own = (name: string) => ({
      DicomTlsCertificate: site.path(`${name}.pem`),
      DicomTlsPrivateKey: site.path(`${name}.key`),
      DicomTlsTrustedCertificates: site.path("authority.pem"),
    });
    orthanc = await site.peers.orthanc("orthanc", {
      KeepAlive: true,
      // As a sender: an Orthanc has one certificate, and ours are for one role each.
      ...own("orthanc"),
      DicomModalities: {
        plain: { ...gate, Port: site.ports.plain },
        secure: { ...gate, Port: site.ports.secure, UseDicomTls: true },
      },
    });
    orthancTls = await site.peers.orthanc("orthanc-tls", {
      KeepAlive: true,
      ...own("archive"),
      DicomTlsEnabled: true,
    });
    site.configure(
      [
        {
          name: "ct1",
          listener: "secure",
          certificates: [ct1.fingerprint],
          aeTitles: ["CT1"],
          mode: "enforce",
        },
        { name: "orthanc", listener: "secure", certificates: ["orthanc.pem"], mode: "observe" },
        { name: "old", listener: "plain", mode: "observe" },
      ],
      [
        // It takes one association at a time.
        { name: "storescp", port: storescp.port, aeTitle: "SCP", associations: 1 },
        { name: "storescp-tls", port: storescpTls.port, aeTitle: "SCP", associations: 1, tls },
        { name: "orthanc", port: orthanc.dicom, aeTitle: "ORTHANC" },
        { name: "orthanc-tls", port: orthancTls.dicom, aeTitle: "ORTHANC", tls },
      ],
    );
    await site.start();
    slices = phantomFiles().map((file, i) => site.write(`slice-${i}.dcm`, file));
  });
  afterAll(() => site.close());

  it("echoscu, plain and TLS; with every syntax there is; over our limit it is told and not left waiting", async () => {
    await run("echoscu", ...site.to("plain"));
    await run("echoscu", "-aet", "CT1", ...dcmtkTls(site, "ct1"), ...site.to("secure"));
    await run("echoscu", "-pts", "38", ...site.to("plain"));
    // 129,691 bytes of A-ASSOCIATE-RQ.
    const huge = await site.peers.run("echoscu", "-ppc", "128", "-pts", "38", ...site.to("plain"));
    expect(huge).toMatchObject({ status: 1, text: expect.stringContaining("Peer aborted Association") });
    const [told] = await site.lines("association-rejected", 1);
    expect(told!.why).toContain("the limit is 65536 bytes");
    await run("echoscu", ...site.to("plain"));
  });

  it("storescu in seven transfer syntaxes: each arrives as it was sent, and is proposed alone", async () => {
    const sent: readonly (readonly [string, string, string])[] = [
      ["-xr", "RLELossless", await made("rle", "dcmcrle")],
      ["-xs", "JPEGLossless:Non-hierarchical-1stOrderPrediction", await made("lossless", "dcmcjpeg")],
      ["-xy", "JPEGBaseline", await made("baseline", "dcmcjpeg", "+eb")],
      ["-xt", "JPEGLSLossless", await made("jpeg-ls", "dcmcjpls")],
      ["-xv", "JPEG2000LosslessOnly", await made("jpeg-2000", "gdcmconv", "--j2k")],
      ["-xi", "LittleEndianImplicit", await made("implicit", "dcmconv", "+ti")],
      ["-xe", "LittleEndianExplicit", await made("explicit", "dcmconv", "+te")],
    ];
    const judged = await site.judged(sent.length, async () => {
      for (const [option, , path] of sent) await run("storescu", "-R", option, ...site.to("plain"), path);
    });
    await expectArrived(judged, await Promise.all(sent.map(([, , path]) => dataSetIn(path))));
    for (const [, name] of sent) expect(proposals()).toContain(`=${name}`);
    expect(proposals().filter((one) => !/^=\S+$/.test(one))).toEqual([]);
  });

  it("storescu, deflated: what is inflated is what was sent", async () => {
    const path = await made("deflated", "dcmconv", "+td");
    const judged = await site.judged(1, () => run("storescu", "-xd", ...site.to("plain"), path));
    for (const destination of destinations) await site.delivered(judged, destination);
    const inflated = async (file: Bytes) => digestOf(inflateRawSync(await dataSetOf(file)));
    const expected = await inflated(readFileSync(path));
    for (const inbox of ["storescp", "storescp-tls"]) {
      const [arrived, ...more] = site.peers.inbox(inbox).filter((file) => hasText(file, deflatedUid));
      expect(more).toEqual([]);
      expect(await inflated(arrived!)).toBe(expected);
    }
  });

  it("storescu's ways to propose, and TLS", async () => {
    const each = await Promise.all(
      ["default", "combined", "required"].map((name) => made(name, "dcmconv", "+te")),
    );
    const judged = await site.judged(3, async () => {
      for (const [i, options] of [[], ["+C"], ["-R", "+C"]].entries())
        await run("storescu", ...options, ...site.to("plain"), each[i]!);
    });
    await expectArrived(judged, await Promise.all(each.map(dataSetIn)));
  });

  it("dcmsend", async () => {
    const judged = await site.judged(slices.length, () => run("dcmsend", ...site.to("plain"), ...slices));
    await expectArrived(judged, await Promise.all(slices.map(dataSetIn)));
  });

  it("Orthanc, plain and TLS", async () => {
    const path = await made("from-orthanc", "dcmconv", "+te");
    const upload = await fetch(`http://127.0.0.1:${orthanc.http}/instances`, {
      method: "POST",
      body: readFileSync(path),
    });
    const { ID } = (await upload.json()) as { ID: string };
    for (const [modality, source, state] of [
      ["plain", "old", "admitted"],
      ["secure", "orthanc", "resent"],
    ]) {
      const judged = await site.judged(1, async () => {
        const url = `http://127.0.0.1:${orthanc.http}/modalities/${modality}/store`;
        expect((await fetch(url, { method: "POST", body: JSON.stringify([ID]) })).status).toBe(200);
      });
      expect(judged).toMatchObject([{ source, state }]);
      if (state === "admitted") await expectArrived(judged, [await dataSetIn(path)]);
    }
  });

  itWithPeer(
    "corpus",
    "28 sealed slices: storescu and scanseal send; each archive has what it was sent",
    async () => {
      const series = join(peerPath("corpus"), "ct-series", "lidc-0314-nodule");
      const home = join(site.sealed.folder, "home");
      const sealing = place.run("--home", home, "seal", series, "--device", "CT1", "--out", "sealed");
      expect(sealing).toMatchObject({ status: 0 });
      const sealed = readdirSync(site.path("sealed"))
        .filter((name) => name.endsWith(".dcm"))
        .map((name) => site.path("sealed", name));
      expect(sealed).toHaveLength(28);
      const ours = sealed.slice(0, 14);
      const theirs = sealed.slice(14);
      const tls = ["--tls-cert", "ct1.pem", "--tls-key", "ct1.key", "--tls-ca", "authority.pem"];
      const target = [`127.0.0.1:${site.ports.secure}`, "--called", ourTitle, "--calling", "CT1"];
      const own = await site.judged(14, async () => {
        expect(place.run("send", ...ours, "--to", ...target, ...tls)).toMatchObject({ status: 0 });
      });
      expect(own.map(({ source, verdict }) => `${source} ${verdict}`)).toEqual(
        ours.map(() => "ct1 verified"),
      );
      await expectArrived(own, await Promise.all(ours.map(dataSetIn)), "otherwise");
      const peers = await site.judged(14, () =>
        run("storescu", "-aet", "CT1", ...dcmtkTls(site, "ct1"), ...site.to("secure"), ...theirs),
      );
      // storescu writes every element anew: blank names become empty, and group lengths fit them. The seal stands.
      expect(peers.map(({ verdict, state }) => `${verdict} ${state}`)).toEqual(
        theirs.map(() => "verified admitted"),
      );
      for (const destination of destinations) await site.delivered(peers, destination);
      const inbox = await inboxOf("storescp");
      const isUnchanged = async (path: string) => inbox.has(digestOf(await dataSetIn(path)));
      expect(await Promise.all(theirs.map(isUnchanged))).toEqual(theirs.map(() => false));
      const again = await site.judged(1, () => run("storescu", ...site.to("plain"), ours[0]!));
      expect(again).toMatchObject([{ verdict: "verified", state: "resent" }]);
      // What Orthanc serves verifies; the other one serves the same.
      for (const [i, file] of (await filesOf(orthanc.http)).entries())
        if (hasText(file.subarray(0, 1024), "1.3.6.1.4.1.14519.5.2.1")) place.write(`served/${i}.dcm`, file);
      const others = await servedBy(orthancTls);
      expect([...(await servedBy(orthanc))].filter((digest) => !others.has(digest))).toEqual([]);
      const check = place.run("--home", home, "verify", "served");
      expect(check).toMatchObject({ status: 0 });
      expect(check.stdout).toContain("28 verified");
    },
  );

  it("an archive's association serves a burst, not one object", () => {
    const count = (pattern: RegExp) => storescp.text().match(pattern)?.length ?? 0;
    expect(count(/Received Store Request/g)).toBeGreaterThan(count(/^I: Association Received/gm));
  });

  it("drains", async () => {
    expect(await site.lines("fault", 0)).toEqual([]);
    expect(await site.lines("delivery-failed", 0)).toEqual([]);
    expect(await site.stop()).toBe(0);
  });
});

/** Transfer syntaxes of each context that the gateway proposed to storescp, joined. */
function proposals(): string[] {
  const contexts = storescp
    .text()
    .split(/Context ID: +\d+ \(Proposed\)/)
    .slice(1);
  return contexts.map((text) =>
    [...(text.split("Requested Extended")[0] ?? "").matchAll(/^D: {7}(=\S+|[\d.]+)$/gm)]
      .map(([, name]) => name)
      .join(" "),
  );
}
