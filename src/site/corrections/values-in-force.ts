/** What a proven object's attributes have after all corrections of its study so far, whichever of them this copy has got. */
import type { DicomObject } from "../../dicom/model.ts";
import type { Edit } from "../../dicom/splice.ts";
import { isVr } from "../../dicom/vr.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { isSameValue } from "../../provenance/manifest/correction-opening.ts";
import type { TrustedCorrection } from "../../zero-trust/evidence/correction-check.ts";
import type { Evidence } from "../../zero-trust/evidence/evidence.ts";
import { valuesAt } from "../../zero-trust/evidence/explained-changes.ts";

export interface ValuesInForce {
  /** Canonical; undefined for an absent attribute. */
  readonly values: ReadonlyMap<string, Bytes | undefined>;
  /** What brings the copy to them. */
  readonly edits: readonly Edit[];
}

/** One top-level attribute: all that this site's own corrections name. */
const topLevel = /^[0-9A-F]{8}$/;

/** @param asked paths besides those of the corrections */
export async function valuesInForce(
  object: DicomObject,
  evidence: Evidence,
  chain: readonly TrustedCorrection[],
  asked: readonly string[],
): Promise<ValuesInForce> {
  const named = chain.flatMap(({ statement }) => statement.changes);
  const vrs = new Map(named.map(({ path, vr }) => [path, vr]));
  const paths = new Set([...asked, ...vrs.keys()]);
  const present = await valuesAt(object, paths);
  const content = evidence.content ?? evidence.receipt?.content ?? evidence.derivation?.content;
  const values = new Map<string, Bytes | undefined>();
  const edits: Edit[] = [];
  for (const path of paths) {
    const before = present.get(path) as Bytes | undefined;
    const by = content?.attributes.find((change) => change.path === path)?.explainedBy?.record;
    const value = valueAfter(path, before, chain.slice(chain.findIndex(({ digest }) => digest === by) + 1));
    values.set(path, value);
    const vr = vrs.get(path);
    if (isSameValue(before, value) || !topLevel.test(path) || vr === undefined || !isVr(vr)) continue;
    const tag = Number.parseInt(path, 16);
    edits.push(value ? { kind: "put", element: { tag, vr, value } } : { kind: "remove", path: [tag] });
  }
  return { values, edits };
}

/** @param chain corrections that the copy has not got */
function valueAfter(
  path: string,
  before: Bytes | undefined,
  chain: readonly TrustedCorrection[],
): Bytes | undefined {
  let value = before;
  for (const { statement, opening } of chain) {
    const at = statement.changes.findIndex(
      (change, i) => change.path === path && isSameValue(opening.values[i]!.from, value),
    );
    if (at >= 0) value = opening.values[at]!.to;
  }
  return value;
}
