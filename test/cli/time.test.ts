/** `scanseal time` from the command line, with an authority of openssl; dcmsign judges the stamps in DICOM signatures. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describePeer, peer, peerPath, projectRoot } from "../peers.ts";
import { OpensslAuthority } from "../time-stamps/openssl-authority.ts";
import { makeSite, makeWorkplace, oneLine, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
const running: ChildProcess[] = [];
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** Its URL. */
async function serve(authority: OpensslAuthority): Promise<string> {
  const program = join(projectRoot, "test", "time-stamps", "authority-server.ts");
  const child = spawn(process.execPath, [program, authority.folder], { stdio: ["pipe", "pipe", "inherit"] });
  running.push(child);
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  return `http://127.0.0.1:${String(port).trim()}/`;
}

const lines = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describePeer("openssl", "scanseal time", () => {
  let authority: OpensslAuthority;
  let url = "";
  beforeAll(async () => {
    makeSite(place);
    authority = new OpensslAuthority(place.path("tsa"));
    url = await serve(authority);
  });

  it("stamps nothing before somebody named an authority", () => {
    const { status, stderr } = place.run("time", "stamp", "--pending");
    expect(status).toBe(2);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain("scanseal time use");
    expect(place.run("time", "list").status).toBe(2);
    expect(place.run("time", "use", "ftp://x/", "--anchor", "tsa/root.pem").stderr).toMatch(oneLine);
    expect(place.run("time", "use", url, "--anchor", "scans/1.dcm").stderr).toMatch(oneLine);
    expect(existsSync(place.path("scanseal-data", "time.json"))).toBe(false);
  });

  it("seals are stamped when they are made; what could not be is stamped later", () => {
    expect(place.run("seal", "scans/3.dcm", "--device", "CT1", "--out", "early").status).toBe(0);
    const dead = place.run("time", "use", "http://127.0.0.1:9/", "--anchor", "tsa/root.pem");
    expect(dead).toMatchObject({ status: 0, stderr: "" });
    expect(dead.stdout).toMatch(/SHA-256: [0-9a-f]{64}\nCompare/);
    const later = place.run("seal", "scans/1.dcm", "--device", "CT1", "--out", "sealed");
    expect(later.status).toBe(0);
    expect(later.stderr).toMatch(/time stamps follow later \(scanseal time stamp --pending\)/);
    expect(place.run("time", "stamp", "--pending").status).toBe(2);
    expect(
      place.run("time", "use", url, "--anchor", "tsa/root.pem", "--policy", authority.policy).status,
    ).toBe(0);
    expect(place.run("time", "stamp", "2.25.3").stdout).toBe("1 seal stamped\n");
    expect(place.run("time", "stamp", "2.25.3")).toMatchObject({ status: 0, stdout: "0 seals stamped\n" });
    const unknown = place.run("time", "stamp", "2.25.404");
    expect(unknown).toMatchObject({ status: 1, stdout: "0 seals stamped\n" });
    expect(unknown.stderr).toMatch(oneLine);
    const { status, stderr } = place.run("seal", "scans/2.dcm", "--device", "CT1", "--out", "sealed");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(place.run("time", "stamp", "--pending").stdout).toBe("0 seals stamped\n");
    const listed = place.run("time", "list", "--json");
    expect(listed.status).toBe(0);
    expect(lines(listed.stdout)).toHaveLength(3);
    for (const one of lines(listed.stdout))
      expect(one).toMatchObject({ ok: true, device: "CT1", renews: 0, authority: "O=Test, CN=Test clock" });
    expect(place.run("time", "list").stdout).toMatch(
      /CT1, number 1: .* by O=Test, CN=Test clock; until \d{4}/,
    );
  });

  it("verify and show tell since when the seal exists; attached, also to whoever has the object only", () => {
    const verified = place.run("verify", "sealed", "--json");
    expect(verified.status).toBe(0);
    for (const { verdict, time } of lines(verified.stdout)) {
      expect(verdict).toBe("verified");
      expect(time).toMatchObject({ class: "T1", basis: "time-stamp", authority: "O=Test, CN=Test clock" });
    }
    expect(place.run("show", "sealed/2.25.1.dcm").stdout).toMatch(
      /Exists since +\d{4}-.*Z \(T1: time stamp by O=Test, CN=Test clock\)/,
    );
    expect(place.run("attach", "sealed/2.25.1.dcm", "--out", "attached").status).toBe(0);
    place.run("--home", "other", "init");
    place.write("site.pem", place.run("trust", "export").stdout);
    place.run("--home", "other", "trust", "import", "site.pem");
    const elsewhere = (...more: string[]): Record<string, unknown> =>
      lines(place.run("--home", "other", "verify", "attached", "--json", ...more).stdout)[0]!;
    expect(elsewhere()).toMatchObject({ verdict: "verified", time: { class: "T3" } });
    expect(place.run("--home", "other", "time", "use", "--anchor", "tsa/root.pem").status).toBe(0);
    expect(elsewhere()).toMatchObject({ verdict: "verified", time: { class: "T1" } });
  });

  it("renews over seal and stamps, once what is there ends soon", () => {
    expect(place.run("time", "renew").stdout).toBe("0 seals stamped anew\n");
    // Its certificate is the same as before: every night one more stamp, for nothing.
    const same = place.run("time", "renew", "--within", "2000");
    expect(same).toMatchObject({ status: 0, stderr: "" });
    expect(same.stdout).toMatch(/^0 seals stamped anew\n3 seals left as they are: .* ends no later\n$/);
    authority.newCertificate(1500);
    expect(place.run("time", "renew", "--within", "2000").stdout).toBe("3 seals stamped anew\n");
    const listed = lines(place.run("time", "list", "--json").stdout);
    expect(listed.map(({ ok, renews }) => [ok, renews]).sort()).toEqual([
      ...[0, 0, 0].map((renews) => [true, renews]),
      ...[1, 1, 1].map((renews) => [true, renews]),
    ]);
    expect(lines(place.run("verify", "sealed", "--json").stdout)[0]).toMatchObject({ verdict: "verified" });
  });

  it("puts stamps into DICOM signatures, which dcmsign takes and requires", () => {
    // Signatures of even and of odd length: the latter are padded.
    for (let i = 0; i < 8; i++) place.write(`more/${i}.dcm`, sampleFile(`2.25.10${i}`));
    expect(place.run("seal", "more", "--device", "CT1", "--out", "more-sealed").status).toBe(0);
    const stamped = place.run("time", "stamp", "more-sealed", "--out", "stamped");
    expect(stamped).toMatchObject({ status: 0, stderr: "" });
    expect(stamped.stdout).toBe("8 objects written into stamped, 8 DICOM signatures stamped\n");
    const verified = lines(place.run("--home", "other", "verify", "stamped", "--json").stdout);
    for (const one of verified) expect(one).toMatchObject({ verdict: "verified", time: { class: "T1" } });
    // A second time there is nothing to add.
    expect(place.run("time", "stamp", "stamped", "--out", "again").stdout).toContain(
      "0 DICOM signatures stamped",
    );
    expect(place.run("time", "stamp", "scans", "--out", "none").status).toBe(1);
    expect(place.run("time", "stamp", "stamped").status).toBe(2);
    if (peer("dcmsign") === undefined) return;
    place.write("anchors.pem", place.run("trust", "export").stdout);
    const dcmsign = (file: string): { status: number | null; stderr: string } =>
      spawnSync(peerPath("dcmsign"), ["--verify", "+tr", "+cf", "anchors.pem", "+cf", "tsa/root.pem", file], {
        cwd: place.folder,
        encoding: "utf8",
      });
    for (const name of readdirSync(place.path("stamped"))) {
      expect(dcmsign(join("stamped", name)), name).toMatchObject({ status: 0 });
      expect(dcmsign(join("more-sealed", name)).status).not.toBe(0);
    }
  });

  it("a device taken out of service leaves its seals as they are, where they were seen or stamped before", () => {
    place.run("--home", "third", "init");
    place.run("--home", "third", "trust", "import", "site.pem");
    expect(place.run("--home", "third", "verify", "stamped").status).toBe(0);
    const revoked = place.run("authority", "revoke", "CT1");
    expect(revoked.stdout).toContain("but for those that others or this site prove to be older");
    const list = join("scanseal-data", "authority", "crl.pem");
    for (const home of ["other", "third"]) place.run("--home", home, "trust", "import", list);
    const verdictAt = (home: string, folder: string): unknown => {
      const [first] = lines(place.run("--home", home, "verify", folder, "--json").stdout);
      return [first!.verdict, (first!.time as { class: string }).class];
    };
    expect(verdictAt("scanseal-data", "sealed")).toEqual(["verified", "T1"]);
    // It pinned the authority, and these have their stamps inside.
    expect(verdictAt("other", "stamped")).toEqual(["verified", "T1"]);
    expect(verdictAt("other", "sealed")).toEqual(["untrusted", "T3"]);
    expect(verdictAt("third", "stamped")).toEqual(["untrusted", "T3"]);
  });
});
