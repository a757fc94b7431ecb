/** Restores files on disk: what was marked by a device of this site, and is as it was sealed. */
import { nameTextOf } from "../dicom/elements.ts";
import { readDicom } from "../dicom/read.ts";
import { tags } from "../dicom/tags.ts";
import { ScansealError } from "../foundation/errors.ts";
import { watermarkKeysOf } from "../keys/custody/watermark-master.ts";
import { createTrustStore } from "../keys/trust/trust-store.ts";
import { CodecPool } from "../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, systemClock } from "../platform/node/crypto.ts";
import { openManifest } from "../provenance/manifest/check.ts";
import { restoreObject } from "../sealing/restoration.ts";
import { collectEvidence } from "../zero-trust/evidence/collect.ts";
import { TrustJudge } from "../zero-trust/evidence/trust-check.ts";
import { decide } from "../zero-trust/policy/decide.ts";
import { withFile } from "./file-input.ts";
import type { SiteHome } from "./home.ts";
import type { OutputFolder } from "./output-folder.ts";

export interface RestoredFile {
  readonly path: string;
  readonly framesRestored: number;
  /** The same file was in the output already. */
  readonly existed: boolean;
}

/** Close it to end the codecs' threads. */
export class Restorer {
  readonly #home: SiteHome;
  readonly #trust: TrustJudge;
  readonly #codecs: CodecPool = new CodecPool();
  readonly #output: OutputFolder;

  constructor(home: SiteHome, output: OutputFolder) {
    this.#home = home;
    this.#trust = new TrustJudge(
      createTrustStore(home.trustContent(), nodeCrypto),
      nodeCrypto,
      systemClock.now(),
    );
    this.#output = output;
  }

  /** @throws ScansealError `not-restorable` with the reason, what is wrong with the object, `duplicate-instance`, `io` */
  restore(path: string): Promise<RestoredFile> {
    return withFile(path, async (source) => {
      const ports = { crypto: nodeCrypto, trust: this.#trust, decoder: this.#codecs };
      const { verdict } = decide(await collectEvidence(source, ports), { mode: "enforce" });
      if (verdict !== "verified" && verdict !== "verified-with-changes")
        throw new ScansealError(
          "not-restorable",
          `it is ${verdict}: only what is as it was sealed is restored`,
        );
      const object = await readDicom(source);
      const manifest = (await openManifest(object, nodeCrypto))!;
      const { edits, framesRestored } = await restoreObject(object, manifest, {
        crypto: nodeCrypto,
        decoder: this.#codecs,
        encoder: this.#codecs,
        recoveryKeyOf: (keyId) =>
          watermarkKeysOf(this.#home.watermarkMaster("present"), keyId, nodeCrypto).recoveryKey,
        spki: this.#trust.spkiOf(manifest.envelope.certificates[0]!),
      });
      // In UN, as some software rewrites it, the same name.
      const sopInstanceUid = nameTextOf(object.elements, tags.sopInstanceUid)!;
      return { ...(await this.#output.write(sopInstanceUid, object, edits)), framesRestored };
    });
  }

  async close(): Promise<void> {
    await this.#codecs.close();
  }
}
