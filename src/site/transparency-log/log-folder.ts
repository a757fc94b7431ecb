/**
 * A transparency log's folder.
 *
 *     LOG/log.json         its origin, and where its journal is
 *     LOG/key.pem          encrypted; LOG/secret its passphrase, unless SCANSEAL_PASSPHRASE is set
 *     LOG/journal.sqlite   unless the journal is in PostgreSQL
 *     LOG/policy           c2sp.org/tlog-policy: its witnesses, and how many must cosign before a checkpoint is published
 *     LOG/tiles/           what everybody may read: any web server can serve it
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Bytes, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { readJson, writeJson } from "../../keys/custody/json-file.ts";
import { createNoteKey, type NoteKey, openNoteKey } from "../../keys/custody/note-key.ts";
import { createSiteSecret, sitePassphrase } from "../../keys/custody/site-secret.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import {
  createFileDurably,
  ensurePrivateFolder,
  type FileLock,
  fileExists,
  holdFileLock,
  readPublicFile,
} from "../../platform/node/private-files.ts";
import { TreeHasher } from "../../provenance/transparency-log/proof/tree-hasher.ts";
import {
  formatVerifierKey,
  type KeyKind,
  logKeyKind,
  verifierKey,
} from "../../provenance/transparency-log/proof/verifier-key.ts";
import { parsePolicy, type WitnessPolicy } from "../../provenance/transparency-log/proof/witness-policy.ts";
import { nodeLogFiles } from "../../provenance/transparency-log/sequencer/node-log-files.ts";
import { Sequencer } from "../../provenance/transparency-log/sequencer/sequencer.ts";
import type { NoteSigner } from "../../provenance/transparency-log/sequencer/sequencer-parts.ts";
import { TileFolder } from "../../provenance/transparency-log/sequencer/tile-folder.ts";
import { httpWitness } from "../../provenance/transparency-log/sequencer/witness-client.ts";
import { openLogJournal } from "../../store/log-journal/open-log-journal.ts";

const format = "scanseal-log-1";
const policyBytesMax: number = 64 * 1024;

interface LogDocument {
  readonly format: typeof format;
  readonly origin: string;
  /** A `postgres://` URL; absent: journal.sqlite beside it. */
  readonly journal?: string;
}

export interface NewLog {
  /** Its name for ever, such as `log.hospital.example/scanseal`. */
  readonly origin: string;
  readonly journal: string | undefined;
}

/** Its key is made here. @returns the key as verifiers pin it @throws ScansealError `usage` when there is a log already, `io` */
export async function createLog(folder: string, { origin, journal }: NewLog): Promise<string> {
  // Refuses a bad name before anything is made.
  verifierKey(origin, logKeyKind, new Uint8Array(32), nodeCrypto);
  if (fileExists(join(folder, "log.json")))
    throw new ScansealError("usage", `there is a log in ${folder} already`);
  ensurePrivateFolder(folder);
  const key = createKeyIn(folder);
  const vkey = formatVerifierKey(verifierKey(origin, logKeyKind, key.publicKey, nodeCrypto));
  mkdirSync(join(folder, "tiles"), { recursive: true, mode: 0o755 });
  const policy = `# Witnesses: witness NAME VKEY URL, then quorum NAME. See c2sp.org/tlog-policy.\nlog ${vkey}\nquorum none\n`;
  createFileDurably(join(folder, "policy"), utf8(policy), { mode: 0o644 });
  const opened = await openLogJournal(journal ?? join(folder, "journal.sqlite"));
  try {
    await opened.create(origin, new TreeHasher(nodeCrypto).empty());
  } finally {
    await opened.close();
  }
  // Last: without it there is no log.
  writeJson<LogDocument>(join(folder, "log.json"), {
    format,
    origin,
    ...(journal === undefined ? {} : { journal }),
  });
  return vkey;
}

export interface OpenLog {
  readonly sequencer: Sequencer;
  readonly tiles: TileFolder;
  readonly vkey: string;
  readonly policy: WitnessPolicy;
  close(): Promise<void>;
}

/**
 * Takes the log: a sequencer that has it elsewhere can go no further.
 * @throws ScansealError `usage` when there is none or another process of this machine has it, `key-unusable`, `config-invalid`, `io`
 */
export async function openLog(folder: string): Promise<OpenLog> {
  const document = readLogDocument(folder);
  const lock = lockFolder(folder);
  try {
    const key = openKeyIn(folder);
    const signer = signerOf(document.origin, logKeyKind, key);
    const policy = readPolicy(join(folder, "policy"));
    const witnesses = policy.witnesses.flatMap((one) =>
      one.url === undefined ? [] : [httpWitness(one.key, one.url)],
    );
    const journal = await openLogJournal(document.journal ?? join(folder, "journal.sqlite"));
    const tiles = new TileFolder(nodeLogFiles(join(folder, "tiles")));
    const parts = { signer, journal, tiles, crypto: nodeCrypto, clock: systemClock, witnesses, policy };
    const sequencer = await Sequencer.open(parts).catch(async (error: unknown) => {
      await journal.close();
      throw error;
    });
    const close = async (): Promise<void> => {
      await sequencer.close();
      await journal.close();
      lock.release();
    };
    return { sequencer, tiles, vkey: formatVerifierKey(signer.key), policy, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** For reading beside a process that has the log. */
export function logTiles(folder: string): TileFolder {
  readLogDocument(folder);
  return new TileFolder(nodeLogFiles(join(folder, "tiles")));
}

/** True when the folder holds a log. */
function isLogFolder(folder: string): boolean {
  return fileExists(join(folder, "log.json"));
}

function readLogDocument(folder: string): LogDocument {
  if (!isLogFolder(folder))
    throw new ScansealError("usage", `there is no log in ${folder}: scanseal log init makes one`);
  return readJson<LogDocument>(join(folder, "log.json"), format);
}

/** @throws ScansealError `log-structure`, `io` */
export function readPolicy(path: string): WitnessPolicy {
  return parsePolicy(readPublicFile(path, policyBytesMax), nodeCrypto);
}

export function lockFolder(folder: string): FileLock {
  try {
    return holdFileLock(join(folder, "lock"));
  } catch (cause) {
    throw new ScansealError("usage", `another process works on ${folder}`, { cause });
  }
}

/** A key and, unless the environment has a passphrase, a secret for it. */
export function createKeyIn(folder: string): NoteKey {
  const given = givenPassphrase();
  const secret = join(folder, "secret");
  if (given === undefined && !fileExists(secret)) createSiteSecret(secret, nodeRandom);
  return createNoteKey(join(folder, "key.pem"), sitePassphrase(secret, given), nodeRandom);
}

/** @throws ScansealError `key-unusable`, `io` */
export function openKeyIn(folder: string): NoteKey {
  return openNoteKey(join(folder, "key.pem"), sitePassphrase(join(folder, "secret"), givenPassphrase()));
}

export function signerOf(name: string, kind: KeyKind, key: NoteKey): NoteSigner {
  const sign = (message: Bytes): Promise<Bytes> => key.sign(message);
  return { key: verifierKey(name, kind, key.publicKey, nodeCrypto), sign };
}

/** From the environment; a passphrase on the command line would be seen by others. */
function givenPassphrase(): string | undefined {
  return process.env.SCANSEAL_PASSPHRASE || undefined;
}
