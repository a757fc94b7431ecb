/** Backups on PostgreSQL, on a full disk, killed in the middle; and a log whose old site goes on. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendAll } from "../gateway/network.ts";
import { describePeer, projectRoot } from "../peers.ts";
import { type PostgresCluster, startPostgresCluster } from "../store/postgres-cluster.ts";
import { freePorts, startGateway } from "./gateway-run.ts";
import { makeSite, makeWorkplace, oneLine, sampleFile } from "./scanseal-process.ts";

const open = /One line for each object/;

/** Paths in the object store, once so many have left the spool. */
async function stored(objects: string, count: number): Promise<string[]> {
  for (;;) {
    const names = (readdirSync(objects, { recursive: true }) as string[]).filter((one) =>
      /\/[0-9a-f]{64}$/.test(one),
    );
    if (names.length >= count) return names;
    await new Promise(setImmediate);
  }
}

describePeer(["postgres"], "a journal on PostgreSQL", () => {
  const place = makeWorkplace();
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgresCluster();
  }, 60_000);
  afterAll(() => cluster.stop());

  it("is dumped at one moment while its gateway works, with the objects that it names", async () => {
    const url = await cluster.createDatabase();
    const { dicom, http } = await freePorts();
    const first = startGateway(place, "start", "--port", `${dicom}`, "--http-port", `${http}`);
    await first.until(open);
    first.signal("SIGTERM");
    await first.ended;
    const config = place.path("scanseal-data/gateway.yaml");
    writeFileSync(config, `${readFileSync(config, "utf8")}\njournal: {postgres: ${JSON.stringify(url)}}\n`);
    const run = startGateway(place, "start");
    await run.until(open);
    const files = [1, 2, 3].map((n) => sampleFile(`2.25.${n}`));
    await sendAll(dicom, files, { calledAeTitle: "SCANSEAL" });
    await run.until((output) => (output.match(/passed +unsealed/g) ?? []).length === 3);
    await stored(place.path("scanseal-data/gateway/objects"), 3);
    const made = await startGateway(place, "backup", "make", "safe").ended;
    expect(made).toMatchObject({ status: 0, errors: "" });
    expect(made.output).toMatch(/3 objects among them/);
    run.signal("SIGTERM");
    await run.ended;
    const tables = spawnSync("pg_restore", ["--list", place.path("safe/data/journal.pgdump")], {
      encoding: "utf8",
    });
    expect(tables.stdout).toMatch(/TABLE DATA public objects/);
    const restored = place.run("--home", "again", "backup", "restore", "safe");
    expect(restored).toMatchObject({ status: 0, stdout: expect.stringContaining("pg_restore --dbname=") });
    const empty = await cluster.createDatabase();
    const done = spawnSync(
      "pg_restore",
      ["--no-owner", `--dbname=${empty}`, place.path("again/gateway/journal.pgdump")],
      { encoding: "utf8" },
    );
    expect(done).toMatchObject({ status: 0 });
    const again = place.path("again/gateway.yaml");
    writeFileSync(again, readFileSync(again, "utf8").replace(JSON.stringify(url), JSON.stringify(empty)));
    const next = startGateway(place, "--home", "again", "start");
    await next.until(open);
    expect(await sendAll(dicom, [files[0]!], { calledAeTitle: "SCANSEAL" })).toEqual([0]);
    await next.until(/here already/);
    next.signal("SIGTERM");
    expect((await next.ended).status).toBe(0);
  }, 60_000);
});

it("names what is damaged, and backs up the rest", { timeout: 60_000 }, async () => {
  const place = makeWorkplace();
  const { dicom, http } = await freePorts();
  const run = startGateway(place, "start", "--port", `${dicom}`, "--http-port", `${http}`);
  await run.until(open);
  const files = [1, 2].map((n) => sampleFile(`2.25.${n}`));
  await sendAll(dicom, files, { calledAeTitle: "SCANSEAL" });
  await run.until((output) => (output.match(/passed +unsealed/g) ?? []).length === 2);
  const objects = place.path("scanseal-data/gateway/objects");
  const [name] = await stored(objects, 2);
  run.signal("SIGTERM");
  await run.ended;
  writeFileSync(`${objects}/${name}`, "rotten");
  const made = place.run("backup", "make", "safe");
  expect(made).toMatchObject({ status: 1, stdout: expect.stringContaining(name!.slice(-64)) });
  expect(made.stdout).toMatch(/1 objects among them[\s\S]*NOT IN IT: 1 objects/);
  // Whoever verifies or restores it later did not see what was told then.
  for (const args of [
    ["backup", "verify", "safe"],
    ["--home", "again", "backup", "restore", "safe"],
  ]) {
    const later = place.run(...args);
    expect(later).toMatchObject({ status: 1, stderr: "" });
    expect(later.stdout).toMatch(/lacked something already[\s\S]*NOT IN IT: 1 objects/);
    expect(later.stdout).toContain(name!.slice(-64));
  }
  expect(place.run("--home", "again", "keys", "list").status).toBe(0);
});

describe("links in the site's folders", { timeout: 60_000 }, () => {
  const place = makeWorkplace();
  const moved = (name: string, to: string): void => {
    mkdirSync(dirname(place.path(to)), { recursive: true });
    renameSync(place.path("scanseal-data", name), place.path(to));
    symlinkSync(place.path(to), place.path("scanseal-data", name));
  };
  const manifestOf = (backup: string) =>
    JSON.parse(readFileSync(place.path(backup, "manifest.json"), "utf8")) as {
      readonly files: readonly { readonly path: string }[];
      readonly links?: unknown;
      readonly withoutKeys?: readonly string[];
    };

  beforeAll(async () => {
    makeSite(place, 1);
    const { dicom, http } = await freePorts();
    const run = startGateway(place, "start", "--port", `${dicom}`, "--http-port", `${http}`);
    await run.until(open);
    run.signal("SIGTERM");
    await run.ended;
    expect(place.run("tls", "server", "gate", "--host", "127.0.0.1", "--out", "tls")).toMatchObject({
      status: 0,
    });
    place.write("site.pem", place.run("trust", "export").stdout);
    mkdirSync(place.path("scanseal-data/tls"));
    for (const [from, name] of [
      ["tls/gate.pem", "gate.pem"],
      ["tls/gate.key", "gate.key"],
      ["site.pem", "site.pem"],
    ] as const)
      symlinkSync(place.path(from), place.path("scanseal-data/tls", name));
    const config = place.path("scanseal-data/gateway.yaml");
    const listener = `  - {name: secure, port: ${(await freePorts()).dicom}, tls: {certificate: tls/gate.pem, key: tls/gate.key, clientAuthorities: tls/site.pem}}`;
    writeFileSync(config, readFileSync(config, "utf8").replace(/^listeners:.*$/m, `$&\n${listener}`));
    expect(place.run("seal", "scans", "--device", "CT1", "--out", "sealed").status).toBe(0);
    moved("gateway.yaml", "etc/gateway.yaml");
    moved("provenance.sqlite", "databases/provenance.sqlite");
    expect(place.run("config", "check", config).status).toBe(0);
  }, 60_000);

  it("that the configuration is, or names, are files of their names in the backup, and in the site that is restored", () => {
    expect(place.run("backup", "make", "safe")).toMatchObject({ status: 0, stderr: "" });
    const { files, links } = manifestOf("safe");
    expect(links).toBeUndefined();
    expect(files.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        "home/gateway.yaml",
        "home/provenance.sqlite",
        "home/tls/gate.key",
        "home/tls/gate.pem",
        "home/tls/site.pem",
      ]),
    );
    expect(place.run("backup", "verify", "safe").status).toBe(0);
    expect(place.run("--home", "again", "backup", "restore", "safe")).toMatchObject({ status: 0 });
    for (const name of ["gateway.yaml", "tls/gate.key"]) {
      expect(lstatSync(place.path("again", name)).isFile()).toBe(true);
      expect(readFileSync(place.path("again", name))).toEqual(
        readFileSync(place.path("scanseal-data", name)),
      );
    }
    expect(lstatSync(place.path("again/tls/gate.key")).mode & 0o077).toBe(0);
    expect(place.run("config", "check", "again/gateway.yaml").status).toBe(0);
    const { withoutKeys } =
      place.run("backup", "make", "keyless", "--without-keys").status === 0
        ? manifestOf("keyless")
        : { withoutKeys: [] };
    expect(withoutKeys).toContain("home/tls/gate.key");
    expect(existsSync(place.path("keyless/home/tls/gate.key"))).toBe(false);
  });

  it("else are told, and named in the manifest: what they point at is not in the backup", () => {
    moved("log/tiles", "www/tiles");
    moved("gateway/commitment", "other/commitment");
    symlinkSync("nowhere", place.path("scanseal-data/loose\u001b[2J"));
    const made = place.run("backup", "make", "linked");
    expect(made).toMatchObject({ status: 1, stderr: "" });
    expect(made.stdout).toMatch(/NOT IN IT: what 3 links/);
    expect(made.stdout).toContain(`  home/log/tiles -> ${place.path("www/tiles")}\n`);
    expect(made.stdout).toContain("loose<U+001B>[2J -> nowhere");
    expect(manifestOf("linked").links).toEqual([
      { path: "data/commitment", to: place.path("other/commitment") },
      { path: "home/log/tiles", to: place.path("www/tiles") },
      { path: "home/loose\u001b[2J", to: "nowhere" },
    ]);
    for (const args of [
      ["backup", "verify", "linked"],
      ["--home", "unlinked", "backup", "restore", "linked"],
    ]) {
      const later = place.run(...args);
      expect(later.status).toBe(1);
      expect(later.stdout).toContain("loose<U+001B>[2J -> nowhere");
    }
  });
});

it("has every device, whatever its name", { timeout: 60_000 }, () => {
  const place = makeWorkplace();
  makeSite(place, 1);
  const names = ["staging-ct1", "lock", "mr.lock", "ct.new"];
  for (const name of names)
    expect(place.run("enroll", name, "--ae", "CT9", "--serial", name)).toMatchObject({ status: 0 });
  expect(place.run("backup", "make", "safe").status).toBe(0);
  for (const name of names)
    expect(existsSync(place.path("safe/home/devices", name, "device.json"))).toBe(true);
  const restored = place.run("--home", "again", "backup", "restore", "safe");
  expect(restored.status).toBe(0);
  for (const name of names) expect(restored.stdout).toContain(name);
});

describe("cut off", () => {
  const place = makeWorkplace();
  beforeAll(() => {
    makeSite(place, 1);
    expect(place.run("backup", "make", "whole").status).toBe(0);
  });

  /** As a process that may write no file larger than this: what a full disk is to it. */
  const limited = (kib: number, ...args: readonly string[]) => {
    const command = [process.execPath, `${projectRoot}/src/cli/bin.ts`, ...args]
      .map((word) => `'${word}'`)
      .join(" ");
    return spawnSync("bash", ["-c", `trap '' XFSZ; ulimit -f ${kib}; exec ${command}`], {
      cwd: place.folder,
      encoding: "utf8",
    });
  };

  it("a full disk leaves nothing that looks like a backup or a site, and says so", () => {
    for (const args of [
      ["backup", "make", "full"],
      ["--home", "full", "backup", "restore", "whole"],
    ]) {
      const { status, stderr } = limited(100, ...args);
      expect({ args, status }).toEqual({ args, status: 2 });
      expect(stderr).toMatch(oneLine);
      expect(stderr).not.toMatch(/\.ts:/);
      expect(readdirSync(place.folder).filter((name) => name.startsWith("full"))).toEqual([]);
    }
  });

  it("killed at any moment, there is a whole one or none", async () => {
    let whole = 0;
    for (let n = 1; n <= 8; n++) {
      const [name, home] = [`cut-${n}`, `home-${n}`];
      // A folder that is there is filled from inside.
      if (n % 2 === 0) mkdirSync(place.path(home));
      for (const args of [
        ["backup", "make", name],
        ["--home", home, "backup", "restore", "whole"],
      ]) {
        const child = place.start(...args);
        const ended = new Promise((resolve) => child.once("close", resolve));
        // Moments by what is there, not by the clock: after so many looks at the folder.
        const begun = (): boolean =>
          readdirSync(place.folder).some(
            (one) => one.startsWith(`${name}.unf`) || one.startsWith(`${home}.rest`),
          ) ||
          (existsSync(place.path(home)) && readdirSync(place.path(home)).length > 0);
        let looks = 0;
        while (child.exitCode === null && looks < n * 12) {
          await new Promise(setImmediate);
          if (begun()) looks++;
        }
        child.kill("SIGKILL");
        await ended;
      }
      if (existsSync(place.path(name))) {
        whole++;
        expect(place.run("backup", "verify", name).status).toBe(0);
      }
      const restored = existsSync(place.path(home)) ? readdirSync(place.path(home)) : [];
      if (restored.includes("authority"))
        expect(place.run("--home", home, "keys", "list").stdout).toMatch(/CT1 .* 2 .*in use/);
      else if (restored.length > 0)
        for (const args of [["start"], ["init"], ["backup", "restore", "whole"]])
          expect(place.run("--home", home, ...args)).toMatchObject({
            status: 2,
            stderr: expect.stringContaining("was cut off"),
          });
    }
    const left = readdirSync(place.folder).filter((name) => name.includes(".unfinished-"));
    expect(whole + left.length).toBe(8);
    for (const name of left)
      if (!existsSync(place.path(name, "manifest.json")))
        expect(place.run("backup", "restore", name, "--home", "never").status).toBe(2);
    expect(existsSync(place.path("never"))).toBe(false);
    expect(place.run("backup", "make", "after").status).toBe(0);
  }, 60_000);
});

describe("an old site that goes on beside the restored one", () => {
  const place = makeWorkplace();
  it("is a fork of the log: the restored one, which is behind its witness, is read-only from the start", async () => {
    makeSite(place, 2);
    const key = place
      .run("witness", "init", "w", "--name", "witness.example/w")
      .stdout.match(/witness\.example\/w\+\S+/)![0];
    const policy = place.path("scanseal-data/log/policy");
    const vkey = readFileSync(policy, "utf8").match(/^log (\S+)$/m)![1]!;
    expect(place.run("witness", "watch", "w", vkey).status).toBe(0);
    const witness = startGateway(place, "witness", "serve", "w", "--port", "0");
    const url = /http:\/\/[\d.:]+/.exec(await witness.until(/http:\/\/[\d.:]+/))![0];
    writeFileSync(policy, `log ${vkey}\nwitness w ${key} ${url}/\nquorum w\n`);
    const run = (...args: readonly string[]) => startGateway(place, ...args).ended;
    expect(await run("log", "push")).toMatchObject({ status: 0 });
    expect(await run("backup", "make", "safe")).toMatchObject({ status: 0 });
    // The old site goes on.
    expect(await run("seal", "scans", "--device", "CT1", "--out", "sealed")).toMatchObject({ status: 0 });
    expect(await run("log", "push")).toMatchObject({ status: 0 });
    const restored = await run("--home", "again", "backup", "restore", "safe");
    expect(restored.status).toBe(1);
    expect(restored.output).toMatch(/LOG READ-ONLY: .*witness/);
    witness.signal("SIGTERM");
    await witness.ended;
    // Nobody says how far it was.
    const alone = await run("--home", "third", "backup", "restore", "safe");
    expect(alone.status).toBe(1);
    expect(alone.output).toMatch(/TO DO: the log was compared with none of its witnesses/);
  }, 60_000);
});
