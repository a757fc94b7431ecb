/** Runs the checks on one instance, cheapest sufficient proof first. Facts only; the numbers are the steps of spec/verdicts.md. */
import { findElement } from "../../dicom/elements.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { checkFrameStructure } from "../../dicom/pixel-data/frame-structure.ts";
import { type ReadOptions, readDicom } from "../../dicom/read.ts";
import { formatTag, type Tag, tags } from "../../dicom/tags.ts";
import type { SignatureFact } from "../../digital-signatures/signature-fact.ts";
import type { ByteSource } from "../../foundation/byte-source.ts";
import { type Bytes, fromBase64, toBase64, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { isLimit, isMalformed, ScansealError } from "../../foundation/errors.ts";
import type { TimeStampTrust } from "../../keys/trust/time-stamp.ts";
import {
  checkManifest,
  type ManifestFacts,
  type OpenedManifest,
  openManifest,
} from "../../provenance/manifest/check.ts";
import type { LateEntry } from "../../provenance/manifest/late-evidence.ts";
import type { RecordLookup } from "../../provenance/manifest/record.ts";
import { sealedValueTest } from "../../provenance/manifest/sealed-values.ts";
import type { WitnessPolicy } from "../../provenance/transparency-log/proof/witness-policy.ts";
import { contentOf } from "./content-check.ts";
import { counterEvidence } from "./counter-check.ts";
import { derivationEvidence, replacedBy } from "./derivation-check.ts";
import type {
  ContentEvidence,
  Evidence,
  FormatFacts,
  LogEvidence,
  ManifestEvidence,
  ManifestFault,
  TrustFact,
  UnreadableFact,
  WatermarkEvidence,
} from "./evidence.ts";
import { exemptPartChanges, withExemptParts } from "./exempt-parts.ts";
import { sealedContentExplained } from "./explained-changes.ts";
import { checkFormat } from "./format-check.ts";
import { checkLogProofs } from "./log-check.ts";
import { originalAttributesIn, referencesIn } from "./original-attributes.ts";
import { receiptEvidence } from "./receipt-check.ts";
import { checkRevocationStatus } from "./revocation-check.ts";
import { type CheckedSignatures, checkObjectSignatures } from "./signature-check.ts";
import { type CheckedTime, checkTime, timeRelied } from "./time-check.ts";
import type { TrustJudge } from "./trust-check.ts";
import { type MarkSigner, watermarkOf } from "./watermark-check.ts";

export interface EvidencePorts {
  readonly crypto: Crypto;
  readonly trust: TrustJudge;
  /** Without it, frames recompressed since capture cannot be compared. */
  readonly decoder?: FrameDecoder | undefined;
  /** Compare every attribute and frame although the signature would do. */
  readonly deep?: boolean;
  /** Devices whose marks are known without their manifest. Without it, marks of an object that has no seal are not asked. */
  readonly markSigner?: MarkSigner | undefined;
  readonly read?: ReadOptions;
  /** What the site keeps about objects beside them. Without it nothing but the object itself is asked. */
  readonly records?: RecordLookup | undefined;
  /** Logs and witnesses that the verifier pinned. Without it no log proof is believed. */
  readonly logPolicy?: WitnessPolicy | undefined;
  /** Time-stamping authorities that the verifier pinned. Without them no stamp is believed. */
  readonly timeTrust?: TimeStampTrust | undefined;
  /** Told once it is read, while its source is open: for whoever needs more of it than evidence. Never throws. */
  readonly onRead?: ((object: DicomObject) => Promise<void>) | undefined;
  /** The enrolled archive that gave the object out: its approved changes count. */
  readonly readFrom?: string | undefined;
}

/** A device's clock may be ahead of ours by this much: the bound NTP-less modalities stay within between services. */
const clockSkewMs = 5 * 60_000;

/**
 * @throws ScansealError `io` when the source cannot be read; everything that is wrong with the object is evidence
 */
export async function collectEvidence(source: ByteSource, ports: EvidencePorts): Promise<Evidence> {
  try {
    const object = await readDicom(source, ports.read);
    await checkFrameStructure(object);
    await ports.onRead?.(object);
    return await collectFrom(object, ports);
  } catch (error) {
    if (error instanceof ScansealError && (isMalformed(error.code) || isLimit(error.code))) {
      return { unreadable: unreadableFact(error), signatures: [] };
    }
    throw error;
  }
}

function unreadableFact({ code, tag, offset, message }: ScansealError): UnreadableFact {
  return { code, tag: tag === undefined ? undefined : formatTag(tag), offset, message };
}

async function collectFrom(object: DicomObject, ports: EvidencePorts): Promise<Evidence> {
  const opened = await openOrFault(object, ports.crypto);
  const manifest = "fault" in opened ? undefined : opened.manifest;
  const certificate = manifest?.envelope.certificates[0];
  const sealer = certificate && { certificate, text: toBase64(certificate) };
  const checked = await checkObjectSignatures(object, {
    crypto: ports.crypto,
    trustOf: (text) => ports.trust.judge(decoded(text, sealer)),
    manifest: manifest &&
      sealer && {
        signatureUid: manifest.signatureUid,
        certificate: sealer.text,
        creatorTag: manifest.containers.creatorTag,
      },
  });
  const format = await checkFormat(object);
  const serial = format.deviceSerialNumber;
  const expected = serial === undefined ? undefined : ports.trust.deviceOfSerial(serial);
  const common = {
    format,
    signatures: checked.evidence,
    ...(expected === undefined ? {} : { sealExpectedFrom: expected }),
    ...originalAttributesIn(object),
    ...(manifest ? {} : referencesIn(object)),
  };
  if (!manifest || !sealer) {
    const watermark = await watermarkOf(object, undefined, ports);
    const fault = "fault" in opened ? { manifest: opened.fault } : {};
    const records = await recordEvidence(object, format, ports);
    return { ...common, ...fault, ...markEvidence(watermark, expected), ...records };
  }
  const late = await lateEntriesOf(manifest, ports);
  const { log, ...timed } = await existenceOf(manifest, late, checked, ports);
  const { sealedAt, type: role } = manifest.statement;
  const { certificate: signer } = sealer;
  const asked = { judge: ports.trust, certificate: signer, sealedAt, ...late };
  const { evidence: revocation, stated } = await checkRevocationStatus(asked);
  const trust = await ports.trust.judgeSince(signer, role, timed.proven, stated);
  const time = timeRelied(timed, trust, manifest.statement);
  const { facts, ...sealed } = await checkSealed({ object, manifest, sealer, checked, trust }, ports);
  const seal = {
    manifest,
    facts,
    evidence: sealed.manifest,
    content: sealed.content,
    signatures: checked.evidence,
  };
  const watermark = await watermarkOf(object, seal, ports);
  const beside =
    trust.result === "trusted"
      ? {
          ...(await sealedContentExplained(object, manifest, sealed.content, format, ports)),
          ...(await replacedBy(object, sealed.manifest.payloadDigest, ports)),
        }
      : await recordEvidence(object, format, ports);
  const used = await counterEvidence(sealed.manifest, ports.records);
  const standing = revocation ? { revocation } : {};
  return {
    ...common,
    ...sealed,
    log,
    time,
    ...standing,
    ...used,
    ...markEvidence(watermark, expected),
    ...beside,
  };
}

interface LateEntries {
  readonly payloadDigest: string;
  readonly embedded: readonly LateEntry[];
  readonly detached: readonly LateEntry[];
}

async function lateEntriesOf(
  { envelope, containers }: OpenedManifest,
  { crypto, records }: EvidencePorts,
): Promise<LateEntries> {
  const payloadDigest = toHex(crypto.hash("SHA-256", envelope.payload));
  const detached = (await records?.lateEvidence(payloadDigest)) ?? [];
  return { payloadDigest, embedded: containers.lateEvidence ?? [], detached };
}

/** What logs and clocks of others, and the site's own, say of the seal. */
async function existenceOf(
  { envelope, statement }: OpenedManifest,
  { payloadDigest, ...entries }: LateEntries,
  checked: CheckedSignatures,
  { crypto, logPolicy, timeTrust, records, trust }: EvidencePorts,
): Promise<CheckedTime & { readonly log: LogEvidence }> {
  const { now } = trust;
  const proofs = await checkLogProofs({ crypto, policy: logPolicy, now, payloadDigest, ...entries });
  const log = { ...proofs, ageMs: now - Date.parse(statement.sealedAt) };
  const binding = bindingOf(checked);
  const timed = await checkTime({
    crypto,
    trust: timeTrust,
    now,
    signature: envelope.signatures[0]!.signature,
    sealedAt: statement.sealedAt,
    ...entries,
    binding: binding?.result === "valid" ? binding : undefined,
    log,
    firstSeen: await records?.firstSeen(payloadDigest),
  });
  return { ...timed, log };
}

/** What the site's records say of an object that no trusted seal speaks for. */
async function recordEvidence(
  object: DicomObject,
  format: FormatFacts,
  ports: EvidencePorts,
): Promise<Partial<Evidence>> {
  const received = await receiptEvidence(object, format, ports);
  return { ...received, ...(await derivationEvidence(object, format, ports)) };
}

/** A device whose mark is there without its seal is expected to have sealed; what the object says of itself comes first. */
function markEvidence(
  watermark: WatermarkEvidence | undefined,
  expected: string | undefined,
): Pick<Evidence, "watermark" | "sealExpectedFrom"> {
  if (watermark === undefined) return {};
  const { boundTo, signer } = watermark;
  const isStripped = boundTo === "marks" && signer?.result === "trusted";
  return {
    watermark,
    ...(isStripped && expected === undefined ? { sealExpectedFrom: signer.signer } : {}),
  };
}

/** Signer of the manifest: DER, and in base64. */
interface Sealer {
  readonly certificate: Bytes;
  readonly text: string;
}

/** Nearly always the manifest and the signature are by the same device. */
function decoded(text: string, sealer: Sealer | undefined): Bytes {
  return text === sealer?.text ? sealer.certificate : fromBase64(text);
}

type Opened = { readonly manifest: OpenedManifest | undefined } | { readonly fault: ManifestEvidence };

/** Two seals in one object are malformed; a seal that cannot be read is evidence of a broken seal. */
async function openOrFault(object: DicomObject, crypto: Crypto): Promise<Opened> {
  try {
    return { manifest: await openManifest(object, crypto) };
  } catch (error) {
    if (!(error instanceof ScansealError) || error.code !== "seal-structure") throw error;
    if (error.tag !== undefined) throw error;
    return { fault: { ...unknownManifest, faults: ["envelope-invalid"], detail: error.message } };
  }
}

const unknownManifest: ManifestEvidence = {
  faults: [],
  trust: undefined,
  type: undefined,
  sealedAt: undefined,
  sealedWithTransferSyntax: undefined,
  timeImplausible: false,
  keyEpoch: undefined,
  counter: undefined,
  payloadDigest: undefined,
};

interface SealedObject {
  readonly object: DicomObject;
  readonly manifest: OpenedManifest;
  readonly sealer: Sealer;
  readonly checked: CheckedSignatures;
  readonly trust: TrustFact;
}

async function checkSealed(
  sealed: SealedObject,
  ports: EvidencePorts,
): Promise<
  Pick<Evidence, "content"> & { readonly manifest: ManifestEvidence; readonly facts: ManifestFacts }
> {
  const { object, manifest, sealer, checked, trust } = sealed;
  const bindings = checked.facts.map(({ uid, certificate, location }) => ({
    uid: location.length === 0 ? (uid ?? "") : "",
    certificate: certificate === undefined ? undefined : decoded(certificate, sealer),
  }));
  // What a lost key signs today says nothing: where the seal stands by its age, the DICOM signature, which may be younger, proves nothing.
  const quick = ports.deep !== true && trust.result === "trusted" && trust.standsBy === undefined;
  const facts = await checkManifest(object, manifest, bindings, {
    crypto: ports.crypto,
    decoder: ports.decoder,
    spkiOf: (certificate: Bytes) => ports.trust.spkiOf(certificate),
    covered: quick ? coveredByBinding(object, checked) : undefined,
  });
  const compared = await contentOf({
    object,
    facts,
    committedAs: manifest.statement.pixels.transferSyntax,
    sealedValues: () => sealedValueTest(ports.crypto, manifest.containers),
    decoder: ports.decoder,
  });
  const exempt = exemptPartChanges({ object, statement: manifest.statement, binding: bindingOf(checked) });
  const content = compared && withExemptParts(compared, exempt);
  const stranger = await strangerIn(manifest, ports.trust);
  const evidence = {
    ...manifestEvidence(sealed, facts, content, ports),
    ...(stranger ? { stranger } : {}),
  };
  return { facts, manifest: evidence, ...(content ? { content } : {}) };
}

/** The envelope's further certificates: anybody can add one, and a signature with it, to a seal that stays valid. */
async function strangerIn({ envelope }: OpenedManifest, judge: TrustJudge): Promise<TrustFact | undefined> {
  for (const certificate of envelope.certificates.slice(1)) {
    const trust = await judge.judge(certificate);
    if (trust.result !== "trusted") return trust;
  }
  return undefined;
}

/** The one signature that names the manifest. Its evidence stands at the same place as its fact. */
function bindingOf({ facts, evidence }: CheckedSignatures): SignatureFact | undefined {
  const binding = facts.filter((_, i) => evidence[i]!.bindsManifest);
  return binding.length === 1 ? binding[0] : undefined;
}

/**
 * The tags of the data set that the signature naming the manifest proves whole, where it is valid and the object native; trust is asked
 * before. Undefined where a signed element is gone, or a signed sequence holds what the signature leaves out.
 */
function coveredByBinding(object: DicomObject, checked: CheckedSignatures): ReadonlySet<Tag> | undefined {
  if (findElement(object.elements, tags.pixelData)?.fragments) return undefined;
  const binding = checked.evidence.flatMap(({ bindsManifest }, i) => (bindsManifest ? [i] : []));
  const [only = -1] = binding;
  const { signedTags, coverage } = checked.facts[only] ?? {};
  if (binding.length !== 1 || checked.evidence[only]?.result !== "valid" || !signedTags || !coverage)
    return undefined;
  if (coverage.absent.length > 0 || coverage.nestedUncovered.length > 0) return undefined;
  const covered = new Set(signedTags);
  for (const tag of [...coverage.uncovered, ...coverage.uncoveredPrivate]) covered.delete(tag);
  // Fragments (an icon's) have no lengths in the signed stream, so that bytes can move between them: compared by commitments.
  for (const element of object.elements) if (holdsFragments(element)) covered.delete(element.tag);
  return covered;
}

/** Nesting is bounded by the reader. */
function holdsFragments({ fragments, items }: DataElement): boolean {
  return fragments !== undefined || (items?.some(({ elements }) => elements.some(holdsFragments)) ?? false);
}

function manifestEvidence(
  { manifest, trust }: SealedObject,
  facts: ManifestFacts,
  content: ContentEvidence | undefined,
  { crypto, trust: judge }: EvidencePorts,
): ManifestEvidence {
  const { statement } = facts;
  const sealedAt = Date.parse(statement.sealedAt);
  const validity = judge.validityOf(manifest.envelope.certificates[0]!);
  const early = validity !== undefined && sealedAt < validity.notBefore;
  const late = sealedAt > judge.now + clockSkewMs || (validity !== undefined && sealedAt > validity.notAfter);
  return {
    faults: faultsOf(facts, content, trust),
    trust,
    type: statement.type,
    sealedAt: statement.sealedAt,
    sealedWithTransferSyntax: statement.pixels.transferSyntax,
    ...(facts.watermarkTable === "missing" ? { isWatermarkTableMissing: true } : {}),
    timeImplausible: early || late,
    keyFingerprint: validity?.keyFingerprint,
    keyEpoch: statement.key.epoch,
    counter: statement.key.counter,
    payloadDigest: toHex(crypto.hash("SHA-256", manifest.envelope.payload)),
  };
}

function faultsOf(
  facts: ManifestFacts,
  content: ContentEvidence | undefined,
  trust: TrustFact,
): ManifestFault[] {
  const faults: ManifestFault[] = [];
  if (facts.signatures.some((outcome) => outcome !== "valid")) faults.push("manifest-signature-invalid");
  if (trust.result === "trusted" && !trust.hashes.includes(facts.statement.device.hash))
    faults.push("statement-invalid");
  if (!facts.deviceNamed) faults.push("statement-invalid");
  if (facts.seed === "differs") faults.push("seed-mismatch");
  const isTableWrong = facts.table === "differs" || facts.table === "unreadable";
  if (isTableWrong || facts.watermarkTable === "differs") faults.push("table-mismatch");
  if (facts.seed === "missing" || (facts.table === "missing" && (!content || content.unlocalised))) {
    faults.push("container-missing");
  }
  return faults;
}
