/** Certificates and keys that a configuration names: read, parsed, compared; what would fail in a handshake is told before. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { latin1, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { readSmallFile } from "../../platform/node/file-source.ts";
import type { ProblemList } from "./config-problem.ts";

const pemBytesMax: number = 1 << 20;
const monthMs = 30 * 86_400_000;

export interface PemFile {
  readonly text: string;
  readonly certificates: readonly X509Certificate[];
}

/** Where in the configuration a file is named. */
export interface NamedFile {
  /** Absolute. */
  readonly path: string;
  /** As the configuration writes it. */
  readonly shown: string;
  readonly at: number;
}

export class TlsFiles {
  readonly #problems: ProblemList;
  readonly #now: number;
  readonly #paths = new Set<string>();

  constructor(problems: ProblemList, now: number) {
    this.#problems = problems;
    this.#now = now;
  }

  /** Of what was read, or could not be: absolute. */
  get paths(): readonly string[] {
    return [...this.#paths];
  }

  /** A certificate, with those that lead to its authority behind it, or authorities. Undefined after an error. */
  certificates(file: NamedFile): PemFile | undefined {
    const text = this.#read(file);
    if (text === undefined) return undefined;
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (blocks.length === 0) {
      this.#problems.error("file", file.at, `${file.shown} holds no certificate in PEM`);
      return undefined;
    }
    try {
      return { text, certificates: blocks.map((block) => new X509Certificate(block)) };
    } catch {
      this.#problems.error("certificate", file.at, `${file.shown} holds a certificate that cannot be read`);
      return undefined;
    }
  }

  /** Its first certificate must be valid now. */
  requireValid(file: NamedFile, { certificates: [own] }: PemFile): void {
    const { validFromDate, validToDate } = own!;
    const day = validToDate.toISOString().slice(0, 10);
    if (validToDate.getTime() <= this.#now)
      this.#problems.error(
        "certificate",
        file.at,
        `the certificate in ${file.shown} ended on ${day}`,
        "renew it",
      );
    else if (validFromDate.getTime() > this.#now)
      this.#problems.error("certificate", file.at, `the certificate in ${file.shown} is not valid yet`);
    else if (validToDate.getTime() - this.#now < monthMs)
      this.#problems.warn(
        "certificate",
        file.at,
        `the certificate in ${file.shown} ends on ${day}`,
        "renew it",
      );
  }

  /** At least one authority that is valid now. */
  requireAuthorities(file: NamedFile, { certificates }: PemFile): void {
    const isValid = (one: X509Certificate): boolean => one.validToDate.getTime() > this.#now;
    if (!certificates.some(isValid))
      this.#problems.error("certificate", file.at, `every authority in ${file.shown} has ended`);
    else if (!certificates.every(isValid))
      this.#problems.warn("certificate", file.at, `an authority in ${file.shown} has ended`);
    if (certificates.some((one) => !one.ca))
      this.#problems.warn(
        "certificate",
        file.at,
        `${file.shown} holds a certificate that is no authority`,
        "name single certificates at the source",
      );
  }

  /** @returns the key's PEM text */
  keyOf(file: NamedFile, certificate: PemFile | undefined): string | undefined {
    const text = this.#read(file);
    if (text === undefined) return undefined;
    let key: KeyObject;
    try {
      key = createPrivateKey(text);
    } catch {
      const isEncrypted = text.includes("ENCRYPTED");
      this.#problems.error(
        "file",
        file.at,
        isEncrypted ? `the key in ${file.shown} is encrypted` : `${file.shown} holds no private key in PEM`,
        isEncrypted
          ? "the gateway starts without a person: give it a key file of its own, with mode 600"
          : undefined,
      );
      return undefined;
    }
    if (certificate && !certificate.certificates[0]!.checkPrivateKey(key)) {
      this.#problems.error("certificate", file.at, `the key in ${file.shown} is not the certificate's`);
      return undefined;
    }
    if (isOpenToOthers(file.path))
      this.#problems.warn(
        "secret",
        file.at,
        `the key file ${file.shown} is open to other users`,
        "set its mode to 600",
      );
    return text;
  }

  #read({ path, shown, at }: NamedFile): string | undefined {
    this.#paths.add(path);
    try {
      const bytes = readSmallFile(path, pemBytesMax, (size) => new Uint8Array(size));
      if (bytes) return latin1(bytes);
      this.#problems.error("file", at, `${shown} is too large to be a PEM file`);
    } catch (error) {
      const cause =
        error instanceof ScansealError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
      const why =
        cause?.code === "ENOENT"
          ? "there is no such file"
          : cause?.code === "EACCES"
            ? "permission denied"
            : (error as Error).message;
      this.#problems.error("file", at, `${shown}: ${why}`, "paths are relative to this configuration file");
    }
    return undefined;
  }
}

/** Lower-case hexadecimal of SHA-256, as a source names it. */
export function fingerprintOf(certificate: X509Certificate): string {
  return toHex(nodeCrypto.hash("SHA-256", new Uint8Array(certificate.raw)));
}

/** The first certificate of a PEM text, for a source. @throws ScansealError `certificate-invalid` */
export function certificateSummary(pem: string): { readonly fingerprint: string; readonly comment: string } {
  try {
    const certificate = new X509Certificate(pem);
    const subject = certificate.subject
      .replace(/[\r\n]+/g, ", ")
      .replace(/[^\x20-\x7e]/g, "?")
      .slice(0, 120);
    const until = certificate.validToDate.toISOString().slice(0, 10);
    return { fingerprint: fingerprintOf(certificate), comment: `${subject}, until ${until}` };
  } catch (cause) {
    throw new ScansealError("certificate-invalid", "there is no readable certificate in the PEM file", {
      cause,
    });
  }
}

function isOpenToOthers(path: string): boolean {
  if (process.platform === "win32") return false;
  try {
    return (statSync(path).mode & 0o077) !== 0;
  } catch {
    return false;
  }
}
