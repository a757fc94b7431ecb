/** A device's files put back from a backup: what the site remembers is ahead of them. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { expect, it } from "vitest";
import { makeSite, makeWorkplace, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();

it("a device whose files are an old copy gives no number again", () => {
  makeSite(place, 1);
  const device = place.path("scanseal-data/devices/CT1");
  spawnSync("cp", ["-a", device, place.path("backup")]);
  expect(place.run("seal", "scans", "--device", "CT1", "--out", "sealed")).toMatchObject({ status: 0 });
  rmSync(device, { recursive: true });
  spawnSync("cp", ["-a", place.path("backup"), device]);
  place.write("later/9.dcm", sampleFile("2.25.9"));
  const refused = place.run("seal", "later", "--device", "CT1", "--out", "sealed");
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain("behind the numbers already used; start a new key epoch");
  // As it says.
  const again = ["enroll", "CT1", "--ae", "CT1", "--serial", "1", "--new-epoch"];
  expect(place.run(...again)).toMatchObject({ status: 0 });
  expect(place.run("seal", "later", "--device", "CT1", "--out", "sealed")).toMatchObject({ status: 0 });
  expect(place.run("verify", "sealed")).toMatchObject({ status: 0 });
  expect(place.run("log", "list").stdout).toContain("CT1, capture, key 2");
});
