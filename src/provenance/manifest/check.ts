/** Checks a manifest against the object it is in: the numbered steps of spec/capture-manifest.md. Facts only; policy judges them. */
import type { DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import type { Tag } from "../../dicom/tags.ts";
import { type Bytes, equalBytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type LeafRecord, rootOf } from "../disclosure/commitment.ts";
import { decodeLeafTable } from "../disclosure/leaf-table.ts";
import { compareLeaves, type LeafComparison } from "./comparison.ts";
import { containersOf, type SealContainers } from "./containers.ts";
import { recomputedRoot } from "./content-commitment.ts";
import {
  checkSignatures,
  decodeEnvelope,
  type Envelope,
  keyIdOf,
  type SignatureOutcome,
  signatureUidOf,
} from "./envelope.ts";
import { openLeavesFit } from "./open-leaves.ts";
import { type CaptureStatement, decodeStatement } from "./statement.ts";

/** A manifest as it was read; nothing is proven yet. */
export interface OpenedManifest {
  readonly containers: SealContainers;
  readonly envelope: Envelope;
  readonly statement: CaptureStatement;
  /** What the Digital Signature UID of the binding PS3.15 signature must be. */
  readonly signatureUid: string;
}

/**
 * Steps 1 to 3. Undefined where the object has no seal block, or one without an envelope (the block is then only a residue).
 * @throws ScansealError `seal-structure` when there is one and it is not as specified
 */
export async function openManifest(object: DicomObject, crypto: Crypto): Promise<OpenedManifest | undefined> {
  // 1. One block, known elements, lengths that fit.
  const containers = await containersOf(object);
  if (!containers?.envelope) return undefined;
  // 2. The envelope is exactly what its writer writes.
  const envelope = decodeEnvelope(containers.envelope);
  // 3. So is the statement.
  const statement = decodeStatement(envelope.payload);
  // Nothing else would be said of what is in it.
  if (statement.watermark.scheme === "none" && containers.watermarkTable)
    throw new ScansealError("seal-structure", "a watermark table of an object without watermark", {
      tag: containers.creatorTag,
    });
  return { containers, envelope, statement, signatureUid: signatureUidOf(crypto, envelope.payload) };
}

/** A PS3.15 signature found in the object; whether it is valid is digital-signatures' business. */
export interface BindingCandidate {
  /** (0400,0100). */
  readonly uid: string;
  /** (0400,0115), DER without pad. */
  readonly certificate: Bytes | undefined;
}

export interface CheckPorts {
  readonly crypto: Crypto;
  /** DER SubjectPublicKeyInfo of a DER certificate. @throws ScansealError `certificate-invalid` */
  readonly spkiOf: (certificate: Bytes) => Bytes;
  readonly decoder?: FrameDecoder | undefined;
  /**
   * Top-level tags that a valid, trusted signature covers, all present. If they have the pixels, and what they leave open fits its
   * commitments, steps 9 to 12 are left out.
   */
  readonly covered?: ReadonlySet<Tag> | undefined;
}

/** Plain JSON. */
export interface ManifestFacts {
  readonly statement: CaptureStatement;
  /** One for each signature of the envelope; the first is the device's. */
  readonly signatures: readonly SignatureOutcome[];
  /** The first signature, the first certificate and the statement name the same device. */
  readonly deviceNamed: boolean;
  readonly signatureUid: string;
  /** Positions of PS3.15 signatures with that UID. Exactly one is right. */
  readonly boundBy: readonly number[];
  /** Every such signature carries the manifest's certificate. False when there is none. */
  readonly sameDevice: boolean;
  readonly seed: "fits" | "missing" | "differs";
  readonly table: "fits" | "missing" | "differs" | "unreadable";
  /** Of marked objects: what is outside of the frames. */
  readonly watermarkTable?: "fits" | "missing" | "differs";
  /** signature: it and the commitments of what it leaves open prove the content. table: the sealed leaves are known and changes can be named. recomputed: the object's own leaves give the root, so nothing changed. none: altered or unproven, cannot be localised. */
  readonly rootBy: "signature" | "table" | "recomputed" | "none";
  /** Only with `rootBy` "table" and a seed that fits. */
  readonly comparison?: LeafComparison;
}

/**
 * Steps 4 to 12. Certificate trust, revocation and the counter are judged elsewhere.
 * @throws ScansealError `io`, or a limit code for an object that cannot be committed at all
 */
export async function checkManifest(
  object: DicomObject,
  opened: OpenedManifest,
  bindings: readonly BindingCandidate[],
  ports: CheckPorts,
): Promise<ManifestFacts> {
  const { crypto } = ports;
  const { containers, envelope, statement, signatureUid } = opened;
  // 4. Every signature of the envelope, under the certificate it names.
  const signatures = await checkSignatures(crypto, envelope, statement.device.hash, ports.spkiOf);
  // 5. The device of the first signature is the one the statement names.
  const certificate = envelope.certificates[0]!;
  const keyId = keyIdOf(crypto, certificate);
  const deviceNamed = envelope.signatures[0]!.keyId === keyId && statement.device.certificate === keyId;
  // 6. The PS3.15 signature with this UID, by the same certificate.
  const boundBy = bindings.flatMap(({ uid }, i) => (uid === signatureUid ? [i] : []));
  const sameDevice =
    boundBy.length > 0 &&
    boundBy.every((i) => equalBytes(bindings[i]?.certificate ?? new Uint8Array(0), certificate));
  // 7. and 8. Seed and table are those of the statement.
  const seed = digestFact(crypto, containers.seed, statement.seed);
  const claim = statement.watermark;
  const marks =
    claim.scheme === "MTW1"
      ? { watermarkTable: digestFact(crypto, containers.watermarkTable, claim.table) }
      : {};
  const head = { statement, signatures, deviceNamed, signatureUid, boundBy, sameDevice, seed, ...marks };
  if (ports.covered && seed === "fits" && (await openFit(object, opened, ports.covered, crypto)))
    return { ...head, table: "fits", rootBy: "signature" };
  const { table, records } = tableOf(crypto, containers.table, statement);
  const leaves = await checkLeaves(
    object,
    opened,
    ports,
    seed === "fits" ? containers.seed : undefined,
    records,
  );
  return { ...head, table, ...leaves };
}

function digestFact(
  crypto: Crypto,
  bytes: Bytes | undefined,
  digest: string,
): "fits" | "missing" | "differs" {
  if (bytes === undefined) return "missing";
  return toHex(crypto.hash("SHA-256", bytes)) === digest ? "fits" : "differs";
}

/** The table's digest is signed: that its records give the root is its writer's promise, and asked only when they are all compared. */
async function openFit(
  object: DicomObject,
  { containers, statement }: OpenedManifest,
  covered: ReadonlySet<Tag>,
  crypto: Crypto,
): Promise<boolean> {
  const { seed, table } = containers;
  if (!seed || !table || digestFact(crypto, table, statement.table) !== "fits") return false;
  const records = readTable(table);
  return records !== undefined && openLeavesFit({ crypto, object, records, seed, covered });
}

/** Undefined for bytes that are no table. */
function readTable(bytes: Bytes): LeafRecord[] | undefined {
  try {
    return decodeLeafTable(bytes);
  } catch (error) {
    if (error instanceof ScansealError && error.code === "seal-structure") return undefined;
    throw error;
  }
}

/** The sealed leaves, if the table is the one that was signed for and its records give the root (step 9). */
function tableOf(
  crypto: Crypto,
  bytes: Bytes | undefined,
  statement: CaptureStatement,
): { table: ManifestFacts["table"]; records?: readonly LeafRecord[] } {
  const fact = digestFact(crypto, bytes, statement.table);
  if (fact !== "fits" || bytes === undefined) return { table: fact };
  const records = readTable(bytes);
  const whole = records?.length === statement.leaves.count && rootOf(crypto, records) === statement.root;
  return whole ? { table: "fits", records } : { table: "unreadable" };
}

async function checkLeaves(
  object: DicomObject,
  { statement }: OpenedManifest,
  { crypto, decoder }: CheckPorts,
  seed: Bytes | undefined,
  records: readonly LeafRecord[] | undefined,
): Promise<Pick<ManifestFacts, "rootBy" | "comparison">> {
  if (records && seed) {
    const sealedTransferSyntax = statement.pixels.transferSyntax;
    const comparison = await compareLeaves({ crypto, object, records, seed, sealedTransferSyntax, decoder });
    return { rootBy: "table", comparison };
  }
  if (records) return { rootBy: "table" };
  if (seed) {
    const root = await recomputedRoot(crypto, object, seed, statement, decoder);
    if (root === statement.root) return { rootBy: "recomputed" };
  }
  return { rootBy: "none" };
}
