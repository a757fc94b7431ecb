/** An archive that is a folder, what was admitted of it, and a reading desk between it and a reader; the same checks as a gate's. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findElement, plainTextOf } from "../../src/dicom/elements.ts";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import { type Bytes, concatBytes, toHex } from "../../src/foundation/bytes.ts";
import type { MalformedCode, ScansealError } from "../../src/foundation/errors.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { nodeCrypto, systemClock } from "../../src/platform/node/crypto.ts";
import { StagingFolder } from "../../src/site/gateway/staging.ts";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import type { Holding, ReturnedObject } from "../../src/zero-trust/gateway/reading/instance-reading.ts";
import type { Notices } from "../../src/zero-trust/gateway/reading/notice.ts";
import type {
  AdmittedEntry,
  HeldInstance,
  InstanceName,
  Opener,
  ReadScope,
} from "../../src/zero-trust/gateway/reading/ports.ts";
import type { Read } from "../../src/zero-trust/gateway/reading/read.ts";
import { ReadingDesk } from "../../src/zero-trust/gateway/reading/reading-desk.ts";
import type { Mode } from "../../src/zero-trust/policy/decide.ts";
import type { EmergencyGrant } from "../../src/zero-trust/quarantine/emergency.ts";
import {
  openedByRelease,
  openedInEmergency,
  type ReleaseToReader,
} from "../../src/zero-trust/quarantine/opened.ts";
import { slice } from "../attacks/objects.ts";
import { Office } from "../derivations/office.ts";
import { parse } from "../evaluation/fixture.ts";
import { examinerOf } from "./gate.ts";

export const site: Office = new Office();
const folder = mkdtempSync(join(tmpdir(), "scanseal-reading-"));

export async function endReading(): Promise<void> {
  await site.close();
  rmSync(folder, { recursive: true, force: true });
}

export async function nameOf(bytes: Bytes): Promise<InstanceName & { readonly sopClassUid: string }> {
  const { elements } = await parse(bytes);
  const uid = (tag: number): string => plainTextOf(elements, tag) ?? "";
  return {
    studyInstanceUid: uid(tags.studyInstanceUid),
    seriesInstanceUid: uid(tags.seriesInstanceUid),
    sopInstanceUid: uid(tags.sopInstanceUid),
    sopClassUid: uid(tags.sopClassUid),
  };
}

/** Three slices of one series, sealed, and a fourth that is not. */
export const study = "2.25.100";
export const series = "2.25.101";
export const original = (n: number, accessionNumber = "A1"): Bytes =>
  slice([
    textElement(tags.studyInstanceUid, "UI", study),
    textElement(tags.seriesInstanceUid, "UI", series),
    textElement(tags.sopInstanceUid, "UI", `2.25.20${n}`),
    textElement(0x00080050, "SH", accessionNumber),
  ]);
export const sealed: readonly Bytes[] = await Promise.all([1, 2, 3].map(async (n) => site.seal(original(n))));
export const unsealed: Bytes = original(4);

/** With one pixel changed by one. */
export async function altered(bytes: Bytes): Promise<Bytes> {
  const pixels = findElement((await parse(bytes)).elements, tags.pixelData)!;
  const changed = bytes.slice();
  changed[pixels.valueOffset + 700]! ^= 1;
  return changed;
}

/** As an archive that is a folder: whoever has the folder changes what is in it. */
class FolderArchive {
  readonly name = "pacs";
  readonly tolerate: readonly MalformedCode[] = [];
  readonly files: Map<string, Bytes> = new Map();
  fetched = 0;
  failure: ScansealError | undefined;

  async *list({ sopInstanceUid }: ReadScope): AsyncGenerator<InstanceName> {
    if (this.failure) throw this.failure;
    for (const uid of this.files.keys())
      if (sopInstanceUid === undefined || sopInstanceUid === uid)
        yield { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: uid };
  }

  async fetch({ sopInstanceUid }: InstanceName): Promise<AsyncIterable<Bytes> | undefined> {
    this.fetched++;
    if (this.failure) throw this.failure;
    const bytes = this.files.get(sopInstanceUid);
    return bytes && pieces(bytes);
  }
}

async function* pieces(bytes: Bytes): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
}

export class Place {
  readonly archive: FolderArchive = new FolderArchive();
  readonly copies: Map<string, Bytes> = new Map();
  readonly held: ReturnedObject[] = [];
  readonly events: GatewayEvent[] = [];
  grant: EmergencyGrant | undefined;
  release: ReleaseToReader | undefined;
  notices: Notices = {
    subjectOf: () => Promise.reject(new Error("nobody makes notices here")),
    make: () => Promise.reject(new Error("nobody makes notices here")),
  };
  readonly heldBefore: HeldInstance[] = [];
  readonly desk: ReadingDesk;
  readonly entries: AdmittedEntry[];
  /** Admitted, and not in the index yet. */
  readonly latest: AdmittedEntry[] = [];
  /** Object ids of what no archive was given yet. */
  readonly underWay: Set<string> = new Set();
  readonly staging: string;
  now: number = systemClock.now();

  private constructor(staging: StagingFolder, folder: string, entries: AdmittedEntry[], hasArchive: boolean) {
    this.entries = entries;
    this.staging = folder;
    const { copies } = this;
    this.desk = new ReadingDesk({
      archive: hasArchive ? this.archive : undefined,
      replicas: {
        has: async ({ digest }) => copies.has(digest),
        open: async ({ digest }) => (copies.has(digest) ? pieces(copies.get(digest)!) : undefined),
      },
      staging,
      examiner: examinerOf(site),
      hold: (returned) => this.#hold(returned),
      events: (event) => this.events.push(event),
      quarantine: {
        held: async () => this.heldBefore,
        releasedTo: async (_, { sopInstanceUid }) =>
          this.release?.held.sopInstanceUid === sopInstanceUid ? heldAs(this.release.held) : undefined,
        openerFor: async (reader, _, held) => this.#openerFor(reader, held),
      },
      clock: { now: () => this.now },
      cache: { bytesMax: 10_000_000, ageMsMax: 60_000 },
      notices: {
        subjectOf: (object) => this.notices.subjectOf(object),
        make: (request) => this.notices.make(request),
      },
      admitted: {
        async *entriesOf({ sopInstanceUid }) {
          for (const entry of entries)
            if (sopInstanceUid === undefined || entry.sopInstanceUid === sopInstanceUid) yield entry;
        },
      },
      admissions: {
        entryOf: async ({ sopInstanceUid }) =>
          this.latest.find((entry) => entry.sopInstanceUid === sopInstanceUid),
        wasDelivered: async (objectId) => !this.underWay.has(objectId),
      },
      aheadMax: 3,
    });
  }

  #openerFor(reader: string, held: HeldInstance | undefined): Opener {
    const { grant, release } = this;
    return (object) => {
      if (grant) return openedInEmergency(object, reader, grant, this.now);
      if (!release || held?.objectId !== release.held.id) return undefined;
      return openedByRelease(object, object.staged.digest, reader, release, this.now);
    };
  }

  #hold: Holding = async (returned) => `held-${this.held.push(returned)}`;

  /** From now on. */
  holdWith(hold: Holding): { readonly ids: readonly string[] } {
    const ids: string[] = [];
    this.#hold = async (returned) => {
      const id = await hold(returned);
      ids.push(id);
      return id;
    };
    return { ids };
  }

  /** All of them in the archive, admitted as they are. */
  static async open(objects: readonly Bytes[], hasArchive = true): Promise<Place> {
    const entries = await Promise.all(
      objects.map(async (bytes, i): Promise<AdmittedEntry> => {
        const { evidence, decision } = await site.judge(bytes, {});
        return {
          ...(await nameOf(bytes)),
          objectId: `object-${i + 1}`,
          digest: toHex(nodeCrypto.hash("SHA-256", bytes)),
          payloadDigest: evidence.manifest?.payloadDigest,
          verdict: decision.verdict,
        };
      }),
    );
    const staging = mkdtempSync(join(folder, "staging-"));
    writeFileSync(join(staging, "left-by-a-crash"), "x");
    const limits = { objectBytesMax: 1 << 20, bytesMax: 8 << 20 };
    const place = new Place(await StagingFolder.open(staging, limits), staging, entries, hasArchive);
    for (const [i, { sopInstanceUid }] of entries.entries())
      place.archive.files.set(sopInstanceUid, objects[i]!);
    return place;
  }

  /** A line for each instance: what became of it, and whether the bytes are those. */
  async read(mode: Mode = "warn", scope: ReadScope = { studyInstanceUid: study }): Promise<string[]> {
    const plan = await this.desk.plan(scope);
    const lines: string[] = [];
    for await (const one of this.desk.read(plan, { name: "reader", mode })) lines.push(await told(one));
    const { archiveUnlisted } = await plan.others;
    return [...lines, archiveUnlisted === undefined ? "end" : `end, unlisted: ${archiveUnlisted}`];
  }

  told(kind: GatewayEvent["kind"]): GatewayEvent[] {
    return this.events.filter((event) => event.kind === kind);
  }
}

function heldAs({ id, digest, sopInstanceUid, verdict = "altered" }: JudgedObject): HeldInstance {
  const names = { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid };
  return { ...names, objectId: id, digest, verdict, codes: [] };
}

async function told(one: Read): Promise<string> {
  if (one.kind === "withheld") {
    const { withholding, instance } = one;
    const codes = "codes" in withholding ? ` ${withholding.verdict} ${withholding.codes.join(",")}` : "";
    const code = "code" in withholding ? ` ${withholding.code}` : "";
    return `${instance.sopInstanceUid} ${withholding.why}${codes}${code}`;
  }
  const { object } = one.object;
  const basis =
    one.kind === "opened" ? `${one.object.opening.kind.toUpperCase()} ${object.verdict}` : one.object.basis;
  const leaving: Bytes[] = [];
  for await (const piece of object.staged.read()) leaving.push(piece.slice());
  one.done();
  const digest = toHex(nodeCrypto.hash("SHA-256", concatBytes(leaving)));
  return `${object.sopInstanceUid} ${basis} ${object.archive ?? "copy"} ${digest === object.staged.digest}`;
}
