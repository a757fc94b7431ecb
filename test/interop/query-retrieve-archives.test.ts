/** Our client at the archives of DCMTK and Orthanc, and Orthanc at our provider: queries, retrievals, storage commitment. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { plainTextOf } from "../../src/dicom/elements.ts";
import type { DicomObject } from "../../src/dicom/model.ts";
import { type Tag, tags } from "../../src/dicom/tags.ts";
import type { PresentationContext } from "../../src/dicom-network/dimse/association.ts";
import { connectDimse, type DimseClient, type DimseTarget } from "../../src/dicom-network/dimse/client.ts";
import { type DimseServer, startDimseServer } from "../../src/dicom-network/dimse/server.ts";
import type { StoreRequest } from "../../src/dicom-network/dimse/service.ts";
import { queryRetrieveClassUid, storageCommitmentClass } from "../../src/dicom-network/dimse/sop-classes.ts";
import type { Query, QueryLevel } from "../../src/dicom-network/query/query.ts";
import type { RetrieveIdentifier } from "../../src/dicom-network/query/retrieve-identifier.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { type ArchivedObject, archived, MemoryArchive } from "../dicom-network/memory-archive.ts";
import { RecordingProvider } from "../dicom-network/recording-provider.ts";
import { makeTlsMaterial, type TlsMaterial } from "../dicom-network/tls-material.ts";
import { type Tunnel, tunnelOutOfTls } from "../dicom-network/tls-tunnel.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { describePeer } from "../peers.ts";
import { DimsePeers, phantomFiles } from "./dimse-peers.ts";

const implicit = "1.2.840.10008.1.2";
const explicit = "1.2.840.10008.1.2.1";
const ct = "1.2.840.10008.5.1.4.1.1.2";

let peers: DimsePeers;
let tls: TlsMaterial;
let files: Bytes[];
let paths: string[];
let objects: ArchivedObject[];
let archive: MemoryArchive;
const servers: DimseServer[] = [];
const clients: DimseClient[] = [];
const tunnels: Tunnel[] = [];

beforeAll(async () => {
  peers = new DimsePeers();
  tls = await makeTlsMaterial();
  files = phantomFiles();
  paths = files.map((file, i) => peers.write(`${i}.dcm`, file));
  objects = await Promise.all(files.map(archived));
});
afterEach(async () => {
  for (const client of clients.splice(0)) if (client.isOpen) await client.release();
  for (const tunnel of tunnels.splice(0)) tunnel.close();
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => peers.close());

/** @returns its port */
async function serve(): Promise<number> {
  archive = new MemoryArchive(objects);
  const server = await startDimseServer({ host: "127.0.0.1", port: 0 }, archive);
  servers.push(server);
  return server.port;
}

/** Something that takes what is moved, or committed. */
async function reader(): Promise<{ provider: RecordingProvider; port: number }> {
  const provider = new RecordingProvider();
  const server = await startDimseServer({ host: "127.0.0.1", port: await freePort() }, provider);
  servers.push(server);
  return { provider, port: server.port };
}

const studyUid = (): string => objects[0]!.textOf(tags.studyInstanceUid);
const seriesUid = (): string => objects[0]!.textOf(tags.seriesInstanceUid);
const instanceUids = (): string[] => objects.map(({ sopInstanceUid }) => sopInstanceUid).sort();

function expectSame(got: readonly Bytes[]): void {
  const sorted = (all: readonly Bytes[]): string[] =>
    all.map((one) => Buffer.from(one).toString("base64")).sort();
  const same = sorted(got).map((one, i) => one === sorted(objects.map(({ dataSet }) => dataSet))[i]);
  expect(same).toEqual(objects.map(() => true));
}

const tagsWanted: Readonly<Record<QueryLevel, readonly Tag[]>> = {
  PATIENT: [tags.patientId],
  STUDY: [tags.studyInstanceUid, tags.patientName],
  SERIES: [tags.seriesInstanceUid, tags.modality],
  IMAGE: [tags.sopInstanceUid, tags.sopClassUid],
};

function queryAt(level: QueryLevel, above: readonly (readonly [Tag, string])[]): Query {
  const keys = [
    ...above.map(([tag, value]) => ({ path: [tag], match: { kind: "single", value } as const })),
    ...tagsWanted[level].map((tag) => ({ path: [tag], match: { kind: "universal" } as const })),
  ];
  return { root: "study", level, keys, isEverythingAsked: false, offset: 0, limit: undefined };
}

async function allOf(matches: AsyncIterable<DicomObject>): Promise<DicomObject[]> {
  const all: DicomObject[] = [];
  for await (const match of matches) all.push(match);
  return all;
}

function contexts(): PresentationContext[] {
  const classes = [
    ...(["find", "move", "get"] as const).map((operation) => queryRetrieveClassUid("study", operation)),
    storageCommitmentClass,
  ];
  return [
    ...classes.map((abstractSyntax, i) => ({
      id: 2 * i + 1,
      abstractSyntax,
      transferSyntaxes: [explicit, implicit],
    })),
    { id: 51, abstractSyntax: ct, transferSyntaxes: [objects[0]!.transferSyntaxUid] },
  ];
}

async function open(
  target: Pick<DimseTarget, "port" | "calledAeTitle"> & Partial<DimseTarget>,
): Promise<DimseClient> {
  const client = await connectDimse({
    host: "127.0.0.1",
    callingAeTitle: "READER",
    contexts: contexts(),
    roles: [{ sopClassUid: ct, scu: false, scp: true }],
    ...target,
  });
  clients.push(client);
  return client;
}

const seriesIdentifier = (): RetrieveIdentifier => ({
  root: "study",
  level: "SERIES",
  studyUids: [studyUid()],
  seriesUids: [seriesUid()],
  instanceUids: [],
});

/** Asks at all levels, then gets and moves the series. */
async function walk(client: DimseClient, provider: RecordingProvider): Promise<void> {
  const [study] = await allOf(client.find(queryAt("STUDY", [])));
  expect(plainTextOf(study!.elements, tags.studyInstanceUid)).toBe(studyUid());
  const inStudy = [[tags.studyInstanceUid, studyUid()]] as const;
  const [series] = await allOf(client.find(queryAt("SERIES", inStudy)));
  expect(plainTextOf(series!.elements, tags.seriesInstanceUid)).toBe(seriesUid());
  const inSeries = [...inStudy, [tags.seriesInstanceUid, seriesUid()]] as const;
  const images = await allOf(client.find(queryAt("IMAGE", inSeries)));
  expect(images.map(({ elements }) => plainTextOf(elements, tags.sopInstanceUid)).sort()).toEqual(
    instanceUids(),
  );
  const taken = new RecordingProvider();
  const got = await client.get(seriesIdentifier(), (request: StoreRequest) => taken.store(request));
  expect(got).toMatchObject({ status: { code: 0 }, completed: 4, failedUids: [] });
  expectSame(taken.taken.map(({ dataSet }) => dataSet));
  const progress: unknown[] = [];
  const onProgress = (one: unknown): void => void progress.push(one);
  const moved = await client.move("READER", seriesIdentifier(), { onProgress });
  expect(moved).toMatchObject({ status: { code: 0 }, completed: 4 });
  expect(progress.length).toBeGreaterThan(0);
  expectSame(provider.taken.map(({ dataSet }) => dataSet));
  const nowhere = await client.move("NOBODY", seriesIdentifier());
  expect(nowhere.status.code).toBeGreaterThanOrEqual(0xa700);
}

describePeer(["dcmqrscp", "storescu"], "our client at dcmqrscp", () => {
  it.each([[false], [true]])("finds, gets and moves, TLS %s", async (isTls) => {
    const { provider, port: readerPort } = await reader();
    const { port: plain } = await peers.dcmqrscp(`qr-${isTls}`, { READER: readerPort });
    const stored = await peers.run("storescu", "-aec", "ARCHIVE", "127.0.0.1", `${plain}`, ...paths);
    expect(stored.status).toBe(0);
    if (!isTls) {
      await walk(await open({ port: plain, calledAeTitle: "ARCHIVE" }), provider);
      return;
    }
    const tunnel = await tunnelOutOfTls(plain, tls);
    tunnels.push(tunnel);
    const { certificatePem: certificate, keyPem: key } = tls.client;
    const own = { tls: { authorities: tls.authority, certificate, key } };
    await walk(await open({ port: tunnel.port, calledAeTitle: "ARCHIVE", ...own }), provider);
  });
});

describePeer("Orthanc", "our client and provider, and Orthanc", () => {
  it("Orthanc asks our provider, and has the study moved to itself", async () => {
    const port = await serve();
    const { dicom, http } = await peers.orthanc("orthanc-user", {
      DicomModalities: { ours: ["OURS", "127.0.0.1", port] },
    });
    archive.destinations.set("ORTHANC", dicom);
    const post = async (at: string, body: unknown): Promise<{ readonly ID: string }> => {
      const answer = await fetch(`http://127.0.0.1:${http}${at}`, {
        method: "POST",
        body: JSON.stringify(body),
      });
      expect(answer.ok).toBe(true);
      return (await answer.json()) as { ID: string };
    };
    const wanted = {
      PatientName: "*",
      StudyDate: "20260101-20260131",
      ModalitiesInStudy: "",
      StudyDescription: "",
    };
    const { ID } = await post("/modalities/ours/query", { Level: "Study", Query: wanted });
    expect(await (await fetch(`http://127.0.0.1:${http}/queries/${ID}/answers`)).json()).toEqual(["0"]);
    expect(archive.queries[0]!.keys).toContainEqual({
      path: [0x00080020],
      match: { kind: "range", from: "20260101", to: "20260131" },
    });
    await post(`/queries/${ID}/retrieve`, { TargetAet: "ORTHANC", Synchronous: true });
    const held = (await (await fetch(`http://127.0.0.1:${http}/instances`)).json()) as string[];
    expect(held).toHaveLength(4);
    const kept = await Promise.all(
      held.map(async (id) =>
        archived(
          new Uint8Array(await (await fetch(`http://127.0.0.1:${http}/instances/${id}/file`)).arrayBuffer()),
        ),
      ),
    );
    expectSame(kept.map(({ dataSet }) => dataSet));
  });

  it("finds, gets and moves; commits both ways", async () => {
    const { provider, port: readerPort } = await reader();
    const ourArchive = new MemoryArchive(objects);
    const ours = await startDimseServer({ host: "127.0.0.1", port: 0 }, ourArchive);
    servers.push(ours);
    const { dicom, http } = await peers.orthanc("orthanc-qr", {
      DicomAlwaysAllowFind: true,
      DicomAlwaysAllowGet: true,
      DicomAlwaysAllowMove: true,
      DicomModalities: {
        reader: ["READER", "127.0.0.1", readerPort],
        ours: ["OURS", "127.0.0.1", ours.port],
      },
    });
    const stored: string[] = [];
    for (const file of files) {
      const answer = await fetch(`http://127.0.0.1:${http}/instances`, {
        method: "POST",
        body: new Uint8Array(file),
      });
      stored.push(((await answer.json()) as { ID: string }).ID);
    }
    await walk(await open({ port: dicom, calledAeTitle: "ORTHANC" }), provider);

    // Orthanc asks us: N-ACTION, and our report on an association of ours.
    const url = `http://127.0.0.1:${http}/modalities/ours/storage-commitment`;
    const answer = await fetch(url, { method: "POST", body: JSON.stringify({ Resources: stored }) });
    const { ID } = (await answer.json()) as { ID: string };
    expect(ourArchive.commitments).toHaveLength(1);
    const [request] = ourArchive.commitments;
    expect(request!.instances.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(instanceUids());
    const reporter = await open({
      port: dicom,
      calledAeTitle: "ORTHANC",
      callingAeTitle: "OURS",
      roles: [{ sopClassUid: storageCommitmentClass, scu: false, scp: true }],
    });
    const { transactionUid, instances } = request!;
    const failed = [{ ...instances[0]!, reason: 0x0112 }];
    const reported = await reporter.reportCommitment({
      transactionUid,
      committed: instances.slice(1),
      failed,
    });
    expect(reported.code).toBe(0);
    const status = await fetch(`http://127.0.0.1:${http}/storage-commitment/${ID}`);
    expect(await status.json()).toMatchObject({
      Status: "Failure",
      Success: { length: 3 },
      Failures: { length: 1 },
    });
  });
});
