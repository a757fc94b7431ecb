/** TSTInfo (RFC 3161 2.4.2) and the signing-certificate-v2 attribute (RFC 5035), read strictly. */
import { type Bytes, latin1, toHex } from "../../foundation/bytes.ts";
import type { HashName } from "../../foundation/crypto.ts";
import { readExtensionList } from "./certificate-extensions.ts";
import { digestOf } from "./cms-signed-data.ts";
import {
  booleanOf,
  type DerReader,
  type DerValue,
  derTag,
  integerOf,
  oidOf,
  readerOf,
  refuse,
  serialOf,
  smallIntegerOf,
  timeOf,
} from "./der.ts";
import { type DistinguishedName, readName } from "./distinguished-name.ts";

export interface TimeStampInfo {
  readonly policy: string;
  readonly imprint: { readonly hash: HashName | undefined; readonly digest: Bytes };
  /** Lower-case hexadecimal; at most 160 bits (RFC 3161 2.4.2). */
  readonly serial: string;
  /** Milliseconds since 1970, rounded down. */
  readonly genTime: number;
  /** Milliseconds, rounded up; 0 where the authority does not say. */
  readonly accuracy: number;
  /** Content of the INTEGER. */
  readonly nonce: Bytes | undefined;
}

/** An hour; an authority that knows its time no better proves little. */
const accuracySecondsMax = 3600;
/** 64 bits are usual. */
const nonceBytesMax = 64;

/** @throws ScansealError `certificate-invalid` with the offset of what does not fit */
export function readTimeStampInfo(content: DerValue): TimeStampInfo {
  const outer = readerOf(content);
  const reader = outer.enter("time-stamp info");
  outer.end("time-stamp info");
  const version = reader.read("version", derTag.integer);
  if (version.content.length !== 1 || version.content[0] !== 1)
    refuse("the token is not of version 1", version.offset);
  const policy = oidOf(reader.read("policy", derTag.oid));
  const imprint = readImprint(reader.enter("message imprint"));
  const serial = numberOf(reader.read("serial number", derTag.integer));
  const genTime = genTimeOf(reader.read("time", derTag.generalizedTime));
  const accuracy = accuracyOf(reader.optional("accuracy", derTag.sequence));
  const ordering = reader.optional("ordering", derTag.boolean);
  if (ordering !== undefined && !booleanOf(ordering))
    refuse("ordering FALSE is written out", ordering.offset);
  const nonce = reader.optional("nonce", derTag.integer);
  // [0] names the authority; the certificate that signed says it better.
  reader.optional("authority", 0xa0);
  const extensions = reader.optional("extensions", 0xa1);
  reader.end("time-stamp info");
  if (extensions !== undefined) refuseCritical(extensions);
  return {
    policy,
    imprint,
    serial,
    genTime,
    accuracy,
    nonce: nonce === undefined ? undefined : nonceOf(nonce),
  };
}

function readImprint(reader: DerReader): TimeStampInfo["imprint"] {
  const hash = digestOf(reader.read("digest algorithm", derTag.sequence));
  const digest = reader.read("digest", derTag.octetString).content;
  reader.end("message imprint");
  return { hash, digest };
}

/** RFC 3161 2.4.2: unlike a certificate's it may be zero. */
function numberOf(value: DerValue): string {
  return value.content.length === 1 && value.content[0] === 0 ? "00" : serialOf(value);
}

function nonceOf(value: DerValue): Bytes {
  const content = integerOf(value);
  if (content.length > nonceBytesMax) refuse("the nonce is too long", value.offset);
  return content;
}

/** RFC 3161 2.4.2: seconds, then a fraction without trailing zeros, `Z`. */
function genTimeOf(value: DerValue): number {
  const parts = /^(\d{14})(?:\.(\d{0,8}[1-9]))?Z$/.exec(latin1(value.content));
  if (!parts) refuse("the time is not as RFC 3161 writes it", value.offset);
  const [, seconds, fraction = ""] = parts;
  const content = Uint8Array.from(`${seconds}Z`, (ch) => ch.charCodeAt(0));
  const whole = timeOf({ ...value, content }, { isAnyYear: true });
  return whole + Number(fraction.padEnd(3, "0").slice(0, 3));
}

/** Seconds, [0] milliseconds 1..999, [1] microseconds 1..999. */
function accuracyOf(value: DerValue | undefined): number {
  if (value === undefined) return 0;
  const reader = readerOf(value);
  const seconds = reader.optional("seconds", derTag.integer);
  const millis = reader.optional("milliseconds", 0x80);
  const micros = reader.optional("microseconds", 0x81);
  reader.end("accuracy");
  const part = (one: DerValue | undefined, max: number): number => {
    if (one === undefined) return 0;
    const number = smallIntegerOf(one);
    return number <= max ? number : refuse("the accuracy is out of range", one.offset);
  };
  const wholeMs = part(seconds, accuracySecondsMax) * 1000 + part(millis, 999);
  return wholeMs + (part(micros, 999) > 0 ? 1 : 0);
}

function refuseCritical(extensions: DerValue): void {
  for (const { isCritical, offset } of readExtensionList(readerOf(extensions)).values())
    if (isCritical) refuse("a critical extension is not supported", offset);
}

/** Which certificate signed, by its own words. */
export interface SigningCertificateId {
  readonly hash: HashName | undefined;
  readonly digest: string;
  readonly issuer: DistinguishedName | undefined;
  readonly serial: string | undefined;
}

/** RFC 5035 3: the first ESSCertIDv2 is the signer's; those that follow name its authorities and limit nothing here. */
export function readSigningCertificateV2(value: DerValue): SigningCertificateId {
  if (value.tag !== derTag.sequence) refuse("signing-certificate-v2 is not a SEQUENCE", value.offset);
  const reader = readerOf(value);
  const list = reader.enter("certificate identifiers");
  // Policies are information of the authority's.
  reader.optional("policies", derTag.sequence);
  reader.end("signing-certificate-v2");
  const first = list.enter("certificate identifier");
  // RFC 5035 4: SHA-256 where none is named.
  const algorithm = first.optional("digest algorithm", derTag.sequence);
  const hash = algorithm === undefined ? "SHA-256" : digestOf(algorithm);
  const digest = toHex(first.read("certificate digest", derTag.octetString).content);
  const issuerSerial = first.optional("issuer and serial number", derTag.sequence);
  first.end("certificate identifier");
  return { hash, digest, ...(issuerSerial ? readIssuerSerial(readerOf(issuerSerial)) : noIssuer) };
}

const noIssuer = { issuer: undefined, serial: undefined } as const;

function readIssuerSerial(reader: DerReader): Pick<SigningCertificateId, "issuer" | "serial"> {
  const names = reader.enter("issuer");
  const directory = names.enter("issuer", 0xa4);
  names.end("issuer");
  const issuer = readName(directory, "the issuer");
  directory.end("issuer");
  const serial = serialOf(reader.read("serial number", derTag.integer));
  reader.end("issuer and serial number");
  return { issuer, serial };
}
