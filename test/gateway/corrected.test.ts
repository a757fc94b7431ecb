/** Corrected objects at the gate: a corrected copy passes, the older version is held, and neither takes the other's place unseen. */
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import { type Bytes, fromLatin1 } from "../../src/foundation/bytes.ts";
import { put, slice } from "../attacks/objects.ts";
import { Office } from "../derivations/office.ts";
import { edited, parse } from "../evaluation/fixture.ts";
import { archiveAt, examinerOf, Gate, sourceOf } from "./gate.ts";
import { dataSetOf, ReceivingArchive, sendAll } from "./network.ts";

const site = new Office();
afterAll(() => site.close());
beforeEach(() => site.forget());
const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

const accessionNumber = 0x00080050;
const sealed = await site.seal(await edited(slice(), [put(textElement(accessionNumber, "SH", "A1"))]));
const corrected = await edited(sealed, [put(textElement(accessionNumber, "SH", "A2"))]);
const study = plainTextOf((await parse(sealed)).elements, tags.studyInstanceUid) ?? "";

async function correct(): Promise<void> {
  const record = await site.correction({
    studies: [{ uid: study, version: 1 }],
    corrections: [{ path: "00080050", vr: "SH", from: fromLatin1("A1"), to: fromLatin1("A2") }],
  });
  site.file(record, { kind: "study", name: study });
}

async function open(mode: "observe" | "enforce"): Promise<{ gate: Gate; archive: ReceivingArchive }> {
  const archive = await ReceivingArchive.open(0);
  const settings = { sources: [sourceOf({ mode })], destinations: [archiveAt(archive.port)] };
  const gate = await Gate.open(examinerOf(site), settings);
  toEnd.push(
    () => archive.close(),
    () => gate.end(),
  );
  return { gate, archive };
}

async function sent(gate: Gate, bytes: Bytes, judged: number): Promise<string> {
  await sendAll(gate.port, [bytes]);
  await gate.seen("object-judged", judged);
  const rows = await gate.rows();
  const row = rows.at(-1)!;
  return `${row.verdict} ${row.state} ${row.findings.map(({ code }) => code).join(",")}`;
}

it("a corrected copy passes byte for byte, and what it was before is held", async () => {
  await correct();
  const { gate, archive } = await open("enforce");
  expect(await sent(gate, corrected, 1)).toMatch(/^verified-with-changes admitted attribute-changed/);
  await gate.seen("delivered");
  expect(archive.received.map(({ bytes }) => bytes)).toEqual([await dataSetOf(corrected)]);
  expect(await sent(gate, sealed, 2)).toMatch(/^superseded held superseded/);
});

it("without the correction the same bytes are held as altered in every mode", async () => {
  const { gate } = await open("observe");
  expect(await sent(gate, corrected, 1)).toMatch(/^altered held attribute-changed/);
});

it("after the older version was admitted, the corrected copy is held as a conflict: not taken for a re-send, not dropped", async () => {
  const { gate } = await open("enforce");
  expect(await sent(gate, sealed, 1)).toMatch(/^verified admitted/);
  await correct();
  expect(await sent(gate, corrected, 2)).toMatch(/^verified-with-changes held .*instance-conflict/);
});
