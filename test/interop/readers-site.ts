/** A gate with readers, Orthanc behind it holding a sealed study, DCMTK's programs in front, and a hand in Orthanc's folder. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { findElement, plainTextOf } from "../../src/dicom/elements.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { type Bytes, equalBytes } from "../../src/foundation/bytes.ts";
import { secondaryCaptureClass } from "../../src/zero-trust/gateway/reading/notice.ts";
import { sampleFile, type Workplace } from "../cli/scanseal-process.ts";
import { parse } from "../evaluation/fixture.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { peerPath } from "../peers.ts";
import { dataSetOf, type Ended, phantomFiles } from "./dimse-peers.ts";
import { GatewaySite, type LogLine, ourTitle } from "./gateway-site.ts";

const uidOf = async (bytes: Bytes, tag: number): Promise<string> =>
  plainTextOf((await parse(bytes)).elements, tag) ?? "";

interface Arrived {
  readonly got: ReadonlyMap<string, Bytes>;
  /** Paths. */
  readonly notices: readonly string[];
}

export interface ReadersChoice {
  /** The gate keeps copies of what it delivered. */
  readonly copies?: boolean;
  /** False: the gate delivers nowhere, and reads from nowhere. */
  readonly hasArchive?: boolean;
}

export class ReadersSite {
  readonly site: GatewaySite;
  /** As they were sealed, by SOP Instance UID. */
  readonly sealed: Map<string, Bytes> = new Map();
  study = "";
  orthanc: { readonly dicom: number; readonly http: number } = { dicom: 0, http: 0 };
  /** Of the DICOMweb listener; whoever asks there is the reader "browsers". */
  webPort = 0;
  /** Of Orthanc, for DICOM. */
  archivePort = 0;
  #reads = 0;

  private constructor(site: GatewaySite) {
    this.site = site;
  }

  /** The study is in Orthanc. Readers: WS (`strict`, enforce), WS2 (`warned`); SINK takes what is moved. */
  /** @param isOverWeb the gate asks the archive over DICOMweb */
  static async open(place: Workplace, isOverWeb = false, choice: ReadersChoice = {}): Promise<ReadersSite> {
    const site = await GatewaySite.open(place);
    const readers = new ReadersSite(site);
    await readers.#fill(isOverWeb, choice);
    return readers;
  }

  async #fill(isOverWeb: boolean, { copies = false, hasArchive = true }: ReadersChoice): Promise<void> {
    const { site } = this;
    this.webPort = await freePort();
    await site.issue("tls-server", "gate");
    // Nothing of it in memory: what is in its folder is what it gives.
    const open = {
      DicomAlwaysAllowFind: true,
      DicomAlwaysAllowGet: true,
      MaximumStorageCacheSize: 0,
      ...(isOverWeb && {
        Plugins: [peerPath("orthanc-dicomweb")],
        DicomWeb: { Enable: true, Root: "/dicom-web/" },
      }),
    };
    const orthanc = await site.peers.orthanc("orthanc", open);
    this.orthanc = orthanc;
    const sinkPort = await site.peers.storescp("sink");
    this.archivePort = orthanc.dicom;
    const through = isOverWeb
      ? { dicomweb: `http://127.0.0.1:${orthanc.http}/dicom-web` }
      : { host: "127.0.0.1", port: orthanc.dicom, aeTitle: "ORTHANC" };
    const web = { name: "web", protocol: "dicomweb", host: "127.0.0.1", port: this.webPort };
    const moveTo = [{ aeTitle: "SINK", host: "127.0.0.1", port: sinkPort }];
    site.configure(
      [{ name: "ct", listener: "plain", aeTitles: ["CT"], mode: "observe", devices: ["CT1"] }],
      hasArchive ? [{ name: "archive", port: orthanc.dicom, aeTitle: "ORTHANC" }] : [],
      {},
      {
        listeners: [...site.listeners(), web],
        reading: {
          ...(hasArchive && { archive: { name: "pacs", ...through } }),
          ...(copies && { copies, copiesSize: "64 MiB" }),
          readers: [
            { name: "strict", listener: "plain", aeTitles: ["WS"], mode: "enforce", moveTo },
            { name: "warned", listener: "plain", aeTitles: ["WS2"] },
            { name: "browsers", listener: "web", mode: "enforce" },
          ],
        },
      },
    );
    await site.start();
    const paths = phantomFiles().map((file, i) => site.write(`${i}.dcm`, file));
    const out: string[] = [];
    for (const path of paths) out.push(await site.sealed.seal(path));
    for (const path of out) {
      const bytes = readFileSync(path);
      this.sealed.set(await uidOf(bytes, tags.sopInstanceUid), bytes);
      this.study = await uidOf(bytes, tags.studyInstanceUid);
    }
    const judged = await site.judged(out.length, () =>
      site.peers.run("storescu", "-aet", "CT", ...site.to("plain"), ...out),
    );
    if (hasArchive) await site.delivered(judged, "archive");
    // Where no archive has it, it lives in the object store too.
    if (copies || !hasArchive) await site.lines("stored", out.length);
  }

  /** A study that no gate ever saw is put into the archive. @returns its UID */
  async addUnseen(uid: string): Promise<string> {
    const path = this.site.write("unseen.dcm", sampleFile(uid));
    await this.site.peers.run("storescu", "-aec", "ORTHANC", "127.0.0.1", `${this.archivePort}`, path);
    return uidOf(readFileSync(path), tags.studyInstanceUid);
  }

  /** Each reading asks the archive again. */
  async restart(): Promise<void> {
    await this.site.stop();
    await this.site.start();
  }

  /** Where Orthanc keeps an instance: whoever has the folder finds it, too. */
  async fileOf(instance: string): Promise<string> {
    const [path] = await this.#filesIn(this.site.peers.path("orthanc"), /^[0-9a-f-]{36}$/, instance);
    if (path === undefined) throw new Error("Orthanc keeps it nowhere");
    return path;
  }

  /** Where the gate keeps it, and what was held in its name. */
  keptFilesOf(instance: string): Promise<readonly string[]> {
    const folder = join(this.site.sealed.folder, "home", "gateway", "objects");
    return this.#filesIn(folder, /^[0-9a-f]{64}$/, instance);
  }

  async #filesIn(folder: string, form: RegExp, instance: string): Promise<readonly string[]> {
    const found: string[] = [];
    for (const name of readdirSync(folder, { recursive: true }) as string[]) {
      const path = join(folder, name);
      if (!form.test(name.split("/").at(-1)!) || !statSync(path).isFile()) continue;
      const bytes = readFileSync(path);
      const isOurs = bytes.subarray(128, 132).toString("latin1") === "DICM";
      if (isOurs && (await uidOf(bytes, tags.sopInstanceUid)) === instance) found.push(path);
    }
    return found;
  }

  async tamper(instance: string, change: (bytes: Bytes) => Promise<Bytes> | Bytes): Promise<() => void> {
    const path = await this.fileOf(instance);
    // The slice of a Buffer is a view.
    const before = new Uint8Array(readFileSync(path));
    writeFileSync(path, await change(before));
    return () => writeFileSync(path, before);
  }

  /** C-GET of the study. @returns what arrived, by SOP Instance UID, the gate's notices apart, and what getscu said */
  async get(
    reader = "WS",
    level: readonly string[] = ["-k", "QueryRetrieveLevel=STUDY", "-k", `StudyInstanceUID=${this.study}`],
  ): Promise<Arrived & { readonly said: string }> {
    const folder = this.site.path(`got-${++this.#reads}`);
    mkdirSync(folder);
    const { text } = await this.site.peers.run(
      "getscu",
      "-v",
      "-aet",
      reader,
      "-aec",
      ourTitle,
      "-S",
      ...level,
      "+B",
      "-od",
      folder,
      "127.0.0.1",
      `${this.site.ports.plain}`,
    );
    return { ...(await this.arrived(folder)), said: text };
  }

  async arrived(folder: string): Promise<Arrived> {
    const got = new Map<string, Bytes>();
    const notices: string[] = [];
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const file = readFileSync(path);
      if ((await uidOf(file, tags.sopClassUid)) === secondaryCaptureClass) notices.push(path);
      else got.set(await uidOf(file, tags.sopInstanceUid), file);
    }
    return { got, notices };
  }

  /** Returned several times, it is held once: as whichever is judged first. */
  async isHeld(returned: readonly LogLine[]): Promise<void> {
    const state = "held";
    await Promise.any(returned.map(({ object }) => this.site.lines("object-judged", 1, { object, state })));
  }

  async expectAsSealed(got: ReadonlyMap<string, Bytes>, without: readonly string[] = []): Promise<void> {
    expect([...got.keys()].sort()).toEqual(
      [...this.sealed.keys()].filter((uid) => !without.includes(uid)).sort(),
    );
    for (const [uid, bytes] of got)
      expect(equalBytes(await dataSetOf(bytes), await dataSetOf(this.sealed.get(uid)!))).toBe(true);
  }

  find(reader: string, ...keys: readonly string[]): Promise<Ended> {
    return this.site.peers.run(
      "findscu",
      "-v",
      "-aet",
      reader,
      "-aec",
      ourTitle,
      "-S",
      ...keys.flatMap((key) => ["-k", key]),
      "127.0.0.1",
      `${this.site.ports.plain}`,
    );
  }
}

/** With one sample changed by one. */
export async function onePixel(bytes: Bytes): Promise<Bytes> {
  const changed = bytes.slice();
  changed[findElement((await parse(bytes)).elements, tags.pixelData)!.valueOffset + 4000]! ^= 1;
  return changed;
}

/** Without its seal. */
export async function stripped(bytes: Bytes): Promise<Bytes> {
  const object = await parse(bytes);
  const seal = object.elements.filter(
    ({ tag }) => tag >>> 16 === 0x0071 || tag === 0xfffafffa || tag === 0x4ffe0001,
  );
  return writeToBytes(
    object,
    seal.map(({ tag }) => ({ kind: "remove", path: [tag] })),
  );
}
