/** Our DIMSE server and client with DCMTK and Orthanc at the other end: what arrives is what was sent, byte for byte. */
import { readdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { inspectFile, type OutgoingFile } from "../../src/cli/sending/outgoing-file.ts";
import { connectDimse, type DimseClient, type DimseTarget } from "../../src/dicom-network/dimse/client.ts";
import { type DimseServer, startDimseServer } from "../../src/dicom-network/dimse/server.ts";
import { readChunks } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { openFileSource } from "../../src/platform/node/file-source.ts";
import { RecordingProvider } from "../dicom-network/recording-provider.ts";
import { makeTlsMaterial, type TlsMaterial } from "../dicom-network/tls-material.ts";
import { describePeer } from "../peers.ts";
import { DimsePeers, dataSetOf, phantomFiles } from "./dimse-peers.ts";

const verification = "1.2.840.10008.1.1";
const implicit = "1.2.840.10008.1.2";

let peers: DimsePeers;
let ours: TlsMaterial;
let theirs: TlsMaterial;
let provider: RecordingProvider;
let server: DimseServer | undefined;
/** Paths of a phantom's slices. */
let slices: string[];
let dataSets: Bytes[];

beforeAll(async () => {
  peers = new DimsePeers();
  [ours, theirs] = [await makeTlsMaterial(), await makeTlsMaterial()];
  const files = phantomFiles();
  slices = files.map((file, i) => peers.write(`${i}.dcm`, file));
  dataSets = await Promise.all(files.map(dataSetOf));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
});
afterAll(() => peers.close());

/** @returns its port */
async function serve(tls?: TlsMaterial): Promise<string> {
  provider = new RecordingProvider();
  const own = tls && {
    certificate: tls.server.certificatePem,
    key: tls.server.keyPem,
    clientAuthorities: tls.authority,
  };
  server = await startDimseServer({ host: "127.0.0.1", port: 0, tls: own }, provider);
  return `${server.port}`;
}

function expectTaken(expected: readonly Bytes[]): void {
  expect(provider.taken).toHaveLength(expected.length);
  const same = provider.taken.map(({ dataSet }, i) => Buffer.compare(dataSet, expected[i]!) === 0);
  expect(same).toEqual(expected.map(() => true));
}

describePeer(["echoscu", "storescu", "dcmsend", "dcmcrle"], "DCMTK to our server", () => {
  it("echoscu", async () => {
    const port = await serve();
    expect(await peers.run("echoscu", "-v", "127.0.0.1", port)).toMatchObject({
      status: 0,
      text: expect.stringContaining("Received Echo Response (Success)"),
    });
    expect((await peers.run("echoscu", "--repeat", "5", "127.0.0.1", port)).status).toBe(0);
    expect(provider.log).toEqual(["association released", "association released"]);
  });

  it("echoscu that aborts instead of releasing", async () => {
    const port = await serve();
    expect((await peers.run("echoscu", "--abort", "127.0.0.1", port)).status).toBe(0);
    expect(provider.log).toEqual(["association aborted"]);
  });

  it("storescu, large and small PDUs", async () => {
    const port = await serve();
    for (const size of ["4096", "131072"]) {
      const sent = await peers.run(
        "storescu",
        "--max-pdu",
        size,
        "--max-send-pdu",
        size,
        "127.0.0.1",
        port,
        ...slices,
      );
      expect(sent).toMatchObject({ status: 0 });
    }
    expectTaken([...dataSets, ...dataSets]);
  });

  it("storescu, RLE", async () => {
    const rle = peers.path("rle.dcm");
    expect((await peers.run("dcmcrle", slices[0]!, rle)).status).toBe(0);
    const { path, dataSetOffset } = await inspectFile(rle);
    const port = await serve();
    expect(await peers.run("storescu", "-xr", "127.0.0.1", port, path)).toMatchObject({ status: 0 });
    const source = await openFileSource(path);
    expectTaken([await source.read(dataSetOffset, source.size - dataSetOffset)]);
    await source.close();
    expect(provider.taken[0]!.request.transferSyntaxUid).toBe("1.2.840.10008.1.2.5");
  });

  it("dcmsend", async () => {
    const port = await serve();
    expect(await peers.run("dcmsend", "127.0.0.1", port, ...slices)).toMatchObject({ status: 0 });
    expect(provider.taken).toHaveLength(slices.length);
    // dcmsend sorts as it likes.
    const sizes = (all: readonly Bytes[]) => all.map(({ length }) => length).sort();
    expect(sizes(provider.taken.map(({ dataSet }) => dataSet))).toEqual(sizes(dataSets));
  });

  it("a refusal and a rejection are told by their names", async () => {
    const port = await serve();
    provider.store = () => ({ code: 0xa700, comment: "no room" });
    const refused = await peers.run("storescu", "-v", "127.0.0.1", port, slices[0]!);
    expect(refused.text).toContain("Refused: OutOfResources");
    provider.admit = () => ({ reject: { result: 1, source: 1, reason: 7 } });
    const rejected = await peers.run("echoscu", "127.0.0.1", port);
    expect(rejected).toMatchObject({
      status: 1,
      text: expect.stringContaining("Called AE Title Not Recognized"),
    });
  });

  it("over mutual TLS", async () => {
    const port = await serve(ours);
    const options = peers.tlsOptions("client", ours);
    expect(await peers.run("echoscu", ...options, "127.0.0.1", port)).toMatchObject({ status: 0 });
    expect(await peers.run("storescu", ...options, "127.0.0.1", port, ...slices)).toMatchObject({
      status: 0,
    });
    expectTaken(dataSets);
    expect(provider.peers[0]!.certificate).toEqual(new Uint8Array(ours.client.der));
    expect((await peers.run("echoscu", "127.0.0.1", port)).status).not.toBe(0);
    const [, key, certificate] = peers.tlsOptions("client", theirs);
    const stranger = ["+tls", key!, certificate!, "+cf", peers.write("ours.pem", ours.authority)];
    expect((await peers.run("echoscu", ...stranger, "127.0.0.1", port)).status).not.toBe(0);
    expect(provider.peers).toHaveLength(2);
  });
});

function clientOf(port: number, files: readonly OutgoingFile[], target: Partial<DimseTarget> = {}) {
  const [first] = files;
  return connectDimse({
    host: "127.0.0.1",
    port,
    callingAeTitle: "SCANSEAL",
    calledAeTitle: "ORTHANC",
    contexts: [
      { id: 1, abstractSyntax: verification, transferSyntaxes: [implicit] },
      { id: 3, abstractSyntax: first!.sopClassUid, transferSyntaxes: [first!.transferSyntaxUid] },
    ],
    ...target,
  });
}

async function sendAll(client: DimseClient, files: readonly OutgoingFile[]): Promise<number[]> {
  const statuses = [(await client.echo()).code];
  for (const file of files) {
    const source = await openFileSource(file.path);
    const { bytes, dataSetOffset } = file;
    const status = await client.store(file, readChunks(source, dataSetOffset, bytes - dataSetOffset));
    statuses.push(status.code);
    await source.close();
  }
  await client.release();
  return statuses;
}

async function expectInbox(files: readonly Bytes[]): Promise<void> {
  const arrived = await Promise.all(files.map(dataSetOf));
  const sorted = (all: readonly Bytes[]) => all.map((bytes) => Buffer.from(bytes)).sort(Buffer.compare);
  const [a, b] = [sorted(arrived), sorted(dataSets)];
  expect(a.map((bytes, i) => bytes.equals(b[i]!))).toEqual(dataSets.map(() => true));
}

describePeer("storescp", "our client to storescp", () => {
  it("plain", async () => {
    const port = await peers.storescp("plain");
    const files = await Promise.all(slices.map(inspectFile));
    expect(await sendAll(await clientOf(port, files), files)).toEqual([0, 0, 0, 0, 0]);
    await expectInbox(peers.inbox("plain"));
  });

  it("over mutual TLS; a certificate of another authority is not taken", async () => {
    const port = await peers.storescp("secured", ...peers.tlsOptions("server", ours));
    const files = await Promise.all(slices.map(inspectFile));
    const tlsOf = ({ client: { certificatePem: certificate, keyPem: key } }: TlsMaterial) => ({
      authorities: ours.authority,
      certificate,
      key,
    });
    const client = await clientOf(port, files, { tls: tlsOf(ours) });
    expect(await sendAll(client, files)).toEqual([0, 0, 0, 0, 0]);
    await expectInbox(peers.inbox("secured"));
    await expect(clientOf(port, files, { tls: tlsOf(theirs) })).rejects.toMatchObject({ code: "network" });
    const other = clientOf(port, files, { tls: { authorities: theirs.authority } });
    await expect(other).rejects.toMatchObject({ message: expect.stringContaining("is not accepted") });
  });

  it("an object that cannot be sent whole does not arrive", async () => {
    const port = await peers.storescp("aborted");
    const files = await Promise.all(slices.map(inspectFile));
    const client = await clientOf(port, files);
    async function* half() {
      yield dataSets[0]!.subarray(0, 200_000);
      throw new Error("the disk is gone");
    }
    await expect(client.store(files[0]!, half())).rejects.toThrow("the disk is gone");
    const after = await clientOf(port, files);
    expect(await after.echo()).toMatchObject({ code: 0 });
    await after.release();
    expect(readdirSync(peers.path("aborted"))).toEqual([]);
  });
});

describePeer("Orthanc", "our client to Orthanc", () => {
  it("stores, and Orthanc serves what was stored", async () => {
    const { dicom, http } = await peers.orthanc();
    const files = await Promise.all(slices.map(inspectFile));
    expect(await sendAll(await clientOf(dicom, files), files)).toEqual([0, 0, 0, 0, 0]);
    const base = `http://127.0.0.1:${http}/instances`;
    const ids = (await (await fetch(base)).json()) as string[];
    const served = ids.map(
      async (id) => new Uint8Array(await (await fetch(`${base}/${id}/file`)).arrayBuffer()),
    );
    await expectInbox(await Promise.all(served));
  });
});
