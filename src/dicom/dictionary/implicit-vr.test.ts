import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describePeer, peerPath } from "../../../test/peers.ts";
import { parseDcmtkPrivate, parseDcmtkStandard } from "../../../tools/dictionary/sources.ts";
import { concatBytes, fromLatin1, u16le, u32le } from "../../foundation/bytes.ts";
import { groupOf, isPrivate, type Tag } from "../tags.ts";
import { resolveImplicitVr, type Siblings } from "./implicit-vr.ts";

const alone: Siblings = { u16: () => undefined, privateCreator: () => undefined };
const beside = (values: Record<number, number>): Siblings => ({
  u16: (tag) => values[tag],
  privateCreator: () => undefined,
});
const pixelRepresentation = 0x00280103;
const waveformBits = 0x54001004;

describe("implicit VR", () => {
  it.each([
    [0x00280120, {}, "US"],
    [0x00280120, { [pixelRepresentation]: 0 }, "US"],
    [0x00280120, { [pixelRepresentation]: 1 }, "SS"],
    [0x00283002, { [pixelRepresentation]: 1 }, "SS"],
    [0x00281101, { [pixelRepresentation]: 1 }, "US"],
    [0x00221452, { [pixelRepresentation]: 1 }, "US"],
    [0x00283006, { [pixelRepresentation]: 1 }, "OW"],
    [0x00281200, {}, "OW"],
    [0x54001010, { [waveformBits]: 8 }, "OB"],
    [0x54001010, { [waveformBits]: 16 }, "OW"],
    [0x54001010, {}, "OB"],
    [0x7fe00010, {}, "OW"],
    [0x60103000, {}, "OW"],
    [0x50003000, {}, "OB"],
    [0x7f020010, {}, "OB"],
    [0x00041200, {}, "UL"],
    [0x00090000, {}, "UL"],
    [0x00090010, {}, "LO"],
    [0x00090002, {}, "UN"],
    [0x12340001, {}, "UN"],
    [0x0008001d, {}, "SQ"], // unknown to DCMTK 3.6.7: the newer standard decides
  ] as const)("of %i beside %o is %s", (tag, values, vr) => {
    expect(resolveImplicitVr(tag, beside(values))).toBe(vr);
  });

  it("asks the creator only where there is a block", () => {
    const creator: Siblings = { u16: () => undefined, privateCreator: () => "DCMTK_ANONYMIZER" };
    expect(resolveImplicitVr(0x00091000, creator)).toBe("SQ");
    expect(resolveImplicitVr(0x00090001, creator)).toBe("UN");
    expect(resolveImplicitVr(0x00091000, alone)).toBe("UN");
  });
});

interface Sample {
  readonly tag: Tag;
  readonly bytes: Uint8Array;
}

const folder = "/usr/share/libdcmtk17";

/** Data elements DCMTK can carry from implicit to explicit VR; the pixel data URL makes dcmconv refuse to convert. */
function isConvertible(tag: Tag): boolean {
  return groupOf(tag) >= 0x0008 && groupOf(tag) !== 0xfffe && tag !== 0x00287fe0;
}

/** One element of every tag of dicom.dic (repeating groups at their first and at another even group). */
function standardSamples(present: Record<number, number>): Sample[] {
  const samples = new Map<Tag, Uint8Array>();
  for (const { tag: pattern, vr } of parseDcmtkStandard(readFileSync(join(folder, "dicom.dic"), "latin1"))) {
    for (const digits of pattern.includes("xx") ? ["00", "1e"] : [""]) {
      const tag = Number.parseInt(pattern.replace("xx", digits), 16);
      if (!isConvertible(tag) || (tag === pixelRepresentation && !(tag in present))) continue;
      if (tag === waveformBits && !(tag in present)) continue;
      samples.set(tag, valueFor(vr, present[tag]));
    }
  }
  return [...samples].sort(([a], [b]) => a - b).map(([tag, bytes]) => ({ tag, bytes }));
}

/** A value that fits the VR, so that the peer neither warns nor reinterprets. */
function valueFor(vr: string, number = 1): Uint8Array {
  if (vr === "SQ") return new Uint8Array(0);
  if (/US|SS/.test(vr)) return u16le(number);
  if (["FD", "OD", "SV", "UV", "OV"].includes(vr)) return new Uint8Array(8);
  return fromLatin1("1234");
}

function element({ tag, bytes }: Sample): Uint8Array {
  return concatBytes([u16le(groupOf(tag)), u16le(tag & 0xffff), u32le(bytes.length), bytes]);
}

function part10(dataSet: Uint8Array): Uint8Array {
  const uid = (tag: Tag, value: string): Uint8Array => {
    const bytes = fromLatin1(value.length % 2 === 0 ? value : `${value}\0`);
    return concatBytes([u16le(2), u16le(tag), fromLatin1("UI"), u16le(bytes.length), bytes]);
  };
  const meta = concatBytes([
    concatBytes([u16le(2), u16le(1), fromLatin1("OB\0\0"), u32le(2), Uint8Array.of(0, 1)]),
    uid(2, "1.2.840.10008.5.1.4.1.1.2"),
    uid(3, "1.2.3.4"),
    uid(0x10, "1.2.840.10008.1.2"),
  ]);
  const length = concatBytes([u16le(2), u16le(0), fromLatin1("UL"), u16le(4), u32le(meta.length)]);
  return concatBytes([new Uint8Array(128), fromLatin1("DICM"), length, meta, dataSet]);
}

/** What DCMTK makes of a data set in implicit VR: [tag, VR] in order, items included. */
function readByDcmtk(dataSet: Uint8Array): [Tag, string][] {
  const work = mkdtempSync(join(tmpdir(), "scanseal-"));
  try {
    const [implicit, explicit] = [join(work, "implicit.dcm"), join(work, "explicit.dcm")];
    writeFileSync(implicit, part10(dataSet));
    const conversion = spawnSync(peerPath("dcmconv"), ["+te", implicit, explicit], { encoding: "latin1" });
    expect(conversion.status, conversion.stderr).toBe(0);
    const dump = spawnSync(peerPath("dcmdump"), ["-q", explicit], { encoding: "latin1", maxBuffer: 1 << 26 });
    const out: [Tag, string][] = [];
    for (const line of dump.stdout.split("\n")) {
      const match = /^ *\(([0-9a-f]{4}),([0-9a-f]{4})\) ([A-Z]{2}) /.exec(line);
      if (match !== null) out.push([Number.parseInt(match[1]! + match[2]!, 16), match[3]!]);
    }
    return out.filter(([tag]) => groupOf(tag) >= 8 && groupOf(tag) !== 0xfffe);
  } finally {
    rmSync(work, { recursive: true });
  }
}

describePeer(["dcmconv", "dcmdump"], "beside DCMTK", () => {
  it.each<Record<number, number>>([
    { [pixelRepresentation]: 1, [waveformBits]: 8 },
    { [pixelRepresentation]: 0, [waveformBits]: 16 },
    {},
  ])("every tag of its dicom.dic has the same VR, with %o", (present) => {
    if (!existsSync(folder)) return;
    const samples = standardSamples(present);
    expect(samples.length).toBeGreaterThan(4900);
    const read = new Map<Tag, number>();
    const ours = samples.map(({ tag }): [Tag, string] => {
      const vr = resolveImplicitVr(tag, {
        u16: (sibling) => read.get(sibling),
        privateCreator: () => undefined,
      });
      if (present[tag] !== undefined) read.set(tag, present[tag]);
      return [tag, vr];
    });
    expect(readByDcmtk(concatBytes(samples.map(element)))).toEqual(ours);
  });

  it("every element of its private dictionaries has the same VR", () => {
    if (!existsSync(folder)) return;
    const rows = ["dicom.dic", "private.dic"].flatMap((name) =>
      parseDcmtkPrivate(readFileSync(join(folder, name), "latin1")),
    );
    const items: Uint8Array[] = [];
    const ours: [Tag, string][] = [[0x00081140, "SQ"]];
    for (const creator of new Set(rows.map((row) => row.creator))) {
      const samples = privateSamples(rows.filter((row) => row.creator === creator));
      const body = concatBytes(samples.map(element));
      items.push(concatBytes([u16le(0xfffe), u16le(0xe000), u32le(body.length), body]));
      for (const { tag } of samples) {
        ours.push([tag, resolveImplicitVr(tag, { u16: () => undefined, privateCreator: () => creator })]);
      }
    }
    expect(ours.length).toBeGreaterThan(2832);
    const sequence = element({ tag: 0x00081140, bytes: concatBytes(items) });
    expect(readByDcmtk(sequence)).toEqual(ours);
  });

  it("tags it does not know become UN there, and the newer standard's here", () => {
    const unknown = [0x0008001d, 0x00091001, 0x12340002];
    const samples = unknown.map((tag) => ({ tag, bytes: new Uint8Array(0) }));
    expect(readByDcmtk(concatBytes(samples.map(element)))).toEqual(unknown.map((tag) => [tag, "UN"]));
    expect(unknown.map((tag) => resolveImplicitVr(tag, alone))).toEqual(["SQ", "UN", "UN"]);
  });
});

/** One creator's elements in block 10, each with the Private Creator of its group; ranges at their first group. */
function privateSamples(rows: { group: string; creator: string; element: string; vr: string }[]): Sample[] {
  const samples = new Map<Tag, Uint8Array>();
  for (const { group, creator, element: digits, vr } of rows) {
    const base = Number.parseInt(group.slice(0, 4), 16) * 0x10000;
    if (groupOf(base) < 8) continue; // a data set cannot hold them
    const number = Number.parseInt(digits, 16);
    const full = digits.length === 2 ? 0x1000 + number : number;
    expect(isPrivate(base)).toBe(true);
    samples.set(base + (full >>> 8), fromLatin1(creator.padEnd(creator.length + (creator.length % 2))));
    samples.set(base + full, valueFor(vr === "xs" ? "US" : vr));
  }
  return [...samples].sort(([a], [b]) => a - b).map(([tag, bytes]) => ({ tag, bytes }));
}
