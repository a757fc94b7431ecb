/**
 * Readers of a gate that ask by every door, again and again, while things are killed: each compares what it is given with what was sent, and with
 * what it was told that there is. What breaks off is asked for again; what is wrong is written down.
 */

import { plainTextOf } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import { connectDimse, type DimseClient, type RetrieveResult } from "../../src/dicom-network/dimse/client.ts";
import { type DimseServer, startDimseServer } from "../../src/dicom-network/dimse/server.ts";
import type { StoreReceiver, StoreRequest } from "../../src/dicom-network/dimse/service.ts";
import { queryRetrieveClassUid } from "../../src/dicom-network/dimse/sop-classes.ts";
import type { Query } from "../../src/dicom-network/query/query.ts";
import type { RetrieveIdentifier } from "../../src/dicom-network/query/retrieve-identifier.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { secondaryCaptureClass } from "../../src/zero-trust/gateway/reading/notice.ts";
import { parse } from "../evaluation/fixture.ts";
import type { SeededRandom } from "../evaluation/seeded-random.ts";
import { askWeb, jsonOf, partsOf } from "../gateway/web-request.ts";
import { type CrashLoad, type CrashObject, keyOf } from "./crash-objects.ts";
import { pause } from "./crash-process.ts";

const ctStorage = "1.2.840.10008.5.1.4.1.1.2";
const explicit = "1.2.840.10008.1.2.1";
const implicit = "1.2.840.10008.1.2";
/** PS3.4 table C.4-2: some sub-operations failed or had warnings. */
const someFailed = 0xb000;

export const doors = ["C-FIND", "C-GET", "C-MOVE", "QIDO-RS", "WADO-RS study", "WADO-RS instance"] as const;
export type Door = (typeof doors)[number];

export interface ReadTally {
  /** Questions that were answered to their end. */
  readonly answered: Readonly<Record<Door, number>>;
  /** Broken off by a kill, or refused while something was away. */
  readonly brokenOff: number;
  /** Objects that came, each compared byte by byte (by digest) with what was sent. */
  readonly objects: number;
  readonly notices: number;
  /** One sentence each: what was given and must not be, what was left out without a word. */
  readonly faults: readonly string[];
}

interface Came {
  readonly uids: Set<string>;
  notices: number;
}

export interface HospitalPorts {
  readonly dicom: number;
  readonly web: number;
  /** Of the reader's own storage, AE title SINK. */
  readonly sink: number;
  readonly aeTitle: string;
}

export class HospitalReaders {
  readonly #answered: Record<Door, number> = Object.fromEntries(doors.map((door) => [door, 0])) as Record<
    Door,
    number
  >;
  readonly #faults: string[] = [];
  readonly #byKey: ReadonlyMap<string, CrashObject>;
  /** UIDs of which something may be given. */
  readonly #soundUids: ReadonlySet<string>;
  readonly #studies: readonly string[];
  readonly #ports: HospitalPorts;
  #sink: DimseServer | undefined;
  /** Of the C-MOVE under way: one at a time. */
  #moved: Came = { uids: new Set(), notices: 0 };
  #brokenOff = 0;
  #objects = 0;
  #notices = 0;
  #isOver = false;

  constructor(load: CrashLoad, ports: HospitalPorts) {
    this.#byKey = new Map(load.map((object) => [object.key, object]));
    const sound = load.filter(({ truth }) => truth === "verified");
    this.#soundUids = new Set(sound.map(({ sopInstanceUid }) => sopInstanceUid));
    this.#studies = [...new Set(sound.map(({ studyInstanceUid }) => studyInstanceUid))];
    this.#ports = ports;
  }

  async open(): Promise<void> {
    this.#sink = await startDimseServer(
      { host: "127.0.0.1", port: this.#ports.sink },
      {
        admit: () => ({
          accept: (_, [transferSyntax]) =>
            transferSyntax === undefined ? { refuse: 4 } : { transferSyntax },
        }),
        store: (request) => this.#taker("C-MOVE", request, () => this.#moved),
      },
    );
  }

  async close(): Promise<void> {
    await this.#sink?.close();
  }

  tally(): ReadTally {
    return {
      answered: { ...this.#answered },
      brokenOff: this.#brokenOff,
      objects: this.#objects,
      notices: this.#notices,
      faults: this.#faults,
    };
  }

  /** Asks by every door side by side until `stop`, a moment apart. */
  async read(random: SeededRandom): Promise<void> {
    this.#isOver = false;
    const lanes: readonly (() => Promise<unknown>)[] = [
      () => this.#overDimse(this.#any(random), random.below(2) === 0 ? "C-GET" : "C-MOVE"),
      () => this.#overWeb(this.#any(random)),
    ];
    await Promise.all(
      [...lanes, ...lanes.slice(1)].map(async (ask) => {
        while (!this.#isOver) {
          await this.#tried(ask);
          await pause(random.below(100));
        }
      }),
    );
  }

  stop(): void {
    this.#isOver = true;
  }

  /** When all is quiet and everybody is there: every study by every door. @returns the UIDs that each door listed or gave */
  async readAll(): Promise<ReadonlyMap<Door, ReadonlySet<string>>> {
    const given = new Map<Door, Set<string>>();
    const note = (door: Door, uids: Iterable<string>): void => {
      const all = given.get(door) ?? new Set<string>();
      for (const uid of uids) all.add(uid);
      given.set(door, all);
    };
    for (const study of this.#studies) {
      for (const retrieve of ["C-GET", "C-MOVE"] as const) {
        const { listed, came } = await this.#overDimse(study, retrieve);
        note("C-FIND", listed);
        note(retrieve, came.uids);
      }
      const { listed, came } = await this.#overWeb(study);
      note("QIDO-RS", listed);
      note("WADO-RS study", came.uids);
    }
    return given;
  }

  #any(random: SeededRandom): string {
    return this.#studies[random.below(this.#studies.length)]!;
  }

  /** A kill in the middle is no fault of anybody's. */
  async #tried(ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask();
    } catch (error) {
      if (error instanceof TypeError) this.#faults.push(`a reader: ${error}`);
      this.#brokenOff++;
    }
  }

  async #overDimse(
    study: string,
    retrieve: "C-GET" | "C-MOVE",
  ): Promise<{ readonly listed: ReadonlySet<string>; readonly came: Came }> {
    const client = await this.#connected();
    try {
      const listed = new Set<string>();
      for await (const { elements } of client.find(imagesOf(study)))
        listed.add(plainTextOf(elements, tags.sopInstanceUid) ?? "");
      this.#expectSound("C-FIND", listed);
      this.#answered["C-FIND"]++;
      const came: Came = { uids: new Set(), notices: 0 };
      this.#moved = came;
      const result =
        retrieve === "C-GET"
          ? await client.get(studyOf(study), (request) => this.#taker("C-GET", request, () => came))
          : await client.move("SINK", studyOf(study));
      this.#expectWhole(retrieve, study, listed, came, isTold(result, came));
      this.#answered[retrieve]++;
      await client.release();
      return { listed, came };
    } finally {
      client.abort("over");
    }
  }

  async #connected(): Promise<DimseClient> {
    const classes = (["find", "move", "get"] as const).map((operation) =>
      queryRetrieveClassUid("study", operation),
    );
    const storage = [ctStorage, secondaryCaptureClass];
    return connectDimse({
      host: "127.0.0.1",
      port: this.#ports.dicom,
      callingAeTitle: "WS",
      calledAeTitle: this.#ports.aeTitle,
      contexts: [...classes, ...storage].map((abstractSyntax, i) => ({
        id: 2 * i + 1,
        abstractSyntax,
        transferSyntaxes: [i < classes.length ? implicit : explicit],
      })),
      roles: storage.map((sopClassUid) => ({ sopClassUid, scu: false, scp: true })),
    });
  }

  async #overWeb(study: string): Promise<{ readonly listed: ReadonlySet<string>; readonly came: Came }> {
    const found = await this.#asked(`/studies/${study}/instances?limit=1000`);
    const records = found.status === 204 ? [] : jsonOf(found.body);
    const listed = new Set(records.map((one) => String(one["00080018"]?.Value?.[0])));
    this.#expectSound("QIDO-RS", listed);
    this.#answered["QIDO-RS"]++;
    const came: Came = { uids: new Set(), notices: 0 };
    const whole = await this.#asked(`/studies/${study}`);
    if (whole.status === 200 || whole.status === 206) {
      for (const { body } of await partsOf(whole)) await this.#take("WADO-RS study", body, came);
      const isWarned = whole.status === 206 || whole.headers.warning !== undefined || came.notices > 0;
      this.#expectWhole("WADO-RS study", study, listed, came, isWarned);
    }
    this.#answered["WADO-RS study"]++;
    const [one] = records;
    const series = one?.["0020000E"]?.Value?.[0];
    if (series !== undefined) {
      const [uid] = listed;
      const alone = await this.#asked(`/studies/${study}/series/${series}/instances/${uid}`);
      if (alone.status === 200)
        for (const { body } of await partsOf(alone))
          await this.#take("WADO-RS instance", body, { uids: new Set(), notices: 0 });
      this.#answered["WADO-RS instance"]++;
    }
    return { listed, came };
  }

  async #asked(at: string): ReturnType<typeof askWeb> {
    const answer = await askWeb({ port: this.#ports.web, path: `/dicom-web${at}` });
    // What is told is told.
    if (![200, 204, 206, 403, 404].includes(answer.status)) throw new Error(`status ${answer.status}`);
    return answer;
  }

  #taker(door: Door, { sopInstanceUid, sopClassUid }: StoreRequest, came: () => Came): StoreReceiver {
    const parts: Bytes[] = [];
    // Of the retrieval that it began in.
    const own = came();
    return {
      write: (bytes) => void parts.push(bytes.slice()),
      end: async () => {
        this.#given(door, sopClassUid, sopInstanceUid, concatBytes(parts), own);
        return { code: 0 };
      },
      cancel: () => undefined,
    };
  }

  async #take(door: Door, file: Bytes, came: Came): Promise<void> {
    const object = await parse(file).catch(() => undefined);
    if (!object) {
      this.#faults.push(`${door} gave what cannot be read`);
      return;
    }
    const { elements, metaEnd } = object;
    const [sopClass, uid] = [tags.sopClassUid, tags.sopInstanceUid].map(
      (tag) => plainTextOf(elements, tag) ?? "",
    );
    this.#given(door, sopClass!, uid!, file.subarray(metaEnd), came);
  }

  /** The one rule: proven bytes, or a notice. */
  #given(door: Door, sopClassUid: string, uid: string, dataSet: Bytes, came: Came): void {
    const object = this.#byKey.get(keyOf(dataSet));
    if (object) {
      this.#objects++;
      came.uids.add(uid);
      if (object.truth !== "verified") this.#faults.push(`${door} gave ${uid}, which is ${object.truth}`);
      if (object.sopInstanceUid !== uid) this.#faults.push(`${door} gave ${object.sopInstanceUid} as ${uid}`);
      return;
    }
    if (sopClassUid !== secondaryCaptureClass || this.#soundUids.has(uid))
      this.#faults.push(`${door} gave ${uid}, with bytes that nobody sent`);
    this.#notices++;
    came.notices++;
  }

  #expectSound(door: Door, uids: ReadonlySet<string>): void {
    for (const uid of uids) if (!this.#soundUids.has(uid)) this.#faults.push(`${door} lists ${uid}`);
  }

  /** Never 299 of 300 without a word. */
  #expectWhole(
    door: Door,
    study: string,
    listed: ReadonlySet<string>,
    { uids }: Came,
    isSaid: boolean,
  ): void {
    const missing = [...listed].filter((uid) => !uids.has(uid));
    if (missing.length > 0 && !isSaid)
      this.#faults.push(
        `${door} of ${study}: ${missing.length} of ${listed.size} left out in silence: ${missing[0]}`,
      );
  }
}

function isTold({ status, failed = 0, warning = 0, failedUids }: RetrieveResult, { notices }: Came): boolean {
  const isRefused = status.code !== 0 && status.code !== someFailed;
  return isRefused || notices + failed + warning + failedUids.length > 0;
}

const studyOf = (study: string): RetrieveIdentifier => ({
  root: "study",
  level: "STUDY",
  studyUids: [study],
  seriesUids: [],
  instanceUids: [],
});

const imagesOf = (study: string): Query => ({
  root: "study",
  level: "IMAGE",
  keys: [
    { path: [tags.studyInstanceUid], match: { kind: "uids", values: [study] } },
    { path: [tags.seriesInstanceUid], match: { kind: "uids", values: [seriesOf(study)] } },
    { path: [tags.sopInstanceUid], match: { kind: "universal" } },
  ],
  isEverythingAsked: false,
  offset: 0,
  limit: undefined,
});

/** crash-objects.ts: one series for each study. */
function seriesOf(study: string): string {
  return `2.25.${Number(study.slice("2.25.".length)) + 10_000}`;
}
