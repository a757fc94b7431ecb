/** `scanseal locate` claims no more than the seal and the marks of signers that this site trusts can prove. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { numberElement, textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { edited } from "../evaluation/fixture.ts";
import { makeSealedSite, type SealedSite } from "../gateway/sealed-site.ts";
import { framesIn, image, side, withFrames, withoutSeal } from "../watermark/marked-objects.ts";
import { makeWorkplace, oneLine, type Run } from "./scanseal-process.ts";

const place = makeWorkplace();
const codecs = new CodecPool();
let site: SealedSite;
let stranger: SealedSite;
let pictures = 0;

const nudge = (frames: Bytes[]): undefined => {
  frames[0]![2 * (70 * side + 37)]! ^= 2;
};

function locate(content: Bytes, ...args: string[]): Run & { readonly out: string } {
  const out = `${pictures++}.png`;
  place.write("it.dcm", content);
  return { ...place.run("locate", "it.dcm", "--out", out, "--home", `${site.folder}/home`, ...args), out };
}

/** Without marks. The output folder takes an instance once. */
async function sealedPlain(by: SealedSite, original: Bytes): Promise<Bytes> {
  const path = await by.seal(by.write("plain.dcm", original));
  const sealed = new Uint8Array(readFileSync(path));
  rmSync(path);
  return sealed;
}

const claimsIntact = /no pixel/i;

describe("locate and trust", () => {
  beforeAll(async () => {
    [site, stranger] = await Promise.all([makeSealedSite(), makeSealedSite()]);
  });
  afterAll(async () => {
    site.remove();
    stranger.remove();
    await codecs.close();
  });

  it("a seal by a stranger proves nothing, though everything fits it", async () => {
    const forged = await withFrames(image(), nudge, codecs);
    for (const sealed of [await sealedPlain(stranger, forged), await stranger.sealMarked(forged)]) {
      const { status, stdout } = locate(sealed);
      expect({ status, stdout }).toEqual({
        status: 1,
        stdout: expect.stringContaining("untrusted, frame 1"),
      });
      expect(stdout).not.toMatch(claimsIntact);
    }
  });

  it("the marks of a stranger prove nothing, with certificate or without", async () => {
    const stripped = await withoutSeal(await stranger.sealMarked(image({ seed: 4 })));
    for (const args of [
      [],
      ["--certificate", `${stranger.home.deviceFolder("CT1")}/epoch-1/certificate.pem`],
    ]) {
      const { status, stdout } = locate(stripped, ...args);
      expect(status).toBe(1);
      expect(stdout).not.toMatch(claimsIntact);
    }
  });

  it("frames that are gone are a change", async () => {
    const frames = ["anatomy", "anatomy", "anatomy"] as const;
    for (const sealed of [
      await sealedPlain(site, image({ frames, seed: 5 })),
      await site.sealMarked(image({ frames, seed: 6 })),
    ]) {
      const value = new Uint8Array(Buffer.concat((await framesIn(sealed, codecs)).slice(0, 2)));
      const fewer = await edited(sealed, [
        { kind: "put", element: textElement(tags.numberOfFrames, "IS", "2") },
        { kind: "put", element: { tag: tags.pixelData, vr: "OW", value } },
      ]);
      const { status, stdout } = locate(fewer);
      expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringContaining("Missing: frame 3") });
    }
  });

  it("samples that are shown as others are a change, an administrative entry is none", async () => {
    const sealed = await site.sealMarked(image({ seed: 7 }));
    const inverted = await edited(sealed, [
      { kind: "put", element: textElement(tags.photometricInterpretation, "CS", "MONOCHROME1") },
    ]);
    const shown = locate(inverted);
    expect(shown).toMatchObject({ status: 1, stdout: expect.stringContaining("(0028,0004)") });
    const renamed = await edited(sealed, [
      { kind: "put", element: textElement(tags.patientId, "LO", "SECRET") },
    ]);
    const { status, stdout } = locate(renamed);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: expect.stringContaining("altered, frame 1: no pixel"),
    });
    expect(stdout).not.toContain("SECRET");
  });

  it("says why there is no watermark", async () => {
    const plain = await sealedPlain(site, image({ seed: 8 }));
    const why = /^Sealed without a watermark \([a-z-]+\): only whole frames can be named\.$/m;
    expect(locate(plain)).toMatchObject({ status: 0, stdout: expect.stringMatching(why) });
    expect(locate(await withFrames(plain, nudge, codecs))).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(why),
    });
  });

  it("no picture of what is no image of numbers, and no file then", async () => {
    const palette = await edited(image(), [
      { kind: "put", element: textElement(tags.photometricInterpretation, "CS", "PALETTE COLOR") },
    ]);
    const deep = await edited(image(), [{ kind: "put", element: numberElement(tags.highBit, "US", 12) }]);
    for (const [content, word] of [
      [palette, "palette"],
      [deep, ""],
      [new Uint8Array(200), ""],
    ] as const) {
      const { status, stderr, out } = locate(content);
      expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(oneLine) });
      expect(stderr).toContain(word);
      expect(existsSync(place.path(out))).toBe(false);
    }
  });
});
