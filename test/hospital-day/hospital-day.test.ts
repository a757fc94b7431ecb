/**
 * A day in a hospital: everything routine that happens to sealed images, each with what it should be called, and with the attack that imitates it.
 * docs/hospital-day.md is this table.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { insertOverlay } from "../../src/attack-lab/forgeries.ts";
import type { Edit } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { makeWorkplace, sampleFile } from "../cli/scanseal-process.ts";
import { describePeer, peer, projectRoot } from "../peers.ts";
import { HospitalDay, put } from "./day.ts";

interface Row {
  readonly event: string;
  /** What is verified, with more options of verify. */
  readonly object: () => readonly string[];
  readonly verdict: string;
  readonly imitation: string;
  readonly forged: () => readonly string[];
  readonly caught: string;
}

const day = new HospitalDay();
const partner = makeWorkplace();
const stranger = makeWorkplace();
/** Made in beforeAll, by name. */
const made = new Map<string, readonly string[]>();
const of = (name: string) => (): readonly string[] => made.get(name)!;
const accessionNumber = 0x00080050;

const rows: readonly Row[] = [
  {
    event: "nothing: a scan in the archive",
    object: of("scan"),
    verdict: "verified",
    imitation: "one sample changed by one",
    forged: of("one sample"),
    caught: "altered",
  },
  {
    event: "the modality sends again: sealed again, the same bytes",
    object: of("re-sent"),
    verdict: "verified",
    imitation: "an overlay inserted on the way",
    forged: of("overlay"),
    caught: "altered",
  },
  {
    event: "patient merge (ADT^A40): the archive writes the new number into the study",
    object: of("merged"),
    verdict: "verified-with-changes",
    imitation: "the same number written into another patient's study",
    forged: of("merged into another"),
    caught: "altered",
  },
  {
    event: "the study as it was before the merge comes back",
    object: of("before the merge"),
    verdict: "superseded",
    imitation: "the merged study, with a name that no message gave",
    forged: of("merged with another name"),
    caught: "altered",
  },
  {
    event: "accession number fixed, approved by one person",
    object: of("accession"),
    verdict: "verified-with-changes",
    imitation: "another accession number",
    forged: of("another accession"),
    caught: "altered",
  },
  {
    event: "a prior, baselined when the archive was taken over",
    object: of("prior"),
    verdict: "received",
    imitation: "the prior, changed since",
    forged: of("prior changed"),
    caught: "altered",
  },
  {
    event: "a CD from elsewhere, imported",
    object: of("cd"),
    verdict: "received",
    imitation: "a scan of our scanner, its seal stripped, brought on a CD",
    forged: of("stripped on a cd"),
    caught: "unsealed",
  },
  {
    event: "the result of an AI, recorded with its input, product and version",
    object: of("ai"),
    verdict: "received",
    imitation: "a result that nobody recorded",
    forged: of("unknown ai"),
    caught: "unsealed",
  },
  {
    event: "the same result, sent on by the archive with its own Retrieve AE Title",
    object: of("ai rewritten"),
    verdict: "received",
    imitation: "the recorded result, with other pixels",
    forged: of("ai changed"),
    caught: "altered",
  },
  {
    event: "a presentation state of a workstation that is not enrolled: labelled, not believed",
    object: of("gsps"),
    verdict: "unsealed",
    imitation: "the same, to mask the lesion: it taints nothing, the image itself is",
    forged: of("image beside gsps"),
    caught: "verified",
  },
  {
    event: "the archive's habit, approved at commissioning, on an object it gave out",
    object: of("habit"),
    verdict: "verified-with-changes",
    imitation: "the same with another pixel spacing",
    forged: of("habit with spacing"),
    caught: "altered",
  },
  {
    event: "compressed without loss by the archive",
    object: of("lossless"),
    verdict: "verified",
    imitation: "compressed with loss",
    forged: of("lossy"),
    caught: "altered",
  },
  {
    event: "a partner's scan, sealed by the partner's scanner",
    object: of("partner"),
    verdict: "verified",
    imitation: "sealed by another device of the partner than the one it is believed for",
    forged: of("partner's other device"),
    caught: "untrusted",
  },
  {
    event: "the original, restored for research and recorded",
    object: of("restored"),
    verdict: "received",
    imitation: "sealed by a stranger's authority",
    forged: of("stranger"),
    caught: "untrusted",
  },
];

function hl7(kind: string, ...lines: readonly string[]): string {
  const header = `MSH|^~\\&|RIS|HOSPITAL|SCANSEAL|GATE|20260131||${kind}|1|P|2.5.1`;
  return `${[header, ...lines].join("\r")}\r`;
}

function compressed(
  program: "dcmcjpeg" | "dcmcjpls",
  from: string,
  to: string,
  ...options: string[]
): string {
  day.place.write(to, "");
  const done = spawnSync(peer(program)!, [...options, day.place.path(from), day.place.path(to)]);
  expect(done.status, String(done.stderr)).toBe(0);
  return to;
}

async function routineOfSeals(): Promise<void> {
  const [scan] = day.files("sealed/1");
  made.set("scan", [scan!]);
  made.set("one sample", [await day.withOnePixelChanged(scan!, "forged/sample.dcm")]);
  day.ok("seal", "captured/1", "--device", "CT1", "--out", "resent");
  const resent = day.copied(day.files("resent")[0]!, "day/resent.dcm");
  expect(readFileSync(day.place.path(resent))).toEqual(readFileSync(day.place.path(scan!)));
  made.set("re-sent", [resent]);
  const overlay = insertOverlay(512, 512, { top: 200, left: 200, height: 60, width: 60 });
  made.set("overlay", [await day.edited(scan!, "forged/overlay.dcm", overlay)]);
  made.set("lossless", [compressed("dcmcjpls", scan!, "day/lossless.dcm")]);
  made.set("lossy", [compressed("dcmcjpls", scan!, "forged/lossy.dcm", "+en", "+md", "3")]);
}

async function corrections(): Promise<void> {
  const [merged] = day.files("sealed/2");
  const [other] = day.files("sealed/3");
  const oldId = await day.text(merged!, tags.patientId);
  const number = put(tags.patientId, "LO", "NEW-77");
  const name = await day.text(merged!, tags.patientName);
  const message = hl7("ADT^A40^ADT_A39", `PID|1||NEW-77||${name}`, `MRG|${oldId}`);
  day.ok("correct", "sealed/2", "--hl7", day.text8("a40.hl7", message));
  made.set("merged", [await day.edited(merged!, "day/merged.dcm", [number])]);
  made.set("merged into another", [await day.edited(other!, "forged/merged.dcm", [number])]);
  made.set("before the merge", [merged!]);
  const renamed = [number, put(tags.patientName, "PN", "Nobody^Else")];
  made.set("merged with another name", [await day.edited(merged!, "forged/renamed.dcm", renamed)]);

  const study = await day.text(other!, tags.studyInstanceUid);
  day.ok("correct", "sealed/3", "--study", study, "--set", "(0008,0050)=ACC-2", "--by", "anna");
  const accession = (text: string) => [put(accessionNumber, "SH", text)];
  made.set("accession", [await day.edited(other!, "day/accession.dcm", accession("ACC-2"))]);
  made.set("another accession", [await day.edited(other!, "forged/accession.dcm", accession("ACC-3"))]);
}

async function fromOutside(): Promise<void> {
  const prior = day.text8("priors/1.dcm", "");
  day.write(prior, sampleFile("2.25.501"));
  day.ok("baseline", "priors", "--source", "Old PACS");
  made.set("prior", [prior]);
  day.write("forged/prior.dcm", sampleFile("2.25.501", "4712"));
  made.set("prior changed", ["forged/prior.dcm"]);

  day.write("cd/IMG0001", sampleFile("2.25.502"));
  const [scan] = day.files("sealed/1");
  const stripped = await day.stripped(scan!, "bad-cd/IMG0001");
  const media = ["--operator", "anna", "--origin", "a CD by post"];
  day.ok("import", "cd", ...media, "--out", "imported");
  made.set("cd", ["imported"]);
  // Refused at the door, and not believed if it is brought in by another way.
  expect(day.place.run("import", "bad-cd", ...media, "--out", "imported-badly")).toMatchObject({ status: 1 });
  made.set("stripped on a cd", [stripped]);

  for (const args of [
    ["init", "--name", "Partner"],
    ["enroll", "MR9", "--ae", "MR9", "--serial", "9"],
    ["enroll", "MR8", "--ae", "MR8", "--serial", "8"],
  ])
    expect(partner.run(...args)).toMatchObject({ status: 0 });
  partner.write("scans/1.dcm", sampleFile("2.25.601"));
  partner.write("others/1.dcm", sampleFile("2.25.602"));
  expect(partner.run("seal", "scans", "--device", "MR9", "--out", "sealed")).toMatchObject({ status: 0 });
  expect(partner.run("seal", "others", "--device", "MR8", "--out", "sealed8")).toMatchObject({ status: 0 });
  day.text8("partner.pem", partner.run("trust", "export").stdout);
  day.ok("trust", "import", "partner.pem", "--label", "Partner", "--ae", "MR9");
  made.set("partner", [day.write("day/partner.dcm", readFileSync(partner.path("sealed/2.25.601.dcm")))]);
  const other = readFileSync(partner.path("sealed8/2.25.602.dcm"));
  made.set("partner's other device", [day.write("forged/partner.dcm", other)]);

  stranger.run("init", "--name", "General Hospital");
  stranger.run("enroll", "CT1", "--ae", "CT1", "--serial", "PHANTOM-CT-1");
  stranger.write("scans/1.dcm", day.captured(1));
  expect(stranger.run("seal", "scans", "--device", "CT1", "--out", "sealed")).toMatchObject({ status: 0 });
  const [theirs] = readdirSync(stranger.path("sealed"));
  const bytes = readFileSync(stranger.path("sealed", theirs!));
  made.set("stranger", [day.write("forged/stranger.dcm", bytes)]);
}

async function derived(): Promise<void> {
  const [scan] = day.files("sealed/1");
  const result = await day.referring("secondary-capture", scan!, "day/ai.dcm");
  const product = ["--product", "Nodule Finder", "--product-version", "2.1"];
  day.ok("derive", "processed", result, "--from", scan!, ...product);
  made.set("ai", [result]);
  const unknown = await day.referring("secondary-capture", scan!, "forged/ai.dcm", "2.25.700009");
  made.set("unknown ai", [unknown]);
  made.set("ai rewritten", [await day.edited(result, "day/ai2.dcm", [put(0x00080054, "AE", "PACS")])]);
  const pixels = { tag: tags.pixelData, vr: "OB", value: new Uint8Array(4096).fill(9) } as const;
  const repainted: Edit = { kind: "put", element: pixels };
  made.set("ai changed", [await day.edited(result, "forged/ai2.dcm", [repainted])]);
  made.set("gsps", [await day.referring("presentation-state", scan!, "day/gsps.dcm", "2.25.700002")]);
  made.set("image beside gsps", [scan!]);

  const [fourth] = day.files("sealed/4");
  day.ok("restore", fourth!, "--out", "restored");
  made.set("restored", day.files("restored"));
}

async function habits(): Promise<void> {
  const files = day.files("sealed/4");
  const habit = [put(0x00081040, "LO", "Radiology"), put(0x00081030, "LO", "CT CHEST")];
  for (const [i, file] of files.slice(0, 3).entries()) {
    day.copied(file, `lent/${i}.dcm`);
    await day.edited(file, `returned/${i}.dcm`, habit);
  }
  day.ok("archive", "learn", "PACS", "lent", "returned");
  day.ok("archive", "approve", "PACS", "--by", "anna");
  const from = ["--from", "PACS"];
  made.set("habit", [await day.edited(files[3]!, "day/habit.dcm", habit), ...from]);
  const spacing = [...habit, put(0x00280030, "DS", "0.5\\0.5")];
  made.set("habit with spacing", [await day.edited(files[3]!, "forged/habit.dcm", spacing), ...from]);
}

describePeer("dcmcjpls", "a day in a hospital", () => {
  beforeAll(async () => {
    day.begin(4);
    await routineOfSeals();
    await corrections();
    await fromOutside();
    await derived();
    await habits();
  }, 300_000);

  it.each(rows)("$event: $verdict", ({ object, verdict }) => {
    const [path, ...extra] = object();
    expect(day.verify(path!, ...extra).map((one) => one.verdict)).toEqual([verdict]);
  });

  it.each(rows)("imitated: $imitation: $caught", ({ forged, caught }) => {
    const [path, ...extra] = forged();
    expect(day.verify(path!, ...extra).map((one) => one.verdict)).toEqual([caught]);
  });

  it("docs/hospital-day.md has this table", () => {
    const path = join(projectRoot, "docs", "hospital-day.md");
    const table = [
      "| what happens | verdict | what imitates it | verdict |",
      "| --- | --- | --- | --- |",
      ...rows.map((row) => `| ${row.event} | \`${row.verdict}\` | ${row.imitation} | \`${row.caught}\` |`),
    ].join("\n");
    if (process.env.SCANSEAL_WRITE_TABLE === "1") {
      const text = readFileSync(path, "utf8");
      writeFileSync(path, text.replace(/\| what happens[\s\S]*?(?=\n\n|\n$)/, table));
    }
    expect(readFileSync(path, "utf8")).toContain(table);
  });
});
