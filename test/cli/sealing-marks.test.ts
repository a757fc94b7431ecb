/** `scanseal seal` marks pixels: by default, by modality, or not; and the same original gives the same bytes again. */
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { openManifest } from "../../src/provenance/manifest/check.ts";
import type { WatermarkClaim } from "../../src/provenance/manifest/statement.ts";
import { phantomFiles } from "../interop/dimse-peers.ts";
import { makeWorkplace } from "./scanseal-process.ts";

const place = makeWorkplace();
const enrolled = ["--ae", "CT1", "--serial", "PHANTOM-1"];

async function asModality(modality: string, intent?: string): Promise<Uint8Array> {
  const object = await readDicom(new MemorySource(phantomFiles()[0]!));
  const elements = [
    textElement(tags.modality, "CS", modality),
    ...(intent === undefined ? [] : [textElement(tags.presentationIntentType, "CS", intent)]),
  ];
  return writeToBytes(
    object,
    elements.map((element) => ({ kind: "put", element }) as const),
  );
}

async function claimOf(folder: string): Promise<WatermarkClaim> {
  const [name] = readdirSync(place.path(folder)).filter((one) => one.endsWith(".dcm"));
  const object = await readDicom(new MemorySource(readFileSync(place.path(folder, name!))));
  return (await openManifest(object, nodeCrypto))!.statement.watermark;
}

describe("marks of a seal", () => {
  beforeAll(async () => {
    for (const modality of ["CT", "MR", "US", "PT"])
      place.write(`${modality}.dcm`, await asModality(modality));
    place.write("raw.dcm", await asModality("CT", "FOR PROCESSING"));
    expect(place.run("init")).toMatchObject({ status: 0 });
    expect(place.run("enroll", "ct1", ...enrolled, "--digest-only", "US,MR")).toMatchObject({ status: 0 });
  });

  it("are there by default, verify, and come again byte for byte", async () => {
    expect(place.run("seal", "CT.dcm", "--device", "ct1", "--out", "one")).toMatchObject({ status: 0 });
    expect(await claimOf("one")).toMatchObject({ scheme: "MTW1", frames: 1 });
    expect(place.run("verify", "--deep", "one")).toMatchObject({ status: 0 });
    expect(place.run("seal", "CT.dcm", "--device", "ct1", "--out", "two", "--no-watermark")).toMatchObject({
      status: 0,
    });
    const [name] = readdirSync(place.path("one")).filter((file) => file.endsWith(".dcm"));
    expect(readFileSync(place.path("two", name!)).equals(readFileSync(place.path("one", name!)))).toBe(true);
  });

  it("follow the site's choice for a modality, which can be changed", async () => {
    const reasons: Record<string, WatermarkClaim> = {};
    for (const name of ["MR", "US", "PT", "raw"]) {
      expect(place.run("seal", `${name}.dcm`, "--device", "ct1", "--out", name)).toMatchObject({ status: 0 });
      reasons[name] = await claimOf(name);
    }
    expect(reasons).toEqual({
      MR: { scheme: "none", reason: "choice" },
      US: { scheme: "none", reason: "choice" },
      PT: { scheme: "none", reason: "modality" },
      raw: { scheme: "none", reason: "for-processing" },
    });
    const [sealed] = readdirSync(place.path("PT"));
    expect(place.run("show", `PT/${sealed}`).stdout).toContain("none (modality)");
    const changed = place.run("device", "marking", "ct1", "--marked", "PT,MR");
    expect(changed).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("Marked: PT, MR\nDigest only: US\n"),
    });
    // What was sealed stays as it was sealed.
    rmSync(place.path("MR"), { recursive: true });
    expect(place.run("seal", "MR.dcm", "--device", "ct1", "--out", "MR")).toMatchObject({ status: 0 });
    expect(await claimOf("MR")).toMatchObject({ scheme: "none" });
    expect(place.run("enroll", "pet", ...enrolled, "--marked", "all")).toMatchObject({ status: 0 });
    expect(place.run("seal", "PT.dcm", "--device", "pet", "--out", "PT2")).toMatchObject({ status: 0 });
    expect(await claimOf("PT2")).toMatchObject({ scheme: "MTW1" });
  });

  it("are left out with --no-watermark, and with a key whose signature does not fit", async () => {
    expect(place.run("enroll", "rsa", ...enrolled, "--key", "RSA-3072")).toMatchObject({ status: 0 });
    expect(place.run("seal", "CT.dcm", "--device", "rsa", "--out", "rsa")).toMatchObject({ status: 0 });
    expect(await claimOf("rsa")).toEqual({ scheme: "none", reason: "signer-key" });
    expect(place.run("enroll", "new", ...enrolled)).toMatchObject({ status: 0 });
    const plain = ["seal", "CT.dcm", "--device", "new", "--out", "plain", "--no-watermark"];
    expect(place.run(...plain)).toMatchObject({ status: 0 });
    expect(await claimOf("plain")).toEqual({ scheme: "none", reason: "choice" });
  });

  it("that this site's keys cannot make again are refused, and nothing is written", () => {
    const master = place.path("scanseal-data", "watermark-master");
    renameSync(master, `${master}.lost`);
    const again = place.run("seal", "CT.dcm", "--device", "ct1", "--out", "three");
    expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining("cannot make again") });
    expect(readdirSync(place.path("three")).filter((name) => name.endsWith(".dcm"))).toEqual([]);
    renameSync(`${master}.lost`, master);
    expect(place.run("seal", "CT.dcm", "--device", "ct1", "--out", "three")).toMatchObject({ status: 0 });
  });

  it("a choice that is none is refused before anything is made", () => {
    for (const wrong of [
      ["--marked", "ct"],
      ["--digest-only", "CT,"],
      ["--marked", "CT", "--digest-only", "CT"],
    ]) {
      const { status, stderr } = place.run("enroll", "wrong", ...enrolled, ...wrong);
      expect([status, stderr]).toEqual([2, expect.stringContaining("scanseal: ")]);
    }
    expect(readdirSync(place.path("scanseal-data", "devices"))).not.toContain("wrong");
    expect(place.run("device", "marking", "nobody")).toMatchObject({ status: 2 });
  });
});
