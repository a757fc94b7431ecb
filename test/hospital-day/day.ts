/** A hospital's day on disk: two sites, an archive that rewrites, messages, media, results of programs; and somebody who imitates each of them. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect } from "vitest";
import { stripSeal } from "../../src/attack-lab/forgeries.ts";
import { encodePart10, type NewElement, numberElement, textElement } from "../../src/dicom/encode.ts";
import type { DicomObject } from "../../src/dicom/model.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { type Edit, writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { generateChestSeries } from "../../src/phantom/chest-ct.ts";
import { makeWorkplace, type Run, type Workplace } from "../cli/scanseal-process.ts";

export interface Verified {
  readonly verdict: string;
  readonly findings: readonly { readonly code: string; readonly severity: string }[];
}

const passphrase = "a long enough passphrase";

/** One patient's chest, as its scanner made it. */
function chest(seed: number): Bytes[] {
  return [...generateChestSeries({ seed, slices: 4, studyDate: "20260131" })].map(({ file }) => file);
}

export const put = (tag: number, vr: Parameters<typeof textElement>[1], text: string): Edit => ({
  kind: "put",
  element: textElement(tag, vr, text),
});

export class HospitalDay {
  readonly place: Workplace = makeWorkplace();
  /** Files of the own scanner's studies, by study number from 1. */
  readonly #captured: Bytes[][] = [];

  /** @param studies how many patients the scanner sees */
  begin(studies: number): void {
    this.ok("init", "--name", "General Hospital");
    this.ok("enroll", "CT1", "--ae", "CT1", "--serial", "PHANTOM-CT-1");
    const env = { SCANSEAL_NEW_OPERATOR_PASSPHRASE: passphrase };
    expect(this.place.runWith({ env }, "operator", "add", "anna")).toMatchObject({ status: 0 });
    for (let study = 1; study <= studies; study++) {
      const files = chest(100 + study);
      this.#captured.push(files);
      for (const [i, file] of files.entries()) this.place.write(`captured/${study}/${i}.dcm`, file);
      this.ok("seal", `captured/${study}`, "--device", "CT1", "--out", `sealed/${study}`);
    }
  }

  /** @throws where the command fails */
  ok(...args: readonly string[]): Run {
    const env = { SCANSEAL_OPERATOR_PASSPHRASE: passphrase };
    const done = this.place.runWith({ env }, ...args);
    expect(done, args.join(" ")).toMatchObject({ status: 0 });
    return done;
  }

  /** Verdicts of a file or folder, one for each object; `extra` are more options of verify. */
  verify(path: string, ...extra: readonly string[]): Verified[] {
    const { stdout } = this.place.run("verify", "--json", ...extra, path);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Verified & { readonly verdict?: string })
      .filter(({ verdict }) => verdict !== undefined);
  }

  captured(study: number): Bytes {
    return this.#captured[study - 1]![0]!;
  }

  files(folder: string): string[] {
    return readdirSync(this.place.path(folder))
      .filter((name) => name.endsWith(".dcm"))
      .sort()
      .map((name) => `${folder}/${name}`);
  }

  async object(path: string): Promise<DicomObject> {
    return readDicom(new MemorySource(new Uint8Array(readFileSync(this.place.path(path)))));
  }

  async text(path: string, tag: number): Promise<string> {
    const { elements } = await this.object(path);
    const value = elements.find((element) => element.tag === tag)?.value;
    return Buffer.from(value ?? [])
      .toString("latin1")
      .replace(/[ \0]+$/, "");
  }

  /** A copy with other elements, as an archive or a forger writes it. */
  async edited(from: string, to: string, edits: readonly Edit[]): Promise<string> {
    this.place.write(to, await writeToBytes(await this.object(from), edits));
    return to;
  }

  /** The samples of one object under the elements of itself, one of them another. */
  async withOnePixelChanged(from: string, to: string): Promise<string> {
    const object = await this.object(from);
    const pixels = object.elements.find(({ tag }) => tag === tags.pixelData)!;
    const bytes = readFileSync(this.place.path(from));
    bytes[pixels.valueOffset + 4711 * 2]! ^= 1;
    this.place.write(to, bytes);
    return to;
  }

  async stripped(from: string, to: string): Promise<string> {
    return this.edited(from, to, stripSeal(await this.object(from)));
  }

  copied(from: string, to: string): string {
    mkdirSync(dirname(this.place.path(to)), { recursive: true });
    copyFileSync(this.place.path(from), this.place.path(to));
    return to;
  }

  text8(name: string, content: string): string {
    this.place.write(name, content);
    return name;
  }

  /** What a program or a workstation makes of an image: a secondary capture, or a presentation state, that refers to it. */
  async referring(
    kind: "secondary-capture" | "presentation-state",
    image: string,
    to: string,
    sopInstanceUid = "2.25.700001",
  ): Promise<string> {
    const uid = await this.text(image, tags.sopInstanceUid);
    const reference: NewElement = {
      tag: kind === "secondary-capture" ? 0x00082112 : 0x00081140,
      vr: "SQ",
      items: [
        [textElement(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), textElement(0x00081155, "UI", uid)],
      ],
    };
    const isCapture = kind === "secondary-capture";
    const elements: NewElement[] = [
      textElement(tags.sopClassUid, "UI", `1.2.840.10008.5.1.4.1.1.${isCapture ? "7" : "11.1"}`),
      textElement(tags.sopInstanceUid, "UI", sopInstanceUid),
      textElement(tags.modality, "CS", isCapture ? "OT" : "PR"),
      textElement(0x00080070, "LO", "Example AI"),
      textElement(tags.patientName, "PN", await this.text(image, tags.patientName)),
      textElement(tags.patientId, "LO", await this.text(image, tags.patientId)),
      textElement(tags.studyInstanceUid, "UI", await this.text(image, tags.studyInstanceUid)),
      textElement(tags.seriesInstanceUid, "UI", isCapture ? "2.25.700003" : "2.25.700004"),
      reference,
      ...(isCapture ? pictureElements() : []),
    ];
    const sorted = elements.sort((a, b) => a.tag - b.tag);
    this.place.write(to, encodePart10(sorted, explicitLittleEndianUid));
    return to;
  }

  write(path: string, bytes: Bytes): string {
    mkdirSync(dirname(this.place.path(path)), { recursive: true });
    writeFileSync(this.place.path(path), bytes);
    return path;
  }
}

function pictureElements(): NewElement[] {
  return [
    textElement(0x00080064, "CS", "WSD"),
    numberElement(tags.samplesPerPixel, "US", 1),
    textElement(tags.photometricInterpretation, "CS", "MONOCHROME2"),
    numberElement(tags.rows, "US", 64),
    numberElement(tags.columns, "US", 64),
    numberElement(tags.bitsAllocated, "US", 8),
    numberElement(tags.bitsStored, "US", 8),
    numberElement(tags.highBit, "US", 7),
    numberElement(tags.pixelRepresentation, "US", 0),
    { tag: tags.pixelData, vr: "OB", value: new Uint8Array(4096).map((_, i) => (i * 7) & 255) },
  ];
}
