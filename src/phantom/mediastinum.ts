/** Heart, great vessels, windpipe and gullet, with contrast medium in the blood. */
import type { Canvas, Capsule, Ellipsoid } from "./canvas.ts";
import { caudal, cranial } from "./chest-wall.ts";
import { type Contour, jittered, type Polygon, polygonAt, rippled } from "./contour.ts";
import type { SeededRandom, Texture } from "./random.ts";

const outline: Contour = [
  {
    z: cranial,
    points: [
      [2, -87],
      [12, -74],
      [22, -52],
      [30, -28],
      [38, -2],
      [40, 22],
      [37, 40],
      [25, 52],
      [0, 62],
      [-19, 52],
      [-21, 36],
      [-17, 14],
      [-26, -4],
      [-40, -20],
      [-33, -46],
      [-11, -74],
    ],
  },
  {
    z: 32,
    points: [
      [3, -87],
      [15, -75],
      [31, -58],
      [41, -38],
      [45, -14],
      [41, 10],
      [40, 36],
      [27, 52],
      [0, 62],
      [-19, 52],
      [-21, 36],
      [-24, 16],
      [-44, 2],
      [-45, -22],
      [-36, -48],
      [-12, -74],
    ],
  },
  {
    z: 52,
    points: [
      [3, -87],
      [22, -79],
      [50, -68],
      [64, -48],
      [62, -20],
      [46, 10],
      [40, 36],
      [27, 52],
      [0, 62],
      [-19, 52],
      [-21, 36],
      [-26, 16],
      [-46, 0],
      [-52, -24],
      [-40, -54],
      [-15, -77],
    ],
  },
  {
    z: caudal,
    points: [
      [4, -87],
      [32, -81],
      [66, -70],
      [87, -46],
      [82, -18],
      [56, 6],
      [40, 34],
      [27, 52],
      [0, 62],
      [-19, 52],
      [-21, 36],
      [-27, 16],
      [-48, -2],
      [-57, -28],
      [-45, -58],
      [-18, -79],
    ],
  },
];

type Stop = readonly [x: number, y: number, z: number, radius: number];

/** A tube through stops. */
function tube(stops: readonly Stop[]): readonly Capsule[] {
  return stops.slice(1).map(([x1, y1, z1, r1], i): Capsule => {
    const [x0, y0, z0, r0] = stops[i]!;
    return { x0, y0, z0, r0, x1, y1, z1, r1 };
  });
}

const arterialHu = 205;
const venousHu = 165;
const muscleOfHeartHu = 112;

interface Part {
  readonly tubes: readonly Capsule[];
  readonly hu: number;
}

const aorta = tube([
  [-16, -32, 44, 15],
  [-17, -35, 22, 15.5],
  [-14, -34, 6, 15],
  [-6, -24, -8, 14],
  [10, -6, -14, 13.5],
  [20, 14, -8, 13],
  [25, 27, 4, 12.5],
  [26, 31, 30, 12],
  [24, 36, 60, 11.5],
  [20, 40, 95, 11],
]);
const pulmonaryTrunk = tube([
  [16, -50, 54, 14],
  [17, -42, 40, 14.5],
  [20, -28, 29, 13.5],
  [30, -10, 25, 11.5],
  [42, 4, 28, 9],
]);
const rightPulmonaryArtery = tube([
  [18, -30, 32, 12],
  [2, -16, 33, 10],
  [-20, -10, 34, 9.5],
  [-40, -6, 36, 8.5],
  [-50, 2, 42, 6.5],
]);
const superiorVenaCava = tube([
  [-32, -24, -20, 8.5],
  [-35, -22, 20, 9],
  [-34, -20, 46, 9.5],
  [-32, -20, 58, 11],
]);
const leftBrachiocephalic = tube([
  [30, -60, -22, 5.5],
  [0, -50, -10, 6],
  [-26, -34, -4, 6.5],
]);
const azygos = tube([
  [-34, -14, 8, 3.6],
  [-26, 10, 4, 3.6],
  [-10, 26, 12, 3.6],
  [-8, 26, 100, 3.6],
]);
const pulmonaryVeins = tube([
  [46, -6, 44, 6.5],
  [30, -4, 50, 8],
  [12, -2, 54, 8],
])
  .concat(
    tube([
      [-50, -6, 46, 6],
      [-30, -4, 50, 8],
      [-10, -2, 54, 8],
    ]),
  )
  .concat(
    tube([
      [50, 18, 68, 6],
      [28, 8, 62, 8],
      [8, 2, 58, 8],
    ]),
  )
  .concat(
    tube([
      [-52, 14, 66, 6],
      [-26, 8, 62, 8],
      [-8, 2, 58, 8],
    ]),
  );

const windpipe: readonly Capsule[] = [
  ...tube([
    [-3, 6, -30, 8.6],
    [-2, 9, 10, 8.8],
    [0, 12, 21, 9.4],
  ]),
  ...tube([
    [-2, 12, 21, 7.4],
    [-18, 13, 32, 6.6],
    [-34, 13, 40, 5.6],
    [-46, 15, 50, 4],
  ]),
  ...tube([
    [2, 12, 21, 7],
    [18, 13, 34, 5.8],
    [34, 14, 43, 5.2],
    [46, 18, 54, 3.8],
  ]),
];
const gullet = tube([
  [7, 21, -30, 6],
  [8, 22, 20, 6],
  [7, 25, 50, 6.2],
  [8, 26, 100, 6.5],
]);

const wall: readonly Part[] = [
  { tubes: gullet, hu: 52 },
  { tubes: azygos, hu: venousHu - 25 },
  { tubes: leftBrachiocephalic, hu: venousHu + 40 },
  { tubes: superiorVenaCava, hu: venousHu + 60 },
  { tubes: rightPulmonaryArtery, hu: arterialHu + 25 },
  { tubes: aorta, hu: arterialHu },
];

const lymphNodes: readonly Ellipsoid[] = [
  { x: -22, y: 2, z: 14, a: 5, b: 3.4, c: 6, angle: 0.5 },
  { x: 10, y: 0, z: 18, a: 4.5, b: 3, c: 5, angle: -0.4 },
  { x: 4, y: 17, z: 36, a: 6, b: 3.2, c: 7, angle: 0.1 },
  { x: 32, y: -40, z: 10, a: 3.4, b: 2.4, c: 5, angle: 0.9 },
];

const leftAtrium: Ellipsoid = { x: 3, y: -2, z: 62, a: 31, b: 17, c: 21, angle: 0.05 };
const rightAtrium: Ellipsoid = { x: -34, y: -27, z: 72, a: 19, b: 25, c: 27, angle: 0.1 };
const leftVentricleWall: Ellipsoid = { x: 46, y: -31, z: 84, a: 44, b: 29, c: 34, angle: -0.62 };
const leftVentricle: Ellipsoid = { x: 44, y: -29, z: 84, a: 36, b: 18.5, c: 26, angle: -0.62 };
const rightVentricleWall: Ellipsoid = { x: 10, y: -54, z: 76, a: 38, b: 23, c: 32, angle: -0.28 };
const rightVentricle: Ellipsoid = { x: 10, y: -53, z: 76, a: 34, b: 19, c: 29, angle: -0.28 };
const papillary: readonly Ellipsoid[] = [
  { x: 58, y: -28, z: 82, a: 6, b: 4, c: 22, angle: -0.4 },
  { x: 46, y: -44, z: 84, a: 5, b: 3.6, c: 22, angle: -0.9 },
];

/** Where the lungs' vessels begin: x, y, z of each hilum. */
export const hila: Readonly<Record<"right" | "left", readonly [number, number, number]>> = {
  right: [-44, 4, 36],
  left: [44, 6, 34],
};

export interface Mediastinum {
  outlineAt(z: number): Polygon;
  paint(canvas: Canvas): void;
}

export function mediastinum(random: SeededRandom, texture: Texture): Mediastinum {
  const border = jittered(outline, random, 1.2);
  const outlineAt = (z: number): Polygon => rippled(polygonAt(border, z), texture, z);
  return {
    outlineAt,
    paint(canvas) {
      const { z } = canvas;
      canvas.fill(outlineAt(z), (x, y) => {
        const strand = Math.abs(texture.at(x * 0.15, y * 0.15, z * 0.1));
        return (
          -92 + 12 * texture.at(x * 0.35, y * 0.35, z * 0.3) + (strand < 0.05 ? (0.05 - strand) * 900 : 0)
        );
      });
      for (const node of lymphNodes) canvas.ellipsoid(node, 48);
      paintHeart(canvas);
      for (const { tubes, hu } of wall) for (const part of tubes) canvas.capsule(part, hu, 0.9);
      for (const part of windpipe) canvas.capsule({ ...part, r0: part.r0 + 1.3, r1: part.r1 + 1.3 }, 20);
      for (const part of windpipe) canvas.capsule(part, -985);
      canvas.ellipsoid({ x: 7, y: 22.5, z: 14, a: 1.8, b: 1.2, c: 9, angle: 0 }, -700);
    },
  };
}

function paintHeart(canvas: Canvas): void {
  canvas.ellipsoid(rightVentricleWall, muscleOfHeartHu - 10, 1);
  canvas.ellipsoid(leftVentricleWall, muscleOfHeartHu, 1);
  canvas.ellipsoid(rightAtrium, venousHu + 15, 1.2);
  for (const part of pulmonaryTrunk) canvas.capsule(part, arterialHu + 20, 0.9);
  canvas.ellipsoid(rightVentricle, venousHu + 30, 1.2);
  canvas.ellipsoid(leftAtrium, arterialHu - 5, 1.1);
  for (const part of pulmonaryVeins) canvas.capsule(part, arterialHu - 5, 0.9);
  canvas.ellipsoid(leftVentricle, arterialHu, 1.4);
  for (const muscle of papillary) canvas.ellipsoid(muscle, muscleOfHeartHu + 15, 1.2);
}
