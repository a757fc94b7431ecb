/** The DICOM JSON Model (PS3.18 annex F): attributes as plain data, for queries, metadata and the index. */

/** A person name's component groups (PS3.5 6.2.1.2; PS3.18 F.2.2). */
export interface JsonPersonName {
  readonly Alphabetic?: string;
  readonly Ideographic?: string;
  readonly Phonetic?: string;
}

/** PS3.18 F.2.3: numbers of DS, IS, SV and UV may be strings, where a number would lose digits; `null` is an empty value among others. */
export type JsonValue = string | number | null | JsonPersonName | JsonDataSet;

/** At most one of `Value`, `BulkDataURI`, `InlineBinary` (base64); none of them: an empty value. */
export interface JsonElement {
  readonly vr: string;
  readonly Value?: readonly JsonValue[];
  readonly BulkDataURI?: string;
  readonly InlineBinary?: string;
}

/** By tag: eight upper-case hexadecimal digits, ascending. */
export interface JsonDataSet {
  readonly [tag: string]: JsonElement;
}
