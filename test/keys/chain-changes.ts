/** What the chain cases change, and with what. */
import { type Bytes, concatBytes, utf8 } from "../../src/foundation/bytes.ts";
import { der, derOctets, derOid, derSequence } from "../../src/keys/custody/der-writer.ts";
import type { TrustFailureReason } from "../../src/keys/trust/path-validation.ts";
import {
  type CertificateSpec,
  type ChainSpec,
  keyIdentifier,
  name,
  oids,
  purposes,
  rolePurposes,
  setExtension,
} from "./forged-chains.ts";

export interface ChainCase {
  readonly title: string;
  readonly change: (chain: ChainSpec) => void;
  readonly expected: "ok" | TrustFailureReason;
  /** Why we refuse what openssl takes; without it openssl must refuse too. */
  readonly stricter?: string;
  /** Only for chains of this length. */
  readonly length?: 2 | 3;
}

export const signer = (chain: ChainSpec): CertificateSpec => chain[0]!;
/** Signs the signer: the anchor of two, the intermediate of three. */
export const issuer = (chain: ChainSpec): CertificateSpec => chain[1]!;
export const anchor = (chain: ChainSpec): CertificateSpec => chain[chain.length - 1]!;
export const unknownOid: string = "1.3.6.1.4.1.55555.7";
export const dnsName: Bytes = derSequence(der(0x82, utf8("ct1.example")));

export function concatPurposes(): Bytes {
  return concatAll(rolePurposes("capture"), purposes("1.3.6.1.4.1.55555.9"));
}

export function concatTls(): Bytes {
  return concatAll(rolePurposes("capture"), purposes("1.3.6.1.5.5.7.3.2"));
}

/** The contents of several sequences in one; all of them short. */
function concatAll(...sequences: readonly Bytes[]): Bytes {
  return derSequence(...sequences.map((sequence) => sequence.subarray(2)));
}

export function crlPoint(): Bytes {
  return derSequence(derSequence(der(0xa0, der(0xa0, der(0x86, utf8("http://ca.example/list.crl"))))));
}

/** Permits the very names of the chain, so that openssl finds no violation. */
export function nameConstraint(): Bytes {
  return derSequence(der(0xa0, derSequence(der(0xa4, name(["2.5.4.10", "Example Hospital"])))));
}

export function nameIssuerCertificate(chain: ChainSpec): void {
  const { issuer: above, serial, key } = issuer(chain);
  const value = derSequence(
    der(0x80, keyIdentifier(key)),
    der(0xa1, der(0xa4, above)),
    der(0x82, serial.subarray(2)),
  );
  setExtension(signer(chain), oids.aki, value);
}

export function capitals(spec: CertificateSpec): Bytes {
  const text = String.fromCharCode(...spec.subject).replace("Example Hospital", "EXAMPLE HOSPITAL");
  return Uint8Array.from(text, (ch) => ch.charCodeAt(0));
}

export function explicitFalse(spec: CertificateSpec): Bytes {
  const list = spec.extensions.map(({ oid, isCritical, value }) =>
    derSequence(derOid(oid), der(0x01, Uint8Array.of(isCritical ? 0xff : 0)), derOctets(value)),
  );
  return der(0xa3, derSequence(...list));
}

/** "CT 1" becomes "CT 2" without a new signature. */
export function changeSubject(bytes: Bytes): Bytes {
  const at = String.fromCharCode(...bytes).indexOf("CT 1") + 3;
  return concatBytes([bytes.subarray(0, at), utf8("2"), bytes.subarray(at + 1)]);
}
