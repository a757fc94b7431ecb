/** Value Representations, PS3.5 section 6.2 (2024e). */

export type Vr =
  | "AE"
  | "AS"
  | "AT"
  | "CS"
  | "DA"
  | "DS"
  | "DT"
  | "FD"
  | "FL"
  | "IS"
  | "LO"
  | "LT"
  | "OB"
  | "OD"
  | "OF"
  | "OL"
  | "OV"
  | "OW"
  | "PN"
  | "SH"
  | "SL"
  | "SQ"
  | "SS"
  | "ST"
  | "SV"
  | "TM"
  | "UC"
  | "UI"
  | "UL"
  | "UN"
  | "UR"
  | "US"
  | "UT"
  | "UV";

/** What the dictionary says; the four ambiguous ones depend on other attributes (PS3.5 annex A.1). */
export type DictionaryVr = Vr | "US or SS" | "OB or OW" | "US or OW" | "US or SS or OW";

export interface VrTraits {
  /** 32-bit length after two reserved bytes in explicit VR (PS3.5 section 7.1.2). */
  readonly longLength: boolean;
  /** Character string: may be padded with trailing spaces (UI: with NUL). */
  readonly text: boolean;
  /** Bytes of one number, and the width to swap in big endian; 1 where there is no byte order. */
  readonly width: 1 | 2 | 4 | 8;
}

const traits = (longLength: boolean, text: boolean, width: 1 | 2 | 4 | 8): VrTraits => ({
  longLength,
  text,
  width,
});

export const vrTraits: Readonly<Record<Vr, VrTraits>> = {
  AE: traits(false, true, 1),
  AS: traits(false, true, 1),
  AT: traits(false, false, 2),
  CS: traits(false, true, 1),
  DA: traits(false, true, 1),
  DS: traits(false, true, 1),
  DT: traits(false, true, 1),
  FD: traits(false, false, 8),
  FL: traits(false, false, 4),
  IS: traits(false, true, 1),
  LO: traits(false, true, 1),
  LT: traits(false, true, 1),
  OB: traits(true, false, 1),
  OD: traits(true, false, 8),
  OF: traits(true, false, 4),
  OL: traits(true, false, 4),
  OV: traits(true, false, 8),
  OW: traits(true, false, 2),
  PN: traits(false, true, 1),
  SH: traits(false, true, 1),
  SL: traits(false, false, 4),
  SQ: traits(true, false, 1),
  SS: traits(false, false, 2),
  ST: traits(false, true, 1),
  SV: traits(true, false, 8),
  TM: traits(false, true, 1),
  UC: traits(true, true, 1),
  UI: traits(false, true, 1),
  UL: traits(false, false, 4),
  UN: traits(true, false, 1),
  UR: traits(true, true, 1),
  US: traits(false, false, 2),
  UT: traits(true, true, 1),
  UV: traits(true, false, 8),
};

const byLetters: ReadonlyMap<number, Vr> = new Map(
  (Object.keys(vrTraits) as Vr[]).map((vr) => [(vr.charCodeAt(0) << 8) | vr.charCodeAt(1), vr]),
);

/** The VR of two bytes in a file, or undefined. */
export function vrOfBytes(first: number, second: number): Vr | undefined {
  return byLetters.get((first << 8) | second);
}

export function isVr(text: string): text is Vr {
  return Object.hasOwn(vrTraits, text);
}
