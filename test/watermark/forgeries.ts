/** Forgeries of marked frames by who knows the scheme, all marked frames there are, and no key. Each is what the attacker hands in for `victim`. */
import { putCarriedBytes, takeCarriedBytes } from "../../src/invisible-watermark/carriers.ts";
import type { PlanarFrame, Rectangle } from "../../src/invisible-watermark/frame.ts";
import { type Layout, layoutOf } from "../../src/invisible-watermark/layout.ts";
import {
  bytesToBeSigned,
  completePayload,
  contextOf,
  parsePayload,
  putSignature,
} from "../../src/invisible-watermark/payload.ts";
import { decodeShares, encodeShares } from "../../src/invisible-watermark/shares.ts";
import { digestTiles, digestTree, tagTiles } from "../../src/invisible-watermark/tile-digests.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import type { SeededRandom } from "../evaluation/seeded-random.ts";
import { attacker, type Scene, type SealedFrame } from "./scene.ts";

export interface Forgery {
  readonly victim: SealedFrame;
  readonly frame: PlanarFrame;
}

export type Attack = (scene: Scene, random: SeededRandom) => Forgery;

const layoutFor = ({ width, height, colour }: PlanarFrame): Layout => layoutOf(width, height, colour)!;

function copyOf(frame: PlanarFrame): PlanarFrame {
  return { ...frame, planes: frame.planes.map((plane) => plane.slice()) };
}

function paste(from: PlanarFrame, to: PlanarFrame, { x0, y0, x1, y1 }: Rectangle): void {
  for (const [c, plane] of to.planes.entries()) {
    for (let y = y0; y < y1; y++) {
      const [start, end] = [y * to.width + x0, y * to.width + x1];
      plane.set(from.planes[c]!.subarray(start, end), start);
    }
  }
}

/** What the victim's carriers hold is put back: tags, shares or both. */
function keepCarried(frame: PlanarFrame, victim: PlanarFrame, kept: "shares" | "all"): void {
  const layout = layoutFor(frame);
  const samples = frame.planes[layout.carrierPlane]!;
  const carried = takeCarriedBytes(samples, layout);
  const before = takeCarriedBytes(victim.planes[layout.carrierPlane]!.slice(), layout);
  putCarriedBytes(samples, kept === "all" ? before : { ...carried, shares: before.shares }, layout);
}

function collage(places: "tiles" | "superblocks", keepsPayload: boolean): Attack {
  return ({ victim, slices, patients, devices }, random) => {
    const frame = copyOf(victim.frame);
    const sources = [victim, ...slices, ...patients, ...devices];
    // The first stays: where nothing does, the site's key cannot tell this frame from another site's.
    for (const place of layoutFor(frame)[places].slice(1)) {
      paste(sources[random.below(sources.length)]!.frame, frame, place);
    }
    if (keepsPayload) keepCarried(frame, victim.frame, "shares");
    return { victim, frame };
  };
}

/** Somewhere, a twelfth to a fifth of each side. */
function regionOf({ width, height }: PlanarFrame, random: SeededRandom): Rectangle {
  const side = (length: number): number => Math.ceil(length * (0.08 + 0.12 * random.next()));
  const [w, h] = [side(width), side(height)];
  const [x0, y0] = [random.below(width - w), random.below(height - h)];
  return { x0, y0, x1: x0 + w, y1: y0 + h };
}

function transplant(from: "slices" | "patients" | "devices", kept?: "shares" | "all"): Attack {
  return (scene, random) => {
    const { victim } = scene;
    const frame = copyOf(victim.frame);
    const donors = scene[from];
    paste(donors[random.below(donors.length)]!.frame, frame, regionOf(frame, random));
    if (kept) keepCarried(frame, victim.frame, kept);
    return { victim, frame };
  };
}

/** Tiles with their tags to another place of the same frame. */
const tilesMoved: Attack = ({ victim }, random) => {
  const frame = copyOf(victim.frame);
  const { tiles, tilesAcross } = layoutFor(frame);
  // A whole tile to the right is one of the same size, but for the last one.
  for (let n = 0; n < 4; n++) {
    const index = random.below(tiles.length);
    const to = (index % tilesAcross) + 1 < tilesAcross - 1 ? index + 1 : index - (index % tilesAcross);
    const [source, target] = [tiles[index]!, tiles[to]!];
    for (const [c, plane] of frame.planes.entries()) {
      for (let y = 0; y < Math.min(source.y1 - source.y0, target.y1 - target.y0); y++) {
        const start = (source.y0 + y) * frame.width + source.x0;
        const row = victim.frame.planes[c]!.subarray(start, start + Math.min(16, source.x1 - source.x0));
        plane.set(row, (target.y0 + y) * frame.width + target.x0);
      }
    }
  }
  return { victim, frame };
};

/** A soft disc, brighter or darker: what a lesion is. Within the range. */
function paintLesion(frame: PlanarFrame, random: SeededRandom): void {
  const radius = Math.max(3, Math.floor(Math.min(frame.width, frame.height) / 20));
  const middle = (length: number): number => radius + random.below(length - 2 * radius);
  const [cx, cy] = [middle(frame.width), middle(frame.height)];
  const [top, height] = [2 ** frame.bits - 1, 2 ** frame.bits / 16];
  for (const plane of frame.planes) {
    for (let y = cy - radius; y < cy + radius; y++) {
      for (let x = cx - radius; x < cx + radius; x++) {
        const weight = 1 - ((x - cx) ** 2 + (y - cy) ** 2) / radius ** 2;
        if (weight <= 0) continue;
        const at = y * frame.width + x;
        const step = Math.max(1, Math.round(height * weight));
        plane[at]! += plane[at]! + step <= top ? step : -step;
      }
    }
  }
}

interface Retagging {
  /** Superblock table and root are made anew as well. */
  readonly forgesPayload?: boolean;
  /** "The tags have no key", which the context does not hold. */
  readonly clearsFlag?: boolean;
  /** Signed by the attacker, under this key id; else the old signature stays. */
  readonly signsAs?: "victim" | "attacker";
  readonly edit?: (frame: PlanarFrame, random: SeededRandom) => void;
}

/** Makes tags, and the payload, as far as that is possible without keys. */
function retag(
  victim: SealedFrame,
  frame: PlanarFrame,
  { forgesPayload, clearsFlag, signsAs }: Retagging,
): void {
  const layout = layoutFor(frame);
  const plane = frame.planes[layout.carrierPlane]!;
  const carried = takeCarriedBytes(plane, layout);
  const before = takeCarriedBytes(victim.frame.planes[layout.carrierPlane]!.slice(), layout);
  const { payload } = decodeShares(before.shares, layout)!;
  if (signsAs === "attacker") payload.set(attacker.keyId, 8);
  const context = contextOf(payload, nodeCrypto);
  const digests = digestTiles(frame, plane, layout, context, nodeCrypto);
  const own = tagTiles(digests, undefined, nodeCrypto);
  // Only of tiles that were changed: the other tags are right.
  const stale = changedTiles(victim.frame, frame);
  const tags = carried.tags.map((byte, i) => (stale[i >> 2] === 1 ? own[i]! : byte));
  if (forgesPayload) {
    const parsed = parsePayload(payload, layout)!;
    const tree = digestTree(digests, tags, layout, context, nodeCrypto);
    completePayload(payload, { ...parsed, ...tree }, parsed);
    if (clearsFlag) payload[4]! &= ~1;
    if (signsAs) putSignature(payload, attacker.sign(bytesToBeSigned(payload)));
  }
  putCarriedBytes(plane, { tags, shares: encodeShares(payload, layout) }, layout);
}

function retagging(choice: Retagging, of: "victim" | "unkeyed" = "victim"): Attack {
  return (scene, random) => {
    const victim = scene[of];
    const frame = copyOf(victim.frame);
    (choice.edit ?? paintLesion)(frame, random);
    retag(victim, frame, choice);
    return { victim, frame };
  };
}

/** 1 for each tile of which a sample, leaving lowest bits of carriers aside, is another. */
function changedTiles(before: PlanarFrame, after: PlanarFrame): Uint8Array {
  const layout = layoutFor(before);
  return Uint8Array.from(layout.tiles, ({ x0, y0, x1, y1 }) => {
    for (const [c, plane] of after.planes.entries()) {
      for (let y = y0; y < y1; y++) {
        for (let i = y * before.width + x0, end = y * before.width + x1; i < end; i++) {
          const carries = c === layout.carrierPlane && layout.isCarrier[i] === 1;
          if ((plane[i]! ^ before.planes[c]![i]!) & (carries ? 0xfffe : 0xffff)) return 1;
        }
      }
    }
    return 0;
  });
}

/** The victim's tags and payload in an image that nobody marked. */
const graft: Attack = ({ victim, foreign }) => {
  const frame = copyOf(foreign);
  keepCarried(frame, victim.frame, "all");
  return { victim, frame };
};

/** Lowest bits at random: of the carriers, or of all samples. */
function stripping(isEverySample: boolean): Attack {
  return ({ victim }, random) => {
    const frame = copyOf(victim.frame);
    const layout = layoutFor(frame);
    const plane = frame.planes[layout.carrierPlane]!;
    for (let i = 0; i < plane.length; i++) {
      if (isEverySample || layout.isCarrier[i]) plane[i] = (plane[i]! & 0xfffe) | random.below(2);
    }
    return { victim, frame };
  };
}

/** Share bits at random in a part of the tiles. */
function flooding(part: number): Attack {
  return ({ victim }, random) => {
    const frame = copyOf(victim.frame);
    const layout = layoutFor(frame);
    const plane = frame.planes[layout.carrierPlane]!;
    const tiles = layout.tiles.map((_, i) => i);
    for (const tile of random.sample(tiles, Math.round(part * tiles.length))) {
      for (let k = 32; k < layout.carriersPerTile; k++) {
        const carrier = layout.carriers[tile * layout.carriersPerTile + k]!;
        plane[carrier] = (plane[carrier]! & 0xfffe) | random.below(2);
      }
    }
    return { victim, frame };
  };
}

function replay(from: "slices" | "patients" | "devices"): Attack {
  return (scene, random) => ({
    victim: scene.victim,
    frame: scene[from][random.below(scene[from].length)]!.frame,
  });
}

/** Another slice with the victim's number in its payload; digests as they were. */
const renumbered: Attack = ({ victim, slices }, random) => {
  const frame = copyOf(slices[random.below(slices.length)]!.frame);
  const layout = layoutFor(frame);
  const plane = frame.planes[layout.carrierPlane]!;
  const carried = takeCarriedBytes(plane, layout);
  const { payload } = decodeShares(carried.shares, layout)!;
  const mine = decodeShares(
    takeCarriedBytes(victim.frame.planes[layout.carrierPlane]!.slice(), layout).shares,
    layout,
  )!;
  payload.set(mine.payload.subarray(8, 36), 8);
  putCarriedBytes(plane, { ...carried, shares: encodeShares(payload, layout) }, layout);
  return { victim, frame };
};

const oneBit: Attack = ({ victim }, random) => {
  const frame = copyOf(victim.frame);
  const plane = frame.planes[random.below(frame.planes.length)]!;
  plane[random.below(plane.length)]! ^= 1 << random.below(16);
  return { victim, frame };
};

const floodedParts: readonly number[] = [5, 10, 15, 20, 25, 30, 40];

/** By name. */
export const watermarkAttacks: ReadonlyMap<string, Attack> = new Map<string, Attack>([
  ["one bit of one sample", oneBit],
  ["collage of tiles", collage("tiles", false)],
  ["collage of tiles, the payload kept", collage("tiles", true)],
  ["collage of superblocks", collage("superblocks", false)],
  ["collage of superblocks, the payload kept", collage("superblocks", true)],
  ["region of another slice", transplant("slices")],
  ["region of another slice, the payload kept", transplant("slices", "shares")],
  ["region of another slice, tags and payload kept", transplant("slices", "all")],
  ["region of another patient", transplant("patients")],
  ["region of another patient, the payload kept", transplant("patients", "shares")],
  ["region of another device", transplant("devices")],
  ["region of another device, the payload kept", transplant("devices", "shares")],
  ["tiles moved with their tags", tilesMoved],
  ["lesion, tags made anew", retagging({})],
  ["lesion, tags made anew, no site's key", retagging({}, "unkeyed")],
  ["lesion, tags and payload made anew", retagging({ forgesPayload: true })],
  ["lesion, all made anew as if without keys", retagging({ forgesPayload: true, clearsFlag: true })],
  ["lesion, all made anew, no site's key", retagging({ forgesPayload: true }, "unkeyed")],
  ["lesion, signed by a stranger as the device", retagging({ forgesPayload: true, signsAs: "victim" })],
  ["lesion, signed by a stranger as itself", retagging({ forgesPayload: true, signsAs: "attacker" })],
  ["the mark put into another image", graft],
  ["another slice with this one's number", renumbered],
  ["stripped: carriers at random", stripping(false)],
  ["stripped: all lowest bits at random", stripping(true)],
  ...floodedParts.map((part): [string, Attack] => [
    `flooded: shares at random in ${part} % of the tiles`,
    flooding(part / 100),
  ]),
  ["whole frame of another slice", replay("slices")],
  ["whole frame of another patient", replay("patients")],
  ["whole frame of another device", replay("devices")],
]);
