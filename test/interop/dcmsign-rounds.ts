/** One corpus file between dcmsign and us: who signs, who checks, and what must come out. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findElement } from "../../src/dicom/elements.ts";
import { textElement } from "../../src/dicom/encode.ts";
import type { DataElement, DicomObject } from "../../src/dicom/model.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { formatTag, isPrivate, tags } from "../../src/dicom/tags.ts";
import {
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../../src/dicom/transfer-syntax.ts";
import { isListedWhenSigning } from "../../src/digital-signatures/signable.ts";
import type { SignatureFact } from "../../src/digital-signatures/signature-fact.ts";
import { type Bytes, latin1 } from "../../src/foundation/bytes.ts";
import type { HashName } from "../../src/foundation/crypto.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import {
  checkWithUs,
  type PeerRun,
  readTolerantly,
  signWithPeer,
  signWithUs,
  type TestKey,
  verifyWithPeer,
} from "./dcmsign-peer.ts";

export interface CorpusFile {
  readonly name: string;
  readonly path: string;
}

export interface Setting {
  readonly folder: string;
  readonly key: TestKey;
  readonly hash: HashName;
}

/** agrees: as it must be; differs: it is not; refused: not a case for this round, and why. */
export interface Outcome {
  readonly result: "agrees" | "differs" | "refused";
  readonly detail: string;
}

export type Round = (file: CorpusFile, setting: Setting) => Promise<Outcome>;

export function corpusFiles(corpus: string): readonly CorpusFile[] {
  return readFileSync(join(corpus, "INDEX.tsv"), "utf8")
    .split("\n")
    .slice(1)
    .filter((line) => line !== "")
    .map((line) => line.split("\t")[0]!)
    .map((name) => ({ name, path: join(corpus, name) }));
}

/** What a file without meta information must be told: VR letters after the first tag, and which byte of its group is zero. */
function bareSyntax(bytes: Bytes): string {
  if (!/^[A-Z]{2}$/.test(latin1(bytes.subarray(4, 6)))) return implicitLittleEndianUid;
  return bytes[0] === 0 ? explicitBigEndianUid : explicitLittleEndianUid;
}

function read(bytes: Bytes): Promise<DicomObject> {
  return readTolerantly(bytes, bareSyntax(bytes));
}

function check(bytes: Bytes): Promise<readonly SignatureFact[]> {
  return checkWithUs(bytes, bareSyntax(bytes));
}

const agrees = (detail = ""): Outcome => ({ result: "agrees", detail });
const differs = (detail: string): Outcome => ({ result: "differs", detail });
const refused = (detail: string): Outcome => ({ result: "refused", detail });

/** Our errors are refusals; anything else is a bug and passes through. */
async function played(round: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await round();
  } catch (error) {
    if (error instanceof ScansealError) return refused(`by us: ${error.code}: ${error.message}`);
    throw error;
  }
}

function summary(facts: readonly SignatureFact[]): string {
  return facts.map(({ result, encoding = "" }) => `${result} ${encoding}`.trim()).join(", ");
}

function judged(facts: readonly SignatureFact[], count: number): Outcome {
  const fits = facts.length === count && facts.every(({ result }) => result === "valid");
  const plain = facts.every(({ encoding }) => encoding === "as-written");
  return fits ? agrees(plain ? "" : summary(facts)) : differs(`we find [${summary(facts)}]`);
}

function judgedByPeer(run: PeerRun): Outcome {
  return run.exitCode === 0 ? agrees() : differs(`dcmsign exits ${run.exitCode} ${run.complaint}`);
}

/** Undefined when dcmsign can sign this file; else why not: it does not read it, or does not know its transfer syntax. */
function peerRefusal({ path }: CorpusFile, { folder, key, hash }: Setting): Outcome | undefined {
  const run = signWithPeer(path, join(folder, "trial.dcm"), key, hash);
  return run.exitCode === 0 ? undefined : refused(`by dcmsign: exit ${run.exitCode} ${run.complaint}`);
}

/** dcmsign signs the whole data set, we check. */
const peerSigns: Round = (file, { folder, key, hash }) =>
  played(async () => {
    const signed = join(folder, "peer.dcm");
    const run = signWithPeer(file.path, signed, key, hash);
    if (run.exitCode !== 0) return refused(`by dcmsign: exit ${run.exitCode} ${run.complaint}`);
    return judged(await check(readFileSync(signed)), 1);
  });

/** We sign, with a purpose, dcmsign checks; so do we. */
const weSign: Round = (file, setting) =>
  played(async () => {
    const refusal = peerRefusal(file, setting);
    if (refusal) return refusal;
    const { folder, key, hash } = setting;
    const signed = join(folder, "ours.dcm");
    const object = await read(readFileSync(file.path));
    const bytes = await signWithUs(object, key, hash, { purpose: 14 });
    const own = judged(await check(bytes), 1);
    if (own.result !== "agrees" || own.detail !== "") return differs(`our own: ${own.detail}`);
    writeFileSync(signed, bytes);
    return judgedByPeer(verifyWithPeer(signed, key));
  });

/** We sign, dcmsign signs on top (and rewrites the file), we sign again: three signatures, all valid for both. */
const bothSign: Round = (file, { folder, key, hash }) =>
  played(async () => {
    const first = join(folder, "first.dcm");
    const second = join(folder, "second.dcm");
    const object = await read(readFileSync(file.path));
    writeFileSync(first, await signWithUs(object, key, hash, { purpose: 14 }));
    const run = signWithPeer(first, second, key, hash, ["+sp", "13"]);
    if (run.exitCode !== 0) return refused(`by dcmsign: exit ${run.exitCode} ${run.complaint}`);
    const third = await signWithUs(await read(readFileSync(second)), key, hash, { purpose: 5 });
    const facts = await check(third);
    const ours = judged(facts, 3);
    if (ours.result !== "agrees") return ours;
    const purposes = facts.map((fact) => fact.purpose?.code).join();
    const numbers = facts.map((fact) => fact.macIdNumber).join();
    if (purposes !== "14,13,5" || numbers !== "0,1,2") return differs(`${purposes} ${numbers}`);
    writeFileSync(first, third);
    return judgedByPeer(verifyWithPeer(first, key));
  });

/** The first item that has something to sign and no signature yet. */
function signableItem(object: DicomObject): DataElement | undefined {
  return object.elements.find((sequence) => {
    if (isPrivate(sequence.tag) || !sequence.items || sequence.tag === tags.macParametersSequence)
      return false;
    const elements = sequence.items[0]?.elements ?? [];
    const taken = findElement(elements, tags.digitalSignaturesSequence);
    return !taken && elements.some((element) => isListedWhenSigning(element, elements));
  });
}

/** An item signature each way: ours checked by dcmsign, dcmsign's by us. */
const itemSigned: Round = (file, setting) =>
  played(async () => {
    const refusal = peerRefusal(file, setting);
    if (refusal) return refusal;
    const { folder, key, hash } = setting;
    const signed = join(folder, "item.dcm");
    const object = await read(readFileSync(file.path));
    const sequence = signableItem(object);
    if (!sequence) return refused("no item to sign");
    const location = [{ tag: sequence.tag, item: 0 }];
    const bytes = await signWithUs(object, key, hash, { location, purpose: 5 });
    const own = judged(await check(bytes), 1);
    if (own.result !== "agrees") return own;
    writeFileSync(signed, bytes);
    const theirs = judgedByPeer(verifyWithPeer(signed, key));
    if (theirs.result !== "agrees") return theirs;
    const where = `${formatTag(sequence.tag)}[0]`;
    const run = signWithPeer(file.path, signed, key, hash, ["+si", key.keyFile, key.certificateFile, where]);
    if (run.exitCode !== 0) return refused(`by dcmsign: exit ${run.exitCode} ${run.complaint}`);
    const facts = await check(readFileSync(signed));
    if (facts[0]?.location[0]?.tag !== sequence.tag) return differs("another location");
    return judged(facts, 1);
  });

/** The last byte of the last signed value that has one. */
function lastSignedByte(object: DicomObject, signed: readonly number[]): number | undefined {
  for (const tag of signed.toReversed()) {
    const element = findElement(object.elements, tag);
    if (!element || element.items) continue;
    const fragment = element.fragments?.findLast(({ length }) => length > 0);
    if (fragment) return fragment.valueOffset + fragment.length - 1;
    if (element.length > 0 && !element.fragments) return element.valueOffset + element.length - 1;
  }
  return undefined;
}

/** The signed object with one bit of a value flipped; where a bit would be the compressor's, with another Modality. */
async function changed(bytes: Bytes): Promise<Bytes | undefined> {
  const object = await read(bytes);
  if (object.transferSyntax.deflated)
    return writeToBytes(object, [{ kind: "put", element: textElement(tags.modality, "CS", "ZZ") }]);
  const [fact] = await check(bytes);
  const at = lastSignedByte(object, fact!.signedTags!);
  if (at === undefined) return undefined;
  bytes[at] = bytes[at]! ^ 0x01;
  return bytes;
}

/** We sign, something signed is changed: dcmsign and we must both say so. */
const tampered: Round = (file, setting) =>
  played(async () => {
    const refusal = peerRefusal(file, setting);
    if (refusal) return refusal;
    const { folder, key, hash } = setting;
    const bytes = await changed(await signWithUs(await read(readFileSync(file.path)), key, hash));
    if (!bytes) return refused("no value to change");
    const path = join(folder, "tampered.dcm");
    writeFileSync(path, bytes);
    const facts = await check(bytes);
    const run = verifyWithPeer(path, key);
    if (facts[0]?.result !== "altered") return differs(`we find [${summary(facts)}]`);
    return run.exitCode !== 0 ? agrees() : differs("dcmsign finds nothing");
  });

export const rounds: Readonly<Record<string, Round>> = {
  "dcmsign signs, we check": peerSigns,
  "we sign, dcmsign checks": weSign,
  "three signatures by both": bothSign,
  "an item signed by each": itemSigned,
  "one bit changed": tampered,
};
