/** What is asked for, whichever protocol asks: C-FIND (PS3.4 C.4.1) or QIDO-RS (PS3.18 10.6). */
import type { Tag } from "../../dicom/tags.ts";

/** PS3.4 C.6: Query/Retrieve Level (0008,0052). */
export type QueryLevel = "PATIENT" | "STUDY" | "SERIES" | "IMAGE";

/** PS3.4 C.2.2.2. Texts are decoded and without padding. */
export type Matching =
  /** No value: every entity matches, the attribute is returned (C.2.2.2.3). */
  | { readonly kind: "universal" }
  /** C.2.2.2.1. Of person names: every component group, without regard to case. */
  | { readonly kind: "single"; readonly value: string }
  /** C.2.2.2.4: `*` and `?`. */
  | { readonly kind: "wildcard"; readonly pattern: string }
  /** C.2.2.2.2: one of these UIDs. */
  | { readonly kind: "uids"; readonly values: readonly string[] }
  /** C.2.2.2.5, dates and times as DICOM writes them, ends included. */
  | { readonly kind: "range"; readonly from?: string | undefined; readonly to?: string | undefined };

export interface QueryKey {
  /** Of the attribute, the sequences that hold it first: one tag, or two (C.2.2.2.6). */
  readonly path: readonly Tag[];
  readonly match: Matching;
}

export interface Query {
  /** Patient Root asks at PATIENT level too. */
  readonly root: "patient" | "study";
  readonly level: QueryLevel;
  /** Each attribute once. What is not known here is returned empty, or left out (C.4.1.1.3). */
  readonly keys: readonly QueryKey[];
  /** `includefield=all`: everything that is known at this level. */
  readonly isEverythingAsked: boolean;
  /** Ranges of Study Date and Study Time are one range of moments (C.2.2.2.5): QIDO-RS, and C-FIND where it was negotiated. */
  readonly isDateTimeCombined?: boolean | undefined;
  /** QIDO-RS: matches to leave out, and to give at most. */
  readonly offset: number;
  readonly limit: number | undefined;
}
