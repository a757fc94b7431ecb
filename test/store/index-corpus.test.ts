/** Every real file of the corpus in the index: kept whole, and found by what it says. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { JsonDataSet, JsonPersonName } from "../../src/dicom/json/json-model.ts";
import { readDicom, tolerableCodes } from "../../src/dicom/read.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { packedAttributesOf } from "../../src/site/gateway/index-attributes.ts";
import { openSqliteIndexedJournal } from "../../src/store/index/indexed-journal.ts";
import { unpackedAttributes } from "../../src/store/index/packed-attributes.ts";
import { corpusBytes, corpusFiles } from "../evaluation/corpus-files.ts";
import { itWithPeer } from "../peers.ts";
import { all, entryOf, key, queryFor, single, uidOf } from "./index-fixture.ts";

/** With the corpus' whole-slide and multi-frame objects the test would take a minute. */
const bytesMax = 4 << 20;
/** Values that are matched as what they are, not as the text they are written in. */
const asked: ReadonlySet<string> = new Set("AE AS CS DA DS IS LO LT PN SH ST TM UC UI US UT".split(" "));
/** The entry's own here, or computed. */
const left: ReadonlySet<string> = new Set([
  "00080005",
  "00080018",
  "00080016",
  "0020000D",
  "0020000E",
  "00080056",
]);

async function attributesOf(file: string): Promise<JsonDataSet | undefined> {
  const bytes = corpusBytes(file);
  if (bytes.length > bytesMax) return undefined;
  const object = await readDicom(new MemorySource(bytes), { tolerate: tolerableCodes }).catch(
    () => undefined,
  );
  return object && unpackedAttributes(packedAttributesOf(object));
}

/** Its first value, as a key says it; undefined where a key could not. */
function keyText(attributes: JsonDataSet, tag: string): string | undefined {
  const { vr, Value: [value] = [] } = attributes[tag]!;
  if (!asked.has(vr) || value === undefined || value === null) return undefined;
  const text = vr === "PN" ? (value as JsonPersonName).Alphabetic : String(value).trim();
  // A name of no component is none.
  if (vr === "PN" && !/[^^ ]/.test(text ?? "")) return undefined;
  const isMoment = vr === "DA" ? /^\d{8}$/ : vr === "TM" ? /^\d{6}(\.\d{1,6})?$/ : /./s;
  return text !== undefined && text.length < 256 && isMoment.test(text) && !text.includes("\0")
    ? text
    : undefined;
}

itWithPeer(
  "corpus",
  "every object of the corpus is kept whole, and found by each of its values",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-index-"));
    const { journal, index } = await openSqliteIndexedJournal(join(folder, "journal.sqlite"));
    try {
      let kept = 0;
      let found = 0;
      for (const [n, { file }] of corpusFiles().entries()) {
        const own = await attributesOf(file);
        if (!own) continue;
        const { attributes: uids, ...entry } = entryOf({ study: n, version: n + 1 });
        const attributes: JsonDataSet = {
          ...own,
          "00080016": uids["00080016"]!,
          "00080018": uids["00080018"]!,
          "0020000D": uids["0020000D"]!,
          "0020000E": uids["0020000E"]!,
        };
        await index.put([{ ...entry, attributes }]);
        const [metadata] = await all(index.metadataOf({ studyInstanceUid: uidOf(n) }));
        expect(metadata, file).toEqual(attributes);
        kept++;
        const tags = Object.keys(attributes).filter(
          (tag) => !left.has(tag) && keyText(attributes, tag) !== undefined,
        );
        const keys = tags
          // A column of one value; several are one text.
          .filter((tag) => attributes[tag]!.Value!.length === 1)
          .slice(0, 100)
          .map((tag) => key(Number.parseInt(tag, 16), single(keyText(attributes, tag)!)));
        const study = key(0x0020000d, single(uidOf(n)));
        const lost = [];
        for (const one of keys) {
          const matches = await all(index.search(queryFor("IMAGE", [study, one])));
          if (matches.length !== 1) lost.push(one);
        }
        expect(lost, file).toEqual([]);
        found += keys.length;
        const other = [...keys.slice(1), key(0x00080050, single("no such number"))];
        expect(await all(index.search(queryFor("IMAGE", [study, ...other])))).toEqual([]);
      }
      expect(kept).toBeGreaterThan(500);
      expect(found).toBeGreaterThan(20_000);
      expect(await index.counts()).toMatchObject({ instances: kept, studies: kept });
      await index.rederive();
      expect(await index.counts()).toMatchObject({ instances: kept, studies: kept });
    } finally {
      await journal.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
