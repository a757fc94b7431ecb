/** The site's log from the command line: fed by itself, away, used elsewhere; proofs put into objects. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readDicom } from "../../src/dicom/read.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { openManifest } from "../../src/provenance/manifest/check.ts";
import { decodeSealProof } from "../../src/provenance/transparency-log/proof/seal-proof.ts";
import { itWithPeer, peerPath } from "../peers.ts";
import { makeSite, makeWorkplace, oneLine, sampleFile } from "./scanseal-process.ts";

interface Listed {
  readonly kind: string;
  readonly summary: string;
  readonly index?: number;
  readonly proven: boolean;
}

const place = makeWorkplace();
const { run, path, write } = place;
const running: ChildProcess[] = [];
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

const listed = (): Listed[] =>
  run("log", "list", "--json")
    .stdout.split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Listed);

async function lateEvidenceIn(file: string) {
  const object = await readDicom(new MemorySource(readFileSync(file)));
  return (await openManifest(object, nodeCrypto))!.containers.lateEvidence ?? [];
}

/** The answer of verify --json for each file. */
const verified = (...args: readonly string[]) =>
  run("verify", ...args, "--json")
    .stdout.split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { verdict?: string; log?: { state: string } });

describe("the site's log", () => {
  beforeAll(() => makeSite(place));

  it("has the site's own keys and devices, and the seals of a run as one entry, proven when sealing ends", () => {
    const sealed = run("seal", "scans", "--device", "CT1", "--out", "sealed");
    expect(sealed).toMatchObject({ status: 0, stderr: "" });
    const entries = listed();
    expect(entries.every(({ proven }) => proven)).toBe(true);
    expect(entries.map(({ kind, summary }) => `${kind} ${summary}`).sort()).toEqual([
      "enrolment CT1, capture, key 1",
      "enrolment site-derivations, derive, key 1",
      "enrolment site-notices, notice, key 1",
      "enrolment site-receipts, receipt, key 1",
      "policy log/policy as it was found",
      "seals 3 seals",
    ]);
    expect(run("log", "push").stdout).toBe("0 entries logged, 0 proofs kept\n");
    const whole = ["--policy", "scanseal-data/log/policy", "--state", "seen.json"];
    expect(run("log", "monitor", "scanseal-data/log", ...whole).stdout).toContain(
      "1 seals, 4 enrolment, 1 policy",
    );
    // Sealed again it is the same seal: nothing new to log.
    run("seal", "scans", "--device", "CT1", "--out", "sealed-again");
    expect(listed()).toHaveLength(6);
  });

  it("proves a seal to a verifier that asks for it, and says what it is worth", () => {
    expect(run("verify", "sealed", "--logged-within", "0 s").status).toBe(0);
    const [first] = verified("sealed");
    expect(first).toMatchObject({ verdict: "verified", log: { state: "proven", witnessed: false } });
    expect(run("show", "sealed/2.25.1.dcm").stdout).toContain("not protected from site administrators");
  });

  it("puts proofs into the objects: nothing else changes, and it is done once", async () => {
    const attached = run("attach", "sealed", "--out", "with-proofs");
    expect(attached).toMatchObject({ status: 0, stderr: "" });
    expect(attached.stdout).toContain(
      "3 objects written into with-proofs, 3 pieces of late evidence attached",
    );
    for (const name of readdirSync(path("with-proofs"))) {
      const [entry] = await lateEvidenceIn(path("with-proofs", name));
      const proof = decodeSealProof(entry!.bytes);
      expect(proof.place.count).toBe(3);
      const before = readFileSync(path("sealed", name));
      const after = readFileSync(path("with-proofs", name));
      // Bytes before and after the container are the same: only it has grown.
      let same = 0;
      while (before[same] === after[same]) same++;
      let end = 0;
      while (before.at(-1 - end) === after.at(-1 - end)) end++;
      expect(after.length - before.length).toBeGreaterThan(proof.proof.length);
      expect(before.length - same - end).toBeLessThan(16);
    }
    expect(run("verify", "with-proofs", "--logged-within", "0 s").status).toBe(0);
    const again = run("attach", "with-proofs", "--out", "once-more");
    expect(again.stdout).toContain("0 pieces of late evidence attached");
    const name = readdirSync(path("with-proofs"))[0]!;
    expect(readFileSync(path("once-more", name))).toEqual(readFileSync(path("with-proofs", name)));
    expect(run("attach", "scans", "--out", "unsealed")).toMatchObject({ status: 1 });
  });

  itWithPeer("dcmsign", "leaves the DICOM signature as dcmsign wants it", () => {
    write("anchors.pem", run("trust", "export").stdout);
    for (const name of readdirSync(path("with-proofs"))) {
      const args = ["--verify", "+cf", path("anchors.pem"), path("with-proofs", name)];
      expect(spawnSync(peerPath("dcmsign"), args, { encoding: "utf8" })).toMatchObject({ status: 0 });
    }
  });

  it("of a proof that was carried to another object tells, and the object is untrusted", async () => {
    // 2.25.1's container in 2.25.2: both have the same length.
    const one = readFileSync(path("with-proofs/2.25.1.dcm"));
    const two = readFileSync(path("with-proofs/2.25.2.dcm"));
    const [mine] = await lateEvidenceIn(path("with-proofs/2.25.1.dcm"));
    const [other] = await lateEvidenceIn(path("with-proofs/2.25.2.dcm"));
    expect(mine!.bytes).toHaveLength(other!.bytes.length);
    two.set(mine!.bytes, two.indexOf(other!.bytes));
    expect(one.indexOf(mine!.bytes)).toBeGreaterThan(0);
    write("carried.dcm", two);
    const [told] = verified("carried.dcm");
    expect(told).toMatchObject({ verdict: "untrusted", log: { fault: "inclusion" } });
  });

  it("that is away holds nothing up: sealing says so, and the next push goes on", () => {
    renameSync(path("scanseal-data/log/tiles"), path("tiles"));
    write("scanseal-data/log/tiles", "not a folder");
    write("later/1.dcm", sampleFile("2.25.11"));
    const sealed = run("seal", "later", "--device", "CT1", "--out", "sealed-later");
    expect(sealed.status).toBe(0);
    expect(sealed.stdout).toContain("1 object sealed");
    expect(sealed.stderr).toContain("the log will be told later (scanseal log push)");
    expect(sealed.stderr.trim().split("\n")).toHaveLength(1);
    expect(run("log", "push").stderr).toMatch(oneLine);
    expect(run("log", "list").stdout).toContain("1 seal  (");
    const [late] = verified("sealed-later", "--logged-within", "0 s");
    expect(late).toMatchObject({ verdict: "untrusted", log: { state: "unknown" } });
    rmSync(path("scanseal-data/log/tiles"));
    renameSync(path("tiles"), path("scanseal-data/log/tiles"));
    expect(run("log", "push").stdout).toContain("1 entry logged, 1 proof kept");
    expect(run("verify", "sealed-later", "--logged-within", "0 s").status).toBe(0);
  });

  it("hears of a revocation", () => {
    run("enroll", "CT2", "--ae", "CT2", "--serial", "2");
    run("authority", "revoke", "CT2", "--compromised");
    expect(run("log", "push").stdout).toContain("2 entries logged, 2 proofs kept");
    expect(listed()[0]).toMatchObject({ kind: "revocation", summary: "CT2, keyCompromise", proven: true });
  });

  it("is served to others and used through its server: what waits goes there", {
    timeout: 60_000,
  }, async () => {
    const child = place.startPiped("log", "serve", "scanseal-data/log", "--port", "0");
    running.push(child);
    const lines = createInterface({ input: child.stdout });
    let url: string | undefined;
    for await (const line of lines) {
      url = /http:\/\/[0-9.:]+/.exec(line)?.[0];
      if (url !== undefined) break;
    }
    write("served/1.dcm", sampleFile("2.25.21"));
    // The server has the log: this process cannot have it too.
    const sealed = run("seal", "served", "--device", "CT1", "--out", "sealed-served");
    expect(sealed.status).toBe(0);
    expect(sealed.stderr).toContain("the log will be told later");
    expect(run("log", "use", url!, "--policy", "scanseal-data/log/policy").status).toBe(0);
    for (let push = 0; push < 50 && !listed().every(({ proven }) => proven); push++) run("log", "push");
    expect(listed().every(({ proven }) => proven)).toBe(true);
    expect(run("verify", "sealed-served", "--logged-within", "0 s").status).toBe(0);
    child.kill("SIGTERM");
    await once(child, "exit");
    const entries = listed();
    expect(new Set(entries.map(({ index }) => index)).size).toBe(entries.length);
    // A log that does not answer: sealing goes on.
    write("gone/1.dcm", sampleFile("2.25.31"));
    const gone = run("seal", "gone", "--device", "CT1", "--out", "sealed-gone");
    expect(gone.status).toBe(0);
    expect(gone.stderr).toContain("the log will be told later");
  });

  it("has the name that it is given, or one that is made from the authority", () => {
    expect(
      run("log", "checkpoint", "scanseal-data/log", "--policy", "scanseal-data/log/policy").stdout,
    ).toMatch(/scanseal\.local\/[0-9a-f]{16}/);
    const other = ["init", "--home", "other", "--log-origin"];
    expect(run(...other, "no name")).toMatchObject({ status: 2, stdout: "" });
    expect(run(...other, "log.hospital.example/a").status).toBe(0);
    expect(readFileSync(path("other/log/policy"), "utf8")).toContain("log log.hospital.example/a+");
  });

  it("takes no policy that names no log, or two", () => {
    write("none.policy", "quorum none\n");
    expect(run("log", "use", "http://127.0.0.1:1", "--policy", "none.policy")).toMatchObject({ status: 2 });
    expect(run("log", "use", "http://127.0.0.1:1", "--policy", "absent").stderr).toMatch(oneLine);
  });
});
