/** `scanseal quarantine show` says who sealed a held object, as `scanseal show` does of a file. */
import { mkdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { openFolderObjectStore } from "../../src/store/objects/folder-object-store.ts";
import { makeSite, makeWorkplace } from "../cli/scanseal-process.ts";
import { addHeld } from "./held-objects.ts";

const place = makeWorkplace();
makeSite(place, 2);
place.write(
  "scanseal-data/gateway.yaml",
  "aeTitle: GATE\nhome: .\nlisteners:\n  - { name: plain, port: 11112 }\n",
);
place.run("seal", "scans", "--device", "CT1", "--out", "sealed");

async function held(bytes: Buffer, sopInstanceUid: string): Promise<string> {
  const data = place.path("scanseal-data", "gateway");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const journal = await openSqliteJournal(`${data}/journal.sqlite`);
  const objects = await openFolderObjectStore(`${data}/objects`);
  const { id } = await addHeld({ journal, objects }, { bytes, verdict: "altered", sopInstanceUid });
  await journal.close();
  return place.run("quarantine", "show", id).stdout;
}

const facts = (text: string): string[] =>
  text
    .split("\n")
    .flatMap((line) => /^ {2}(Seal(?:ed by|ed at| number) .*)$/.exec(line)?.[1]?.replace(/ +/g, " ") ?? []);

it("the same three facts, also of an altered object", async () => {
  const path = place.path("sealed", "2.25.1.dcm");
  const altered = readFileSync(path);
  altered.write("4712", altered.indexOf("4711"), "latin1");
  const told = facts(await held(altered, "2.25.1"));
  expect(told).toEqual([
    "Sealed by CT1",
    expect.stringMatching(/^Sealed at 2\d{3}-.*by the device's own clock$/),
    expect.stringMatching(/^Seal number \d+ of key [0-9a-f]+$/),
  ]);
  expect(told).toEqual(facts(place.run("show", path).stdout));
});

it("a statement whose signature does not fit proves nobody; what has no seal says nothing", async () => {
  const forged = readFileSync(place.path("sealed", "2.25.2.dcm"));
  // Of the envelope, in base64 inside of JSON.
  const at = forged.indexOf('"sig":"') + '"sig":"'.length;
  expect(at).toBeGreaterThan(10);
  forged.write(forged.toString("latin1", at, at + 1) === "A" ? "B" : "A", at, "latin1");
  expect(facts(await held(forged, "2.25.2"))).toEqual([
    expect.stringMatching(/^Sealed by .*CT1.*, says a seal whose signature does not fit$/),
  ]);
  expect(facts(await held(readFileSync(place.path("scans", "1.dcm")), "2.25.3"))).toEqual([]);
  expect(facts(await held(Buffer.alloc(2_000, 7), "2.25.4"))).toEqual([]);
});
