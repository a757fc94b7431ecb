/** Derivations and archives' approvals as evidence: what counts for one, and that nothing else does. */
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { Office } from "../../../test/derivations/office.ts";
import { edited, type Judged, newAuthority, newDevice } from "../../../test/evaluation/fixture.ts";
import { sampleElements } from "../../../test/vectors/manifest/sample-object.ts";
import { encodePart10, type NewElement, textElement } from "../../dicom/encode.ts";
import type { Edit } from "../../dicom/splice.ts";
import { tags } from "../../dicom/tags.ts";
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { DetachedRecord } from "../../provenance/manifest/record.ts";

const site = new Office();
afterAll(() => site.close());
beforeEach(() => site.forget());

function scan(...more: readonly NewElement[]): Bytes {
  const replaced = new Set(more.map(({ tag }) => tag));
  const elements = [...sampleElements().filter(({ tag }) => !replaced.has(tag)), ...more];
  return encodePart10(
    elements.sort((a, b) => a.tag - b.tag),
    explicitLittleEndianUid,
  );
}

const sealed = await site.seal(scan());
const parent = (await site.judge(sealed)).evidence.manifest!.payloadDigest!;
const parents = [{ digest: parent, verdict: "verified" }] as const;
const uid = "2.25.8888";
const result = scan(textElement(tags.sopInstanceUid, "UI", uid));
const atResult = { kind: "instance", name: uid } as const;
const verdictOf = async (bytes: Bytes): Promise<string> => (await site.judge(bytes)).decision.verdict;
const faultOf = ({ evidence }: Judged): string | undefined => evidence.derivation?.faults[0];
const put = (element: NewElement): Edit => ({ kind: "put", element });
const returned = await edited(sealed, [put(textElement(0x00081030, "LO", "CT chest"))]);

describe("a derivation", () => {
  it("gives received, never verified, and says what of, by what and when", async () => {
    const product = { name: "LungFinder", version: "3.1" };
    const record = await site.derivation(result, { parents, product, operator: "anna" });
    site.file(record, atResult);
    const { decision, evidence } = await site.judge(result);
    expect(decision).toMatchObject({
      verdict: "received",
      assurance: "on-receipt",
      disposition: "delivered",
    });
    expect(evidence.derivation).toMatchObject({
      faults: [],
      claim: { action: "processed", parents: [parent], product, operator: "anna" },
    });
    expect(decision.findings.map(({ code }) => code)).toEqual(["derived"]);
    expect(await verdictOf(sealed)).toBe("verified");
  });

  it("is not of an object that changed since, administrative entries apart", async () => {
    site.file(await site.derivation(result, { parents }), atResult);
    expect(await verdictOf(await edited(result, [put(textElement(0x00080054, "AE", "PACS"))]))).toBe(
      "received",
    );
    for (const element of [textElement(tags.patientId, "LO", "X"), textElement(0x0008103e, "LO", "Normal")]) {
      const judged = await site.judge(await edited(result, [put(element)]));
      expect([judged.decision.verdict, faultOf(judged)]).toEqual(["altered", "record-content"]);
    }
    const pixels = result.slice();
    pixels[pixels.length - 8]! ^= 1;
    expect(await verdictOf(pixels)).toBe("altered");
  });

  it("supersedes its parent only where it says so, and only under the parent's name", async () => {
    const atParent = { kind: "statement", name: parent } as const;
    const original = scan();
    for (const [request, of, expected] of [
      [{ action: "restore-original", supersedes: false }, original, "verified"],
      [{ action: "restore-original", supersedes: true }, original, "superseded"],
      [{ action: "restore-original", supersedes: true }, result, "verified"],
      [{ action: "compress-lossy", supersedes: false }, result, "verified"],
    ] as const) {
      site.forget();
      site.file(await site.derivation(of, { parents, ...request }), atParent);
      expect(await verdictOf(sealed), JSON.stringify(request)).toBe(expected);
    }
    await expect(
      site.derivation(result, { parents, action: "processed", supersedes: true }),
    ).rejects.toThrow();
    // Of another parent, filed under this one; and forged.
    site.forget();
    const others = [{ digest: "0".repeat(64), verdict: "verified" }] as const;
    const replacing = { action: "restore-original", supersedes: true } as const;
    site.file(await site.derivation(original, { parents: others, ...replacing }), atParent);
    site.file(await site.derivation(original, { parents, ...replacing }, site.scanner), atParent);
    expect(await verdictOf(sealed)).toBe("verified");
  });
});

describe("no derivation is one", () => {
  it("forged: by a stranger, or a signer of another role", async () => {
    const receipts = newDevice(site.authority, { name: "R", serialNumber: "R", roles: ["receipt"] });
    site.trust(receipts);
    for (const foe of [newDevice(newAuthority("Elsewhere"), { roles: ["derive"] }), site.scanner, receipts]) {
      site.forget();
      site.file(await site.derivation(result, { parents }, foe), atResult);
      const judged = await site.judge(result);
      expect([judged.decision.verdict, faultOf(judged)]).toEqual(["unsealed", "record-signer"]);
    }
    site.trust();
  });

  it("replayed for another object, or with another opening", async () => {
    const other = scan(textElement(tags.sopInstanceUid, "UI", "2.25.9999"));
    const record = await site.derivation(other, { parents });
    site.file(record, atResult);
    const replayed = await site.judge(result);
    expect([replayed.decision.verdict, faultOf(replayed)]).toEqual(["altered", "record-content"]);
    site.forget();
    const own = await site.derivation(result, { parents });
    site.file({ ...own, opening: record.opening }, atResult);
    const mixed = await site.judge(result);
    expect([mixed.decision.verdict, faultOf(mixed)]).toEqual(["unsealed", "record-opening"]);
  });

  it("beside a seal: what a trusted seal says is altered stays so", async () => {
    const broken = await edited(sealed, [put(textElement(tags.patientId, "LO", "X"))]);
    const record = await site.derivation(broken, { parents });
    site.file(record, { kind: "instance", name: "2.25.1234567890" });
    expect(await verdictOf(broken)).toBe("altered");
  });

  it("with any byte flipped", async () => {
    const record = await site.derivation(result, { parents });
    for (const part of ["envelope", "opening"] as const)
      for (let at = 0; at < record[part].length; at++) {
        site.forget();
        site.file(
          { ...record, [part]: record[part].map((b, i) => (i === at ? b ^ (1 << (at % 8)) : b)) },
          atResult,
        );
        const judged = await site.judge(result);
        if (judged.decision.verdict !== "unsealed" || faultOf(judged) === undefined)
          expect.unreachable(`${part} byte ${at}: ${judged.decision.verdict}`);
      }
  }, 120_000);
});

describe("an archive's approval", () => {
  const atArchive = { kind: "archive", name: "pacs" } as const;
  const habits = [{ path: "00081030", kinds: ["added", "changed"] }] as const;
  const from = async (bytes: Bytes, archive?: string): Promise<Judged> =>
    site.judge(bytes, archive === undefined ? {} : { from: archive });

  it("explains its paths and kinds, for its archive", async () => {
    const record = await site.approval({ archive: "pacs", version: 1, habits });
    site.file(record, atArchive);
    const { decision, evidence } = await from(returned, "pacs");
    expect(decision.verdict).toBe("verified-with-changes");
    expect(evidence.content?.attributes[0]?.explainedBy).toMatchObject({
      kind: "archive-changes",
      record: record.digest,
    });
    expect((await from(returned)).decision.verdict).toBe("altered");
    expect((await from(returned, "other")).decision.verdict).toBe("altered");
  });

  it("counts for nothing when forged, of another archive, out of its chain, or of what is never a habit", async () => {
    const never = (path: string) =>
      site.approval({ archive: "pacs", version: 1, habits: [{ path, kinds: ["changed"] }] });
    const records: readonly DetachedRecord[] = [
      await site.approval({ archive: "pacs", version: 1, habits }, site.scanner),
      await site.approval({ archive: "other", version: 1, habits }),
      await site.approval({ archive: "pacs", version: 2, previous: "0".repeat(64), habits }),
      await never("00100010"),
      await never("00281050"),
      await never("7FE00010"),
      await never("60003000"),
      await never("0020000D"),
      await never("52009229/*/00289110"),
      await never("0071[SCANSEAL 1.0]04"),
    ];
    for (const record of records) {
      site.forget();
      site.file(record, atArchive);
      const judged = await from(returned, "pacs");
      expect(judged.decision.verdict).toBe("altered");
    }
  });

  it("with any byte flipped explains nothing", async () => {
    const record = await site.approval({ archive: "pacs", version: 1, habits });
    for (let at = 0; at < record.envelope.length; at++) {
      site.forget();
      const envelope = record.envelope.map((b, i) => (i === at ? b ^ (1 << (at % 8)) : b));
      site.file({ ...record, envelope }, atArchive);
      const { decision, evidence } = await from(returned, "pacs");
      if (decision.verdict !== "altered" || !evidence.recordFaults) expect.unreachable(`byte ${at}`);
    }
  }, 60_000);
});

describe("an object's own word about its past", () => {
  it("Original Attributes Sequence is told, within bounds, and explains nothing", async () => {
    const item = (n: number): NewElement[] => [
      { tag: 0x04000550, vr: "SQ", items: [[textElement(tags.patientId, "LO", "4711")]] },
      textElement(0x04000562, "DT", "20260101120000"),
      textElement(0x04000563, "LO", `PACS\u001b[31m ${n}`),
      textElement(0x04000565, "CS", "COERCE"),
    ];
    const sequence = (count: number) =>
      put({ tag: 0x04000561, vr: "SQ", items: Array.from({ length: count }, (_, n) => item(n)) });
    const { evidence, decision } = await site.judge(await edited(sealed, [sequence(70)]));
    expect(decision.verdict).toBe("altered");
    expect(evidence.originalAttributes).toHaveLength(64);
    expect(evidence.originalAttributes?.[0]).toEqual({
      modifiedAt: "20260101120000",
      system: "PACS?[31m 0",
      reason: "COERCE",
      source: undefined,
      tags: ["(0010,0020)"],
    });
    const told = decision.findings.filter(({ code }) => code === "original-attributes");
    expect(told).toHaveLength(64);
    expect(told[0]).toMatchObject({ severity: "info", detail: expect.stringContaining("explains nothing") });
    expect(JSON.stringify(told)).not.toContain("4711");
    // What it says was there before does not make the change of it one that is explained.
    const claimed = await edited(sealed, [sequence(1), put(textElement(tags.patientId, "LO", "0815"))]);
    expect(await verdictOf(claimed)).toBe("altered");
  });
});
