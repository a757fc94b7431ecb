/**
 * The archive is away for an hour, by a clock that the test sets: what is acknowledged meanwhile is kept and given to readers from here, what only the
 * archive has is withheld with a word, somebody is woken once, and afterwards the archive has everything.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { encodeMeta } from "../../src/dicom/encode.ts";
import { type DimseServer, startDimseServer } from "../../src/dicom-network/dimse/server.ts";
import type { StoreReceiver, StoreRequest } from "../../src/dicom-network/dimse/service.ts";
import { type Bytes, concatBytes, fromLatin1 } from "../../src/foundation/bytes.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { systemClock } from "../../src/platform/node/crypto.ts";
import { loadConfig } from "../../src/site/gateway/config.ts";
import { type RunningGateway, runGateway } from "../../src/site/gateway/run.ts";
import { secondaryCaptureClass } from "../../src/zero-trust/gateway/reading/notice.ts";
import { type ArchivedObject, archived, MemoryArchive } from "../dicom-network/memory-archive.ts";
import { parse } from "../evaluation/fixture.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { SeededRandom } from "../evaluation/seeded-random.ts";
import { makeSealedSite, type SealedSite } from "../gateway/sealed-site.ts";
import { askWeb, jsonOf, partsOf } from "../gateway/web-request.ts";
import { describePeer } from "../peers.ts";
import { type PostgresCluster, startPostgresCluster } from "../store/postgres-cluster.ts";
import { type CrashLoad, keyOf, makeLoad } from "./crash-objects.ts";
import { until } from "./crash-process.ts";
import { CrashSender } from "./crash-sender.ts";

const minute = 60_000;
const title = "GATE";
/** Sealed and sound, of two studies. */
const before = 6;
const patienceMs = 240_000;

let site: SealedSite;
let load: CrashLoad;
let now = Date.now();

beforeAll(async () => {
  vi.spyOn(systemClock, "now").mockImplementation(() => now);
  site = await makeSealedSite();
  const all = await makeLoad(site, 40, new SeededRandom("outage"));
  const uids = new Set<string>();
  load = all.filter(({ truth, sopInstanceUid }) => {
    const isNew = truth === "verified" && !uids.has(sopInstanceUid);
    uids.add(sopInstanceUid);
    return isNew;
  });
});
afterAll(() => {
  site.remove();
  vi.restoreAllMocks();
});

/** Keeps what it gets, and gives it back. */
class TakingArchive extends MemoryArchive {
  readonly taken: ArchivedObject[];
  readonly port: number;
  #server: DimseServer | undefined;

  constructor(port: number, taken: ArchivedObject[] = []) {
    super(taken);
    this.taken = taken;
    this.port = port;
  }

  async open(): Promise<void> {
    this.#server = await startDimseServer({ host: "127.0.0.1", port: this.port }, this);
  }

  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  override store(request?: StoreRequest): StoreReceiver {
    const { sopClassUid, sopInstanceUid, transferSyntaxUid } = request!;
    const parts: Bytes[] = [
      encodeMeta(fromLatin1(sopClassUid), fromLatin1(sopInstanceUid), transferSyntaxUid),
    ];
    return {
      write: (bytes) => void parts.push(bytes.slice()),
      end: async () => {
        this.taken.push(await archived(concatBytes(parts)));
        return { code: 0 };
      },
      cancel: () => undefined,
    };
  }
}

interface Alarm {
  readonly alarm: string;
  readonly phase: string;
}

class Outage {
  readonly archive: TakingArchive;
  readonly alarms: Alarm[] = [];
  readonly events: GatewayEvent[] = [];
  readonly #ports: { readonly dicom: number; readonly web: number };
  readonly #receiver: Server;
  #gateway: RunningGateway | undefined;

  private constructor(archive: TakingArchive, ports: { readonly dicom: number; readonly web: number }) {
    this.archive = archive;
    this.#ports = ports;
    this.#receiver = createServer((request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      request.on("end", () => {
        this.alarms.push(JSON.parse(text) as Alarm);
        response.end();
      });
    });
  }

  static async open(journal: string | { readonly postgres: string }): Promise<Outage> {
    const [dicom, web, http, archivePort] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const outage = new Outage(new TakingArchive(archivePort), { dicom, web });
    await outage.archive.open();
    await new Promise<void>((resolve) => {
      outage.#receiver.listen(0, "127.0.0.1", resolve);
    });
    const host = "127.0.0.1";
    const name = typeof journal === "string" ? "sqlite" : "postgres";
    const config = {
      aeTitle: title,
      home: join(site.folder, "home"),
      data: join(site.folder, name),
      journal,
      http: { host, port: http },
      listeners: [
        { name: "plain", host, port: dicom },
        { name: "web", protocol: "dicomweb", host, port: web },
      ],
      sources: [{ name: "ct", listener: "plain", mode: "enforce", aeTitles: ["CT1"] }],
      destinations: [{ name: "archive", host, port: archivePort, aeTitle: "ARCHIVE", takes: "admitted" }],
      reading: {
        archive: { name: "pacs", host, port: archivePort, aeTitle: "ARCHIVE" },
        readers: [{ name: "browsers", listener: "web", mode: "enforce" }],
      },
      alerts: { webhook: { url: `http://${host}:${(outage.#receiver.address() as AddressInfo).port}/` } },
    };
    const loaded = loadConfig(site.write(`${name}.yaml`, JSON.stringify(config)));
    if (!loaded.config) throw new Error(JSON.stringify(loaded.problems));
    outage.#gateway = await runGateway(loaded.config, {
      version: "test",
      events: (event) => outage.events.push(event),
    });
    return outage;
  }

  count(kind: GatewayEvent["kind"]): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  /** All acknowledged, and found by readers. */
  async send(objects: CrashLoad, listed: number): Promise<void> {
    const sender = new CrashSender(objects, 1, title);
    await sender.send(this.#ports.dicom);
    expect(sender.acknowledged).toHaveLength(objects.length);
    await until("the index", async () => (await this.listed()) === listed);
  }

  async listed(): Promise<number> {
    const { status, body } = await askWeb({ port: this.#ports.web, path: "/dicom-web/instances?limit=1000" });
    return status === 204 ? 0 : jsonOf(body).length;
  }

  /** What a reader gets of a study, in digests, notices apart. */
  async read(
    study: string,
  ): Promise<{ readonly status: number; readonly keys: readonly string[]; readonly notices: number }> {
    const reply = await askWeb({ port: this.#ports.web, path: `/dicom-web/studies/${study}` });
    const keys: string[] = [];
    let notices = 0;
    for (const { body } of reply.status < 300 ? await partsOf(reply) : []) {
      const { metaEnd, elements } = await parse(body);
      const isNotice = elements.some(
        ({ tag, valueOffset, length }) =>
          tag === 0x00080016 &&
          Buffer.from(body.subarray(valueOffset, valueOffset + length))
            .toString()
            .startsWith(secondaryCaptureClass),
      );
      if (isNotice) notices++;
      else keys.push(keyOf(body.subarray(metaEnd)));
    }
    return { status: reply.status, keys: keys.sort(), notices };
  }

  async close(): Promise<void> {
    await this.#gateway?.stop(1_000);
    await this.archive.close();
    await new Promise((resolve) => this.#receiver.close(resolve));
  }
}

const keysOf = (objects: CrashLoad): string[] => objects.map(({ key }) => key).sort();
const ofStudy = (objects: CrashLoad, study: string): CrashLoad =>
  objects.filter(({ studyInstanceUid }) => studyInstanceUid === study);

let outage: Outage | undefined;
afterEach(() => outage?.close());

async function anHourWithoutArchive(journal: string | { readonly postgres: string }): Promise<void> {
  outage = await Outage.open(journal);
  const { archive, alarms } = outage;
  const old = load.slice(0, before);
  const study = old[0]!.studyInstanceUid;
  const alarmsOf = (name: string): readonly string[] =>
    alarms.filter(({ alarm }) => alarm === name).map(({ phase }) => phase);
  await outage.send(old, before);
  await until("delivery", () => archive.taken.length === before);
  await until("written down", () => outage!.count("delivered") === before);
  await archive.close();

  let sent = before;
  for (const minutes of [1, 1, 1, 1, 2, 9, 15, 15, 15]) {
    now += minutes * minute;
    const downs = outage.count("destination-down");
    const next = load.slice(sent, sent + 2);
    sent += next.length;
    await outage.send(next, sent);
    await until("another try", () => outage!.count("destination-down") > downs);
    if (minutes === 1) expect(alarmsOf("destination-down")).toEqual([]);
    if (minutes === 2) await until("the alarm", () => alarmsOf("destination-down").length > 0);
    if (minutes === 9) {
      // From here, what came since; of what only the archive has, a word.
      const meanwhile = ofStudy(load.slice(before, sent), study);
      const { status, keys, notices } = await outage.read(study);
      expect({ status, keys, notices }).toEqual({ status: 206, keys: keysOf(meanwhile), notices: 1 });
    }
  }
  expect(archive.taken).toHaveLength(before);

  await archive.open();
  now += minute;
  await until("everything delivered", () => outage!.count("delivered") === sent);
  expect(archive.taken.map(({ dataSet }) => keyOf(dataSet)).sort()).toEqual(keysOf(load.slice(0, sent)));
  now += minute;
  for (const uid of new Set(load.slice(0, sent).map(({ studyInstanceUid }) => studyInstanceUid))) {
    const keys = keysOf(ofStudy(load.slice(0, sent), uid));
    expect(await outage.read(uid)).toEqual({ status: 200, keys, notices: 0 });
  }
  expect(alarmsOf("destination-down")).toEqual(["began"]);
  expect(alarmsOf("read-failed")).toEqual(["began"]);
  expect(new Set(alarms.map(({ alarm }) => alarm))).toEqual(new Set(["destination-down", "read-failed"]));
  expect(outage.count("read-missing") + outage.count("read-unknown") + outage.count("read-withheld")).toBe(0);
  expect(outage.events.filter((event) => event.kind === "delivery-failed" && event.isDead)).toEqual([]);
}

it("an hour without the archive, journal in SQLite", { timeout: patienceMs }, async () => {
  await anHourWithoutArchive("sqlite");
});

describePeer("postgres", "with a journal in PostgreSQL", () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgresCluster();
  });
  afterAll(() => cluster.stop());

  it("an hour without the archive", { timeout: patienceMs }, async () => {
    await anHourWithoutArchive({ postgres: await cluster.createDatabase() });
  });
});
