/** Which logs and witnesses are believed, and how many of them. https://c2sp.org/tlog-policy */
import { type Bytes, equalBytes, fromLatin1, latin1, tryUtf8 } from "../../../foundation/bytes.ts";
import type { Crypto } from "../../../foundation/crypto.ts";
import { malformed } from "./log-text.ts";
import type { GoodSignature } from "./signed-note.ts";
import { logKeyKind, parseVerifierKey, type VerifierKey, witnessKeyKind } from "./verifier-key.ts";

/** C2SP asks for 32 of each at least. */
const logsMax = 32;
const witnessesMax = 64;
const groupsMax = 64;
const policyBytesMax: number = 64 * 1024;

export interface PolicyLog {
  readonly key: VerifierKey;
  readonly url: string | undefined;
}

export interface PolicyWitness extends PolicyLog {
  readonly name: string;
}

interface Group {
  readonly threshold: number;
  readonly members: readonly string[];
}

export interface WitnessPolicy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  /** In the order of their definition: members come before. */
  readonly groups: ReadonlyMap<string, Group>;
  /** A witness, a group, or undefined for none. */
  readonly quorum: string | undefined;
}

/** @throws ScansealError `log-structure` with the line; `unsupported` for kinds of keys we do not check */
export function parsePolicy(bytes: Bytes, crypto: Crypto): WitnessPolicy {
  if (bytes.length > policyBytesMax) malformed("a policy is too large");
  const parser = new PolicyParser(crypto);
  // Octets, not characters: names are compared as they are.
  const lines = latin1(bytes).split("\n");
  if (lines.pop() !== "") malformed("a policy's last line has no end");
  lines.forEach((line, index) => {
    parser.addLine(line, index + 1);
  });
  return parser.finish();
}

class PolicyParser {
  readonly #crypto: Crypto;
  readonly #logs: PolicyLog[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #groups = new Map<string, Group>();
  /** Names that are defined and not yet in a group. */
  readonly #free = new Set<string>();
  #quorum: string | undefined;
  #line = 0;

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  addLine(text: string, line: number): void {
    this.#line = line;
    // Tab is the only one.
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) this.#refuse("a control character");
    // Not \s, which takes U+00A0 too.
    const words = text.split(/[ \t]+/).filter((word) => word !== "");
    const [keyword, ...rest] = words;
    if (keyword === undefined || keyword.startsWith("#")) return;
    switch (keyword) {
      case "log":
        this.#addLog(rest);
        break;
      case "witness":
        this.#addWitness(rest);
        break;
      case "group":
        this.#addGroup(rest);
        break;
      case "quorum":
        this.#setQuorum(rest);
        break;
      default:
        this.#refuse("none of log, witness, group, quorum");
    }
  }

  finish(): WitnessPolicy {
    if (this.#quorum === undefined) malformed("a policy without a quorum line");
    const quorum = this.#quorum === "none" ? undefined : this.#quorum;
    return { logs: this.#logs, witnesses: this.#witnesses, groups: this.#groups, quorum };
  }

  #addLog([key, url, ...more]: readonly string[]): void {
    if (key === undefined || more.length > 0) this.#refuse("log <vkey> [<url>]");
    if (this.#logs.length === logsMax) this.#refuse("too many logs");
    this.#logs.push({ key: this.#key(key, logKeyKind, this.#logs), url });
  }

  #addWitness([name, key, url, ...more]: readonly string[]): void {
    if (name === undefined || key === undefined || more.length > 0)
      this.#refuse("witness <name> <vkey> [<url>]");
    if (this.#witnesses.length === witnessesMax) this.#refuse("too many witnesses");
    this.#define(name);
    this.#witnesses.push({ name, key: this.#key(key, witnessKeyKind, this.#witnesses), url });
  }

  #addGroup([name, amount, ...members]: readonly string[]): void {
    if (name === undefined || amount === undefined || members.length === 0)
      this.#refuse("group <name> all|any|<k> <name>...");
    if (this.#groups.size === groupsMax) this.#refuse("too many groups");
    for (const member of members) {
      if (!this.#free.delete(member))
        this.#refuse("a member that is not defined before, or in a group already");
    }
    const counted = /^[1-9][0-9]?$/.test(amount) ? Number(amount) : 0;
    const threshold = amount === "all" ? members.length : amount === "any" ? 1 : counted;
    if (threshold < 1 || threshold > members.length) this.#refuse("a threshold outside of 1 to its members");
    this.#define(name);
    this.#groups.set(name, { threshold, members });
  }

  #setQuorum([name, ...more]: readonly string[]): void {
    if (name === undefined || more.length > 0) this.#refuse("quorum <name>|none");
    if (this.#quorum !== undefined) this.#refuse("a second quorum");
    const isDefined = this.#groups.has(name) || this.#witnesses.some((witness) => witness.name === name);
    if (name !== "none" && !isDefined) this.#refuse("a quorum that is not defined before");
    this.#quorum = name;
  }

  #define(name: string): void {
    const isTaken = this.#groups.has(name) || this.#witnesses.some((witness) => witness.name === name);
    if (name === "none" || isTaken) this.#refuse("a name that is taken");
    this.#free.add(name);
  }

  #key(word: string, kind: number, known: readonly PolicyLog[]): VerifierKey {
    const text = tryUtf8(fromLatin1(word)) ?? this.#refuse("a key that is not UTF-8");
    const key = parseVerifierKey(text, this.#crypto);
    if (key.kind !== kind) this.#refuse("a log's key has type 1, a witness' type 4");
    if (known.some((other) => equalBytes(other.key.publicKey, key.publicKey))) this.#refuse("a key twice");
    return key;
  }

  #refuse(what: string): never {
    malformed(`policy, line ${this.#line}: ${what}`);
  }
}

/** True when the named witnesses make the quorum. */
function isQuorum({ groups, quorum }: WitnessPolicy, witnesses: ReadonlySet<string>): boolean {
  if (quorum === undefined) return true;
  const met = new Set(witnesses);
  // Members are defined before their groups: one pass is enough.
  for (const [name, { threshold, members }] of groups) {
    if (members.filter((member) => met.has(member)).length >= threshold) met.add(name);
  }
  return met.has(quorum);
}

/** Seconds a witness' clock may be ahead of ours. */
const clockSkewSeconds = 300;

/**
 * The earliest time at which the quorum had cosigned, in seconds since 1970; undefined when it has not. Under a quorum of none: 0.
 * @param now seconds since 1970; cosignatures of a later time do not count
 */
export function quorumTime(
  policy: WitnessPolicy,
  signatures: readonly GoodSignature[],
  now: number,
): number | undefined {
  if (policy.quorum === undefined) return 0;
  const signed = signatures
    .flatMap(({ key, time }) => {
      const witness = policy.witnesses.find(
        (one) => one.key.keyId === key.keyId && one.key.name === key.name,
      );
      return witness && time !== undefined && time <= now + clockSkewSeconds
        ? [{ name: witness.name, time }]
        : [];
    })
    .sort((a, b) => a.time - b.time);
  const names = new Set<string>();
  for (const { name, time } of signed) {
    names.add(name);
    if (isQuorum(policy, names)) return time;
  }
  return undefined;
}
