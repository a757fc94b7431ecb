/** `scanseal log append`. */
import { type Bytes, fromHex, latin1, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto, nodeRandom } from "../../platform/node/crypto.ts";
import { createFileDurably, fileExists, readPublicFile } from "../../platform/node/private-files.ts";
import { encodeBundle } from "../../provenance/transparency-log/proof/entry-bundle.ts";
import {
  contentBytesMax,
  type EntryKind,
  entryOf,
  saltBytes,
  sealPlaces,
  sealsContent,
} from "../../provenance/transparency-log/proof/log-entry.ts";
import { TreeHasher } from "../../provenance/transparency-log/proof/tree-hasher.ts";
import { openLog } from "../../site/transparency-log/log-folder.ts";
import { appendRemotely, isLogUrl } from "../../site/transparency-log/log-source.ts";
import { imageOpening, statementOpening } from "../../site/transparency-log/opening-file.ts";

interface NewEntry {
  readonly entry: Bytes;
  /** File name -> opening. */
  readonly openings: ReadonlyMap<string, object>;
}

/** A million digests. */
const digestsBytesMax: number = 65 * 1_000_000;

/** The openings are durable before the log hears of the entry: without them nobody could say what it means. @returns 0 */
export async function appendEntry(
  place: string,
  file: string,
  { kind }: { readonly kind: EntryKind },
): Promise<number> {
  const made = kind === "seals" ? sealsEntry(file) : statementEntry(file, kind);
  const names = [...made.openings.keys()];
  for (const name of names) if (fileExists(name)) throw isThere(name);
  const target = await openTarget(place);
  try {
    for (const [name, opening] of made.openings) {
      if (!createFileDurably(name, utf8(`${JSON.stringify(opening)}\n`), { mode: 0o600 }))
        throw isThere(name);
    }
    const index = await target.append(made.entry);
    const written = names.length === 1 ? names[0] : `${names[0]} and ${names.length - 1} more`;
    process.stdout.write(`Entry ${index}, kind ${kind}. Opening: ${written}\n`);
    return 0;
  } finally {
    await target.close();
  }
}

function isThere(name: string): ScansealError {
  return new ScansealError("usage", `${name} is there already: it is never overwritten`);
}

interface Target {
  append(entry: Bytes): Promise<number>;
  close(): Promise<void>;
}

/** Nothing is written where the log cannot be had. */
async function openTarget(place: string): Promise<Target> {
  if (isLogUrl(place)) {
    const token = process.env.SCANSEAL_LOG_TOKEN || undefined;
    return {
      append: (entry) => appendRemotely(place, encodeBundle([entry]), token),
      close: async () => undefined,
    };
  }
  const log = await openLog(place);
  return {
    append: async (entry) => {
      const index = await log.sequencer.append([entry]);
      await log.sequencer.publish();
      return index;
    },
    close: () => log.close(),
  };
}

function statementEntry(file: string, kind: Exclude<EntryKind, "seals">): NewEntry {
  const content = readPublicFile(file, contentBytesMax);
  const opening = { kind, salt: nodeRandom.bytes(saltBytes), content };
  const openings = new Map([[`${file}.opening.json`, statementOpening(opening)]]);
  return { entry: entryOf(opening, nodeCrypto), openings };
}

function sealsEntry(file: string): NewEntry {
  const lines = latin1(readPublicFile(file, digestsBytesMax))
    .split("\n")
    .filter((line) => line !== "");
  if (!lines.every((line) => /^[0-9a-f]{64}$/.test(line)))
    throw new ScansealError("usage", `${file} has a line that is no SHA-256 in hexadecimal`);
  const hasher = new TreeHasher(nodeCrypto);
  const digests = lines.map(fromHex);
  const salt = nodeRandom.bytes(saltBytes);
  const entry = entryOf({ kind: "seals", salt, content: sealsContent(digests, hasher) }, nodeCrypto);
  const places = sealPlaces(digests, hasher);
  const named = places.map((one) => [`${file}.${one.index}.opening.json`, imageOpening(salt, one)] as const);
  return { entry, openings: new Map(named) };
}
