/** What OCSP responses kept with a seal do to the standing of its signer, and what findings they give. */
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { derGeneralizedTime } from "../../src/keys/custody/der-writer.ts";
import type { TrustedTimeClass } from "../../src/keys/trust/revocation.ts";
import { createTrustStore } from "../../src/keys/trust/trust-store.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import type { LateEntry } from "../../src/provenance/manifest/late-evidence.ts";
import type { RevocationEvidence, TrustFact } from "../../src/zero-trust/evidence/evidence.ts";
import { checkRevocationStatus } from "../../src/zero-trust/evidence/revocation-check.ts";
import { TrustJudge } from "../../src/zero-trust/evidence/trust-check.ts";
import { revocationFindings } from "../../src/zero-trust/policy/revocation-findings.ts";
import { buildList, emptyList, invalidityDate, reason, revoke } from "./crl-cases.ts";
import {
  build,
  type CertificateSpec,
  day,
  extension,
  flipped,
  goodChain,
  judgedAt,
} from "./forged-chains.ts";
import { buildResponse, good, goodResponse, revokedAt } from "./forged-ocsp.ts";

const chain = goodChain("P-256", 2) as [CertificateSpec, CertificateSpec];
const [device, root] = chain;
const [certificate, anchor] = [build(device), build(root)];

interface Said {
  readonly state?: Bytes;
  /** From `judgedAt`. */
  readonly at: number;
  readonly until?: number;
  readonly since?: number;
}

function response({ state = good, at, until, since }: Said): Bytes {
  const spec = goodResponse(device, root);
  spec.producedAt = derGeneralizedTime(judgedAt + at);
  const [answer] = spec.answers;
  answer!.state = state;
  answer!.thisUpdate = spec.producedAt;
  answer!.nextUpdate = until === undefined ? undefined : derGeneralizedTime(judgedAt + until);
  if (since !== undefined)
    answer!.extensions = [extension(invalidityDate, false, derGeneralizedTime(judgedAt + since))];
  return buildResponse(spec);
}

const entries = (...list: readonly Bytes[]): LateEntry[] =>
  list.map((bytes) => ({ type: "revocation-status", bytes }));

interface Kept {
  readonly embedded?: readonly LateEntry[];
  readonly detached?: readonly LateEntry[];
  readonly crls?: readonly Bytes[];
  readonly proofs?: readonly { readonly timeClass: Exclude<TrustedTimeClass, "self">; readonly at: number }[];
}

/** Of a seal made two days before it is judged. */
async function judged({ embedded = [], detached = [], crls = [], proofs = [] }: Kept): Promise<{
  trust: TrustFact;
  revocation: RevocationEvidence | undefined;
}> {
  const store = createTrustStore({ anchors: [{ certificate: anchor, label: "" }], crls }, nodeCrypto);
  const judge = new TrustJudge(store, nodeCrypto, judgedAt);
  const sealedAt = new Date(judgedAt - 2 * day).toISOString();
  const { evidence, stated } = await checkRevocationStatus({
    judge,
    certificate,
    sealedAt,
    embedded,
    detached,
  });
  return { trust: await judge.judgeSince(certificate, "capture", proofs, stated), revocation: evidence };
}

describe("OCSP responses beside a seal", () => {
  it("without any there is nothing to tell", async () => {
    const { trust, revocation } = await judged({
      embedded: [{ type: "log-proof", bytes: new Uint8Array(3) }],
    });
    expect(trust.result).toBe("trusted");
    expect(revocation).toBeUndefined();
  });

  it("good is told as of its time, where that is not over before the sealing", async () => {
    const after = await judged({ embedded: entries(response({ at: -day })) });
    expect(after.revocation?.told).toMatchObject({
      status: "good",
      at: new Date(judgedAt - day).toISOString(),
    });
    const before = await judged({ embedded: entries(response({ at: -3 * day })) });
    expect(before.revocation).toEqual({ faults: [] });
    const ahead = await judged({ embedded: entries(response({ at: -3 * day, until: -day })) });
    expect(ahead.revocation?.told?.status).toBe("good");
  });

  it("of several the newest is told", async () => {
    const list = [response({ at: -day }), response({ at: -3_600_000 }), response({ at: -day / 2 })];
    const { revocation } = await judged({ embedded: entries(...list) });
    expect(revocation?.told?.at).toBe(new Date(judgedAt - 3_600_000).toISOString());
  });

  it("revoked counts as in a list, whatever good answers there are", async () => {
    const revoked = response({ state: revokedAt(judgedAt - day, 1), at: -3_600_000 });
    const younger = response({ at: -60_000 });
    for (const kept of [
      { embedded: entries(revoked) },
      { detached: entries(revoked) },
      { embedded: entries(younger), detached: entries(revoked) },
    ]) {
      const { trust, revocation } = await judged(kept);
      expect(trust).toMatchObject({ result: "certificate-revoked", detail: "revoked (keyCompromise)" });
      expect(revocation?.told).toMatchObject({ status: "revoked", reason: "keyCompromise" });
    }
  });

  it("a hold is over once the issuer says good again, and not before", async () => {
    const held = response({ state: revokedAt(judgedAt - day, 6), at: -7_200_000 });
    expect((await judged({ embedded: entries(held, response({ at: -day })) })).trust.result).toBe(
      "certificate-revoked",
    );
    const lifted = await judged({ embedded: entries(held, response({ at: -60_000 })) });
    expect(lifted.trust.result).toBe("trusted");
    expect(lifted.revocation?.told?.status).toBe("good");
  });

  it.each([
    ["superseded", 4, "T1", -1.5 * day, "trusted"],
    ["superseded", 4, "T2", -1.5 * day, "trusted"],
    ["superseded", 4, "T1", -0.5 * day, "certificate-revoked"],
    ["keyCompromise", 1, "T1", -1.5 * day, "trusted"],
    ["keyCompromise", 1, "T2", -1.5 * day, "certificate-revoked"],
  ] as const)(
    "revoked (%s, %i) a day ago: with %s of %d the signer is judged by that",
    async (_, code, timeClass, at, result) => {
      const detached = entries(response({ state: revokedAt(judgedAt - day, code), at: -60_000 }));
      const { trust } = await judged({ detached, proofs: [{ timeClass, at: judgedAt + at }] });
      expect(trust.result).toBe(result);
      if (result === "trusted")
        expect(trust.standsBy).toMatchObject({ timeClass, since: "certificate-revoked" });
    },
  );

  it("counts from when the key may have been in other hands", async () => {
    const said = { state: revokedAt(judgedAt - day, 1), at: -60_000, since: -1.8 * day };
    const detached = entries(response(said));
    const at = (days: number): Kept => ({
      detached,
      proofs: [{ timeClass: "T1", at: judgedAt - days * day }],
    });
    expect((await judged(at(1.5))).trust.result).toBe("certificate-revoked");
    expect((await judged(at(1.9))).trust.result).toBe("trusted");
  });

  it("a good answer, however young, does nothing against a list", async () => {
    const list = emptyList(root);
    revoke({ chain, list }, [reason(1)]);
    const { trust, revocation } = await judged({
      embedded: entries(response({ at: -60_000 })),
      crls: [buildList(list)],
    });
    expect(trust.result).toBe("certificate-revoked");
    expect(revocation?.told?.status).toBe("good");
  });

  it("what does not hold is a warning that names place and step, good or revoked", async () => {
    const broken = [good, revokedAt(judgedAt - day, 1)].map((state) =>
      flipped(response({ state, at: -60_000 }), -1),
    ) as [Bytes, Bytes];
    const { trust, revocation } = await judged({
      embedded: entries(broken[0]),
      detached: entries(broken[1]),
    });
    expect(trust.result).toBe("trusted");
    expect(revocation).toEqual({
      faults: [
        { step: "signature", isInObject: false },
        { step: "signature", isInObject: true },
      ],
    });
    const found = revocationFindings({ signatures: [], revocation: revocation! });
    expect(found.map(({ code, severity, detail }) => [code, severity, detail])).toEqual([
      [
        "revocation-status-invalid",
        "warning",
        "an OCSP response kept beside the object fails at step signature",
      ],
      ["revocation-status-invalid", "warning", "an OCSP response in the object fails at step signature"],
    ]);
  });

  it("those in the object do not crowd out what the site keeps", async () => {
    const junk = Array.from({ length: 16 }, (_, i) => Uint8Array.of(0x30, i));
    const detached = entries(response({ state: revokedAt(judgedAt - day, 1), at: -60_000 }));
    const { trust, revocation } = await judged({ embedded: entries(...junk), detached });
    expect(trust.result).toBe("certificate-revoked");
    expect(revocation?.faults).toHaveLength(15);
  });
});
