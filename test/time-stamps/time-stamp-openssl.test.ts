/** Our check of RFC 3161 tokens against `openssl ts`: its tokens hold, and what it refuses we refuse. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { utf8 } from "../../src/foundation/bytes.ts";
import {
  der,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derTrue,
} from "../../src/keys/custody/der-writer.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { derTag } from "../../src/keys/trust/der.ts";
import { cmsOid } from "../../src/keys/trust/object-identifiers.ts";
import { parseCrl } from "../../src/keys/trust/revocation.ts";
import {
  checkTimeStamps,
  renewedMessage,
  type TimeStampFact,
  TimeStampTrust,
  type TimeStampTrustContent,
} from "../../src/keys/trust/time-stamp.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { describePeer } from "../peers.ts";
import { type AuthorityForm, OpensslAuthority } from "./openssl-authority.ts";
import { attribute, makeInfo, makeToken, signingCertificate, type TokenParts } from "./token-maker.ts";

let folder = "";
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-stamps-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const message = utf8("the first signature of an envelope");

function authority(form: AuthorityForm = {}): OpensslAuthority {
  return new OpensslAuthority(join(folder, String(count++)), form);
}

function trustIn(tsa: OpensslAuthority, more: Partial<TimeStampTrustContent> = {}): TimeStampTrust {
  return new TimeStampTrust({ anchors: [tsa.anchor], ...more }, nodeCrypto);
}

/** "ok", or the step that refuses. */
async function judge(
  tsa: OpensslAuthority,
  token: Bytes,
  more: { trust?: TimeStampTrust; message?: Bytes; nonce?: Bytes; now?: number; provenTime?: number } = {},
): Promise<string> {
  const { trust = trustIn(tsa), ...question } = more;
  const result = await trust.check(token, { message, now: Date.now(), ...question });
  return result.ok ? "ok" : result.step;
}

describePeer("openssl", "Tokens of openssl", () => {
  it.each<AuthorityForm>([
    {},
    { key: "P-384", signerDigest: "sha512", essHash: "sha384" },
    { key: "RSA-2048" },
    { hasIntermediate: true },
  ])("hold: %j", async (form) => {
    const tsa = authority(form);
    const token = tsa.stamp(message);
    expect(tsa.doesOpensslAccept(token, message)).toBe(true);
    const result = await trustIn(tsa).check(token, { message, now: Date.now() });
    expect(result).toMatchObject({ ok: true, policy: tsa.policy, accuracy: 1500, serial: "02" });
    if (result.ok) expect(Math.abs(result.genTime - Date.now())).toBeLessThan(600_000);
  });

  it.each<[AuthorityForm, string]>([
    [{ essHash: "sha1" }, "signing-certificate"],
    [{ signerDigest: "sha1" }, "signature"],
  ])("are refused for what we hold for weak: %j", async (form, step) => {
    const tsa = authority(form);
    const token = tsa.stamp(message);
    expect(await judge(tsa, token)).toBe(step);
    expect(tsa.doesOpensslAccept(token, message)).toBe(true);
  });

  it("are refused for another question, policy, authority or time", async () => {
    const tsa = authority();
    const token = tsa.stamp(message);
    expect(await judge(tsa, token, { message: utf8("another") })).toBe("imprint");
    expect(tsa.doesOpensslAccept(token, utf8("another"))).toBe(false);
    expect(await judge(tsa, token, { nonce: new Uint8Array([1, 2, 3]) })).toBe("nonce");
    const overSha1 = tsa.stamp(message, { hash: "sha1" });
    expect(await judge(tsa, overSha1)).toBe("imprint");
    expect(tsa.doesOpensslAccept(overSha1, message)).toBe(true);
    expect(await judge(tsa, tsa.stamp(message, { certificates: false }))).toBe("signing-certificate");
    expect(await judge(tsa, token, { trust: trustIn(tsa, { policies: ["1.2.3"] }) })).toBe("policy");
    expect(await judge(tsa, token, { trust: trustIn(tsa, { policies: [tsa.policy] }) })).toBe("ok");
    expect(await judge(tsa, token, { trust: trustIn(authority()) })).toBe("authority");
    expect(await judge(tsa, token, { now: Date.now() - 400_000 })).toBe("time");
    expect(await judge(tsa, token, { now: Date.now() - 200_000 })).toBe("ok");
  });

  it("hold after the authority's certificate has ended, since they were made before", async () => {
    const tsa = authority({ days: 2 });
    const token = tsa.stamp(message);
    const { notAfter } = parseCertificate(tsa.signer, nodeCrypto);
    expect(await judge(tsa, token, { now: notAfter + 1 })).toBe("ok");
  });

  it.each<[string | undefined, string]>([
    ["superseded", "ok"],
    ["cessationOfOperation", "ok"],
    ["keyCompromise", "revocation"],
    [undefined, "revocation"],
  ])("made before a revocation (%s): %s", async (reason, expected) => {
    const tsa = authority();
    const token = tsa.stamp(message);
    const revokedAt = (at: number): TimeStampTrust =>
      trustIn(tsa, { crls: [parseCrl(tsa.revocationList(at, reason), nodeCrypto)] });
    expect(await judge(tsa, token, { trust: revokedAt(Date.now() + 10_000) })).toBe(expected);
    expect(await judge(tsa, token, { trust: revokedAt(Date.now() - 60_000) })).toBe("revocation");
  });
});

describePeer("openssl", "Renewals", () => {
  it("are stamps over what they renew, and vouch for it after its key was lost", async () => {
    const [old, fresh] = [authority(), authority({ key: "RSA-2048" })];
    const first = old.stamp(message);
    const second = fresh.stamp(renewedMessage(message, [first]));
    const crls = [parseCrl(old.revocationList(Date.now() + 10_000, "keyCompromise"), nodeCrypto)];
    const trust = new TimeStampTrust({ anchors: [old.anchor, fresh.anchor], crls }, nodeCrypto);
    const question = { message, now: Date.now() };
    const outcomes = async (tokens: readonly Bytes[]): Promise<unknown> =>
      (await checkTimeStamps(tokens, question, trust)).map(({ token, renews, result }) => [
        token === first ? "first" : "second",
        renews.length,
        result.ok ? "ok" : result.step,
      ]);
    expect(await outcomes([first])).toEqual([["first", 0, "revocation"]]);
    const both = [
      ["second", 1, "ok"],
      ["first", 0, "ok"],
    ];
    expect(await outcomes([first, second])).toEqual(both);
    expect(await outcomes([second, first])).toEqual(both);
    expect(await outcomes([second])).toEqual([["second", 0, "imprint"]]);
  });

  it("vouch from the end of the time that they name, not from its begin", async () => {
    const [old, fresh] = [authority(), authority()];
    const first = old.stamp(message);
    const { genTime } = (await trustIn(old).check(first, { message, now: Date.now() })) as TimeStampFact;
    const at = `${new Date(genTime + 60_000).toISOString().replace(/[-:T]|\.\d+Z/g, "")}Z`;
    const renewal = (accuracy: number): Bytes => {
      const rest = [derSequence(derInteger(accuracy))];
      const content = makeInfo(renewedMessage(message, [first]), at, { rest });
      return makeToken({ content, certificate: fresh.signer, key: fresh.key });
    };
    // The old authority's key was lost ten minutes later: a renewal that is good to an hour says nothing of it.
    const crls = [parseCrl(old.revocationList(genTime + 600_000, "keyCompromise"), nodeCrypto)];
    const trust = new TimeStampTrust({ anchors: [old.anchor, fresh.anchor], crls }, nodeCrypto);
    const outcome = async (accuracy: number): Promise<unknown> => {
      const question = { message, now: genTime + 7_200_000 };
      const placed = await checkTimeStamps([first, renewal(accuracy)], question, trust);
      return placed.map(({ result }) => (result.ok ? "ok" : result.step));
    };
    expect(await outcome(1)).toEqual(["ok", "ok"]);
    expect(await outcome(3600)).toEqual(["ok", "revocation"]);
  });

  it("hold only with every token that they renew", async () => {
    const tsa = authority();
    const tokens: Bytes[] = [];
    for (let i = 0; i < 3; i++) tokens.push(tsa.stamp(renewedMessage(message, tokens)));
    const question = { message, now: Date.now() };
    const all = await checkTimeStamps(tokens.toReversed(), question, trustIn(tsa));
    expect(all.map(({ renews, result }) => [renews.length, result.ok])).toEqual([
      [2, true],
      [1, true],
      [0, true],
    ]);
    const without = await checkTimeStamps([tokens[0]!, tokens[2]!], question, trustIn(tsa));
    expect(without.map(({ result }) => result.ok)).toEqual([true, false]);
  });
});

describePeer("openssl", "Forged tokens", () => {
  let now = 0;
  let genTime = "";
  let tsa: OpensslAuthority;
  let honest: TokenParts;
  beforeAll(() => {
    tsa = authority();
    now = Date.now();
    genTime = `${new Date(now).toISOString().replace(/[-:T]|\.\d+Z/g, "")}Z`;
    honest = { content: makeInfo(message, genTime), certificate: tsa.signer, key: tsa.key };
  });
  const judged = (parts: Partial<TokenParts>): Promise<string> =>
    judge(tsa, makeToken({ ...honest, ...parts }), { now });
  const judgedInfo = (rest: readonly Bytes[], time: string = genTime, version = 1): Promise<string> =>
    judged({ content: makeInfo(message, time, { rest, version }) });

  it("hold as long as nothing is wrong with them", async () => {
    expect(await judged({})).toBe("ok");
    expect(await judgedInfo([], `${genTime.slice(0, -1)}.001Z`)).toBe("ok");
    expect(await judgedInfo([derSequence(derInteger(2)), derTrue(), derInteger(77)])).toBe("ok");
    expect(tsa.doesOpensslAccept(makeToken(honest), message)).toBe(true);
  });

  it.each<[string, Partial<TokenParts>, string]>([
    ["another version", { version: 1 }, "structure"],
    ["a signer of another version", { signerVersion: 3 }, "structure"],
    ["two signers", { signers: 2 }, "structure"],
    ["unsigned attributes", { unsigned: der(0xa1, attribute("1.2.3", derInteger(1))) }, "structure"],
    ["revocation lists", { lists: der(0xa1) }, "structure"],
    ["attributes in another order", { isUnsorted: true }, "structure"],
    ["plain data", { contentType: "1.2.840.113549.1.7.1" }, "content-type"],
    ["no attributes but one", { attributes: [attribute("1.2.3", derInteger(1))] }, "content-type"],
    ["no certificates", { certificates: [] }, "signing-certificate"],
  ])("with %s are refused", async (_, parts, step) => {
    expect(await judged(parts)).toBe(step);
  });

  it.each<[string, readonly Bytes[], string | undefined, number | undefined]>([
    ["an unreadable time", [], "20261323120000Z", undefined],
    ["a fraction with trailing zeros", [], "20261123120000.50Z", undefined],
    ["a local time", [], "20261123120000", undefined],
    ["another version", [], undefined, 2],
    [
      "a critical extension",
      [der(0xa1, derSequence(derOid("1.2.3"), derTrue(), derOctets(derNull())))],
      undefined,
      undefined,
    ],
    ["ordering written as FALSE", [der(derTag.boolean, Uint8Array.of(0))], undefined, undefined],
    ["something behind it", [derNull()], undefined, undefined],
  ])("with %s in their info are refused", async (_, rest, time, version) => {
    expect(await judgedInfo(rest, time, version)).toBe("structure");
  });

  it("whose attributes name another certificate are refused", async () => {
    const other = authority();
    expect(await judged({ named: other.signer })).toBe("signing-certificate");
    expect(await judged({ named: other.signer, certificates: [tsa.signer, other.signer] })).toBe(
      "signing-certificate",
    );
    const issuerSerial = derSequence(
      derSequence(der(0xa4, parseCertificate(tsa.signer, nodeCrypto).issuer.der)),
      derInteger(1),
    );
    expect(await judged({ issuerSerial })).toBe("signing-certificate");
  });

  it("whose digest or content is another are refused", async () => {
    const wrong = attribute(cmsOid.messageDigest, derOctets(new Uint8Array(32)));
    const type = attribute(cmsOid.contentType, derOid(cmsOid.timeStampInfo));
    expect(await judged({ attributes: [type, wrong, signingCertificate(tsa.signer)] })).toBe("signature");
    expect(await judged({ attributes: [type, signingCertificate(tsa.signer)] })).toBe("signature");
    expect(await judged({ key: authority().key })).toBe("signature");
  });

  it.each([
    ["clientAuth beside it", "critical,timeStamping,clientAuth"],
    ["not critical", "timeStamping"],
    ["another", "critical,codeSigning"],
    ["none", ""],
  ])("by a certificate whose purpose is %s are refused, by openssl too", async (_, purpose) => {
    const unfit = authority({ purpose });
    const token = makeToken({ ...honest, certificate: unfit.signer, key: unfit.key });
    expect(await judge(unfit, token, { now })).toBe("path");
    expect(unfit.doesOpensslAccept(token, message)).toBe(false);
  });

  it("with an RSA key of 1024 bits are refused", async () => {
    const weak = authority({ key: "RSA-1024" });
    expect(await judge(weak, weak.stamp(message))).toBe("signature");
  });
});

describePeer("openssl", "Every byte of a token", () => {
  it("is proven: none can be changed", async () => {
    const tsa = authority({ hasIntermediate: true });
    const token = tsa.stamp(message);
    const trust = trustIn(tsa);
    const now = Date.now();
    const accepted: number[] = [];
    const steps = new Set<string>();
    for (let i = 0; i < token.length; i++) {
      const altered = token.slice();
      altered[i] = altered[i]! ^ (1 << (i % 8));
      const result = await trust.check(altered, { message, now });
      if (result.ok) accepted.push(i);
      else steps.add(result.step);
    }
    expect(accepted).toEqual([]);
    expect([...steps].sort()).toEqual(expect.arrayContaining(["imprint", "path", "signature", "structure"]));
  });

  it("is judged by openssl too: it refuses the same, but for what it does not look at", async () => {
    const tsa = authority();
    const token = tsa.stamp(message);
    const trust = trustIn(tsa);
    const notLookedAt = /unexpected version|digest algorithm|algorithm that is not accepted|does not fit$/;
    let agreed = 0;
    let compared = 0;
    for (let i = 0; i < token.length; i += 3) {
      const altered = token.slice();
      altered[i] = altered[i]! ^ 0x01;
      const result = await trust.check(altered, { message, now: Date.now() });
      expect(result.ok, `byte ${i}`).toBe(false);
      compared++;
      if (!tsa.doesOpensslAccept(altered, message)) agreed++;
      else if (!result.ok)
        expect(`${result.step}: ${result.detail}`.replace(/ \(.*/, "")).toMatch(notLookedAt);
    }
    // Of 956 bytes openssl let 12 pass.
    expect(agreed).toBeGreaterThan(compared * 0.95);
  });

  it("may be missing: no prefix holds", async () => {
    const tsa = authority();
    const token = tsa.stamp(message);
    for (let length = 0; length < token.length; length++)
      expect(await judge(tsa, token.subarray(0, length))).toBe("structure");
  });
});
