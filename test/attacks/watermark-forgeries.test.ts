/** Marked frames forged by who has everything but the keys: never intact, and named as spec/invisible-watermark.md says. bench/watermark-attacks.ts does it on all of the corpus. */
import { afterAll, describe, expect, it } from "vitest";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { corpusBytes } from "../evaluation/corpus-files.ts";
import { SeededRandom } from "../evaluation/seeded-random.ts";
import { itWithPeer } from "../peers.ts";
import { framesIn } from "../watermark/corpus-frames.ts";
import { watermarkAttacks } from "../watermark/forgeries.ts";
import { type FrameRequest, makeFrame } from "../watermark/frames.ts";
import { type ForgeryOutcome, isExact, outcomeOf } from "../watermark/outcome.ts";
import { type Scene, sceneOf } from "../watermark/scene.ts";

type Expectation = (outcome: ForgeryOutcome, scene: Scene) => void;

/** Superblocks by everyone, tiles by the manifest and by the site's key: all changed ones, and no other. */
const located: Expectation = (outcome, { name }) => {
  expect(outcome, name).toMatchObject({ read: "victim", signature: "valid" });
  expect(isExact(outcome.superblocks), name).toBe(true);
  expect(isExact(outcome.byKey), name).toBe(true);
};

/** The site has no key: an informed forger's tags fit, superblocks and digests do not. */
const locatedWithoutKey: Expectation = (outcome, { name }) => {
  expect(outcome, name).toMatchObject({ read: "victim", signature: "valid", byKey: undefined });
  expect(isExact(outcome.superblocks), name).toBe(true);
};

/** The payload is the forger's: its superblocks say nothing; key and manifest name the tiles. */
const payloadForged: Expectation = (outcome, { name }) => {
  expect(outcome, name).toMatchObject({ read: "victim", signature: "invalid", superblocks: undefined });
  expect(isExact(outcome.byKey), name).toBe(true);
};

const payloadForgedWithoutKey: Expectation = (outcome, { name }) => {
  expect(outcome, name).toMatchObject({ read: "victim", signature: "invalid", byKey: undefined });
};

/** Nothing of the frame is the victim's: the key's tags fit nowhere. */
const allOfIt: Expectation = ({ read, byDigests, byKey }, { name, victim }) => {
  expect(read, name).toBe("victim");
  expect(byDigests.named, name).toBe(victim.tileDigests.length / 8);
  expect(byKey, name).toMatchObject({ named: 0 });
};

const strangersKey: Expectation = (outcome, { name }) => {
  expect(outcome, name).toMatchObject({ read: "other", signature: "unknown-key" });
};

/** Whether a payload is left depends on whose tiles are the most. */
const byManifest: Expectation = ({ byDigests }, { name }) => {
  expect(byDigests.named, name).toBeGreaterThan(0);
};

/** No watermark: where one is expected, that is the alarm. */
const unreadable: Expectation = ({ read, signature }, { name }) => {
  expect({ read, signature }, name).toEqual({ read: "no", signature: undefined });
};

/** About a fifth is where it ends. */
const readableOrNot: Expectation = (outcome, scene) =>
  (outcome.read === "no" ? unreadable : located)(outcome, scene);

const expectations: Readonly<Record<string, Expectation>> = {
  "one bit of one sample": located,
  "collage of tiles": byManifest,
  "collage of tiles, the payload kept": located,
  "collage of superblocks": byManifest,
  "collage of superblocks, the payload kept": located,
  "region of another slice": located,
  "region of another slice, the payload kept": located,
  "region of another slice, tags and payload kept": located,
  "region of another patient": located,
  "region of another patient, the payload kept": located,
  "region of another device": located,
  "region of another device, the payload kept": located,
  "tiles moved with their tags": located,
  "lesion, tags made anew": located,
  "lesion, tags made anew, no site's key": locatedWithoutKey,
  "lesion, tags and payload made anew": payloadForged,
  "lesion, all made anew as if without keys": payloadForged,
  "lesion, all made anew, no site's key": payloadForgedWithoutKey,
  "lesion, signed by a stranger as the device": payloadForged,
  "lesion, signed by a stranger as itself": strangersKey,
  "the mark put into another image": allOfIt,
  "another slice with this one's number": allOfIt,
  "stripped: carriers at random": unreadable,
  "stripped: all lowest bits at random": unreadable,
  "flooded: shares at random in 5 % of the tiles": located,
  "flooded: shares at random in 10 % of the tiles": located,
  "flooded: shares at random in 15 % of the tiles": readableOrNot,
  "flooded: shares at random in 20 % of the tiles": readableOrNot,
  "flooded: shares at random in 25 % of the tiles": readableOrNot,
  "flooded: shares at random in 30 % of the tiles": unreadable,
  "flooded: shares at random in 40 % of the tiles": unreadable,
};

const replays = [
  "whole frame of another slice",
  "whole frame of another patient",
  "whole frame of another device",
];

async function tryAll(scene: Scene): Promise<void> {
  for (const [attack, forge] of watermarkAttacks) {
    const where = { ...scene, name: `${scene.name}: ${attack}` };
    const outcome = await outcomeOf(forge(scene, new SeededRandom(where.name)));
    expect(isExact(outcome.byDigests), where.name).toBe(true);
    if (replays.includes(attack)) {
      // Intact by itself: identity alone tells.
      expect(outcome, where.name).toMatchObject({ intact: true, read: "other", signature: "valid" });
      continue;
    }
    expect(outcome.intact, where.name).toBe(false);
    expectations[attack]!(outcome, where);
  }
}

describe("forged marks", () => {
  const decoder = new CodecPool();
  afterAll(() => decoder.close());

  it("have an expectation each", () => {
    expect([...watermarkAttacks.keys()].sort()).toEqual([...Object.keys(expectations), ...replays].sort());
  });

  const generated: readonly (FrameRequest & { name: string })[] = [
    { name: "12 bits signed", width: 256, height: 240, bits: 12, signed: true },
    { name: "16 bits, odd size", width: 203, height: 251, bits: 16 },
    { name: "8 bits", width: 192, height: 192, bits: 8 },
    { name: "RGB", width: 176, height: 208, bits: 8, colour: "rgb" },
    { name: "YBR", width: 160, height: 160, bits: 8, colour: "ybr" },
    { name: "noise", width: 160, height: 160, bits: 12, kind: "noise" },
  ];

  it.each(generated)("of generated frames are found and named: $name", async ({ name, ...request }) => {
    const frames = [1, 2, 3, 4].map((seed) => makeFrame({ ...request, seed }));
    await tryAll(sceneOf(name, frames)!);
  });

  const files: readonly (readonly [string, ...string[]])[] = [
    ["CT", ...[110, 114, 116, 120].map((n) => `ct-series/lidc-0314-nodule/inst${n}.dcm`)],
    ["MR", ...[8, 10, 12].map((n) => `mr-series/brain-tumour-t1post/${String(n).padStart(6, "0")}.dcm`)],
    ["US RGB", "ultrasound/acuson-8frame-rgb-native.dcm"],
    ["DX", "radiograph/nih-chest-dx-8bit-b.dcm"],
  ];

  for (const [name, ...paths] of files) {
    itWithPeer("corpus", `of corpus frames are found and named: ${name}`, async () => {
      const frames = await Promise.all(paths.map((path) => framesIn(corpusBytes(path), decoder, 4)));
      await tryAll(sceneOf(name, frames.flat())!);
    });
  }
});
