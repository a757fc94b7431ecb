/** Text padded with NUL is hashed differently by different signers (DCMTK 3.7.0), so it is padded with spaces before it is sealed. */

import { textElement } from "../dicom/encode.ts";
import type { DataElement } from "../dicom/model.ts";
import type { Edit } from "../dicom/splice.ts";
import { isPrivate } from "../dicom/tags.ts";
import { vrTraits } from "../dicom/vr.ts";
import type { Bytes } from "../foundation/bytes.ts";

/** Edits that replace NUL padding of standard text (PS3.5 section 6.2) at every level. UI is padded with NUL rightly. */
export function nulPaddingEdits(elements: readonly DataElement[], parent: readonly number[] = []): Edit[] {
  const edits: Edit[] = [];
  for (const element of elements) {
    element.items?.forEach((item, index) => {
      // Depth is bounded by the reader (limits.ts, nesting).
      edits.push(...nulPaddingEdits(item.elements, [...parent, element.tag, index]));
    });
    const cleaned = withoutNulPadding(element);
    if (cleaned) edits.push({ kind: "put", element: textElement(element.tag, element.vr, cleaned), parent });
  }
  return edits;
}

function withoutNulPadding({ tag, vr, value }: DataElement): Bytes | undefined {
  if (!value || isPrivate(tag) || vr === "UI" || !vrTraits[vr].text) return undefined;
  let end = value.length;
  let found = false;
  while (end > 0 && (value[end - 1] === 0 || value[end - 1] === 0x20)) found = value[--end] === 0 || found;
  return found ? value.subarray(0, end) : undefined;
}
