/** What our encoders write: corpus files again in their own transfer syntax, and generated frames of every kind, decoded by peers. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { encodePart10, numberElement, textElement } from "../../src/dicom/encode.ts";
import { isReversible } from "../../src/dicom/pixel-data/codestream-header.ts";
import { framesOf, type PixelFrames, readCodestream } from "../../src/dicom/pixel-data/frames.ts";
import { pixelDataElements } from "../../src/dicom/pixel-data/pixel-data-writer.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { type CodedFile, canonicalFramesOf, lenient, losslessFiles } from "../dicom/coded-files.ts";
import { describePeer, itWithPeer, type PeerName, peerPath } from "../peers.ts";
import { DimsePeers } from "./dimse-peers.ts";

const pool = new CodecPool({ workersMax: 2 });
const peers = new DimsePeers();
afterAll(async () => {
  await pool.close();
  await peers.close();
});

const uid = (tail: string): string => `1.2.840.10008.1.2.${tail}`;

async function open(bytes: Bytes): Promise<PixelFrames> {
  return (await framesOf(await readDicom(new MemorySource(bytes), lenient)))!;
}

/** The file with every frame decoded and encoded again. */
async function encodedAgain(frames: PixelFrames, canonical: readonly Bytes[]): Promise<Bytes> {
  const { object, attributes } = frames;
  const transferSyntaxUid = object.transferSyntax.uid;
  const encoded = await Promise.all(
    canonical.map(
      async (samples) => (await pool.encode({ transferSyntaxUid, attributes, samples })).codestream,
    ),
  );
  const edits = pixelDataElements(frames, encoded).map((element) => ({ kind: "put", element }) as const);
  return writeToBytes(object, edits);
}

/** Frames one after the other, to compare in one go. */
function joined(frames: readonly Bytes[]): Buffer {
  return Buffer.concat(frames);
}

interface Decoder {
  readonly program: PeerName;
  readonly syntaxes: readonly string[];
  readonly options: readonly string[];
  /** Parts of names of files that the peer does not decode, or not to what we and others decode, encoded by anyone. */
  readonly fails: readonly string[];
}

const decoders: readonly Decoder[] = [
  { program: "dcmdrle", syntaxes: ["5"], options: [], fails: ["liver_rle"] },
  { program: "dcmdjpeg", syntaxes: ["4.57", "4.70"], options: ["--conv-never"], fails: [] },
  { program: "dcmdjpls", syntaxes: ["4.80"], options: [], fails: ["JLSL_08_07_0_1F"] },
  {
    program: "gdcmconv",
    syntaxes: ["5", "4.57", "4.70", "4.80", "4.90", "4.91"],
    options: ["--raw"],
    // One bit a pixel; two frames or 32 bits of colour in RLE.
    fails: ["liver_", "SC_rgb_rle_16bit_2frame", "SC_rgb_rle_32bit"],
  },
];

function decodedByPeer({ program, options }: Decoder, bytes: Bytes): Bytes {
  const input = peers.write("encoded.dcm", bytes);
  const output = peers.path(`decoded-${program}.dcm`);
  execFileSync(peerPath(program), [...options, input, output], { stdio: "pipe" });
  return new Uint8Array(readFileSync(output));
}

describePeer("corpus", "corpus files encoded again", () => {
  const files = losslessFiles();
  const again = new Map<string, { readonly bytes: Bytes; readonly canonical: readonly Bytes[] }>();

  async function encode({ file, path }: CodedFile): Promise<{ bytes: Bytes; canonical: readonly Bytes[] }> {
    const known = again.get(file);
    if (known !== undefined) return known;
    const frames = await open(new Uint8Array(readFileSync(path)));
    const canonical = await canonicalFramesOf(frames, pool);
    const made = { bytes: await encodedAgain(frames, canonical), canonical };
    again.set(file, made);
    return made;
  }

  it("are many, in nine transfer syntaxes", () => {
    expect(files.length).toBe(50);
    expect(new Set(files.map(({ syntax }) => syntax)).size).toBe(9);
  });

  it.each(files)("$file holds the same samples, frame by frame", async (coded) => {
    const { bytes, canonical } = await encode(coded);
    const frames = await open(bytes);
    const decoded = await canonicalFramesOf(frames, pool);
    expect(joined(decoded).equals(joined(canonical))).toBe(true);
    if (frames.layout.kind !== "encapsulated") throw new Error("not encapsulated");
    for (const frame of frames.layout.frames) {
      const codestream = await readCodestream(frames.object, frame);
      expect(isReversible(frames.object.transferSyntax.codec, codestream)).toBe(true);
    }
  });

  for (const decoder of decoders) {
    itWithPeer(decoder.program, `are decoded by ${decoder.program}`, async () => {
      const known = files.filter(
        ({ syntax, file }) =>
          decoder.syntaxes.some((tail) => uid(tail) === syntax) &&
          !decoder.fails.some((part) => file.includes(part)),
      );
      expect(known.length).toBeGreaterThan(4);
      const wrong: string[] = [];
      for (const coded of known) {
        const { bytes, canonical } = await encode(coded);
        try {
          const theirs = await canonicalFramesOf(await open(decodedByPeer(decoder, bytes)), pool);
          if (!joined(theirs).equals(joined(canonical))) wrong.push(`${coded.file}: other samples`);
        } catch (error) {
          wrong.push(`${coded.file}: ${String(error)}`);
        }
      }
      expect(wrong).toEqual([]);
    });
  }
});

interface Kind {
  readonly name: string;
  readonly allocated: 8 | 16;
  readonly stored: number;
  readonly signed: 0 | 1;
  readonly photometric: string;
  readonly rows: number;
  readonly columns: number;
}

function kind(
  name: string,
  allocated: 8 | 16,
  stored: number,
  signed: 0 | 1,
  photometric = "MONOCHROME2",
  rows = 37,
  columns = 53,
): Kind {
  return { name, allocated, stored, signed, photometric, rows, columns };
}

const greys: readonly Kind[] = [
  kind("8 bits", 8, 8, 0),
  kind("10 bits", 16, 10, 0),
  kind("12 bits", 16, 12, 0),
  kind("12 bits signed", 16, 12, 1),
  kind("16 bits", 16, 16, 0),
  kind("16 bits signed", 16, 16, 1),
  kind("one row", 16, 12, 0, "MONOCHROME2", 1, 301),
  kind("one column", 16, 12, 0, "MONOCHROME2", 301, 1),
];
const colours: readonly Kind[] = [kind("RGB", 8, 8, 0, "RGB"), kind("YBR_FULL", 8, 8, 0, "YBR_FULL")];
const transformed: readonly Kind[] = [kind("YBR_RCT", 8, 8, 0, "YBR_RCT")];

function samplesOf({ allocated, stored, signed, photometric, rows, columns }: Kind): Bytes {
  const components = photometric.startsWith("MONO") ? 1 : 3;
  const values = 2 ** stored;
  const count = rows * columns * components;
  const out = allocated === 8 ? new Uint8Array(count) : new Uint16Array(count);
  for (let i = 0, state = 1; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const pixel = Math.floor(i / components);
    // A ramp over both directions with some noise, and the extremes now and then.
    const ramp = ((pixel % columns) / columns + Math.floor(pixel / columns) / rows) / 2;
    const part = state % 97 === 0 ? (state >>> 9) % 2 : ramp * 0.9 + (state / 2 ** 32) * 0.05;
    out[i] = Math.min(Math.floor(part * values), values - 1) - (signed === 1 ? values / 2 : 0);
  }
  return new Uint8Array(out.buffer);
}

async function fileOf(of: Kind, transferSyntaxUid: string, samples: Bytes): Promise<Bytes> {
  const components = of.photometric.startsWith("MONO") ? 1 : 3;
  const attributes = {
    rows: of.rows,
    columns: of.columns,
    samplesPerPixel: components,
    bitsAllocated: of.allocated,
    bitsStored: of.stored,
    highBit: of.stored - 1,
    pixelRepresentation: of.signed,
    photometric: of.photometric,
    planarConfiguration: 0,
    numberOfFrames: 1,
    kind: "integer",
  } as const;
  const { codestream } = await pool.encode({ transferSyntaxUid, attributes, samples });
  const elements = [
    textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.7"),
    textElement(tags.sopInstanceUid, "UI", "2.25.13"),
    textElement(0x00100020, "LO", "ENCODED"),
    textElement(0x0020000d, "UI", "2.25.11"),
    textElement(0x0020000e, "UI", "2.25.12"),
    numberElement(tags.samplesPerPixel, "US", components),
    textElement(tags.photometricInterpretation, "CS", of.photometric),
    ...(components > 1 ? [numberElement(tags.planarConfiguration, "US", 0)] : []),
    numberElement(tags.rows, "US", of.rows),
    numberElement(tags.columns, "US", of.columns),
    numberElement(tags.bitsAllocated, "US", of.allocated),
    numberElement(tags.bitsStored, "US", of.stored),
    numberElement(tags.highBit, "US", of.stored - 1),
    numberElement(tags.pixelRepresentation, "US", of.signed),
    { tag: tags.pixelData, vr: "OB", frames: [codestream] } as const,
  ];
  return encodePart10(elements, transferSyntaxUid);
}

function kindsOf(tail: string): readonly Kind[] {
  return ["4.90", "4.91"].includes(tail) ? [...greys, colours[0]!, ...transformed] : [...greys, ...colours];
}

describe("generated frames", () => {
  for (const decoder of decoders) {
    itWithPeer(decoder.program, `are decoded by ${decoder.program}`, async () => {
      const wrong: string[] = [];
      for (const tail of decoder.syntaxes) {
        for (const of of kindsOf(tail)) {
          const samples = samplesOf(of);
          try {
            const theirs = decodedByPeer(decoder, await fileOf(of, uid(tail), samples));
            const [decoded] = await canonicalFramesOf(await open(theirs), pool);
            if (!joined([decoded!]).equals(joined([samples])))
              wrong.push(`${tail} ${of.name}: other samples`);
          } catch (error) {
            wrong.push(`${tail} ${of.name}: ${String(error)}`);
          }
        }
      }
      expect(wrong).toEqual([]);
    });
  }

  itWithPeer("Orthanc", "are transcoded by Orthanc to the same samples", async () => {
    const { http } = await peers.orthanc("orthanc", { OverwriteInstances: true });
    const base = `http://127.0.0.1:${http}/instances`;
    const wrong: string[] = [];
    for (const tail of ["5", "4.57", "4.70", "4.80"]) {
      for (const of of kindsOf(tail)) {
        // Orthanc has DCMTK make RGB of it, whoever encoded it.
        if (of.photometric === "YBR_FULL" && tail.startsWith("4.")) continue;
        const samples = samplesOf(of);
        const body = new Uint8Array(await fileOf(of, uid(tail), samples));
        const { ID: id } = (await (await fetch(base, { method: "POST", body })).json()) as { ID: string };
        const asked = JSON.stringify({ Transcode: uid("1"), Keep: ["SOPInstanceUID"], Force: true });
        const answer = await fetch(`${base}/${id}/modify`, { method: "POST", body: asked });
        await fetch(`${base}/${id}`, { method: "DELETE" });
        if (!answer.ok) {
          wrong.push(`${tail} ${of.name}: ${answer.status}`);
          continue;
        }
        const [decoded] = await canonicalFramesOf(
          await open(new Uint8Array(await answer.arrayBuffer())),
          pool,
        );
        if (!joined([decoded!]).equals(joined([samples]))) wrong.push(`${tail} ${of.name}: other samples`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
