/** Whom an object says it is about, as a person reads it: shown only where somebody asked for it. */
import { characterSetOf, displaySafe, displayText } from "../dicom/character-sets.ts";
import { lookup } from "../dicom/dictionary/dictionary.ts";
import { findElement } from "../dicom/elements.ts";
import { readDicom } from "../dicom/read.ts";
import { tagHex } from "../dicom/tags.ts";
import type { ByteSource } from "../foundation/byte-source.ts";
import { nodeTextDecoding } from "../platform/node/text-decoding.ts";

const identifying = [0x00100010, 0x00100020, 0x00080020, 0x00080060, 0x00081030, 0x0008103e] as const;

/** Patient, study and series: names of attributes and their texts. @throws ScansealError for an object that cannot be read */
export async function identityOf(source: ByteSource): Promise<(readonly [string, string])[]> {
  const { elements } = await readDicom(source);
  const set = characterSetOf(elements);
  return identifying.flatMap((tag) => {
    const element = findElement(elements, tag);
    const text = element && displayText(element, set, nodeTextDecoding);
    return text === undefined || text === ""
      ? []
      : [[lookup(tag)?.name ?? tagHex(tag), displaySafe(text)] as const];
  });
}
