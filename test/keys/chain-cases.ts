/** Each kind of good and bad chain: what our validation says, and whether openssl's strict one agrees. */
import { type Bytes, concatBytes, utf8 } from "../../src/foundation/bytes.ts";
import {
  der,
  derInteger,
  derNamedBits,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derTime,
  derTrue,
} from "../../src/keys/custody/der-writer.ts";
import type { TrustFailureReason } from "../../src/keys/trust/path-validation.ts";
import {
  authorityBasics,
  type CertificateSpec,
  type ChainSpec,
  commonName,
  day,
  extension,
  flipped,
  judgedAt,
  keyIdentifier,
  keyOf,
  kindOf,
  name,
  oids,
  purposes,
  rolePurposes,
  setExtension,
  setKey,
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

const signer = (chain: ChainSpec): CertificateSpec => chain[0]!;
/** Signs the signer: the anchor of two, the intermediate of three. */
const issuer = (chain: ChainSpec): CertificateSpec => chain[1]!;
const anchor = (chain: ChainSpec): CertificateSpec => chain[chain.length - 1]!;
const unknownOid = "1.3.6.1.4.1.55555.7";
const dnsName = derSequence(der(0x82, utf8("ct1.example")));

export const goodCases: readonly ChainCase[] = [
  { title: "as it should be", change: () => {}, expected: "ok" },
  {
    title: "no basic constraints in the signer",
    change: (c) => setExtension(signer(c), oids.basic, undefined),
    expected: "ok",
  },
  {
    title: "two roles",
    change: (c) => setExtension(signer(c), oids.eku, rolePurposes("capture", "derive")),
    expected: "ok",
  },
  {
    title: "critical purposes",
    change: (c) => setExtension(signer(c), oids.eku, rolePurposes("capture"), true),
    expected: "ok",
  },
  {
    title: "a foreign purpose beside the role",
    change: (c) => setExtension(signer(c), oids.eku, concatPurposes()),
    expected: "ok",
  },
  {
    title: "key usage not critical",
    change: (c) => setExtension(signer(c), oids.keyUsage, derNamedBits([0])),
    expected: "ok",
  },
  {
    title: "contentCommitment too",
    change: (c) => setExtension(signer(c), oids.keyUsage, derNamedBits([0, 1]), true),
    expected: "ok",
  },
  { title: "alternative name", change: (c) => setExtension(signer(c), oids.san, dnsName), expected: "ok" },
  {
    title: "critical alternative name",
    change: (c) => setExtension(signer(c), oids.san, dnsName, true),
    expected: "ok",
  },
  {
    title: "unknown extension",
    change: (c) => setExtension(signer(c), unknownOid, derNull()),
    expected: "ok",
  },
  {
    title: "path length 0 below",
    change: (c) => setExtension(issuer(c), oids.basic, authorityBasics(0), true),
    expected: "ok",
  },
  {
    title: "path length 1 at the anchor",
    change: (c) => setExtension(anchor(c), oids.basic, authorityBasics(1), true),
    expected: "ok",
  },
  {
    title: "serial of 20 octets",
    change: (c) => {
      signer(c).serial = der(0x02, new Uint8Array(20).fill(0x55));
    },
    expected: "ok",
  },
  {
    title: "valid beyond 2050",
    change: (c) => {
      signer(c).notAfter = derTime(Date.UTC(2055, 0, 1));
    },
    expected: "ok",
  },
  {
    title: "SHA-512",
    change: (c) => {
      signer(c).algorithm = "sha512";
    },
    expected: "ok",
  },
  {
    title: "last second",
    change: (c) => {
      signer(c).notAfter = derTime(judgedAt + 1000);
    },
    expected: "ok",
  },
  {
    title: "first second",
    change: (c) => {
      signer(c).notBefore = derTime(judgedAt);
    },
    expected: "ok",
  },
  { title: "issuer and serial in the key identifier", change: nameIssuerCertificate, expected: "ok" },
  { title: "RSA-2048 authority", change: (c) => setKey(c, c.length - 1, "RSA-2048"), expected: "ok" },
  { title: "P-384 authority", change: (c) => setKey(c, c.length - 1, "P-384"), expected: "ok" },
];

export const badCases: readonly ChainCase[] = [
  {
    title: "at its end",
    change: (c) => {
      signer(c).notAfter = derTime(judgedAt);
    },
    expected: "certificate-expired",
  },
  {
    title: "expired",
    change: (c) => {
      signer(c).notAfter = derTime(judgedAt - 1000);
    },
    expected: "certificate-expired",
  },
  {
    title: "not yet valid",
    change: (c) => {
      signer(c).notBefore = derTime(judgedAt + 1000);
    },
    expected: "certificate-not-yet-valid",
  },
  {
    title: "expired anchor",
    change: (c) => {
      anchor(c).notAfter = derTime(judgedAt - day);
    },
    expected: "certificate-expired",
  },
  {
    title: "expired intermediate",
    change: (c) => {
      issuer(c).notAfter = derTime(judgedAt - day);
    },
    expected: "certificate-expired",
    length: 3,
  },
  {
    title: "ends before it begins",
    change: (c) => {
      signer(c).notBefore = derTime(judgedAt + 400 * day);
    },
    expected: "certificate-invalid",
  },
  {
    title: "another issuer's name",
    change: (c) => {
      signer(c).issuer = commonName("Nobody");
    },
    expected: "signer-not-recognised",
  },
  {
    title: "another issuer's key",
    change: (c) => {
      signer(c).signer = keyOf(kindOf(signer(c).signer), "stranger");
    },
    expected: "certificate-invalid",
  },
  {
    title: "signature changed",
    change: (c) => {
      signer(c).finish = (b) => flipped(b, -6);
    },
    expected: "certificate-invalid",
  },
  {
    title: "subject changed after signing",
    change: (c) => {
      signer(c).finish = changeSubject;
    },
    expected: "certificate-invalid",
  },
  {
    title: "intermediate's signature changed",
    change: (c) => {
      issuer(c).finish = (b) => flipped(b, -6);
    },
    expected: "certificate-invalid",
    length: 3,
  },
  {
    title: "issuer is no authority",
    change: (c) => setExtension(issuer(c), oids.basic, derSequence(), true),
    expected: "certificate-invalid",
  },
  {
    title: "issuer without basic constraints",
    change: (c) => setExtension(issuer(c), oids.basic, undefined),
    expected: "certificate-invalid",
  },
  {
    title: "issuer's constraints not critical",
    change: (c) => setExtension(issuer(c), oids.basic, authorityBasics()),
    expected: "certificate-invalid",
  },
  {
    title: "issuer may not sign certificates",
    change: (c) => setExtension(issuer(c), oids.keyUsage, derNamedBits([0, 6]), true),
    expected: "certificate-invalid",
  },
  {
    title: "issuer without key usage",
    change: (c) => setExtension(issuer(c), oids.keyUsage, undefined),
    expected: "certificate-invalid",
  },
  {
    title: "issuer without key identifier",
    change: (c) => setExtension(issuer(c), oids.ski, undefined),
    expected: "certificate-invalid",
  },
  {
    title: "path length exceeded",
    change: (c) => setExtension(anchor(c), oids.basic, authorityBasics(0), true),
    expected: "certificate-invalid",
    length: 3,
  },
  {
    title: "authority as signer",
    change: (c) => setExtension(signer(c), oids.basic, authorityBasics(), true),
    expected: "certificate-invalid",
    stricter: "an authority signs no images; openssl verifies any purpose",
  },
  {
    title: "path length without authority",
    change: (c) => setExtension(signer(c), oids.basic, derSequence(derInteger(0)), true),
    expected: "certificate-invalid",
  },
  {
    title: "signer may sign certificates",
    change: (c) => setExtension(signer(c), oids.keyUsage, derNamedBits([0, 5]), true),
    expected: "certificate-invalid",
  },
  {
    title: "signer without digitalSignature",
    change: (c) => setExtension(signer(c), oids.keyUsage, derNamedBits([2]), true),
    expected: "certificate-invalid",
    stricter: "openssl verify knows no signing purpose",
  },
  {
    title: "signer without key usage",
    change: (c) => setExtension(signer(c), oids.keyUsage, undefined),
    expected: "certificate-invalid",
    stricter: "RFC 5280 lets end entities leave it out; our profile does not",
  },
  {
    title: "unknown critical extension",
    change: (c) => setExtension(signer(c), unknownOid, derNull(), true),
    expected: "certificate-invalid",
  },
  {
    title: "unknown critical extension above",
    change: (c) => setExtension(issuer(c), unknownOid, derNull(), true),
    expected: "certificate-invalid",
  },
  {
    title: "unknown critical extension in the anchor",
    change: (c) => setExtension(anchor(c), unknownOid, derNull(), true),
    expected: "certificate-invalid",
  },
  {
    title: "critical policy constraints",
    change: (c) =>
      setExtension(anchor(c), oids.policyConstraints, derSequence(der(0x80, Uint8Array.of(5))), true),
    expected: "certificate-invalid",
    stricter: "policies are not part of the profile",
  },
  {
    title: "critical distribution points",
    change: (c) => setExtension(signer(c), oids.crlPoints, crlPoint(), true),
    expected: "certificate-invalid",
    stricter: "nothing is fetched, so nothing critical is understood there",
  },
  {
    title: "name constraints",
    change: (c) => setExtension(anchor(c), oids.nameConstraints, nameConstraint(), true),
    expected: "certificate-invalid",
    stricter: "name constraints are not part of the profile",
  },
  {
    title: "name constraints, not critical",
    change: (c) => setExtension(anchor(c), oids.nameConstraints, nameConstraint()),
    expected: "certificate-invalid",
    stricter: "name constraints are not part of the profile",
  },
  {
    title: "SHA-1",
    change: (c) => {
      signer(c).algorithm = "sha1";
    },
    expected: "certificate-weak",
  },
  {
    title: "SHA-1 above",
    change: (c) => {
      issuer(c).algorithm = "sha1";
    },
    expected: "certificate-weak",
    length: 3,
  },
  { title: "RSA-1024", change: (c) => setKey(c, 0, "RSA-1024"), expected: "certificate-weak" },
  {
    title: "RSA-2048 signer",
    change: (c) => setKey(c, 0, "RSA-2048"),
    expected: "certificate-weak",
    stricter: "signers have at least RSA-3072",
  },
  {
    title: "RSA-1024 authority",
    change: (c) => setKey(c, c.length - 1, "RSA-1024"),
    expected: "certificate-weak",
  },
  {
    title: "RSA exponent 3",
    change: (c) => setKey(c, 0, "RSA-e3"),
    expected: "certificate-weak",
    stricter: "FIPS 186-5: the exponent is above 2^16",
  },
  {
    title: "P-521 signer",
    change: (c) => setKey(c, 0, "P-521"),
    expected: "certificate-weak",
    stricter: "dcmsign fails on P-521",
  },
  {
    title: "Ed25519 signer",
    change: (c) => setKey(c, 0, "Ed25519"),
    expected: "certificate-weak",
    stricter: "PS3.15 signatures are ECDSA or RSA",
  },
  {
    title: "Ed25519 authority",
    change: (c) => setKey(c, c.length - 1, "Ed25519"),
    expected: "certificate-weak",
    stricter: "not in the profile",
  },
  {
    title: "no purposes",
    change: (c) => setExtension(signer(c), oids.eku, undefined),
    expected: "certificate-wrong-role",
    stricter: "openssl does not know our roles",
  },
  {
    title: "TLS server only",
    change: (c) => setExtension(signer(c), oids.eku, purposes("1.3.6.1.5.5.7.3.1")),
    expected: "certificate-wrong-role",
    stricter: "openssl does not know our roles",
  },
  {
    title: "any purpose",
    change: (c) => setExtension(signer(c), oids.eku, purposes("2.5.29.37.0")),
    expected: "certificate-wrong-role",
    stricter: "openssl does not know our roles",
  },
  {
    title: "another role",
    change: (c) => setExtension(signer(c), oids.eku, rolePurposes("receipt")),
    expected: "certificate-wrong-role",
    stricter: "openssl does not know our roles",
  },
  {
    title: "role and TLS client",
    change: (c) => setExtension(signer(c), oids.eku, concatTls()),
    expected: "certificate-wrong-role",
    stricter: "TLS uses another key",
  },
  {
    title: "issuer for other purposes",
    change: (c) => setExtension(issuer(c), oids.eku, purposes("1.3.6.1.5.5.7.3.1")),
    expected: "certificate-wrong-role",
    stricter: "openssl checks nesting only with -purpose",
  },
  {
    title: "empty purposes",
    change: (c) => setExtension(signer(c), oids.eku, derSequence()),
    expected: "certificate-invalid",
    stricter: "RFC 5280 4.2.1.12: at least one",
  },
  {
    title: "extension twice",
    change: (c) => {
      signer(c).extensions.push(
        extension(unknownOid, false, derNull()),
        extension(unknownOid, false, derNull()),
      );
    },
    expected: "certificate-invalid",
    stricter: "RFC 5280 4.2; openssl looks only for those it knows",
  },
  {
    title: "purposes twice",
    change: (c) => {
      signer(c).extensions.push(extension(oids.eku, false, rolePurposes("capture")));
    },
    expected: "certificate-invalid",
  },
  {
    title: "negative serial",
    change: (c) => {
      signer(c).serial = der(0x02, Uint8Array.of(0x85, 1, 2, 3));
    },
    expected: "certificate-invalid",
    stricter: "RFC 5280 4.1.2.2",
  },
  {
    title: "serial zero",
    change: (c) => {
      signer(c).serial = derInteger(0);
    },
    expected: "certificate-invalid",
    stricter: "RFC 5280 4.1.2.2",
  },
  {
    title: "serial of 21 octets",
    change: (c) => {
      signer(c).serial = der(0x02, new Uint8Array(21).fill(0x55));
    },
    expected: "certificate-invalid",
    stricter: "RFC 5280 4.1.2.2",
  },
  {
    title: "version 1 with extensions",
    change: (c) => {
      signer(c).version = undefined;
    },
    expected: "certificate-invalid",
  },
  {
    title: "version 1",
    change: (c) => {
      signer(c).version = undefined;
      signer(c).extensions = [];
    },
    expected: "certificate-invalid",
    stricter: "openssl takes old end entities",
  },
  {
    title: "version 1 issuer",
    change: (c) => {
      issuer(c).version = undefined;
      issuer(c).extensions = [];
    },
    expected: "certificate-invalid",
  },
  {
    title: "authority key identifier missing",
    change: (c) => setExtension(signer(c), oids.aki, undefined),
    expected: "certificate-invalid",
  },
  {
    title: "authority key identifier of another",
    change: (c) => setExtension(signer(c), oids.aki, derSequence(der(0x80, new Uint8Array(20)))),
    expected: "signer-not-recognised",
  },
  {
    title: "authority key identifier critical",
    change: (c) =>
      setExtension(signer(c), oids.aki, derSequence(der(0x80, keyIdentifier(signer(c).signer))), true),
    expected: "certificate-invalid",
  },
  {
    title: "subject key identifier critical",
    change: (c) => setExtension(signer(c), oids.ski, derOctets(keyIdentifier(signer(c).key)), true),
    expected: "certificate-invalid",
  },
  {
    title: "empty subject",
    change: (c) => {
      signer(c).subject = derSequence();
    },
    expected: "certificate-invalid",
  },
  {
    title: "algorithms inside and outside differ",
    change: (c) => {
      signer(c).innerAlgorithm = "sha384";
    },
    expected: "certificate-invalid",
  },
  {
    title: "unique identifier",
    change: (c) => {
      signer(c).extra = [der(0x81, Uint8Array.of(0, 1))];
    },
    expected: "certificate-invalid",
    stricter: "RFC 5280 4.1.2.8 forbids making them",
  },
  {
    title: "time without seconds",
    change: (c) => {
      signer(c).notBefore = der(0x17, utf8("2605010000Z"));
    },
    expected: "certificate-invalid",
  },
  {
    title: "a day that does not exist",
    change: (c) => {
      signer(c).notBefore = der(0x17, utf8("260230000000Z"));
    },
    expected: "certificate-invalid",
  },
  {
    title: "GeneralizedTime before 2050",
    change: (c) => {
      signer(c).notAfter = der(0x18, utf8("20270101000000Z"));
    },
    expected: "certificate-invalid",
    stricter: "RFC 5280 4.1.2.5",
  },
  {
    title: "trailing bytes",
    change: (c) => {
      signer(c).finish = (b) => concatBytes([b, Uint8Array.of(0)]);
    },
    expected: "certificate-invalid",
    stricter: "openssl reads one structure and stops",
  },
  {
    title: "issuer's name in capitals",
    change: (c) => {
      signer(c).issuer = capitals(issuer(c));
    },
    expected: "signer-not-recognised",
    stricter: "names are compared as bytes",
  },
  {
    title: "critical FALSE written out",
    change: (c) => {
      signer(c).extra = [explicitFalse(signer(c))];
      signer(c).extensions = [];
    },
    expected: "certificate-invalid",
    stricter: "DER leaves defaults out",
  },
  {
    title: "basic constraints with a third field",
    change: (c) =>
      setExtension(signer(c), oids.basic, derSequence(derTrue(), derInteger(1), derInteger(1)), true),
    expected: "certificate-invalid",
  },
  {
    title: "negative path length",
    change: (c) =>
      setExtension(issuer(c), oids.basic, derSequence(derTrue(), der(0x02, Uint8Array.of(0x85))), true),
    expected: "certificate-invalid",
  },
  {
    title: "issuer's serial differs in the key identifier",
    change: (c) => {
      nameIssuerCertificate(c);
      issuer(c).serial = derInteger(77);
    },
    expected: "signer-not-recognised",
  },
];

function concatPurposes(): Bytes {
  return concatAll(rolePurposes("capture"), purposes("1.3.6.1.4.1.55555.9"));
}

function concatTls(): Bytes {
  return concatAll(rolePurposes("capture"), purposes("1.3.6.1.5.5.7.3.2"));
}

/** The contents of several sequences in one; all of them short. */
function concatAll(...sequences: readonly Bytes[]): Bytes {
  return derSequence(...sequences.map((sequence) => sequence.subarray(2)));
}

function crlPoint(): Bytes {
  return derSequence(derSequence(der(0xa0, der(0xa0, der(0x86, utf8("http://ca.example/list.crl"))))));
}

/** Permits the very names of the chain, so that openssl finds no violation. */
function nameConstraint(): Bytes {
  return derSequence(der(0xa0, derSequence(der(0xa4, name(["2.5.4.10", "Example Hospital"])))));
}

function nameIssuerCertificate(chain: ChainSpec): void {
  const { issuer: above, serial, key } = issuer(chain);
  const value = derSequence(
    der(0x80, keyIdentifier(key)),
    der(0xa1, der(0xa4, above)),
    der(0x82, serial.subarray(2)),
  );
  setExtension(signer(chain), oids.aki, value);
}

function capitals(spec: CertificateSpec): Bytes {
  const text = String.fromCharCode(...spec.subject).replace("Example Hospital", "EXAMPLE HOSPITAL");
  return Uint8Array.from(text, (ch) => ch.charCodeAt(0));
}

function explicitFalse(spec: CertificateSpec): Bytes {
  const list = spec.extensions.map(({ oid, isCritical, value }) =>
    derSequence(derOid(oid), der(0x01, Uint8Array.of(isCritical ? 0xff : 0)), derOctets(value)),
  );
  return der(0xa3, derSequence(...list));
}

/** "CT 1" becomes "CT 2" without a new signature. */
function changeSubject(bytes: Bytes): Bytes {
  const at = String.fromCharCode(...bytes).indexOf("CT 1") + 3;
  return concatBytes([bytes.subarray(0, at), utf8("2"), bytes.subarray(at + 1)]);
}
