/** DCMTK's users of queries and retrievals at our provider over an archive in memory. */
import { mkdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { tags } from "../../src/dicom/tags.ts";
import { type DimseServer, startDimseServer } from "../../src/dicom-network/dimse/server.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { type ArchivedObject, archived, MemoryArchive } from "../dicom-network/memory-archive.ts";
import { makeTlsMaterial, type TlsMaterial } from "../dicom-network/tls-material.ts";
import { type Tunnel, tunnelIntoTls } from "../dicom-network/tls-tunnel.ts";
import { describePeer } from "../peers.ts";
import { DimsePeers, type Ended, phantomFiles } from "./dimse-peers.ts";

let peers: DimsePeers;
let tls: TlsMaterial;
let files: Bytes[];
let objects: ArchivedObject[];
let archive: MemoryArchive;
const servers: DimseServer[] = [];
const tunnels: Tunnel[] = [];

beforeAll(async () => {
  peers = new DimsePeers();
  tls = await makeTlsMaterial();
  files = phantomFiles();
  objects = await Promise.all(files.map(archived));
});
afterEach(async () => {
  for (const tunnel of tunnels.splice(0)) tunnel.close();
  for (const server of servers.splice(0)) await server.close();
});

/** @returns the port where a program without TLS finds what speaks it at `port` */
async function intoTls(port: string): Promise<string> {
  const tunnel = await tunnelIntoTls(Number(port), tls);
  tunnels.push(tunnel);
  return `${tunnel.port}`;
}
afterAll(() => peers.close());

/** @returns its port */
async function serve(isTls = false): Promise<string> {
  archive = new MemoryArchive(objects);
  const own = {
    certificate: tls.server.certificatePem,
    key: tls.server.keyPem,
    clientAuthorities: tls.authority,
  };
  const listener = { host: "127.0.0.1", port: 0, tls: isTls ? own : undefined };
  const server = await startDimseServer(listener, archive);
  servers.push(server);
  return `${server.port}`;
}

const studyUid = (): string => objects[0]!.textOf(tags.studyInstanceUid);
const seriesUid = (): string => objects[0]!.textOf(tags.seriesInstanceUid);
const instanceUids = (): string[] => objects.map(({ sopInstanceUid }) => sopInstanceUid).sort();
const keysOf = (keys: readonly string[]): string[] => keys.flatMap((key) => ["-k", key]);

function expectSame(got: readonly Bytes[]): void {
  const sorted = (all: readonly Bytes[]): string[] =>
    all.map((one) => Buffer.from(one).toString("base64")).sort();
  const same = sorted(got).map((one, i) => one === sorted(objects.map(({ dataSet }) => dataSet))[i]);
  expect(same).toEqual(objects.map(() => true));
}

describePeer(["findscu", "movescu", "getscu", "storescp"], "DCMTK's users at our provider", () => {
  const asked = (
    name: "findscu" | "getscu" | "movescu",
    options: readonly string[],
    port: string,
  ): Promise<Ended> => peers.run(name, "-v", ...options, "127.0.0.1", port);

  it.each([[false], [true]])("findscu at each level of both models, TLS %s", async (isTls) => {
    const port = await serve(isTls);
    const options = isTls ? peers.tlsOptions("client", tls) : [];
    const levels: readonly (readonly [readonly string[], string, number])[] = [
      [["-S", "QueryRetrieveLevel=STUDY", "StudyInstanceUID", "PatientName=*"], studyUid(), 1],
      [
        [
          "-S",
          "QueryRetrieveLevel=SERIES",
          `StudyInstanceUID=${studyUid()}`,
          "SeriesInstanceUID",
          "Modality=CT",
        ],
        seriesUid(),
        1,
      ],
      [
        [
          "-S",
          "QueryRetrieveLevel=IMAGE",
          `StudyInstanceUID=${studyUid()}`,
          `SeriesInstanceUID=${seriesUid()}`,
          "SOPInstanceUID",
        ],
        instanceUids()[0]!,
        4,
      ],
      [["-P", "QueryRetrieveLevel=PATIENT", "PatientID", "PatientBirthDate"], "", 1],
    ];
    for (const [[model, ...keys], uid, count] of levels) {
      const { status, text } = await asked("findscu", [...options, model!, ...keysOf(keys)], port);
      expect(status).toBe(0);
      expect(text).toContain(uid);
      expect(text.match(/Find Response: \d+ \(Pending\)/g)).toHaveLength(count);
      expect(text).toContain("Received Final Find Response (Success)");
    }
  });

  it("findscu: what does not fit the model is A900, a cancel is honoured", async () => {
    const port = await serve();
    const unfit = await asked(
      "findscu",
      ["-S", ...keysOf(["QueryRetrieveLevel=PATIENT", "PatientID"])],
      port,
    );
    expect(unfit.text).toContain("Received Final Find Response (Error: DataSetDoesNotMatchSOPClass)");
    const many = keysOf([
      "QueryRetrieveLevel=IMAGE",
      `StudyInstanceUID=${studyUid()}`,
      `SeriesInstanceUID=${seriesUid()}`,
      "SOPInstanceUID",
    ]);
    // Held until the cancel must have come.
    const cancelled = Promise.withResolvers<void>();
    let steps = 0;
    archive.pace = () => (++steps > 2 ? cancelled.promise : Promise.resolve());
    const { text } = await asked("findscu", ["-S", "--cancel", "1", ...many], port);
    cancelled.resolve();
    expect(text).toMatch(/Received Final Find Response \(Cancel/);
  });

  it.each([[false], [true]])("getscu takes every instance as it is, TLS %s", async (isTls) => {
    const served = await serve(isTls);
    const port = isTls ? await intoTls(served) : served;
    const inbox = `got-${isTls}`;
    mkdirSync(peers.path(inbox), { recursive: true });
    const keys = keysOf(["QueryRetrieveLevel=STUDY", `StudyInstanceUID=${studyUid()}`]);
    const { status, text } = await asked("getscu", ["-S", "+B", "-od", peers.path(inbox), ...keys], port);
    expect(status).toBe(0);
    expect(text).toContain("Number of Completed Suboperations : 4");
    const taken = await Promise.all(peers.inbox(inbox).map(archived));
    expectSame(taken.map(({ dataSet }) => dataSet));
  });

  it("getscu is told what fails", async () => {
    const port = await serve();
    archive.missing.add(instanceUids()[0]!);
    mkdirSync(peers.path("some"), { recursive: true });
    const keys = keysOf(["QueryRetrieveLevel=STUDY", `StudyInstanceUID=${studyUid()}`]);
    const { text } = await asked("getscu", ["-d", "-S", "+B", "-od", peers.path("some"), ...keys], port);
    expect(text).toContain("Number of Failed Suboperations    : 1");
    expect(text).toMatch(/0xb000/);
    expect(peers.inbox("some")).toHaveLength(3);
  });

  it.each([[false], [true]])("movescu, with progress and failures, TLS %s", async (isTls) => {
    const served = await serve(isTls);
    const port = isTls ? await intoTls(served) : served;
    const inbox = `moved-${isTls}`;
    archive.destinations.set("READER", await peers.storescp(inbox));
    const series = keysOf([
      "QueryRetrieveLevel=SERIES",
      `StudyInstanceUID=${studyUid()}`,
      `SeriesInstanceUID=${seriesUid()}`,
    ]);
    const move = (to: string): Promise<Ended> => asked("movescu", ["-d", "-S", "-aem", to, ...series], port);
    const moved = await move("READER");
    expect(moved.status).toBe(0);
    expect(moved.text.match(/Remaining Suboperations +: \w+/g)).toEqual([
      ...[3, 2, 1, 0].map((left) => `Remaining Suboperations       : ${left}`),
      "Remaining Suboperations       : none",
    ]);
    expectSame((await Promise.all(peers.inbox(inbox).map(archived))).map(({ dataSet }) => dataSet));
    archive.missing.add(instanceUids()[1]!);
    expect((await move("READER")).text).toMatch(/0xb000/);
    expect((await move("NOBODY")).text).toMatch(/0xa801/);
  });

  it("movescu that cancels, and getscu that is gone in the middle", async () => {
    const port = await serve();
    archive.destinations.set("READER", await peers.storescp("cancelled"));
    const held = Promise.withResolvers<void>();
    let steps = 0;
    archive.pace = () => (++steps > 2 ? held.promise : Promise.resolve());
    const keys = keysOf(["QueryRetrieveLevel=STUDY", `StudyInstanceUID=${studyUid()}`]);
    const cancelled = await asked("movescu", ["-d", "-S", "-aem", "READER", "--cancel", "1", ...keys], port);
    expect(cancelled.text).toMatch(/0xfe00/);
    expect(peers.inbox("cancelled").length).toBeLessThan(4);
    held.resolve();

    // Its folder cannot be written: it gives up on its own.
    archive.pace = () => Promise.resolve();
    const nowhere = peers.path("nowhere");
    const gone = await asked("getscu", ["-S", "+B", "-od", nowhere, ...keys], port);
    expect(gone.status).not.toBe(0);
    const fine = await asked(
      "findscu",
      ["-S", ...keysOf(["QueryRetrieveLevel=STUDY", "StudyInstanceUID"])],
      port,
    );
    expect(fine.text).toContain("Received Final Find Response (Success)");
  });
});
