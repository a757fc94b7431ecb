/** TAMPERED.tsv on sealed files: the tampered file carries the seal of its base, as if the base had been sealed before it was changed. */
import { findElement } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { nulPaddingEdits } from "../../src/sealing/clean-text.ts";
import { corpusBytes, corpusTable } from "./corpus-files.ts";
import { edited, parse, type Site } from "./fixture.ts";
import { withSealOf } from "./scenario-cases.ts";

export interface TamperedRow {
  readonly file: string;
  readonly base: string;
  readonly class: string;
}

export function tamperedRows(): readonly TamperedRow[] {
  return corpusTable("TAMPERED.tsv").map(({ file = "", base = "", class: kind = "" }) => ({
    file,
    base,
    class: kind,
  }));
}

export async function sealedAndTampered(site: Site, { file, base }: TamperedRow): Promise<Bytes> {
  const sealed = await parse(await site.seal(corpusBytes(base)));
  const tampered = corpusBytes(file);
  const object = await parse(tampered);
  // What sealing does to the base's text it does to what was copied of it.
  const clean = await edited(tampered, nulPaddingEdits(object.elements));
  const target = await parse(clean);
  if (!findElement(target.elements, tags.sopInstanceUid)) throw new Error(`${file} is no instance`);
  return edited(clean, await withSealOf(target, sealed));
}
