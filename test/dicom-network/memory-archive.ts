/** An archive in memory: a provider of queries, retrievals and storage commitment over objects of a test. */
import { setTimeout as later } from "node:timers/promises";
import { lookup } from "../../src/dicom/dictionary/dictionary.ts";
import { nameTextOf } from "../../src/dicom/elements.ts";
import { type NewElement, textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { type Tag, tags } from "../../src/dicom/tags.ts";
import type { Vr } from "../../src/dicom/vr.ts";
import type { AssociateRequest } from "../../src/dicom-network/dimse/association.ts";
import { connectDimse } from "../../src/dicom-network/dimse/client.ts";
import type {
  AdmissionAnswer,
  DimseProvider,
  DimseStatus,
  FindAnswer,
  FindRequest,
  GetRequest,
  MissingInstance,
  MoveOriginator,
  MoveRequest,
  OfferedInstance,
  OpenAssociation,
  Retrieval,
  StoreReceiver,
  SubOperationOutcome,
} from "../../src/dicom-network/dimse/service.ts";
import { DimseRefusal } from "../../src/dicom-network/dimse/service.ts";
import type {
  CommitmentReport,
  CommitmentRequest,
} from "../../src/dicom-network/dimse/storage-commitment.ts";
import { encodeIdentifier } from "../../src/dicom-network/query/identifier.ts";
import type { Matching, Query, QueryLevel } from "../../src/dicom-network/query/query.ts";
import type { RetrieveIdentifier } from "../../src/dicom-network/query/retrieve-identifier.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";

export interface ArchivedObject {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly dataSet: Bytes;
  textOf(tag: Tag): string;
}

export async function archived(file: Bytes): Promise<ArchivedObject> {
  const { elements, metaEnd, transferSyntax } = await readDicom(new MemorySource(file));
  const textOf = (tag: Tag): string => nameTextOf(elements, tag) ?? "";
  return {
    sopClassUid: textOf(tags.sopClassUid),
    sopInstanceUid: textOf(tags.sopInstanceUid),
    transferSyntaxUid: transferSyntax.uid,
    dataSet: file.subarray(metaEnd),
    textOf,
  };
}

const unique: Readonly<Record<QueryLevel, Tag>> = {
  PATIENT: tags.patientId,
  STUDY: tags.studyInstanceUid,
  SERIES: tags.seriesInstanceUid,
  IMAGE: tags.sopInstanceUid,
};

export class MemoryArchive implements DimseProvider {
  readonly objects: readonly ArchivedObject[];
  /** AE title -> port on this machine. */
  readonly destinations: Map<string, number> = new Map();
  readonly queries: Query[] = [];
  readonly asked: RetrieveIdentifier[] = [];
  readonly commitments: CommitmentRequest[] = [];
  readonly #reports: CommitmentReport[] = [];
  #reported: (() => void) | undefined;
  readonly associations: AssociateRequest[] = [];
  /** Held before each step of a retrieval. */
  pace: () => Promise<unknown> = () => Promise.resolve();
  /** UIDs of instances it says are gone. */
  readonly missing: Set<string> = new Set();

  constructor(objects: readonly ArchivedObject[]) {
    this.objects = objects;
  }

  admit(request: AssociateRequest): AdmissionAnswer {
    this.associations.push(request);
    const stored = new Set(this.objects.map(({ transferSyntaxUid }) => transferSyntaxUid));
    return {
      accept: (_, offered) => ({ transferSyntax: offered.find((uid) => stored.has(uid)) ?? offered[0]! }),
      roles: () => ({ scu: true, scp: true }),
      extended: (_, information) => Uint8Array.of(information[0] ?? 0),
    };
  }

  store(): StoreReceiver | DimseStatus {
    return { code: 0xa700 };
  }

  async *find(request: FindRequest): AsyncGenerator<FindAnswer> {
    const { query, transferSyntaxUid } = request;
    this.queries.push(query);
    const seen = new Set<string>();
    for (const object of this.objects) {
      const id = object.textOf(unique[query.level]);
      if (seen.has(id) || !matches(object, query)) continue;
      seen.add(id);
      await this.pace();
      yield { dataSet: encodeIdentifier(answerOf(object, query), transferSyntaxUid) };
    }
  }

  async move(request: MoveRequest): Promise<Retrieval<SubOperationOutcome>> {
    this.asked.push(request.identifier);
    const port = this.destinations.get(request.destination);
    if (port === undefined) throw new DimseRefusal({ code: 0xa801 });
    const wanted = this.#wanted(request.identifier);
    const { association, messageId } = request;
    const by = { aeTitle: association.request.callingAeTitle, messageId };
    return { total: () => wanted.length, steps: this.#moved(wanted, port, by) };
  }

  async *#moved(
    wanted: readonly ArchivedObject[],
    port: number,
    moveOriginator: MoveOriginator,
  ): AsyncGenerator<SubOperationOutcome> {
    const pairs = new Map(wanted.map((one) => [`${one.sopClassUid} ${one.transferSyntaxUid}`, one]));
    const contexts = [...pairs.values()].map((one, i) => ({
      id: 2 * i + 1,
      abstractSyntax: one.sopClassUid,
      transferSyntaxes: [one.transferSyntaxUid],
    }));
    const target = { host: "127.0.0.1", port, callingAeTitle: "ARCHIVE", calledAeTitle: "READER" };
    const client = await connectDimse({ ...target, contexts });
    try {
      for (const object of wanted) {
        await this.pace();
        const { sopInstanceUid } = object;
        if (this.missing.has(sopInstanceUid)) {
          yield { sopInstanceUid, outcome: "failed" };
          continue;
        }
        const { code } = await client.store({ ...object, moveOriginator }, pieces(object.dataSet));
        yield { sopInstanceUid, outcome: code === 0 ? "completed" : "failed" };
      }
    } finally {
      await client.release().catch(() => undefined);
    }
  }

  async get(request: GetRequest): Promise<Retrieval<OfferedInstance | MissingInstance>> {
    this.asked.push(request.identifier);
    const wanted = this.#wanted(request.identifier);
    return { total: () => wanted.length, steps: this.#given(wanted) };
  }

  async *#given(wanted: readonly ArchivedObject[]): AsyncGenerator<OfferedInstance | MissingInstance> {
    for (const object of wanted) {
      await this.pace();
      const { sopInstanceUid } = object;
      if (this.missing.has(sopInstanceUid)) yield { sopInstanceUid, isMissing: true };
      else yield { ...object, dataSet: () => pieces(object.dataSet) };
    }
  }

  commit(request: CommitmentRequest): DimseStatus {
    this.commitments.push(request);
    return { code: 0 };
  }

  report(report: CommitmentReport, _: OpenAssociation): DimseStatus {
    this.#reports.push(report);
    this.#reported?.();
    return { code: 0 };
  }

  async nextReport(): Promise<CommitmentReport> {
    while (this.#reports.length === 0)
      await new Promise<void>((resolve) => {
        this.#reported = resolve;
      });
    return this.#reports.shift()!;
  }

  #wanted({ patientId, studyUids, seriesUids, instanceUids }: RetrieveIdentifier): ArchivedObject[] {
    const has = (list: readonly string[], uid: string): boolean => list.length === 0 || list.includes(uid);
    return this.objects.filter(
      (one) =>
        (patientId === undefined || one.textOf(tags.patientId) === patientId) &&
        has(studyUids, one.textOf(tags.studyInstanceUid)) &&
        has(seriesUids, one.textOf(tags.seriesInstanceUid)) &&
        has(instanceUids, one.sopInstanceUid),
    );
  }
}

function matches(object: ArchivedObject, { keys }: Query): boolean {
  return keys.every(({ path, match }) => fits(object.textOf(path.at(-1)!), match));
}

function fits(value: string, match: Matching): boolean {
  switch (match.kind) {
    case "universal":
      return true;
    case "single":
      return value === match.value;
    case "uids":
      return match.values.includes(value);
    case "range":
      return value >= (match.from ?? "") && value <= (match.to ?? "99999999");
    case "wildcard":
      return wildcard(match.pattern).test(value);
  }
}

function wildcard(pattern: string): RegExp {
  const parts = pattern.split(/([*?])/).map((part) => {
    if (part === "*") return ".*";
    return part === "?" ? "." : part.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`, "i");
}

function answerOf(object: ArchivedObject, { keys, level }: Query): NewElement[] {
  const known = keys.filter(({ path }) => path.length === 1);
  return [
    textElement(0x00080052, "CS", level),
    ...known.map(({ path: [tag] }) =>
      textElement(tag!, (lookup(tag!)?.vr ?? "LO") as Vr, object.textOf(tag!)),
    ),
  ];
}

/** In pieces, as from a disk. */
async function* pieces(bytes: Bytes): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += 50_000) {
    await later(0);
    yield bytes.subarray(at, at + 50_000);
  }
}
