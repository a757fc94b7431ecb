/** The log and its witness from the command line, as the people who run them do it. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it } from "vitest";
import { makeWorkplace, oneLine } from "./scanseal-process.ts";

const place = makeWorkplace();
const running: ChildProcess[] = [];
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** A service, and the address it said it listens on. */
async function serve(
  ...args: readonly string[]
): Promise<{ url: string; stop: () => Promise<number | null> }> {
  const child = place.startPiped(...args);
  running.push(child);
  const said: string[] = [];
  const ready = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    said.push(line);
    const url = /http:\/\/[0-9.:]+/.exec(line)?.[0];
    if (url) ready.resolve(url);
  });
  child.once("exit", () => ready.reject(new Error(`it ended: ${said.join("\n")}`)));
  const url = await ready.promise;
  const stop = async (): Promise<number | null> => {
    child.kill("SIGTERM");
    const [status] = (await once(child, "exit")) as [number | null];
    return status;
  };
  return { url, stop };
}

const text = (name: string): string => readFileSync(place.path(name), "utf8");

describe("a log", () => {
  it("is made, filled, proven and watched without a server", () => {
    expect(place.run("log", "init", "log", "--origin", "log.example/a").status).toBe(0);
    expect(place.run("log", "init", "log", "--origin", "log.example/a").stderr).toMatch(oneLine);
    place.write("enrolment.txt", "CT1 was enrolled");
    const digests = ["1", "2", "3"].map((n) => n.repeat(64)).join("\n");
    place.write("series.txt", `${digests}\n`);
    expect(place.run("log", "append", "log", "enrolment.txt", "--kind", "enrolment").stdout).toContain(
      "Entry 0",
    );
    expect(place.run("log", "append", "log", "series.txt", "--kind", "seals").stdout).toContain("Entry 1");
    // An opening is never overwritten.
    expect(place.run("log", "append", "log", "series.txt", "--kind", "seals").status).toBe(2);
    const prove = place.run("log", "prove", "log", "--index", "1", "--out", "one.tlog-proof");
    expect(prove).toMatchObject({ status: 0 });
    const good = [
      "verify",
      "one.tlog-proof",
      "--opening",
      "series.txt.2.opening.json",
      "--policy",
      "log/policy",
    ];
    const verified = place.run("log", ...good);
    expect(verified).toMatchObject({ status: 0, stderr: "" });
    expect(verified.stdout).toContain("PROVEN: entry 1 is in the log.");
    expect(verified.stdout).toContain("not protected from site administrators");
    const other = place.run(
      "log",
      "verify",
      "one.tlog-proof",
      "--opening",
      "enrolment.txt.opening.json",
      "--policy",
      "log/policy",
      "--json",
    );
    expect(other.status).toBe(1);
    expect(JSON.parse(other.stdout)).toMatchObject({ ok: false, step: "inclusion" });
    place.write("bad.tlog-proof", text("one.tlog-proof").replace("index 1", "index 01"));
    const bad = place.run("log", "verify", "bad.tlog-proof", ...good.slice(2));
    expect(bad).toMatchObject({ status: 1 });
    expect(bad.stdout).toContain("proof-format");
    const first = place.run("log", "monitor", "log", "--state", "seen.json", "--policy", "log/policy");
    expect(first.stdout).toContain("1 seals, 1 enrolment");
    expect(place.run("log", "prove", "log", "--index", "2", "--out", "x").stderr).toMatch(oneLine);
  });

  it("whose key file was changed, or is another's, does not start", () => {
    cpSync(place.path("log"), place.path("broken"), { recursive: true });
    place.run("log", "init", "other", "--origin", "log.example/other");
    copyFileSync(place.path("other/key.pem"), place.path("broken/key.pem"));
    expect(place.run("log", "append", "broken", "enrolment.txt", "--kind", "policy").status).toBe(2);
  });

  it("is served, witnessed, and watched over HTTP", { timeout: 120_000 }, async () => {
    const vkey = place.run("log", "init", "site", "--origin", "log.example/site").stdout.split("\n")[1]!;
    const witnessKey = place
      .run("witness", "init", "w", "--name", "witness.example/w")
      .stdout.split("\n")[1]!;
    expect(place.run("witness", "watch", "w", vkey).stdout).toContain("is watched");
    const witness = await serve("witness", "serve", "w", "--port", "0");
    place.write("site/policy", `log ${vkey}\nwitness w ${witnessKey} ${witness.url}/\nquorum w\n`);
    place.write("policy", `log ${vkey}\nwitness w ${witnessKey}\nquorum w\n`);
    const log = await serve("log", "serve", "site", "--port", "0");
    place.write("revocation.txt", "CT1 was revoked");
    const appended = place.run("log", "append", log.url, "revocation.txt", "--kind", "revocation");
    expect(appended.stdout).toContain("Entry 0");
    place.write("change.txt", "a policy");
    expect(place.run("log", "append", "site", "change.txt", "--kind", "policy").stderr).toContain(
      "another process",
    );
    // Stopping publishes what was acknowledged.
    expect(await log.stop()).toBe(0);
    const again = await serve("log", "serve", "site", "--port", "0");
    const shown = place.run("log", "checkpoint", again.url, "--policy", "policy", "--json");
    expect(JSON.parse(shown.stdout)).toMatchObject({ ok: true, size: 1, protection: "witnessed" });
    expect(place.run("log", "prove", again.url, "--index", "0", "--out", "zero.tlog-proof").status).toBe(0);
    const check = ["--opening", "revocation.txt.opening.json", "--policy", "policy"];
    expect(place.run("log", "verify", "zero.tlog-proof", ...check).stdout).toContain(
      "Cosigned by the quorum at",
    );
    expect(place.run("log", "monitor", again.url, "--state", "site.json", "--policy", "policy").status).toBe(
      0,
    );
    await again.stop();
    // Another log is not what was seen last.
    expect(place.run("log", "monitor", "log", "--state", "site.json", "--policy", "log/policy").status).toBe(
      1,
    );
    await witness.stop();
  });

  it("that was restored from an old copy, everything of it, is read-only: the witness knows more", {
    timeout: 120_000,
  }, async () => {
    cpSync(place.path("site"), place.path("backup"), { recursive: true });
    const witness = await serve("witness", "serve", "w", "--port", "0");
    const lines = text("site/policy").replace(/http:\S+/, `${witness.url}/`);
    for (const folder of ["site", "backup"]) place.write(`${folder}/policy`, lines);
    place.write("release.txt", "released");
    expect(place.run("log", "append", "site", "release.txt", "--kind", "release").status).toBe(0);
    place.write("late.txt", "late");
    const late = place.run("log", "append", "backup", "late.txt", "--kind", "release");
    expect(late.status).toBe(2);
    expect(late.stderr).toContain("a witness has cosigned a larger log");
    const served = await serve("log", "serve", "backup", "--port", "0");
    expect(await served.stop()).toBe(1);
    await witness.stop();
    rmSync(place.path("backup"), { recursive: true });
  });
});
