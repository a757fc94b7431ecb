/**
 * Makes vectors.json: `node test/vectors/derivations/generate.ts`. The key is made for the occasion and thrown away; its signatures stay, so that
 * everything else can be made again byte for byte.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Bytes, fromLatin1, latin1, toBase64, toHex } from "../../../src/foundation/bytes.ts";
import type { Signer } from "../../../src/foundation/crypto.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { encodeArchiveStatement, habitsDigest } from "../../../src/provenance/manifest/archive-statement.ts";
import { makeCorrection } from "../../../src/provenance/manifest/correction.ts";
import { makeDerivation } from "../../../src/provenance/manifest/derivation.ts";
import { decodeEnvelope, encodeEnvelope } from "../../../src/provenance/manifest/envelope.ts";
import type { DetachedRecord, RecordSubject } from "../../../src/provenance/manifest/record.ts";
import { signerOf as namedSigner, signRecord } from "../../../src/provenance/manifest/record-envelope.ts";
import { encodeRecordFile } from "../../../src/provenance/manifest/record-file.ts";
import { encodeVariant, variants } from "../manifest/encodings.ts";
import { makeKey } from "../manifest/generate.ts";
import { sampleElements } from "../manifest/sample-object.ts";
import { read, signerOf } from "../manifest/sealing.ts";
import { type DerivationVector, type DerivationVectors, type RecordName, recordNames } from "./vectors.ts";

const seed = Uint8Array.from({ length: 32 }, (_, i) => 3 * i + 1);
const at = Date.UTC(2026, 2, 1, 9, 0, 0, 250);
const study = "2.25.4711000";
const object = encodeVariant(sampleElements(), variants.find(({ name }) => name === "explicit")!);

export interface DerivationKey {
  readonly certificate: Bytes;
  readonly sign: (message: Bytes, name: RecordName) => Bytes;
}

interface Made {
  readonly record: DetachedRecord;
  readonly subjects: readonly RecordSubject[];
  readonly signature: Bytes;
}

export async function makeVectors(key: DerivationKey): Promise<DerivationVectors> {
  const made = {} as Record<RecordName, Made>;
  for (const name of recordNames) {
    let signature = new Uint8Array(0);
    const signer = signerOf(key.certificate, (message) => {
      signature = new Uint8Array(key.sign(message, name));
      return signature;
    });
    made[name] = { ...(await makers[name](signer)), signature };
  }
  const signed = recordNames.map((name) => {
    const { record, signature } = made[name];
    const payload = latin1(decodeEnvelope(record.envelope).payload);
    return [name, { signature: toBase64(signature), payload, opening: toHex(record.opening) }] as const;
  });
  return {
    about:
      "A correction, a derivation and an approval with fixed seed, clock and signatures, and what is done to them: spec/derivations.md.",
    seed: toHex(seed),
    at: new Date(at).toISOString(),
    certificate: toBase64(key.certificate),
    signed: Object.fromEntries(signed) as DerivationVectors["signed"],
    object: toBase64(object),
    records: [
      ...recordNames.map((kind) => ({ name: kind, kind, record: fileOf(made[kind]), expected: {} })),
      ...correctionStatementAttacks(made.correction),
      ...correctionOpeningAttacks(made.correction),
      ...derivationAttacks(made.derivation),
      ...approvalAttacks(made["archive-changes"]),
    ],
  };
}

const portsOf = (signer: Signer) => ({
  crypto: nodeCrypto,
  random: { bytes: () => seed },
  clock: { now: () => at },
  signer,
});

const makers: Readonly<Record<RecordName, (signer: Signer) => Promise<Omit<Made, "signature">>>> = {
  correction: (signer) =>
    makeCorrection(
      {
        studies: [
          { uid: study, version: 1 },
          { uid: `${study}.1`, version: 2, previous: "ab".repeat(32) },
        ],
        corrections: [
          { path: "00100020", vr: "LO", from: fromLatin1("4711"), to: fromLatin1("0815") },
          { path: "00100032", vr: "TM", from: undefined, to: fromLatin1("1200") },
        ],
        basis: "adt-a40",
        approvedBy: ["RIS@HOSPITAL"],
      },
      portsOf(signer),
    ),
  derivation: async (signer) =>
    makeDerivation(
      {
        object: await read(object),
        action: "processed",
        parents: [
          { digest: "cd".repeat(32), verdict: "received" },
          { digest: "ab".repeat(32), verdict: "verified" },
        ],
        product: { name: "LungFinder", version: "3.1" },
        operator: "anna",
        supersedes: false,
        irregular: [],
      },
      portsOf(signer),
    ),
  "archive-changes": async (signer) => {
    const habits = [
      { path: "00080054", kinds: ["added", "changed"] },
      { path: "0033[ARCHIVE 2.0]01", kinds: ["added"] },
    ] as const;
    const payload = encodeArchiveStatement({
      signer: namedSigner(nodeCrypto, signer),
      root: habitsDigest(nodeCrypto, habits),
      archive: "main-pacs",
      version: 1,
      habits,
      approvedBy: "anna",
      approvedAt: new Date(at).toISOString(),
    });
    const record = await signRecord("archive-changes", payload, new Uint8Array(0), {
      crypto: nodeCrypto,
      signer,
    });
    return { record, subjects: [{ kind: "archive", name: "main-pacs" }] };
  },
};

function fileOf({ record, subjects }: Made, changed: Partial<DetachedRecord> = {}): string {
  return latin1(encodeRecordFile({ record: { ...record, ...changed }, subjects }));
}

/** The payload with a text replaced, under the old signature. */
function edited(made: Made, from: string, to: string): string {
  const envelope = decodeEnvelope(made.record.envelope);
  const before = latin1(envelope.payload);
  if (!before.includes(from)) throw new Error(`no ${from} in the payload`);
  return fileOf(made, {
    envelope: encodeEnvelope({ ...envelope, payload: fromLatin1(before.replace(from, to)) }),
  });
}

function opened(made: Made, from: string, to: string): string {
  const before = latin1(made.record.opening);
  if (!before.includes(from)) throw new Error(`no ${from} in the opening`);
  return fileOf(made, { opening: fromLatin1(before.replace(from, to)) });
}

type Row = readonly [
  name: string,
  attack: string,
  effect: string,
  record: string,
  fault: DerivationVector["expected"]["fault"],
];

function rows(kind: RecordName, list: readonly Row[]): DerivationVector[] {
  return list.map(([name, attack, effect, record, fault]) => ({
    name,
    kind,
    attack,
    effect,
    record,
    expected: { fault: fault! },
  }));
}

function correctionStatementAttacks(made: Made): DerivationVector[] {
  return rows("correction", [
    [
      "basis-relabelled",
      "adt-a40 replaced by person",
      "a person is said to have approved a merge",
      edited(made, "adt-a40", "person"),
      "record-signature-invalid",
    ],
    [
      "version-rewritten",
      "version 2 becomes 3",
      "a correction is skipped",
      edited(made, '"version":2', '"version":3'),
      "record-signature-invalid",
    ],
    [
      "previous-removed",
      "version 2 without the one before",
      "a chain that begins in its middle",
      edited(made, `,"previous":"${"ab".repeat(32)}"`, ""),
      "record-structure",
    ],
    [
      "path-to-window",
      "(0010,0020) replaced by (0028,1050)",
      "a window is corrected",
      edited(made, '"path":"00100020"', '"path":"00281050"'),
      "record-structure",
    ],
    [
      "nothing-to-nothing",
      "a value from absent to absent",
      "a statement about nothing",
      edited(made, /"to":"[0-9a-f]{32}"\}\],"basis"/.exec(payloadOf(made))![0], '"to":null}],"basis"'),
      "record-structure",
    ],
    [
      "duplicate-key",
      "a second basis after the first",
      "parsers differ on which counts",
      edited(made, '"basis":"adt-a40"', '"basis":"person","basis":"adt-a40"'),
      "record-structure",
    ],
  ]);
}

function correctionOpeningAttacks(made: Made): DerivationVector[] {
  const [other, own] = [toBase64(fromLatin1("0816")), toBase64(fromLatin1("0815"))];
  return rows("correction", [
    [
      "value-replaced",
      "another new value in the opening",
      "objects with another value are explained",
      opened(made, own, other),
      "record-opening",
    ],
    [
      "study-replaced",
      "another study in the opening",
      "another study is corrected",
      opened(made, `"${study}"`, `"${study}9"`),
      "record-opening",
    ],
    [
      "opening-with-white-space",
      "a space in the opening",
      "two openings of one statement",
      opened(made, '"studies"', ' "studies"'),
      "record-opening",
    ],
    [
      "opening-missing",
      "an empty opening",
      "a statement that nobody can hold to anything",
      fileOf(made, { opening: new Uint8Array(0) }),
      "record-opening",
    ],
  ]);
}

function payloadOf({ record }: Made): string {
  return latin1(decodeEnvelope(record.envelope).payload);
}

function derivationAttacks(made: Made): DerivationVector[] {
  const second = `,{"digest":"${"cd".repeat(32)}","verdict":"received"}`;
  return rows("derivation", [
    [
      "parent-replaced",
      "another parent's digest",
      "the result seems to be of another image",
      edited(made, "ab".repeat(32), "aa".repeat(32)),
      "record-signature-invalid",
    ],
    [
      "parent-removed",
      "one parent left out",
      "an input is hidden",
      edited(made, second, ""),
      "record-signature-invalid",
    ],
    [
      "parent-unproven",
      "a parent's verdict becomes altered",
      "what was made of a forgery seems to be of a proven image",
      edited(made, '"verdict":"received"', '"verdict":"altered"'),
      "record-structure",
    ],
    [
      "parent-twice",
      "one parent named twice",
      "a count that is not one",
      edited(made, second, `${second}${second}`),
      "record-structure",
    ],
    [
      "supersedes",
      "a processed result that takes its parent's place",
      "a proven image becomes an older version",
      edited(made, '"supersedes":false', '"supersedes":true'),
      "record-structure",
    ],
    [
      "product-relabelled",
      "another product's version",
      "a result seems to be of a version it is not of",
      edited(made, '"3.1"', '"3.2"'),
      "record-signature-invalid",
    ],
    [
      "opening-cut",
      "the last commitment of the table cut off",
      "a frame is not compared",
      fileOf(made, { opening: made.record.opening.subarray(0, -16) }),
      "record-opening",
    ],
  ]);
}

function approvalAttacks(made: Made): DerivationVector[] {
  return rows("archive-changes", [
    [
      "habit-added",
      "the accession number among what is approved",
      "any accession number is explained",
      edited(made, '"habits":[', '"habits":[{"path":"00080050","kinds":["changed"]},'),
      "record-signature-invalid",
    ],
    [
      "kind-added",
      "removed among the kinds",
      "what was approved to be added may go",
      edited(made, '["added","changed"]', '["added","changed","removed"]'),
      "record-signature-invalid",
    ],
    [
      "another-archive",
      "another archive's name",
      "an archive gets another one's approval",
      edited(made, "main-pacs", "side-pacs"),
      "record-signature-invalid",
    ],
    [
      "kinds-out-of-order",
      "the same kinds in another order",
      "two spellings of one statement",
      edited(made, '["added","changed"]', '["changed","added"]'),
      "record-structure",
    ],
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const vectors = { $schema: "./vectors.schema.json", ...(await makeVectors(makeKey())) };
  writeFileSync(
    fileURLToPath(new URL("vectors.json", import.meta.url)),
    `${JSON.stringify(vectors, null, 1)}\n`,
  );
}
