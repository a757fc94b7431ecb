/** Chains refused for algorithm, role or form; where openssl accepts, `stricter` says why we do not. */
import { concatBytes, utf8 } from "../../src/foundation/bytes.ts";
import {
  der,
  derInteger,
  derNull,
  derOctets,
  derSequence,
  derTrue,
} from "../../src/keys/custody/der-writer.ts";
import {
  type ChainCase,
  capitals,
  concatTls,
  explicitFalse,
  issuer,
  nameIssuerCertificate,
  signer,
  unknownOid,
} from "./chain-changes.ts";
import {
  extension,
  keyIdentifier,
  oids,
  purposes,
  rolePurposes,
  setExtension,
  setKey,
} from "./forged-chains.ts";

export const refusedFormCases: readonly ChainCase[] = [
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
