/**
 * The stored vectors of spec/dicom-digital-signature.md, and the same cases under fresh keys.
 * SCANSEAL_WRITE_VECTORS=1 writes vectors.json anew (needs openssl, so that dcmsign can check the vectors too).
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { tagHex } from "../../../src/dicom/tags.ts";
import { checkSignatures } from "../../../src/digital-signatures/check.ts";
import type { SignatureFact } from "../../../src/digital-signatures/signature-fact.ts";
import { type Bytes, concatBytes, fromBase64, fromHex, toBase64 } from "../../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { type KeyKind, makeTestKey } from "../../interop/dcmsign-peer.ts";
import type { Case, CaseKeyName, CaseKeys, ExpectedFact } from "./case.ts";
import { buildCases } from "./cases.ts";
import { type CaseKey, open } from "./objects.ts";

interface Vector extends Omit<Case, "bytes"> {
  /** base64 */
  readonly file: string;
}

const path = join(import.meta.dirname, "vectors.json");
const keyNames: readonly CaseKeyName[] = ["P-256", "other P-256", "P-384", "P-521", "RSA-3072", "RSA-1024"];

if (process.env.SCANSEAL_WRITE_VECTORS === "1") await writeVectors();
const stored = JSON.parse(readFileSync(path, "utf8")) as { readonly vectors: readonly Vector[] };

describe("stored vectors of digital signatures", () => {
  it.each(stored.vectors)("$name", async ({ file, expected }) => {
    expectFacts(await factsOf(fromBase64(file)), expected);
  });
});

describe("the same cases under fresh keys", () => {
  let cases: readonly Case[] = [];

  beforeAll(async () => {
    cases = await buildCases(keysFrom(freshKey));
  });

  it("are the stored ones", () => {
    const told = ({ name, attack, effect, expected }: Omit<Case, "bytes">): unknown => ({
      name,
      attack,
      effect,
      expected,
    });
    expect(JSON.parse(JSON.stringify(cases.map(told)))).toEqual(stored.vectors.map(told));
  });

  it("give the expected facts", async () => {
    for (const { bytes, expected, name } of cases) {
      expectFacts(await factsOf(bytes), expected, name);
    }
  });

  it("facts are plain JSON data", async () => {
    for (const { bytes } of cases) {
      const facts = await factsOf(bytes);
      expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
    }
  });
});

async function factsOf(bytes: Bytes): Promise<readonly SignatureFact[]> {
  return checkSignatures(await open(bytes), { crypto: nodeCrypto });
}

function expectFacts(facts: readonly SignatureFact[], expected: readonly ExpectedFact[], name = ""): void {
  const seen = facts.map((fact, n) => {
    const wanted = expected[n] ?? { result: fact.result };
    const told: Record<string, unknown> = {
      ...fact,
      ...fact.coverage,
      problems: fact.problems.map(({ code }) => code),
    };
    return Object.fromEntries(Object.keys(wanted).map((key) => [key, told[key]]));
  });
  expect(seen, name).toEqual(expected);
}

function keysFrom(make: (kind: KeyKind) => CaseKey): CaseKeys {
  const entries = keyNames.map((name) => [name, make(name.replace("other ", "") as KeyKind)] as const);
  return Object.fromEntries(entries) as Record<CaseKeyName, CaseKey>;
}

function freshKey(kind: KeyKind): CaseKey {
  const { privateKey, publicKey } = kind.startsWith("P-")
    ? generateKeyPairSync("ec", { namedCurve: kind })
    : generateKeyPairSync("rsa", { modulusLength: Number(kind.slice(4)) });
  return { privateKey, certificate: bareCertificate(publicKey) };
}

/** The outline of an X.509 certificate round a key: all that the arithmetic of a signature needs. Nobody issued it. */
function bareCertificate(publicKey: KeyObject): Bytes {
  const version = fromHex("a003020102");
  const serial = fromHex("020101");
  const empty = fromHex("3000");
  const spki = publicKey.export({ type: "spki", format: "der" });
  const tbs = sequence(version, serial, empty, empty, empty, empty, spki);
  return sequence(tbs, empty, fromHex("030100"));
}

function sequence(...parts: readonly Bytes[]): Bytes {
  const content = concatBytes(parts);
  const length =
    content.length < 128
      ? [content.length]
      : content.length < 256
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 255];
  return concatBytes([Uint8Array.of(0x30, ...length), content]);
}

async function writeVectors(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-vectors-"));
  try {
    const cases = await buildCases(
      keysFrom((kind) => {
        const { keyFile, certificateFile } = makeTestKey(kind, folder);
        const certificate = new Uint8Array(new X509Certificate(readFileSync(certificateFile)).raw);
        return { privateKey: createPrivateKey(readFileSync(keyFile)), certificate };
      }),
    );
    const vectors = cases.map(({ bytes, ...told }) => ({ ...told, file: toBase64(bytes) }));
    const note = `Tags are numbers: ${tagHex(0x7fe00010)} is ${0x7fe00010}. See spec/dicom-digital-signature.md.`;
    writeFileSync(path, `${JSON.stringify({ note, vectors }, undefined, 1)}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
