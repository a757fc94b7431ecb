/** OCSP responses (RFC 6960 4.2) as plain data, read strictly. Nothing here decides whether one is believed. */
import type { Bytes } from "../../foundation/bytes.ts";
import { toHex } from "../../foundation/bytes.ts";
import { type SignatureAlgorithm, signatureAlgorithmOf } from "./algorithms.ts";
import { certificateBytesMax } from "./certificate.ts";
import { readExtensionList } from "./certificate-extensions.ts";
import {
  bitStringBytesOf,
  DerReader,
  type DerValue,
  derTag,
  oidOf,
  readerOf,
  refuse,
  serialOf,
  timeOf,
} from "./der.ts";
import { type DistinguishedName, readName } from "./distinguished-name.ts";
import { digestOid, extensionOid, ocspOid } from "./object-identifiers.ts";
import { invalidityDateOf, type Revocation, reasonOf } from "./revocation.ts";

/** With a responder's certificate and RSA-4096 keys 3 to 6 KiB; two must fit into the container of late evidence beside a stamp. */
export const ocspBytesMax: number = 16 * 1024;
/** One is asked about; some responders answer for a few at once. */
const answersMax = 16;
/** The responder's, and those above it. */
const certificatesMax = 4;
/** RFC 9654 2.1: a server takes up to 128 octets. */
const nonceBytesMax = 128;

/** How a CertID names an issuer. SHA-1 is what every responder understands; it names here and proves nothing. */
export type CertificateIdHash = "SHA-1" | "SHA-256";

export interface CertificateId {
  /** Undefined for another function: it then names nothing that can be compared. */
  readonly hash: CertificateIdHash | undefined;
  readonly issuerName: Bytes;
  readonly issuerKey: Bytes;
  /** As in `Certificate`. */
  readonly serial: string;
}

/** RFC 6960 2.2, with the times that limit what is said. */
export interface SingleAnswer {
  readonly id: CertificateId;
  readonly status: "good" | "revoked" | "unknown";
  /** Of a revoked one. */
  readonly revocation: Revocation | undefined;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  readonly unknownCritical: readonly string[];
}

export type ResponderId =
  | { readonly kind: "name"; readonly name: DistinguishedName }
  /** SHA-1 of the public key (RFC 6960 4.2.1). */
  | { readonly kind: "key"; readonly hash: Bytes };

export interface OcspResponse {
  /** Of BasicOCSPResponse. */
  readonly der: Bytes;
  readonly tbs: Bytes;
  readonly responder: ResponderId;
  readonly producedAt: number;
  readonly answers: readonly SingleAnswer[];
  readonly nonce: Bytes | undefined;
  readonly unknownCritical: readonly string[];
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Bytes;
  /** DER, in the order of the response. */
  readonly certificates: readonly Bytes[];
}

/** RFC 6960 4.2.1; 4 is not used. */
const statusNames = [
  "successful",
  "malformedRequest",
  "internalError",
  "tryLater",
  undefined,
  "sigRequired",
  "unauthorized",
] as const;

/** Why there is no answer: everything but `successful`. */
export type OcspErrorStatus = Exclude<NonNullable<(typeof statusNames)[number]>, "successful">;

/**
 * @returns the response, or the status of one that answers nothing
 * @throws ScansealError `certificate-invalid` with the offset of what does not fit
 */
export function readOcspResponse(der: Bytes): OcspResponse | OcspErrorStatus {
  if (der.length > ocspBytesMax) refuse(`the response is larger than ${ocspBytesMax} bytes`);
  const file = new DerReader(der);
  const outer = file.enter("the response");
  file.end("the response");
  const status = statusOf(outer.read("response status", derTag.enumerated));
  if (status !== "successful") {
    outer.end("a response without an answer");
    return status;
  }
  const wrapper = outer.enter("response bytes", 0xa0);
  outer.end("the response");
  const bytes = wrapper.enter("response bytes");
  wrapper.end("response bytes");
  const type = bytes.read("response type", derTag.oid);
  if (oidOf(type) !== ocspOid.basic) refuse("the response is of another type", type.offset);
  const basic = readerOf(bytes.read("response", derTag.octetString));
  bytes.end("response bytes");
  const whole = basic.read("the basic response", derTag.sequence);
  basic.end("the basic response");
  return readBasic(whole);
}

function statusOf(value: DerValue): NonNullable<(typeof statusNames)[number]> {
  const number = value.content.length === 1 ? value.content[0]! : statusNames.length;
  return statusNames[number] ?? refuse("the response status is unknown", value.offset);
}

function readBasic(whole: DerValue): OcspResponse {
  const reader = readerOf(whole);
  const tbs = reader.read("response data", derTag.sequence);
  const signatureAlgorithm = signatureAlgorithmOf(reader.read("signature algorithm", derTag.sequence));
  const signature = bitStringBytesOf(reader.read("signature", derTag.bitString));
  const certificates = readCertificates(reader.optional("certificates", 0xa0));
  reader.end("the basic response");
  const data = readData(readerOf(tbs));
  return { der: whole.whole, tbs: tbs.whole, ...data, signatureAlgorithm, signature, certificates };
}

type ResponseData = Pick<OcspResponse, "responder" | "producedAt" | "answers" | "nonce" | "unknownCritical">;

/** ResponseData; version [0] has one value, which is the default and so is not encoded (X.690 11.5). */
function readData(reader: DerReader): ResponseData {
  const responder = readResponder(reader);
  const producedAt = generalizedTimeOf(reader.read("time of production"));
  const list = reader.enter("answers");
  const answers: SingleAnswer[] = [];
  while (!list.isDone) {
    if (answers.length >= answersMax) refuse("there are too many answers");
    answers.push(readAnswer(list.enter("answer")));
  }
  const extensions = reader.optional("extensions", 0xa1);
  reader.end("response data");
  return { responder, producedAt, answers, ...readDataExtensions(extensions) };
}

function readResponder(reader: DerReader): ResponderId {
  if (reader.nextTag === 0xa2) {
    const wrapper = reader.enter("responder", 0xa2);
    const hash = wrapper.read("responder", derTag.octetString).content;
    wrapper.end("responder");
    return { kind: "key", hash };
  }
  const wrapper = reader.enter("responder", 0xa1);
  const name = readName(wrapper, "the responder");
  wrapper.end("responder");
  return { kind: "name", name };
}

function readDataExtensions(value: DerValue | undefined): Pick<OcspResponse, "nonce" | "unknownCritical"> {
  if (value === undefined) return { nonce: undefined, unknownCritical: [] };
  const list = extensionsIn(value);
  const wrapped = list.get(ocspOid.nonce)?.value;
  const nonce = wrapped?.read("nonce", derTag.octetString);
  wrapped?.end("nonce");
  if (nonce !== undefined && (nonce.content.length === 0 || nonce.content.length > nonceBytesMax))
    refuse("the nonce has an unexpected length", nonce.offset);
  return { nonce: nonce?.content, unknownCritical: criticalBut(list, [ocspOid.nonce]) };
}

function extensionsIn(value: DerValue): ReturnType<typeof readExtensionList> {
  const wrapper = readerOf(value);
  const list = readExtensionList(wrapper.enter("extensions"));
  wrapper.end("extensions");
  return list;
}

function criticalBut(list: ReturnType<typeof readExtensionList>, known: readonly string[]): string[] {
  return [...list.values()].flatMap(({ oid, isCritical }) => (isCritical && !known.includes(oid) ? oid : []));
}

function readAnswer(reader: DerReader): SingleAnswer {
  const id = readId(reader.enter("certificate"));
  const state = readState(reader.read("state"));
  const thisUpdate = generalizedTimeOf(reader.read("this update"));
  const next = reader.optional("next update", 0xa0);
  const nextUpdate = next === undefined ? undefined : onlyTimeIn(readerOf(next), "next update");
  const extensions = reader.optional("extensions", 0xa1);
  reader.end("answer");
  const { since, unknownCritical } = readAnswerExtensions(extensions);
  const revocation = state.revocation && { ...state.revocation, invalidSince: since };
  return { id, status: state.status, revocation, thisUpdate, nextUpdate, unknownCritical };
}

const idHashes: ReadonlyMap<string, CertificateIdHash> = new Map([
  [digestOid.sha1, "SHA-1"],
  [digestOid.sha256, "SHA-256"],
]);

/** CertID; the parameters of the function are absent or NULL (RFC 5754 2, RFC 3370 2.1). */
function readId(reader: DerReader): CertificateId {
  const algorithm = reader.enter("digest algorithm");
  const oid = oidOf(algorithm.read("digest algorithm", derTag.oid));
  const nil = algorithm.optional("digest parameters", derTag.nil);
  if (nil !== undefined && nil.content.length !== 0) refuse("a NULL has content", nil.offset);
  algorithm.end("digest algorithm");
  const issuerName = reader.read("digest of the issuer's name", derTag.octetString).content;
  const issuerKey = reader.read("digest of the issuer's key", derTag.octetString).content;
  const serial = serialOf(reader.read("serial number", derTag.integer));
  reader.end("certificate");
  return { hash: idHashes.get(oid), issuerName, issuerKey, serial };
}

type State = Pick<SingleAnswer, "status"> & {
  readonly revocation?: Omit<Revocation, "invalidSince">;
};

/** CertStatus: [0] and [2] are NULL. */
function readState(value: DerValue): State {
  if (value.tag === 0xa1) {
    const reader = readerOf(value);
    const revokedAt = generalizedTimeOf(reader.read("revocation time"));
    const wrapped = reader.optional("reason", 0xa0);
    reader.end("revocation");
    return { status: "revoked", revocation: { revokedAt, reason: reasonIn(wrapped) } };
  }
  const status = value.tag === 0x80 ? "good" : value.tag === 0x82 ? "unknown" : undefined;
  if (status === undefined || value.content.length !== 0) refuse("a state is unknown", value.offset);
  return { status };
}

function reasonIn(wrapped: DerValue | undefined): Revocation["reason"] {
  if (wrapped === undefined) return "unspecified";
  const reader = readerOf(wrapped);
  const value = reader.read("reason", derTag.enumerated);
  reader.end("reason");
  return reasonOf(value);
}

/** RFC 6960 4.4.5: extensions of a CRL's entry may stand here. */
function readAnswerExtensions(value: DerValue | undefined): {
  readonly since: number | undefined;
  readonly unknownCritical: readonly string[];
} {
  if (value === undefined) return { since: undefined, unknownCritical: [] };
  const list = extensionsIn(value);
  const date = list.get(extensionOid.invalidityDate)?.value;
  const since = date === undefined ? undefined : invalidityDateOf(date.read("invalidity date"));
  date?.end("invalidity date");
  return { since, unknownCritical: criticalBut(list, [extensionOid.invalidityDate]) };
}

/** RFC 6960 4.2.2.1: in the form of RFC 5280 4.1.2.5.2, whatever the year. */
function generalizedTimeOf(value: DerValue): number {
  if (value.tag !== derTag.generalizedTime) refuse("a time is not a GeneralizedTime", value.offset);
  return timeOf(value, { isAnyYear: true });
}

function onlyTimeIn(reader: DerReader, what: string): number {
  const time = generalizedTimeOf(reader.read(what));
  reader.end(what);
  return time;
}

/** They are read where they are needed. */
function readCertificates(wrapper: DerValue | undefined): Bytes[] {
  if (wrapper === undefined) return [];
  const outer = readerOf(wrapper);
  const reader = outer.enter("certificates");
  outer.end("certificates");
  const found: Bytes[] = [];
  while (!reader.isDone) {
    const { whole, offset } = reader.read("certificate", derTag.sequence);
    if (found.length >= certificatesMax) refuse("there are too many certificates", offset);
    if (whole.length > certificateBytesMax) refuse("a certificate is too large", offset);
    if (found.some((one) => toHex(one) === toHex(whole))) refuse("a certificate is there twice", offset);
    found.push(whole);
  }
  if (found.length === 0) refuse("the list of certificates is empty", wrapper.offset);
  return found;
}
