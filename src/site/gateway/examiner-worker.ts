/** A thread that examines: an object in the spool in, its evidence out. */
import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { encodePart10, textElement } from "../../dicom/encode.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { tags } from "../../dicom/tags.ts";
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { type ByteSource, MemorySource, readChunks } from "../../foundation/byte-source.ts";
import { type Bytes, toHex, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { createTrustStore, type TrustStore } from "../../keys/trust/trust-store.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { parsePolicy } from "../../provenance/transparency-log/proof/witness-policy.ts";
import { collectEvidence } from "../../zero-trust/evidence/collect.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import type { ExaminedEvidence, ExaminedObject } from "../../zero-trust/gateway/ports.ts";
import { markSignerOf } from "../mark-signers.ts";
import { OpenedProvenance } from "../provenance/opened-provenance.ts";
import { timeTrustOf } from "../provenance/time-file.ts";
import type { Examination, ExaminationReply, ExaminerData } from "./examination.ts";
import { packedAttributesOf } from "./index-attributes.ts";
import { withExtents } from "./spooled-object.ts";

/** A judge stands for one moment: certificates end, and a seal made since must not lie in its future (within the skew allowed, 5 min). */
const judgeMs = 30_000;

const decoder = new CodecPool({ workersMax: 1 });
const started = workerData as ExaminerData;
const provenance = new OpenedProvenance(started.provenance);
const logPolicy =
  started.logPolicy === undefined ? undefined : parsePolicy(utf8(started.logPolicy), nodeCrypto);
const timeTrust = started.time && timeTrustOf(started.time);
let store: TrustStore | undefined;
let judge: TrustJudge | undefined;
let markSigner: ReturnType<typeof markSignerOf>;

function judgeFor({ now, trust }: Examination): TrustJudge {
  if (trust) {
    // Undefined first: where the new store is refused, the old one must not be used for the next object.
    store = undefined;
    judge = undefined;
    store = createTrustStore(trust.content, nodeCrypto);
    markSigner = markSignerOf(trust.markSigners);
  }
  if (!store) throw new ScansealError("internal", "the trust store could not be read");
  if (!judge || Math.abs(now - judge.now) > judgeMs) judge = new TrustJudge(store, nodeCrypto, now);
  return judge;
}

/** @throws ScansealError `io` when the bytes are not those that were acknowledged */
async function requireAcknowledged(source: ByteSource, { bytes, digest }: ExaminedObject): Promise<void> {
  let found: string;
  if (source instanceof MemorySource) found = toHex(nodeCrypto.hash("SHA-256", source.bytes));
  else {
    const hash = nodeCrypto.createHash("SHA-256");
    for await (const chunk of readChunks(source, 0, source.size)) hash.update(chunk);
    found = toHex(hash.digest());
  }
  if (source.size !== bytes || found !== digest) {
    throw new ScansealError("io", "the bytes that were kept are not those that were acknowledged");
  }
}

function evidenceOf(examination: Examination): Promise<ExaminedEvidence> {
  const { object } = examination;
  const trust = judgeFor(examination);
  return withExtents(object.extents, async (source) => {
    await requireAcknowledged(source, object);
    const read = { tolerate: new Set(object.tolerate) };
    const records = await provenance.lookup();
    const beside = { records, logPolicy, timeTrust, readFrom: object.readFrom };
    let packedAttributes: Bytes | undefined;
    const onRead = async (read: DicomObject): Promise<void> => {
      packedAttributes = attributesOrNone(read);
    };
    const evidence = await collectEvidence(source, {
      ...{ crypto: nodeCrypto, trust, decoder, read, markSigner, ...beside },
      onRead: object.isForIndex ? onRead : undefined,
    });
    return packedAttributes ? { ...evidence, packedAttributes } : evidence;
  });
}

/** What is wrong with them is no reason to hold the object: the index tells that it has none. */
function attributesOrNone(object: DicomObject): Bytes | undefined {
  try {
    return packedAttributesOf(object);
  } catch {
    return undefined;
  }
}

function failureOf(error: unknown): ExaminationReply {
  if (error instanceof ScansealError) return { kind: "failed", code: error.code, message: error.message };
  // What another error says may quote the object.
  const name = error instanceof Error ? error.name : "unknown";
  return { kind: "failed", code: "internal", message: `the examination failed (${name})` };
}

/** Loads the dictionary and compiles what every object needs, before the first one waits for it. */
async function warmUp(): Promise<void> {
  const uid = textElement(tags.sopInstanceUid, "UI", "2.25.1");
  const sopClass = textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.7");
  const source = new MemorySource(encodePart10([sopClass, uid], explicitLittleEndianUid));
  const trust = new TrustJudge(createTrustStore({ anchors: [] }, nodeCrypto), nodeCrypto, 0);
  await collectEvidence(source, { crypto: nodeCrypto, trust });
}

function reply(message: ExaminationReply): void {
  parentPort!.postMessage(message);
}

/** Linux gives threads priorities of their own: whoever sends is waited for by a person, and goes first. Elsewhere it would be the whole process. */
function giveWay(): void {
  if (process.platform === "linux") setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
}

/** One after another: the next one may be here already. */
let last: Promise<void> = Promise.resolve();
parentPort!.on("message", (examination: Examination) => {
  last = last
    .then(() => evidenceOf(examination))
    .then(
      (evidence) => reply({ kind: "evidence", evidence }),
      (error: unknown) => reply(failureOf(error)),
    );
});
giveWay();
await warmUp();
reply({ kind: "ready" });
