/** Seals files on disk with one device of the site. */
import { readDicom } from "../dicom/read.ts";
import { type ByteSource, MemorySource, readChunks } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { type MalformedCode, ScansealError } from "../foundation/errors.ts";
import { nodeCrypto, systemClock } from "../platform/node/crypto.ts";
import { requireSealable, type SealingDevice, type SealingPorts, sealObject } from "../sealing/seal.ts";
import type { ProvenanceJournal } from "../store/provenance/provenance-journal.ts";
import { keyObjectLists } from "../zero-trust/evidence/key-object.ts";
import { withFile } from "./file-input.ts";
import type { OutputFolder } from "./output-folder.ts";
import { sealRecordOf } from "./provenance/seal-record.ts";
import type { SealStore } from "./seal-store.ts";

export interface SealingRun {
  readonly device: SealingDevice;
  /** Durable before it is given out. */
  readonly nextCounter: () => number;
  readonly ports: SealingPorts;
  readonly seals: SealStore;
  /** What the site knows of its seals. */
  readonly provenance: Pick<ProvenanceJournal, "addSeal">;
  readonly output: Pick<OutputFolder, "requireFree" | "write">;
  /** Let pass in originals; nothing where it is absent. */
  readonly tolerate?: readonly MalformedCode[];
  /** What is sealed is the site's own statement that a series is complete; from others such a document is not taken. */
  readonly isSeriesList?: boolean;
}

export interface SealedFile {
  readonly sopInstanceUid: string;
  /** "" where the object has none. */
  readonly seriesInstanceUid: string;
  /** SHA-256 of the manifest's payload, hexadecimal. */
  readonly payloadDigest: string;
  readonly path: string;
  /** The same original was sealed before: the stored seal was used. */
  readonly reused: boolean;
}

/** The original cannot be read: the others may be, while an output that cannot be written ends a run. */
export class UnreadableOriginal extends ScansealError {
  constructor(cause: ScansealError) {
    super("io", cause.message, { cause });
  }
}

/**
 * Sealing the same original again gives the same bytes. Nothing is signed for an object whose UID another one has in the output.
 * @throws UnreadableOriginal, ScansealError for what is wrong with the object, the key or the disk
 */
export async function sealFile(path: string, run: SealingRun): Promise<SealedFile> {
  let watched: WatchedSource | undefined;
  let isOpen = false;
  try {
    return await withFile(path, (source) => {
      isOpen = true;
      // What is in memory cannot fail any more.
      if (source instanceof MemorySource) return sealSource(source, run);
      watched = new WatchedSource(source);
      return sealSource(watched, run);
    });
  } catch (error) {
    const isOriginals = !isOpen || watched?.failed === true;
    if (isOriginals && error instanceof ScansealError && error.code === "io")
      throw new UnreadableOriginal(error);
    throw error;
  }
}

/** The same with an object that is in no file. @throws ScansealError as `sealFile` */
export async function sealSource(source: ByteSource, run: SealingRun): Promise<SealedFile> {
  const original = await readDicom(source, { tolerate: new Set(run.tolerate) });
  const sopInstanceUid = requireSealable(original);
  if (run.isSeriesList !== true && keyObjectLists(original).length > 0)
    throw new ScansealError(
      "not-sealable",
      'a Key Object "Signed Complete Acquisition Content" says that a series is complete: only "scanseal series close --ko" makes one to be sealed',
    );
  const name = { sopInstanceUid, digest: await digestOf(source) };
  const stored = run.seals.find(name);
  if (!stored) await run.output.requireFree(sopInstanceUid);
  const origin = stored ? { stored } : { nextCounter: run.nextCounter };
  const seal = await sealObject(original, run.device, run.ports, origin);
  // Another process may have sealed the same original meanwhile: then its seal counts.
  const kept = stored ?? run.seals.keep(name, seal);
  const isOwn = stored !== undefined || kept === seal;
  const { object, edits } = isOwn
    ? seal
    : await sealObject(original, run.device, run.ports, { stored: kept });
  // Before it is published: a seal that nobody here remembers would be missing from its series. A crash before this is mended by sealing again.
  const record = sealRecordOf(object, edits, run.device.name);
  await run.provenance.addSeal(record, systemClock.now());
  const written = await run.output.write(sopInstanceUid, object, edits);
  const { seriesInstanceUid, payloadDigest } = record;
  const reused = stored !== undefined || !isOwn;
  return { sopInstanceUid, seriesInstanceUid, payloadDigest, path: written.path, reused };
}

async function digestOf(source: ByteSource): Promise<Bytes> {
  const hash = nodeCrypto.createHash("SHA-256");
  for await (const chunk of readChunks(source, 0, source.size)) hash.update(chunk);
  return hash.digest();
}

/** Remembers that a read failed: the error alone does not tell the original from the output. */
class WatchedSource implements ByteSource {
  readonly size: number;
  failed = false;
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
    this.size = source.size;
  }

  async read(offset: number, length: number): Promise<Bytes> {
    try {
      return await this.#source.read(offset, length);
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }

  async *chunks(offset: number, length: number): AsyncGenerator<Bytes> {
    const chunks = readChunks(this.#source, offset, length);
    try {
      for (;;) {
        let next: IteratorResult<Bytes, unknown>;
        try {
          next = await chunks.next();
        } catch (error) {
          this.failed = true;
          throw error;
        }
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await chunks.return(undefined);
    }
  }
}
