/**
 * The people who may decide on held objects: HOME/operators.json. Names and salted scrypt hashes, for the owner of the site alone. Whoever can
 * write this file, or the journal, can still forge a person: see THREATS.md.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { type Bytes, fromBase64, toBase64, tryUtf8, utf8 } from "../foundation/bytes.ts";
import type { Clock } from "../foundation/crypto.ts";
import { ScansealError } from "../foundation/errors.ts";
import {
  fileExists,
  readPrivateFile,
  replaceFileDurably,
  withFileLock,
} from "../platform/node/private-files.ts";
import { challengeBytes, isSignedBy } from "./operator-keys.ts";
import { isRole, type OperatorRole } from "./operator-roles.ts";

export interface Operator {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly addedAt: number;
  /** Who vouched, one or two names; undefined for the first one. */
  readonly addedBy: string | undefined;
  readonly removedAt: number | undefined;
  /** Undefined: all. */
  readonly roles: readonly OperatorRole[] | undefined;
  /** By key, and not by passphrase. */
  readonly hasKey: boolean;
}

/** How somebody proves to be an operator: a passphrase, or the text of a public key (operator-keys.ts). */
export type Secret = string | { readonly publicKey: string };

/** How a proof of being somebody ended. */
export type Refusal = "unknown" | "wrong-passphrase" | "wrong-key" | "locked";

export type Authentication =
  | { readonly result: "proven"; readonly name: string }
  | { readonly result: "refused"; readonly why: Refusal; readonly retryInMs: number };

/** OWASP Password Storage Cheat Sheet: N = 2^17, r = 8, p = 1: 128 MiB and a third of a second a guess. */
const cost = { N: 2 ** 17, r: 8, p: 1 } as const;
/** scrypt needs 128 * N * r bytes; Node refuses what is above. */
const memoryBytesMax = 2 * 128 * cost.N * cost.r;
const saltBytes = 16;
const hashBytes = 32;
const nonceBytes = 32;

/** NIST SP 800-63B asks for 8 where attempts are limited; two people's names stand on this. */
const passphraseCharactersMin = 12;
const passphraseBytesMax = 1_024;

/** ASCII only: no letter of another script can look like one of these. Case is told apart by nobody. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** It acts by itself in the records. */
const reservedNames: ReadonlySet<string> = new Set(["gateway", "machine", "scanseal"]);

/** Wrong guesses in a row that cost nothing: fingers slip. */
const freeFailures = 4;
/** Doubles with each further failure, and ends here: nobody can lock another person out for longer than this. */
const pauseMs = 1_000;
const pauseMsMax = 60_000;

const fileBytesMax = 1 << 20;
const fileFormat = "scanseal-operators-1";

interface Entry {
  name: string;
  addedAt: number;
  addedBy: string | null;
  removedAt: number | null;
  removedBy: string | null;
  /** Base64; empty once removed. */
  salt: string;
  hash: string;
  failures: number;
  lockedUntil: number;
  /** A public key; it stays when its person is removed, so that it does not come back under another name. */
  key?: string;
  roles?: readonly OperatorRole[];
}

interface OperatorsDocument {
  readonly format: typeof fileFormat;
  readonly operators: Entry[];
}

/** The same typed on any keyboard is the same (RFC 8265 section 4.2: NFC, not case-mapped). */
function passphraseBytes(passphrase: string): Uint8Array {
  return utf8(passphrase.normalize("NFC"));
}

/** Salted, slow, of 32 bytes. */
export type PassphraseHash = (passphrase: Uint8Array, salt: Uint8Array) => Promise<Uint8Array>;

const scryptHash: PassphraseHash = (passphrase, salt) => {
  return new Promise((resolve, reject) => {
    const options = { ...cost, maxmem: memoryBytesMax };
    scrypt(passphrase, salt, hashBytes, options, (error, key) => {
      if (error) reject(new ScansealError("internal", "scrypt failed", { cause: error }));
      else resolve(key);
    });
  });
};

/** @throws ScansealError `usage` */
function requirePassphrase(passphrase: string): void {
  if ([...passphrase.normalize("NFC")].length < passphraseCharactersMin)
    throw new ScansealError("usage", `a passphrase has at least ${passphraseCharactersMin} characters`);
  if (passphraseBytes(passphrase).length > passphraseBytesMax)
    throw new ScansealError("usage", `a passphrase has at most ${passphraseBytesMax} bytes`);
}

function isEntry(value: unknown): value is Entry {
  const entry = value as Partial<Record<keyof Entry, unknown>> | null;
  const isTime = (time: unknown): boolean => typeof time === "number" && Number.isSafeInteger(time);
  return (
    typeof entry === "object" &&
    entry !== null &&
    typeof entry.name === "string" &&
    namePattern.test(entry.name) &&
    [entry.addedAt, entry.failures, entry.lockedUntil].every(isTime) &&
    (entry.removedAt === null || isTime(entry.removedAt)) &&
    [entry.addedBy, entry.removedBy].every((name) => name === null || typeof name === "string") &&
    [entry.salt, entry.hash, entry.key ?? ""].every((text) => typeof text === "string") &&
    (entry.roles === undefined || (Array.isArray(entry.roles) && entry.roles.every(isRole)))
  );
}

export class Operators {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #hash: PassphraseHash;
  /** Given out, and not answered. */
  readonly #challenges = new Set<string>();

  /** @param home the site's folder @param hash for tests of everything but the hash itself */
  constructor(home: string, clock: Clock, hash: PassphraseHash = scryptHash) {
    this.#path = join(home, "operators.json");
    this.#clock = clock;
    this.#hash = hash;
  }

  /** Those who were removed too, oldest first. @throws ScansealError `key-unusable`, `io` */
  list(): readonly Operator[] {
    return this.#read().operators.map(({ name, addedAt, addedBy, removedAt, roles, key }) => ({
      name,
      addedAt,
      addedBy: addedBy ?? undefined,
      removedAt: removedAt ?? undefined,
      roles,
      hasKey: key !== undefined,
    }));
  }

  /** True for one who is and was not removed. */
  has(name: string): boolean {
    return activeEntry(this.#read(), name) !== undefined;
  }

  /** Proves by key. */
  hasKey(name: string): boolean {
    return activeEntry(this.#read(), name)?.key !== undefined;
  }

  mayDo(name: string, role: OperatorRole): boolean {
    const entry = activeEntry(this.#read(), name);
    return entry !== undefined && hasRole(entry, role);
  }

  /** Before anybody is asked for a passphrase. @throws ScansealError `usage` for a name that cannot be given */
  requireFree(name: string): void {
    requireFreeName(this.#read(), name);
  }

  /**
   * Operators who must vouch for the next one. One person could make a second one, and then be two: so from the third on it takes two, and those who
   * were removed count, or one could remove the others and begin anew.
   */
  get vouchersNeeded(): number {
    return vouchersNeeded(this.#read());
  }

  /**
   * @param vouchers different operators who proved to be so
   * @throws ScansealError `usage`, `key-unusable`, `io`
   */
  async add(
    name: string,
    secret: Secret,
    vouchers: readonly string[],
    roles?: readonly OperatorRole[],
  ): Promise<void> {
    this.requireFree(name);
    const proof = await this.#kept(secret);
    this.#change((document) => {
      requireFreeName(document, name);
      const needed = vouchersNeeded(document);
      if (
        vouchers.length !== needed ||
        new Set(vouchers).size !== needed ||
        vouchers.some((by) => !activeEntry(document, by))
      )
        throw new ScansealError(
          "usage",
          needed === 0
            ? "the first operator is vouched for by nobody"
            : `it takes ${needed} to vouch for this operator`,
        );
      // One key is one person, under whatever name, and after a removal too.
      if (proof.key !== undefined && document.operators.some(({ key }) => key === proof.key))
        throw new ScansealError("usage", "this key is, or was, another operator's");
      if (roles && needed < 2)
        throw new ScansealError(
          "usage",
          "the first two operators have every role: they vouch for all others",
        );
      document.operators.push({
        name,
        addedAt: this.#clock.now(),
        addedBy: vouchers.length === 0 ? null : vouchers.join(", "),
        removedAt: null,
        removedBy: null,
        ...proof,
        failures: 0,
        lockedUntil: 0,
        ...(roles ? { roles } : {}),
      });
    });
  }

  async #kept(secret: Secret): Promise<Pick<Entry, "salt" | "hash" | "key">> {
    if (typeof secret !== "string") return { salt: "", hash: "", key: secret.publicKey };
    requirePassphrase(secret);
    const salt = new Uint8Array(randomBytes(saltBytes));
    const hash = await this.#hash(passphraseBytes(secret), salt);
    return { salt: toBase64(salt), hash: toBase64(hash) };
  }

  /** The name stays, so that the records keep their meaning; nobody else can have it. @throws ScansealError `usage`, `key-unusable`, `io` */
  remove(name: string, removedBy: string): void {
    this.#change((document) => {
      const entry = activeEntry(document, name);
      if (!entry) throw new ScansealError("usage", "there is no operator of this name");
      const others = document.operators.filter((one) => one !== entry && one.removedAt === null);
      if (!others.some((one) => hasRole(one, "operators")))
        throw new ScansealError("usage", "the last operator stays: nobody could add another one");
      Object.assign(entry, { removedAt: this.#clock.now(), removedBy, salt: "", hash: "" });
    });
  }

  /**
   * Is it this person? An attempt counts as failed before it is judged, so that a thousand at once are not free; the right passphrase
   * takes that back.
   * @throws ScansealError `key-unusable`, `io`
   */
  async authenticate(name: string, passphrase: string): Promise<Authentication> {
    const begun = this.#beginAttempt(name);
    if ("why" in begun) return { result: "refused", ...begun };
    const salt = begun.entry ? fromBase64(begun.entry.salt) : new Uint8Array(saltBytes);
    // As long for a name that does not exist: who is an operator is not told by the time it takes.
    const bytes = passphraseBytes(passphrase);
    const hash = bytes.length > passphraseBytesMax ? undefined : await this.#hash(bytes, salt);
    const { entry } = begun;
    if (!entry) return { result: "refused", why: "unknown", retryInMs: 0 };
    const kept = fromBase64(entry.hash);
    if (!hash || kept.length !== hash.length || !timingSafeEqual(hash, kept))
      return { result: "refused", why: "wrong-passphrase", retryInMs: 0 };
    return this.#endAttempt(entry);
  }

  /** To be signed by this operator's key, for this command, and once. */
  challenge(name: string, command: string): Bytes {
    const nonce = toBase64(new Uint8Array(randomBytes(nonceBytes)));
    const challenge = challengeBytes(name, command, nonce);
    this.#challenges.add(toBase64(challenge));
    return challenge;
  }

  /** @param challenge of `challenge`, answered for the first time @throws ScansealError `key-unusable`, `io` */
  answer(name: string, challenge: Bytes, signature: Bytes): Authentication {
    const isOurs = this.#challenges.delete(toBase64(challenge));
    const begun = this.#beginAttempt(name);
    if ("why" in begun) return { result: "refused", ...begun };
    const { entry } = begun;
    if (!entry) return { result: "refused", why: "unknown", retryInMs: 0 };
    if (!isOurs || entry.key === undefined || !isSignedBy(entry.key, challenge, signature))
      return { result: "refused", why: "wrong-key", retryInMs: 0 };
    return this.#endAttempt(entry);
  }

  #beginAttempt(
    name: string,
  ): { readonly entry: Entry | undefined } | { readonly why: Refusal; readonly retryInMs: number } {
    if (!fileExists(this.#path) || !activeEntry(this.#read(), name)) return { entry: undefined };
    return this.#change((document) => {
      const entry = activeEntry(document, name);
      if (!entry) return { entry: undefined };
      const now = this.#clock.now();
      // Never longer than the longest pause, whatever the clock was when it was written.
      const retryInMs = Math.min(entry.lockedUntil - now, pauseMsMax);
      if (retryInMs > 0) return { why: "locked", retryInMs } as const;
      entry.failures++;
      entry.lockedUntil = lockedUntil(entry.failures, now);
      return { entry: { ...entry } };
    });
  }

  #endAttempt({ name, hash, key }: Entry): Authentication {
    return this.#change((document) => {
      const entry = activeEntry(document, name);
      // Removed, or another passphrase, while it was being compared.
      if (entry?.hash !== hash || entry.key !== key)
        return { result: "refused", why: "unknown", retryInMs: 0 };
      entry.failures = 0;
      entry.lockedUntil = 0;
      return { result: "proven", name: entry.name };
    });
  }

  #read(): OperatorsDocument {
    if (!fileExists(this.#path)) return { format: fileFormat, operators: [] };
    const text = tryUtf8(readPrivateFile(this.#path, fileBytesMax));
    try {
      const value = JSON.parse(text ?? "") as Partial<OperatorsDocument> | null;
      const { operators } = value ?? {};
      if (value?.format === fileFormat && Array.isArray(operators) && operators.every(isEntry))
        return { format: fileFormat, operators };
    } catch {
      // Told below, without its content.
    }
    throw new ScansealError("key-unusable", "operators.json is damaged: restore it from a backup");
  }

  #change<T>(change: (document: OperatorsDocument) => T): T {
    return withFileLock(`${this.#path}.lock`, () => {
      const document = this.#read();
      const before = JSON.stringify(document);
      const result = change(document);
      if (JSON.stringify(document) !== before) this.#write(document);
      return result;
    });
  }

  #write(document: OperatorsDocument): void {
    const bytes = utf8(`${JSON.stringify(document, null, 2)}\n`);
    if (bytes.length > fileBytesMax) throw new ScansealError("usage", "there are too many operators");
    replaceFileDurably(this.#path, bytes, { mode: 0o600 });
  }
}

function lockedUntil(failures: number, now: number): number {
  if (failures <= freeFailures) return 0;
  return now + Math.min(pauseMs * 2 ** (failures - freeFailures - 1), pauseMsMax);
}

/** Names that a person could take for each other on a screen have the same look (UTS #39 section 4, as far as it is ASCII). */
function lookOf(name: string): string {
  return name.toLowerCase().replace(/0/g, "o").replace(/[1i]/g, "l").replace(/rn/g, "m");
}

function vouchersNeeded({ operators }: OperatorsDocument): number {
  return Math.min(2, operators.length);
}

function hasRole({ roles }: Entry, role: OperatorRole): boolean {
  return roles === undefined || roles.includes(role);
}

function activeEntry({ operators }: OperatorsDocument, name: string): Entry | undefined {
  return operators.find((entry) => entry.removedAt === null && entry.name === name);
}

function requireFreeName({ operators }: OperatorsDocument, name: string): void {
  if (!namePattern.test(name)) {
    throw new ScansealError(
      "usage",
      "an operator's name has up to 64 letters a-z, digits, and . _ - after the first",
    );
  }
  if (reservedNames.has(name.toLowerCase()))
    throw new ScansealError("usage", "that name is the program's own");
  const taken = operators.find((entry) => lookOf(entry.name) === lookOf(name));
  if (taken?.removedAt === null)
    throw new ScansealError("usage", `it cannot be told from ${taken.name}, who is an operator`);
  if (taken) {
    throw new ScansealError(
      "usage",
      `it cannot be told from ${taken.name}, who was an operator and stays in the records`,
    );
  }
}
