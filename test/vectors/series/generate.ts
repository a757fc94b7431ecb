/**
 * Makes vectors.json: `node test/vectors/series/generate.ts`. The key is made for the occasion and thrown away; its signatures stay, so that
 * everything else can be made again byte for byte.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Bytes, fromBase64, fromLatin1, latin1, toBase64 } from "../../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { decodeEnvelope, encodeEnvelope, sealPayload } from "../../../src/provenance/manifest/envelope.ts";
import type { DetachedRecord } from "../../../src/provenance/manifest/record.ts";
import {
  type ListFault,
  signSeriesManifest,
  signStudyManifest,
} from "../../../src/provenance/manifest/series-check.ts";
import type { SeriesOpening, StudyOpening } from "../../../src/provenance/manifest/series-opening.ts";
import { makeKey, type VectorKey } from "../manifest/generate.ts";
import { signerOf } from "../manifest/sealing.ts";
import type { SeriesVector, SeriesVectors } from "./vectors.ts";

const seed = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const software = { name: "scanseal", version: "0.1.0" };
const madeAt = "2026-01-31T12:30:00.125Z";
const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

const opening = (count: number): SeriesOpening => ({
  seed,
  studyInstanceUid: "2.25.100",
  seriesInstanceUid: "2.25.200",
  entries: Array.from({ length: count }, (_, i) => ({
    sopInstanceUid: `2.25.${300 + i}`,
    payloadDigest: digestOf(`manifest ${i}`),
    instanceNumber: i === 3 ? null : i + 1,
  })),
});

export async function makeVectors({ certificate, sign }: VectorKey): Promise<SeriesVectors> {
  const signatures: Record<string, string> = {};
  const signer = signerOf(certificate, (message) => {
    const signature = sign(message);
    signatures[createHash("sha256").update(message).digest("hex")] = toBase64(signature);
    return signature;
  });
  const ports = { crypto: nodeCrypto, signer };
  const said = { type: "capture", software, madeAt } as const;
  const open = await signSeriesManifest(opening(3), { ...said, state: "open", version: 1 }, ports);
  const next = { ...said, version: 2, previous: open.digest } as const;
  const closed = await signSeriesManifest(opening(4), { ...next, state: "closed" }, ports);
  const study: StudyOpening = {
    seed,
    studyInstanceUid: "2.25.100",
    entries: [{ seriesInstanceUid: "2.25.200", manifest: closed.digest, version: 2, count: 4 }],
  };
  const whole = await signStudyManifest(study, { version: 1, software, madeAt }, ports);
  const signed = async (text: string): Promise<Bytes> =>
    encodeEnvelope(await sealPayload(nodeCrypto, signer, fromLatin1(text)));
  const records = [
    vector("an open series", open, { version: 1, state: "open", count: 3 }),
    vector("a closed series that follows it", closed, { version: 2, state: "closed", count: 4 }),
    vector("a study", whole, { version: 1, state: null, count: 1 }),
    ...openingAttacks(closed),
    ...envelopeAttacks(closed),
    ...(await statementAttacks(closed, signed)),
    refused("a series as a study", { ...closed, kind: "study" }, "record-structure", "encoding", {
      attack: "a device's list of a series put where a study manifest is asked for",
      effect: "a device says which series a study has",
    }),
  ];
  const about = "Series and study manifests with fixed seed, clock and signatures: spec/series-manifests.md.";
  return { about, certificate: toBase64(certificate), signatures, records };
}

function vector(
  name: string,
  { kind, envelope, opening: opened, digest }: DetachedRecord,
  expected: { readonly version: number; readonly state: "open" | "closed" | null; readonly count: number },
): SeriesVector {
  if (kind !== "series" && kind !== "study") throw new Error(kind);
  return {
    name,
    kind,
    envelope: toBase64(envelope),
    opening: latin1(opened),
    expected: { digest, ...expected },
  };
}

function refused(
  name: string,
  { kind, envelope, opening: opened }: DetachedRecord,
  fault: ListFault,
  detail: string,
  why: { readonly attack: string; readonly effect: string },
): SeriesVector {
  if (kind !== "series" && kind !== "study") throw new Error(kind);
  return {
    name,
    ...why,
    kind,
    envelope: toBase64(envelope),
    opening: latin1(opened),
    expected: { fault, detail },
  };
}

/** Name, what is done to the opening's text, what it is for, where the check notices it. */
type OpeningAttack = readonly [
  name: string,
  change: (text: string) => string,
  attack: string,
  effect: string,
  detail: string,
];
const entry = /,\["2\.25\.303"[^\]]*\]/;
const pair = /(\["2\.25\.300"[^\]]*\]),(\["2\.25\.301"[^\]]*\])/;
const shorter = "a series without one of its slices passes as complete";
const otherOrder = "slices in another order pass as sealed";
const attacksOnOpenings: readonly OpeningAttack[] = [
  ["an entry removed", (t) => t.replace(entry, ""), "the last entry cut out", shorter, "count"],
  [
    "an entry replaced",
    (t) => t.replace("2.25.302", "2.25.999"),
    "another SOP Instance UID in its place",
    "a foreign slice passes as one of the series",
    "root",
  ],
  ["two entries exchanged", (t) => t.replace(pair, "$2,$1"), "the order changed", otherOrder, "root"],
  ["another number", (t) => t.replace(",2]", ",7]"), "an Instance Number changed", otherOrder, "root"],
  [
    "another series",
    (t) => t.replace("2.25.200", "2.25.201"),
    "the list passed off as another series'",
    "a manifest counts where it was not made for",
    "root",
  ],
  [
    "another seed",
    (t) => t.replace('"00070e', '"00070f'),
    "a seed of one's own",
    "salts that somebody else chose",
    "seed",
  ],
  ["an entry twice", (t) => t.replace(pair, "$1,$1"), "one entry in place of another", shorter, "entries"],
  [
    "a space",
    (t) => t.replace(",", ", "),
    "another spelling of the same opening",
    "two openings for one manifest",
    "encoding",
  ],
];

function openingAttacks(closed: DetachedRecord): SeriesVector[] {
  const text = latin1(closed.opening);
  return attacksOnOpenings.map(([name, change, attack, effect, detail]) => {
    const record = { ...closed, opening: fromLatin1(change(text)) };
    return refused(name, record, "record-opening", detail, { attack, effect });
  });
}

function envelopeAttacks(closed: DetachedRecord): SeriesVector[] {
  const envelope = decodeEnvelope(closed.envelope);
  const [only] = envelope.signatures;
  const signature = only!.signature.slice();
  signature[10]! ^= 1;
  const payload = fromLatin1(latin1(envelope.payload).replace('"closed"', '"open"'));
  const strange = { ...only!, keyId: "0".repeat(64) };
  const changed = (change: Partial<typeof envelope>): DetachedRecord => ({
    ...closed,
    envelope: encodeEnvelope({ ...envelope, ...change }),
  });
  return [
    refused(
      "a bit of the signature",
      changed({ signatures: [{ ...only!, signature }] }),
      "record-signature-invalid",
      "invalid",
      {
        attack: "one bit of the signature",
        effect: "a forged signature passes",
      },
    ),
    refused("closed made open", changed({ payload }), "record-signature-invalid", "invalid", {
      attack: "the state changed under the signature",
      effect: "what is missing looks as if it were still to come",
    }),
    refused("two signatures", changed({ signatures: [only!, only!] }), "record-signer", "signer-not-named", {
      attack: "a second signature beside the valid one",
      effect: "any valid one is enough",
    }),
    refused("another key's name", changed({ signatures: [strange] }), "record-signer", "signer-not-named", {
      attack: "the signature names another certificate",
      effect: "a signer that the statement does not name",
    }),
  ];
}

/** Statements that a device would sign only if its software were broken. */
async function statementAttacks(
  closed: DetachedRecord,
  signed: (text: string) => Promise<Bytes>,
): Promise<SeriesVector[]> {
  const text = latin1(decodeEnvelope(closed.envelope).payload);
  const previous = /"previous":"[0-9a-f]{64}",/.exec(text)![0];
  const changes: readonly (readonly [string, string, string, string])[] = [
    ["no predecessor", previous, "", "previous"],
    ["version 0", '"version":2', '"version":0', "version"],
    ["version 501", '"version":2', '"version":501', "version"],
    ["no entries", '"count":4', '"count":0', "count"],
    ["100,001 entries", '"count":4', '"count":100001', "count"],
    ["a state of its own", '"closed"', '"complete"', "state"],
    ["signed as a receipt", '"type":"capture"', '"type":"receipt"', "type"],
    ["a day that is none", "2026-01-31", "2026-02-31", "madeAt"],
    ["a key more", '"count":4', '"count":4,"patient":"x"', "encoding"],
    ["a key twice", '"count":4', '"count":3,"count":4', "encoding"],
  ];
  const records: SeriesVector[] = [];
  for (const [name, from, to, detail] of changes) {
    if (!text.includes(from)) throw new Error(name);
    const record = { ...closed, envelope: await signed(text.replace(from, to)) };
    records.push(
      refused(name, record, "record-structure", detail, {
        attack: "a statement that is not as specified, under a valid signature",
        effect: "two readers understand it differently",
      }),
    );
  }
  return records;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const vectors = { $schema: "./vectors.schema.json", ...(await makeVectors(makeKey())) };
  writeFileSync(new URL("vectors.json", import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`);
}

/** The signatures of vectors.json instead of a key. */
export function keyOf(vectors: SeriesVectors): VectorKey {
  return {
    certificate: fromBase64(vectors.certificate),
    sign: (message) => fromBase64(vectors.signatures[createHash("sha256").update(message).digest("hex")]!),
  };
}
