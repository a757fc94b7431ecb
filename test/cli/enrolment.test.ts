/** A device at one home, its authority at another: the steps a person takes, and the mistakes. */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makeWorkplace, oneLine, type Run, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
const { run, path, write } = place;
write("scan.dcm", sampleFile("2.25.1"));
run("init", "--home", "centre", "--name", "Centre");
run("init", "--home", "ward", "--name", "Ward");

function atWard(...args: string[]): Run {
  return run("--home", "ward", ...args);
}

function atCentre(...args: string[]): Run {
  return run("--home", "centre", ...args);
}

function refused(done: Run): string {
  expect({ status: done.status, stdout: done.stdout }).toEqual({ status: 2, stdout: "" });
  expect(done.stderr).toMatch(oneLine);
  return done.stderr;
}

describe("enrolment over two homes", () => {
  it("gives a device that seals, is believed at both, and nowhere once its revocation is known", () => {
    const device = ["US1", "--ae", "US1", "--serial", "77"];
    const request = atWard("device", "request", ...device, "--out", "us1.csr");
    const fingerprint = /[0-9a-f]{64}/.exec(request.stdout)?.[0] ?? "";
    const code =
      /(?:[0-9A-Z]{5}-){3}[0-9A-Z]{5}/.exec(atCentre("authority", "code", ...device).stdout)?.[0] ?? "";
    const sign = (given: string, compared: string, out: string): Run =>
      atCentre("authority", "sign", "us1.csr", "--code", given, "--fingerprint", compared, "--out", out);

    expect(refused(sign("WRONG", fingerprint, "us1.crt"))).toMatch(/code/);
    expect(
      refused(
        sign(
          code,
          fingerprint.replace(/^./, (first) => (first === "0" ? "1" : "0")),
          "us1.crt",
        ),
      ),
    ).toMatch(/fingerprint/);
    expect(existsSync(path("us1.crt"))).toBe(false);
    // A certificate that cannot be written must not use up the code.
    expect(refused(sign(code, fingerprint, "us1.csr"))).toMatch(/exists/);
    expect(refused(sign(code, fingerprint, "absent/us1.crt"))).toMatch(/no such/);
    // As people type it.
    expect(sign(code.toLowerCase().replaceAll("-", " "), fingerprint.toUpperCase(), "us1.crt").status).toBe(
      0,
    );
    expect(refused(sign(code, fingerprint, "again.crt"))).toMatch(/used/);

    expect(refused(atWard("seal", "scan.dcm", "--device", "US1", "--out", "out"))).toMatch(/no certificate/);
    refused(atWard("device", "install", "US1", "us1.csr"));
    expect(atWard("device", "install", "US1", "us1.crt").status).toBe(0);
    expect(refused(atWard("seal", "scan.dcm", "--device", "US1", "--out", "out"))).toMatch(/trust import/);
    write("centre.pem", atCentre("trust", "export").stdout);
    expect(atWard("trust", "import", "centre.pem").status).toBe(0);
    expect(atWard("seal", "scan.dcm", "--device", "US1", "--out", "out").status).toBe(0);
    expect(atCentre("verify", "out").status).toBe(0);
    expect(atWard("verify", "out").status).toBe(0);

    expect(atCentre("authority", "revoke", "US1", "--compromised").status).toBe(0);
    expect(atCentre("verify", "out").status).toBe(1);
    expect(atWard("verify", "out").status).toBe(0);
    expect(atWard("trust", "import", "centre/authority/crl.pem").stdout).toMatch(/Revocation list taken/);
    expect(atWard("trust", "import", "centre/authority/crl.pem").stdout).toMatch(/as new/);
    expect(atWard("verify", "out").stdout).toMatch(/untrusted/);
    expect(refused(atWard("seal", "scan.dcm", "--device", "US1", "--out", "out2"))).toMatch(/revoked/);
  });

  it("takes neither junk, nor a list of strangers, nor a certificate that is no authority", () => {
    write("junk.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    write("empty.pem", "");
    refused(atCentre("trust", "import", "junk.pem"));
    refused(atCentre("trust", "import", "empty.pem"));
    expect(refused(atCentre("trust", "import", "ward/authority/crl.pem"))).toMatch(/no authority/);
    expect(refused(atCentre("trust", "import", "us1.crt"))).toMatch(/no authority/);
    expect(existsSync(path("centre/trust.json"))).toBe(false);
  });
});
