/** The program as users start it: the built file in a process of its own. `npm test` builds first. */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const bin = join(root, "dist", "cli", "bin.js");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const folder = realpathSync(mkdtempSync(join(tmpdir(), "scanseal-bin-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
  cwd: string = folder,
): Run {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, npm_lifecycle_event: "test", ...env },
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  return { status, stdout, stderr };
}

/** Code that runs before the program's own. */
function preload(code: string): string[] {
  return ["--import", `data:text/javascript,${encodeURIComponent(code)}`, bin];
}

const printFolder = preload("process.on('exit', () => console.log(process.cwd()))");

describe("scanseal", () => {
  it("prints its version and its help", () => {
    expect(run(process.execPath, [bin, "--version"])).toEqual({
      status: 0,
      stdout: `${version}\n`,
      stderr: "",
    });
    expect(run(process.execPath, [bin, "--help"]).stdout).toContain("Usage: scanseal");
  });

  it("answers a wrong option with a line that helps, status 2 and no stack", () => {
    const { status, stdout, stderr } = run(process.execPath, [bin, "--no-such-option"]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/--no-such-option/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("answers a failure that nobody waited for in the same way", () => {
    const late = preload(
      "process.on('newListener', (name) => name === 'uncaughtException' && setImmediate(() => { throw new Error('late\\u001b[31m\\n') }))",
    );
    expect(run(process.execPath, [...late, "--version"])).toEqual({
      status: 2,
      stdout: expect.any(String),
      stderr: "scanseal: internal error: Error: late\\u001b[31m\\n; please report it\n",
    });
  });

  it("tells an older Node from a newer in one line, before anything is loaded", () => {
    const older = preload("Object.defineProperty(process.versions, 'node', { value: '20.20.2' })");
    const needs = "scanseal: needs Node.js 24 or newer, this is 20.20.2; ";
    const pinned = join(root, "node_modules", ".bin", "node");
    expect(run(process.execPath, [...older, "--version"])).toEqual({
      status: 2,
      stdout: "",
      stderr: `${needs}use the one that npm ci brought: ${pinned} ${bin} ...\n`,
    });
    // What is named there works.
    expect(run(pinned, [bin, "--version"]).stdout).toBe(`${version}\n`);
    const alone = join(folder, "alone", "dist", "cli", "bin.js");
    mkdirSync(dirname(alone), { recursive: true });
    copyFileSync(bin, alone);
    writeFileSync(join(folder, "alone", "package.json"), '{ "type": "module" }');
    const without = run(process.execPath, [...older.slice(0, -1), alone, "--version"]);
    expect(without).toEqual({ status: 2, stdout: "", stderr: `${needs}in the checkout, run: npm ci\n` });
    const text = readFileSync(join(root, "src/cli/bin.ts"), "utf8");
    expect(text).not.toMatch(/^import /m);
  });

  it("works in the folder npm was started from, and only when npm run started it", () => {
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere);
    const env = { INIT_CWD: elsewhere, npm_package_name: "scanseal" };
    const folderOf = (event: string): string =>
      run(process.execPath, [...printFolder, "--version"], { ...env, npm_lifecycle_event: event })
        .stdout.trim()
        .split("\n")
        .at(-1)!;
    expect(folderOf("scanseal")).toBe(elsewhere);
    expect(folderOf("demo")).toBe(elsewhere);
    expect(folderOf("test")).toBe(folder);
    const gone = run(process.execPath, [bin, "--version"], {
      ...env,
      npm_lifecycle_event: "scanseal",
      INIT_CWD: join(folder, "gone"),
    });
    expect(gone.status).toBe(2);
    expect(gone.stderr).toMatch(/^scanseal: .+\n$/);
  });

  it("the built program is executable, after every build", () => {
    if (process.platform !== "win32") expect(statSync(bin).mode & 0o111).toBe(0o111);
  });

  it.each<[string, readonly string[]]>([
    ["npm", ["run", "-s", "scanseal", "--", "--version"]],
    ["npx", ["--offline", "scanseal", "--version"]],
  ])("%s %j works in a subfolder of the checkout", (program, args) => {
    const { status, stdout } = run(program, args, {}, join(root, "src", "cli"));
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${version}\n` });
  });
});
