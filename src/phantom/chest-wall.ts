/** Skin, fat, muscles and the couch. Outlines are for the patient's left and mirrored, then made a little uneven. */
import { type Canvas, imageSize, millimetresOf, type Shade } from "./canvas.ts";
import {
  type Contour,
  inset,
  jittered,
  mirrored,
  type Point,
  type Polygon,
  polygonAt,
  rippled,
  symmetric,
} from "./contour.ts";
import type { SeededRandom, Texture } from "./random.ts";

/** z of the most cranial and most caudal outlines, millimetres from the first slice of a series of 28. */
export const cranial = 0;
export const caudal = 70;

const skin: Contour = [
  {
    z: cranial,
    points: symmetric([
      [0, -105],
      [28, -109],
      [62, -113],
      [98, -106],
      [132, -84],
      [153, -48],
      [163, -6],
      [162, 38],
      [146, 76],
      [112, 102],
      [68, 111],
      [26, 109],
      [0, 106],
    ]),
  },
  {
    z: caudal,
    points: symmetric([
      [0, -104],
      [26, -108],
      [60, -114],
      [98, -108],
      [130, -84],
      [150, -46],
      [158, -4],
      [156, 40],
      [140, 76],
      [108, 100],
      [68, 110],
      [26, 108],
      [0, 105],
    ]),
  },
];

/** Inner face of the ribs: what the lungs and the mediastinum share. Star-shaped around the origin. */
const cage: Contour = [
  {
    z: cranial,
    points: symmetric([
      [0, -84],
      [30, -83],
      [60, -74],
      [88, -52],
      [106, -18],
      [110, 16],
      [100, 48],
      [80, 70],
      [54, 79],
      [32, 74],
      [20, 62],
      [0, 58],
    ]),
  },
  {
    z: caudal,
    points: symmetric([
      [0, -84],
      [34, -86],
      [68, -80],
      [98, -58],
      [117, -20],
      [120, 18],
      [108, 52],
      [84, 74],
      [55, 82],
      [32, 76],
      [20, 63],
      [0, 58],
    ]),
  },
];

/** A muscle of the left side; `upTo` is where it ends towards the feet. */
interface Muscle {
  readonly contour: Contour;
}

function muscle(upper: readonly Point[], lower?: readonly Point[], upTo = caudal): Muscle {
  const [cx, cy] = upper.reduce<Point>(([sx, sy], [x, y]) => [sx + x, sy + y], [0, 0]);
  const n = upper.length;
  // Where a muscle ends it shrinks to its middle.
  const end =
    lower ?? upper.map(([x, y]): Point => [cx / n + (x - cx / n) * 0.02, cy / n + (y - cy / n) * 0.02]);
  return {
    contour: [
      { z: cranial, points: upper },
      { z: upTo, points: end },
    ],
  };
}

const muscles: readonly Muscle[] = [
  // Pectoralis major and minor.
  muscle(
    [
      [13, -95],
      [40, -99],
      [76, -98],
      [108, -85],
      [127, -62],
      [121, -58],
      [102, -74],
      [70, -87],
      [38, -92],
      [13, -90],
    ],
    [
      [15, -95],
      [40, -99],
      [72, -97],
      [98, -84],
      [112, -68],
      [108, -64],
      [90, -78],
      [64, -89],
      [38, -94],
      [15, -92],
    ],
  ),
  muscle(
    [
      [66, -84],
      [90, -75],
      [108, -58],
      [112, -44],
      [106, -44],
      [92, -60],
      [70, -76],
    ],
    undefined,
    52,
  ),
  // Serratus anterior.
  muscle(
    [
      [112, -36],
      [123, -10],
      [127, 18],
      [120, 44],
      [108, 62],
      [105, 59],
      [114, 42],
      [119, 17],
      [116, -9],
      [108, -34],
    ],
    [
      [120, -42],
      [133, -12],
      [137, 20],
      [129, 48],
      [116, 64],
      [112, 61],
      [122, 46],
      [129, 18],
      [126, -10],
      [115, -39],
    ],
  ),
  // Latissimus dorsi and teres.
  muscle(
    [
      [136, 4],
      [149, 18],
      [151, 42],
      [138, 66],
      [122, 78],
      [116, 72],
      [128, 58],
      [136, 40],
      [137, 24],
      [131, 8],
    ],
    [
      [139, 8],
      [147, 22],
      [146, 46],
      [130, 70],
      [102, 88],
      [98, 84],
      [122, 66],
      [136, 44],
      [140, 26],
      [136, 12],
    ],
  ),
  // Subscapularis and infraspinatus, in front of and behind the shoulder blade.
  muscle(
    [
      [60, 88],
      [84, 82],
      [104, 68],
      [120, 48],
      [125, 52],
      [114, 70],
      [92, 87],
      [64, 93],
    ],
    undefined,
    66,
  ),
  muscle(
    [
      [66, 100],
      [92, 94],
      [114, 78],
      [130, 55],
      [138, 60],
      [124, 84],
      [98, 101],
      [70, 105],
    ],
    undefined,
    66,
  ),
  // Trapezius and rhomboids.
  muscle(
    [
      [5, 96],
      [30, 99],
      [62, 101],
      [64, 106],
      [34, 105],
      [6, 102],
    ],
    [
      [5, 97],
      [26, 100],
      [54, 103],
      [56, 106],
      [28, 104.5],
      [6, 101],
    ],
  ),
  // Erector spinae.
  muscle(
    [
      [8, 74],
      [22, 72],
      [38, 82],
      [48, 90],
      [40, 97],
      [22, 97],
      [9, 94],
      [5, 84],
    ],
    [
      [8, 74],
      [22, 72],
      [40, 83],
      [51, 92],
      [42, 99],
      [22, 98],
      [9, 95],
      [5, 84],
    ],
  ),
];

export interface ChestWall {
  paint(canvas: Canvas, textures: WallTextures): void;
  /** Inner outline of the thoracic cage at height z. */
  cageAt(z: number): Polygon;
}

export interface WallTextures {
  readonly coarse: Texture;
  readonly fine: Texture;
}

const skinHu = 20;
const fatHu = -105;
const muscleHu = 62;

function fatShade({ coarse, fine }: WallTextures, z: number): Shade {
  return (x, y) => {
    // Connective tissue: thin bright strands where a smooth field crosses zero.
    const strand = Math.abs(coarse.at(x * 0.11 + 7, y * 0.16, z * 0.12));
    const septum = strand < 0.05 ? (0.05 - strand) * 1500 : 0;
    return fatHu + 7 * fine.at(x * 0.3, y * 0.3, z * 0.3) + septum;
  };
}

function muscleShade({ coarse, fine }: WallTextures, z: number): Shade {
  return (x, y) => {
    // Fat between the bundles.
    const cleft = Math.abs(coarse.at(x * 0.17, y * 0.21, z * 0.06));
    return muscleHu + 8 * fine.at(x * 0.4, y * 0.4, z * 0.25) - (cleft < 0.05 ? (0.05 - cleft) * 1700 : 0);
  };
}

export function chestWall(random: SeededRandom, ripple: Texture): ChestWall {
  const body = jittered(skin, random, 1.4);
  const ribCage = jittered(cage, random, 1.5);
  const sides = muscles.flatMap(({ contour }) => [
    jittered(contour, random, 0.9),
    jittered(mirrored(contour), random, 0.9),
  ]);
  const shape = (contour: Contour, z: number): Polygon => rippled(polygonAt(contour, z), ripple, z);
  return {
    cageAt: (z) => shape(ribCage, z),
    paint(canvas, textures) {
      const { z } = canvas;
      paintCouch(canvas);
      const outline = shape(body, z);
      const flesh = muscleShade(textures, z);
      canvas.fill(outline, skinHu);
      canvas.fill(inset(outline, 1.8), fatShade(textures, z));
      for (const side of sides) canvas.fill(shape(side, z), flesh);
      paintIntercostal(canvas, shape(ribCage, z), flesh);
    },
  };
}

/** The band of muscle in which the ribs lie. */
function paintIntercostal(canvas: Canvas, inner: Polygon, flesh: Shade): void {
  const outer = inset(inner, -9.5);
  canvas.fill(outer, flesh);
  canvas.fill(inset(inner, -1.2), -60);
}

const couchTopMm = 113;
const couchThicknessMm = 20;

/** A hollow carbon couch under the back: two thin shells with foam between. */
function paintCouch(canvas: Canvas): void {
  for (let row = 0; row < imageSize; row++) {
    const y = millimetresOf(row);
    if (y < couchTopMm - 32) continue;
    for (let column = 0; column < imageSize; column++) {
      const x = millimetresOf(column);
      // The top is a shallow trough, the bottom a flat arc.
      const top = couchTopMm - (x * x) / 2400;
      const bottom = couchTopMm + couchThicknessMm - (x * x) / 1000;
      if (Math.abs(x) > 176 || y < top - 1 || y > bottom + 1) continue;
      const wall = Math.min(Math.abs(y - top), Math.abs(y - bottom));
      const cover = Math.min(1, Math.max(0, 1.3 - wall));
      canvas.hu[row * imageSize + column] = -965 + cover * 700;
    }
  }
}
