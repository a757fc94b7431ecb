/** `scanseal sweep` of a folder of a site that has no gate: its own seal records say what was sealed. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import { parse } from "../evaluation/fixture.ts";
import { phantomFiles } from "../interop/dimse-peers.ts";
import { makeWorkplace } from "./scanseal-process.ts";

const place = makeWorkplace();
const sealedNames = (): readonly string[] =>
  readdirSync(place.path("sealed")).filter((name) => name.endsWith(".dcm"));

/** Of an archive that has what was sealed. */
function archive(name: string): string {
  mkdirSync(place.path(name));
  for (const file of sealedNames()) copyFileSync(place.path("sealed", file), place.path(name, file));
  return name;
}

const uidOf = async (file: Uint8Array): Promise<string | undefined> =>
  plainTextOf((await parse(new Uint8Array(file))).elements, tags.sopInstanceUid);

beforeAll(() => {
  for (const [i, file] of phantomFiles().entries()) place.write(`captured/${i}.dcm`, file);
  expect(place.run("init")).toMatchObject({ status: 0 });
  expect(place.run("enroll", "ct1", "--ae", "CT1", "--serial", "1")).toMatchObject({ status: 0 });
  expect(place.run("seal", "captured", "--device", "ct1", "--out", "sealed")).toMatchObject({ status: 0 });
  // It never ran.
  const listeners = "listeners: [{ name: plain, host: 127.0.0.1, port: 11112 }]";
  const sources = "sources: [{ name: ct, listener: plain, aeTitles: [CT1] }]";
  place.write("scanseal-data/gateway.yaml", `home: .\naeTitle: GATE\n${listeners}\n${sources}\n`);
  chmodSync(place.path("scanseal-data", "gateway.yaml"), 0o600);
});

it("finds what was sealed as it was, by verdict", () => {
  const { status, stdout } = place.run("sweep", archive("whole"), "--again");
  expect({ status, stdout }).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("a study never admitted by the gate: 4 instances, verified"),
  });
});

it("names what was stripped of its seal and painted on, though no gate ever saw it", async () => {
  const folder = archive("stripped");
  const painted = new Uint8Array(readFileSync(place.path("captured", "0.dcm")));
  painted[painted.length - 2_000]! ^= 4;
  const uid = await uidOf(painted);
  for (const file of sealedNames())
    if ((await uidOf(readFileSync(place.path("sealed", file)))) === uid)
      place.write(`${folder}/${file}`, painted);
  const { status, stdout } = place.run("sweep", folder, "--again");
  expect(status).toBe(1);
  expect(stdout).toContain(`${uid}  unsealed: seal-missing-since-sealing`);
  expect(stdout.match(/never admitted by the gate, verified/g)).toHaveLength(3);
});

it("what was restored here is proven without its seal", () => {
  expect(place.run("restore", "sealed", "--out", "originals")).toMatchObject({ status: 0 });
  expect(place.run("sweep", "originals", "--again")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("4 instances, received"),
  });
});

it("tells what it did not look at", () => {
  mkdirSync(place.path("odd"));
  const [first, second] = sealedNames();
  symlinkSync(place.path("sealed"), place.path("odd", "volume2"));
  for (const copy of ["a.dcm", "b.dcm"]) copyFileSync(place.path("sealed", first!), place.path("odd", copy));
  const dataSet = readFileSync(place.path("sealed", second!)).subarray(132);
  place.write("odd/data-set", dataSet);
  const { status, stdout, stderr } = place.run("sweep", "odd", "--again", "--report", "odd.jsonl");
  expect(status).toBe(1);
  expect(stdout).toContain("b.dcm: a further file of an instance, which was not examined");
  expect(stderr).toContain("1 file is not DICOM and was not verified");
  expect(stderr).toContain("1 link to a folder was not followed");
  expect(readFileSync(place.path("odd.jsonl"), "utf8")).toContain('"kind":"further-file"');
  place.write("none/data-set", dataSet);
  expect(place.run("sweep", "none", "--again")).toMatchObject({ status: 1 });
});
