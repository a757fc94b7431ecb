/** What a verifier with the manifest, and one with the site's key, finds in a forged frame, against what was changed. */
import { equalBytes, fromHex } from "../../src/foundation/bytes.ts";
import { checkFrame, type Place, type WatermarkFacts } from "../../src/invisible-watermark/check.ts";
import type { PlanarFrame } from "../../src/invisible-watermark/frame.ts";
import { type Layout, layoutOf, tagBits, tileAt } from "../../src/invisible-watermark/layout.ts";
import { locateChanges, locateWithoutPayload } from "../../src/invisible-watermark/locate.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import type { Forgery } from "./forgeries.ts";
import { keyOf, type SealedFrame } from "./scene.ts";

/**
 * Named places against changed ones. Where the payload itself is somebody else's, or none, changed shares are not places: nothing says what they were.
 */
export interface Score {
  readonly right: number;
  readonly named: number;
  readonly changed: number;
}

export interface ForgeryOutcome {
  readonly intact: boolean;
  /** A mark was read: the victim's, another frame's, or only with the manifest's help (L3). */
  readonly read: "victim" | "other" | "with-manifest" | "no";
  readonly signature: WatermarkFacts["signature"] | undefined;
  /** By everyone, where the signature is valid. */
  readonly superblocks: Score | undefined;
  readonly byDigests: Score;
  /** Undefined where no payload can be read, or there is no key. */
  readonly byKey: Score | undefined;
  /** Named by tile digests; samples. */
  readonly areaNamed: number;
  readonly samplesChanged: number;
}

export async function outcomeOf({ victim, frame }: Forgery): Promise<ForgeryOutcome> {
  const layout = layoutOf(frame.width, frame.height, frame.colour)!;
  const { samplesChanged, ...changes } = changesOf(victim.frame, frame, layout);
  const { facts, mark } = await checkFrame(frame, nodeCrypto, keyOf);
  const isVictims = facts.found && isOf(facts, victim);
  const common = {
    intact: facts.found && facts.intact,
    signature: facts.found ? facts.signature : undefined,
    samplesChanged,
  };
  if (isVictims) {
    const byDigests = locateChanges(mark!, nodeCrypto, { tileDigests: victim.tileDigests });
    const { locatorKey } = victim;
    const byKey = locatorKey && locateChanges(mark!, nodeCrypto, { locatorKey });
    const isSigned = facts.signature === "valid";
    const tiles = isSigned ? changes.tiles : changes.tilesBesideShares;
    const superblocks = new Set([...tiles].map((tile) => layout.superblockOfTile[tile]!));
    return {
      ...common,
      read: "victim",
      superblocks: isSigned ? scoreOf(facts.damagedSuperblocks, superblocks) : undefined,
      byDigests: scoreOf(byDigests.tiles, tiles),
      byKey: byKey && scoreOf(byKey.tiles, tiles),
      areaNamed: areaOf(byDigests.tiles),
    };
  }
  // L3, and then the payload once more.
  const found = locateWithoutPayload(frame, victim.identity, victim.tileDigests, nodeCrypto)!;
  const lostTiles = new Uint8Array(layout.tiles.length);
  for (const { index } of found.tiles) lostTiles[index] = 1;
  const again = await checkFrame(frame, nodeCrypto, keyOf, { lostTiles });
  const isRead = again.facts.found && isOf(again.facts, victim);
  const places = isRead ? locateChanges(again.mark!, nodeCrypto, { tileDigests: victim.tileDigests }) : found;
  const tiles = isRead ? changes.tiles : changes.tilesBesideShares;
  return {
    ...common,
    read: facts.found ? "other" : isRead ? "with-manifest" : "no",
    superblocks: undefined,
    byDigests: scoreOf(places.tiles, tiles),
    byKey: undefined,
    areaNamed: areaOf(places.tiles),
  };
}

export function isExact(score: Score | undefined): boolean {
  return score !== undefined && score.right === score.changed && score.right === score.named;
}

function isOf(facts: WatermarkFacts, { identity }: SealedFrame): boolean {
  return (
    equalBytes(fromHex(facts.contentId), identity.contentId) &&
    equalBytes(fromHex(facts.keyId), identity.keyId) &&
    facts.frameNo === identity.frameNo
  );
}

interface Changes {
  readonly samplesChanged: number;
  readonly tiles: ReadonlySet<number>;
  /** Those with a changed sample that is more than a bit of a share. */
  readonly tilesBesideShares: ReadonlySet<number>;
}

function changesOf(before: PlanarFrame, after: PlanarFrame, layout: Layout): Changes {
  const differing = new Uint16Array(before.width * before.height);
  for (const [c, plane] of after.planes.entries()) {
    for (let i = 0; i < plane.length; i++) differing[i]! |= plane[i]! ^ before.planes[c]![i]!;
  }
  const isShareBit = new Uint8Array(differing.length);
  for (let k = 0; k < layout.carriers.length; k++) {
    if (k % layout.carriersPerTile >= tagBits) isShareBit[layout.carriers[k]!] = 1;
  }
  const [tiles, tilesBesideShares] = [new Set<number>(), new Set<number>()];
  let samplesChanged = 0;
  for (let i = 0; i < differing.length; i++) {
    if (differing[i] === 0) continue;
    samplesChanged++;
    tiles.add(tileAt(layout, i));
    if (isShareBit[i] === 0 || differing[i]! > 1) tilesBesideShares.add(tileAt(layout, i));
  }
  return { samplesChanged, tiles, tilesBesideShares };
}

function scoreOf(named: readonly Place[], changed: ReadonlySet<number>): Score {
  return {
    right: named.filter(({ index }) => changed.has(index)).length,
    named: named.length,
    changed: changed.size,
  };
}

function areaOf(places: readonly Place[]): number {
  return places.reduce((sum, { x0, y0, x1, y1 }) => sum + (x1 - x0) * (y1 - y0), 0);
}
