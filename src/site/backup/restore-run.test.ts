import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../gateway/config.ts";
import { firstPorts, prepareFirstRun } from "../gateway/first-run.ts";
import { openHome } from "../home.ts";
import { runBackup } from "./backup-run.ts";
import { runRestore } from "./restore-run.ts";

const root = mkdtempSync(join(tmpdir(), "scanseal-restore-"));
const backup = join(root, "backup");
const mounted: string[] = [];

/** An empty folder: a mount point of its own where this process may mount one, which none can rename over. */
function volume(name: string, size = "256m"): { readonly path: string; readonly isMount: boolean } {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  const isMount = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path]).status === 0;
  if (isMount) mounted.push(path);
  return { path, isMount };
}

beforeAll(async () => {
  const home = join(root, "site");
  const { configPath } = await prepareFirstRun(home, firstPorts);
  const { config } = loadConfig(configPath);
  mkdirSync(join(config!.data, "commitment"), { recursive: true, mode: 0o700 });
  writeFileSync(join(config!.data, "commitment", "asked"), "by a modality");
  await runBackup(openHome(home), backup, { version: "1", now: 0, withKeys: true, config });
});
afterAll(() => {
  for (const path of mounted) spawnSync("umount", [path]);
  rmSync(root, { recursive: true, force: true });
});

const restore = (home: string, data?: string, onStep?: (what: string) => void) =>
  runRestore(backup, { home, data, digest: undefined, now: 0, ...(onStep ? { onStep } : {}) });
const asked = (data: string): string => readFileSync(join(data, "commitment", "asked"), "utf8");
const restoring = (): string[] =>
  (readdirSync(root, { recursive: true }) as string[]).filter((path) => path.includes("restoring-"));

describe("onto volumes", () => {
  it("restores home and data folder, each into its own", async () => {
    const [home, data] = [volume("home-volume").path, volume("data-volume").path];
    await restore(home, data);
    openHome(home);
    expect(asked(data)).toBe("by a modality");
    expect(existsSync(join(home, "gateway"))).toBe(false);
    expect(restoring()).toEqual([]);
  });

  it("restores a home with its data folder in it", async () => {
    const { path } = volume("whole-volume");
    await restore(path);
    openHome(path);
    expect(asked(join(path, "gateway"))).toBe("by a modality");
    expect(restoring()).toEqual([]);
  });

  it("asks each disk for room before anything is copied", async () => {
    const { path, isMount } = volume("small", "1m");
    const steps: string[] = [];
    const restored = restore(join(root, "roomy"), path, (what) => steps.push(what));
    // A folder of the same disk has room.
    if (!isMount) return void (await restored);
    await expect(restored).rejects.toMatchObject({ code: "storage-full" });
    expect(steps).toEqual(["checking every file"]);
    expect(existsSync(join(root, "roomy"))).toBe(false);
    expect(readdirSync(path)).toEqual([]);
  });
});

describe("where the home cannot get its name after the data folder got its own", () => {
  it("leaves nothing of the data under a final name, so that the next try can be made", async () => {
    const [home, data] = [join(root, "taken"), join(root, "data")];
    const taken = restore(home, data, (what) => {
      if (what === "naming") mkdirSync(join(home, "theirs"), { recursive: true });
    });
    await expect(taken).rejects.toMatchObject({ code: "io" });
    expect(existsSync(data)).toBe(false);
    expect(readdirSync(home)).toEqual(["theirs"]);
    expect(restoring()).toEqual([]);
    rmSync(home, { recursive: true });
    await restore(home, data);
    expect(asked(data)).toBe("by a modality");
  });

  it("leaves volumes empty", async () => {
    const [home, data] = [volume("home-2").path, volume("data-2").path];
    const taken = restore(home, data, (what) => {
      if (what === "naming") mkdirSync(join(home, "log"));
    });
    await expect(taken).rejects.toMatchObject({ code: "io" });
    expect(readdirSync(data)).toEqual([]);
    expect(readdirSync(home)).toEqual(["log"]);
    rmSync(join(home, "log"), { recursive: true });
    await restore(home, data);
    openHome(home);
  });
});

it("puts no home into a data folder", async () => {
  await expect(restore(join(root, "outer/home"), join(root, "outer"))).rejects.toMatchObject({
    code: "usage",
  });
  await expect(restore(join(root, "same"), join(root, "same"))).rejects.toMatchObject({ code: "usage" });
});
