/** `scanseal trust ocsp` and `trust staple`: a device of another authority, whose responder is openssl's. */
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import { OpensslResponder } from "../keys/openssl-responder.ts";
import { describePeer } from "../peers.ts";
import { makeWorkplace, oneLine, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
const { run, path, write } = place;

interface Verified {
  readonly verdict: string;
  readonly revocation?: { readonly source: string; readonly status: string; readonly at: string };
  readonly findings: readonly { readonly code: string; readonly severity: string; readonly detail: string }[];
}

function verified(folder: string, home = "scanseal-data"): Verified[] {
  const { stdout } = run("--home", home, "verify", folder, "--json");
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Verified);
}

const codes = ({ findings }: Verified): string[] => findings.map(({ code }) => code);

describePeer("openssl", "scanseal trust ocsp", () => {
  let responder: OpensslResponder;
  let url = "";
  let device: Bytes;
  afterAll(() => responder.end());

  beforeAll(async () => {
    responder = new OpensslResponder(path("ca"));
    url = await responder.serve();
    run("init");
    run("--home", "other", "init");
    for (const home of ["scanseal-data", "other"])
      expect(run("--home", home, "trust", "import", "ca/root.pem", "--label", "Other").status).toBe(0);
    const request = run("device", "request", "CT9", "--ae", "CT9", "--serial", "9", "--out", "ct9.csr");
    expect(request.status).toBe(0);
    copyFileSync(path("ct9.csr"), path("ca/ct9.csr"));
    device = responder.issue("ct9");
    expect(run("device", "install", "CT9", "ca/ct9.pem").status).toBe(0);
    for (let i = 1; i <= 6; i++) write(`scans/${i}.dcm`, sampleFile(`2.25.${i}`));
  });

  const seal = (number: number): ReturnType<typeof run> =>
    run("seal", `scans/${number}.dcm`, "--device", "CT9", "--out", `sealed-${number}`);

  it("asks nobody before somebody named a responder", () => {
    expect(run("trust", "ocsp")).toMatchObject({ status: 0, stdout: "" });
    const { status, stderr } = run("trust", "staple", "--pending");
    expect(status).toBe(2);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain("scanseal trust ocsp");
    for (const wrong of [
      ["ocsp", "ftp://x/"],
      ["ocsp", url, "--none"],
      ["ocsp", url, "--authority", "Nobody"],
      ["staple"],
    ])
      expect(run("trust", ...wrong).stderr, wrong.join(" ")).toMatch(oneLine);
    expect(existsSync(path("scanseal-data/ocsp.json"))).toBe(false);
    expect(seal(1)).toMatchObject({ status: 0, stderr: "" });
    expect(verified("sealed-1")[0]).not.toHaveProperty("revocation");
  });

  it("never waits for it to succeed: a responder that cannot be had is told, and asked later", () => {
    expect(run("trust", "ocsp", "http://127.0.0.1:9/").status).toBe(0);
    const sealed = seal(2);
    expect(sealed.status).toBe(0);
    expect(sealed.stderr).toMatch(/revocation statuses follow later \(scanseal trust staple --pending\)/);
    expect(run("trust", "staple", "--pending").status).toBe(2);
    expect(run("trust", "ocsp", url).stdout).toMatch(
      /devices of Other: http.*\nSHA-256 of the authority: [0-9a-f]{64}\n/,
    );
    expect(run("trust", "ocsp").stdout).toBe(`Other: ${url}\n`);
    expect(run("trust", "staple", "--pending")).toMatchObject({
      status: 0,
      stdout: "2 seals with a new revocation status\n",
      stderr: "",
    });
    expect(run("trust", "staple", "--pending").stdout).toBe("0 seals with a new revocation status\n");
    expect(run("trust", "staple", "2.25.404").status).toBe(1);
  });

  it("one responder that cannot be had keeps no other from being asked", () => {
    run("enroll", "CT1", "--ae", "CT1", "--serial", "1");
    const own = JSON.parse(run("trust", "list", "--json").stdout.split("\n")[0]!) as { label: string };
    const dead = run("trust", "ocsp", "http://127.0.0.1:9/", "--authority", own.label);
    expect(dead.stdout).toContain(`devices of ${own.label}`);
    expect(run("trust", "ocsp", "--none", "--authority", "Other").stdout).toContain("1 responder");
    for (const [number, device] of [
      ["7", "CT1"],
      ["8", "CT9"],
    ] as const) {
      write(`scans/${number}.dcm`, sampleFile(`2.25.${number}`));
      expect(run("seal", `scans/${number}.dcm`, "--device", device, "--out", "mixed").status).toBe(0);
    }
    expect(run("trust", "ocsp", url, "--authority", "Other").status).toBe(0);
    const { status, stdout, stderr } = run("trust", "staple", "--pending");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "1 seal with a new revocation status\n" });
    expect(stderr).toMatch(/the OCSP responder cannot be reached/);
    expect(run("trust", "ocsp", "--none", "--authority", own.label).status).toBe(0);
    const unasked = run("trust", "staple", "--pending");
    expect(unasked).toMatchObject({ status: 0, stdout: "0 seals with a new revocation status\n" });
    expect(unasked.stderr).toMatch(/1 seal of devices whose authority has no responder that is asked/);
  });

  it("a seal has its status when it is made; attached, also for whoever has the object only", () => {
    expect(seal(3)).toMatchObject({ status: 0, stderr: "" });
    const [here] = verified("sealed-3");
    const told = { source: "ocsp", status: "good", responder: "O=Other Hospital, CN=Other responder" };
    expect(here).toMatchObject({ verdict: "verified", revocation: told });
    expect(here!.revocation!.at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(run("show", "sealed-3/2.25.3.dcm").stdout).toMatch(
      /Device's key +good, \d{4}-.*Z \(OCSP: by O=Other Hospital, CN=Other responder\)/,
    );
    expect(run("attach", "sealed-3/2.25.3.dcm", "--out", "attached").stdout).toContain("2 pieces");
    expect(verified("sealed-3", "other")[0]).not.toHaveProperty("revocation");
    expect(verified("attached", "other")[0]).toMatchObject({ verdict: "verified", revocation: told });
    run("--home", "third", "init");
    const [stranger] = verified("attached", "third");
    expect(stranger).toMatchObject({ verdict: "untrusted" });
    expect(codes(stranger!)).not.toContain("revocation-status-invalid");
    expect(stranger).not.toHaveProperty("revocation");
  });

  it("what does not hold is told, and proves and spoils nothing", async () => {
    const journal = await openProvenanceJournal(path("scanseal-data/provenance.sqlite"));
    const [seal] = await journal.sealsOfInstance("2.25.3");
    const [kept] = (await journal.lateEvidence(seal!.payloadDigest)).filter(
      ({ type }) => type === "revocation-status",
    );
    const changed = kept!.bytes.slice();
    changed[changed.length >> 1]! ^= 1;
    await journal.addLateEvidence(
      seal!.payloadDigest,
      { type: "revocation-status", bytes: changed },
      Date.now(),
    );
    await journal.close();
    const [one] = verified("sealed-3");
    expect(one).toMatchObject({ verdict: "verified", revocation: { status: "good" } });
    expect(one!.findings).toContainEqual(
      expect.objectContaining({
        code: "revocation-status-invalid",
        severity: "warning",
        detail: expect.stringMatching(
          /^an OCSP response kept beside the object fails at step [a-z]+$/,
        ) as string,
      }),
    );
  });

  it("revoked for a reason that is no theft: seals that were seen before stand at home, and nowhere else", () => {
    expect(run("trust", "staple", "2.25.1").status).toBe(0);
    responder.setState(device, "superseded", Date.now() + 2000);
    const again = run("trust", "staple", "2.25.1");
    expect(again).toMatchObject({ status: 0, stdout: "1 seal with a new revocation status\n" });
    expect(again.stderr).toMatch(/the authority says that the device is revoked/);
    const [here] = verified("sealed-1");
    expect(here).toMatchObject({
      verdict: "verified",
      revocation: { status: "revoked", reason: "superseded" },
    });
    expect(codes(here!)).toContain("stands-by-time");
    expect(run("attach", "sealed-1/2.25.1.dcm", "--out", "attached-1").stdout).toContain("2 pieces");
    const [there] = verified("attached-1", "other");
    expect(there).toMatchObject({ verdict: "untrusted", revocation: { status: "revoked" } });
    expect(codes(there!)).toContain("certificate-revoked");
  });

  it("revoked after a theft: no sight of our own helps, and an older good answer does not either", () => {
    responder.setState(device, "keyCompromise");
    expect(run("trust", "staple", "2.25.3").status).toBe(0);
    const [here] = verified("sealed-3");
    expect(here).toMatchObject({ verdict: "untrusted", revocation: { reason: "keyCompromise" } });
    expect(codes(here!)).toContain("certificate-revoked");
    // Into the object that has the good answer inside.
    expect(run("attach", "attached/2.25.3.dcm", "--out", "attached-both").stdout).toContain("1 piece");
    expect(verified("attached-both", "other")[0]).toMatchObject({ verdict: "untrusted" });
    expect(verified("attached", "other")[0]).toMatchObject({
      verdict: "verified",
      revocation: { status: "good" },
    });
  });

  it("a revocation list overrules every good answer", () => {
    write(
      "ca/ca.cnf",
      "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=30\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n",
    );
    write("ca/crlnumber", "01\n");
    const by = ["-keyfile", "root.key", "-cert", "root.pem"];
    responder.run("ca", "-config", "ca.cnf", ...by, "-gencrl", "-out", "crl.pem");
    expect(run("--home", "other", "trust", "import", "ca/crl.pem").status).toBe(0);
    const [one] = verified("attached", "other");
    expect(one).toMatchObject({ verdict: "untrusted", revocation: { status: "good" } });
    expect(codes(one!)).toContain("certificate-revoked");
  });

  it("--none asks no longer; what is kept stays; damage is told", () => {
    responder.setState(device, "good");
    expect(run("trust", "ocsp", "--none").stdout).toBe("1 responder is no longer asked\n");
    expect(run("trust", "ocsp", "--none").stdout).toBe("0 responders are no longer asked\n");
    expect(seal(4)).toMatchObject({ status: 0, stderr: "" });
    expect(verified("sealed-4")[0]).not.toHaveProperty("revocation");
    expect(verified("sealed-2")[0]).toMatchObject({ revocation: { status: "good" } });
    write("scanseal-data/ocsp.json", "{}");
    const damaged = seal(5);
    expect(damaged.status).toBe(0);
    expect(damaged.stderr).toMatch(/ocsp.json is damaged/);
    expect(readFileSync(join(path("sealed-5"), "2.25.5.dcm")).length).toBeGreaterThan(0);
  });
});
