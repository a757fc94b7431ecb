/** The container file and the systemd units say what this version understands. What the machine cannot check (a container build) is not checked here. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { itWithPeer, peerPath, projectRoot } from "../peers.ts";

const read = (name: string): string => readFileSync(join(projectRoot, "packaging", name), "utf8");
const program = "/opt/scanseal/dist/cli/bin.js";
const units = ["scanseal.service", "scanseal-down.service"];
const place = makeWorkplace();

/** The command's words exist, and each option is one of its own. */
function requireCommand(words: readonly string[]): void {
  const names = words.slice(
    0,
    words.findIndex((word) => word.startsWith("-") || word.startsWith("/")),
  );
  const { status, stdout } = place.run(...names, "--help");
  expect({ names, status }).toEqual({ names, status: 0 });
  expect(stdout).toContain(`Usage: scanseal ${names.join(" ")}`);
  for (const option of words.filter((word) => word.startsWith("--"))) expect(stdout).toContain(option);
}

function linesOf(unit: string, key: string): string[] {
  return unit.split("\n").flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
}

describe("systemd", () => {
  it.each(units)("%s runs commands of this version, as a user, without rights", (name) => {
    const unit = read(name);
    const started = [...linesOf(unit, "ExecStartPre"), ...linesOf(unit, "ExecStart")];
    expect(started.length).toBeGreaterThan(0);
    for (const line of started) {
      const [node, path, ...words] = line.split(" ");
      expect(node).toBe("/opt/scanseal/node_modules/.bin/node");
      expect(path).toBe(program);
      requireCommand(words);
    }
    expect(linesOf(unit, "User")).toEqual(["scanseal"]);
    expect(linesOf(unit, "CapabilityBoundingSet")).toEqual([""]);
    expect(linesOf(unit, "ProtectSystem")).toEqual(["strict"]);
    for (const other of linesOf(unit, "OnFailure")) expect(units).toContain(other);
  });

  it("gives the gate the time that it takes to drain", () => {
    const [seconds] = linesOf(read("scanseal.service"), "TimeoutStopSec");
    expect(Number(seconds)).toBeGreaterThan(25);
  });

  itWithPeer(
    "systemd-analyze",
    "has no fault in the units but for the program that is not installed here",
    () => {
      const paths = units.map((name) => join(projectRoot, "packaging", name));
      const { stderr } = spawnSync(peerPath("systemd-analyze"), ["verify", ...paths], { encoding: "utf8" });
      const ours = stderr.split("\n").filter((line) => /scanseal/.test(line) && !/not executable/.test(line));
      expect(ours).toEqual([]);
    },
  );
});

describe("the container file", () => {
  const file = read("Containerfile").replace(/\\\n/g, " ");
  const of = (key: string): string[] =>
    [...file.matchAll(new RegExp(`^${key} (.*)$`, "gm"))].map((found) => found[1]!);

  it("runs a command of this version on the Node.js that is pinned, as nobody's root", () => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, "tools/runtime/package.json"), "utf8"));
    for (const base of of("FROM")) expect(base).toContain(`node:${version}-bookworm-slim`);
    expect(JSON.parse(of("ENTRYPOINT")[0]!)).toEqual(["node", program]);
    requireCommand(JSON.parse(of("CMD")[0]!));
    expect(of("USER").at(-1)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(of("VOLUME")).toEqual(["/var/lib/scanseal"]);
  });

  it("copies what there is, and nothing of a site", () => {
    for (const copy of of("COPY").filter((line) => line.startsWith("--from")))
      for (const path of copy.split(" ").filter((word) => word.startsWith("/build/")))
        expect(existsSync(join(projectRoot, path.slice("/build/".length)))).toBe(true);
    const ignored = read("Containerfile.dockerignore").split("\n");
    for (const name of [".git", "node_modules", "scanseal-data"]) expect(ignored).toContain(name);
  });

  it("asks the path of the health check that the gate answers", () => {
    const served = readFileSync(join(projectRoot, "src/web-api/status-server.ts"), "utf8");
    expect(file).toContain("http://127.0.0.1:8112/readyz");
    expect(served).toContain('"/readyz"');
  });
});
