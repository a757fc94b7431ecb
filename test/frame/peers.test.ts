import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { startVitest } from "vitest/node";
import { absentNote, isPeerRequired, itWithPeer, peerPath, projectRoot } from "../peers.ts";
import { absentPeerLines, notePrefix } from "./absent-peers.ts";

afterEach(() => vi.unstubAllEnvs());

describe("peers", () => {
  it("the note is the same on both sides of the reporter", () => {
    expect(notePrefix).toBe(absentNote);
  });

  it("counts tests by absent peer and leaves other notes alone", () => {
    expect(absentPeerLines(["absent peer: dcmsign", "absent peer: dcmsign, Orthanc", "flaky"])).toEqual([
      "Absent peer: Orthanc (1 test or suites skipped)",
      "Absent peer: dcmsign (2 tests or suites skipped)",
    ]);
  });

  itWithPeer("pydicom", "pydicom is a Python", () => {
    expect(peerPath("pydicom")).toMatch(/python3?$/);
  });

  it("a peer is demanded only when SCANSEAL_REQUIRE_PEERS is 1", () => {
    vi.stubEnv("SCANSEAL_REQUIRE_PEERS", "");
    expect(isPeerRequired("dcmsign")).toBe(false);
    vi.stubEnv("SCANSEAL_REQUIRE_PEERS", "1");
    expect(isPeerRequired("dcmsign")).toBe(true);
  });
});

describe("a run on a machine without peers", () => {
  // One real vitest run, with a PATH on which nothing is found.
  const suite = `
    import { describe, expect, it } from "vitest";
    import { describePeer, itWithPeer } from ${JSON.stringify(join(projectRoot, "test", "peers.ts"))};
    itWithPeer("dcmsign", "one test", () => { throw new Error("must not run"); });
    describePeer(["dcmdump", "dcmsign"], "one suite", () => { throw new Error("must not be evaluated"); });
    it("an ordinary test", () => expect(1).toBe(1));
  `;

  async function run(): Promise<Record<string, number>> {
    const exitCode = process.exitCode;
    const folder = mkdtempSync(join(tmpdir(), "scanseal-peers-"));
    try {
      writeFileSync(join(folder, "a.test.ts"), suite);
      const vitest = await startVitest("test", [], {
        root: folder,
        config: false,
        watch: false,
        reporters: [{}],
        include: ["a.test.ts"],
      });
      const states: Record<string, number> = {};
      for (const module of vitest.state.getTestModules()) {
        for (const test of module.children.allTests()) {
          const { state } = test.result();
          states[state] = (states[state] ?? 0) + 1;
        }
      }
      await vitest.close();
      return states;
    } finally {
      // A run with failures sets it.
      process.exitCode = exitCode;
      rmSync(folder, { recursive: true, force: true });
    }
  }

  it("skips, or fails when peers are required", async () => {
    vi.stubEnv("PATH", "");
    vi.stubEnv("SCANSEAL_REQUIRE_PEERS", "");
    expect(await run()).toEqual({ skipped: 2, passed: 1 });
    vi.stubEnv("SCANSEAL_REQUIRE_PEERS", "1");
    expect(await run()).toEqual({ failed: 2, passed: 1 });
  });
});
