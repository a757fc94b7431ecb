/** Restores files on disk: what was marked by a device of this site, and is as it was sealed. */
import { nameTextOf } from "../dicom/elements.ts";
import { readDicom } from "../dicom/read.ts";
import { tags } from "../dicom/tags.ts";
import { ScansealError } from "../foundation/errors.ts";
import { watermarkKeysOf } from "../keys/custody/watermark-master.ts";
import { createTrustStore } from "../keys/trust/trust-store.ts";
import { CodecPool } from "../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, systemClock } from "../platform/node/crypto.ts";
import { fileExists } from "../platform/node/private-files.ts";
import { openManifest } from "../provenance/manifest/check.ts";
import type { DerivationParent } from "../provenance/manifest/derivation-statement.ts";
import { restoreObject } from "../sealing/restoration.ts";
import { collectEvidence } from "../zero-trust/evidence/collect.ts";
import { TrustJudge } from "../zero-trust/evidence/trust-check.ts";
import { decide } from "../zero-trust/policy/decide.ts";
import { DerivationDesk } from "./derivations/derivation-desk.ts";
import { withFile } from "./file-input.ts";
import type { SiteHome } from "./home.ts";
import type { OutputFolder } from "./output-folder.ts";
import { OpenedProvenance } from "./provenance/opened-provenance.ts";

export interface RestoredFile {
  /** A record says what it was made of; false where the site has no key for that. */
  readonly recorded: boolean;
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
  readonly #provenance: OpenedProvenance;
  #desk: Promise<DerivationDesk | undefined> | undefined;

  constructor(home: SiteHome, output: OutputFolder) {
    this.#home = home;
    this.#trust = new TrustJudge(
      createTrustStore(home.trustContent(), nodeCrypto),
      nodeCrypto,
      systemClock.now(),
    );
    this.#output = output;
    this.#provenance = new OpenedProvenance(home.provenancePath);
  }

  /** @throws ScansealError `not-restorable` with the reason, what is wrong with the object, `duplicate-instance`, `io` */
  restore(path: string): Promise<RestoredFile> {
    return withFile(path, async (source) => {
      // A corrected object is proven with its correction.
      const records = await this.#provenance.lookup();
      const ports = { crypto: nodeCrypto, trust: this.#trust, decoder: this.#codecs, records };
      const evidence = await collectEvidence(source, ports);
      const { verdict } = decide(evidence, { mode: "enforce" });
      const isProven = verdict === "verified" || verdict === "verified-with-changes";
      // An older version has its pixels too.
      if (!evidence.manifest || (!isProven && verdict !== "superseded"))
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
      const written = await this.#output.write(sopInstanceUid, object, edits);
      const parent = isProven ? { digest: evidence.manifest.payloadDigest!, verdict } : undefined;
      const recorded = parent !== undefined && (await this.#record(written.path, parent));
      return { ...written, framesRestored, recorded };
    });
  }

  /** What it was made of, by this site, of an object that has just been proven. */
  async #record(path: string, parent: DerivationParent): Promise<boolean> {
    this.#desk ??= openDesk(this.#home, this.#codecs);
    const desk = await this.#desk;
    if (!desk) return false;
    const claim = { action: "restore-original", supersedes: false } as const;
    await withFile(path, async (source) => desk.signMade(claim, await readDicom(source), parent));
    return true;
  }

  async close(): Promise<void> {
    const desk = await this.#desk?.catch(() => undefined);
    await desk?.close();
    await Promise.all([this.#codecs.close(), this.#provenance.close()]);
  }
}

/** A site that was made before it kept records restores without one. */
async function openDesk(home: SiteHome, codecs: CodecPool): Promise<DerivationDesk | undefined> {
  return fileExists(home.officeFolder("derive")) ? DerivationDesk.open(home, codecs) : undefined;
}
