/** A sample of the corpus between dcmsign and us; bench/interop-dcmsign.ts plays every file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { feedPlan } from "../../src/dicom/byte-plan.ts";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import { MacStream } from "../../src/digital-signatures/mac-stream.ts";
import { isSignable } from "../../src/digital-signatures/signable.ts";
import { concatBytes } from "../../src/foundation/bytes.ts";
import type { HashName } from "../../src/foundation/crypto.ts";
import { describePeer, peerPath } from "../peers.ts";
import {
  checkWithUs,
  makeTestKey,
  readTolerantly,
  signWithPeer,
  signWithUs,
  type TestKey,
  verifyWithPeer,
} from "./dcmsign-peer.ts";
import { type CorpusFile, corpusFiles, rounds } from "./dcmsign-rounds.ts";

/** One of each: transfer syntaxes, byte orders, functional groups, waveforms, reports, private elements, odd files. */
const sampleNames = [
  "ct-series/lidc-0314-nodule/inst104.dcm",
  "transfer-syntax/small/CT_small.dcm",
  "transfer-syntax/small/MR_small_bigendian.dcm",
  "transfer-syntax/small/image_dfl.dcm",
  "transfer-syntax/small/MR_small_RLE.dcm",
  "odd/ct-8bit-sc-implicit.dcm",
  "odd/charset/chrX1.dcm",
  "non-image/real-world-value-mapping.dcm",
];

/** An enhanced image whose functional groups dcmsign hashes in part. */
const truncatedName = "multiframe/siemens-xa10-enhanced-6_1.dcm";

describePeer(["dcmsign", "openssl", "corpus"], "interoperability with dcmsign", () => {
  let folder = "";
  let p256: TestKey;
  let rsa: TestKey;
  const corpus = corpusFiles(peerPath("corpus"));
  const fileOf = (name: string): CorpusFile => corpus.find((file) => file.name === name)!;
  const sample = sampleNames.filter((name) => fileOf(name));

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "scanseal-dcmsign-"));
    p256 = makeTestKey("P-256", folder);
    rsa = makeTestKey("RSA-3072", folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("has its sample", () => {
    expect(sample).toEqual(sampleNames);
  });

  it.each(sampleNames)("%s: every round agrees", async (name) => {
    const suites = [
      [p256, "SHA-256"],
      [rsa, "SHA-512"],
    ] as const;
    for (const [key, hash] of suites) {
      for (const [title, round] of Object.entries(rounds)) {
        const outcome = await round(fileOf(name), { folder, key, hash });
        expect(outcome.result, `${title}: ${outcome.detail}`).not.toBe("differs");
        if (!title.startsWith("an item")) expect(outcome.result, outcome.detail).toBe("agrees");
      }
    }
  });

  it("the byte stream is dcmsign's, byte for byte", async () => {
    for (const name of sampleNames.filter((other) => other !== "non-image/real-world-value-mapping.dcm")) {
      const dump = join(folder, "stream.bin");
      const output = join(folder, "dumped.dcm");
      signWithPeer(fileOf(name).path, output, p256, "SHA-256", ["+d", dump]);
      const object = await readTolerantly(readFileSync(fileOf(name).path));
      const stream = new MacStream();
      for (const element of object.elements) if (isSignable(element)) stream.add(element);
      const parts: Uint8Array[] = [];
      await feedPlan(stream.steps(), object.dataSource, (bytes) => void parts.push(bytes));
      const ours = concatBytes(parts);
      // The dump goes on with the signature item.
      const theirs = readFileSync(dump).subarray(0, ours.length);
      expect(Buffer.compare(ours, theirs), name).toBe(0);
    }
  });

  it.each([
    ["P-384", "SHA-384"],
    ["RSA-4096", "SHA-384"],
    ["RSA-2048", "SHA-256"],
  ] as const)("%s with %s, both ways", async (kind, hash: HashName) => {
    const key = makeTestKey(kind, folder);
    const path = join(folder, "other-key.dcm");
    const input = fileOf("transfer-syntax/small/CT_small.dcm").path;
    expect(signWithPeer(input, path, key, hash).exitCode).toBe(0);
    const result = kind === "RSA-2048" ? "weak" : "valid";
    expect(await checkWithUs(readFileSync(path))).toMatchObject([{ result, computed: "valid" }]);
    writeFileSync(path, await signWithUs(await readTolerantly(readFileSync(input)), key, hash));
    expect(verifyWithPeer(path, key).exitCode).toBe(0);
  });

  it.each(["RIPEMD-160", "SHA-1", "MD5"])("%s by dcmsign is named and not accepted", async (hash) => {
    const path = join(folder, "legacy.dcm");
    expect(signWithPeer(fileOf("transfer-syntax/small/CT_small.dcm").path, path, rsa, hash).exitCode).toBe(0);
    const [fact] = await checkWithUs(readFileSync(path));
    expect(fact).toMatchObject({ result: "weak", computed: "valid", problems: [{ code: "hash-legacy" }] });
  });

  it("a signer that is not trusted is dcmsign's finding, not the arithmetic's", async () => {
    const path = join(folder, "stranger.dcm");
    const object = await readTolerantly(readFileSync(fileOf("transfer-syntax/small/CT_small.dcm").path));
    writeFileSync(path, await signWithUs(object, p256, "SHA-256"));
    expect(verifyWithPeer(path, rsa).exitCode).not.toBe(0);
    expect(await checkWithUs(readFileSync(path))).toMatchObject([{ result: "valid" }]);
  });

  it("what dcmsign leaves out of its hash can be changed without its noticing; we call it uncovered", async () => {
    const path = join(folder, "truncated.dcm");
    expect(signWithPeer(fileOf(truncatedName).path, path, p256, "SHA-256").exitCode).toBe(0);
    const bytes = readFileSync(path);
    const [before] = await checkWithUs(bytes);
    expect(before).toMatchObject({ result: "valid", encoding: "dcmtk-truncated" });
    const functionalGroups = 0x52009229;
    expect(before!.problems).toContainEqual({ code: "signed-in-part", tag: functionalGroups });
    expect(before!.coverage!.requiredUncovered).toContain(functionalGroups);
    // A word of the protocol in there, beyond the first 16 KiB of the stream.
    const at = bytes.lastIndexOf("sGRADSPEC");
    expect(at).toBeGreaterThan(0);
    bytes[at] = 0x58;
    writeFileSync(path, bytes);
    expect(verifyWithPeer(path, p256).exitCode).toBe(0);
    expect((await checkWithUs(bytes))[0]).toMatchObject({ encoding: "dcmtk-truncated" });
    expect(plainTextOf((await readTolerantly(bytes)).elements, tags.modality)).toBe("MR");
  });
});
