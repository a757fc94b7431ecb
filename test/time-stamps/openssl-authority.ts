/** A time-stamping authority made with openssl: its certificates, and `openssl ts -reply`. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { decodePem } from "../../src/keys/trust/pem.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { peerPath } from "../peers.ts";
import { replyIn } from "./openssl-reply.ts";

export interface AuthorityForm {
  readonly key?: "P-256" | "P-384" | "RSA-2048" | "RSA-1024";
  /** Value of extendedKeyUsage. */
  readonly purpose?: string;
  readonly essHash?: "sha1" | "sha256" | "sha384";
  readonly signerDigest?: "sha1" | "sha256" | "sha512";
  /** A third certificate between anchor and signer. */
  readonly hasIntermediate?: boolean;
  readonly days?: number;
}

export interface StampOptions {
  readonly nonce?: boolean;
  readonly certificates?: boolean;
  readonly hash?: "sha1" | "sha256" | "sha512";
}

const policy = "1.3.6.1.4.1.99999.1";

/** Files of one authority in a folder of its own. */
export class OpensslAuthority {
  readonly folder: string;

  constructor(folder: string, form: AuthorityForm = {}) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    const purpose = form.purpose ?? "critical,timeStamping";
    this.#write(
      "ca.ext",
      "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
    );
    this.#write(
      "tsa.ext",
      `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n${purpose === "" ? "" : `extendedKeyUsage=${purpose}\n`}subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n`,
    );
    this.#write("req.cnf", "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n");
    this.#key("root", "P-256");
    this.#request("root", "/CN=Test root of time");
    this.#run(
      "x509",
      "-req",
      "-in",
      "root.csr",
      "-signkey",
      "root.key",
      "-days",
      "3650",
      "-extfile",
      "ca.ext",
      "-out",
      "root.pem",
      "-sha256",
    );
    const issuer = form.hasIntermediate === true ? "middle" : "root";
    if (issuer === "middle") {
      this.#key("middle", "P-384");
      this.#request("middle", "/CN=Test office of time");
      this.#issue("middle", "root", "ca.ext", 3000);
    }
    this.#key("tsa", form.key ?? "P-256");
    this.#request("tsa", "/O=Test/CN=Test clock");
    this.#issue("tsa", issuer, "tsa.ext", form.days ?? 1000);
    const chain = issuer === "middle" ? "certs = middle.pem\n" : "";
    this.#write("serial", "01\n");
    this.#write(
      "ts.cnf",
      `[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\n${chain}signer_digest=${form.signerDigest ?? "sha256"}\ndefault_policy=${policy}\ndigests=sha1,sha256,sha384,sha512\naccuracy=secs:1,millisecs:500\nclock_precision_digits=3\nordering=no\ntsa_name=no\ness_cert_id_chain=no\ness_cert_id_alg=${form.essHash ?? "sha256"}\n`,
    );
  }

  /** For the same key, from now on. */
  newCertificate(days: number): void {
    this.#issue("tsa", "root", "tsa.ext", days);
  }

  get anchor(): Bytes {
    return decodePem("CERTIFICATE", readFileSync(join(this.folder, "root.pem"), "latin1"))[0]!;
  }

  get signer(): Bytes {
    return decodePem("CERTIFICATE", readFileSync(join(this.folder, "tsa.pem"), "latin1"))[0]!;
  }

  get anchorPath(): string {
    return join(this.folder, "root.pem");
  }

  get policy(): string {
    return policy;
  }

  /** TimeStampResp (DER) for a TimeStampReq. */
  reply(request: Bytes): Bytes {
    return replyIn(this.folder, request, peerPath("openssl"));
  }

  /** The token over a message, as openssl asks for it. */
  stamp(message: Bytes, options: StampOptions = {}): Bytes {
    writeFileSync(join(this.folder, "message"), message);
    const nonce = options.nonce === false ? ["-no_nonce"] : [];
    const certificates = options.certificates === false ? [] : ["-cert"];
    this.#run(
      "ts",
      "-query",
      "-data",
      "message",
      `-${options.hash ?? "sha256"}`,
      ...nonce,
      ...certificates,
      "-out",
      "own.tsq",
    );
    this.#run("ts", "-reply", "-config", "ts.cnf", "-queryfile", "own.tsq", "-token_out", "-out", "own.tok");
    return new Uint8Array(readFileSync(join(this.folder, "own.tok")));
  }

  /** Whether `openssl ts -verify` takes the token for a stamp of the message, now. */
  doesOpensslAccept(token: Bytes, message: Bytes): boolean {
    writeFileSync(join(this.folder, "check.tok"), token);
    writeFileSync(join(this.folder, "check.data"), message);
    const args = [
      "ts",
      "-verify",
      "-token_in",
      "-in",
      "check.tok",
      "-data",
      "check.data",
      "-CAfile",
      "root.pem",
    ];
    return spawnSync(peerPath("openssl"), args, { cwd: this.folder }).status === 0;
  }

  /** DER of a CRL by the root that names the signer. @param reason as openssl writes it; without one the entry has none */
  revocationList(at: number, reason?: string): Bytes {
    const { serial } = parseCertificate(this.signer, nodeCrypto);
    const date = (ms: number): string =>
      `${new Date(ms)
        .toISOString()
        .replace(/[-:T]|\.\d+/g, "")
        .slice(2, 14)}Z`;
    const revoked = `${date(at)}${reason === undefined ? "" : `,${reason}`}`;
    this.#write(
      "index.txt",
      `R\t${date(Date.now() + 86_400_000)}\t${revoked}\t${serial.toUpperCase()}\tunknown\t/CN=Test clock\n`,
    );
    this.#write(
      "crl.cnf",
      "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=3000\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n",
    );
    this.#write("crlnumber", "01\n");
    const by = ["-keyfile", "root.key", "-cert", "root.pem"];
    this.#run("ca", "-config", "crl.cnf", ...by, "-gencrl", "-out", "crl.pem");
    return decodePem("X509 CRL", readFileSync(join(this.folder, "crl.pem"), "latin1"))[0]!;
  }

  /** PEM of the signer's key. */
  get key(): string {
    return readFileSync(join(this.folder, "tsa.key"), "latin1");
  }

  #key(name: string, kind: string): void {
    const algorithm = kind.startsWith("RSA")
      ? ["RSA", "-pkeyopt", `rsa_keygen_bits:${kind.slice(4)}`]
      : ["EC", "-pkeyopt", `ec_paramgen_curve:${kind}`];
    this.#run("genpkey", "-algorithm", ...algorithm, "-out", `${name}.key`);
  }

  #request(name: string, subject: string): void {
    this.#run(
      "req",
      "-new",
      "-config",
      "req.cnf",
      "-key",
      `${name}.key`,
      "-subj",
      subject,
      "-out",
      `${name}.csr`,
    );
  }

  #issue(name: string, issuer: string, extensions: string, days: number): void {
    const by = ["-CA", `${issuer}.pem`, "-CAkey", `${issuer}.key`, "-CAcreateserial"];
    this.#run(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      ...by,
      "-days",
      String(days),
      "-extfile",
      extensions,
      "-out",
      `${name}.pem`,
      "-sha256",
    );
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  #run(...args: string[]): void {
    const run = spawnSync(peerPath("openssl"), args, { cwd: this.folder, encoding: "utf8" });
    if (run.status !== 0) throw new Error(`openssl ${args.join(" ")}: ${run.stderr}`);
  }
}
