/** What a reader searched for, as the audit is told it. */
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { encodeIdentifier } from "../../dicom-network/query/identifier.ts";
import type { Query } from "../../dicom-network/query/query.ts";
import { elementsOfQuery } from "../../dicom-network/query/query-identifier.ts";
import type { ReaderSearch } from "../../operations/audit/query-record.ts";

/** PS3.4 C.6.1.3 and C.6.2.3. */
const modelClasses = {
  patient: "1.2.840.10008.5.1.4.1.2.1.1",
  study: "1.2.840.10008.5.1.4.1.2.2.1",
} as const;

/** @param isWithValues what was searched for too: names and numbers of patients; else only by which attributes */
export function auditedSearch(reader: string, query: Query, isWithValues: boolean): ReaderSearch {
  const keys = isWithValues
    ? query.keys
    : query.keys.map(({ path }) => ({ path, match: { kind: "universal" } }) as const);
  return {
    reader,
    sopClassUid: modelClasses[query.root],
    level: query.level,
    query: encodeIdentifier(elementsOfQuery({ ...query, keys }), explicitLittleEndianUid),
    transferSyntaxUid: explicitLittleEndianUid,
  };
}
