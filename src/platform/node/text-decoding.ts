/** Character decoders of Node's own ICU. */
import { TextDecoder } from "node:util";
import type { TextDecoding } from "../../dicom/character-sets.ts";
import type { Bytes } from "../../foundation/bytes.ts";

const decoders = new Map<string, TextDecoder>();

function decoderOf(label: string): TextDecoder | undefined {
  const known = decoders.get(label);
  if (known) return known;
  try {
    // A byte order mark is shown, not swallowed.
    const decoder = new TextDecoder(label, { ignoreBOM: true });
    decoders.set(label, decoder);
    return decoder;
  } catch {
    return undefined; // A Node without that part of ICU.
  }
}

export const nodeTextDecoding: TextDecoding = {
  decode(label: string, bytes: Bytes): string {
    return decoderOf(label)?.decode(bytes) ?? "\ufffd".repeat(bytes.length);
  },
};
