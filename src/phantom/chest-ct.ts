/** A chest CT of nobody: anatomy from outlines and grown vessels, a scanner's noise, a known nodule. Same options, same bytes. */
import { encodePart10 } from "../dicom/encode.ts";
import { explicitLittleEndianUid } from "../dicom/transfer-syntax.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { Canvas, columnOf, pixelSpacingMm } from "./canvas.ts";
import { chestWall } from "./chest-wall.ts";
import { ctElements, rescaleIntercept, type SeriesIdentity, sliceThicknessMm } from "./ct-attributes.ts";
import { addCtNoise } from "./ct-noise.ts";
import { lungs, nodulePlace } from "./lungs.ts";
import { mediastinum } from "./mediastinum.ts";
import { seededRandom, seededUid, Texture } from "./random.ts";
import { skeleton } from "./skeleton.ts";

export interface ChestSeriesOptions {
  readonly seed: number;
  /** 4 to 32; 28 unless told. The nodule is in the middle of the series. */
  readonly slices?: number;
  /** YYYYMMDD */
  readonly studyDate: string;
  /** HHMMSS */
  readonly studyTime?: string;
  readonly patientName?: string;
  readonly patientId?: string;
  readonly accessionNumber?: string;
  readonly deviceSerialNumber?: string;
  readonly stationName?: string;
}

/** A disc in pixels: rows down, columns to the right, counted from 0; fractions count from a pixel's centre. */
export interface PixelDisc {
  readonly row: number;
  readonly column: number;
  readonly radiusPx: number;
}

export interface PhantomSlice {
  readonly sopInstanceUid: string;
  /** From 1, head to feet. */
  readonly instanceNumber: number;
  /** Part 10, Explicit VR Little Endian. */
  readonly file: Bytes;
  /** Stored values, 0..4095; add `rescaleIntercept` for Hounsfield units. Row by row, 512 x 512. */
  readonly pixels: Int16Array;
  /** Where this slice cuts the nodule, if it does. */
  readonly nodule?: PixelDisc;
}

const storedMaximum = 4095;
const slicesMinimum = 4;
/** Beyond this the outlines, drawn for 70 mm of the chest, no longer change. */
const slicesMaximum = 32;

function identityOf(options: ChestSeriesOptions, name: string): SeriesIdentity {
  return {
    patientName: options.patientName ?? "Phantom^Petra",
    patientId: options.patientId ?? `PHANTOM-${options.seed}`,
    studyDate: options.studyDate,
    studyTime: options.studyTime ?? "101500",
    accessionNumber: options.accessionNumber ?? `PH${options.seed}`,
    studyInstanceUid: seededUid(`${name} study`),
    seriesInstanceUid: seededUid(`${name} series`),
    frameOfReferenceUid: seededUid(`${name} frame of reference`),
    deviceSerialNumber: options.deviceSerialNumber ?? "PHANTOM-CT-1",
    stationName: options.stationName ?? "PHANTOMCT1",
  };
}

function checkOptions({ seed, slices, studyDate, studyTime }: ChestSeriesOptions): number {
  if (!Number.isSafeInteger(seed)) throw new ScansealError("usage", "the phantom's seed is not an integer");
  const count = slices ?? 28;
  if (!Number.isInteger(count) || count < slicesMinimum || count > slicesMaximum)
    throw new ScansealError("usage", `a phantom series has ${slicesMinimum} to ${slicesMaximum} slices`);
  if (!/^\d{8}$/.test(studyDate)) throw new ScansealError("usage", "studyDate is not YYYYMMDD");
  if (studyTime !== undefined && !/^\d{6}$/.test(studyTime))
    throw new ScansealError("usage", "studyTime is not HHMMSS");
  return count;
}

/** Paints slices without noise: z in millimetres down from the level of the aortic arch. */
function painter(seed: number): (z: number) => Canvas {
  const stream = (part: string) => seededRandom(`chest phantom ${seed} ${part}`);
  const coarse = new Texture(stream("coarse texture"));
  const fine = new Texture(stream("fine texture"));
  const wall = chestWall(stream("wall"), coarse);
  const bones = skeleton(stream("bones"), fine, coarse);
  const middle = mediastinum(stream("mediastinum"), coarse);
  const bounds = { cageAt: wall.cageAt, mediastinumAt: middle.outlineAt };
  const lung = lungs(stream("lungs"), bounds, { coarse, fine });
  return (z) => {
    const canvas = new Canvas(z, -1000);
    const cage = wall.cageAt(z);
    wall.paint(canvas, { coarse, fine });
    bones.paintWall(canvas, cage);
    lung.paint(canvas, cage);
    middle.paint(canvas);
    bones.paintSpine(canvas);
    lung.paintNodule(canvas);
    canvas.blur();
    return canvas;
  };
}

function stored(hu: Float32Array): Int16Array {
  const out = new Int16Array(hu.length);
  for (let i = 0; i < out.length; i++)
    out[i] = Math.min(storedMaximum, Math.max(0, Math.round(hu[i]! - rescaleIntercept)));
  return out;
}

function littleEndian(pixels: Int16Array): Bytes {
  const out = new Uint8Array(pixels.length * 2);
  for (let i = 0; i < pixels.length; i++) {
    out[2 * i] = pixels[i]! & 255;
    out[2 * i + 1] = pixels[i]! >> 8;
  }
  return out;
}

function noduleAt(z: number): PixelDisc | undefined {
  const away = Math.abs(z - nodulePlace.z);
  if (away >= nodulePlace.radius) return undefined;
  return {
    row: columnOf(nodulePlace.y),
    column: columnOf(nodulePlace.x),
    radiusPx: Math.sqrt(nodulePlace.radius ** 2 - away ** 2) / pixelSpacingMm,
  };
}

/**
 * A chest CT series with contrast medium, 2.5 mm slices of 512 x 512 pixels, and one solid nodule of about 9 mm in the right lung.
 * A synthetic patient: no scan of a person went into it.
 * @throws ScansealError `usage` for options out of range
 */
export function* generateChestSeries(options: ChestSeriesOptions): Generator<PhantomSlice> {
  const count = checkOptions(options);
  const name = `chest phantom ${JSON.stringify([options.seed, count, options.studyDate, options.studyTime, options.patientName, options.patientId, options.accessionNumber, options.deviceSerialNumber, options.stationName])}`;
  const identity = identityOf(options, name);
  const paint = painter(options.seed);
  for (let index = 0; index < count; index++) {
    const down = (index - Math.floor(count / 2)) * sliceThicknessMm;
    const z = nodulePlace.z + down;
    const { hu } = paint(z);
    addCtNoise(hu, seededRandom(`chest phantom ${options.seed} noise ${index}`));
    const pixels = stored(hu);
    const sopInstanceUid = seededUid(`${name} instance ${index}`);
    const elements = ctElements(
      identity,
      { sopInstanceUid, instanceNumber: index + 1, zMm: -120 - down },
      littleEndian(pixels),
    );
    const nodule = noduleAt(z);
    yield {
      sopInstanceUid,
      instanceNumber: index + 1,
      file: encodePart10(elements, explicitLittleEndianUid),
      pixels,
      ...(nodule && { nodule }),
    };
  }
}
