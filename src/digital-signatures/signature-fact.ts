/** What checking found about one signature: plain JSON data. Whether the signer is trusted is judged elsewhere. */
import type { Tag } from "../dicom/tags.ts";
import type { MacAlgorithm } from "./attributes.ts";
import type { KeyAlgorithm } from "./signer-certificate.ts";

/** One step down: item `item` (from 0) of the sequence `tag`. */
export interface LocationStep {
  readonly tag: Tag;
  readonly item: number;
}

/** Where the signed elements are: [] is the data set. */
export type Location = readonly LocationStep[];

/**
 * valid: the listed elements are what was signed.
 * altered: they are not.
 * transcoded: Pixel Data is not in the transfer syntax that was signed, so this signature cannot be checked here.
 * vr-lost: a listed element came back as UN (an implicit VR hop) and cannot be checked.
 * weak: no acceptable hash, key type or key length; `computed` says what the arithmetic gave.
 * malformed: the signature is not one; `problems` says why.
 */
export type SignatureResult = "valid" | "altered" | "transcoded" | "vr-lost" | "weak" | "malformed";

/** `unchecked`: malformed, or no implementation of its algorithm here. */
export type ComputedResult = "valid" | "altered" | "transcoded" | "vr-lost" | "unchecked";

/**
 * Which byte stream fitted: the specified one; with elements in another VR of those the dictionary allows them (OB for OW, US for SS); with text as it stands; or
 * without the parts of nested sequences that dcmsign fails to hash (those sequences then count as uncovered).
 */
export type MacEncoding = "as-written" | "other-vr" | "raw-text" | "dcmtk-truncated";

export type SignatureProblemCode =
  /** (FFFA,FFFA) is there but is no sequence that can be read. */
  | "signatures-unreadable"
  /** More signatures, or more bytes to hash for them, than are checked in one object. */
  | "too-many-signatures"
  | "signature-uid-duplicate"
  | "mac-id-duplicate"
  | "mac-parameters-missing"
  | "attribute-missing"
  | "attribute-invalid"
  | "certificate-type-unknown"
  | "certificate-unreadable"
  | "hash-legacy"
  | "key-unsupported"
  | "key-short"
  /** Listed, present, and of a kind that no signature can cover. */
  | "listed-never-signable"
  /** Listed, present, and UN or a sequence that holds UN. */
  | "listed-vr-lost"
  /** This listed sequence was hashed in part (`dcmtk-truncated`) and counts as uncovered. */
  | "signed-in-part"
  /** A covered text value ends with NUL: DCMTK 3.7.0 hashes it differently. */
  | "text-nul-padded"
  | "date-time-without-zone";

export interface SignatureProblem {
  readonly code: SignatureProblemCode;
  readonly tag?: Tag;
}

/** What a signature leaves open where it stands, by tag, ascending. Signatures, group lengths and trailing padding are exempt. */
export interface Coverage {
  /** Present standard elements that are not covered, whatever their VR. */
  readonly uncovered: readonly Tag[];
  /** Present private elements that are not covered, their creators too. */
  readonly uncoveredPrivate: readonly Tag[];
  /** Those of `uncovered` that a signature of a data set must cover (spec, "Required attributes"). Empty for item signatures. */
  readonly requiredUncovered: readonly Tag[];
  /** Those of `uncovered` that the dictionary knows but that are written as UN, where no signature can reach them and a viewer may look. */
  readonly disguised: readonly Tag[];
  /** Elements inside covered sequences that the MAC stream leaves out. */
  readonly nestedUncovered: readonly Tag[];
  /** Listed but no longer present: after "altered", the first place to look. */
  readonly absent: readonly Tag[];
}

export interface SignatureFact {
  readonly location: Location;
  /** Number of the item in its Digital Signatures Sequence, from 0. */
  readonly index: number;
  /** Byte offset of that item (in the inflated stream for deflated data sets). */
  readonly offset: number;
  readonly result: SignatureResult;
  readonly computed: ComputedResult;
  readonly problems: readonly SignatureProblem[];
  readonly uid?: string;
  readonly macIdNumber?: number;
  /** As written, and in milliseconds since 1970 when it names its zone. */
  readonly dateTime?: string;
  readonly dateTimeMs?: number;
  readonly macAlgorithm?: MacAlgorithm;
  readonly macTransferSyntaxUid?: string;
  /** Present when valid (also under a weak algorithm). */
  readonly encoding?: MacEncoding;
  /** With "other-vr": "US or SS" numbers stand with the other sign than they were signed with. */
  readonly otherSign?: true;
  /** DER, base64, unpadded. */
  readonly certificate?: string;
  readonly key?: { readonly algorithm: KeyAlgorithm; readonly bits: number };
  /** The signature value without its pad byte, base64: what a time stamp is over. */
  readonly signature?: string;
  readonly purpose?: { readonly code: string; readonly scheme: string; readonly meaning: string };
  /** Type and token as written (base64, pad byte included), unjudged. */
  readonly timestamp?: { readonly type: string; readonly token: string };
  /** Ascending, without duplicates. */
  readonly signedTags?: readonly Tag[];
  readonly coverage?: Coverage;
}
