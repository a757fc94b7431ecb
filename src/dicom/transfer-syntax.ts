/** Transfer syntaxes, PS3.5 section 10 and annex A (2024e). */
import type { Encoding } from "./model.ts";

export type PixelCodec =
  | "native"
  | "rle"
  | "jpeg"
  | "jpeg-lossless"
  | "jpeg-ls"
  | "jpeg-2000"
  | "htj2k"
  | "jpeg-xl"
  | "deflated-frame"
  | "video"
  | "referenced";

export interface TransferSyntax {
  readonly uid: string;
  readonly name: string;
  readonly encoding: Encoding;
  /** The data set is compressed with deflate (PS3.5 annex A.5). */
  readonly deflated: boolean;
  /** Pixel Data must be encapsulated. */
  readonly encapsulated: boolean;
  readonly codec: PixelCodec;
  /** Every codestream this syntax allows decodes to exactly the encoder's input. */
  readonly lossless: boolean;
}

const explicitLittle: Encoding = { explicit: true, bigEndian: false };

function native(uid: string, name: string, encoding: Encoding, deflated = false): TransferSyntax {
  return { uid, name, encoding, deflated, encapsulated: false, codec: "native", lossless: true };
}

function encapsulated(uid: string, name: string, codec: PixelCodec, lossless: boolean): TransferSyntax {
  return {
    uid: `1.2.840.10008.1.2.${uid}`,
    name,
    encoding: explicitLittle,
    deflated: false,
    encapsulated: true,
    codec,
    lossless,
  };
}

const known: readonly TransferSyntax[] = [
  native("1.2.840.10008.1.2", "Implicit VR Little Endian", { explicit: false, bigEndian: false }),
  native("1.2.840.10008.1.2.1", "Explicit VR Little Endian", explicitLittle),
  native("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", explicitLittle, true),
  native("1.2.840.10008.1.2.2", "Explicit VR Big Endian", { explicit: true, bigEndian: true }),
  encapsulated("1.98", "Encapsulated Uncompressed Explicit VR Little Endian", "native", true),
  encapsulated("4.50", "JPEG Baseline (Process 1)", "jpeg", false),
  encapsulated("4.51", "JPEG Extended (Process 2 and 4)", "jpeg", false),
  encapsulated("4.52", "JPEG Extended (Process 3 and 5)", "jpeg", false),
  encapsulated("4.53", "JPEG Spectral Selection (Process 6 and 8)", "jpeg", false),
  encapsulated("4.54", "JPEG Spectral Selection (Process 7 and 9)", "jpeg", false),
  encapsulated("4.55", "JPEG Full Progression (Process 10 and 12)", "jpeg", false),
  encapsulated("4.56", "JPEG Full Progression (Process 11 and 13)", "jpeg", false),
  encapsulated("4.57", "JPEG Lossless (Process 14)", "jpeg-lossless", true),
  encapsulated("4.58", "JPEG Lossless (Process 15)", "jpeg-lossless", true),
  encapsulated("4.70", "JPEG Lossless (Process 14, Selection Value 1)", "jpeg-lossless", true),
  encapsulated("4.80", "JPEG-LS Lossless", "jpeg-ls", true),
  encapsulated("4.81", "JPEG-LS Near-Lossless", "jpeg-ls", false),
  encapsulated("4.90", "JPEG 2000 Lossless Only", "jpeg-2000", true),
  encapsulated("4.91", "JPEG 2000", "jpeg-2000", false),
  encapsulated("4.92", "JPEG 2000 Part 2 Multi-component Lossless Only", "jpeg-2000", true),
  encapsulated("4.93", "JPEG 2000 Part 2 Multi-component", "jpeg-2000", false),
  encapsulated("4.94", "JPIP Referenced", "referenced", false),
  encapsulated("4.95", "JPIP Referenced Deflate", "referenced", false),
  encapsulated("4.100", "MPEG2 Main Profile / Main Level", "video", false),
  encapsulated("4.101", "MPEG2 Main Profile / High Level", "video", false),
  encapsulated("4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", "video", false),
  encapsulated("4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", "video", false),
  encapsulated("4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", "video", false),
  encapsulated("4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", "video", false),
  encapsulated("4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", "video", false),
  encapsulated("4.107", "HEVC/H.265 Main Profile / Level 5.1", "video", false),
  encapsulated("4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", "video", false),
  encapsulated("4.110", "JPEG XL Lossless", "jpeg-xl", true),
  encapsulated("4.111", "JPEG XL JPEG Recompression", "jpeg-xl", false),
  encapsulated("4.112", "JPEG XL", "jpeg-xl", false),
  encapsulated("4.201", "High-Throughput JPEG 2000 Lossless Only", "htj2k", true),
  encapsulated("4.202", "High-Throughput JPEG 2000 with RPCL Options Lossless Only", "htj2k", true),
  encapsulated("4.203", "High-Throughput JPEG 2000", "htj2k", false),
  encapsulated("5", "RLE Lossless", "rle", true),
  encapsulated("8.1", "Deflated Image Frame Compression", "deflated-frame", true),
];

const byUid: ReadonlyMap<string, TransferSyntax> = new Map(known.map((ts) => [ts.uid, ts]));

export const implicitLittleEndianUid = "1.2.840.10008.1.2";
export const explicitLittleEndianUid = "1.2.840.10008.1.2.1";
export const deflatedUid = "1.2.840.10008.1.2.1.99";
export const explicitBigEndianUid = "1.2.840.10008.1.2.2";

export function transferSyntaxOf(uid: string): TransferSyntax | undefined {
  return byUid.get(uid);
}
