import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ScansealError } from "../../foundation/errors.ts";
import { CaptureCounter, type CounterOwner } from "./capture-counter.ts";

const owner: CounterOwner = { keyFingerprint: "ab".repeat(32), keyEpoch: 1 };
let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-counter-"));
  path = join(folder, "counter");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function codeOf(body: () => unknown): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    if (error instanceof ScansealError) return error.code;
    throw error;
  }
}

describe("the capture counter", () => {
  it("hands out 1, 2, 3... also over handles and batches", () => {
    const first = CaptureCounter.create(path, owner);
    expect(first.reserve()).toEqual({ first: 1, count: 1 });
    expect(first.reserve(100)).toEqual({ first: 2, count: 100 });
    const second = CaptureCounter.open(path, owner, 101);
    expect(second.reserve()).toEqual({ first: 102, count: 1 });
    expect(first.reserve()).toEqual({ first: 103, count: 1 });
  });

  it("is made once, and never made by opening", () => {
    expect(codeOf(() => CaptureCounter.open(path, owner))).toBe("counter-conflict");
    CaptureCounter.create(path, owner);
    expect(codeOf(() => CaptureCounter.create(path, owner))).toBe("counter-conflict");
  });

  it("refuses another key's or epoch's file, and one behind what is known elsewhere", () => {
    CaptureCounter.create(path, owner).reserve(5);
    expect(codeOf(() => CaptureCounter.open(path, { ...owner, keyEpoch: 2 }))).toBe("counter-conflict");
    expect(codeOf(() => CaptureCounter.open(path, { ...owner, keyFingerprint: "cd".repeat(32) }))).toBe(
      "counter-conflict",
    );
    expect(codeOf(() => CaptureCounter.open(path, owner, 6))).toBe("counter-conflict");
    expect(codeOf(() => CaptureCounter.open(path, owner, 5))).toBeUndefined();
  });

  it("finds either file put back by more than a crash could", () => {
    for (const name of ["counter", "counter.mark"]) {
      rmSync(folder, { recursive: true });
      folder = mkdtempSync(join(tmpdir(), "scanseal-counter-"));
      path = join(folder, "counter");
      const counter = CaptureCounter.create(path, owner);
      counter.reserve();
      copyFileSync(join(folder, name), join(folder, "backup"));
      counter.reserve();
      counter.reserve();
      copyFileSync(join(folder, "backup"), join(folder, name));
      expect(codeOf(() => CaptureCounter.open(path, owner))).toBe("counter-conflict");
      expect(codeOf(() => counter.reserve())).toBe("counter-conflict");
      rmSync(join(folder, name));
      expect(codeOf(() => counter.reserve())).toBe("counter-conflict");
    }
  });

  it("finds both files put back while a handle is open", () => {
    const counter = CaptureCounter.create(path, owner);
    for (const name of ["counter", "counter.mark"])
      copyFileSync(join(folder, name), join(folder, `${name}.old`));
    counter.reserve();
    for (const name of ["counter", "counter.mark"])
      copyFileSync(join(folder, `${name}.old`), join(folder, name));
    expect(codeOf(() => counter.reserve())).toBe("counter-conflict");
  });

  it("takes the higher of two files one step apart, as a crash between the two renames leaves them", () => {
    for (const late of ["counter", "counter.mark"]) {
      rmSync(folder, { recursive: true });
      folder = mkdtempSync(join(tmpdir(), "scanseal-counter-"));
      path = join(folder, "counter");
      const counter = CaptureCounter.create(path, owner);
      counter.reserve(3);
      copyFileSync(join(folder, late), join(folder, "before"));
      counter.reserve(10);
      copyFileSync(join(folder, "before"), join(folder, late));
      expect(CaptureCounter.open(path, owner).reserve()).toEqual({ first: 14, count: 1 });
    }
  });

  it("finds every changed byte", () => {
    CaptureCounter.create(path, owner).reserve(41);
    const sound = readFileSync(path);
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(sound);
        changed[at] = changed[at]! ^ flip;
        writeFileSync(path, changed);
        expect(codeOf(() => CaptureCounter.open(path, owner))).toBe("counter-conflict");
      }),
    );
    writeFileSync(path, sound.subarray(0, -1));
    expect(codeOf(() => CaptureCounter.open(path, owner))).toBe("counter-conflict");
  });

  it("refuses senseless amounts", () => {
    const counter = CaptureCounter.create(path, owner);
    for (const count of [0, -1, 1.5, Number.NaN, 1_000_001])
      expect(codeOf(() => counter.reserve(count))).toBe("usage");
  });

  it("hands out no number twice to processes that run together and are killed at any moment", async () => {
    CaptureCounter.create(path, owner);
    const seen: number[] = [];
    // 3 rounds of 4 processes; the killed ones die somewhere in their loop.
    for (let round = 0; round < 3; round++) {
      const outputs = await Promise.all([10, 25, 40, undefined].map((lines) => runChild(path, lines)));
      for (const output of outputs) seen.push(...numbersOf(output));
    }
    expect(seen.length).toBeGreaterThan(200);
    expect(new Set(seen).size).toBe(seen.length);
    const next = CaptureCounter.open(path, owner, Math.max(...seen)).reserve();
    expect(next.first).toBeGreaterThan(Math.max(...seen));
  });
});

/** Complete lines only: a number cut in half by the kill was still reserved. */
function numbersOf(output: string): number[] {
  return output
    .split("\n")
    .slice(0, -1)
    .flatMap((line) => {
      const [first, count] = line.split(" ").map(Number);
      return Array.from({ length: count! }, (_, i) => first! + i);
    });
}

/** Reserves in a loop; killed with SIGKILL after so many lines, or let run to its end. */
function runChild(counterPath: string, linesUntilKill: number | undefined): Promise<string> {
  const module = JSON.stringify(fileURLToPath(new URL("./capture-counter.ts", import.meta.url)));
  const script = `
    import { writeSync } from "node:fs";
    const { CaptureCounter } = await import(${module});
    const counter = CaptureCounter.open(${JSON.stringify(counterPath)}, ${JSON.stringify(owner)});
    for (let i = 0; i < 60; i++) {
      const { first, count } = counter.reserve(1 + (i % 3));
      writeSync(1, first + " " + count + "\\n");
    }`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let problems = "";
    child.stdout.on("data", (data: Buffer) => {
      output += data.toString();
      if (linesUntilKill !== undefined && output.split("\n").length > linesUntilKill) child.kill("SIGKILL");
    });
    child.stderr.on("data", (data: Buffer) => {
      problems += data.toString();
    });
    child.on("close", (code, signal) => {
      if (code === 0 || signal === "SIGKILL") resolve(output);
      else reject(new Error(problems));
    });
  });
}
