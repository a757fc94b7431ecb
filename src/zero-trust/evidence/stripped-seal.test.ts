import { afterAll, describe, expect, it } from "vitest";
import { outcome } from "../../../test/evaluation/fixture.ts";
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
