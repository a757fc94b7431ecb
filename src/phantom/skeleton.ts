/** Ribs, sternum, shoulder blades and spine. */
import type { Canvas, Shade } from "./canvas.ts";
import {
  type Contour,
  inset,
  mirrored,
  type Point,
  PolarRadius,
  type Polygon,
  polygonAt,
  rippled,
  symmetric,
} from "./contour.ts";
import type { SeededRandom, Texture } from "./random.ts";

const corticalHu = 720;
const marrowHu = 190;

const vertebraPitchMm = 25;
const discMm = 5;

function marrow(texture: Texture, z: number, mean: number = marrowHu): Shade {
  return (x, y) =>
    mean + 75 * texture.at(x * 0.75, y * 0.75, z * 0.6) + 25 * texture.at(x * 0.2, y * 0.2, z * 0.2);
}

/** A bone with a hard rim. */
function bone(
  canvas: Canvas,
  outline: Polygon,
  rimMm: number,
  inside: Shade,
  rim: number = corticalHu,
): void {
  canvas.fill(outline, rim);
  canvas.fill(inset(outline, rimMm), inside);
}

function fixed(points: readonly Point[]): Contour {
  return [{ z: 0, points }];
}

const vertebralBody = fixed(
  symmetric([
    [0, 27],
    [9, 28],
    [16, 34],
    [17, 43],
    [14, 51],
    [7, 53.5],
    [0, 52.5],
  ]),
);
const canal = fixed(
  symmetric([
    [0, 54],
    [7, 55.5],
    [9, 62],
    [5, 69],
    [0, 71],
  ]),
);
/** Pedicles, laminae and the root of the spinous process, around the canal. */
const arch = fixed(
  symmetric([
    [0, 50],
    [11, 50],
    [13, 57],
    [13, 66],
    [7, 74],
    [3.5, 80],
    [0, 82],
  ]),
);
const transverse: Contour = fixed([
  [10, 60],
  [20, 62],
  [31, 68],
  [36, 74],
  [32, 78],
  [24, 73],
  [14, 69],
  [9, 66],
]);
const spinous = fixed(
  symmetric([
    [0, 74],
    [3.2, 78],
    [2.8, 88],
    [3.6, 95],
    [0, 97.5],
  ]),
);
const sternum: Contour = [
  {
    z: 0,
    points: symmetric([
      [0, -86.5],
      [13, -87],
      [21, -90],
      [20, -94.5],
      [10, -96.5],
      [0, -96],
    ]),
  },
  {
    z: 60,
    points: symmetric([
      [0, -86.5],
      [10, -87],
      [16, -90.5],
      [14.5, -95],
      [8, -97],
      [0, -96.5],
    ]),
  },
];
const scapula: Contour = [
  {
    z: 0,
    points: [
      [60, 93.5],
      [86, 88.5],
      [107, 75],
      [123, 52],
      [129, 50],
      [131, 56],
      [114, 78],
      [92, 92.5],
      [63, 98],
    ],
  },
  {
    z: 62,
    points: [
      [84, 91],
      [90, 89],
      [96, 86],
      [101, 82],
      [103, 82],
      [103, 84],
      [98, 88],
      [92, 91.5],
      [86, 93],
    ],
  },
];

export interface Skeleton {
  /** Before the lungs: what lies in the chest wall. */
  paintWall(canvas: Canvas, cage: Polygon): void;
  paintSpine(canvas: Canvas): void;
}

export function skeleton(random: SeededRandom, texture: Texture, ripple: Texture): Skeleton {
  const shape = (contour: Contour, z: number): Polygon => rippled(polygonAt(contour, z), ripple, z);
  const ribPhase: readonly [number, number] = [random.between(-3, 3), random.between(-3, 3)];
  const vertebraPhase = random.between(-2, 2);
  const sidesOf = (contour: Contour): readonly Contour[] => [contour, mirrored(contour)];
  return {
    paintWall(canvas, cage) {
      const inside = marrow(texture, canvas.z);
      paintRibs(canvas, cage, ribPhase, texture);
      bone(canvas, shape(sternum, canvas.z), 1.5, marrow(texture, canvas.z, 120), 480);
      if (canvas.z < 62) {
        for (const side of sidesOf(scapula)) bone(canvas, shape(side, canvas.z), 1.5, inside);
      }
    },
    paintSpine(canvas) {
      const phase = (((canvas.z + vertebraPhase + 8) % vertebraPitchMm) + vertebraPitchMm) % vertebraPitchMm;
      paintVertebra(canvas, phase, texture);
    },
  };
}

/** `phase` is millimetres below the top of the disc. */
function paintVertebra(canvas: Canvas, phase: number, texture: Texture): void {
  const inside = marrow(texture, canvas.z);
  const outline = polygonAt(vertebralBody, 0);
  const fromPlate = Math.min(Math.abs(phase - discMm), Math.abs(vertebraPitchMm - phase));
  const middle = (phase - discMm) / (vertebraPitchMm - discMm);
  if (middle > 0.3 && middle < 0.72)
    for (const side of [transverse, mirrored(transverse)]) {
      bone(canvas, polygonAt(side, 0), 1.6, inside);
    }
  const ring = polygonAt(arch, 0);
  if (middle > 0.12 && middle < 0.8) bone(canvas, ring, 2, inside, 640);
  else
    bone(
      canvas,
      polygonAt(
        fixed(
          symmetric([
            [0, 68],
            [9, 63],
            [14, 64],
            [13, 71],
            [7, 77],
            [0, 80],
          ]),
        ),
        0,
      ),
      2,
      inside,
    );
  if (middle > 0.35 || middle < 0.1) bone(canvas, polygonAt(spinous, 0), 1.4, inside, 560);
  if (phase < discMm) canvas.fill(inset(outline, -0.6), 92);
  else {
    // The end plates are hard and cut obliquely: brighter near the disc.
    const plate = Math.max(0, 1 - fromPlate / 3);
    bone(
      canvas,
      inset(outline, 1.6 * Math.sin(Math.PI * middle)),
      1.1,
      marrow(texture, canvas.z, marrowHu + 260 * plate),
      520,
    );
  }
  canvas.fill(polygonAt(canal, 0), -20);
  canvas.ellipsoid({ x: 0, y: 62, z: canvas.z, a: 7, b: 6, c: 1, angle: 0 }, 16);
  canvas.ellipsoid({ x: 0, y: 61.5, z: canvas.z, a: 4.2, b: 3.4, c: 1, angle: 0 }, 42);
}

const ribHalfHeightMm = 6;
const ribHalfWidthMm = 3.9;
/** How far a rib descends on its way to the front. */
const ribDropMm = 92;
const ribStart = 0.36;
const ribEnd = 2.86;
const cartilageFrom = 2.42;

/** Height of rib 0 at `angle` from the back (0) to the front (pi), relative to where it leaves the spine. */
function ribHeight(angle: number): number {
  const t = (angle - ribStart) / (cartilageFrom - ribStart);
  if (t < 1) return ribDropMm * t * (1.25 - 0.25 * t);
  return ribDropMm - (t - 1) * 60;
}

function paintRibs(canvas: Canvas, cage: Polygon, phases: readonly [number, number], texture: Texture): void {
  const radius = new PolarRadius(cage);
  canvas.each(-140, -108, 140, 100, (index, x, y) => {
    const distance = Math.sqrt(x * x + y * y);
    if (distance < 50) return;
    const direction = Math.atan2(y, x);
    const across = distance - radius.at(direction) - 5.2;
    if (across < -ribHalfWidthMm - 1 || across > ribHalfWidthMm + 1) return;
    // From the spine around to the sternum, on either side.
    const angle = Math.abs(Math.atan2(x, y));
    if (angle < ribStart || angle > ribEnd) return;
    const side = x > 0 ? phases[0] : phases[1];
    const height = canvas.z - ribHeight(angle) - side;
    const along = height - Math.round(height / vertebraPitchMm) * vertebraPitchMm;
    const e = Math.sqrt((along / ribHalfHeightMm) ** 2 + (across / ribHalfWidthMm) ** 2);
    const cover = 0.5 + (1 - e) * 3.2;
    if (cover <= 0) return;
    if (angle > cartilageFrom)
      canvas.blend(index, 105 + 20 * texture.at(x * 0.3, y * 0.3, canvas.z * 0.3), cover);
    else {
      const rim = Math.min(1, Math.max(0, (e - 0.5) * 5));
      const spongy = marrowHu + 60 + 60 * texture.at(x * 0.7, y * 0.7, canvas.z * 0.5);
      canvas.blend(index, spongy + (corticalHu - spongy) * rim, cover);
    }
  });
}
