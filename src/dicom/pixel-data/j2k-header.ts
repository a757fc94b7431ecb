/** The headers of a JPEG 2000 (ITU-T T.800 annex A) or HTJ2K (ITU-T T.814) codestream: main header and every tile-part's. */
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { CodestreamHeader } from "./codestream-header.ts";

const markers = {
  soc: 0xff4f,
  siz: 0xff51,
  cod: 0xff52,
  coc: 0xff53,
  sot: 0xff90,
  sod: 0xff93,
  eoc: 0xffd9,
} as const;

/** T.800 A.5.1: 16,384; images have at most 4 samples, and part 2 array transforms are not supported. */
const componentsMax = 4;
/** T.800 table A.20: the reversible 5/3 transform. */
const reversibleTransform = 1;
/** T.800 A.4.2: a tile index has 16 bits. */
const tilesMax = 65_535;
/** T.800 A.5.1, Rsiz: bit 15 announces part 2 extensions. */
const partTwo = 0x8000;

/** JP2 signature box, ITU-T T.800 annex I.5.1. */
const jp2Signature = Uint8Array.of(0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20);
const jp2CodestreamBox = 0x6a703263;
/** Boxes before the codestream: nothing real comes near. */
const boxesMax = 64;

/**
 * The codestream alone. PS3.5 annex A.4.4 rules a JP2 wrapper out, some writers leave it on; what it says of colour is not heeded.
 * @throws ScansealError `codec-failed` for a wrapper without a codestream
 */
export function unwrappedJ2k(codestream: Bytes): Bytes {
  if (codestream.length < jp2Signature.length || !jp2Signature.every((byte, i) => codestream[i] === byte))
    return codestream;
  const view = viewOf(codestream);
  let at = 0;
  for (let box = 0; box < boxesMax && at + 8 <= codestream.length; box++) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === jp2CodestreamBox) {
      const end = length === 0 ? codestream.length : at + length;
      if (length === 1 || (length !== 0 && length < 8) || end > codestream.length) break;
      return codestream.subarray(at + 8, end);
    }
    if (length < 8) break;
    at += length;
  }
  throw failed("a JP2 wrapper without a codestream");
}

/**
 * @throws ScansealError `codec-failed` when malformed or cut short (a tile-part ends behind the codestream), `unsupported`
 */
export function readJ2kHeader(codestream: Bytes): CodestreamHeader {
  const view = viewOf(codestream);
  const u16 = (at: number): number => {
    if (at + 2 > codestream.length) throw failed("cut short");
    return view.getUint16(at);
  };
  if (u16(0) !== markers.soc || u16(2) !== markers.siz) throw failed("no start of codestream");
  const size = readSize(codestream);
  const transforms: number[] = [];
  let at = 2;
  let tilePart: { end: number } | undefined;
  let tileParts = 0;
  for (;;) {
    const marker = u16(at);
    if (marker === markers.eoc) break;
    if (marker === markers.sod) {
      if (tilePart === undefined) throw failed("data outside a tile-part");
      at = tilePart.end;
      tilePart = undefined;
      tileParts++;
      // Some writers leave out the end of codestream.
      if (at + 1 >= codestream.length) break;
      continue;
    }
    const length = u16(at + 2);
    const end = at + 2 + length;
    if (length < 2 || end > codestream.length || marker < 0xff00) throw failed("a malformed marker segment");
    const parameters = codestream.subarray(at + 4, end);
    if (marker === markers.sot) tilePart = { end: tilePartEnd(codestream, at, parameters) };
    if (marker === markers.cod) transforms.push(transformAt(parameters, 9));
    if (marker === markers.coc) transforms.push(transformAt(parameters, 6));
    at = end;
  }
  if (tileParts === 0) throw failed("no tile");
  if (transforms.length === 0) throw failed("no coding style");
  return { ...size, reversible: transforms.every((transform) => transform === reversibleTransform) };
}

/** T.800 A.5.1. */
function readSize(codestream: Bytes): Omit<CodestreamHeader, "reversible"> {
  if (codestream.length < 42) throw failed("cut short");
  const view = viewOf(codestream);
  const word = (i: number): number => view.getUint32(8 + 4 * i);
  const [x, y, x0, y0, tileX, tileY, tileX0, tileY0] = [0, 1, 2, 3, 4, 5, 6, 7].map(word) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const components = view.getUint16(40);
  if ((view.getUint16(6) & partTwo) !== 0)
    throw new ScansealError("unsupported", "JPEG 2000 part 2 extensions");
  if (components < 1 || components > componentsMax || view.getUint16(4) !== 38 + 3 * components) {
    throw failed("a malformed image size");
  }
  if (codestream.length < 42 + 3 * components) throw failed("cut short");
  if (x <= x0 || y <= y0 || tileX === 0 || tileY === 0 || tileX0 > x0 || tileY0 > y0)
    throw failed("a malformed image size");
  if (Math.ceil((x - tileX0) / tileX) * Math.ceil((y - tileY0) / tileY) > tilesMax)
    throw failed("too many tiles");
  const depth = codestream[42]!;
  for (let i = 0; i < components; i++) {
    const at = 42 + 3 * i;
    if (codestream[at] !== depth)
      throw new ScansealError("unsupported", "JPEG 2000: components of different depth");
    if (codestream[at + 1] !== 1 || codestream[at + 2] !== 1) {
      throw new ScansealError("unsupported", "JPEG 2000: subsampled components");
    }
  }
  return {
    rows: y - y0,
    columns: x - x0,
    components,
    precision: (depth & 0x7f) + 1,
    signed: (depth & 0x80) !== 0,
  };
}

/** T.800 A.4.2; Psot 0 reaches to the end of codestream. */
function tilePartEnd(codestream: Bytes, at: number, parameters: Bytes): number {
  if (parameters.length !== 8) throw failed("a malformed tile-part");
  const length = viewOf(parameters).getUint32(2);
  const end = length === 0 ? codestream.length : at + length;
  if (length !== 0 && (length < 14 || end > codestream.length))
    throw failed("a tile-part leaves the codestream");
  return end;
}

/** The transform is the fifth byte of the SPcod and SPcoc parameters (T.800 tables A.15 and A.23). */
function transformAt(parameters: Bytes, offset: number): number {
  // COC of up to 256 components: one byte of index, one of style.
  const transform = parameters[offset];
  if (transform === undefined) throw failed("a malformed coding style");
  return transform;
}

function failed(problem: string): ScansealError {
  return new ScansealError("codec-failed", `JPEG 2000: ${problem}`);
}
