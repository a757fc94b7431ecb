/**
 * The site's transparency log: its own in HOME/log, or one elsewhere.
 *
 *     HOME/log/          a log as `scanseal log init` makes it, made with the site
 *     HOME/log-url.json  another one instead, and the policy to believe it by
 */
import { join } from "node:path";
import { type Bytes, fromUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { readJson, writeJson } from "../../keys/custody/json-file.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { fileExists, readPublicFile } from "../../platform/node/private-files.ts";
import { parseCheckpoint } from "../../provenance/transparency-log/proof/checkpoint.ts";
import { encodeBundle } from "../../provenance/transparency-log/proof/entry-bundle.ts";
import { logKeyKind, verifierKey } from "../../provenance/transparency-log/proof/verifier-key.ts";
import { parsePolicy, type WitnessPolicy } from "../../provenance/transparency-log/proof/witness-policy.ts";
import { createLog, openLog } from "../transparency-log/log-folder.ts";
import { appendRemotely, type LogSource, openLogSource } from "../transparency-log/log-source.ts";

const format = "scanseal-log-url-1";
const policyBytesMax: number = 64 * 1024;

interface LogUrlDocument {
  readonly format: typeof format;
  readonly url: string;
  /** c2sp.org/tlog-policy, as its owner gave it. */
  readonly policy: string;
}

/** A log that entries go into. Opened for one errand: its own one is another process' meanwhile, or nobody's. */
export interface LogTarget {
  /** The name of the log. */
  readonly origin: string;
  readonly policy: WitnessPolicy;
  readonly source: LogSource;
  /** What is not in it now is not under way to it. */
  readonly isOwn: boolean;
  /** How many entries it has: at least what is published. */
  size(): Promise<number>;
  /** @returns the first one's index @throws ScansealError `network`, `io`, `storage-full`, `log-conflict`: then they may have got a place all the same */
  append(entries: readonly Bytes[]): Promise<number>;
  /** Brings what has a place under a published checkpoint, where that is in our hands. */
  publish(): Promise<void>;
  close(): Promise<void>;
}

/** @throws ScansealError `log-structure` for a name that no log can have */
export function requireLogName(name: string): void {
  verifierKey(name, logKeyKind, new Uint8Array(32), nodeCrypto);
}

export class SiteLog {
  readonly #home: string;

  /** @param home the site's folder */
  constructor(home: string) {
    this.#home = home;
  }

  get #folder(): string {
    return join(this.#home, "log");
  }

  get #urlFile(): string {
    return join(this.#home, "log-url.json");
  }

  /**
   * The site's own log, where there is none.
   * @param fingerprint of the site's authority @param name in place of one that is made from it @throws ScansealError `io`, `log-structure`
   */
  async create(fingerprint: string, name?: string): Promise<void> {
    if (fileExists(join(this.#folder, "log.json"))) return;
    const origin = name ?? `scanseal.local/${fingerprint.slice(0, 16)}`;
    await createLog(this.#folder, { origin, journal: undefined });
  }

  /** Another log from now on; what waits goes there. @throws ScansealError `log-structure` for a policy that cannot be read, `usage`, `io` */
  use(url: string, policy: string): void {
    const { logs } = parsePolicy(utf8(policy), nodeCrypto);
    if (logs.length !== 1) throw new ScansealError("usage", "the policy has to name the log, and only it");
    writeJson<LogUrlDocument>(this.#urlFile, { format, url, policy });
  }

  /** Where its tiles are read. Undefined: the site has no log. */
  place(): string | undefined {
    const elsewhere = this.#elsewhere();
    if (elsewhere) return elsewhere.url;
    return fileExists(join(this.#folder, "log.json")) ? this.#folder : undefined;
  }

  /** By which its proofs are believed; undefined: the site has no log. @throws ScansealError `io` */
  policyText(): string | undefined {
    const elsewhere = this.#elsewhere();
    if (elsewhere) return elsewhere.policy;
    const path = join(this.#folder, "policy");
    return fileExists(path) ? fromUtf8(readPublicFile(path, policyBytesMax)) : undefined;
  }

  /** Its name. Undefined: the site has no log. @throws ScansealError `log-structure`, `io` */
  origin(): string | undefined {
    const policy = this.policyText();
    return policy === undefined ? undefined : parsePolicy(utf8(policy), nodeCrypto).logs[0]?.key.name;
  }

  /** @throws ScansealError `usage` when there is none, or another process has it; `key-unusable`, `network`, `io` */
  async open(): Promise<LogTarget> {
    const elsewhere = this.#elsewhere();
    return elsewhere ? remoteTarget(elsewhere) : ownTarget(this.#folder);
  }

  #elsewhere(): LogUrlDocument | undefined {
    if (!fileExists(this.#urlFile)) return undefined;
    return readJson<LogUrlDocument>(this.#urlFile, format);
  }
}

async function ownTarget(folder: string): Promise<LogTarget> {
  const { sequencer, policy, close } = await openLog(folder);
  return {
    origin: policy.logs[0]!.key.name,
    policy,
    source: openLogSource(folder),
    isOwn: true,
    size: async () => sequencer.size,
    append: (entries) => sequencer.append(entries),
    publish: () => sequencer.publish(),
    close,
  };
}

function remoteTarget({ url, policy: text }: LogUrlDocument): LogTarget {
  const policy = parsePolicy(utf8(text), nodeCrypto);
  const source = openLogSource(url);
  return {
    origin: policy.logs[0]!.key.name,
    policy,
    source,
    isOwn: false,
    size: async () => parseCheckpoint(await source.checkpoint()).size,
    append: (entries) =>
      appendRemotely(url, encodeBundle(entries), process.env.SCANSEAL_LOG_TOKEN || undefined),
    // It publishes by itself.
    publish: async () => undefined,
    close: async () => undefined,
  };
}
