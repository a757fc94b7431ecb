/** Searches of readers as audit messages (PS3.15 A.5.3.10). */
import { type Bytes, toBase64 } from "../../foundation/bytes.ts";
import { configuredName } from "../event-fields.ts";
import type { AuditRecord } from "./audit-message.ts";
import { dcm, destinationRole, type Gate, gateAs, name, sourceRole } from "./audit-records.ts";

export interface ReaderSearch {
  /** A name of the configuration. */
  readonly reader: string;
  /** PS3.4 C.6: of the model that was asked. */
  readonly sopClassUid: string;
  readonly level: string;
  /** The query's data set, for the audit alone: no log may show it. */
  readonly query: Bytes;
  readonly transferSyntaxUid: string;
}

const sopClassUid = dcm("110181", "SOP Class UID");
/** A thousand keys; a longer one is said to be so. */
const queryBytesMax = 6_144;

export function searchRecord(search: ReaderSearch, gate: Gate): AuditRecord {
  const { reader, query, transferSyntaxUid, level } = search;
  const isWhole = query.length <= queryBytesMax;
  return {
    event: dcm("110112", "Query"),
    action: "E",
    outcome: 0,
    participants: [name(reader, true, sourceRole), gateAs(gate, false, destinationRole)],
    objects: [
      {
        id: search.sopClassUid,
        idType: sopClassUid,
        name: `query at level ${configuredName(level)}, ${query.length} bytes: too long to be told`,
        // A report.
        typeRole: "3",
        ...(isWhole ? { query: toBase64(query) } : {}),
        details: [["TransferSyntax", transferSyntaxUid]],
      },
    ],
  };
}
