/** An authority of openssl with an OCSP responder: its certificates, its index of what it issued, and `openssl ocsp`. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { decodePem } from "../../src/keys/trust/pem.ts";
import { keyPurposeOf } from "../../src/keys/trust/roles.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { peerPath } from "../peers.ts";

export type AuthorityKey = "P-256" | "P-384" | "RSA-3072";

/** Files of one authority in a folder of its own: root.pem, responder.pem, index.txt. */
export class OpensslResponder {
  readonly folder: string;
  #server: ChildProcess | undefined;
  #url: string | undefined;

  constructor(folder: string, key: AuthorityKey = "P-256") {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    const common = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
    const files = {
      "req.cnf": "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n",
      "root.ext": `basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n${common}`,
      "responder.ext": `keyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\nnoCheck=ignored\n${common}`,
      "plain.ext": `keyUsage=critical,digitalSignature\n${common}`,
      "device.ext": `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=${keyPurposeOf("capture")}\n${common}`,
      "index.txt": "",
      "index.txt.attr": "unique_subject = no\n",
    };
    for (const [name, text] of Object.entries(files)) this.#write(name, text);
    this.#key("root", key);
    this.#request("root", "/O=Other Hospital/CN=Other authority");
    const own = ["-signkey", "root.key", "-days", "3650", "-extfile", "root.ext"];
    this.run("x509", "-req", "-in", "root.csr", ...own, "-out", "root.pem", "-sha256");
    for (const [name, extensions] of [
      ["responder", "responder.ext"],
      ["plain", "plain.ext"],
    ] as const) {
      this.#key(name, key);
      this.#request(name, `/O=Other Hospital/CN=Other ${name}`);
      this.issue(name, extensions);
    }
  }

  get root(): Bytes {
    return this.#certificate("root");
  }

  /** A device of openssl's own: the certificate. */
  makeDevice(name: string): Bytes {
    this.#key(name, "P-256");
    this.#request(name, `/O=Other Hospital/CN=${name}`);
    return this.issue(name, "device.ext");
  }

  /** A certificate for NAME.csr in the folder, as NAME.pem. */
  issue(name: string, extensions = "device.ext"): Bytes {
    const by = ["-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "900", "-sha256"];
    // openssl x509 -req leaves out noCheck unless it is named by its identifier.
    const text = readFileSync(join(this.folder, extensions), "latin1");
    this.#write("used.ext", text.replace("noCheck=ignored", "1.3.6.1.5.5.7.48.1.5=DER:05:00"));
    this.run("x509", "-req", "-in", `${name}.csr`, ...by, "-extfile", "used.ext", "-out", `${name}.pem`);
    const certificate = this.#certificate(name);
    this.setState(certificate, "good");
    return certificate;
  }

  /** What the responder says of a certificate from now on. @param state "good", or a reason as openssl's index writes it */
  setState(certificate: Bytes, state: string, at: number = Date.now()): void {
    const { serial } = parseCertificate(certificate, nodeCrypto);
    const number = serial.toUpperCase();
    const kept = this.#index().filter((line) => line.split("\t")[3] !== number);
    const end = indexTime(Date.now() + 900 * 86_400_000);
    const revoked = state === "good" ? "" : `${indexTime(at)},${state}`;
    const line = [state === "good" ? "V" : "R", end, revoked, number, "unknown", `/CN=${number}`].join("\t");
    this.#write("index.txt", `${[...kept, line].join("\n")}\n`);
  }

  forget(certificate: Bytes): void {
    const number = parseCertificate(certificate, nodeCrypto).serial.toUpperCase();
    const kept = this.#index().filter((line) => line.split("\t")[3] !== number);
    this.#write("index.txt", kept.map((line) => `${line}\n`).join(""));
  }

  #index(): string[] {
    return readFileSync(join(this.folder, "index.txt"), "latin1")
      .split("\n")
      .filter((line) => line !== "");
  }

  /** OCSPResponse (DER) for an OCSPRequest. @param by whose key signs: root, responder, or plain, which has no right to */
  respond(request: Bytes, by: "root" | "responder" | "plain" = "responder", ...more: string[]): Bytes {
    writeFileSync(join(this.folder, "request.der"), request);
    const io = ["-reqin", "request.der", "-respout", "response.der"];
    this.run("ocsp", ...this.#responding(by), ...io, ...more);
    return new Uint8Array(readFileSync(join(this.folder, "response.der")));
  }

  #responding(by: string): string[] {
    return ["-index", "index.txt", "-CA", "root.pem", "-rsigner", `${by}.pem`, "-rkey", `${by}.key`];
  }

  /** Starts the responder. @returns its URL */
  async serve(by: "root" | "responder" = "responder"): Promise<string> {
    const args = ["ocsp", ...this.#responding(by), "-port", "0", "-ndays", "1"];
    const child = spawn(peerPath("openssl"), args, { cwd: this.folder, stdio: ["ignore", "pipe", "ignore"] });
    this.#server = child;
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    this.#url = `http://127.0.0.1:${/:(\d+) PID/.exec(String(line))![1]}/`;
    return this.#url;
  }

  end(): void {
    this.#server?.kill("SIGKILL");
  }

  /** What `openssl ocsp -respin` says: "good", "revoked", or undefined where it does not believe the response. */
  judgedByOpenssl(response: Bytes, certificate: string): string | undefined {
    writeFileSync(join(this.folder, "judged.der"), response);
    const args = [
      "-respin",
      "judged.der",
      "-issuer",
      "root.pem",
      "-cert",
      certificate,
      "-CAfile",
      "root.pem",
    ];
    const { stdout, stderr, status } = spawnSync(peerPath("openssl"), ["ocsp", ...args, "-no_nonce"], {
      cwd: this.folder,
      encoding: "utf8",
    });
    if (status !== 0 || !stderr.includes("Response verify OK")) return undefined;
    return new RegExp(`^${certificate}: (\\w+)`, "m").exec(stdout)?.[1];
  }

  run(...args: readonly string[]): string {
    const done = spawnSync(peerPath("openssl"), args, { cwd: this.folder, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`openssl ${args.join(" ")}: ${done.stderr}`);
    return done.stdout;
  }

  #certificate(name: string): Bytes {
    return decodePem("CERTIFICATE", readFileSync(join(this.folder, `${name}.pem`), "latin1"))[0]!;
  }

  #key(name: string, kind: AuthorityKey): void {
    const algorithm = kind.startsWith("RSA")
      ? ["RSA", "-pkeyopt", `rsa_keygen_bits:${kind.slice(4)}`]
      : ["EC", "-pkeyopt", `ec_paramgen_curve:${kind}`];
    this.run("genpkey", "-algorithm", ...algorithm, "-out", `${name}.key`);
  }

  #request(name: string, subject: string): void {
    const of = ["-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`];
    this.run("req", "-new", "-config", "req.cnf", ...of);
  }

  /** As a new file: openssl sees by its inode that the index is another one. */
  #write(name: string, text: string): void {
    writeFileSync(join(this.folder, "new"), text);
    renameSync(join(this.folder, "new"), join(this.folder, name));
    if (this.#url === undefined) return;
    // It looks before it waits for the next request: that one is still answered from the old index.
    const ask = ["-issuer", "root.pem", "-cert", "responder.pem", "-url", this.#url, "-noverify"];
    this.run("ocsp", ...ask);
  }
}

/** UTCTime as the index has it. */
function indexTime(ms: number): string {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  return digits.slice(2);
}
