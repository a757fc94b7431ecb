/** `scanseal derive`: what was made of proven objects is received, and says of what; scenarios 15 and 24 in both directions. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { encodePart10, type NewElement, textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { type Edit, writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { withoutSeal } from "../../src/sealing/restoration.ts";
import { phantomFiles } from "../interop/dimse-peers.ts";
import { describePeer, peer } from "../peers.ts";
import { makeWorkplace } from "./scanseal-process.ts";

const place = makeWorkplace();

interface Line {
  readonly verdict: string;
  readonly findings: readonly { readonly code: string; readonly detail: string; readonly message: string }[];
}

const judged = (path: string): Line => JSON.parse(place.run("verify", "--json", path).stdout) as Line;
const codes = (path: string): string[] => judged(path).findings.map(({ code }) => code);
const objectOf = (bytes: Bytes) => readDicom(new MemorySource(bytes));
const fileOf = (folder: string): string => `${folder}/${readdirSync(place.path(folder))[0]}`;
const edited = async (path: string, ...edits: Edit[]): Promise<Bytes> =>
  writeToBytes(await objectOf(readFileSync(place.path(path))), edits);
const put = (element: NewElement): Edit => ({ kind: "put", element });

/** A presentation state, or a result, that refers to the image. */
async function about(image: string, sopClass: string, uid: string): Promise<Bytes> {
  const { elements } = await objectOf(readFileSync(place.path(image)));
  const text = (tag: number): string => plainTextOf(elements, tag) ?? "";
  return encodePart10(
    [
      textElement(tags.sopClassUid, "UI", sopClass),
      textElement(tags.sopInstanceUid, "UI", uid),
      textElement(tags.patientId, "LO", text(tags.patientId)),
      textElement(tags.studyInstanceUid, "UI", text(tags.studyInstanceUid)),
      textElement(tags.seriesInstanceUid, "UI", `${uid}.1`),
      {
        tag: 0x00081115,
        vr: "SQ",
        items: [
          [
            {
              tag: 0x00081140,
              vr: "SQ",
              items: [[textElement(0x00081155, "UI", text(tags.sopInstanceUid))]],
            },
            textElement(tags.seriesInstanceUid, "UI", text(tags.seriesInstanceUid)),
          ],
        ],
      },
    ],
    explicitLittleEndianUid,
  );
}

const presentationState = "1.2.840.10008.5.1.4.1.1.11.1";
const comprehensiveSr = "1.2.840.10008.5.1.4.1.1.88.33";

beforeAll(() => {
  const [first] = phantomFiles();
  place.write("captured/1.dcm", first!);
  expect(place.run("init")).toMatchObject({ status: 0 });
  expect(place.run("enroll", "ct1", "--ae", "CT1", "--serial", "1")).toMatchObject({ status: 0 });
  expect(place.run("seal", "captured", "--device", "ct1", "--out", "sealed")).toMatchObject({ status: 0 });
});

describe("objects of makers that are not enrolled (scenario 24)", () => {
  it("are unsealed, say what they are about, and neither vouch for the image nor taint it", async () => {
    const image = fileOf("sealed");
    place.write("others/gsps.dcm", await about(image, presentationState, "2.25.501"));
    place.write("others/sr.dcm", await about(image, comprehensiveSr, "2.25.502"));
    for (const name of ["gsps", "sr"]) {
      const { verdict, findings } = judged(`others/${name}.dcm`);
      const told = findings.find(({ code }) => code === "refers-to");
      expect(verdict).toBe("unsealed");
      expect(told?.message).toBe("It refers to other images, and neither vouches for them nor taints them.");
      expect(told?.detail).toContain(/([\d.]+)\.dcm$/.exec(image)![1]);
    }
    expect(judged(image).verdict).toBe("verified");
    // The other way round: of an altered image, its report is no more and no less than before.
    place.write("altered/1.dcm", await edited(image, put(textElement(tags.patientId, "LO", "X"))));
    expect(judged("altered/1.dcm").verdict).toBe("altered");
    expect(judged("others/sr.dcm").verdict).toBe("unsealed");
  });
});

describe("an Original Attributes Sequence", () => {
  it("is shown as somebody's word, without values", async () => {
    const item = [
      { tag: 0x04000550, vr: "SQ", items: [[textElement(tags.patientId, "LO", "SECRET")]] } as const,
      textElement(0x04000562, "DT", "20260101"),
      textElement(0x04000563, "LO", "PACS"),
      textElement(0x04000565, "CS", "COERCE"),
    ];
    const bytes = await edited(fileOf("sealed"), put({ tag: 0x04000561, vr: "SQ", items: [item] }));
    place.write("coerced/1.dcm", bytes);
    const { stdout } = place.run("show", "coerced/1.dcm");
    expect(stdout).toContain("by PACS, 20260101, COERCE: (0010,0020) (anybody can write this)");
    expect(stdout).not.toContain("SECRET");
    expect(judged("coerced/1.dcm").verdict).toBe("altered");
  });
});

describe("derive", () => {
  it("processed: a report of an enrolled product is received, with its parent, and is protected from then on", async () => {
    const image = fileOf("sealed");
    place.write("ai/report.dcm", await about(image, comprehensiveSr, "2.25.601"));
    const product = ["--product", "LungFinder", "--product-version", "3.1", "--operator", "anna"];
    const done = place.run("derive", "processed", "ai/report.dcm", "--from", "sealed", ...product);
    expect(done).toMatchObject({ status: 0, stderr: "" });
    const { verdict, findings } = judged("ai/report.dcm");
    expect(verdict).toBe("received");
    const derived = findings.find(({ code }) => code === "derived");
    expect(derived?.message).toBe(
      "Made by image processing, by LungFinder 3.1; made from proven objects, not sealed at capture.",
    );
    expect(derived?.detail).toMatch(/^processed of [0-9a-f]{64} by LungFinder 3\.1, anna, 20/);
    place.write(
      "ai/changed.dcm",
      await edited("ai/report.dcm", put(textElement(0x0008103e, "LO", "No finding"))),
    );
    expect(judged("ai/changed.dcm").verdict).toBe("altered");
    expect(codes("ai/changed.dcm")).toContain("derived-changed");
    const story = place.run("show", "ai/report.dcm").stdout;
    expect(story).toMatch(/Made +processed, 20\S+, LungFinder 3\.1, anna, record [0-9a-f]{64}/);
    const again = place.run("derive", "processed", "ai/report.dcm", "--from", "sealed");
    expect(again.stdout).toContain("already");
    // A result of a result has that as its parent.
    place.write("ai/second.dcm", await about(image, comprehensiveSr, "2.25.602"));
    expect(place.run("derive", "processed", "ai/second.dcm", "--from", "ai/report.dcm")).toMatchObject({
      status: 0,
    });
  });

  it("processed: a picture made of a marked image is received, whatever is left of the marks; changed again it is altered", async () => {
    const image = fileOf("sealed");
    const object = await objectOf(readFileSync(place.path(image)));
    const unsealed = Buffer.from(await writeToBytes(object, withoutSeal(object))).toString("latin1");
    // A UID of its own, of the same length, in the file meta information too.
    const uid = /([\d.]+)\.dcm$/.exec(image)![1]!;
    const ownUid = uid.slice(0, -1) + (uid.endsWith("7") ? "8" : "7");
    const picture = Buffer.from(unsealed.replaceAll(uid, ownUid), "latin1");
    const painted = (left: number): Buffer => {
      // 50 x 50 samples of 16 bits, in frames of 512 x 512 at the end of the file.
      const start = picture.length - 512 * 512 * 2;
      for (let y = 100; y < 150; y++) {
        const at = start + (y * 512 + left) * 2;
        picture.fill(0x03, at, at + 100);
      }
      return picture;
    };
    place.write("ai/picture.dcm", painted(100));
    expect(judged("ai/picture.dcm").verdict).toBe("altered");
    expect(codes("ai/picture.dcm")).toContain("seal-stripped");
    const done = place.run("derive", "processed", "ai/picture.dcm", "--from", "sealed");
    expect(done.stdout).toContain("is received now");
    expect(judged("ai/picture.dcm").verdict).toBe("received");
    expect(place.run("show", "ai/picture.dcm").stdout).not.toContain("do not rely on it");
    place.write("ai/again.dcm", painted(300));
    expect(judged("ai/again.dcm").verdict).toBe("altered");
    expect(codes("ai/again.dcm")).toContain("derived-changed");
  });

  it("refuses parents that are not proven, and results that cannot be what is said", async () => {
    const image = fileOf("sealed");
    place.write("bad/sr.dcm", await about(image, comprehensiveSr, "2.25.701"));
    place.write("bad/same.dcm", await about(image, comprehensiveSr, /([\d.]+)\.dcm$/.exec(image)![1]!));
    place.write("bad/patient.dcm", await edited("bad/sr.dcm", put(textElement(tags.patientId, "LO", "X"))));
    place.write("bad/altered.dcm", await edited(image, put(textElement(tags.patientId, "LO", "X"))));
    for (const [args, why] of [
      [
        ["processed", "bad/sr.dcm", "--from", "captured"],
        "it is unsealed: what is made of it would prove nothing",
      ],
      [["processed", "bad/sr.dcm", "--from", "bad/altered.dcm"], "it is altered"],
      [["processed", "bad/same.dcm", "--from", "sealed"], "has a SOP Instance UID of its own"],
      [["processed", "bad/patient.dcm", "--from", "sealed"], "patient or study is another one"],
      [["processed", image, "--from", "sealed"], "it carries the seal of what it was made of"],
      [["transcode-lossless", "bad/sr.dcm", "--from", "sealed"], "it has no frames"],
      [["compress-lossy", "bad/sr.dcm", "--from", "sealed"], "(0028,2110)"],
      [["restore-original", "bad/sr.dcm", "--from", "sealed"], "it has no frames"],
      [
        ["processed", "bad/sr.dcm", "--from", "sealed", "--supersedes"],
        "--supersedes is for restore-original",
      ],
      [["invented", "bad/sr.dcm", "--from", "sealed"], "an action is one of"],
      [["processed", "bad/sr.dcm", "--from", "sealed", "--product", "X"], "belong together"],
    ] as const) {
      const done = place.run("derive", ...args);
      expect(done.stderr, why).toContain(why);
      expect(done.status, why).toBe(2);
    }
    expect(judged("bad/sr.dcm").verdict).toBe("unsealed");
  });

  it("restore-original: other pixels are refused; one that supersedes makes the marked object an older version", async () => {
    const wrong = phantomFiles()[1]!;
    place.write("wrong/1.dcm", wrong);
    const done = place.run("derive", "restore-original", "wrong/1.dcm", "--from", "sealed");
    expect(done.stderr).toContain("is not the original of the marked one");
    const args = ["captured/1.dcm", "--from", "sealed", "--supersedes"];
    expect(place.run("derive", "restore-original", ...args)).toMatchObject({ status: 0 });
    expect(judged("captured/1.dcm").verdict).toBe("received");
    expect(judged(fileOf("sealed")).verdict).toBe("superseded");
    expect(codes(fileOf("sealed"))).toContain("superseded");
  });
});

describePeer(["dcmcjpeg"], "a lossy derivation that another program made (scenario 15)", () => {
  it("undeclared: altered with the parent's seal, unsealed without, and declared: received, the parent named", () => {
    const [, second] = phantomFiles();
    place.write("captured2/2.dcm", second!);
    place.run("seal", "captured2", "--device", "ct1", "--out", "sealed2");
    const image = fileOf("sealed2");
    // DCMTK gives a lossy result a UID of its own and a Source Image Sequence.
    execFileSync(peer("dcmcjpeg")!, ["+ee", place.path(image), place.path("lossy.dcm")]);
    expect(judged("lossy.dcm").verdict).toBe("altered");
    const undeclared = place.run("derive", "compress-lossy", "lossy.dcm", "--from", image);
    expect(undeclared.stderr).toContain("--out writes a copy without");
    const done = place.run("derive", "compress-lossy", "lossy.dcm", "--from", image, "--out", "declared");
    expect(done).toMatchObject({ status: 0, stderr: "" });
    const declared = fileOf("declared");
    expect(existsSync(place.path(declared))).toBe(true);
    const { verdict, findings } = judged(declared);
    expect(verdict).toBe("received");
    expect(findings.find(({ code }) => code === "derived")?.message).toContain(
      "it is not what the scanner saw",
    );
    // Elsewhere nobody knows the derivation: the parent is shown by its own word.
    expect(place.run("init", "--home", "elsewhere")).toMatchObject({ status: 0 });
    const far = JSON.parse(place.run("verify", "--json", declared, "--home", "elsewhere").stdout) as Line;
    expect(far.verdict).toBe("unsealed");
    expect(far.findings.find(({ code }) => code === "refers-to")?.detail).toContain("by its own word");
    expect(judged(image).verdict).toBe("verified");
  });
});
