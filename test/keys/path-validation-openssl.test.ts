/** Path validation against `openssl verify -x509_strict`: what we accept it accepts, and each place where we are stricter is named. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { IssuerSignatures } from "../../src/keys/trust/issuer-signature.ts";
import { validatePath } from "../../src/keys/trust/path-validation.ts";
import { encodePem } from "../../src/keys/trust/pem.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { describePeer, peerPath } from "../peers.ts";
import { goodCases } from "./accepted-chain-cases.ts";
import type { ChainCase } from "./chain-changes.ts";
import { build, type ChainSpec, goodChain, judgedAt, type KeyKind } from "./forged-chains.ts";
import { refusedFormCases } from "./refused-form-cases.ts";
import { refusedPathCases } from "./refused-path-cases.ts";

const badCases: readonly ChainCase[] = [...refusedPathCases, ...refusedFormCases];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-chains-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Ours: the result's reason, or "ok". */
async function judge(chain: readonly Bytes[], role: "capture" | undefined = "capture"): Promise<string> {
  try {
    const [certificate, ...above] = chain.map((der) => parseCertificate(der, nodeCrypto));
    const result = await validatePath({
      certificate: certificate!,
      intermediates: above.slice(0, -1),
      anchors: above.slice(-1),
      crls: [],
      now: judgedAt,
      role,
      revocation: "when-available",
      signatures: new IssuerSignatures(nodeCrypto),
    });
    return result.ok ? "ok" : result.reason;
  } catch (error) {
    if (error instanceof ScansealError) return error.code;
    throw error;
  }
}

function doesOpensslAccept(chain: readonly Bytes[], ...options: readonly string[]): boolean {
  const write = (name: string, ders: readonly Bytes[]): string => {
    const path = join(folder, name);
    writeFileSync(path, ders.map((der) => encodePem("CERTIFICATE", der)).join(""));
    return path;
  };
  const middle = chain.slice(1, -1);
  const run = spawnSync(peerPath("openssl"), [
    "verify",
    "-x509_strict",
    // 112 bits and no SHA-1: without it openssl takes RSA-1024, and its answer would say less.
    ...["-auth_level", "2"],
    ...options,
    ...["-attime", String(judgedAt / 1000)],
    ...["-no-CApath", "-no-CAstore", "-CAfile", write("anchor.pem", chain.slice(-1))],
    ...(middle.length === 0 ? [] : ["-untrusted", write("middle.pem", middle)]),
    write("signer.pem", chain.slice(0, 1)),
  ]);
  return run.status === 0;
}

function chainOf(one: ChainCase, kind: KeyKind, length: 2 | 3): Bytes[] {
  const chain: ChainSpec = goodChain(kind, length);
  one.change(chain);
  return chain.map(build);
}

describePeer("openssl", "chains that openssl judges too", () => {
  const kinds: readonly KeyKind[] = ["P-256", "P-384", "RSA-3072"];
  for (const kind of kinds) {
    for (const length of [2, 3] as const) {
      it(`${kind}, ${length} certificates: agrees, or is stricter where it says so`, async () => {
        const wrong: string[] = [];
        for (const one of [...goodCases, ...badCases]) {
          if (one.length !== undefined && one.length !== length) continue;
          const chain = chainOf(one, kind, length);
          const ours = await judge(chain);
          const openssl = doesOpensslAccept(chain);
          const wanted = one.expected === "ok" || one.stricter !== undefined;
          if (ours !== one.expected) wrong.push(`${one.title}: ours ${ours}, expected ${one.expected}`);
          if (openssl !== wanted) wrong.push(`${one.title}: openssl ${openssl ? "accepts" : "refuses"}`);
        }
        expect(wrong).toEqual([]);
      });
    }
  }

  it("accepts no pair of changes that openssl refuses", async () => {
    const wrong: string[] = [];
    let accepted = 0;
    // Every good case with a step through all cases: 20 x 7 pairs.
    for (const [i, first] of goodCases.entries()) {
      for (let k = 0; k < 7; k++) {
        const all = [...goodCases, ...badCases];
        const second = all[(i * 11 + k * 13) % all.length]!;
        const length = second.length ?? (k % 2 === 0 ? 2 : 3);
        const chain = goodChain("P-256", length);
        first.change(chain);
        second.change(chain);
        const ders = chain.map(build);
        if ((await judge(ders)) !== "ok") continue;
        accepted++;
        if (!doesOpensslAccept(ders)) wrong.push(`${first.title} + ${second.title}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(accepted).toBeGreaterThan(20);
  });

  it("refuses four certificates, which openssl takes", async () => {
    const chain = goodChain("P-256", 4).map(build);
    expect(await judge(chain)).toBe("signer-not-recognised");
    expect(doesOpensslAccept(chain)).toBe(true);
  });

  it("takes an issuing authority as anchor, as openssl does with -partial_chain", async () => {
    const chain = goodChain("P-256", 3).map(build).slice(0, 2);
    expect(await judge(chain)).toBe("ok");
    expect(doesOpensslAccept(chain)).toBe(false);
    expect(doesOpensslAccept(chain, "-partial_chain")).toBe(true);
  });

  it("refuses an anchor as its own signer, and a signer nobody issued", async () => {
    const [signer, anchor] = goodChain("P-256", 2).map(build);
    expect(await judge([anchor!, anchor!])).toBe("signer-not-recognised");
    expect(await judge([signer!, signer!])).toBe("signer-not-recognised");
  });
});
