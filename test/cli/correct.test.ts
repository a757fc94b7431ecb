/** `scanseal correct`: patient merge and accession fix on objects that `scanseal seal` made, judged by `scanseal verify`. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { encodePart10, textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { describePeer, peer } from "../peers.ts";
import { sampleElements } from "../vectors/manifest/sample-object.ts";
import { makeWorkplace, type Run } from "./scanseal-process.ts";

const place = makeWorkplace();
const study = (n: number): string => `2.25.900${n}`;
const operator = { SCANSEAL_NEW_OPERATOR_PASSPHRASE: "a long enough passphrase" };
const approving = { env: { SCANSEAL_OPERATOR_PASSPHRASE: "a long enough passphrase" } };

/** A slice of that study and patient. */
function slice(uid: string, studyUid: string, patientId: string): Bytes {
  const replaced = new Map([
    [tags.sopInstanceUid, textElement(tags.sopInstanceUid, "UI", uid)],
    [tags.patientId, textElement(tags.patientId, "LO", patientId)],
    [tags.studyInstanceUid, textElement(tags.studyInstanceUid, "UI", studyUid)],
    [0x00080050, textElement(0x00080050, "SH", "A100")],
  ]);
  const elements = sampleElements().filter(({ tag }) => tag >>> 16 !== 9 && !replaced.has(tag));
  return encodePart10([...elements, ...replaced.values()], explicitLittleEndianUid);
}

const verdicts = (...paths: string[]): string[] =>
  place
    .run("verify", "--json", ...paths)
    .stdout.split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { verdict: string }).verdict);

const hl7 = (...lines: string[]): string => `${lines.join("\r")}\r`;
const header = (kind: string): string => `MSH|^~\\&|RIS|HOSPITAL|SCANSEAL|GATE|20260131||${kind}|1|P|2.5.1`;

describe("correct", () => {
  beforeAll(() => {
    place.run("init");
    place.run("enroll", "CT1", "--ae", "CT1", "--serial", "1");
    place.write("scans/1.dcm", slice("2.25.11", study(1), "P-OLD"));
    place.write("scans/2.dcm", slice("2.25.12", study(1), "P-OLD"));
    place.write("scans/3.dcm", slice("2.25.13", study(2), "P-OLD"));
    place.write("scans/4.dcm", slice("2.25.14", study(3), "P-OTHER"));
    expect(place.run("seal", "scans", "--device", "CT1", "--out", "sealed")).toMatchObject({ status: 0 });
    expect(place.runWith({ env: operator }, "operator", "add", "anna")).toMatchObject({ status: 0 });
  });

  const correct = (...args: string[]): Run => place.runWith(approving, "correct", ...args);

  it("by hand: the corrected copies are verified-with-changes, the originals superseded", () => {
    const set = ["--set", "(0008,0050)=A200", "--by", "anna"];
    const done = correct("sealed", "--study", study(3), ...set, "--out", "fixed");
    expect(done).toMatchObject({ status: 0, stderr: "" });
    expect(done.stdout).toMatch(/Correction [0-9a-f]{64} signed: \(0008,0050\) of 1 study\./);
    expect(done.stdout).not.toContain("A200");
    expect(readdirSync(place.path("fixed"))).toEqual(["2.25.14.dcm"]);
    expect(verdicts("fixed/2.25.14.dcm")).toEqual(["verified-with-changes"]);
    expect(verdicts("sealed/2.25.14.dcm")).toEqual(["superseded"]);
    expect(verdicts("sealed/2.25.11.dcm")).toEqual(["verified"]);
    const shown = place.run("show", "fixed/2.25.14.dcm").stdout;
    expect(shown).toContain("the correction is authorised");
    expect(shown).toMatch(/Corrected +person, 20\S+, by site-derivations, record [0-9a-f]{64}/);
    expect(place.run("show", "sealed/2.25.14.dcm").stdout).toMatch(/Superseded by +person, 20/);
    expect(place.run("verify", "fixed").status).toBe(0);
    expect(place.run("verify", "sealed/2.25.14.dcm").status).toBe(1);
    // The same again needs no record.
    const again = correct("sealed/2.25.14.dcm", "--study", study(3), ...set);
    expect(again.stdout).toContain("Nothing to correct");
  });

  it("the same merge once more writes copies of what could not be written, or was sealed since; nothing is signed again", () => {
    const merge = hl7(header("ADT^A40^ADT_A39"), "PID|1||P-LATE-NEW", "MRG|P-LATE-OLD");
    place.write("late.hl7", new TextEncoder().encode(merge));
    place.write("late/1.dcm", slice("2.25.31", study(7), "P-LATE-OLD"));
    expect(place.run("seal", "late", "--device", "CT1", "--out", "late-sealed").status).toBe(0);
    expect(correct("late-sealed", "--hl7", "late.hl7")).toMatchObject({ status: 0, stderr: "" });
    place.write("late/2.dcm", slice("2.25.32", study(7), "P-LATE-OLD"));
    expect(place.run("seal", "late/2.dcm", "--device", "CT1", "--out", "late-sealed").status).toBe(0);
    expect(verdicts("late-sealed")).toEqual(["superseded", "superseded"]);
    const again = correct("late-sealed", "--hl7", "late.hl7", "--out", "late-fixed");
    expect(again).toMatchObject({ status: 0, stderr: "" });
    expect(again.stdout).toContain("Nothing to correct: these values are in force already.");
    expect(again.stdout).toContain("2 corrected copies in late-fixed.");
    expect(verdicts("late-fixed")).toEqual(["verified-with-changes", "verified-with-changes"]);
    // Another patient's message makes nothing of it.
    const other = hl7(header("ADT^A40^ADT_A39"), "PID|1||P-LATE-NEW", "MRG|P-SOMEBODY");
    place.write("other.hl7", new TextEncoder().encode(other));
    expect(correct("late-sealed", "--hl7", "other.hl7").stderr).toContain("none of these objects");
  });

  it("a second correction follows the first, and each older version is superseded", () => {
    const set = ["--set", "(0008,0050)=A300", "--by", "anna"];
    // From the originals, which lack the first correction too.
    const done = correct("sealed/2.25.14.dcm", "--study", study(3), ...set, "--out", "fixed2");
    expect(done).toMatchObject({ status: 0, stderr: "" });
    expect(verdicts("fixed2/2.25.14.dcm", "fixed/2.25.14.dcm", "sealed/2.25.14.dcm")).toEqual([
      "verified-with-changes",
      "superseded",
      "superseded",
    ]);
  });

  it("a copy of the original gets the earlier corrections too", () => {
    const set = ["--set", "(0010,0020)=P-THIRD", "--by", "anna"];
    const done = correct("sealed/2.25.14.dcm", "--study", study(3), ...set, "--out", "fixed3");
    expect(done).toMatchObject({ status: 0, stderr: "" });
    expect(verdicts("fixed3", "fixed2")).toEqual(["verified-with-changes", "superseded"]);
    const back = ["--set", "(0010,0020)=P-OTHER", "--by", "anna"];
    expect(correct("fixed3", "--study", study(3), ...back)).toMatchObject({ status: 0 });
    expect(verdicts("fixed3", "fixed2")).toEqual(["superseded", "verified-with-changes"]);
  });

  it("an ADT^A40 merges every study of the patient that is given, and no other's", () => {
    place.write(
      "a40.hl7",
      hl7(header("ADT^A40"), "PID|1||P-NEW^^^HOSP||Neu^Nina||19700101|F", "MRG|P-OLD^^^HOSP"),
    );
    const done = correct("sealed", "--hl7", "a40.hl7", "--out", "merged");
    expect(done).toMatchObject({ status: 0, stderr: "" });
    expect(done.stdout).toContain("of 2 studies");
    expect(done.stdout).toContain("3 objects looked at, 1 object not concerned");
    expect(readdirSync(place.path("merged")).sort()).toEqual(["2.25.11.dcm", "2.25.12.dcm", "2.25.13.dcm"]);
    expect(new Set(verdicts("merged"))).toEqual(new Set(["verified-with-changes"]));
    expect(verdicts("sealed/2.25.11.dcm", "sealed/2.25.13.dcm")).toEqual(["superseded", "superseded"]);
    // Undone: the merged patient's ADT^A08 gives the name again that the images were sealed with.
    place.write("a08.hl7", hl7(header("ADT^A08"), "PID|1||P-NEW^^^HOSP||Alt^Anton"));
    expect(correct("merged/2.25.13.dcm", "--hl7", "a08.hl7", "--out", "renamed")).toMatchObject({
      status: 0,
    });
    expect(verdicts("renamed", "merged/2.25.13.dcm")).toEqual(["verified-with-changes", "superseded"]);
  });

  it("an ORM^O01 fixes the accession number of its study, of its patient alone", () => {
    const message = (patient: string, uid: string): string =>
      hl7(
        header("ORM^O01"),
        `PID|1||${patient}`,
        "ORC|XO|1|A777",
        "OBR|1|1|A777",
        `ZDS|${uid}^^Application^DICOM`,
      );
    place.write("orm.hl7", message("P-NEW", study(1)));
    expect(correct("merged/2.25.11.dcm", "--hl7", "orm.hl7", "--out", "ordered")).toMatchObject({
      status: 0,
    });
    expect(verdicts("ordered", "merged/2.25.11.dcm")).toEqual(["verified-with-changes", "superseded"]);
    place.write("wrong.hl7", message("P-OTHER", study(1)));
    expect(correct("merged/2.25.11.dcm", "--hl7", "wrong.hl7")).toMatchObject({ status: 2 });
  });

  it("a worklist item corrects its study", () => {
    const item = encodePart10(
      [
        textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.31"),
        textElement(tags.sopInstanceUid, "UI", "2.25.5"),
        textElement(0x00080050, "SH", "W1"),
        textElement(tags.patientId, "LO", "P-OTHER"),
        textElement(tags.studyInstanceUid, "UI", study(3)),
        { tag: 0x00400100, vr: "SQ", items: [[textElement(0x00400001, "AE", "CT1")]] },
      ],
      explicitLittleEndianUid,
    );
    place.write("item.wl", item);
    expect(correct("sealed", "--worklist", "item.wl", "--out", "listed")).toMatchObject({ status: 0 });
    expect(verdicts("listed", "fixed2")).toEqual(["verified-with-changes", "superseded"]);
  });

  it("what is not proven is not corrected: its values are nobody's word", () => {
    const bytes = slice("2.25.15", study(4), "P-OLD");
    place.write("bare/1.dcm", bytes);
    const done = correct("bare", "--study", study(4), "--set", "(0010,0020)=X", "--by", "anna");
    expect(done.status).toBe(1);
    expect(done.stderr).toContain("it is unsealed: what it had cannot be proven");
    expect(verdicts("bare/1.dcm")).toEqual(["unsealed"]);
  });

  it("what a receipt proves is corrected like what a seal proves", () => {
    place.write("prior/1.dcm", slice("2.25.16", study(5), "P-OLD"));
    place.run("baseline", "prior", "--source", "Old PACS");
    expect(verdicts("prior/1.dcm")).toEqual(["received"]);
    const set = ["--set", "(0010,0020)=P-NEW", "--by", "anna"];
    const done = correct("prior", "--study", study(5), ...set, "--out", "prior-fixed");
    expect(done).toMatchObject({ status: 0, stderr: "" });
    expect(verdicts("prior-fixed", "prior/1.dcm")).toEqual(["received", "superseded"]);
    place.write("prior-forged/1.dcm", slice("2.25.16", study(5), "P-EVIL"));
    expect(verdicts("prior-forged")).toEqual(["altered"]);
  });

  it("what cannot be corrected, and who cannot approve, is refused before anything is signed", () => {
    const by = ["--by", "anna"];
    const at = ["sealed", "--study", study(1)];
    for (const [args, why] of [
      [[...at, "--set", "(0028,0010)=5", ...by], "is no identity attribute"],
      [[...at, "--set", "(0020,000D)=1.2", ...by], "is no identity attribute"],
      [[...at, "--set", "(0010,0030)=1.1.1970", ...by], "none that DA can have"],
      [[...at, "--set", "(0010,0020)=a\\b", ...by], "none that LO can have"],
      [[...at, "--set", "(0010,0020)=X"], "who approves it"],
      [["sealed", "--set", "(0010,0020)=X", ...by], "names its --study"],
      [at, "say what is corrected"],
      [[...at, "--set", "(0010,0020)=X", "--by", "nobody"], "name or passphrase is wrong"],
      [["sealed", "--study", "2.25.1", "--set", "(0010,0020)=X", ...by], "none of these objects"],
    ] as const) {
      const done = correct(...args);
      expect(done.stderr, why).toContain(why);
      expect(done.status).toBe(2);
    }
    const wrong = { env: { SCANSEAL_OPERATOR_PASSPHRASE: "another long passphrase" } };
    const set = ["--set", "(0010,0020)=X", ...by];
    expect(place.runWith(wrong, "correct", ...at, ...set)).toMatchObject({ status: 2 });
  });
});

describePeer(["dcmodify"], "an archive that corrects its own objects", () => {
  it("with the new value they are verified-with-changes, with another one altered", () => {
    place.write("scans6/1.dcm", slice("2.25.17", study(6), "P-OLD"));
    place.run("seal", "scans6", "--device", "CT1", "--out", "sealed6");
    const set = ["--set", "(0008,0050)=A600", "--set", "(0010,0010)=Neu^Nina", "--by", "anna"];
    expect(place.runWith(approving, "correct", "sealed6", "--study", study(6), ...set)).toMatchObject({
      status: 0,
    });
    const modified = (to: string, ...changes: string[]): string => {
      place.write(to, readFileSync(place.path("sealed6/2.25.17.dcm")));
      const edits = changes.flatMap((change) => ["-m", change]);
      execFileSync(peer("dcmodify")!, ["-nb", ...edits, place.path(to)]);
      return to;
    };
    const accession = "(0008,0050)=A600";
    expect(verdicts(modified("archive/whole.dcm", accession, "(0010,0010)=Neu^Nina"))).toEqual([
      "verified-with-changes",
    ]);
    // One of two entries was forgotten: it is an older version still.
    expect(verdicts(modified("archive/half.dcm", accession))).toEqual(["superseded"]);
    expect(verdicts(modified("archive/other.dcm", accession, "(0010,0010)=Neu^Nora"))).toEqual(["altered"]);
  });
});
