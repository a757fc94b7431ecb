/** Scenarios 41 and 42: what time stamps prove of a seal, and what those prove that were forged, moved, or come too late. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { signDataSet } from "../../src/digital-signatures/sign.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { type Bytes, toHex, utf8 } from "../../src/foundation/bytes.ts";
import { buildCrl } from "../../src/keys/custody/structure-builder.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import type { RevocationReason } from "../../src/keys/trust/revocation.ts";
import { TimeStampTrust } from "../../src/keys/trust/time-stamp.ts";
import { createTrustStore } from "../../src/keys/trust/trust-store.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom } from "../../src/platform/node/crypto.ts";
import { openManifest } from "../../src/provenance/manifest/check.ts";
import { lateEvidenceElement } from "../../src/provenance/manifest/containers.ts";
import { sealObject } from "../../src/sealing/seal.ts";
import { collectEvidence } from "../../src/zero-trust/evidence/collect.ts";
import { TrustJudge } from "../../src/zero-trust/evidence/trust-check.ts";
import { decide } from "../../src/zero-trust/policy/decide.ts";
import { edited, newSite, parse, type Site, trustContentOf } from "../evaluation/fixture.ts";
import { describePeer } from "../peers.ts";
import expected from "../vectors/expected.json" with { type: "json" };
import { image } from "../watermark/marked-objects.ts";
import { OpensslAuthority } from "./openssl-authority.ts";
import { timeScenarios } from "./time-scenarios.ts";
import { makeInfo, makeToken } from "./token-maker.ts";

const dayMs = 86_400_000;
const decoder = new CodecPool({ workersMax: 1 });
let folder = "";
let site: Site;
let authority: OpensslAuthority;
let sealed: Bytes;
let digest = "";
let signature: Bytes;

interface Question {
  /** In xx01. */
  readonly embedded?: readonly Bytes[];
  readonly detached?: readonly Bytes[];
  readonly firstSeen?: number;
  readonly days?: number;
  readonly revoked?: {
    readonly reason: RevocationReason;
    readonly at: number;
    readonly invalidSince?: number;
  };
  readonly anchors?: readonly Bytes[];
  readonly object?: Bytes;
}

interface Told {
  readonly verdict: string;
  readonly time: string;
  /** "error code", without what is info only. */
  readonly findings: readonly string[];
  readonly infos: readonly string[];
  readonly route: string | undefined;
}

async function withStamps(bytes: Bytes, tokens: readonly Bytes[]): Promise<Bytes> {
  const object = await parse(bytes);
  const { containers } = (await openManifest(object, nodeCrypto))!;
  const entries = tokens.map((token) => ({ type: "time-stamp" as const, bytes: token }));
  return writeToBytes(object, [
    { kind: "put", element: lateEvidenceElement(containers.creatorTag, entries) },
  ]);
}

function trustAt(now: number, revoked: Question["revoked"]): TrustJudge {
  const content = trustContentOf(site.authority, [site.device]);
  if (!revoked) return new TrustJudge(createTrustStore(content, nodeCrypto), nodeCrypto, now);
  const issuer = parseCertificate(site.authority.certificate, nodeCrypto);
  const { serial } = parseCertificate(site.device.certificate, nodeCrypto);
  const crl = buildCrl(
    {
      issuer: issuer.subject.der,
      authorityKeyIdentifier: issuer.extensions.subjectKeyIdentifier!,
      number: 2,
      thisUpdate: Date.now() - 1000,
      nextUpdate: now + 30 * dayMs,
      keepsExpiredSince: now - 400 * dayMs,
      revoked: new Map([
        [serial, { revokedAt: revoked.at, invalidSince: revoked.invalidSince, reason: revoked.reason }],
      ]),
    },
    site.authority.key,
  );
  return new TrustJudge(createTrustStore({ ...content, crls: [crl] }, nodeCrypto), nodeCrypto, now);
}

async function judge(question: Question = {}): Promise<Told> {
  const { embedded = [], detached = [], object = sealed } = question;
  const now = Date.now() + (question.days ?? 0) * dayMs;
  const bytes = embedded.length === 0 ? object : await withStamps(object, embedded);
  const evidence = await collectEvidence(new MemorySource(bytes), {
    crypto: nodeCrypto,
    trust: trustAt(now, question.revoked),
    timeTrust: new TimeStampTrust({ anchors: question.anchors ?? [authority.anchor] }, nodeCrypto),
    records: {
      about: async () => [],
      lateEvidence: async (name) =>
        name === digest ? detached.map((one) => ({ type: "time-stamp" as const, bytes: one })) : [],
      firstSeen: async () => question.firstSeen,
      counterUses: async () => [],
    },
  });
  const { verdict, findings } = decide(evidence);
  const { timeClass, basis } = evidence.time!;
  return {
    verdict,
    time: `${timeClass} ${basis}`,
    findings: findings.filter((f) => f.severity !== "info").map((f) => `${f.severity} ${f.code}`),
    infos: findings.filter((f) => f.severity === "info").map(({ code }) => code),
    route: evidence.content?.route,
  };
}

const expired = { days: 350 } as const;

describePeer("openssl", "The time of a seal", () => {
  let token: Bytes;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scanseal-time-"));
    site = newSite();
    authority = new OpensslAuthority(join(folder, "tsa"));
    sealed = await site.seal(image());
    const { envelope } = (await openManifest(await parse(sealed), nodeCrypto))!;
    signature = envelope.signatures[0]!.signature;
    digest = toHex(nodeCrypto.hash("SHA-256", envelope.payload));
    token = authority.stamp(signature);
  });
  afterAll(async () => {
    await Promise.all([site.close(), decoder.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it("is the device's claim, the site's first sight, or an authority's stamp", async () => {
    expect(await judge()).toMatchObject({ verdict: "verified", time: "T3 claim", findings: [] });
    const seen = await judge({ firstSeen: Date.now() - 5 });
    expect(seen).toMatchObject({ verdict: "verified", time: "T2 first-seen" });
    for (const place of ["embedded", "detached"] as const) {
      const stamped = await judge({ [place]: [token], firstSeen: Date.now() - 5 });
      expect(stamped).toMatchObject({
        verdict: "verified",
        time: "T1 time-stamp",
        findings: [],
        route: "signature",
      });
    }
  });

  it("lets a seal outlive its certificate, which it does not without proof", async () => {
    expect(await judge(expired)).toMatchObject({
      verdict: "untrusted",
      findings: ["error certificate-expired"],
    });
    const stamped = await judge({ ...expired, embedded: [token] });
    expect(stamped).toMatchObject({ verdict: "verified", time: "T1 time-stamp", findings: [] });
    expect(stamped.infos).toEqual(["stands-by-time"]);
    // The DICOM signature may be younger than the stamp: what it covers is not believed for it.
    expect(stamped.route).toBe("commitments");
    const home = await judge({ ...expired, firstSeen: Date.now() });
    expect(home).toMatchObject({ verdict: "verified", time: "T2 first-seen", infos: ["stands-by-time"] });
  });

  it("does not come from a stamp or a sight after the certificate's end", async () => {
    const late = Date.now() + 320 * dayMs;
    expect(await judge({ ...expired, firstSeen: late })).toMatchObject({ verdict: "untrusted" });
    const stamp = stampAt(late);
    expect(await judge({ ...expired, detached: [stamp] })).toMatchObject({
      verdict: "untrusted",
      time: "T1 time-stamp",
      findings: ["error certificate-expired"],
    });
    // First seen in time, stamped too late: the sight counts at home, and is what is told.
    const both = await judge({ ...expired, detached: [stamp], firstSeen: Date.now() });
    expect(both).toMatchObject({ verdict: "verified", time: "T2 first-seen" });
  });

  it.each<[RevocationReason, string, string]>([
    ["superseded", "verified", "verified"],
    ["cessationOfOperation", "verified", "verified"],
    ["keyCompromise", "verified", "untrusted"],
  ])(
    "after a revocation (%s): with a stamp %s, with the site's own first sight %s",
    async (reason, t1, t2) => {
      const at = Date.now() + dayMs;
      const revoked = { reason, at };
      expect((await judge({ revoked, days: 2 })).findings).toEqual(["error certificate-revoked"]);
      expect((await judge({ revoked, days: 2, embedded: [token] })).verdict).toBe(t1);
      expect((await judge({ revoked, days: 2, firstSeen: Date.now() })).verdict).toBe(t2);
      const before = { reason, at: Date.now() - dayMs };
      expect((await judge({ revoked: before, days: 2, embedded: [token] })).verdict).toBe("untrusted");
    },
  );

  it("after a stolen key only a stamp from before the invalidity date counts", async () => {
    const at = Date.now() + 3 * dayMs;
    const stolenAt = (invalidSince: number): Question => ({
      revoked: { reason: "keyCompromise", at, invalidSince },
      days: 4,
      firstSeen: Date.now(),
    });
    const stamp = stampAt(Date.now() + dayMs);
    const after = await judge({ ...stolenAt(Date.now() + dayMs / 2), embedded: [stamp] });
    expect(after).toMatchObject({ verdict: "untrusted", findings: ["error certificate-revoked"] });
    const before = await judge({ ...stolenAt(Date.now() + 2 * dayMs), embedded: [stamp] });
    expect(before).toMatchObject({ verdict: "verified", infos: ["stands-by-time"] });
  });

  it("a stamp that the site keeps is not crowded out by what somebody puts into the object", async () => {
    const stranger = new OpensslAuthority(join(folder, "crowd"));
    const crowd = Array.from({ length: 16 }, () => stranger.stamp(signature));
    for (const embedded of [crowd, [...crowd.slice(1), token]]) {
      const told = await judge({ ...expired, embedded, detached: [token] });
      expect(told).toMatchObject({ verdict: "verified", time: "T1 time-stamp", findings: [] });
    }
    // Changed, it is still the object's fault, also where the site keeps the same.
    const broken = token.slice();
    broken[broken.length - 1]! ^= 1;
    const both = await judge({ embedded: [broken], detached: [broken] });
    expect(both).toMatchObject({ verdict: "untrusted", findings: ["error time-stamp-invalid"] });
  });

  it("a seal that stands by its age is compared in full: a younger signature over other content proves nothing", async () => {
    // Whoever has the lost key makes the DICOM signature anew over changed content, and keeps the stamped manifest.
    const { signatureUid } = (await openManifest(await parse(sealed), nodeCrypto))!;
    const changed = await parse(
      await edited(sealed, [
        { kind: "put", element: textElement(tags.patientId, "LO", "OTHER") },
        { kind: "remove", path: [tags.macParametersSequence] },
        { kind: "remove", path: [tags.digitalSignaturesSequence] },
      ]),
    );
    const request = { signatureUid, dateTimeMs: Date.now() };
    const anew = await signDataSet(changed, request, site.device.sealing.signer);
    const object = await writeToBytes(changed, anew.edits);
    // As long as the key stands, its holder is the device.
    expect(await judge({ object })).toMatchObject({ verdict: "verified", route: "signature" });
    const told = await judge({ ...expired, embedded: [token], object });
    expect(told).toMatchObject({ verdict: "altered", route: "commitments" });
    expect(told.findings).toContain("error attribute-changed");
  });

  it.each([
    [29, []],
    [31, ["time-proven-late"]],
  ])("a claim %s days older than its first proof is told, and changes no verdict", async (days, infos) => {
    const stamp = stampAt(Date.now() + days * dayMs);
    const told = await judge({ days: days + 1, embedded: [stamp] });
    expect(told).toMatchObject({ verdict: "verified", time: "T1 time-stamp", findings: [], infos });
    // With an earlier proof beside it there is nothing to tell.
    const both = await judge({ days: days + 1, embedded: [stamp], detached: [token] });
    expect(both).toMatchObject({ verdict: "verified", infos: [] });
  });

  it("a stamp of another seal, or a changed one, is a fault inside the object, and a warning beside it", async () => {
    const foreign = authority.stamp(utf8("another seal"));
    const broken = token.slice();
    broken[broken.length - 1]! ^= 1;
    for (const stamp of [foreign, broken]) {
      expect(await judge({ embedded: [stamp] })).toMatchObject({
        verdict: "untrusted",
        time: "T3 claim",
        findings: ["error time-stamp-invalid"],
      });
      expect(await judge({ detached: [stamp] })).toMatchObject({
        verdict: "verified",
        findings: ["warning time-stamp-invalid"],
      });
    }
  });

  it("of an authority that nobody pinned proves nothing, and accuses nobody", async () => {
    const stranger = new OpensslAuthority(join(folder, "stranger"));
    const told = await judge({ embedded: [stranger.stamp(signature)] });
    expect(told).toMatchObject({
      verdict: "verified",
      time: "T3 claim",
      findings: [],
      infos: ["time-stamp-unknown"],
    });
    expect(await judge({ embedded: [token], anchors: [] })).toMatchObject({ time: "T3 claim", findings: [] });
  });

  it.each(timeScenarios)("scenario $scenario: $what", async ({ scenario, what }) => {
    const row = expected.scenarios.find((one) => one.scenario === scenario && one.what === what);
    const { verdict, findings } = await attacks[what]();
    expect({ verdict, findings }).toEqual({ verdict: row?.verdict, findings: [`error ${row?.code}`] });
  });

  it("a device's clock that is ahead is not found without a stamp", async () => {
    const { object } = await sealedAhead();
    expect(await judge({ days: 1, object })).toMatchObject({ verdict: "verified", findings: [] });
  });
});

/** Sealed by a device whose clock is an hour ahead, and its signature. */
async function sealedAhead(): Promise<{ object: Bytes; signature: Bytes }> {
  const ports = {
    crypto: nodeCrypto,
    random: nodeRandom,
    clock: { now: () => Date.now() + 3_600_000 },
    softwareVersion: "test",
    decoder,
  };
  const original = await parse(image());
  const seal = await sealObject(original, site.device.sealing, ports, { nextCounter: () => 900 });
  const object = await writeToBytes(seal.object, seal.edits);
  const { envelope } = (await openManifest(await parse(object), nodeCrypto))!;
  return { object, signature: envelope.signatures[0]!.signature };
}

/** By the honest authority, at a time of the test's. */
function stampAt(at: number): Bytes {
  const genTime = `${new Date(at).toISOString().replace(/[-:T]|\.\d+Z/g, "")}Z`;
  const content = makeInfo(signature, genTime);
  return makeToken({ content, certificate: authority.signer, key: authority.key });
}

const attacks: Readonly<Record<(typeof timeScenarios)[number]["what"], () => Promise<Told>>> = {
  "dated after the time stamp over it": async () => {
    const ahead = await sealedAhead();
    return judge({ days: 1, object: ahead.object, embedded: [authority.stamp(ahead.signature)] });
  },
  "another seal's time stamp": () => judge({ embedded: [authority.stamp(utf8("another seal"))] }),
  "stamped only after its certificate's end": () =>
    judge({ ...expired, embedded: [stampAt(Date.now() + 320 * dayMs)] }),
};
