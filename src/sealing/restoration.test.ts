import { describe, expect, it } from "vitest";
import { encodePart10, numberElement, textElement } from "../dicom/encode.ts";
import { readDicom } from "../dicom/read.ts";
import { tags } from "../dicom/tags.ts";
import { MemorySource } from "../foundation/byte-source.ts";
import { toHex } from "../foundation/bytes.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import type { OpenedManifest } from "../provenance/manifest/check.ts";
import { encodeWatermarkTable } from "../provenance/manifest/watermark-table.ts";
import { type RestorationPorts, restoreObject } from "./restoration.ts";

/** `side` by `side` samples of 16 bits that a few bytes of RLE claim to hold. */
function claiming(side: number, frames: number): Promise<Parameters<typeof restoreObject>[0]> {
  const elements = [
    textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.7"),
    textElement(tags.sopInstanceUid, "UI", "2.25.4711"),
    numberElement(tags.samplesPerPixel, "US", 1),
    textElement(tags.photometricInterpretation, "CS", "MONOCHROME2"),
    textElement(tags.numberOfFrames, "IS", `${frames}`),
    numberElement(tags.rows, "US", side),
    numberElement(tags.columns, "US", side),
    numberElement(tags.bitsAllocated, "US", 16),
    numberElement(tags.bitsStored, "US", 12),
    numberElement(tags.highBit, "US", 11),
    numberElement(tags.pixelRepresentation, "US", 0),
    {
      tag: tags.pixelData,
      vr: "OB" as const,
      frames: Array.from({ length: frames }, () => new Uint8Array(64)),
    },
  ];
  return readDicom(new MemorySource(encodePart10(elements, "1.2.840.10008.1.2.5")));
}

function manifestOf(frames: number, change: (table: Uint8Array) => void = () => {}): OpenedManifest {
  const record = { originalHash: new Uint8Array(32), tileDigests: new Uint8Array(8) };
  const watermarkTable = encodeWatermarkTable({
    salt: new Uint8Array(16),
    attributes: [],
    frames: Array.from({ length: frames }, () => record),
  });
  const table = toHex(nodeCrypto.hash("SHA-256", watermarkTable));
  change(watermarkTable);
  const watermark = { scheme: "MTW1", contentId: "00", keyId: "00", frames, table };
  return { statement: { watermark }, containers: { watermarkTable } } as unknown as OpenedManifest;
}

/** Nothing is decoded, and no key is asked for. */
const ports = { crypto: nodeCrypto } as unknown as RestorationPorts;

describe("what restoring refuses before it reads a frame", () => {
  it("more samples than an object that is marked can have", async () => {
    await expect(restoreObject(await claiming(16_384, 2), manifestOf(2), ports)).rejects.toMatchObject({
      code: "not-restorable",
      message: "its samples are more than 512 MiB",
    });
  });

  it("a table of another number of frames, or another table than the manifest names", async () => {
    const object = await claiming(64, 2);
    await expect(restoreObject(object, manifestOf(3), ports)).rejects.toThrow("is of another object");
    const changed = manifestOf(2, (table) => {
      table[1]! ^= 1;
    });
    await expect(restoreObject(object, changed, ports)).rejects.toThrow("missing or another one");
  });
});
