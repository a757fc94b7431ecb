/**
 * What corrections and derivations add to judging one CT slice (512 x 512): the same object before and after its study was corrected.
 * Medians of 100 judgements in one thread; records come from memory.
 *
 *   node bench/corrections.ts
 */
import { plainTextOf } from "../src/dicom/elements.ts";
import { textElement } from "../src/dicom/encode.ts";
import { tags } from "../src/dicom/tags.ts";
import { type Bytes, fromLatin1 } from "../src/foundation/bytes.ts";
import { generateChestSeries } from "../src/phantom/chest-ct.ts";
import { Office } from "../test/derivations/office.ts";
import { edited, parse } from "../test/evaluation/fixture.ts";

const runs = 100;
const site = new Office();
const [slice] = generateChestSeries({ seed: 1, slices: 4, studyDate: "20260101" });
const sealed = await site.seal(slice!.file);
const { elements } = await parse(sealed);
const study = plainTextOf(elements, tags.studyInstanceUid) ?? "";
const id = plainTextOf(elements, tags.patientId) ?? "";
const padded = (text: string): Bytes => fromLatin1(text.length % 2 === 0 ? text : `${text} `);
const corrected = await edited(sealed, [{ kind: "put", element: textElement(tags.patientId, "LO", "NEW1") }]);

async function report(what: string, bytes: Bytes): Promise<void> {
  const times: number[] = [];
  let verdict = "";
  for (let run = -20; run < runs; run++) {
    const begun = performance.now();
    verdict = (await site.judge(bytes)).decision.verdict;
    if (run >= 0) times.push(performance.now() - begun);
  }
  const median = times.sort((a, b) => a - b)[runs / 2]!;
  process.stdout.write(`${what.padEnd(44)} ${median.toFixed(2)} ms  ${verdict}\n`);
}

await report(`as sealed, ${sealed.length} bytes`, sealed);
await report("Patient ID changed", corrected);
for (const corrections of [1, 10]) {
  site.forget();
  let previous: string | undefined;
  for (let version = 1; version <= corrections; version++) {
    const place = { uid: study, version, ...(previous === undefined ? {} : { previous }) };
    const [from, to] = version === 1 ? [id, "NEW1"] : [`ACC${version - 1} `, `ACC${version} `];
    const path = version === 1 ? "00100020" : "00080050";
    const values = { path, vr: "LO", from: padded(from), to: padded(to) };
    const record = await site.correction({ studies: [place], corrections: [values] });
    site.file(record, { kind: "study", name: study });
    previous = record.digest;
  }
  await report(`as sealed, after ${corrections} corrections`, sealed);
  await report(`corrected, after ${corrections} corrections`, corrected);
}
await site.close();
