import { der, derNamedBits, derNull, derTime } from "../../src/keys/custody/der-writer.ts";
import {
  anchor,
  type ChainCase,
  concatPurposes,
  dnsName,
  issuer,
  nameIssuerCertificate,
  signer,
  unknownOid,
} from "./chain-changes.ts";
import { authorityBasics, judgedAt, oids, rolePurposes, setExtension, setKey } from "./forged-chains.ts";

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
