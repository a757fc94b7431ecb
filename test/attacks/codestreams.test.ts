/** Compressed pixels that our decoder reads as sealed and another decoder otherwise, or that carry a second image. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { type Bytes, concatBytes, fromLatin1, u16le } from "../../src/foundation/bytes.ts";
import { edited, newSite, type Site } from "../evaluation/fixture.ts";
import { describePeer, type PeerName } from "../peers.ts";
import {
  eightBits,
  encapsulated,
  lesionBytes,
  put,
  rleFrame,
  rleUid,
  side,
  slice,
  verdictOf,
} from "./objects.ts";
import { codestreamBy, pixelsBy } from "./peer-programs.ts";

const u32be = (n: number): Bytes => Uint8Array.of(n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255);
const box = (name: string, ...content: readonly Bytes[]): Bytes => {
  const all = concatBytes(content);
  return concatBytes([u32be(8 + all.length), fromLatin1(name), all]);
};

/** A JP2 file around a codestream of one 8-bit component (T.800 annex I). */
function jp2(codestream: Bytes, inHeader: readonly Bytes[], before: readonly Bytes[] = []): Bytes {
  return concatBytes([
    box("jP  ", Uint8Array.of(0x0d, 0x0a, 0x87, 0x0a)),
    box("ftyp", fromLatin1("jp2 "), u32be(0), fromLatin1("jp2 ")),
    ...before,
    box(
      "jp2h",
      box("ihdr", u32be(side), u32be(side), Uint8Array.of(0, 1, 7, 7, 0, 0)),
      box("colr", Uint8Array.of(1, 0, 0), u32be(17)),
      ...inHeader,
    ),
    box("jp2c", codestream),
  ]);
}

/** 255 - v for every value: the lesion is dark. Any table would do, also one that makes it vanish. */
const inverted = [
  box(
    "pclr",
    Uint8Array.of(1, 0, 1, 7),
    Uint8Array.from({ length: 256 }, (_, i) => 255 - i),
  ),
  box("cmap", Uint8Array.of(0, 0, 1, 0)),
];

const original = slice([...eightBits, textElement(0x00281052, "DS", "0")], lesionBytes);
const withoutLesion = lesionBytes.map((_, i) => (i % side) * 4 + Math.floor(i / side));

let site: Site;
let sealed: Bytes;
beforeAll(async () => {
  site = newSite();
  sealed = await site.seal(original);
});
afterAll(() => site.close());

describePeer("gdcmconv", "JPEG 2000 in a wrapper", () => {
  it("a palette that GDCM applies and we do not", async () => {
    const { codestream, syntax } = await codestreamBy("gdcmconv", ["--j2k"], original);
    const forged = await encapsulated(sealed, [jp2(codestream, inverted)], syntax);
    expect(await pixelsBy("gdcmconv", ["--raw"], forged)).toEqual(lesionBytes.map((v) => 255 - v));
    expect(await verdictOf(site, forged)).toMatch(/^altered: pixels-not-checkable/);
  });

  it.each([
    ["channels in another order", [box("cdef", u16le(0))], []],
    ["a box nobody knows", [], [box("evil", u32be(1))]],
    ["more boxes than anybody writes", Array<Bytes>(80).fill(box("res ")), []],
  ])("%s", async (_, inHeader, before) => {
    const { codestream, syntax } = await codestreamBy("gdcmconv", ["--j2k"], original);
    const forged = await encapsulated(sealed, [jp2(codestream, inHeader, before)], syntax);
    expect(await verdictOf(site, forged)).toMatch(/^altered: pixels-not-checkable/);
  });

  it("a wrapper that says nothing of samples is read as others read it", async () => {
    const { codestream, syntax } = await codestreamBy("gdcmconv", ["--j2k"], original);
    const wrapped = await encapsulated(sealed, [jp2(codestream, [])], syntax);
    expect(await pixelsBy("gdcmconv", ["--raw"], wrapped)).toEqual(lesionBytes);
    expect(await verdictOf(site, wrapped)).toMatch(/^verified: transcoded-losslessly/);
  });
});

const encoders: readonly (readonly [PeerName, readonly string[]])[] = [
  ["gdcmconv", ["--j2k"]],
  ["dcmcjpls", ["+el"]],
  ["dcmcjpeg", ["+e1"]],
];

for (const [program, options] of encoders) {
  describePeer(program, `a second image behind the first (${program} ${options.join(" ")})`, () => {
    it.each([true, false])("in a fragment of its own: %s", async (apart) => {
      const { codestream, syntax } = await codestreamBy(program, options, original);
      const second = await edited(original, [
        put({ tag: 0x7fe00010, vr: "OW", value: Uint8Array.from(withoutLesion) }),
      ]);
      const other = (await codestreamBy(program, options, second)).codestream;
      const fragments = apart ? [codestream, other] : [concatBytes([codestream, other])];
      const forged = await encapsulated(sealed, fragments, syntax);
      expect(await verdictOf(site, forged)).toMatch(/^altered: pixels-not-checkable/);
    });

    it("in the order that shows the forged one first", async () => {
      const { codestream, syntax } = await codestreamBy(program, options, original);
      const second = await edited(original, [
        put({ tag: 0x7fe00010, vr: "OW", value: Uint8Array.from(withoutLesion) }),
      ]);
      const other = (await codestreamBy(program, options, second)).codestream;
      expect(await verdictOf(site, await encapsulated(sealed, [other, codestream], syntax))).toMatch(
        /^altered: /,
      );
    });
  });
}

it("a second image behind an RLE frame", async () => {
  const both = concatBytes([rleFrame(lesionBytes, 1), rleFrame(Uint8Array.from(withoutLesion), 1)]);
  expect(await verdictOf(site, await encapsulated(sealed, [both], rleUid))).toMatch(
    /^altered: pixels-not-checkable/,
  );
});

it("an RLE frame in pieces", async () => {
  const frame = rleFrame(lesionBytes, 1);
  const forged = await encapsulated(sealed, [frame.subarray(0, 500), frame.subarray(500)], rleUid);
  expect(await verdictOf(site, forged)).toMatch(/^malformed: encapsulation-invalid/);
});

it.each([
  ["table and all", []],
  ["table gone", [{ kind: "remove", path: [0x00711004] } as const]],
])("a codestream under the name of another codec (%s)", async (_, edits) => {
  const baseline = "1.2.840.10008.1.2.4.50";
  const jpegLs = "1.2.840.10008.1.2.4.80";
  const lossy = await site.seal(await encapsulated(original, [new Uint8Array(64)], baseline));
  expect(await verdictOf(site, lossy)).toBe("verified: ");
  const relabelled = await encapsulated(lossy, [new Uint8Array(64)], jpegLs, edits);
  expect(await verdictOf(site, relabelled)).toMatch(/^altered: /);
});

it("a video under the name of another codec", async () => {
  const mpeg2 = "1.2.840.10008.1.2.4.100";
  const hevc = "1.2.840.10008.1.2.4.107";
  const video = await site.seal(await encapsulated(original, [new Uint8Array(64)], mpeg2));
  const forged = await encapsulated(video, [new Uint8Array(64)], hevc);
  expect(await verdictOf(site, video)).toBe("verified: ");
  expect(await verdictOf(site, forged)).toMatch(/^altered: attribute-changed 7FE00010\/e/);
});
