/** The signed statement of a study manifest: spec/series-manifests.md. The site says which series a study has, and how far each is closed. */
import { type Bytes, fromLatin1 } from "../../foundation/bytes.ts";
import { listAt, listDocument, type VersionedList } from "./series-statement.ts";
import { badField, objectAt } from "./statement-fields.ts";
import { parseJson } from "./strict-json.ts";

export type StudyStatement = VersionedList;

/** The payload's bytes: one line of JSON in the order of the specification, ASCII only. @throws ScansealError `seal-structure` */
export function encodeStudyStatement(statement: StudyStatement): Bytes {
  const bytes = fromLatin1(JSON.stringify(listDocument("study", statement, {})));
  decodeStudyStatement(bytes);
  return bytes;
}

/** Reads a payload; its bytes must be those that `encodeStudyStatement` writes. @throws ScansealError `seal-structure` */
export function decodeStudyStatement(bytes: Bytes): StudyStatement {
  const { text: written, value: document } = parseJson(bytes);
  const statement = listAt(document, objectAt(document, "predicate"));
  if (written !== JSON.stringify(listDocument("study", statement, {}))) badField("encoding");
  return statement;
}
