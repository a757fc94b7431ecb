import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromMemory } from "../../test/dicom/drivers.ts";
import { describePeer, peerPath } from "../../test/peers.ts";
import { type Bytes, fromLatin1 } from "../foundation/bytes.ts";
import { nodeTextDecoding } from "../platform/node/text-decoding.ts";
import { type CharacterSet, characterSetOf, displaySafe, displayText } from "./character-sets.ts";
import type { DataElement } from "./model.ts";
import type { Vr } from "./vr.ts";

function elementOf(tag: number, vr: Vr, value: Bytes): DataElement {
  const encoding = { explicit: true, bigEndian: false };
  const length = value.length;
  return {
    tag,
    vr,
    vrOnWire: vr,
    encoding,
    offset: 0,
    valueOffset: 8,
    length,
    undefinedLength: false,
    end: 8 + length,
    value,
  };
}

function setOf(terms: string): CharacterSet {
  return characterSetOf([elementOf(0x00080005, "CS", fromLatin1(terms))]);
}

/** @param value a character a byte */
function decoded(terms: string, value: string, vr: Vr = "PN"): string | undefined {
  return displayText(elementOf(0x00100010, vr, fromLatin1(value)), setOf(terms), nodeTextDecoding);
}

describe("character sets", () => {
  it.each([
    ["ISO_IR 6", "A\xe4", "A\ufffd"],
    ["ISO_IR 100", "J\xe9r\xf4me", "Jérôme"],
    ["ISO_IR 101", "W\xb3adys\xb3aw", "Władysław"],
    ["ISO_IR 109", "\xa6a\xfe", "Ĥaŝ"],
    ["ISO_IR 110", "\xe0\xb1", "āą"],
    ["ISO_IR 144", "\xbb\xee\xda", "Люк"],
    ["ISO_IR 127", "\xe2\xc8\xc7\xe6\xea", "قباني"],
    ["ISO_IR 126", "\xc4\xe9\xef", "Διο"],
    ["ISO_IR 138", "\xf9\xf8\xe5\xef", "שרון"],
    ["ISO_IR 148", "\xd0\xfd\xfe", "Ğış"],
    ["ISO_IR 203", "\xa4\xbc", "€Œ"],
    ["ISO_IR 13", "\xd4\xcf\xc0\xde~", "ﾔﾏﾀﾞ‾"],
    ["ISO_IR 166", "\xca\xc1\xaa\xd2\xc2", "สมชาย"],
    ["ISO_IR 192", "\xe7\x8e\x8b^\xff", "王^\ufffd"],
    ["GB18030", "\xcd\xf5", "王"],
    ["GBK", "\xcd\xf5", "王"],
  ])("%s", (terms, value, expected) => {
    expect(decoded(terms, value)).toBe(expected);
  });

  it("extend each other by escape sequences", () => {
    expect(decoded("\\ISO 2022 IR 58", "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab")).toBe(
      "Zhang^XiaoDong=张^小东",
    );
    expect(decoded("ISO 2022 IR 100\\ISO 2022 IR 144", "\xe9\x1b-L\xbb=\xe9")).toBe("éЛ=é");
    expect(decoded("\\ISO 2022 IR 159", "\x1b$(D\x30\x21\x1b(B x")).toBe("丂 x");
    expect(decoded("ISO 2022 IR 13\\ISO 2022 IR 87", "\xd4~=\x1b$B;3ED\x1b(J^~")).toBe("ﾔ‾=山田^‾");
    expect(decoded("\\ISO 2022 IR 166", "\x1b-T\xca x", "LO")).toBe("ส x");
  });

  it("are reset at delimiters, as far as the VR has them", () => {
    const korean = "\x1b$)C\xb1\xe8";
    expect(decoded("\\ISO 2022 IR 149", `${korean}^\xb1\xe8`)).toBe("김^\ufffd\ufffd");
    expect(decoded("\\ISO 2022 IR 149", `${korean}^\xb1\xe8`, "LO")).toBe("김^김");
    expect(decoded("\\ISO 2022 IR 149", `${korean}\\\xb1\xe8`, "LO")).toBe("김\\\ufffd\ufffd");
    expect(decoded("\\ISO 2022 IR 149", `${korean}\\\xb1\xe8`, "LT")).toBe("김\\김");
    expect(decoded("\\ISO 2022 IR 149", `${korean}\r\n\xb1\xe8`, "LT")).toBe("김\r\n\ufffd\ufffd");
  });

  it("without code extensions, or unknown, show what is wrong", () => {
    expect(decoded("ISO_IR 100", "a\x1b-Lb")).toBe("a\x1b-Lb");
    expect(decoded("\\ISO 2022 IR 87", "\x1b%Gx")).toBe("\x1b%Gx");
    expect(decoded("KLINGON", "\xe9x")).toBe("\ufffdx");
    expect(decoded("ISO_IR 144", "\x85")).toBe("\x85");
  });

  it("hold for the VRs that they affect, and for items without one of their own", () => {
    expect(decoded("ISO_IR 100", "\xe9", "CS")).toBe("\ufffd");
    expect(decoded("ISO_IR 100", "\xe9", "OB")).toBeUndefined();
    expect(decoded("ISO_IR 100", "a \0", "LO")).toBe("a");
    const around = setOf("ISO_IR 144");
    expect(characterSetOf([], around)).toBe(around);
    expect(characterSetOf([]).extensions).toBe(false);
  });

  it("never throw", () => {
    const terms = [
      "",
      "ISO_IR 192",
      "GB18030",
      "\\ISO 2022 IR 87\\ISO 2022 IR 159\\ISO 2022 IR 149",
      "ISO 2022 IR 13",
      "?",
    ];
    const parts = ["\x1b$B", "\x1b$(D", "\x1b$)C", "\x1b)I", "\x1b(B", "\x1b", "^", "\\", "\xb1\xe8", ";3"];
    const pieces = fc.array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 3 })));
    fc.assert(
      fc.property(fc.constantFrom(...terms), pieces, (term, all) => {
        const value = all.join("").replace(/[^\0-\xff]/g, "?");
        expect(typeof decoded(term, value)).toBe("string");
      }),
    );
  });
});

describe("display", () => {
  it("makes visible what hides, reorders or overwrites", () => {
    expect(displaySafe("A\u202eB\0\x1b[2J\r\n\t\x7f\x9b")).toBe("A⟨U+202E⟩B␀␛[2J␍␊␉␡⟨U+009B⟩");
    expect(displaySafe("a\u200b\u200d\ufeff\u2066\u00ad\u2028\u3164\u{e0041}\ufe0f\ud800")).toBe(
      "a⟨U+200B⟩⟨U+200D⟩⟨U+FEFF⟩⟨U+2066⟩⟨U+00AD⟩⟨U+2028⟩⟨U+3164⟩⟨U+E0041⟩⟨U+FE0F⟩\ufffd",
    );
    for (const plain of ["王^小東=", "قباني^لنزار", "สมชาย", "Jérôme", "ﾔﾏﾀﾞ", "ใจดี"])
      expect(displaySafe(plain)).toBe(plain);
  });
});

/** Every affected text of a file by its place: "00100010", or through items "00321064.0.00080104". */
function textsOf(elements: readonly DataElement[], around: CharacterSet, prefix = ""): [string, string][] {
  const set = characterSetOf(elements, around);
  return elements.flatMap((element) => {
    const place = prefix + element.tag.toString(16).padStart(8, "0");
    const below = (element.items ?? []).flatMap((item, i) => textsOf(item.elements, set, `${place}.${i}.`));
    if (!["SH", "LO", "ST", "LT", "PN", "UC", "UT"].includes(element.vr)) return below;
    return [[place, displayText(element, set, nodeTextDecoding)!] as [string, string], ...below];
  });
}

const pydicomTexts = `
import json, sys, warnings, pydicom
warnings.simplefilter("ignore")
def texts(ds, prefix=""):
    out = {}
    for e in ds:
        place = prefix + "%08x" % int(e.tag)
        if e.VR == "SQ":
            for i, item in enumerate(e.value): out.update(texts(item, "%s.%d." % (place, i)))
        elif e.VR in ("SH", "LO", "ST", "LT", "PN", "UC", "UT"):
            many = e.value if isinstance(e.value, (list, pydicom.multival.MultiValue)) else [e.value]
            out[place] = "\\\\".join("" if v is None else str(v) for v in many)
    return out
print(json.dumps([texts(pydicom.dcmread(p)) for p in sys.argv[1:]]))
`;

describePeer("corpus", "the corpus' character sets", () => {
  const folder = join(peerPath("corpus"), "odd", "charset");
  const paths = readdirSync(folder).map((name) => join(folder, name));
  const ours = async (path: string): Promise<Map<string, string>> => {
    const bytes = new Uint8Array(readFileSync(path));
    const object = await fromMemory(bytes, { tolerate: new Set(["uid-mismatch"]) });
    return new Map(textsOf(object.elements, characterSetOf([])));
  };

  describePeer("pydicom", "against pydicom", () => {
    it("every text is the same", async () => {
      const output = execFileSync(peerPath("pydicom"), ["-c", pydicomTexts, ...paths], { encoding: "utf8" });
      const theirs = JSON.parse(output) as Record<string, string>[];
      // pydicom drops empty component groups at a name's end.
      const trimmed = (value: string): string => value.replace(/[= ]+$/, "");
      let compared = 0;
      for (const [i, path] of paths.entries()) {
        for (const [place, value] of await ours(path)) {
          expect(trimmed(value), `${path} ${place}`).toBe(trimmed(theirs[i]![place]!));
          compared++;
        }
      }
      expect(compared).toBeGreaterThan(100);
    });
  });

  describePeer("dcmdump", "against dcmdump +U8", () => {
    it("every patient's name that its iconv can convert is the same", async () => {
      let compared = 0;
      for (const path of paths) {
        const name = (await ours(path)).get("00100010");
        if (name === undefined || name === "") continue;
        const options = ["-q", "+U8", "+P", "0010,0010", path];
        const { stdout, stderr } = spawnSync(peerPath("dcmdump"), options, { encoding: "utf8" });
        // Debian's smaller installations have no converters for the Japanese and Korean sets.
        if (stderr.includes("Cannot open character encoding")) continue;
        expect(/\[(.*?) *\]/.exec(stdout)?.[1], path).toBe(name);
        compared++;
      }
      expect(compared).toBeGreaterThan(6);
    });
  });
});
