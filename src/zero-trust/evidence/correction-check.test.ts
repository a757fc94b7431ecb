/** Corrections as evidence: what is explained, what is superseded, and every way to have something explained that nobody corrected. */
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { Office } from "../../../test/derivations/office.ts";
import { edited, type Judged, newAuthority, newDevice } from "../../../test/evaluation/fixture.ts";
import { sampleElements } from "../../../test/vectors/manifest/sample-object.ts";
import { encodePart10, type NewElement, textElement } from "../../dicom/encode.ts";
import { tags } from "../../dicom/tags.ts";
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { type Bytes, fromLatin1 } from "../../foundation/bytes.ts";
import type { Correction } from "../../provenance/manifest/correction-opening.ts";
import type { DetachedRecord } from "../../provenance/manifest/record.ts";
import { decide } from "../policy/decide.ts";

const study = "2.25.9001";
const site = new Office();
afterAll(() => site.close());
beforeEach(() => site.forget());

function scan(...more: readonly NewElement[]): Bytes {
  const replaced = new Set([...more.map(({ tag }) => tag), tags.studyInstanceUid]);
  const elements = sampleElements().filter(({ tag }) => !replaced.has(tag));
  const all = [
    ...elements,
    ...more.filter(({ tag }) => tag !== tags.studyInstanceUid),
    textElement(tags.studyInstanceUid, "UI", study),
  ];
  return encodePart10(
    all.sort((a, b) => a.tag - b.tag),
    explicitLittleEndianUid,
  );
}

const sealed = await site.seal(scan());
const padded = (text: string): Bytes => fromLatin1(text.length % 2 === 0 ? text : `${text} `);
/** Patient ID from one text to another; undefined for an absent attribute. */
const patientId = (from: string | undefined, to: string | undefined): Correction => ({
  path: "00100020",
  vr: "LO",
  from: from === undefined ? undefined : padded(from),
  to: to === undefined ? undefined : padded(to),
});
const withId = (id: string, of = sealed): Promise<Bytes> =>
  edited(of, [{ kind: "put", element: textElement(tags.patientId, "LO", id) }]);
const atStudy = { kind: "study", name: study } as const;
const first = { studies: [{ uid: study, version: 1 }] };

async function filed(correction: Correction, more: object = {}, by = site.office): Promise<DetachedRecord> {
  const record = await site.correction({ ...first, corrections: [correction], ...more }, by);
  site.file(record, atStudy);
  return record;
}

const verdictOf = async (bytes: Bytes): Promise<string> => (await site.judge(bytes)).decision.verdict;
const faultOf = ({ evidence }: Judged): string | undefined => evidence.recordFaults?.[0]?.faults[0];

describe("a correction", () => {
  it("explains exactly its value, and supersedes what lacks it", async () => {
    const record = await filed(patientId("4711", "0815"));
    const { decision, evidence } = await site.judge(await withId("0815"));
    expect(decision).toMatchObject({ verdict: "verified-with-changes", disposition: "delivered" });
    const [change] = evidence.content!.attributes;
    expect(change?.explainedBy).toMatchObject({ kind: "correction", record: record.digest });
    expect(decision.findings[0]).toMatchObject({
      code: "attribute-changed",
      severity: "info",
      detail: expect.stringContaining(record.digest),
    });
    expect(JSON.stringify(decision)).not.toMatch(/0815|4711/);
    const old = await site.judge(sealed);
    expect(old.decision.verdict).toBe("superseded");
    expect(old.evidence.supersededBy).toMatchObject({ record: record.digest, by: "correction" });
    expect(await verdictOf(await withId("0816"))).toBe("altered");
  });

  it("of an absent attribute, to an absent one, and of one of several spellings", async () => {
    const birthDate = (from: Bytes | undefined, to: Bytes | undefined): Correction => ({
      path: "00100032",
      vr: "TM",
      from,
      to,
    });
    await filed(birthDate(undefined, padded("1200")));
    const put = { kind: "put", element: textElement(0x00100032, "TM", "1200") } as const;
    expect(await verdictOf(await edited(sealed, [put]))).toBe("verified-with-changes");
    expect(await verdictOf(sealed)).toBe("superseded");
    site.forget();
    const corrections = [patientId("other", "0815"), patientId("4711", "0815")];
    site.file(await site.correction({ ...first, corrections }), atStudy);
    expect(await verdictOf(await withId("0815"))).toBe("verified-with-changes");
    site.forget();
    await filed(patientId("4711", undefined));
    const without = await edited(sealed, [{ kind: "remove", path: [tags.patientId] }]);
    expect(await verdictOf(without)).toBe("verified-with-changes");
  });

  it("explains nothing beside itself: another attribute, a pixel, or a broken seal stay what they are", async () => {
    await filed(patientId("4711", "0815"));
    const name = { kind: "put", element: textElement(tags.patientName, "PN", "X") } as const;
    expect(await verdictOf(await edited(corrected, [name]))).toBe("altered");
    const pixels = corrected.slice();
    pixels[Buffer.from(corrected).lastIndexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00])) + 40]! ^= 1;
    expect(await verdictOf(pixels)).toBe("altered");
    // Older and altered: altered says more.
    expect(await verdictOf(await edited(sealed, [name]))).toBe("altered");
  });

  it("superseded is held, delivered with a notice, or delivered, by mode", async () => {
    await filed(patientId("4711", "0815"));
    const { evidence } = await site.judge(sealed);
    const disposition = (mode: "enforce" | "warn" | "observe"): string =>
      decide(evidence, { mode }).disposition;
    expect([disposition("enforce"), disposition("warn"), disposition("observe")]).toEqual([
      "held",
      "delivered-with-notice",
      "delivered",
    ]);
    expect(decide(evidence).findings).toContainEqual(
      expect.objectContaining({ code: "superseded", severity: "warning" }),
    );
  });

  it("says the same by both routes of the content", async () => {
    await filed(patientId("4711", "0815"));
    for (const bytes of [sealed, await withId("0815"), await withId("0816")]) {
      const quick = await site.judge(bytes);
      const deep = await site.judge(bytes, { deep: true });
      expect(deep.decision.verdict).toBe(quick.decision.verdict);
    }
  });
});

describe("a chain of corrections", () => {
  const second = async (record: DetachedRecord, correction: Correction): Promise<DetachedRecord> =>
    filed(correction, { studies: [{ uid: study, version: 2, previous: record.digest }] });

  it("an object in the state of an earlier correction is superseded by the next: rollback", async () => {
    const one = await filed(patientId("4711", "0815"));
    const two = await second(one, patientId("0815", "0816"));
    expect(await verdictOf(await withId("0816"))).toBe("verified-with-changes");
    const rolledBack = await site.judge(await withId("0815"));
    expect(rolledBack.decision.verdict).toBe("superseded");
    expect(rolledBack.evidence.supersededBy?.record).toBe(two.digest);
    expect((await site.judge(sealed)).evidence.supersededBy?.record).toBe(one.digest);
  });

  it("a value that came back is the newest one, not the oldest", async () => {
    const one = await filed(patientId("4711", "0815"));
    await second(one, patientId("0815", "4711"));
    expect(await verdictOf(sealed)).toBe("verified");
    expect(await verdictOf(await withId("0815"))).toBe("superseded");
  });

  it("a link that is missing, named wrongly, or there twice ends the chain", async () => {
    const one = await filed(patientId("4711", "0815"));
    const two = await second(one, patientId("0815", "0816"));
    site.forget();
    site.file(two, atStudy);
    const alone = await site.judge(await withId("0816"));
    expect([alone.decision.verdict, faultOf(alone)]).toEqual(["altered", "record-content"]);
    site.forget();
    site.file(one, atStudy);
    await filed(patientId("0815", "0817"), {
      studies: [{ uid: study, version: 2, previous: "0".repeat(64) }],
    });
    expect(await verdictOf(await withId("0817"))).toBe("altered");
    site.forget();
    site.file(one, atStudy);
    site.file(two, atStudy);
    await second(one, patientId("0815", "0818"));
    expect(await verdictOf(await withId("0816"))).toBe("altered");
    expect(await verdictOf(await withId("0818"))).toBe("altered");
    // Which of the two is in force is unknown; that this value is not, both say.
    expect(await verdictOf(await withId("0815"))).toBe("superseded");
    site.forget();
    site.file(two, atStudy);
    expect(await verdictOf(sealed)).toBe("verified");
    const rival = await site.correction({ ...first, corrections: [patientId("4711", "0818")] });
    site.file(one, atStudy);
    site.file(rival, atStudy);
    expect(await verdictOf(sealed)).toBe("superseded");
  });

  it("explains a value, not another VR: a viewer that follows it shows something else, or nothing", async () => {
    const one = await filed(patientId("4711", "0815"));
    for (const vr of ["SH", "US", "OB", "UN"] as const) {
      const put = (text: string): Promise<Bytes> =>
        edited(sealed, [{ kind: "put", element: { tag: tags.patientId, vr, value: padded(text) } }]);
      expect(await verdictOf(await put("0815"))).toBe("altered");
      const back = await second(one, patientId("0815", "4711"));
      expect(await verdictOf(await put("4711"))).toBe("altered");
      site.forget();
      site.file(one, atStudy);
      expect(back.kind).toBe("correction");
    }
  });

  it("the same record filed twice, or in another order, changes nothing", async () => {
    const one = await site.correction({ ...first, corrections: [patientId("4711", "0815")] });
    const studies = [{ uid: study, version: 2, previous: one.digest }];
    const two = await site.correction({ studies, corrections: [patientId("0815", "0816")] });
    for (const record of [two, one, two, one]) site.file(record, atStudy);
    expect(await verdictOf(await withId("0816"))).toBe("verified-with-changes");
  });
});

const corrected = await withId("0815");

describe("no correction is one", () => {
  const refused = async (expected: string): Promise<void> => {
    const judged = await site.judge(corrected);
    expect([judged.decision.verdict, faultOf(judged)]).toEqual(["altered", expected]);
    expect(judged.decision.findings).toContainEqual(expect.objectContaining({ code: "record-unusable" }));
    // Nor does it make an untouched object an older version.
    expect(await verdictOf(sealed)).toBe("verified");
  };

  it("forged: by a stranger, a scanner, the receipts' key, or an expired or revoked one", async () => {
    const foes = [
      newDevice(newAuthority("Elsewhere"), { roles: ["derive"] }),
      site.scanner,
      newDevice(site.authority, { name: "R", serialNumber: "R", roles: ["receipt"] }),
      newDevice(site.authority, { name: "E", serialNumber: "E", roles: ["derive"], validDays: [-9, -1] }),
      newDevice(site.authority, { name: "V", serialNumber: "V", roles: ["derive"], isRevoked: true }),
    ];
    site.trust(...foes.slice(2));
    for (const foe of foes) {
      site.forget();
      await filed(patientId("4711", "0815"), {}, foe);
      await refused("record-signer");
    }
    site.trust();
  });

  it("of another study, filed under this one", async () => {
    await filed(patientId("4711", "0815"), { studies: [{ uid: "2.25.9002", version: 1 }] });
    await refused("record-content");
  });

  it("of another kind: a derivation, or an approval, filed as a correction", async () => {
    const approval = await site.approval({
      archive: "pacs",
      version: 1,
      habits: [{ path: "00100020", kinds: ["changed"] }],
    });
    site.file({ ...approval, kind: "correction" }, atStudy);
    await refused("record-structure");
  });

  it("of what is no identity attribute: a window, a UID, a private element's name", async () => {
    for (const path of ["00281050", "0020000D", "00080018", "00081140/0/00081155", "00180050"]) {
      site.forget();
      await filed({ ...patientId("4711", "0815"), path });
      await refused("record-content");
    }
  });

  it("with an opening that is not its own: another value, another study, nothing", async () => {
    const record = await site.correction({ ...first, corrections: [patientId("4711", "0815")] });
    const other = await site.correction({ ...first, corrections: [patientId("4711", "0816")] });
    const text = (from: string, to: string): Bytes =>
      fromLatin1(Buffer.from(record.opening).toString("latin1").replace(from, to));
    for (const opening of [
      other.opening,
      text(study, "2.25.9002"),
      new Uint8Array(0),
      text("seed", "sead"),
    ]) {
      site.forget();
      site.file({ ...record, opening }, atStudy);
      await refused("record-opening");
    }
  });

  it("of a value that was never sealed: the commitment decides, not the statement", async () => {
    await filed(patientId("9999", "0815"));
    expect(await verdictOf(corrected)).toBe("altered");
    expect(await verdictOf(sealed)).toBe("verified");
  });

  it("without the seal's opening: what cannot be compared is not explained", async () => {
    await filed(patientId("4711", "0815"));
    const stripped = await edited(corrected, [{ kind: "remove", path: [0x00711002] }]);
    expect(await verdictOf(stripped)).toBe("altered");
  });
});

describe("every byte of a correction", () => {
  it("flipped makes it count for nothing, and a fault is named", async () => {
    const record = await site.correction({ ...first, corrections: [patientId("4711", "0815")] });
    for (const part of ["envelope", "opening"] as const)
      for (let at = 0; at < record[part].length; at++) {
        site.forget();
        const flipped = record[part].map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte));
        site.file({ ...record, [part]: flipped }, atStudy);
        const judged = await site.judge(corrected);
        if (judged.decision.verdict !== "altered" || faultOf(judged) === undefined)
          expect.unreachable(`${part} byte ${at}: ${judged.decision.verdict}`);
      }
    site.forget();
    site.file(record, atStudy);
    expect(await verdictOf(corrected)).toBe("verified-with-changes");
  }, 120_000);
});
