/** A quarantine with objects in it, on the real journal and object store, as the gateway leaves them there. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { type Bytes, toHex } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import type { Journal, JudgedObject, Judgement, StoredFinding } from "../../src/store/journal/journal.ts";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { openFolderObjectStore } from "../../src/store/objects/folder-object-store.ts";
import type { ObjectStore } from "../../src/store/objects/object-store.ts";
import type { SpoolLocation } from "../../src/store/spool/spool.ts";
import { findingsOf } from "../../src/zero-trust/policy/findings.ts";
import type { QuarantinePorts } from "../../src/zero-trust/quarantine/ports.ts";

export interface HeldOptions {
  readonly bytes: Bytes;
  /** Undefined: the check could not be completed. */
  readonly verdict?: string | undefined;
  readonly sopInstanceUid?: string;
  readonly seriesInstanceUid?: string | undefined;
  readonly studyInstanceUid?: string | undefined;
  readonly disposition?: Judgement["disposition"];
  readonly findings?: readonly StoredFinding[];
  readonly receivedAt?: number;
  /** Of a copy in the spool; then there is none in the object store. */
  readonly location?: SpoolLocation;
}

/** A finding as the policy words it. */
export function malformedFinding(): StoredFinding {
  const [found] = findingsOf({
    unreadable: {
      code: "tag-duplicate",
      tag: "(7FE0,0010)",
      offset: 512,
      message: "the element occurs twice",
    },
    signatures: [],
  });
  return { ...found!, location: { ...found!.location } };
}

/** Acknowledged, judged and, unless told otherwise, held. */
export async function addHeld(
  { journal, objects }: { readonly journal: Journal; readonly objects: ObjectStore },
  options: HeldOptions,
): Promise<JudgedObject> {
  const { bytes, receivedAt = Date.now() } = options;
  const { sopInstanceUid = "2.25.1", seriesInstanceUid = "2.25.20", studyInstanceUid = "2.25.30" } = options;
  const digest = toHex(nodeCrypto.hash("SHA-256", bytes));
  const id = newId();
  await journal.addReceived([
    {
      id,
      receivedAt,
      source: "ct-1",
      peerTitle: "CT1\u001b[31m",
      peerAddress: "10.0.0.7",
      sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
      sopInstanceUid,
      transferSyntaxUid: "1.2.840.10008.1.2.1",
      seriesInstanceUid: "seriesInstanceUid" in options ? options.seriesInstanceUid : seriesInstanceUid,
      studyInstanceUid: "studyInstanceUid" in options ? options.studyInstanceUid : studyInstanceUid,
      modality: "CT",
      bytes: bytes.length,
      digest,
      dataSetOffset: 132,
      arrival: { uidDiffers: false },
      location: options.location ?? { extents: [], bytes: bytes.length },
    },
  ]);
  await judge({ journal, objects }, id, options);
  return (await journal.object(id))!;
}

/** What the gateway does with an object that waits. */
export async function judge(
  { journal, objects }: { readonly journal: Journal; readonly objects: ObjectStore },
  id: string,
  options: HeldOptions,
): Promise<void> {
  const { bytes, verdict, disposition = "held", findings = [], receivedAt = Date.now(), location } = options;
  // An object whose bytes were just purged is not judged within the minute.
  const leases = await journal.claimReceived("test", 1_000, 60_000, receivedAt + 120_000);
  const lease = leases.find(({ work }) => work.id === id);
  if (!lease) throw new Error("the object does not wait");
  async function* content(): AsyncGenerator<Bytes> {
    yield bytes;
  }
  if (!location) await objects.put(lease.work.digest, content());
  await journal.commitJudgement(
    id,
    lease.fence,
    {
      verdict,
      disposition,
      assurance: undefined,
      basis: disposition === "held" ? undefined : "observed",
      mode: "enforce",
      enforced: disposition,
      findings,
      payloadDigest: undefined,
      sealedBy: undefined,
      stored: location === undefined,
      judgedAt: receivedAt,
    },
    disposition === "held" ? [] : ["archive"],
  );
}

export interface TestQuarantine {
  readonly folder: string;
  readonly ports: QuarantinePorts;
  /** Milliseconds that the clock is ahead. */
  ahead: number;
  close(): Promise<void>;
}

export async function openTestQuarantine(): Promise<TestQuarantine> {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-quarantine-"));
  mkdirSync(join(folder, "data"));
  const journal = await openSqliteJournal(join(folder, "data", "journal.sqlite"));
  const objects = await openFolderObjectStore(join(folder, "data", "objects"));
  const place: TestQuarantine = {
    folder,
    ahead: 0,
    ports: {
      journal,
      objects,
      openSpooled: () => Promise.reject(new ScansealError("io", "no spool here")),
      crypto: nodeCrypto,
      clock: { now: () => Date.now() + place.ahead },
      newId,
    },
    close: async () => {
      await journal.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return place;
}
