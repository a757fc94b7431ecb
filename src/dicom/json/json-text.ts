/** DICOM JSON as text (PS3.18 F.2): an array, one data set at a time. */
import { type Bytes, utf8 } from "../../foundation/bytes.ts";
import type { JsonDataSet } from "./json-model.ts";

/** UTF-8; control characters and lone surrogates are escaped. Nothing is kept: a search's answer may be long. */
export async function* writeJsonArray(
  dataSets: AsyncIterable<JsonDataSet> | Iterable<JsonDataSet>,
): AsyncGenerator<Bytes, void, undefined> {
  let before = "[";
  for await (const dataSet of dataSets) {
    yield utf8(`${before}${JSON.stringify(dataSet)}`);
    before = ",\n";
  }
  yield utf8(before === "[" ? "[]" : "]");
}
