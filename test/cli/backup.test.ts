/** `scanseal backup`: a site backed up while its gateway is under load, restored elsewhere, and what is refused. */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReceivingArchive, sendAll } from "../gateway/network.ts";
import { freePorts, type GatewayRun, startGateway } from "./gateway-run.ts";
import {
  makeSite,
  makeWorkplace,
  oneLine,
  type Run,
  sampleFile,
  type Workplace,
} from "./scanseal-process.ts";

const calledAeTitle = "SCANSEAL";
const open = /One line for each object/;

/** Beside what else this process does. */
async function runBeside(place: Workplace, ...args: readonly string[]): Promise<Run> {
  const { ended } = startGateway(place, ...args);
  const { status, output, errors } = await ended;
  return { status, stdout: output, stderr: errors };
}

interface Manifest {
  readonly files: { path: string; bytes: number; digest: string }[];
  readonly withoutKeys?: string[];
}

function manifestOf(place: Workplace, backup: string): Manifest {
  return JSON.parse(readFileSync(place.path(backup, "manifest.json"), "utf8"));
}

describe("a gateway under load", { timeout: 90_000 }, () => {
  const place = makeWorkplace();
  const runs: GatewayRun[] = [];
  let archive: ReceivingArchive;
  let ports: { readonly dicom: number; readonly http: number };
  const acknowledgedBefore: string[] = [];
  const acknowledged: string[] = [];

  beforeAll(async () => {
    archive = await ReceivingArchive.open(0);
    ports = await freePorts();
    makeSite(place, 1);
  });
  afterAll(async () => {
    for (const run of runs) run.signal("SIGKILL");
    await Promise.all(runs.map((run) => run.ended));
    await archive.close();
  });

  const start = (...args: readonly string[]): GatewayRun => {
    const run = startGateway(place, ...args);
    runs.push(run);
    return run;
  };

  it("is backed up: everything acknowledged before is in it", async () => {
    const first = start("start", "--port", String(ports.dicom), "--http-port", String(ports.http));
    await first.until(open);
    first.signal("SIGTERM");
    await first.ended;
    const path = place.path("scanseal-data/gateway.yaml");
    const destinations = `destinations: [{name: archive, host: 127.0.0.1, port: ${archive.port}, aeTitle: ARCHIVE}]`;
    writeFileSync(path, readFileSync(path, "utf8").replace(/^destinations:/m, destinations));
    const run = start("start");
    await run.until(open);
    // Of what comes, a part is delivered and gone from here while the backup is made; the rest the archive refuses for now.
    let asked = 0;
    archive.answer = () => (++asked % 3 === 0 ? 0 : 0xa700);
    let isMade = false;
    let number = 0;
    const load = async (): Promise<void> => {
      for (;;) {
        const uid = `2.25.${++number}`;
        if ((await sendAll(ports.dicom, [sampleFile(uid)], { calledAeTitle }))[0] !== 0) continue;
        acknowledged.push(uid);
        if (isMade && acknowledged.length >= 150) return;
      }
    };
    const loads = [load(), load()];
    await run.until(() => acknowledged.length >= 60);
    acknowledgedBefore.push(...acknowledged);
    const made = await runBeside(place, "backup", "make", "safe/first");
    isMade = true;
    await Promise.all(loads);
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(made.stdout).toContain("PRIVATE KEYS");
    expect(readdirSync(place.path("safe"))).toEqual(["first"]);
    const digest = /Manifest SHA-256: ([0-9a-f]{64})/.exec(made.stdout)![1]!;
    expect(place.run("backup", "verify", "safe/first", "--sha256", digest)).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(
      place.run(
        "backup",
        "verify",
        "safe/first",
        "--sha256",
        digest.replace(/^./, (d) => (d === "0" ? "1" : "0")),
      ).status,
    ).toBe(1);
    run.signal("SIGKILL");
    await run.ended;
  });

  it("is restored elsewhere: nothing acknowledged is missing, deliveries go on, nothing has an effect twice", async () => {
    const atOld = new Map(archive.received.map((one) => [one.sopInstanceUid, one.bytes]));
    archive.answer = () => 0;
    // The machine burnt down.
    renameSync(place.path("scanseal-data"), place.path("burnt"));
    const restored = place.run("--home", "new-site", "backup", "restore", "safe/first");
    expect(restored).toMatchObject({ status: 0, stderr: "" });
    expect(restored.stdout).toMatch(/New keys, [^\n]*: CT1, site-receipts/);
    expect(restored.stdout).toContain("It has no witness");
    const run = start("--home", "new-site", "start");
    await run.until(open);
    const wanted = (): string[] => {
      const there = new Set(archive.received.map((one) => one.sopInstanceUid));
      return acknowledgedBefore.filter((uid) => !there.has(uid));
    };
    await run.until((output) => wanted().length === 0 && output.length > 0);
    expect(wanted()).toEqual([]);
    // What the archive got from the old site and gets again is the same, byte for byte: it has it once.
    for (const { sopInstanceUid, bytes } of archive.received) {
      const before = atOld.get(sopInstanceUid);
      if (before) expect(Buffer.compare(before, bytes)).toBe(0);
    }
    // Sent again by a modality that had no answer: known, and delivered to nobody anew.
    const ofFirst = (): number =>
      archive.received.filter((one) => one.sopInstanceUid === acknowledgedBefore[0]).length;
    const times = ofFirst();
    expect(await sendAll(ports.dicom, [sampleFile(acknowledgedBefore[0]!)], { calledAeTitle })).toEqual([0]);
    await run.until(/here already/);
    expect(ofFirst()).toBe(times);
    run.signal("SIGTERM");
    expect((await run.ended).status).toBe(0);
  });

  it("seals under a new key epoch, and an old site that goes on seals under another key", () => {
    const seal = (home: string, out: string): Run =>
      place.run("--home", home, "seal", "scans", "--device", "CT1", "--out", out);
    expect(seal("new-site", "sealed-new").status).toBe(0);
    expect(seal("burnt", "sealed-old").status).toBe(0);
    const epochs = (home: string): string[] =>
      place
        .run("--home", home, "keys", "list", "--json")
        .stdout.trim()
        .split("\n")
        .map((line) => JSON.parse(line))
        .filter(({ name, state }) => name === "CT1" && state === "in use")
        .map(({ keyEpoch, keyFingerprint }) => `${keyEpoch} ${keyFingerprint}`);
    const [[now], [before]] = [epochs("new-site"), epochs("burnt")];
    expect(now).toMatch(/^2 /);
    expect(before).toMatch(/^1 /);
  });
});

describe("a site without a gateway", { timeout: 120_000 }, () => {
  const place = makeWorkplace();
  beforeAll(() => {
    makeSite(place, 1);
    expect(place.run("seal", "scans", "--device", "CT1", "--out", "sealed").status).toBe(0);
    expect(place.run("backup", "make", "whole").status).toBe(0);
  });

  const copyOf = (name: string, change: (folder: string, manifest: Manifest) => void): string => {
    const folder = place.path(name);
    cpSync(place.path("whole"), folder, { recursive: true });
    const manifest = manifestOf(place, name);
    change(folder, manifest);
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
    return name;
  };
  const refused = (name: string, why: RegExp): void => {
    const run = place.run("--home", `from-${name}`, "backup", "restore", name);
    expect(run.status).toBeGreaterThan(0);
    expect(run.stderr).toMatch(oneLine);
    expect(run.stderr).toMatch(why);
    expect(existsSync(place.path(`from-${name}`))).toBe(false);
    expect(readdirSync(place.folder).filter((one) => one.includes(".restoring-"))).toEqual([]);
  };
  const fileOf = (content: string) => ({
    bytes: content.length,
    digest: createHash("sha256").update(content).digest("hex"),
    isPublic: false,
  });

  it("verifies what it sealed before, after its restoration", () => {
    expect(place.run("--home", "again", "backup", "restore", "whole").status).toBe(0);
    expect(place.run("--home", "again", "verify", "sealed")).toMatchObject({ status: 0 });
    expect(JSON.parse(readFileSync(place.path("again/restored.json"), "utf8"))).toMatchObject({
      format: "scanseal-restored-1",
    });
  });

  it("never overwrites: not a backup, not a site, and not into itself", () => {
    expect(place.run("backup", "make", "whole")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("there already"),
    });
    expect(place.run("backup", "make", "scanseal-data/inside")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(oneLine),
    });
    expect(place.run("backup", "restore", "whole")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("nothing is overwritten"),
    });
  });

  it("without keys holds none, says which, and seals only when they are back", () => {
    const made = place.run("backup", "make", "keyless", "--without-keys");
    expect(made.stdout).toContain("home/authority/key.pem");
    const { files, withoutKeys } = manifestOf(place, "keyless");
    expect(withoutKeys).toContain("home/secret");
    for (const { path } of files)
      expect(readFileSync(place.path("keyless", path), "latin1")).not.toContain("PRIVATE KEY");
    const restored = place.run("--home", "no-keys", "backup", "restore", "keyless");
    expect(restored.status).toBe(1);
    expect(restored.stdout).toContain("scanseal keys rotate CT1");
    expect(place.run("--home", "no-keys", "seal", "scans", "--device", "CT1", "--out", "none").status).toBe(
      2,
    );
    for (const path of withoutKeys!)
      cpSync(
        place.path("scanseal-data", path.slice("home/".length)),
        place.path("no-keys", path.slice("home/".length)),
      );
    expect(place.run("--home", "no-keys", "keys", "rotate", "CT1").status).toBe(0);
    expect(place.run("--home", "no-keys", "seal", "scans", "--device", "CT1", "--out", "some").status).toBe(
      0,
    );
  });

  it("is not restored from a backup that lacks, adds or changes anything, or was cut off", () => {
    refused(
      copyOf("lacks", (folder) => rmSync(join(folder, "home/authority/ledger.json"))),
      /not whole.*missing/,
    );
    refused(
      copyOf("adds", (folder) => writeFileSync(join(folder, "home/more"), "x")),
      /not in the manifest/,
    );
    refused(
      copyOf("changes", (folder) => {
        const path = join(folder, "home/authority/ledger.json");
        writeFileSync(path, readFileSync(path, "utf8").replace("CT1", "CT2"));
      }),
      /does not hold what was written/,
    );
    mkdirSync(place.path("cut"));
    cpSync(place.path("whole/home"), place.path("cut/home"), { recursive: true });
    refused("cut", /no finished backup/);
  });

  it("is not restored from a hostile one: traversal, links, two of a name, sizes that are none", () => {
    const adds =
      (path: string) =>
      (_: string, { files }: Manifest) =>
        void files.push({ path, ...fileOf("x") });
    for (const [index, path] of [
      "home/../../x",
      "/etc/x",
      "home/./x",
      "elsewhere/..",
      "home/a\\..\\x",
      "x",
      "home/c:x",
      "home/\u0000",
      "home//x",
    ].entries())
      refused(copyOf(`path-${index}`, adds(path)), /refused/);
    refused(copyOf("twice", adds("home/SECRET")), /twice/);
    refused(copyOf("below", adds("home/secret/x")), /where a folder is/);
    refused(
      copyOf("link", (folder, { files }) => {
        writeFileSync(place.path("outside"), "x");
        symlinkSync(place.path("outside"), join(folder, "home/linked"));
        files.push({ path: "home/linked", ...fileOf("x") });
      }),
      /a link/,
    );
    refused(
      copyOf("linked-folder", (folder, { files }) => {
        mkdirSync(place.path("out"), { recursive: true });
        writeFileSync(place.path("out/x"), "x");
        symlinkSync(place.path("out"), join(folder, "home/sub"));
        files.push({ path: "home/sub/x", ...fileOf("x") });
      }),
      /a link/,
    );
    refused(
      copyOf("size", (_, { files }) => void Object.assign(files[0]!, { bytes: 2 ** 50 })),
      /as long as it was/,
    );
    refused(
      copyOf("negative", (_, { files }) => void Object.assign(files[0]!, { bytes: -1 })),
      /refused/,
    );
  });

  it("takes no manifest that is not as a backup's is", () => {
    const folder = place.path("fuzzed");
    cpSync(place.path("whole"), folder, { recursive: true });
    const sound = readFileSync(join(folder, "manifest.json"), "utf8");
    const cases = fc.sample(
      fc.tuple(fc.nat(sound.length - 1), fc.constantFrom("", "{", "]", '"', "0", "\u0000", "null", "../")),
      8,
    );
    for (const [at, text] of cases) {
      const changed = sound.slice(0, at) + text + sound.slice(at + 3);
      writeFileSync(join(folder, "manifest.json"), changed);
      const run = place.run("backup", "verify", "fuzzed");
      expect(run.stderr).not.toMatch(/at .*\.ts:/);
      // Digits of a time or a home's name may change unseen: that is what --sha256 is for.
      if (run.status === 0) expect(() => JSON.parse(changed)).not.toThrow();
    }
    // What is shown to people moves no cursor.
    for (const [name, text] of [
      ["createdAt", "2026-11-23T01:02:03.004Z\\u001b[2J"],
      ["version", "1\\nrun: something"],
    ] as const) {
      writeFileSync(
        join(folder, "manifest.json"),
        sound.replace(new RegExp(`"${name}": "[^"]*"`), `"${name}": "${text}"`),
      );
      expect(place.run("backup", "verify", "fuzzed")).toMatchObject({ status: 1, stdout: "" });
    }
  });
});
