/** What the seal and the verdict tell about a patient to somebody who should not know, and what they may not promise. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { type Bytes, latin1 } from "../../src/foundation/bytes.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { decodeLeafTable } from "../../src/provenance/disclosure/leaf-table.ts";
import { openManifest } from "../../src/provenance/manifest/check.ts";
import { sealObject } from "../../src/sealing/seal.ts";
import { edited, newSite, outcome, parse, type Site } from "../evaluation/fixture.ts";
import { put, slice } from "./objects.ts";

const secrets = /sentinel|4711|19450508|forged|9999\.1\b/i;

describe("what is told", () => {
  let site: Site;
  let sealed: Bytes;
  beforeAll(async () => {
    site = newSite();
    sealed = await site.seal(slice());
  });
  afterAll(() => site.close());
  const opened = async (bytes: Bytes) => (await openManifest(await parse(bytes), nodeCrypto))!;

  it("manifest and table hold no value of an attribute", async () => {
    const { envelope, containers } = await opened(sealed);
    expect(latin1(envelope.payload)).not.toMatch(secrets);
    const names = decodeLeafTable(containers.table!).map(({ path, vr }) => `${path} ${vr}`);
    expect(names.join("\n")).not.toMatch(secrets);
  });

  it("the same values sealed twice have no commitment, root or seed in common", async () => {
    const [a, b] = [await opened(sealed), await opened(await site.seal(slice()))];
    const hex = (bytes: Bytes): string => Buffer.from(bytes).toString("hex");
    const commitments = (one: typeof a): string[] =>
      decodeLeafTable(one.containers.table!).map(({ commitment }) => hex(commitment));
    const first = new Set(commitments(a));
    expect(commitments(b).filter((text) => first.has(text))).toEqual([]);
    expect(a.statement.root).not.toBe(b.statement.root);
    expect(a.statement.seed).not.toBe(b.statement.seed);
  });

  it.each([
    ["changed", [put(textElement(0x00100010, "PN", "Forged^Name"))]],
    ["added", [put(textElement(0x00104000, "LT", "Forged comment"))]],
    ["malformed", [put({ tag: 0x00200052, vr: "UI", value: new TextEncoder().encode("1.2 .4711\0") })]],
  ] as const)("the report of an object that is %s holds none either", async (_, edits) => {
    const { decision } = await site.judge(await edited(sealed, edits));
    expect(["altered", "malformed"]).toContain(decision.verdict);
    expect(JSON.stringify(decision)).not.toMatch(secrets);
  });

  it("no finding accuses or promises", async () => {
    const forgeries = [
      await edited(sealed, [put(textElement(0x00100010, "PN", "Forged^Name"))]),
      slice(),
      await edited(sealed, [{ kind: "remove", path: [0x00711002] }]),
    ];
    for (const bytes of [sealed, ...forgeries]) {
      const { decision } = await site.judge(bytes);
      expect(JSON.stringify(decision)).not.toMatch(/fake|forge|fraud|manipulat|guarantee|authentic|genuine/i);
      const proven = decision.verdict === "verified";
      expect(decision.assurance).toBe(proven ? "in-device" : undefined);
    }
  });

  it.each([
    ["ten minutes ahead", 10 * 60_000, /^untrusted: time-implausible/],
    ["two minutes ahead", 2 * 60_000, /^verified: /],
    ["before its certificate", -3 * 86_400_000, /^untrusted: time-implausible/],
    ["after its certificate", 400 * 86_400_000, /^untrusted: time-implausible/],
  ])("a device's clock %s", async (_, ahead, expected) => {
    const original = await readDicom(new MemorySource(slice()));
    const ports = {
      crypto: nodeCrypto,
      random: nodeRandom,
      clock: { now: () => systemClock.now() + ahead },
      decoder: { decode: () => Promise.reject(new Error("native")) },
      softwareVersion: "test",
    };
    const seal = await sealObject(original, site.device.sealing, ports, { nextCounter: () => 1 });
    const judged = await site.judge(await writeToBytes(seal.object, seal.edits));
    expect(outcome(judged)).toMatch(expected);
  });
});
