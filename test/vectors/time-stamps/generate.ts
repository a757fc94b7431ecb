/** Makes vectors.json: `node test/vectors/time-stamps/generate.ts`, with openssl. The keys are made for the occasion and thrown away. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bytes, toBase64, toHex, utf8 } from "../../../src/foundation/bytes.ts";
import { der, derInteger } from "../../../src/keys/custody/der-writer.ts";
import { renewedMessage, type TimeStampStep, TimeStampTrust } from "../../../src/keys/trust/time-stamp.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { OpensslAuthority } from "../../time-stamps/openssl-authority.ts";
import { attribute, makeInfo, makeToken, type TokenParts } from "../../time-stamps/token-maker.ts";
import type { TimeStampVector, TimeStampVectors } from "./vectors.ts";

const message = utf8("the first signature of an envelope");

/** The refused ones are what they are by construction; their step is what spec/trusted-time.md says of them. */
function forgeries(authority: OpensslAuthority, other: OpensslAuthority, at: number): TimeStampVector[] {
  const genTime = (ms: number): string => `${new Date(ms).toISOString().replace(/[-:T]|\.\d+Z/g, "")}Z`;
  const content = makeInfo(message, genTime(at));
  const honest = { content, certificate: authority.signer, key: authority.key };
  const forged = (
    name: string,
    attack: string,
    parts: Partial<TokenParts>,
    step: TimeStampStep,
  ): TimeStampVector => ({
    name,
    attack,
    tokens: [toBase64(makeToken({ ...honest, ...parts }))],
    expected: { step },
  });
  const info = (rest: readonly Bytes[]): Bytes => makeInfo(message, genTime(at), { rest });
  return [
    forged(
      "unsigned-attribute",
      "an attribute that nobody signed",
      { unsigned: der(0xa1, attribute("1.2.3", derInteger(1))) },
      "structure",
    ),
    forged("two-signers", "the signer twice", { signers: 2 }, "structure"),
    forged("attributes-unsorted", "signed attributes in no DER order", { isUnsorted: true }, "structure"),
    forged(
      "ordering-false",
      "a default written out",
      { content: info([der(0x01, Uint8Array.of(0))]) },
      "structure",
    ),
    forged(
      "plain-data",
      "the content is said to be plain data",
      { contentType: "1.2.840.113549.1.7.1" },
      "content-type",
    ),
    forged(
      "other-digest",
      "the imprint of something else",
      { content: makeInfo(utf8("another"), genTime(at)) },
      "imprint",
    ),
    forged(
      "other-certificate-named",
      "signing-certificate-v2 names another",
      { named: other.signer },
      "signing-certificate",
    ),
    forged("no-certificate", "the certificate is left out", { certificates: [] }, "signing-certificate"),
    forged("other-key", "signed with another key", { key: other.key }, "signature"),
    forged(
      "from-the-future",
      "six minutes ahead",
      { content: makeInfo(message, genTime(at + 400_000)) },
      "time",
    ),
    forged(
      "of-a-stranger",
      "an authority that is not pinned",
      { certificate: other.signer, key: other.key },
      "authority",
    ),
  ];
}

/** A good token, asked about in the wrong way or too late. */
function misuses(tokens: readonly string[], now: number): TimeStampVector[] {
  return [
    {
      name: "other-message",
      attack: "held against another message",
      tokens,
      message: toHex(utf8("x")),
      expected: { step: "imprint" },
    },
    {
      name: "other-nonce",
      attack: "an answer to another request",
      tokens,
      nonce: "0102030405060708",
      expected: { step: "nonce" },
    },
    {
      name: "policy-not-accepted",
      attack: "under a policy that is not accepted",
      tokens,
      policies: ["1.2.3"],
      expected: { step: "policy" },
    },
    {
      name: "before-it-was-made",
      attack: "ten minutes before",
      tokens,
      now: now - 600_000,
      expected: { step: "time" },
    },
    {
      name: "key-compromised",
      attack: "the authority's key was lost later",
      tokens,
      isRevoked: true,
      expected: { step: "revocation" },
    },
  ];
}

export async function makeVectors(folder: string): Promise<TimeStampVectors> {
  const authority = new OpensslAuthority(join(folder, "a"));
  const other = new OpensslAuthority(join(folder, "b"));
  const first = authority.stamp(message);
  const second = authority.stamp(renewedMessage(message, [first]));
  const now = Date.now();
  const list = authority.revocationList(now + 3_600_000, "keyCompromise");
  const trust = new TimeStampTrust({ anchors: [authority.anchor], crls: [] }, nodeCrypto);
  const expectedOf = async (token: Bytes, over: Bytes): Promise<TimeStampVector["expected"]> => {
    const result = await trust.check(token, { message: over, now });
    if (!result.ok) throw new Error(result.detail);
    const { genTime, accuracy, policy, serial } = result;
    return { genTime, accuracy, policy, serial };
  };
  const good = await expectedOf(first, message);
  const tokens = [toBase64(first)];
  return {
    about: "RFC 3161 tokens and what becomes of them: spec/trusted-time.md.",
    anchor: toBase64(authority.anchor),
    revocationList: toBase64(list),
    message: toHex(message),
    now,
    tokens: [
      { name: "stamp", tokens, expected: good },
      { name: "policy-accepted", tokens, policies: [authority.policy], expected: good },
      {
        name: "renewal",
        tokens: [toBase64(first), toBase64(second)],
        expected: await expectedOf(second, renewedMessage(message, [first])),
      },
      {
        name: "renewal-alone",
        attack: "what it renews is left out",
        tokens: [toBase64(second)],
        expected: { step: "imprint" },
      },
      ...misuses(tokens, now),
      ...forgeries(authority, other, now),
    ],
  };
}

if (import.meta.main) {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-vectors-"));
  try {
    const vectors = { $schema: "./vectors.schema.json", ...(await makeVectors(folder)) };
    const target = fileURLToPath(new URL("vectors.json", import.meta.url));
    writeFileSync(target, `${JSON.stringify(vectors, undefined, 1)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
