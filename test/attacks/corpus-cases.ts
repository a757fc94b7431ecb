/** The corpus through a gate: every row of TAMPERED.tsv and HOSTILE.tsv, and the scenarios on real images. */

import { findElement } from "../../src/dicom/elements.ts";
import { encodeMeta, textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import { type Bytes, concatBytes, fromLatin1 } from "../../src/foundation/bytes.ts";
import { nulPaddingEdits } from "../../src/sealing/clean-text.ts";
import { corpusBytes } from "../evaluation/corpus-files.ts";
import { edited, parse } from "../evaluation/fixture.ts";
import { scenarioCases, usualBase, withSealOf } from "../evaluation/scenario-cases.ts";
import { type TamperedRow, tamperedRows } from "../evaluation/tampered-rows.ts";
import expected from "../vectors/expected.json" with { type: "json" };
import type { GateCase } from "./gate-run.ts";
import { put } from "./objects.ts";
import { type AttackedSite, expectedOf } from "./phantom-cases.ts";
import { asSent, nobody, type SentObject } from "./sent-object.ts";

/** The same object as an instance of its own: rows that share a base are no conflicts then. */
async function asInstance(bytes: Bytes, uid: string): Promise<Bytes> {
  const object = await parse(bytes, ["uid-mismatch"]);
  const sopClass = findElement(object.elements, tags.sopClassUid)!.value!;
  const head = encodeMeta(sopClass, fromLatin1(uid), object.transferSyntax.uid);
  const renamed = concatBytes([head, bytes.subarray(object.metaEnd)]);
  return edited(renamed, [put(textElement(tags.sopInstanceUid, "UI", uid))], ["uid-mismatch"]);
}

/** The tampered file carries the seal of its base: TAMPERED.tsv on sealed files. */
async function tamperedCase({ site }: AttackedSite, row: TamperedRow, uid: string): Promise<GateCase> {
  const sealed = await parse(await site.seal(await asInstance(corpusBytes(row.base), uid)));
  const tampered = await asInstance(corpusBytes(row.file), uid);
  const clean = await edited(tampered, nulPaddingEdits((await parse(tampered)).elements));
  const file = await edited(clean, await withSealOf(await parse(clean), sealed));
  const { verdict, code }: { verdict: string; code?: string } = expected.tampered.find(
    ({ file: name }) => name === row.file,
  )!;
  const isBigEndian = (await parse(file)).transferSyntax.encoding.bigEndian;
  // Retired (PS3.5 2006), and not taken.
  return {
    name: row.file,
    sent: await asSent(file, nobody),
    verdict: isBigEndian ? "no context" : verdict,
    code: isBigEndian ? undefined : code,
  };
}

export function tamperedGateCases(attacked: AttackedSite): Promise<readonly GateCase[]> {
  return Promise.all(tamperedRows().map((row, i) => tamperedCase(attacked, row, `2.25.7${i}0001`)));
}

export function scenarioCorpusCases({ site }: AttackedSite): Promise<readonly GateCase[]> {
  return Promise.all(
    scenarioCases.map(async ({ scenario, what, base, attack }, i) => {
      const bytes = await site.seal(await asInstance(corpusBytes(base ?? usualBase), `2.25.8${i}0001`));
      const sibling = await parse(await site.seal(corpusBytes("transfer-syntax/small/MR_small.dcm")));
      const file = await attack({ bytes, object: await parse(bytes), sibling });
      const sent = await asSent(file, await asSent(bytes, nobody));
      return { name: `${scenario} ${what}`, sent, ...expectedOf(scenario, what) };
    }),
  );
}

interface HostileRow {
  readonly file: string;
  readonly verdict: string;
  readonly code: string;
}

/** Only the file's head is wrong, and it is not sent: what arrives is an ordinary object. */
const onlyInHead: ReadonlySet<string> = new Set(
  [
    "meta-group-length-too-small",
    "meta-group-length-too-big",
    "ts-missing",
    "ts-unknown-private",
    "ts-uid-trailing-space",
    "uid-meta-dataset-mismatch",
  ].map((name) => `malformed/generated/${name}.dcm`),
);

/** The reader's answer to a file without a proper head, or none: then a frame is found out that cannot be decoded. */
const ofHead: ReadonlySet<string> = new Set([
  "not-dicom",
  "preamble-missing",
  "transfer-syntax-missing",
  "accepted",
]);

/** Two objects of one instance: test/attacks/gateway-conflicts.test.ts. */
export const collisions: readonly [string, string] = [
  "malformed/generated/sop-uid-collision-a.dcm",
  "malformed/generated/sop-uid-collision-b.dcm",
];

/** The data set under a head of ours. */
function rebuilt({ sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet }: SentObject): Bytes {
  return concatBytes([
    encodeMeta(fromLatin1(sopClassUid), fromLatin1(sopInstanceUid), transferSyntaxUid),
    dataSet,
  ]);
}

async function hostileCase({ file, verdict, code }: HostileRow, uid: string): Promise<GateCase> {
  const sent = await asSent(corpusBytes(file), { ...nobody, sopInstanceUid: uid });
  if (onlyInHead.has(file) || verdict !== "malformed") {
    const own = await asSent(await asInstance(rebuilt(sent), uid), nobody);
    return { name: file, sent: own, verdict: "unsealed" };
  }
  // Over a limit: not even kept. What lacks a head gets one, so that something else is wrong with it.
  const outcome = code.startsWith("limit-")
    ? { verdict: "refused" }
    : { verdict, code: ofHead.has(code) ? undefined : code };
  return { name: file, sent, ...outcome };
}

export async function hostileGateCases(): Promise<readonly GateCase[]> {
  const rows: readonly HostileRow[] = expected.hostile.filter(({ file }) => !collisions.includes(file));
  return Promise.all(rows.map((row, i) => hostileCase(row, `2.25.9${i}0001`)));
}
