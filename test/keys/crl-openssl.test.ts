/** Revocation against `openssl verify -crl_check_all`: a path we call good under required revocation, openssl calls good. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { derGeneralizedTime, derTime } from "../../src/keys/custody/der-writer.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { IssuerSignatures } from "../../src/keys/trust/issuer-signature.ts";
import { validatePath } from "../../src/keys/trust/path-validation.ts";
import { encodePem } from "../../src/keys/trust/pem.ts";
import { parseCrl } from "../../src/keys/trust/revocation.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { describePeer, peerPath } from "../peers.ts";
import { buildList, crlCases, emptyList, expiredCerts, invalidityDate, reason, revoke } from "./crl-cases.ts";
import { build, day, extension, goodChain, judgedAt } from "./forged-chains.ts";

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
      for (const one of crlCases) {
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
