/** TLS certificates from the site's authority, judged by openssl, and in real handshakes of Node and openssl. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Authority, createAuthority } from "../../src/keys/custody/authority.ts";
import { enrolLocally } from "../../src/keys/custody/local-enrolment.ts";
import { issueTlsLocally, type LocalTls } from "../../src/keys/custody/tls-certificate.ts";
import { decodePem, encodePem } from "../../src/keys/trust/pem.ts";
import { nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { describePeer, peerPath } from "../peers.ts";

const passphrase = "correct horse battery";
let home = "";
let authority: Authority;
let gate: LocalTls;
let modality: LocalTls;
let anchor = "";
const servers: Server[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "scanseal-tls-peers-"));
  const environment = { clock: systemClock, random: nodeRandom, passphrase };
  authority = await createAuthority(join(home, "authority"), { ...environment, name: "Example Hospital" });
  const hosts = ["localhost", "gate.example.org", "127.0.0.1", "::1"];
  gate = await issueTlsLocally(authority, { kind: "tls-server", name: "gate", hosts });
  modality = await issueTlsLocally(authority, { kind: "tls-client", name: "ct-1", hosts: [] });
  anchor = readFileSync(join(home, "authority", "authority.pem"), "utf8");
  for (const [name, { certificatePem, keyPem }] of Object.entries({ gate, modality })) {
    writeFileSync(join(home, `${name}.pem`), certificatePem);
    writeFileSync(join(home, `${name}.key`), keyPem, { mode: 0o600 });
  }
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Node's server ends the connection after the handshake, without a word. */
const turnedAway = /^(ECONNRESET)?$/;

const inHome = (name: string): string => join(home, name);
const inAuthority = (name: string): string => join(home, "authority", name);

function openssl(...options: readonly string[]): { readonly ok: boolean; readonly text: string } {
  const run = spawnSync(peerPath("openssl"), options, { encoding: "utf8" });
  return { ok: run.status === 0, text: run.stdout + run.stderr };
}

function verify(certificate: string, ...options: readonly string[]): boolean {
  return openssl(
    ...[
      "verify",
      "-x509_strict",
      "-auth_level",
      "2",
      "-check_ss_sig",
      "-CAfile",
      inAuthority("authority.pem"),
    ],
    ...["-crl_check", "-CRLfile", inAuthority("crl.pem"), ...options, certificate],
  ).ok;
}

/** A mutual TLS server that answers with the fingerprint of whoever came. */
async function listen(): Promise<number> {
  const server = createServer(
    {
      ...{ cert: gate.certificatePem, key: gate.keyPem, ca: anchor, minVersion: "TLSv1.2" },
      ...{ requestCert: true, rejectUnauthorized: true, crl: readFileSync(inAuthority("crl.pem"), "utf8") },
    },
    (socket) => socket.end(socket.getPeerX509Certificate()?.fingerprint256 ?? ""),
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** What the server said, or the code of the error. */
function call(port: number, shown: Partial<LocalTls>, servername = "gate.example.org"): Promise<string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({
      ...{ host: "127.0.0.1", port, servername, ca: anchor },
      ...(shown.keyPem === undefined ? {} : { key: shown.keyPem, cert: shown.certificatePem ?? "" }),
    });
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => {
      text += part;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("end", () => resolve(text.replaceAll(":", "").toLowerCase()));
  });
}

describePeer("openssl", "TLS certificates and openssl", () => {
  it("are each for their own purpose and their own hosts", async () => {
    expect(verify(inHome("gate.pem"), "-purpose", "sslserver")).toBe(true);
    expect(verify(inHome("gate.pem"), "-purpose", "sslclient")).toBe(false);
    expect(verify(inHome("modality.pem"), "-purpose", "sslclient")).toBe(true);
    expect(verify(inHome("modality.pem"), "-purpose", "sslserver")).toBe(false);
    for (const host of ["localhost", "gate.example.org"])
      expect(verify(inHome("gate.pem"), "-verify_hostname", host)).toBe(true);
    expect(verify(inHome("gate.pem"), "-verify_hostname", "gate.example.com")).toBe(false);
    expect(verify(inHome("gate.pem"), "-verify_ip", "127.0.0.1")).toBe(true);
    expect(verify(inHome("gate.pem"), "-verify_ip", "::1")).toBe(true);
    expect(verify(inHome("gate.pem"), "-verify_ip", "127.0.0.2")).toBe(false);
  });

  it("are not what a sealing device has: its certificate opens no connection", async () => {
    const folder = join(home, "device");
    const device = { name: "device", aeTitle: "CT1", serialNumber: "1" };
    await enrolLocally(authority, folder, { device, roles: ["capture"], passphrase, random: nodeRandom });
    const certificate = join(folder, "epoch-1", "certificate.pem");
    expect(verify(certificate)).toBe(true);
    expect(verify(certificate, "-purpose", "sslclient")).toBe(false);
    expect(verify(certificate, "-purpose", "sslserver")).toBe(false);
  });

  it("answer openssl's own requests, of which only the key is taken", async () => {
    const made = openssl(
      ...[
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        inHome("old.key"),
        "-out",
        inHome("old.csr"),
      ],
      ...["-subj", "/CN=evil.example.org", "-addext", "subjectAltName=DNS:evil.example.org"],
      ...["-addext", "basicConstraints=critical,CA:TRUE"],
    );
    expect(made.ok, made.text).toBe(true);
    const [request] = decodePem("CERTIFICATE REQUEST", readFileSync(inHome("old.csr"), "utf8"));
    const owner = { kind: "tls-server", name: "archive", hosts: ["archive.example.org"] } as const;
    const { der } = await authority.issueTls(owner, request!);
    writeFileSync(inHome("old.pem"), encodePem("CERTIFICATE", der));
    const text = openssl("x509", "-in", inHome("old.pem"), "-noout", "-text").text;
    expect(text).not.toMatch(/evil|CA:TRUE/);
    expect(verify(inHome("old.pem"), "-purpose", "sslserver", "-verify_hostname", owner.hosts[0])).toBe(true);
    expect(verify(inHome("old.pem"), "-verify_hostname", "evil.example.org")).toBe(false);
  });

  it("shake hands with openssl's own client", async () => {
    const port = await listen();
    const child = spawn(peerPath("openssl"), [
      ...["s_client", "-connect", `127.0.0.1:${port}`, "-quiet", "-verify_return_error"],
      ...[
        "-CAfile",
        inAuthority("authority.pem"),
        "-verify_hostname",
        "localhost",
        "-servername",
        "localhost",
      ],
      ...["-cert", inHome("modality.pem"), "-key", inHome("modality.key")],
    ]);
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    await new Promise((resolve) => child.on("close", resolve));
    expect(text.replaceAll(":", "").toLowerCase()).toBe(modality.entry.fingerprint);
  });

  it("let nobody in without a client certificate of ours, and no longer once it is revoked", async () => {
    const port = await listen();
    expect(await call(port, modality)).toBe(modality.entry.fingerprint);
    expect(await call(port, modality, "localhost")).toBe(modality.entry.fingerprint);
    expect(await call(port, modality, "elsewhere.example.org")).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(await call(port, {})).toMatch(/^ERR_SSL_.*CERTIFICATE_REQUIRED$/);
    expect(await call(port, gate)).toMatch(turnedAway);
    const lost = await issueTlsLocally(authority, { kind: "tls-client", name: "lost", hosts: [] });
    expect(await call(port, lost)).toBe(lost.entry.fingerprint);
    authority.revoke(lost.entry.serial, "keyCompromise");
    expect(await call(await listen(), lost)).toMatch(turnedAway);
  });
});
