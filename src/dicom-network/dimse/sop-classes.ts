/** SOP classes that are no storage: Query/Retrieve (PS3.4 C.6), Modality Worklist (PS3.4 K.6) and Storage Commitment Push Model (PS3.4 J.3). */
import type { Query } from "../query/query.ts";

export type QueryRetrieveOperation = "find" | "move" | "get";

export interface QueryRetrieveClass {
  readonly root: Query["root"];
  readonly operation: QueryRetrieveOperation;
}

/** PS3.4 tables C.6.1.3-1 and C.6.2.3-1. */
const classes: ReadonlyMap<string, QueryRetrieveClass> = new Map([
  ["1.2.840.10008.5.1.4.1.2.1.1", { root: "patient", operation: "find" }],
  ["1.2.840.10008.5.1.4.1.2.1.2", { root: "patient", operation: "move" }],
  ["1.2.840.10008.5.1.4.1.2.1.3", { root: "patient", operation: "get" }],
  ["1.2.840.10008.5.1.4.1.2.2.1", { root: "study", operation: "find" }],
  ["1.2.840.10008.5.1.4.1.2.2.2", { root: "study", operation: "move" }],
  ["1.2.840.10008.5.1.4.1.2.2.3", { root: "study", operation: "get" }],
]);

/** PS3.4 table K.6.1-1. */
export const modalityWorklistClass = "1.2.840.10008.5.1.4.31";
export const storageCommitmentClass = "1.2.840.10008.1.20.1";
/** PS3.4 J.3.5: the well-known instance that all requests are about. */
export const storageCommitmentInstance = "1.2.840.10008.1.20.1.1";

export function queryRetrieveClassOf(uid: string): QueryRetrieveClass | undefined {
  return classes.get(uid);
}

export function queryRetrieveClassUid(root: Query["root"], operation: QueryRetrieveOperation): string {
  for (const [uid, one] of classes) if (one.root === root && one.operation === operation) return uid;
  throw new Error(`no class for ${operation}`);
}
