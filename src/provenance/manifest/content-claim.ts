/** What a statement says of an object's content: the part that captures, receipts and derivations share. */
import { uidForm } from "../../dicom/uid.ts";
import {
  badField,
  flagAt,
  integerAt,
  type JsonObject,
  objectAt,
  sha256Pattern,
  textAt,
  wordPattern,
} from "./statement-fields.ts";
import type { JsonValue } from "./strict-json.ts";

export interface ContentClaim {
  /** Root of the commitments, hexadecimal. */
  readonly root: string;
  /** SHA-256 of the seed, hexadecimal. */
  readonly seed: string;
  /** SHA-256 of the leaf table, hexadecimal. */
  readonly table: string;
  readonly leaves: {
    readonly count: number;
    readonly attributes: number;
    readonly frames: number;
    readonly encoded: number;
  };
  readonly pixels: {
    /** When it was committed. */
    readonly transferSyntax: string;
    readonly codec: string;
    readonly frames: number;
    /** Decoded frames are committed, so that a lossless transcode can be recognised. */
    readonly decoded: boolean;
    readonly lossless: boolean;
  };
}

/** `leaves` and `pixels` as documents, in the order of the specification. */
export function contentDocument({ leaves, pixels }: Pick<ContentClaim, "leaves" | "pixels">): {
  readonly leaves: JsonValue;
  readonly pixels: JsonValue;
} {
  return {
    leaves: {
      count: leaves.count,
      attributes: leaves.attributes,
      frames: leaves.frames,
      encoded: leaves.encoded,
    },
    pixels: {
      transferSyntax: pixels.transferSyntax,
      codec: pixels.codec,
      frames: pixels.frames,
      decoded: pixels.decoded,
      lossless: pixels.lossless,
    },
  };
}

/** @param root read by the caller: it stands in the subject. @throws ScansealError `seal-structure` */
export function contentAt(predicate: JsonObject, root: string): ContentClaim {
  const leaves = objectAt(predicate, "leaves");
  const pixels = objectAt(predicate, "pixels");
  const claim: ContentClaim = {
    root,
    seed: textAt(predicate, "seed", sha256Pattern),
    table: textAt(predicate, "table", sha256Pattern),
    leaves: {
      count: integerAt(leaves, "count"),
      attributes: integerAt(leaves, "attributes"),
      frames: integerAt(leaves, "frames"),
      encoded: integerAt(leaves, "encoded"),
    },
    pixels: {
      transferSyntax: textAt(pixels, "transferSyntax", uidForm),
      codec: textAt(pixels, "codec", wordPattern),
      frames: integerAt(pixels, "frames"),
      decoded: flagAt(pixels, "decoded"),
      lossless: flagAt(pixels, "lossless"),
    },
  };
  const { count, attributes, frames, encoded } = claim.leaves;
  if (count !== attributes + frames + encoded) badField("leaves");
  return claim;
}
