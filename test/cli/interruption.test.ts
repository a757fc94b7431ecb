/** Sealing that is killed, and sealing twice at once: no half a file, no number twice, and the same bytes in the end. */
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openHome } from "../../src/site/home.ts";
import { FileVerifier } from "../../src/site/verification.ts";
import { makeSite, makeWorkplace } from "./scanseal-process.ts";

const place = makeWorkplace();
const count = 60;
makeSite(place, count);
const { run, start, path } = place;

function sealedFiles(folder: string): string[] {
  return readdirSync(path(folder)).filter((name) => name.endsWith(".dcm"));
}

async function seal(out: string): Promise<number | null> {
  const [status] = (await once(start("seal", "scans", "--device", "CT1", "--out", out), "exit")) as [
    number | null,
  ];
  return status;
}

/** Verdicts and counters of a folder, by file name. */
async function judge(folder: string): Promise<Map<string, { verdict: string; counter: number | undefined }>> {
  const verifier = new FileVerifier(openHome(path("scanseal-data")).trust(), { deep: true });
  const found = new Map<string, { verdict: string; counter: number | undefined }>();
  for (const name of sealedFiles(folder)) {
    const { decision, evidence } = await verifier.verify(path(folder, name));
    found.set(name, { verdict: decision.verdict, counter: evidence.manifest?.counter });
  }
  await verifier.close();
  return found;
}

describe("seal", () => {
  it("killed in the middle leaves whole files only, and ends with the same bytes and no number twice", async () => {
    mkdirSync(path("killed"));
    const process = start("seal", "scans", "--device", "CT1", "--out", "killed");
    const watcher = watch(path("killed"), () => {
      if (sealedFiles("killed").length >= 3) process.kill("SIGKILL");
    });
    const [, signal] = (await once(process, "exit")) as [number | null, string | null];
    watcher.close();
    expect(signal).toBe("SIGKILL");
    const before = await judge("killed");
    expect(before.size).toBeLessThan(count);
    expect([...before.values()].every(({ verdict }) => verdict === "verified")).toBe(true);
    const bytes = new Map([...before.keys()].map((name) => [name, readFileSync(path("killed", name))]));

    expect(run("seal", "scans", "--device", "CT1", "--out", "killed").status).toBe(0);
    expect(readdirSync(path("killed")).sort()).toEqual(sealedFiles("killed").sort());
    const after = await judge("killed");
    expect(after.size).toBe(count);
    expect(new Set([...after.values()].map(({ counter }) => counter)).size).toBe(count);
    for (const [name, content] of bytes)
      expect(readFileSync(join(path("killed"), name)).equals(content)).toBe(true);
  });

  it("twice at once, with one device and the same originals, is one sealing", async () => {
    run("enroll", "CT1", "--ae", "CT1", "--serial", "1", "--new-epoch");
    expect(await Promise.all([seal("both"), seal("both"), seal("other")])).toEqual([0, 0, 0]);
    const both = await judge("both");
    expect(both.size).toBe(count);
    expect([...both.values()].every(({ verdict }) => verdict === "verified")).toBe(true);
    expect(new Set([...both.values()].map(({ counter }) => counter)).size).toBe(count);
    for (const name of both.keys())
      expect(readFileSync(path("other", name)).equals(readFileSync(path("both", name)))).toBe(true);
    expect(readdirSync(path("both"))).toHaveLength(count);
  });
});
