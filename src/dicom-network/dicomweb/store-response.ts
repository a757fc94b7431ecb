/** What STOW-RS answers (PS3.18 10.5.3; annex I.2): statuses and the response's data set. */
import type { JsonDataSet, JsonElement } from "../../dicom/json/json-model.ts";

/** Failure Reason (0008,1197) (PS3.18 table I.2-2; PS3.7 annex C). */
export const failureReason = {
  outOfResources: 0xa700,
  processingFailure: 0x0110,
  sopClassNotSupported: 0x0122,
  notAuthorized: 0x0124,
  doesNotMatchSopClass: 0xa900,
  cannotUnderstand: 0xc000,
  transferSyntaxNotSupported: 0xc122,
} as const;

export interface StoredInstance {
  /** Of the data set; undefined where it could not be read. */
  readonly sopClassUid: string | undefined;
  readonly sopInstanceUid: string | undefined;
  readonly outcome:
    | { readonly kind: "stored"; readonly retrieveUrl?: string | undefined }
    /** Warning Reason (0008,1196): stored, but not as it came. */
    | { readonly kind: "warned"; readonly reason: number; readonly retrieveUrl?: string | undefined }
    | { readonly kind: "failed"; readonly reason: number };
}

export interface StoreResponse {
  readonly status: 200 | 202 | 400 | 409;
  readonly dataSet: JsonDataSet;
}

/** @param studyUrl where the study can be retrieved, if one was stored to */
export function storeResponse(
  instances: readonly StoredInstance[],
  studyUrl: string | undefined,
): StoreResponse {
  const named = instances.filter(isNamed);
  const failed = named.filter(({ outcome }) => outcome.kind === "failed");
  const stored = named.filter(({ outcome }) => outcome.kind !== "failed");
  const others = instances.filter((one) => !isNamed(one));
  const entries: (readonly [string, JsonElement])[] = [];
  if (stored.length > 0 && studyUrl !== undefined)
    entries.push(["00081190", { vr: "UR", Value: [studyUrl] }]);
  if (failed.length > 0) entries.push(["00081198", { vr: "SQ", Value: failed.map(itemOf) }]);
  if (stored.length > 0) entries.push(["00081199", { vr: "SQ", Value: stored.map(itemOf) }]);
  // PS3.18 I.2: what has no name of its own.
  if (others.length > 0) entries.push(["0008119A", { vr: "SQ", Value: others.map(itemOf) }]);
  return { status: statusOf(instances), dataSet: Object.fromEntries(entries) };
}

function isNamed({ sopClassUid, sopInstanceUid, outcome }: StoredInstance): boolean {
  return outcome.kind !== "failed" || (sopClassUid !== undefined && sopInstanceUid !== undefined);
}

/** PS3.18 table 10.5.3-1. */
function statusOf(instances: readonly StoredInstance[]): StoreResponse["status"] {
  if (instances.length === 0) return 400;
  if (instances.every(({ outcome }) => outcome.kind === "stored")) return 200;
  return instances.every(({ outcome }) => outcome.kind === "failed") ? 409 : 202;
}

function itemOf({ sopClassUid, sopInstanceUid, outcome }: StoredInstance): JsonDataSet {
  const item: Record<string, JsonElement> = {};
  if (sopClassUid !== undefined) item["00081150"] = { vr: "UI", Value: [sopClassUid] };
  if (sopInstanceUid !== undefined) item["00081155"] = { vr: "UI", Value: [sopInstanceUid] };
  if (outcome.kind !== "failed" && outcome.retrieveUrl !== undefined)
    item["00081190"] = { vr: "UR", Value: [outcome.retrieveUrl] };
  if (outcome.kind === "warned") item["00081196"] = { vr: "US", Value: [outcome.reason] };
  if (outcome.kind === "failed") item["00081197"] = { vr: "US", Value: [outcome.reason] };
  return item;
}
