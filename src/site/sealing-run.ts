/** Seals files on disk with one device of the site. */
import { readDicom } from "../dicom/read.ts";
import type { ByteSource } from "../foundation/byte-source.ts";
import { readChunks } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { requireSealable, type SealingDevice, type SealingPorts, sealObject } from "../sealing/seal.ts";
import { withFile } from "./file-input.ts";
import type { OutputFolder } from "./output-folder.ts";
import type { SealStore } from "./seal-store.ts";

export interface SealingRun {
  readonly device: SealingDevice;
  /** Durable before it is given out. */
  readonly nextCounter: () => number;
  readonly ports: SealingPorts;
  readonly seals: SealStore;
  readonly output: OutputFolder;
}

export interface SealedFile {
  readonly sopInstanceUid: string;
  readonly path: string;
  /** The same original was sealed before: the stored seal was used. */
  readonly reused: boolean;
}

/**
 * @throws ScansealError for what is wrong with the object, the key or the disk
 */
export function sealFile(path: string, run: SealingRun): Promise<SealedFile> {
  return withFile(path, async (source) => {
    const original = await readDicom(source);
    const sopInstanceUid = requireSealable(original);
    const name = { sopInstanceUid, digest: await digestOf(source) };
    const stored = run.seals.find(name);
    const seal = await sealObject(
      original,
      run.device,
      run.ports,
      stored ? { stored } : { nextCounter: run.nextCounter },
    );
    if (!stored) run.seals.keep(name, seal.edits);
    const written = await run.output.write(sopInstanceUid, seal.object, seal.edits);
    return { sopInstanceUid, path: written.path, reused: stored !== undefined };
  });
}

async function digestOf(source: ByteSource): Promise<Bytes> {
  const hash = nodeCrypto.createHash("SHA-256");
  for await (const chunk of readChunks(source, 0, source.size)) hash.update(chunk);
  return hash.digest();
}
