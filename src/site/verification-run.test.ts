import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeSealedSite } from "../../test/gateway/sealed-site.ts";
import { sampleElements } from "../../test/vectors/manifest/sample-object.ts";
import { image, withoutSeal } from "../../test/watermark/marked-objects.ts";
import { encodePart10 } from "../dicom/encode.ts";
import { explicitLittleEndianUid } from "../dicom/transfer-syntax.ts";
import type { FileOutcome } from "./verification.ts";
import { verifyFiles } from "./verification-run.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-run-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Files of different lengths, one after the other through the same memory. */
const paths = Array.from({ length: 50 }, (_, i) => {
  const path = join(folder, `${i}.dcm`);
  const object = encodePart10(sampleElements(), explicitLittleEndianUid);
  if (i % 7 === 3) writeFileSync(path, object.subarray(0, 200 + i));
  else if (i % 7 !== 5) writeFileSync(path, object);
  return path;
});
const settings = { trust: { anchors: [] }, deep: false };

async function outcomes(threads: number): Promise<FileOutcome[]> {
  const found: FileOutcome[] = [];
  for await (const outcome of verifyFiles(paths, settings, threads)) found.push(outcome);
  return found;
}

function wordFor(outcome: FileOutcome): string {
  return "decision" in outcome ? outcome.decision.verdict : outcome.problem;
}

describe("verifying many files", () => {
  it("gives every outcome in order, from one thread or several", async () => {
    const alone = await outcomes(1);
    expect(alone.map(({ path }) => path)).toEqual(paths);
    expect(alone.slice(2, 6).map(wordFor)).toEqual([
      "unsealed",
      "malformed",
      "unsealed",
      "the file cannot be read (ENOENT)",
    ]);
    expect(await outcomes(3)).toEqual(alone);
  });

  it("stops when the caller does", async () => {
    for await (const { path } of verifyFiles(paths, settings, 2)) {
      expect(path).toBe(paths[0]);
      break;
    }
  });

  it("fails where the settings are not sound", async () => {
    const trust = { anchors: [{ label: "none", certificate: new Uint8Array(9) }] };
    const first = verifyFiles(paths, { trust, deep: false }, 2).next();
    await expect(first).rejects.toMatchObject({ code: "certificate-invalid" });
  });
});

it("the marks of devices that are known say what was sealed, in every thread", async () => {
  const site = await makeSealedSite();
  try {
    const stripped = site.write("stripped.dcm", await withoutSeal(await site.sealMarked(image())));
    const trust = site.home.trustContent();
    const codesWith = async (markSigners: readonly Uint8Array[], threads: number): Promise<string[]> => {
      const codes: string[] = [];
      const many = Array.from({ length: 40 }, () => stripped);
      for await (const outcome of verifyFiles(many, { trust, deep: false, markSigners }, threads)) {
        if ("decision" in outcome) codes.push(outcome.decision.findings.map(({ code }) => code).join(" "));
      }
      return [...new Set(codes)];
    };
    const known = site.home.deviceCertificates();
    expect(await codesWith(known, 1)).toEqual(["seal-stripped seal-missing seal-expected"]);
    expect(await codesWith(known, 2)).toEqual(["seal-stripped seal-missing seal-expected"]);
    expect(await codesWith([], 1)).toEqual(["seal-missing"]);
  } finally {
    site.remove();
  }
});

it("a device is known by what the authority issued to it: its own files may be elsewhere, or damaged", async () => {
  const site = await makeSealedSite();
  try {
    const known = site.home.deviceCertificates();
    expect(known).toHaveLength(1);
    const { device } = await site.home.openDevice("CT1");
    expect(Buffer.compare(known[0]!, device.signer.certificate)).toBe(0);
    mkdirSync(join(site.folder, "home", "devices", "lost"));
    rmSync(join(site.folder, "home", "devices", "CT1"), { recursive: true });
    expect(site.home.deviceCertificates()).toEqual(known);
  } finally {
    site.remove();
  }
});
