/**
 * A witness' folder.
 *
 *     WITNESS/witness.json   its name
 *     WITNESS/key.pem        encrypted; WITNESS/secret its passphrase, unless SCANSEAL_PASSPHRASE is set
 *     WITNESS/logs           the logs it watches: a verifier key on each line
 *     WITNESS/journal.sqlite what it has cosigned last
 */
import { join } from "node:path";
import { latin1, tryUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { readJson, writeJson } from "../../keys/custody/json-file.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import {
  ensurePrivateFolder,
  fileExists,
  readPublicFile,
  replaceFileDurably,
} from "../../platform/node/private-files.ts";
import {
  formatVerifierKey,
  logKeyKind,
  parseVerifierKey,
  type VerifierKey,
  verifierKey,
  witnessKeyKind,
} from "../../provenance/transparency-log/proof/verifier-key.ts";
import { witnessRequestBytesMax } from "../../provenance/transparency-log/proof/witness-request.ts";
import { answerWitnessRequest } from "../../provenance/transparency-log/sequencer/witness-service.ts";
import { openLogJournal } from "../../store/log-journal/open-log-journal.ts";
import { startWitnessServer } from "../../web-api/transparency-log/witness-server.ts";
import { createKeyIn, lockFolder, openKeyIn, signerOf } from "./log-folder.ts";

const format = "scanseal-witness-1";
const logsBytesMax: number = 1024 * 1024;

interface WitnessDocument {
  readonly format: typeof format;
  readonly name: string;
}

/** Its key is made here. @returns the key as logs and verifiers pin it @throws ScansealError `usage` when there is a witness already, `io` */
export function createWitness(folder: string, name: string): string {
  verifierKey(name, witnessKeyKind, new Uint8Array(32), nodeCrypto);
  if (fileExists(join(folder, "witness.json")))
    throw new ScansealError("usage", `there is a witness in ${folder} already`);
  ensurePrivateFolder(folder);
  const key = createKeyIn(folder);
  replaceFileDurably(join(folder, "logs"), utf8("# A log's verifier key on each line.\n"), { mode: 0o644 });
  writeJson<WitnessDocument>(join(folder, "witness.json"), { format, name });
  return formatVerifierKey(verifierKey(name, witnessKeyKind, key.publicKey, nodeCrypto));
}

/** @returns false when it watches that log already @throws ScansealError `usage`, `log-structure`, `io` */
export function watchLog(folder: string, vkey: string): boolean {
  requireWitness(folder);
  const key = parseVerifierKey(vkey, nodeCrypto);
  if (key.kind !== logKeyKind)
    throw new ScansealError("usage", "a log's key has type 1; this one is a witness'");
  const known = readLogs(folder);
  if (known.some(({ keyId, name }) => keyId === key.keyId && name === key.name)) return false;
  const text = latin1(readPublicFile(join(folder, "logs"), logsBytesMax));
  const line = latin1(utf8(`${formatVerifierKey(key)}\n`));
  const bytes = Uint8Array.from(`${text.replace(/\n?$/, "\n")}${line}`, (character) =>
    character.charCodeAt(0),
  );
  replaceFileDurably(join(folder, "logs"), bytes, { mode: 0o644 });
  return true;
}

export interface RunningWitness {
  readonly port: number;
  readonly vkey: string;
  readonly logs: readonly string[];
  close(): Promise<void>;
}

/** @throws ScansealError `usage` when there is none or another process runs it, `key-unusable`, `network`, `io` */
export async function runWitness(folder: string, host: string, port: number): Promise<RunningWitness> {
  const { name } = requireWitness(folder);
  const logs = readLogs(folder);
  const lock = lockFolder(folder);
  try {
    const signer = signerOf(name, witnessKeyKind, openKeyIn(folder));
    const memory = await openLogJournal(join(folder, "journal.sqlite"));
    const parts = { signer, logs, memory, crypto: nodeCrypto, clock: systemClock };
    const answer = (body: Uint8Array) => answerWitnessRequest(body, parts);
    const options = { host, port, bodyBytesMax: witnessRequestBytesMax, answer };
    const server = await startWitnessServer(options).catch(async (error: unknown) => {
      await memory.close();
      throw error;
    });
    const close = async (): Promise<void> => {
      await server.close();
      await memory.close();
      lock.release();
    };
    const vkey = formatVerifierKey(signer.key);
    return { port: server.port, vkey, logs: logs.map((log) => log.name), close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function requireWitness(folder: string): WitnessDocument {
  if (!fileExists(join(folder, "witness.json")))
    throw new ScansealError("usage", `there is no witness in ${folder}: scanseal witness init makes one`);
  return readJson<WitnessDocument>(join(folder, "witness.json"), format);
}

function readLogs(folder: string): VerifierKey[] {
  const text = tryUtf8(readPublicFile(join(folder, "logs"), logsBytesMax));
  if (text === undefined) throw new ScansealError("config-invalid", "the witness' list of logs is not UTF-8");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => parseVerifierKey(line, nodeCrypto));
}
