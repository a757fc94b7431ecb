/** Marks survive every lossless transcode that DCMTK, GDCM and Orthanc do, and the way out of DICOM as PNG. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { checkStrippedFrame } from "../../src/invisible-watermark/canonical-form.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { corpusBytes } from "../evaluation/corpus-files.ts";
import { edited } from "../evaluation/fixture.ts";
import { NetworkPeers } from "../evaluation/network-peers.ts";
import { describePeer } from "../peers.ts";
import { image } from "../watermark/marked-objects.ts";
import { orthancExports, strippedPng, toolExports } from "./image-exports.ts";
import { orthancTranscodes, toolTranscodes } from "./lossless-transcodes.ts";
import { keyOf, markedBytes, type Survival, survivalOf } from "./marked-survival.ts";

const subjects: Readonly<Record<string, () => Bytes | Promise<Bytes>>> = {
  "CT, 16 bits signed": () => corpusBytes("transfer-syntax/small/CT_small.dcm"),
  "CT, 12 bits": () => corpusBytes("ct-series/lidc-0314-nodule/inst117.dcm"),
  "MR, 12 bits": () => corpusBytes("mr-series/siemens-t1-sag-hfs/0018.dcm"),
  "MR, 16 bits signed": () => corpusBytes("mr-series/brain-tumour-t1post/000010.dcm"),
  "12 bits signed": () =>
    // Orthanc wants the UIDs above the instance's.
    edited(image({ bits: 12, signed: true }), [
      { kind: "put", element: textElement(tags.studyInstanceUid, "UI", "2.25.4712") },
      { kind: "put", element: textElement(tags.seriesInstanceUid, "UI", "2.25.4713") },
    ]),
  "US, 8 bits": () => corpusBytes("ultrasound/philips-grey-native.dcm"),
  "US, RGB": () => corpusBytes("ultrasound/us1-rgb-native.dcm"),
  "US, RGB, 8 frames": () => corpusBytes("ultrasound/acuson-8frame-rgb-native.dcm"),
};

/** GDCM's J2K decoder says that all allocated bits are stored: the samples are the same, the object's form is not. */
const widened = ["gdcmconv JPEG 2000 and back", "RLE, JPEG lossless, JPEG-LS, JPEG 2000, native"];
const twelveBits = ["CT, 12 bits", "MR, 12 bits", "12 bits signed"];

/** What is not intact, and whose doing it is. */
function explained(transcode: string, subject: string): Partial<Survival> | undefined {
  if (widened.includes(transcode) && twelveBits.includes(subject)) {
    return { result: "other form", detail: "bits 12 became 16" };
  }
  // Kilobytes of zeros behind the data set: no well-formed file, of unmarked originals neither.
  return transcode === "Orthanc, deflated"
    ? { result: "tool", detail: "not read: trailing-bytes" }
    : undefined;
}

/** Orthanc 1.10 does not survive this one, with unmarked originals either. */
const endsOrthanc = (transcode: string, subject: string): boolean =>
  transcode === "Orthanc, JPEG-LS" && subject === "12 bits signed";

/** Fewer bits than the samples have, negative numbers cut off, or colours that are not offered: what comes out is not the image. */
const lossyExports: Readonly<Record<string, readonly string[]>> = {
  "dcm2pnm, PNG of 8 bits": [...twelveBits, "CT, 16 bits signed", "MR, 16 bits signed"],
  "Orthanc, image-uint8": [...twelveBits, "CT, 16 bits signed", "MR, 16 bits signed"],
  "Orthanc, image-uint16": ["MR, 16 bits signed", "12 bits signed"],
};
const notExported: Readonly<Record<string, readonly string[]>> = {
  "Orthanc, image-uint8": ["US, RGB", "US, RGB, 8 frames"],
  "Orthanc, image-uint16": ["US, RGB", "US, RGB, 8 frames"],
  "Orthanc, image-int16": ["US, RGB", "US, RGB, 8 frames"],
};

describePeer(
  [
    "corpus",
    "dcmconv",
    "dcmcjpeg",
    "dcmcjpls",
    "dcmcrle",
    "gdcmconv",
    "Orthanc",
    "storescp",
    "pydicom",
    "dcm2pnm",
  ],
  "marks after other software's transcodes",
  () => {
    const work = mkdtempSync(join(tmpdir(), "transcodes-"));
    const codecs = new CodecPool();
    const network = new NetworkPeers(work);
    beforeAll(() => network.start());
    afterAll(async () => {
      await network.close();
      await codecs.close();
      rmSync(work, { recursive: true, force: true });
    });

    it.each(Object.keys(subjects))(
      "are intact: %s",
      async (name) => {
        const original = await subjects[name]!();
        const marked = await markedBytes(original, codecs);
        for (const transcode of [...toolTranscodes, ...orthancTranscodes(network)]) {
          if (endsOrthanc(transcode.name, name)) continue;
          const survival = await survivalOf(transcode, original, marked, work, codecs);
          expect(survival, transcode.name).toMatchObject(
            explained(transcode.name, name) ?? {
              result: "intact",
              ...(transcode.to && { transferSyntaxUid: transcode.to }),
            },
          );
        }
      },
      300_000,
    );

    it.each(Object.keys(subjects))(
      "are intact in PNG files: %s",
      async (name) => {
        const marked = await markedBytes(await subjects[name]!(), codecs);
        for (const way of [...toolExports, ...orthancExports(network)]) {
          const png = await way.apply(marked, work, []);
          expect(png === undefined, way.name).toBe(notExported[way.name]?.includes(name) ?? false);
          if (png === undefined) continue;
          const { facts } = await checkStrippedFrame(strippedPng(png), nodeCrypto, keyOf);
          const isLossy = lossyExports[way.name]?.includes(name) ?? false;
          expect(facts.found && facts.intact, way.name).toBe(!isLossy);
        }
      },
      120_000,
    );
  },
);
