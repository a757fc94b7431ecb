import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHome, openHome } from "../home.ts";
import { RestoredFolder, requireFree, requireRoom } from "./restored-folder.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "scanseal-restored-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Begun, with these entries. */
function filled(place: string, names: readonly string[]): RestoredFolder {
  const folder = new RestoredFolder(place);
  folder.begin();
  for (const name of names) {
    mkdirSync(join(folder.staging, name), { mode: 0o700 });
    writeFileSync(join(folder.staging, name, "file"), name);
  }
  return folder;
}

const entries = ["authority", "devices", "log"];

describe("a folder that is there and empty, as a volume's mount point is", () => {
  const there = (): string => {
    const place = join(root, "volume");
    mkdirSync(join(place, "lost+found"), { recursive: true, mode: 0o755 });
    return place;
  };

  it("stays the same folder, for its owner alone, and gets the entries", async () => {
    const place = there();
    const { ino } = statSync(place);
    requireFree(place, "a site");
    const folder = filled(place, entries);
    await folder.name("authority");
    expect(readdirSync(place).sort()).toEqual([...entries, "lost+found"]);
    expect(statSync(place).ino).toBe(ino);
    expect(statSync(place).mode & 0o777).toBe(0o700);
  });

  it("gets the marker last: wherever it is cut off before, it has none, and is as it was when the rest is removed", async () => {
    for (const obstacle of entries) {
      const place = there();
      const folder = filled(place, entries);
      mkdirSync(join(place, obstacle));
      await expect(folder.name("authority")).rejects.toMatchObject({ code: "io" });
      if (obstacle !== "authority") expect(readdirSync(place)).not.toContain("authority");
      await folder.remove();
      expect(readdirSync(place).sort()).toEqual([obstacle, "lost+found"].sort());
      expect(statSync(place).mode & 0o777).toBe(0o755);
      rmSync(place, { recursive: true });
    }
  });

  it("in which a restoration was cut off is told, and no other site begins in it", async () => {
    const place = there();
    const folder = filled(place, entries);
    const cutOff = { code: "usage", message: expect.stringContaining("was cut off") };
    expect(() => requireFree(place, "a site")).toThrow(expect.objectContaining(cutOff));
    expect(() => openHome(place)).toThrow(expect.objectContaining(cutOff));
    await expect(createHome(place, { name: "Another" })).rejects.toMatchObject(cutOff);
    // Some entries have their names already: as after a kill between two of them.
    mkdirSync(join(place, "log"));
    expect(() => openHome(place)).toThrow(expect.objectContaining(cutOff));
    rmSync(join(place, "log"), { recursive: true });
    await folder.name("authority");
    expect(() => requireFree(place, "a site")).toThrow(/there is a site/);
  });
});

describe("a folder that is not there", () => {
  it("appears whole, and a failure leaves nothing of it", async () => {
    const place = join(root, "below", "site");
    const folder = filled(place, entries);
    expect(readdirSync(join(root, "below"))).not.toContain("site");
    await folder.name("authority");
    expect(readdirSync(join(root, "below"))).toEqual(["site"]);
    await folder.remove();
    expect(readdirSync(join(root, "below"))).toEqual([]);
  });

  it("is left to whoever made it meanwhile", async () => {
    const place = join(root, "site");
    const folder = filled(place, entries);
    mkdirSync(join(place, "theirs"), { recursive: true });
    await expect(folder.name("authority")).rejects.toMatchObject({ code: "io" });
    await folder.remove();
    expect(readdirSync(root)).toEqual(["site"]);
    expect(readdirSync(place)).toEqual(["theirs"]);
  });
});

it("is neither a file, nor a link, which no gate takes for a private folder, nor one with anything in it", () => {
  writeFileSync(join(root, "file"), "");
  mkdirSync(join(root, "empty"));
  symlinkSync(join(root, "empty"), join(root, "link"));
  for (const [name, why] of [
    ["file", /no folder/],
    ["link", /is a link/],
    ["", /there is a site/],
  ] as const)
    expect(() => requireFree(join(root, name), "a site")).toThrow(why);
});

it("asks for room before anything is there, of the disk that the place will be on", () => {
  requireRoom([[join(root, "a/b/c"), 1]]);
  expect(() => requireRoom([[join(root, "a/b/c"), 2 ** 60]])).toThrow(
    expect.objectContaining({ code: "storage-full" }),
  );
  // Two places on one disk need their room together.
  const half = 2 ** 52;
  expect(() => requireRoom(Array.from({ length: 256 }, (_, n) => [join(root, `${n}`), half]))).toThrow(
    new RegExp(`${half * 256} bytes`),
  );
  writeFileSync(join(root, "file"), "");
  expect(() => requireRoom([[join(root, "file/site"), 1]])).toThrow(/no folder/);
  expect(readdirSync(root)).toEqual(["file"]);
});
