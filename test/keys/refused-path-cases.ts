import {
  der,
  derInteger,
  derNamedBits,
  derNull,
  derSequence,
  derTime,
} from "../../src/keys/custody/der-writer.ts";
import {
  anchor,
  type ChainCase,
  changeSubject,
  crlPoint,
  issuer,
  nameConstraint,
  signer,
  unknownOid,
} from "./chain-changes.ts";
import {
  authorityBasics,
  commonName,
  day,
  flipped,
  judgedAt,
  keyOf,
  kindOf,
  oids,
  setExtension,
} from "./forged-chains.ts";

export const refusedPathCases: readonly ChainCase[] = [
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
];
