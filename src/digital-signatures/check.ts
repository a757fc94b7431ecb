/**
 * Checking every signature of an object. The numbers are the verification steps of spec/dicom-digital-signature.md.
 * A bad signature is a fact, never an exception.
 */
import { planLength } from "../dicom/byte-plan.ts";
import { findElement } from "../dicom/elements.ts";
import type { DataElement, DicomObject } from "../dicom/model.ts";
import { type Tag, tags } from "../dicom/tags.ts";
import { transferSyntaxOf } from "../dicom/transfer-syntax.ts";
import { type Bytes, toBase64 } from "../foundation/bytes.ts";
import type { Crypto, SignatureCheck } from "../foundation/crypto.ts";
import { rsaBitsMax, signerRsaBitsMin } from "../keys/trust/algorithms.ts";
import { type Alternative, alternativesFor } from "./alternatives.ts";
import { outsideMacStream, traitsOfMacAlgorithm } from "./attributes.ts";
import { coverageOf } from "./coverage.ts";
import { holdsNulPaddedText, MacStream } from "./mac-stream.ts";
import { feedPlans, type PlanConsumer } from "./shared-pass.ts";
import { hasUnknownVr, isSignable, isSignableTag } from "./signable.ts";
import { parseSignatureDateTime } from "./signature-date-time.ts";
import type {
  ComputedResult,
  MacEncoding,
  SignatureFact,
  SignatureProblem,
  SignatureResult,
} from "./signature-fact.ts";
import {
  duplicateUids,
  type FoundSignature,
  findSignatures,
  readSignature,
  type SignatureRecord,
} from "./signature-record.ts";

export interface CheckOptions {
  readonly crypto: Crypto;
}

const asWritten: Alternative = { encoding: "as-written", options: {} };
/** Signatures checked in one object: a report whose items are signed one by one has dozens. */
const signaturesMax = 64;
/** Bytes hashed for one object, as a multiple of its size, so that many signatures over one large image cannot cost hours. */
const hashedSizesMax = 16;
const hashedBytesFree = 1 << 20;
/** Literals of streams that are hashed in one pass; beyond this another pass is made. */
const passLiteralBytesMax = 32 << 20;

/** One signature on its way to a fact. */
interface Job {
  readonly found: FoundSignature;
  readonly record: SignatureRecord;
  /** Strength and notes; structure is in the record. */
  readonly problems: SignatureProblem[];
  /** Elements of the stream: the signed ones, then the signature item's. */
  readonly listed: readonly DataElement[];
  readonly own: readonly DataElement[];
  weak: boolean;
  computed: ComputedResult | undefined;
  encoding?: MacEncoding;
  otherSign?: boolean;
  /** Listed sequences that the signer hashed in part. */
  partial?: ReadonlySet<Tag>;
}

interface Context {
  readonly object: DicomObject;
  readonly crypto: Crypto;
  /** Bytes that may still be hashed. */
  budget: number;
}

/**
 * Every signature of the data set and of items, in document order. An empty answer means "no signature": a verdict of its own.
 * @throws ScansealError `io` when the source cannot be read
 */
export async function checkSignatures(
  object: DicomObject,
  options: CheckOptions,
): Promise<readonly SignatureFact[]> {
  const { crypto } = options;
  const budget = hashedSizesMax * object.dataSource.size + hashedBytesFree;
  const context: Context = { object, crypto, budget };
  const found = findSignatures(object); // 1
  const duplicates = duplicateUids(found); // 2
  const jobs: Job[] = [];
  for (const [n, signature] of found.entries()) {
    if (n < signaturesMax) {
      const record = await readSignature(signature, duplicates, object.dataSource); // 3, 4
      jobs.push(prepare(signature, record));
    } else {
      jobs.push(prepare(signature, { problems: [{ code: "too-many-signatures" }] }));
      break;
    }
  }
  await computeAll(jobs, context); // 8
  for (const job of jobs) if (job.computed === "altered") await reconsider(job, context);
  return jobs.map(factOf);
}

function prepare(found: FoundSignature, record: SignatureRecord): Job {
  const structured = record.problems.length === 0;
  const tagList = new Set(structured ? record.signedTags : []);
  const listed = found.scope.filter((element) => tagList.has(element.tag));
  const own = structured ? found.item!.elements.filter(isInMacStream) : [];
  const job: Job = { found, record, problems: [], listed, own, weak: false, computed: undefined };
  if (!structured) {
    job.computed = "unchecked";
    return job;
  }
  judgeStrength(job);
  judgeElements(job);
  return job;
}

/** Of the signature item: what is known before the signature is made. */
function isInMacStream(element: DataElement): boolean {
  return !outsideMacStream.has(element.tag) && isSignable(element);
}

/** 5. The suite is fixed: what the object says of its algorithms can only lower its standing. */
function judgeStrength(job: Job): void {
  const { record, problems } = job;
  const { keyAlgorithm, keyBits } = record.certificate!;
  if (traitsOfMacAlgorithm(record.macAlgorithm!).legacy) problems.push({ code: "hash-legacy" });
  if (keyAlgorithm === "unsupported" || keyBits > rsaBitsMax) {
    problems.push({ code: "key-unsupported" });
    job.computed = "unchecked";
  } else if (keyAlgorithm === "RSA" && keyBits < signerRsaBitsMin) {
    problems.push({ code: "key-short" });
  }
  job.weak = problems.length > 0;
}

/** 6. A listed element that is present and unsignable fails the signature; it is not skipped. */
function judgeElements(job: Job): void {
  const { record, problems } = job;
  for (const element of job.listed) {
    if (!isSignableTag(element.tag)) {
      problems.push({ code: "listed-never-signable", tag: element.tag });
      job.computed = "unchecked";
    } else if (hasUnknownVr(element)) {
      problems.push({ code: "listed-vr-lost", tag: element.tag });
      job.computed ??= "vr-lost";
    } else if (holdsNulPaddedText(element)) {
      problems.push({ code: "text-nul-padded", tag: element.tag });
    }
  }
  if (record.vrLost !== undefined) {
    problems.push({ code: "listed-vr-lost", tag: record.vrLost });
    job.computed ??= "vr-lost";
  }
  if (parseSignatureDateTime(record.dateTime!) === undefined)
    problems.push({ code: "date-time-without-zone" });
}

/** 8. One pass over the bulk data for all signatures, or as few as memory allows. */
async function computeAll(jobs: readonly Job[], context: Context): Promise<void> {
  let pass: Running[] = [];
  let literals = 0;
  for (const job of jobs) {
    if (job.computed !== undefined) continue;
    const running = start(job, asWritten, context);
    if (!running) continue;
    pass.push(running);
    literals += running.literalBytes;
    if (literals > passLiteralBytesMax) {
      await finish(pass, context);
      pass = [];
      literals = 0;
    }
  }
  await finish(pass, context);
}

interface Running extends PlanConsumer {
  readonly job: Job;
  readonly check: SignatureCheck;
  readonly literalBytes: number;
}

/** Undefined, with the job's result set, when it cannot be computed. */
function start(job: Job, alternative: Alternative, context: Context): Running | undefined {
  const { record } = job;
  const stream = new MacStream(alternative.options);
  for (const element of job.listed) stream.add(element);
  for (const element of job.own) stream.add(element);
  const plan = stream.steps();
  const cost = planLength(plan);
  if (cost > context.budget) {
    if (job.computed === undefined) job.problems.push({ code: "too-many-signatures" });
    job.computed ??= "unchecked";
    return undefined;
  }
  context.budget -= cost;
  try {
    const { hash } = traitsOfMacAlgorithm(record.macAlgorithm!);
    const check = context.crypto.createSignatureCheck(record.certificate!.publicKey, hash);
    const update = (bytes: Bytes): void => check.update(bytes);
    const sink = alternative.truncation?.buffer.filter(update) ?? update;
    return { job, check, plan, literalBytes: stream.literalBytes, sink };
  } catch {
    // A key that its certificate encodes wrongly, or a hash this platform no longer has.
    job.problems.push({ code: "key-unsupported" });
    job.weak = true;
    job.computed = "unchecked";
    return undefined;
  }
}

async function finish(pass: readonly Running[], context: Context): Promise<void> {
  if (pass.length === 0) return;
  await feedPlans(pass, context.object.dataSource);
  for (const { job, check } of pass) {
    if (await check.verify(job.record.signature!)) {
      job.computed = "valid";
      job.encoding = "as-written";
    } else {
      job.computed = "altered";
    }
  }
}

/** 7, 9. Why it does not fit: another codec, another legitimate encoding, or a change. */
async function reconsider(job: Job, context: Context): Promise<void> {
  if (job.record.macAlgorithm === "RIPEMD160") {
    // Signers over OpenSSL 1 used a second DigestInfo OID that current implementations do not check.
    job.computed = "unchecked";
    return;
  }
  if (isTranscoded(job, context.object)) {
    job.computed = "transcoded";
    return;
  }
  for (const alternative of alternativesFor(job.listed, job.own)) {
    const running = start(job, alternative, context);
    if (!running) return;
    await feedPlans([running], context.object.dataSource);
    if (await running.check.verify(job.record.signature!)) {
      job.computed = "valid";
      job.encoding = alternative.encoding;
      job.otherSign = alternative.otherSign === true;
      notePartial(job, alternative);
      return;
    }
  }
}

/** The signature fits, but only over what the signer hashed of these sequences. */
function notePartial(job: Job, { truncation }: Alternative): void {
  if (!truncation) return;
  job.partial = truncation.partial;
  for (const tag of truncation.partial) job.problems.push({ code: "signed-in-part", tag });
}

/** 7. Pixel Data was signed in another transfer syntax than it is in: native in all its forms counts as one. */
function isTranscoded(job: Job, object: DicomObject): boolean {
  const signed = job.record.signedTags!.includes(tags.pixelData);
  if (!signed || !findElement(job.found.scope, tags.pixelData)) return false;
  const mac = job.record.macTransferSyntaxUid!;
  const macSyntax = transferSyntaxOf(mac);
  if (!macSyntax) return true;
  const here = object.transferSyntax;
  if (macSyntax.encapsulated || here.encapsulated) return mac !== here.uid;
  return false;
}

const structuralCodes: ReadonlySet<string> = new Set(["too-many-signatures", "listed-never-signable"]);

function resultOf(job: Job): SignatureResult {
  const structural = job.problems.some((problem) => structuralCodes.has(problem.code));
  if (job.record.problems.length > 0 || structural) return "malformed";
  if (job.weak || job.computed === undefined || job.computed === "unchecked") return "weak";
  return job.computed;
}

function factOf(job: Job): SignatureFact {
  const { found, record } = job;
  const result = resultOf(job);
  const dateTimeMs = record.dateTime === undefined ? undefined : parseSignatureDateTime(record.dateTime);
  const { certificate, signature, timestamp, signedTags } = record;
  return {
    location: found.location,
    index: found.index,
    offset: found.offset,
    result,
    computed: job.computed ?? "unchecked",
    problems: [...record.problems, ...job.problems],
    ...(record.uid !== undefined && { uid: record.uid }),
    ...(record.macIdNumber !== undefined && { macIdNumber: record.macIdNumber }),
    ...(record.dateTime !== undefined && { dateTime: record.dateTime }),
    ...(dateTimeMs !== undefined && { dateTimeMs }),
    ...(record.macAlgorithm && { macAlgorithm: record.macAlgorithm }),
    ...(record.macTransferSyntaxUid !== undefined && { macTransferSyntaxUid: record.macTransferSyntaxUid }),
    ...(job.encoding && { encoding: job.encoding }),
    ...(job.otherSign && { otherSign: true as const }),
    ...(certificate && {
      certificate: certificate.text,
      key: { algorithm: certificate.keyAlgorithm, bits: certificate.keyBits },
    }),
    ...(signature && { signature: toBase64(signature) }),
    ...(record.purpose && { purpose: record.purpose }),
    ...(timestamp && { timestamp: { type: timestamp.type, token: toBase64(timestamp.token) } }),
    ...(signedTags && { signedTags }),
    // 10
    ...(result !== "malformed" && signedTags && { coverage: coverageOf(job.found, signedTags, job.partial) }),
  };
}
