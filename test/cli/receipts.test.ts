/** `scanseal baseline`, `import`, `records`: what nobody sealed, over the command line. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { stripSeal } from "../../src/attack-lab/forgeries.ts";
import { encodePart10, textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { decodeRecordFile, encodeRecordFile } from "../../src/provenance/manifest/record-file.ts";
import { phantomFiles } from "../interop/dimse-peers.ts";
import { zipOf } from "../receipts/zip-writer.ts";
import { sampleElements } from "../vectors/manifest/sample-object.ts";
import { makeWorkplace, sampleFile, type Workplace } from "./scanseal-process.ts";

const deviceSerialNumber = 0x00181000;

/** An object of the device with that serial number. */
function scanOf(serial: string, uid: string): Bytes {
  const elements = sampleElements()
    .filter(({ tag }) => tag >>> 16 !== 0x0009 && tag !== tags.sopInstanceUid)
    .concat(textElement(deviceSerialNumber, "LO", serial), textElement(tags.sopInstanceUid, "UI", uid));
  return encodePart10(
    elements.sort((a, b) => a.tag - b.tag),
    explicitLittleEndianUid,
  );
}

interface Line {
  readonly verdict: string;
  readonly assurance?: string;
  readonly findings: readonly {
    readonly code: string;
    readonly severity: string;
    readonly message: string;
  }[];
}

function judge(place: Workplace, ...paths: string[]): Line[] {
  const { stdout } = place.run("verify", "--json", ...paths);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

const codes = (line: Line | undefined): string[] =>
  (line?.findings ?? []).filter(({ severity }) => severity === "error").map(({ code }) => code);

describe("baseline", () => {
  const place = makeWorkplace();
  beforeAll(() => {
    place.run("init");
    for (let i = 1; i <= 3; i++) place.write(`archive/${i}.dcm`, sampleFile(`2.25.${i}`));
  });

  it("gives a receipt to each object, changes no byte, and gives none twice", () => {
    const before = readFileSync(place.path("archive/1.dcm"));
    const first = place.run("baseline", "archive", "--source", "Old PACS");
    expect(first).toMatchObject({ status: 0, stdout: "3 receipts given\n", stderr: "" });
    expect(readFileSync(place.path("archive/1.dcm"))).toEqual(before);
    const again = place.run("baseline", "archive", "--source", "Old PACS");
    expect(again).toMatchObject({ status: 0, stdout: "0 receipts given, 3 had one already\n" });
    const lines = judge(place, "archive");
    expect(lines.map(({ verdict, assurance }) => [verdict, assurance])).toEqual(
      Array.from({ length: 3 }, () => ["received", "on-receipt"]),
    );
    const [{ message } = { message: "" }] = lines[0]!.findings;
    expect(message).toMatch(/^Unchanged since it was received from Old PACS on \d{4}-\d\d-\d\d; not sealed/);
    expect(place.run("verify", "archive")).toMatchObject({ status: 0 });
  });

  it("finds what was changed since: pixels and identity, by frame and tag", () => {
    const pixels = Buffer.from(sampleFile("2.25.1"));
    pixels[pixels.length - 4]! ^= 1;
    place.write("changed/pixels.dcm", pixels);
    place.write("changed/patient.dcm", sampleFile("2.25.2", "4712"));
    const { status, stdout } = place.run("verify", "changed");
    expect(status).toBe(1);
    expect(stdout).toContain("(0010,0020)");
    expect(stdout).toContain("frame 2");
    expect(judge(place, "changed").map((line) => [line.verdict, codes(line)])).toEqual([
      ["altered", ["received-changed"]],
      ["altered", ["received-changed"]],
    ]);
  });

  it("another object of the same UID is a conflict: told, and given nothing", () => {
    const { status, stdout, stderr } = place.run("baseline", "changed", "--source", "Old PACS");
    expect(status).toBe(1);
    expect(stdout).toBe("0 receipts given, 2 refused\n");
    expect(stderr).toContain("changed/patient.dcm: not received: conflict");
    expect(stderr).toContain("Patient ID (0010,0020)");
    expect(stderr).not.toContain("4712");
    // Also when both come in one run.
    place.write("two/1.dcm", sampleFile("2.25.9"));
    place.write("two/2.dcm", sampleFile("2.25.9", "4712"));
    const both = place.run("baseline", "two", "--source", "Old PACS");
    expect(both).toMatchObject({ status: 1, stdout: "1 receipt given, 1 refused\n" });
  });

  it("takes identifiers that other software rewrote as UN for what they say", async () => {
    const object = await readDicom(new MemorySource(sampleFile("2.25.61")));
    const uids = [tags.sopClassUid, tags.sopInstanceUid, tags.seriesInstanceUid, tags.studyInstanceUid];
    const edits = uids.flatMap((tag) => {
      const value = object.elements.find((element) => element.tag === tag)?.value;
      return value ? [{ kind: "put" as const, element: { tag, vr: "UN" as const, value } }] : [];
    });
    place.write("un/1.dcm", await writeToBytes(object, edits));
    expect(place.run("baseline", "un", "--source", "Old PACS")).toMatchObject({
      status: 0,
      stdout: "1 receipt given\n",
    });
    expect(judge(place, "un").map(({ verdict }) => verdict)).toEqual(["received"]);
  });

  it("refuses what is malformed, and labels that cannot be signed", () => {
    place.write("bad/cut.dcm", sampleFile("2.25.30").subarray(0, 400));
    expect(place.run("baseline", "bad", "--source", "x")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("bad/cut.dcm: not received"),
    });
    expect(place.run("baseline", "archive", "--source", "Müller")).toMatchObject({ status: 2 });
    expect(place.run("baseline", "archive", "--source", "x", "--as-unsealed")).toMatchObject({ status: 2 });
    expect(place.run("baseline", "--help").stdout).toContain("never since capture");
  });

  it("records go to another site as files, where their signer has to be trusted", () => {
    const place2 = makeWorkplace();
    place2.run("init", "--name", "Other site");
    expect(place.run("records", "export", "archive/1.dcm", "--out", "records")).toMatchObject({ status: 0 });
    const [name] = readdirSync(place.path("records"));
    expect(name).toMatch(/^receipt-[0-9a-f]{64}\.record$/);
    const file = readFileSync(place.path("records", name!));
    place2.write("r.record", file);
    place2.write("1.dcm", readFileSync(place.path("archive/1.dcm")));
    const isTaken = (path: string): boolean => place2.run("records", "import", path).status === 0;
    // Not kept: its signer is a stranger here, or trusted for something else.
    expect(isTaken("r.record")).toBe(false);
    place2.write("first.pem", place.run("trust", "export").stdout);
    place2.run("trust", "import", "first.pem", "--role", "capture");
    expect(isTaken("r.record")).toBe(false);
    expect(judge(place2, "1.dcm").map(({ verdict }) => verdict)).toEqual(["unsealed"]);
    place2.run("trust", "import", "first.pem", "--role", "receipt");
    // The same statement with another opening or kind, or without its signature, would keep the right one out for good.
    const { record, subjects } = decodeRecordFile(file, nodeCrypto);
    const signature = Buffer.from(record.envelope);
    const at = signature.lastIndexOf('"sig":"') + 30;
    signature.write(signature[at] === 0x41 ? "B" : "A", at);
    const shadows = [
      { ...record, opening: new Uint8Array(0) },
      { ...record, kind: "correction" as const },
      { ...record, envelope: signature },
    ];
    for (const shadow of shadows) {
      try {
        place2.write("shadow.record", encodeRecordFile({ record: shadow, subjects }));
      } catch {
        continue;
      }
      expect(isTaken("shadow.record")).toBe(false);
    }
    // Nor is it filed where a file says that it belongs.
    const elsewhere = [{ kind: "study", name: "2.25.77" } as const];
    place2.write("r.record", encodeRecordFile({ record, subjects: elsewhere }));
    expect(isTaken("r.record")).toBe(true);
    expect(place2.run("records", "export", "2.25.77", "--out", "none").status).toBe(1);
    expect(judge(place2, "1.dcm").map(({ verdict }) => verdict)).toEqual(["received"]);
    place2.write("cut.record", file.subarray(0, 500));
    expect(place2.run("records", "import", "cut.record")).toMatchObject({ status: 1 });
    expect(place.run("records", "export", "2.25.1", "--out", "records").stdout).toContain("there already");
    expect(place.run("records", "export", "2.25.404", "--out", "records")).toMatchObject({ status: 1 });
  });
});

describe("import", () => {
  const place = makeWorkplace();
  const origin = ["--operator", "A. Radiographer", "--origin", "CD of the patient, St. Elsewhere"] as const;
  beforeAll(() => {
    place.run("init");
    for (let i = 1; i <= 2; i++) place.write(`cd/IMAGES/${i}`, sampleFile(`2.25.${i}`));
    // What a run that died two days ago left behind.
    const longAgo = Date.now() / 1000 - 2 * 86_400;
    place.write("scanseal-data/staging-old/object", "an image");
    utimesSync(place.path("scanseal-data/staging-old"), longAgo, longAgo);
    place.write("cd/AUTORUN.INF", "[autorun]");
    place.write("cd/VIEWER.EXE", new Uint8Array(4096));
    // A directory that would lead to another file of this machine: it is not asked.
    place.write("outside/secret.dcm", sampleFile("2.25.66"));
    mkdirSync(place.path("cd/LINKS"));
    symlinkSync(place.path("outside/secret.dcm"), place.path("cd/LINKS/3"));
  });

  it("takes a CD's objects byte for byte, with a receipt that names operator and not origin", () => {
    const { status, stdout, stderr } = place.run("import", "cd", ...origin, "--out", "in");
    expect(status).toBe(0);
    expect(stdout).toBe("2 receipts given\n2 objects in in\n");
    expect(stderr).toContain("1 links or devices were left alone");
    expect(readdirSync(place.path("in")).sort()).toEqual(["2.25.1.dcm", "2.25.2.dcm"]);
    expect(readFileSync(place.path("in/2.25.1.dcm"))).toEqual(readFileSync(place.path("cd/IMAGES/1")));
    expect(judge(place, "in").map(({ verdict }) => verdict)).toEqual(["received", "received"]);
    place.run("records", "export", "in/2.25.1.dcm", "--out", "records");
    const [name] = readdirSync(place.path("records"));
    const file = JSON.parse(readFileSync(place.path("records", name!), "utf8")) as Record<string, string>;
    const envelope = JSON.parse(Buffer.from(file.envelope!, "base64").toString()) as {
      dsse: { payload: string };
    };
    const payload = Buffer.from(envelope.dsse.payload, "base64").toString();
    expect(payload).toContain('"basis":"import","operator":"A. Radiographer"');
    expect(payload).not.toContain("Elsewhere");
    expect(payload).not.toContain("2.25.1");
    expect(Buffer.from(file.opening!, "base64").toString("latin1")).toContain("St. Elsewhere");
    // What is unpacked stays nowhere.
    expect(readdirSync(place.path("scanseal-data")).filter((one) => one.startsWith("staging-"))).toEqual([]);
  });

  it("takes a zip archive, and refuses one that reaches outside, whole", () => {
    place.write("good.zip", zipOf([{ name: "a/1", content: sampleFile("2.25.11"), deflate: true }]));
    expect(place.run("import", "good.zip", ...origin, "--out", "zipped")).toMatchObject({
      status: 0,
      stdout: "1 receipt given\n1 object in zipped\n",
    });
    const slip = [
      { name: "a/1", content: sampleFile("2.25.12") },
      { name: "../../slipped", content: sampleFile("2.25.13") },
    ];
    place.write("slip.zip", zipOf(slip));
    const { status, stderr } = place.run("import", "slip.zip", ...origin, "--out", "slipped");
    expect(status).toBe(1);
    expect(stderr).toMatch(/^scanseal: the zip archive is refused: [^\n]+\n$/);
    expect(readdirSync(place.folder)).not.toContain("slipped");
  });

  it("refuses what was altered, and what is malformed, and takes the rest", () => {
    const files = phantomFiles();
    for (const [i, file] of files.entries()) place.write(`captured/${i}.dcm`, file);
    place.run("enroll", "ct1", "--ae", "CT1", "--serial", "1");
    place.run("seal", "captured", "--device", "ct1", "--out", "sealed");
    const [first, second] = readdirSync(place.path("sealed"));
    const altered = readFileSync(place.path("sealed", first!));
    altered[altered.length - 20_000]! ^= 4;
    place.write("mixed/altered.dcm", altered);
    place.write("mixed/sealed.dcm", readFileSync(place.path("sealed", second!)));
    place.write("mixed/cut.dcm", sampleFile("2.25.40").subarray(0, 500));
    const { status, stdout, stderr } = place.run("import", "mixed", ...origin, "--out", "mixed-in");
    expect(status).toBe(1);
    expect(stdout).toBe("0 receipts given, 1 sealed, which need none, 2 refused\n1 object in mixed-in\n");
    expect(stderr).toContain("mixed/altered.dcm: not imported");
    expect(readdirSync(place.path("mixed-in"))).toEqual([second]);
  });

  it("asks for what it needs, and says what is wrong", () => {
    expect(place.run("import", "cd", ...origin)).toMatchObject({ status: 2 });
    expect(place.run("import", "cd", ...origin, "--out", "x", "--send", "a:1")).toMatchObject({ status: 2 });
    expect(place.run("import", "nowhere", ...origin, "--out", "x")).toMatchObject({ status: 2 });
    expect(place.run("import", "cd", "--operator", "x", "--out", "x")).toMatchObject({ status: 2 });
    place.write("none/readme.txt", "nothing");
    expect(place.run("import", "none", ...origin, "--out", "x")).toMatchObject({ status: 2 });
  });
});

describe("an object of an enrolled device without its seal", () => {
  const place = makeWorkplace();
  beforeAll(() => {
    place.run("init");
    place.write("prior/1.dcm", scanOf("SN-7", "2.25.71"));
    place.run("baseline", "prior", "--source", "Old PACS");
    place.run("enroll", "ct7", "--ae", "CT7", "--serial", "SN-7");
  });

  it("is received as before, when its receipt is older than the enrolment", () => {
    const [line] = judge(place, "prior");
    expect(line).toMatchObject({ verdict: "received", assurance: "on-receipt" });
    expect(line!.findings.find(({ code }) => code === "seal-expected")).toMatchObject({
      severity: "warning",
    });
  });

  it("is refused by baseline and import: stripping a seal does not launder it", () => {
    place.write("stripped/2.dcm", scanOf("SN-7", "2.25.72"));
    const baseline = place.run("baseline", "stripped", "--source", "x");
    expect(baseline).toMatchObject({ status: 1, stdout: "0 receipts given, 1 refused\n" });
    expect(baseline.stderr).toContain("seal-expected");
    const origin = ["--operator", "A. Radiographer", "--origin", "a stick"];
    expect(place.run("import", "stripped", ...origin, "--out", "in")).toMatchObject({ status: 1 });
    expect(readdirSync(place.path("in"))).toEqual([]);
    expect(judge(place, "stripped").map(({ verdict }) => verdict)).toEqual(["unsealed"]);
  });

  it("unless a person answers for it by name, which stays visible", () => {
    const named = ["--as-unsealed", "--operator", "A. Radiographer"];
    expect(place.run("baseline", "stripped", "--source", "x", ...named)).toMatchObject({ status: 0 });
    const [line] = judge(place, "stripped");
    expect(line!.verdict).toBe("received");
    expect(JSON.stringify(line!.findings)).toContain("A. Radiographer took it without a seal");
    const table = place.run("verify", "stripped").stdout;
    expect(table).toContain("this one carries no seal. A. Radiographer answered for that.");
    expect(place.run("show", "stripped/2.dcm").stdout).toContain(
      "without the seal it should have: A. Radiographer answered for that.",
    );
    expect(table).not.toContain("not sealed at capture");
  });

  it("of which this site made a seal is refused without serial number and mark", () => {
    place.write("plain/1.dcm", sampleFile("2.25.73"));
    place.run("seal", "plain", "--device", "ct7", "--out", "plain-sealed");
    place.write("plain-changed/1.dcm", sampleFile("2.25.73", "0815"));
    const { status, stderr } = place.run("baseline", "plain-changed", "--source", "x");
    expect(status).toBe(1);
    expect(stderr).toContain("seal-expected");
    const named = ["--as-unsealed", "--operator", "A. Radiographer"];
    expect(place.run("baseline", "plain-changed", "--source", "x", ...named)).toMatchObject({ status: 0 });
    expect(place.run("baseline", "plain-changed", "--source", "x")).toMatchObject({ status: 0 });
  });

  it("whose frames carry the mark of a device is refused whatever serial number it states", async () => {
    for (const [i, file] of phantomFiles().slice(0, 1).entries()) place.write(`captured/${i}.dcm`, file);
    place.run("seal", "captured", "--device", "ct7", "--out", "marked");
    const [name] = readdirSync(place.path("marked"));
    place.write("laundered/1.dcm", await stripped(readFileSync(place.path("marked", name!))));
    const { status, stderr } = place.run("baseline", "laundered", "--source", "x");
    expect(status).toBe(1);
    expect(stderr).toContain("seal-stripped");
  });
});

/** Without the seal: what an attacker leaves is the mark in the pixels. */
async function stripped(file: Buffer): Promise<Bytes> {
  const object = await readDicom(new MemorySource(new Uint8Array(file)));
  return writeToBytes(object, stripSeal(object));
}
