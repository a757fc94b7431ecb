/** Lungs: aerated tissue, fissures, and trees of arteries, veins and airways grown from each hilum; and one nodule. */
import type { Canvas, Capsule } from "./canvas.ts";
import { contains, inset, type Polygon } from "./contour.ts";
import { hila } from "./mediastinum.ts";
import type { SeededRandom, Texture } from "./random.ts";

/** A nodule in the right lung, millimetres. */
export interface NodulePlace {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly radius: number;
}

export const nodulePlace: NodulePlace = { x: -76, y: 20, z: 34, radius: 4.5 };

/** Outlines of one height, wherever it is. */
export interface LungBounds {
  cageAt(z: number): Polygon;
  mediastinumAt(z: number): Polygon;
}

interface Node {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly parent: number;
  /** Millimetres from the hilum along the tree. */
  readonly path: number;
}

export interface Branch extends Capsule {
  readonly airway: boolean;
}

const twigsPerTree = 1500;
const twigRadiusMm = 0.47;
const reachAboveMm = -45;
const reachBelowMm = 120;

/** Random points of one lung, more towards its surface, away from walls and from the nodule. */
function territory(
  random: SeededRandom,
  bounds: LungBounds,
  side: 1 | -1,
  count: number,
): readonly (readonly number[])[] {
  const levels = Array.from({ length: 24 }, (_, i) => {
    const z = reachAboveMm + (i / 23) * (reachBelowMm - reachAboveMm);
    return { cage: inset(bounds.cageAt(z), 3.5), heart: inset(bounds.mediastinumAt(z), -2.5) };
  });
  const out: (readonly number[])[] = [];
  while (out.length < count) {
    const [x, y, z] = [
      side * random.between(14, 122),
      random.between(-86, 84),
      random.between(reachAboveMm, reachBelowMm),
    ];
    const level = levels[Math.round(((z - reachAboveMm) / (reachBelowMm - reachAboveMm)) * 23)]!;
    if (!contains(level.cage, x, y) || contains(level.heart, x, y)) continue;
    const { x: nx, y: ny, z: nz, radius } = nodulePlace;
    if (Math.hypot(x - nx, y - ny, z - nz) < radius + 4) continue;
    out.push([x, y, z]);
  }
  return out;
}

/** Joins each point, nearest first, to the node that keeps both the new twig and the way home short. */
function growTree(root: readonly number[], points: readonly (readonly number[])[]): readonly Node[] {
  const [rx, ry, rz] = [root[0]!, root[1]!, root[2]!];
  const nodes: Node[] = [{ x: rx, y: ry, z: rz, parent: -1, path: 0 }];
  const order = [...points].sort(
    (a, b) => Math.hypot(a[0]! - rx, a[1]! - ry, a[2]! - rz) - Math.hypot(b[0]! - rx, b[1]! - ry, b[2]! - rz),
  );
  for (const point of order) {
    const [x, y, z] = [point[0]!, point[1]!, point[2]!];
    let best = Number.POSITIVE_INFINITY;
    let parent = 0;
    let length = 0;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i]!;
      const d = Math.sqrt((x - node.x) ** 2 + (y - node.y) ** 2 + (z - node.z) ** 2);
      const cost = d + 0.62 * node.path;
      if (cost < best) [best, parent, length] = [cost, i, d];
    }
    nodes.push({ x, y, z, parent, path: nodes[parent]!.path + length });
  }
  return nodes;
}

/** Murray's law: the cube of a branch's radius is the sum of its twigs' cubes. */
function radii(nodes: readonly Node[]): Float64Array {
  const cubes = new Float64Array(nodes.length);
  for (let i = nodes.length - 1; i > 0; i--) {
    cubes[i] = Math.max(cubes[i]!, twigRadiusMm ** 3);
    cubes[nodes[i]!.parent]! += cubes[i]!;
  }
  return cubes.map((cube) => Math.min(6.5, Math.cbrt(cube)));
}

const airwayFromRadiusMm = 1.25;

function branches(random: SeededRandom, nodes: readonly Node[], withAirways: boolean): Branch[] {
  const radius = radii(nodes);
  const out: Branch[] = [];
  nodes.forEach((node, i) => {
    const from = nodes[node.parent];
    if (!from) return;
    const r1 = radius[i]!;
    const r0 = Math.min(radius[node.parent]!, r1 * 1.5);
    const bend = 0.09 * Math.hypot(node.x - from.x, node.y - from.y, node.z - from.z);
    const middle = {
      x: (node.x + from.x) / 2 + random.between(-bend, bend),
      y: (node.y + from.y) / 2 + random.between(-bend, bend),
      z: (node.z + from.z) / 2 + random.between(-bend, bend),
    };
    const halves = [
      { a: from, b: middle, ra: r0, rb: (r0 + r1) / 2 },
      { a: middle, b: node, ra: (r0 + r1) / 2, rb: r1 },
    ];
    for (const { a, b, ra, rb } of halves) {
      out.push({ x0: a.x, y0: a.y, z0: a.z, r0: ra, x1: b.x, y1: b.y, z1: b.z, r1: rb, airway: false });
      // An airway runs beside its artery, on the side of the midline and the back.
      if (withAirways && rb > airwayFromRadiusMm) {
        const aside = ra * 1.05 + rb + 0.4;
        const dx = a.x > 0 ? -0.6 * aside : 0.6 * aside;
        const dy = 0.8 * aside;
        out.push({
          x0: a.x + dx,
          y0: a.y + dy,
          z0: a.z,
          r0: ra,
          x1: b.x + dx,
          y1: b.y + dy,
          z1: b.z,
          r1: rb,
          airway: true,
        });
      }
    }
  });
  return out;
}

export interface Lungs {
  paint(canvas: Canvas, cage: Polygon): void;
  /** After the mediastinum, so that its border does not cut the roots of the vessels. */
  paintNodule(canvas: Canvas): void;
}

interface LungTextures {
  readonly coarse: Texture;
  readonly fine: Texture;
}

export function lungs(random: SeededRandom, bounds: LungBounds, textures: LungTextures): Lungs {
  const vessels: Branch[] = [];
  for (const side of [-1, 1] as const) {
    const hilum = side < 0 ? hila.right : hila.left;
    const arteries = growTree(hilum, territory(random, bounds, side, twigsPerTree));
    vessels.push(...branches(random, arteries, true));
    const veinRoot = [hilum[0], hilum[1] - 10, hilum[2] + 14];
    vessels.push(
      ...branches(random, growTree(veinRoot, territory(random, bounds, side, twigsPerTree / 2)), false),
    );
  }
  return {
    paint(canvas, cage) {
      canvas.fill(inset(cage, 0.4), tissue(textures, canvas.z));
      for (const branch of vessels) {
        if (branch.airway) canvas.capsule({ ...branch, r0: branch.r0 + 0.7, r1: branch.r1 + 0.7 }, -180);
        else canvas.capsule(branch, 120, 0.75);
      }
      for (const branch of vessels) if (branch.airway) canvas.capsule(branch, -975);
    },
    paintNodule(canvas) {
      const { x, y, z, radius } = nodulePlace;
      // Slightly lobed: three overlapping balls.
      canvas.ellipsoid({ x, y, z, a: radius, b: radius * 0.88, c: radius, angle: 0.6 }, 42, 0.9);
      canvas.ellipsoid({ x: x - 1.6, y: y - 1.5, z, a: 2.9, b: 2.6, c: 3.2, angle: 0 }, 46, 0.9);
      canvas.ellipsoid({ x: x + 1.8, y: y + 1.3, z, a: 2.8, b: 2.5, c: 3, angle: 0 }, 40, 0.9);
    },
  };
}

/** Aerated tissue: denser towards the back, where the blood sinks to, and mottled; the oblique fissures are faint lines. */
function tissue({ coarse, fine }: LungTextures, z: number): (x: number, y: number) => number {
  return (x, y) => {
    const mottled = 16 * coarse.at(x * 0.09, y * 0.09, z * 0.09) + 24 * fine.at(x * 0.45, y * 0.45, z * 0.4);
    const lobe = x < 0 ? 4 : -2;
    const fissure = y - (lobe + 38 - z * 0.95 + Math.abs(x) * 0.22 - ((Math.abs(x) - 70) / 40) ** 2 * 9);
    const line = Math.abs(fissure) < 1.5 ? 95 * (1 - Math.abs(fissure) / 1.5) : 0;
    return -868 + (y + 80) * 0.28 + mottled + line;
  };
}
