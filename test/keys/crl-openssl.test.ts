/** Revocation against `openssl verify -crl_check_all`: a path we call good under required revocation, openssl calls good. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Bytes, concatBytes, utf8 } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
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
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { IssuerSignatures } from "../../src/keys/trust/issuer-signature.ts";
import { validatePath } from "../../src/keys/trust/path-validation.ts";
import { encodePem } from "../../src/keys/trust/pem.ts";
import { parseCrl } from "../../src/keys/trust/revocation.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { describePeer, peerPath } from "../peers.ts";
import {
  algorithmOf,
  build,
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

interface CrlSpec {
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
const invalidityDate = "2.5.29.24";
const expiredCerts = "2.5.29.60";

function emptyList(authority: CertificateSpec): CrlSpec {
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

function buildList(spec: CrlSpec): Bytes {
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

interface Setting {
  readonly chain: CertificateSpec[];
  /** Of the signer's issuer. */
  readonly list: CrlSpec;
}

interface CrlCase {
  readonly title: string;
  readonly change: (setting: Setting) => void;
  readonly expected: string;
  readonly stricter?: string;
}

const revoke = ({ chain, list }: Setting, extensions: Extension[] = []): void => {
  list.entries.push({ serial: chain[0]!.serial, revokedAt: judgedAt - 3 * day, extensions });
};
const reason = (code: number): Extension => extension(reasonCode, false, der(0x0a, Uint8Array.of(code)));
const otherSerial = derInteger(123456);

const cases: readonly CrlCase[] = [
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

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-crls-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function judge(chain: readonly Bytes[], crls: readonly Bytes[], trustedTime?: number): Promise<string> {
  try {
    const [certificate, ...above] = chain.map((one) => parseCertificate(one, nodeCrypto));
    const result = await validatePath({
      certificate: certificate!,
      intermediates: above.slice(0, -1),
      anchors: above.slice(-1),
      crls: crls.map((one) => parseCrl(one, nodeCrypto)),
      now: judgedAt,
      trustedTime,
      role: "capture",
      revocation: "required",
      signatures: new IssuerSignatures(nodeCrypto),
    });
    if (result.ok) expect(result.revocation).toBe("good");
    return result.ok ? "ok" : result.reason;
  } catch (error) {
    if (error instanceof ScansealError) return error.code;
    throw error;
  }
}

function doesOpensslAccept(chain: readonly Bytes[], crls: readonly Bytes[]): boolean {
  const write = (name: string, label: "CERTIFICATE" | "X509 CRL", ders: readonly Bytes[]): string => {
    const path = join(folder, name);
    writeFileSync(path, ders.map((one) => encodePem(label, one)).join(""));
    return path;
  };
  const middle = chain.slice(1, -1);
  const run = spawnSync(peerPath("openssl"), [
    ...["verify", "-x509_strict", "-auth_level", "2", "-attime", String(judgedAt / 1000)],
    // With all, openssl asks about the anchor too, which a partial list does not cover.
    middle.length === 0 ? "-crl_check" : "-crl_check_all",
    ...["-no-CApath", "-no-CAstore", "-CAfile", write("anchor.pem", "CERTIFICATE", chain.slice(-1))],
    ...(middle.length === 0 ? [] : ["-untrusted", write("middle.pem", "CERTIFICATE", middle)]),
    ...["-CRLfile", write("lists.pem", "X509 CRL", crls)],
    write("signer.pem", "CERTIFICATE", chain.slice(0, 1)),
  ]);
  return run.status === 0;
}

describePeer("openssl", "revocation lists that openssl judges too", () => {
  for (const length of [2, 3] as const) {
    it(`${length} certificates: agrees, or is stricter where it says so`, async () => {
      const wrong: string[] = [];
      for (const one of cases) {
        const chain = goodChain("P-256", length);
        const list = emptyList(chain[1]!);
        one.change({ chain, list });
        const ders = chain.map(build);
        const crls = [list, ...(length === 3 ? [emptyList(chain[2]!)] : [])].map(buildList);
        const ours = await judge(ders, crls);
        const openssl = doesOpensslAccept(ders, crls);
        if (ours !== one.expected) wrong.push(`${one.title}: ours ${ours}`);
        if (openssl !== (one.expected === "ok" || one.stricter !== undefined)) {
          wrong.push(`${one.title}: openssl ${openssl ? "accepts" : "refuses"}`);
        }
      }
      expect(wrong).toEqual([]);
    });
  }

  it("asks for the intermediate's state too", async () => {
    const chain = goodChain("P-256", 3);
    const ders = chain.map(build);
    const own = emptyList(chain[1]!);
    const above = emptyList(chain[2]!);
    expect(await judge(ders, [buildList(own)])).toBe("revocation-unknown");
    above.entries.push({ serial: chain[1]!.serial, revokedAt: judgedAt - day, extensions: [] });
    expect(await judge(ders, [own, above].map(buildList))).toBe("certificate-revoked");
    expect(doesOpensslAccept(ders, [own, above].map(buildList))).toBe(false);
  });

  it("lets a signature with trusted time before the revocation stand, and none after it", async () => {
    const chain = goodChain("P-256", 2);
    const list = emptyList(chain[1]!);
    revoke({ chain, list }, [
      reason(1),
      extension(invalidityDate, false, derGeneralizedTime(judgedAt - 9 * day)),
    ]);
    const ders = chain.map(build);
    const crls = [buildList(list)];
    // Revoked 3 days ago, in doubt since 9 days.
    expect(await judge(ders, crls, judgedAt - 9 * day - 1000)).toBe("ok");
    expect(await judge(ders, crls, judgedAt - 9 * day)).toBe("certificate-revoked");
    expect(await judge(ders, crls, judgedAt - 4 * day)).toBe("certificate-revoked");
    expect(await judge(ders, crls)).toBe("certificate-revoked");
  });

  it("judges validity at the trusted time, and an expired one only by a list that keeps expired certificates", async () => {
    const chain = goodChain("P-256", 2);
    chain[0]!.notAfter = derTime(judgedAt - 5 * day);
    const ders = chain.map(build);
    const list = emptyList(chain[1]!);
    expect(await judge(ders, [buildList(list)])).toBe("certificate-expired");
    expect(await judge(ders, [buildList(list)], judgedAt - 6 * day)).toBe("revocation-unknown");
    list.extensions.push(extension(expiredCerts, false, derGeneralizedTime(judgedAt - 900 * day)));
    expect(await judge(ders, [buildList(list)], judgedAt - 6 * day)).toBe("ok");
    await expect(judge(ders, [], judgedAt + 1)).resolves.toBe("usage");
  });
});
