/** The corpus' well-formed files, and what an operator would have to tolerate to seal those that our strict reader refuses. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { MalformedCode } from "../../src/foundation/errors.ts";
import { peerPath } from "../peers.ts";
import type { Tolerances } from "./fixture.ts";

export interface CorpusFile {
  readonly file: string;
  readonly modality: string;
  readonly sopClass: string;
  readonly transferSyntaxUid: string;
  readonly frames: number;
}

/** All rows of INDEX.tsv but the hostile and tampered ones. */
export function corpusFiles(): readonly CorpusFile[] {
  const [head = "", ...rows] = readFileSync(join(peerPath("corpus"), "INDEX.tsv"), "utf8")
    .trimEnd()
    .split("\n");
  const columns = head.split("\t");
  return rows
    .map((row) => {
      const cells = row.split("\t");
      const cell = (name: string): string => cells[columns.indexOf(name)] ?? "";
      return {
        file: cell("file"),
        modality: cell("modality"),
        sopClass: cell("sop_class"),
        transferSyntaxUid: cell("transfer_syntax"),
        frames: Number(cell("dims").split("x")[2] ?? "0"),
      };
    })
    .filter(({ file }) => !/^(malformed|tampered)\//.test(file));
}

export function corpusBytes(file: string): Bytes {
  return new Uint8Array(readFileSync(join(peerPath("corpus"), file)));
}

/** Rows of TAMPERED.tsv or HOSTILE.tsv as objects. */
export function corpusTable(
  name: "TAMPERED.tsv" | "HOSTILE.tsv",
): readonly Readonly<Record<string, string>>[] {
  const [head = "", ...rows] = readFileSync(join(peerPath("corpus"), name), "utf8")
    .trimEnd()
    .split("\n");
  const columns = head.split("\t");
  return rows.map((row) => Object.fromEntries(row.split("\t").map((cell, i) => [columns[i]!, cell])));
}

/** What the strict reader refuses in these files, and DESIGN 4 lets a source tolerate. */
const tolerances: ReadonlyMap<string, Tolerances> = new Map<string, readonly MalformedCode[]>([
  ["multiframe/wsi-tiny-25frame-rgb.dcm", ["uid-mismatch"]],
  ["non-image/rtdose.dcm", ["uid-mismatch"]],
  ["non-image/rtdose_expb.dcm", ["uid-mismatch"]],
  ["non-image/rtimage-elekta.dcm", ["uid-mismatch"]],
  ["non-image/rtplan.dcm", ["uid-mismatch"]],
  ["odd/MR_small_padded.dcm", ["pixel-length"]],
  ["odd/charset/chrJapMulti.dcm", ["uid-mismatch"]],
  ["odd/charset/chrJapMultiExplicitIR6.dcm", ["uid-mismatch"]],
  ["odd/ct-8bit-sc-implicit.dcm", ["uid-invalid"]],
  ["odd/twelve-bit/12bitSigned_0x0F0F.dcm", ["uid-mismatch"]],
  ["odd/twelve-bit/12bitUnsigned.dcm", ["uid-mismatch"]],
  ["odd/twelve-bit/12bitUnsigned_0x0F0F.dcm", ["uid-mismatch"]],
  ["radiograph/vet-dx-small.dcm", ["length-odd"]],
  ["transfer-syntax/small/image_dfl.dcm", ["trailing-bytes"]],
  ["transfer-syntax/testpattern/TestPattern_JPEG-Lossless_RGB.dcm", ["uid-mismatch"]],
]);

export function tolerancesFor(file: string): Tolerances {
  return tolerances.get(file) ?? [];
}

/** Why these are sealed by nobody: a directory, bare data sets, objects without identity, tags that the standard rules out. */
export const unsealable: ReadonlyMap<string, string> = new Map([
  ["non-image/dicomdir/DICOMDIR", "not-sealable"],
  ["non-image/rtdose_rle.dcm", "not-sealable"],
  ["non-image/rtstruct.dcm", "preamble-missing"],
  ["odd/UN_sequence.dcm", "not-sealable"],
  ["odd/charset/chrSQEncoding.dcm", "not-sealable"],
  ["odd/charset/chrSQEncoding1.dcm", "not-sealable"],
  ["odd/empty_charset_LEI.dcm", "not-sealable"],
  ["odd/explicit_VR-UN.dcm", "not-sealable"],
  ["odd/nested_priv_SQ.dcm", "tag-forbidden"],
  ["odd/no-preamble-cr-chest-mono1.dcm", "preamble-missing"],
  ["odd/no_meta_group_length.dcm", "meta-invalid"],
  ["odd/priv_SQ.dcm", "not-sealable"],
  ["odd/sc-drawing-jpeg.dcm", "tag-forbidden"],
]);
