/** The signed statement of a study manifest: spec/series-manifests.md. The site says which series a study has, and how far each is closed. */
import type { Bytes } from "../../foundation/bytes.ts";
import { listAt, listDocument, type VersionedList } from "./series-statement.ts";
import { decodeForm, encodeForm, type StatementForm } from "./statement-form.ts";

export type StudyStatement = VersionedList;

/** @throws ScansealError `seal-structure` for what its reader would refuse */
export function encodeStudyStatement(statement: StudyStatement): Bytes {
  return encodeForm(studyForm, statement);
}

/** @throws ScansealError `seal-structure` */
export function decodeStudyStatement(bytes: Bytes): StudyStatement {
  return decodeForm(studyForm, bytes);
}

const studyForm: StatementForm<StudyStatement> = {
  subject: "study",
  kind: "study",
  predicateOf: (s) => listDocument(s, {}),
  read: listAt,
};
