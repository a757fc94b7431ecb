import { afterAll, describe, expect, it } from "vitest";
import { edited, outcome, parse } from "../../../test/evaluation/fixture.ts";
import {
  framesIn,
  image,
  withContainer,
  withFrames,
  withoutSeal,
} from "../../../test/watermark/marked-objects.ts";
import {
  closeSite,
  codecs,
  codesOf,
  expired,
  forms,
  judge,
  mono,
  multi,
  named,
  nudge,
  other,
  site,
  stranger,
} from "../../../test/watermark/marked-site.ts";
import { encodePart10, type NewElement, numberElement } from "../../dicom/encode.ts";
import { framesOf } from "../../dicom/pixel-data/frames.ts";
import { tags } from "../../dicom/tags.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { MarkedFrames } from "./marked-frames.ts";

afterAll(closeSite);

describe("an object whose seal was removed", () => {
  it.each(forms)(
    "its marks say that it was sealed and by whom, and nothing is verified: %s",
    async (_, sealed) => {
      const bare = await withoutSeal(sealed);
      const found = await judge(bare);
      expect(found.decision.verdict).toBe("unsealed");
      expect(named(found, "seal-stripped")).toMatchObject({
        severity: "error",
        layer: "watermark",
        message: "This image was sealed by CT 1, and its seal was removed.",
      });
      expect(found.evidence.sealExpectedFrom).toBe("CT 1");
      expect(found.evidence.watermark).toMatchObject({ boundTo: "marks", framesIntact: 1 });
      expect(codesOf(found)).not.toContain("watermark-intact");
      // Nobody's marks are known: nothing is looked at.
      const unknowing = await site.judge(bare, { deep: true });
      expect(unknowing.evidence.watermark).toBeUndefined();
      expect(outcome(unknowing)).toBe("unsealed: seal-missing");
    },
  );

  it.each(forms)("and a sample was changed: altered, with its superblock: %s", async (_, sealed, width) => {
    const changed = await withFrames(await withoutSeal(sealed), nudge(100, 50, width), codecs);
    const found = await judge(changed);
    expect(found.decision.verdict).toBe("altered");
    expect(found.decision.disposition).toBe("held");
    expect(named(found, "pixels-changed")).toMatchObject({
      layer: "watermark",
      location: { regions: [{ frame: 0, x0: 64, y0: 0, x1: 128, y1: 64 }] },
    });
    expect(codesOf(found)).toContain("seal-stripped");
  });

  it("and some of its frames have no mark any more: they are named", async () => {
    const bare = await withoutSeal(multi);
    const [forged] = await framesIn(image({ seed: 9 }), codecs);
    const found = await judge(await withFrames(bare, ([a]) => [a!, forged!, forged!], codecs));
    expect(named(found, "watermark-unreadable")).toMatchObject({
      severity: "warning",
      location: { frames: [1, 2] },
    });
  });

  it("and its frames were put in another order, or come from two objects: foreign", async () => {
    const bare = await withoutSeal(multi);
    const swapped = await judge(await withFrames(bare, ([a, b, c]) => [b!, a!, c!], codecs));
    expect(swapped.decision.verdict).toBe("altered");
    expect(named(swapped, "watermark-foreign")?.location.frames).toEqual([0, 1]);
    const [replayed] = await framesIn(await site.sealMarked(image({ seed: 2 }), other), codecs);
    const mixed = await judge(await withFrames(bare, ([a, , c]) => [a!, replayed!, c!], codecs));
    expect(named(mixed, "watermark-foreign")?.location.frames).toEqual([1]);
  });

  it("the mark of one frame is enough to be asked for the others", async () => {
    const blank = await withFrames(await withoutSeal(multi), ([a, b, c]) => [a!.fill(0), b!, c!], codecs);
    const found = await judge(await withFrames(blank, nudge(1, 1, 2, 2), codecs));
    expect(found.evidence.watermark).toMatchObject({ framesChecked: 3, framesIntact: 1 });
    expect(found.decision.verdict).toBe("altered");
    expect(named(found, "pixels-changed")?.location.frames).toEqual([2]);
  });

  it.each([
    ["whose certificate has expired", expired],
    ["whom nobody here trusts", stranger],
  ])("the marks of a device %s say nothing", async (_, by) => {
    const bare = await withoutSeal(await site.sealMarked(image(), by));
    for (const bytes of [bare, await withFrames(bare, nudge(100, 50, 2), codecs)]) {
      const found = await judge(bytes);
      expect(outcome(found)).toBe("unsealed: seal-missing");
      expect(found.evidence.sealExpectedFrom).toBeUndefined();
    }
  });

  it("a broken manifest is none: the marks still say who sealed", async () => {
    const broken = await withContainer(mono, 0x00, Uint8Array.of(1, 2, 3));
    const found = await judge(broken);
    expect(found.decision.verdict).toBe("altered");
    expect(named(found, "seal-stripped")?.message).toMatch(/^This image was sealed by CT 1, and that seal/);
  });

  it("a stranger's seal in place of the device's: untrusted, and the marks say whose it was", async () => {
    const resealed = await site.seal(await withoutSeal(mono), [], stranger);
    const found = await judge(resealed);
    expect(found.decision.verdict).toBe("untrusted");
    expect(codesOf(found)).toContain("seal-stripped");
  });

  it("an image that nobody marked stays what it is", async () => {
    const found = await judge(image());
    expect(outcome(found)).toBe("unsealed: seal-missing");
    expect(found.evidence.watermark).toBeUndefined();
  });
});

describe("the watermark table", () => {
  it("that is missing is told, and nothing is less proven", async () => {
    const found = await judge(await withContainer(mono, 0x03));
    expect(found.decision.verdict).toBe("verified");
    expect(named(found, "container-missing")).toMatchObject({ severity: "warning" });
  });

  it("is malformed where the manifest knows of no marks: it would carry anything", async () => {
    const plain = await site.seal(image());
    const { elements } = await parse(plain);
    const creator = elements.find(({ tag }) => tag >>> 8 === 0x007100)!;
    const tag = 0x00710003 + ((creator.tag & 0xff) << 8);
    const value = new Uint8Array(2004);
    new DataView(value.buffer).setUint32(0, 2000, true);
    const found = await judge(await edited(plain, [{ kind: "put", element: { tag, vr: "OB", value } }]));
    expect(outcome(found)).toBe("malformed: seal-structure (0071,0010)");
  });
});

it("a few bytes that decode to megapixels are not decoded to look for a mark", async () => {
  const side = 4000;
  const blank = new Uint8Array(2 * side * side);
  const native = await parse(image({ bits: 16 }));
  const attributes = { ...(await framesOf(native))!.attributes, rows: side, columns: side };
  const syntax = "1.2.840.10008.1.2.4.80";
  const { codestream } = await codecs.encode({ transferSyntaxUid: syntax, attributes, samples: blank });
  expect(codestream.length).toBeLessThan(10_000);
  const elements = native.elements
    .filter(({ tag }) => tag !== tags.pixelData && tag !== tags.rows && tag !== tags.columns)
    .map(({ tag, vr, value }): NewElement => ({ tag, vr, value: value! }));
  const file = encodePart10(
    [
      ...elements,
      numberElement(tags.rows, "US", side),
      numberElement(tags.columns, "US", side),
      { tag: tags.pixelData, vr: "OB", frames: [codestream] } as NewElement,
    ].sort((a, b) => a.tag - b.tag),
    syntax,
  );
  let decoded = 0;
  const frames = (await framesOf(await parse(file)))!;
  const decoder = { decode: () => Promise.reject(new Error(`decoded ${++decoded} times`)) };
  const marked = new MarkedFrames(frames, { crypto: nodeCrypto, decoder }, () => undefined, false);
  expect(await marked.read(0)).toBe("no-samples");
  expect(decoded).toBe(0);
});
