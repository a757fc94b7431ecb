/** Facts of sealed files, for tests that expect something of them. */
import { expect } from "vitest";
import type { NewElement } from "../../../src/dicom/encode.ts";
import type { FrameDecoder } from "../../../src/dicom/pixel-data/decoder.ts";
import type { Edit } from "../../../src/dicom/splice.ts";
import type { Bytes } from "../../../src/foundation/bytes.ts";
import type { ManifestFacts } from "../../../src/provenance/manifest/check.ts";
import type { LeafComparison } from "../../../src/provenance/manifest/comparison.ts";
import { check, type Sealed } from "./sealing.ts";

export async function facts(file: Bytes, sealed: Sealed, decoder?: FrameDecoder): Promise<ManifestFacts> {
  const found = await check(file, sealed, decoder);
  expect(found).toBeDefined();
  // Evidence crosses worker boundaries as JSON.
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  return found!;
}

export async function comparison(
  file: Bytes,
  sealed: Sealed,
  decoder?: FrameDecoder,
): Promise<LeafComparison> {
  const found = await facts(file, sealed, decoder);
  expect(found.rootBy).toBe("table");
  return found.comparison!;
}

export const unchanged = { changed: [], added: [], removed: [] } as const;

/** Of the sample object, which has two frames. */
export const framesUnchanged = {
  sealed: 2,
  present: 2,
  matched: 2,
  changed: [],
  added: [],
  removed: [],
  uncheckable: [],
} as const;

/** Inserts or replaces; `parent` is the sequence item it goes into. */
export function put(element: NewElement, ...parent: readonly number[]): Edit {
  return parent.length > 0 ? { kind: "put", element, parent } : { kind: "put", element };
}
