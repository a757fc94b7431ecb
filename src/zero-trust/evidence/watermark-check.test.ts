import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { edited, outcome } from "../../../test/evaluation/fixture.ts";
import {
  containerOf,
  framesIn,
  image,
  side,
  tilesOfFrame,
  withContainer,
  withFrames,
} from "../../../test/watermark/marked-objects.ts";
import {
  closeSite,
  codecs,
  codesOf,
  device,
  forms,
  judge,
  mono,
  monoBare,
  multi,
  named,
  nudge,
  other,
  put,
  site,
} from "../../../test/watermark/marked-site.ts";
import { numberElement, textElement } from "../../dicom/encode.ts";
import type { Edit } from "../../dicom/splice.ts";
import { tags } from "../../dicom/tags.ts";

afterAll(closeSite);

describe("a sealed object with marks", () => {
  it.each(forms)("is verified without a look at its marks; they are intact: %s", async (_, sealed) => {
    const quick = await judge(sealed);
    expect(outcome(quick)).toMatch(/^verified: /);
    expect(quick.evidence.watermark).toBeUndefined();
    const deep = await judge(sealed, true);
    expect(deep.decision.verdict).toBe("verified");
    expect(named(deep, "watermark-intact")?.severity).toBe("info");
    expect(deep.evidence.watermark).toMatchObject({
      boundTo: "manifest",
      signer: { result: "trusted", signer: "CT 1" },
      framesChecked: 1,
      framesIntact: 1,
    });
  });

  it("is not looked into for an attribute that may change, but for one that may not", async () => {
    const administrative = await edited(mono, [put(textElement(0x00080054, "AE", "ARCHIVE"))]);
    expect((await judge(administrative)).evidence.watermark).toBeUndefined();
    const identity = await judge(await edited(mono, [put(textElement(tags.patientId, "LO", "4712"))]));
    expect(identity.decision.verdict).toBe("altered");
    expect(identity.evidence.watermark).toMatchObject({ framesChecked: 1, framesIntact: 1 });
    expect(codesOf(identity)).toContain("watermark-intact");
  });

  it("is looked into where its signature is gone", async () => {
    const gone: readonly Edit[] = [tags.macParametersSequence, tags.digitalSignaturesSequence].map((tag) => ({
      kind: "remove",
      path: [tag],
    }));
    const { decision, evidence } = await judge(await edited(mono, gone));
    expect(decision.verdict).toBe("verified");
    expect(evidence.watermark).toMatchObject({ framesIntact: 1 });
  });

  it.each(forms)(
    "one sample changed by one: the right tile, in one finding: %s",
    async (_, sealed, width) => {
      const found = await judge(await withFrames(sealed, nudge(100, 50, width), codecs));
      expect(found.decision.verdict).toBe("altered");
      expect(codesOf(found).filter((code) => code === "pixels-changed")).toHaveLength(1);
      expect(named(found, "pixels-changed")).toMatchObject({
        layer: "manifest",
        location: { frames: [0], regions: [{ frame: 0, x0: 96, y0: 48, x1: 112, y1: 64 }] },
      });
      expect(found.evidence.watermark?.changes).toMatchObject([{ basis: "tile-digests", places: 1 }]);
    },
  );

  it("without the seed, where nothing can be compared, the marks say where", async () => {
    const bare = await withContainer(mono, 0x02);
    const intact = await judge(bare);
    expect(intact.decision.verdict).toBe("altered");
    expect(codesOf(intact)).toContain("watermark-intact");
    const found = await judge(await withFrames(bare, nudge(0, 191, 2), codecs));
    expect(named(found, "pixels-changed")).toMatchObject({
      layer: "watermark",
      location: { frames: [0], regions: [{ frame: 0, x0: 0, y0: 176, x1: 16, y1: 192 }] },
    });
  });

  it("neighbouring tiles are one rectangle", async () => {
    const darker = await withFrames(
      mono,
      ([frame]) => {
        for (let y = 40; y < 60; y++)
          for (let x = 20; x < 70; x++) frame![2 * (y * side + x) + 1] = 2 + ((x + y) & 1);
      },
      codecs,
    );
    const found = await judge(darker);
    expect(named(found, "pixels-changed")?.location.regions).toEqual([
      { frame: 0, x0: 16, y0: 32, x1: 80, y1: 64 },
    ]);
    expect(found.evidence.watermark?.changes[0]?.places).toBe(8);
  });

  it("the table gone: superblocks; another table: a broken seal, and it is not believed", async () => {
    const changed = await withFrames(mono, nudge(100, 50, 2), codecs);
    const gone = await judge(await withContainer(changed, 0x03));
    expect(named(gone, "pixels-changed")?.location.regions).toEqual([
      { frame: 0, x0: 64, y0: 0, x1: 128, y1: 64 },
    ]);
    const table = (await containerOf(mono, 0x03)).slice();
    table[table.length - 1]! ^= 1;
    const wrong = await judge(await withContainer(changed, 0x03, table));
    expect(codesOf(wrong)).toContain("table-mismatch");
    expect(wrong.evidence.watermark?.changes[0]?.basis).toBe("superblocks");
  });

  it("frames swapped are foreign", async () => {
    const swapped = await withFrames(multi, ([a, b, c]) => [a!, c!, b!], codecs);
    const found = await judge(swapped);
    expect(found.decision.verdict).toBe("altered");
    expect(named(found, "watermark-foreign")?.location.frames).toEqual([1, 2]);
    expect(found.evidence.watermark?.changes).toEqual([]);
  });

  it.each([
    ["of the same device", device],
    ["of another device", other],
  ])("a whole frame of another object, %s, is foreign", async (_, by) => {
    const [replayed] = await framesIn(await site.sealMarked(image({ seed: 2 }), by), codecs);
    const found = await judge(await withFrames(mono, () => [replayed!], codecs));
    expect(found.decision.verdict).toBe("altered");
    expect(named(found, "watermark-foreign")?.location.frames).toEqual([0]);
    const touched = await judge(
      await withFrames(await withFrames(mono, () => [replayed!], codecs), nudge(3, 3, 2), codecs),
    );
    expect(named(touched, "watermark-foreign")?.location.frames).toEqual([0]);
  });

  it("half of the frame flooded in its lowest bits: located by the table, unreadable without", async () => {
    let state = 7;
    const flooded = await withFrames(
      mono,
      ([frame]) => {
        for (let i = 0; i < frame!.length / 2; i += 2) {
          state = (Math.imul(state, 1103515245) + 12345) >>> 0;
          frame![i]! ^= (state >>> 20) & 1;
        }
      },
      codecs,
    );
    const found = await judge(flooded);
    expect(named(found, "pixels-changed")?.location.regions).toEqual([
      { frame: 0, x0: 0, y0: 0, x1: side, y1: side / 2 },
    ]);
    expect(found.evidence.watermark).toMatchObject({ framesUnreadable: [], changes: [{ places: 72 }] });
    const without = await judge(await withContainer(flooded, 0x03));
    expect(without.evidence.watermark).toMatchObject({ framesUnreadable: [0], changes: [] });
    expect(named(without, "watermark-unreadable")?.severity).toBe("warning");
    expect(without.decision.verdict).toBe("altered");
  });

  it("another image in its place is unreadable, and every tile differs", async () => {
    const [foreign] = await framesIn(image({ seed: 5 }), codecs);
    const found = await judge(await withFrames(mono, () => [foreign!], codecs));
    expect(found.evidence.watermark).toMatchObject({ framesUnreadable: [0], changes: [] });
    expect(found.decision.verdict).toBe("altered");
  });

  it("a frame that was not marked is nobody's loss", async () => {
    const mixed = await site.sealMarked(image({ frames: ["anatomy", "constant"] }));
    const deep = await judge(mixed, true);
    expect(outcome(deep)).toMatch(/^verified: watermark-intact/);
    expect(deep.evidence.watermark).toMatchObject({ framesChecked: 1, framesIntact: 1 });
    const changed = await judge(await withFrames(mixed, nudge(9, 9, 2, 1), codecs));
    expect(changed.decision.verdict).toBe("altered");
    expect(changed.evidence.watermark).toMatchObject({ framesChecked: 0, framesUnreadable: [] });
  });

  it("all bits stored, as GDCM writes what it decodes, is no other image", async () => {
    const narrow = await site.sealMarked(image({ bits: 12, signed: true }));
    const wide = await edited(narrow, [
      put(numberElement(tags.bitsStored, "US", 16)),
      put(numberElement(tags.highBit, "US", 15)),
    ]);
    expect((await judge(wide, true)).evidence.watermark).toMatchObject({ framesIntact: 1, changes: [] });
  });

  it("geometry that does not fit the table any more is unreadable", async () => {
    const flat = await edited(mono, [
      put(numberElement(tags.rows, "US", side / 2)),
      put(numberElement(tags.columns, "US", side * 2)),
    ]);
    expect((await judge(flat, true)).evidence.watermark).toMatchObject({ framesUnreadable: [0] });
  });
});

describe("whatever comes", () => {
  const changes = fc.array(
    fc.record({
      at: fc.nat(2 * side * side - 1),
      value: fc.nat(255),
      run: fc.constantFrom(1, 50, 5000, 40_000),
    }),
    { minLength: 1, maxLength: 3 },
  );

  it.each([
    ["sealed", mono],
    ["without its seal", monoBare],
  ])("changed pixels never throw and are never intact: %s", async (_, object) => {
    const [before] = await framesIn(object, codecs);
    await fc.assert(
      fc.asyncProperty(changes, async (edits) => {
        const altered = await withFrames(
          object,
          ([frame]) => {
            for (const { at, value, run } of edits) frame!.fill(value, at, at + run);
          },
          codecs,
        );
        const [after] = await framesIn(altered, codecs);
        const { evidence, decision } = await judge(altered, true);
        const isSame = Buffer.compare(before!, after!) === 0;
        expect(decision.verdict === "verified").toBe(isSame && object === mono);
        expect(evidence.watermark?.framesIntact ?? 0).toBe(isSame ? 1 : 0);
        for (const { regions, places } of evidence.watermark?.changes ?? []) {
          expect(places).toBeLessThanOrEqual(tilesOfFrame);
          for (const { x0, y0, x1, y1 } of regions)
            expect(0 <= x0 && x0 < x1 && x1 <= side && 0 <= y0 && y0 < y1 && y1 <= side).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("containers of any content are evidence", async () => {
    const changed = await withFrames(mono, nudge(100, 50, 2), codecs);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0x00, 0x02, 0x03, 0x04),
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        async (low, content) => {
          const found = await judge(await withContainer(changed, low, content), true);
          expect(["altered", "untrusted", "malformed"]).toContain(found.decision.verdict);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("attributes of the image of any value are evidence", async () => {
    const attribute = fc.constantFrom(
      tags.rows,
      tags.columns,
      tags.bitsAllocated,
      tags.bitsStored,
      tags.highBit,
      tags.pixelRepresentation,
      tags.samplesPerPixel,
    );
    await fc.assert(
      fc.asyncProperty(attribute, fc.nat(400), async (tag, value) => {
        for (const object of [mono, monoBare]) {
          const { decision } = await judge(
            await edited(object, [put(numberElement(tag, "US", value))]),
            true,
          );
          expect(decision.verdict).toBeDefined();
        }
      }),
      { numRuns: 40 },
    );
  });
});
