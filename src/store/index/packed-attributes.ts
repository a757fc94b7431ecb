/** Attributes as they are stored: deflated against those of their series' first instance, from which they differ in a few values. */
import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** Of one instance as JSON, bulk values left out: enhanced multi-frame objects of a thousand frames have some megabytes. */
const attributesMax = 64 << 20;
/** The window of deflate (RFC 1951): what lies before it helps nothing. */
const dictionaryMax = 32 << 10;

/** JSON as UTF-8, deflated: as the examiner returns it, and for what is compressed against a template. */
export function packedJson(text: string, template?: Uint8Array): Uint8Array {
  const bytes = Buffer.from(text.toWellFormed());
  if (bytes.length > attributesMax)
    throw new ScansealError("usage", "the attributes of an object are too large for the index");
  // What only waits for its series is packed quickly.
  return deflateRawSync(bytes, template ? { dictionary: template } : { level: 1 });
}

/** @throws ScansealError `io` for what was not packed so */
export function unpackedAttributes(packed: Uint8Array, template?: Uint8Array): JsonDataSet {
  return JSON.parse(Buffer.from(unpackedJson(packed, template)).toString()) as JsonDataSet;
}

function unpackedJson(packed: Uint8Array, template: Uint8Array | undefined): Uint8Array {
  try {
    return inflateRawSync(packed, {
      maxOutputLength: attributesMax,
      ...(template ? { dictionary: template } : {}),
    });
  } catch (error) {
    throw new ScansealError("io", "attributes in the index are damaged", { cause: error });
  }
}

/** What the instances of a series are compressed against. */
export function templateOf(json: string): Uint8Array {
  return Buffer.from(json.toWellFormed()).subarray(0, dictionaryMax);
}

/** Tells one set of attributes from another. */
export function printOf(json: string): string {
  return createHash("sha256").update(json).digest("hex").slice(0, 24);
}
