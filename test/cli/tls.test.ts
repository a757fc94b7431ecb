/** `scanseal tls`: what is written, with which rights, and what is refused. */
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makeWorkplace, oneLine, type Run, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
const { run, path, write } = place;
run("init");

function refused(done: Run): string {
  expect({ status: done.status, stdout: done.stdout }).toEqual({ status: 2, stdout: "" });
  expect(done.stderr).toMatch(oneLine);
  return done.stderr;
}

describe("scanseal tls", () => {
  it("writes key and certificate, lists, revokes", () => {
    const server = run(
      "tls",
      "server",
      "gate",
      "--host",
      "gate.example.org,10.0.0.7",
      "--out",
      "certificates",
    );
    expect(server).toMatchObject({ status: 0, stderr: "" });
    const certificate = new X509Certificate(readFileSync(path("certificates", "gate.pem")));
    expect(certificate.subjectAltName).toBe("DNS:gate.example.org, IP Address:10.0.0.7");
    const fingerprint = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
    expect(server.stdout).toContain(`SHA-256: ${fingerprint}`);
    expect(statSync(path("certificates", "gate.key")).mode & 0o777).toBe(0o600);
    expect(readFileSync(path("certificates", "gate.key"), "utf8")).toMatch(/^-----BEGIN PRIVATE KEY-----/);

    const client = run("tls", "client", "ct-1", "--out", "certificates");
    expect(client.stdout).toMatch(/SHA-256: [0-9a-f]{64}\nThis is what names the sender/);
    const list = run("tls", "list").stdout.split("\n");
    expect(list[0]).toMatch(
      new RegExp(`^server {2}gate {2}until .* ${fingerprint} {2}gate.example.org,10.0.0.7$`),
    );
    expect(list[1]).toMatch(/^client {2}ct-1 {2}until \d{4}-\d\d-\d\d {2}[0-9a-f]{64}$/);
    expect(run("tls", "revoke", "ct-1").stdout).toContain("configuration too");
    expect(run("tls", "list").stdout).toMatch(/client {2}ct-1 {2}revoked/);
    expect(refused(run("tls", "revoke", "ct-1"))).toMatch(/no TLS certificate in use/);
    // A TLS certificate is no device, and a name of one does not revoke the other.
    expect(refused(run("authority", "revoke", "gate"))).toMatch(/no keys of that name/);
    write("x.dcm", sampleFile("2.25.1"));
    expect(refused(run("seal", "x.dcm", "--device", "gate", "--out", "sealed"))).toMatch(/no device/);
  });

  it("answers a request without making a key", () => {
    run("device", "request", "US1", "--ae", "US1", "--serial", "1", "--out", "us1.csr");
    const answer = run("tls", "client", "us-1", "--request", "us1.csr", "--out", "requested");
    expect(answer).toMatchObject({ status: 0, stderr: "" });
    expect(answer.stdout).toMatch(/Key SHA-256: [0-9a-f]{64}\nCompare it/);
    expect(existsSync(path("requested", "us-1.pem"))).toBe(true);
    expect(existsSync(path("requested", "us-1.key"))).toBe(false);
    const wrong = ["--request", "us1.csr", "--fingerprint", "00".repeat(32)];
    expect(refused(run("tls", "client", "us-1", ...wrong, "--out", "elsewhere"))).toMatch(/fingerprint/);
    expect(existsSync(path("elsewhere", "us-1.pem"))).toBe(false);
  });

  it("overwrites nothing and leaves nothing half done", () => {
    write("there/a.key", "somebody's");
    write("there/b.pem", "somebody's");
    expect(refused(run("tls", "client", "a", "--out", "there"))).toMatch(/a\.key.*exists/);
    expect(refused(run("tls", "client", "b", "--out", "there"))).toMatch(/b\.pem.*exists/);
    expect([existsSync(path("there", "a.pem")), existsSync(path("there", "b.key"))]).toEqual([false, false]);
    expect(readFileSync(path("there", "a.key"), "utf8")).toBe("somebody's");
    expect(refused(run("tls", "client", "../up", "--out", "there"))).toMatch(/name/);
    expect(refused(run("tls", "server", "s", "--host", "*.example.org", "--out", "there"))).toMatch(
      /wildcard/,
    );
    expect(run("tls", "list").stdout).not.toMatch(/ {2}[ab] {2}/);
  });
});
