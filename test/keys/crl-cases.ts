/** CRLs for tests, built octet by octet: good ones, and each kind of bad. */
import { type Bytes, concatBytes, utf8 } from "../../src/foundation/bytes.ts";
import {
  der,
  derGeneralizedTime,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derTime,
  derTrue,
} from "../../src/keys/custody/der-writer.ts";
import {
  algorithmOf,
  type CertificateSpec,
  day,
  type Extension,
  extension,
  flipped,
  goodChain,
  judgedAt,
  keyIdentifier,
  keyOf,
  oids,
  type SignatureChoice,
  setExtension,
  signBody,
} from "./forged-chains.ts";

interface Entry {
  serial: Bytes;
  revokedAt: number;
  extensions: Extension[];
}

export interface CrlSpec {
  version: number | undefined;
  issuer: Bytes;
  signer: CertificateSpec["signer"];
  algorithm: SignatureChoice;
  thisUpdate: Bytes;
  nextUpdate: Bytes | undefined;
  entries: Entry[];
  extensions: Extension[];
  finish: (der: Bytes) => Bytes;
}

const issuingPoint = "2.5.29.28";
const crlNumber = "2.5.29.20";
const reasonCode = "2.5.29.21";
export const invalidityDate = "2.5.29.24";
export const expiredCerts = "2.5.29.60";

export function emptyList(authority: CertificateSpec): CrlSpec {
  return {
    version: 1,
    issuer: authority.subject,
    signer: authority.key,
    algorithm: "sha256",
    thisUpdate: derTime(judgedAt - day),
    nextUpdate: derTime(judgedAt + day),
    entries: [],
    extensions: [
      extension(oids.aki, false, derSequence(der(0x80, keyIdentifier(authority.key)))),
      extension(crlNumber, false, derInteger(7)),
    ],
    finish: (whole) => whole,
  };
}

function encodeExtensions(list: readonly Extension[]): Bytes {
  return derSequence(
    ...list.map(({ oid, isCritical, value }) =>
      derSequence(derOid(oid), ...(isCritical ? [derTrue()] : []), derOctets(value)),
    ),
  );
}

export function buildList(spec: CrlSpec): Bytes {
  const entries = spec.entries.map(({ serial, revokedAt, extensions }) =>
    derSequence(
      serial,
      derTime(revokedAt),
      ...(extensions.length === 0 ? [] : [encodeExtensions(extensions)]),
    ),
  );
  const body = derSequence(
    ...(spec.version === undefined ? [] : [derInteger(spec.version)]),
    algorithmOf(spec.algorithm, spec.signer),
    spec.issuer,
    spec.thisUpdate,
    ...(spec.nextUpdate === undefined ? [] : [spec.nextUpdate]),
    ...(entries.length === 0 ? [] : [derSequence(...entries)]),
    ...(spec.extensions.length === 0 ? [] : [der(0xa0, encodeExtensions(spec.extensions))]),
  );
  return spec.finish(signBody(body, spec.algorithm, spec.signer));
}

export interface Setting {
  readonly chain: CertificateSpec[];
  /** Of the signer's issuer. */
  readonly list: CrlSpec;
}

export interface CrlCase {
  readonly title: string;
  readonly change: (setting: Setting) => void;
  readonly expected: string;
  readonly stricter?: string;
}

export const revoke = ({ chain, list }: Setting, extensions: Extension[] = []): void => {
  list.entries.push({ serial: chain[0]!.serial, revokedAt: judgedAt - 3 * day, extensions });
};
export const reason = (code: number): Extension =>
  extension(reasonCode, false, der(0x0a, Uint8Array.of(code)));
const otherSerial = derInteger(123456);

export const crlCases: readonly CrlCase[] = [
  { title: "an empty list", change: () => {}, expected: "ok" },
  {
    title: "another one revoked",
    change: ({ list }) => {
      list.entries.push({ serial: otherSerial, revokedAt: judgedAt - day, extensions: [reason(1)] });
    },
    expected: "ok",
  },
  {
    title: "a thousand others",
    change: ({ list }) => {
      for (let i = 1; i <= 1000; i++)
        list.entries.push({ serial: derInteger(i), revokedAt: judgedAt - day, extensions: [] });
    },
    expected: "ok",
  },
  {
    title: "unknown extension",
    change: ({ list }) => {
      list.extensions.push(extension("1.3.6.1.4.1.55555.7", false, derNull()));
    },
    expected: "ok",
  },
  {
    title: "keeps expired certificates",
    change: ({ list }) => {
      list.extensions.push(extension(expiredCerts, false, derGeneralizedTime(judgedAt - 900 * day)));
    },
    expected: "ok",
  },
  {
    title: "SHA-384",
    change: ({ list }) => {
      list.algorithm = "sha384";
    },
    expected: "ok",
  },
  { title: "revoked", change: (s) => revoke(s), expected: "certificate-revoked" },
  ...[1, 2, 3, 4, 5, 6, 9, 10].map((code) => ({
    title: `revoked, reason ${code}`,
    change: (s: Setting) => revoke(s, [reason(code)]),
    expected: "certificate-revoked",
  })),
  {
    title: "revoked, with invalidity date",
    change: (s) =>
      revoke(s, [reason(1), extension(invalidityDate, false, derGeneralizedTime(judgedAt - 9 * day))]),
    expected: "certificate-revoked",
  },
  {
    title: "revoked from tomorrow",
    change: ({ chain, list }) => {
      list.entries.push({ serial: chain[0]!.serial, revokedAt: judgedAt + day, extensions: [] });
    },
    expected: "certificate-revoked",
  },
  {
    title: "revoked in a list out of date",
    change: (s) => {
      revoke(s);
      s.list.nextUpdate = derTime(judgedAt - 1000);
    },
    expected: "certificate-revoked",
  },
  {
    title: "out of date",
    change: ({ list }) => {
      list.nextUpdate = derTime(judgedAt - 1000);
    },
    expected: "revocation-unknown",
  },
  {
    title: "at its end",
    change: ({ list }) => {
      list.nextUpdate = derTime(judgedAt);
    },
    expected: "revocation-unknown",
  },
  {
    title: "without an end",
    change: ({ list }) => {
      list.nextUpdate = undefined;
    },
    expected: "revocation-unknown",
    stricter: "RFC 5280 5.1.2.5 requires it",
  },
  {
    title: "not yet valid",
    change: ({ list }) => {
      list.thisUpdate = derTime(judgedAt + 1000);
    },
    expected: "revocation-unknown",
  },
  {
    title: "another issuer's",
    change: ({ list }) => {
      list.issuer = goodChain("P-256", 2)[0]!.subject;
    },
    expected: "revocation-unknown",
  },
  {
    title: "signed by a stranger",
    change: ({ list }) => {
      list.signer = keyOf("P-256", "stranger");
    },
    expected: "revocation-unknown",
  },
  {
    title: "signature changed",
    change: ({ list }) => {
      list.finish = (b) => flipped(b, -6);
    },
    expected: "revocation-unknown",
  },
  {
    title: "an entry changed after signing",
    change: (s) => {
      revoke(s);
      s.list.finish = hideEntry;
    },
    expected: "revocation-unknown",
  },
  {
    title: "of another key",
    change: ({ list }) => {
      list.extensions[0] = extension(oids.aki, false, derSequence(der(0x80, new Uint8Array(20))));
    },
    expected: "revocation-unknown",
  },
  {
    title: "issuer may not sign lists",
    change: ({ chain }) => setExtension(chain[1]!, oids.keyUsage, der(0x03, Uint8Array.of(2, 4)), true),
    expected: "revocation-unknown",
  },
  {
    title: "unknown critical extension",
    change: ({ list }) => {
      list.extensions.push(extension("1.3.6.1.4.1.55555.7", true, derNull()));
    },
    expected: "revocation-unknown",
  },
  {
    title: "unknown critical entry extension",
    change: ({ list }) => {
      list.entries.push({
        serial: otherSerial,
        revokedAt: judgedAt,
        extensions: [extension("1.3.6.1.4.1.55555.7", true, derNull())],
      });
    },
    expected: "revocation-unknown",
  },
  {
    title: "partial: authorities only",
    change: ({ list }) => {
      list.extensions.push(extension(issuingPoint, true, derSequence(der(0x82, Uint8Array.of(0xff)))));
    },
    expected: "revocation-unknown",
  },
  {
    title: "partial: end entities only",
    change: ({ list }) => {
      list.extensions.push(extension(issuingPoint, true, derSequence(der(0x81, Uint8Array.of(0xff)))));
    },
    expected: "revocation-unknown",
    stricter: "partial lists are not part of the profile",
  },
  {
    title: "SHA-1",
    change: ({ list }) => {
      list.algorithm = "sha1";
    },
    expected: "revocation-unknown",
    stricter: "openssl does not apply its floor to lists",
  },
  {
    title: "version 1",
    change: ({ list }) => {
      list.version = undefined;
      list.extensions = [];
    },
    expected: "certificate-invalid",
    stricter: "RFC 5280 5.1.2.1",
  },
  {
    title: "trailing bytes",
    change: ({ list }) => {
      list.finish = (b) => concatBytes([b, Uint8Array.of(0)]);
    },
    expected: "certificate-invalid",
    stricter: "openssl reads one structure and stops",
  },
];

/** Turns the only entry's serial into another one without a new signature. */
function hideEntry(bytes: Bytes): Bytes {
  const at = String.fromCharCode(...bytes).lastIndexOf(
    String.fromCharCode(...goodChain("P-256", 2)[0]!.serial),
  );
  return at < 0 ? utf8("not found") : flipped(bytes, at + 5);
}
