/** What is known of a series: the instances that are there, and what signed manifests say should be. Plain JSON data. */
import type { RecordFault, TrustFact } from "./evidence.ts";

/** One object that is there, as its own verification found it. */
export interface PresentInstance {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  /** (0020,0013); undefined where it has none that is a number. */
  readonly instanceNumber: number | undefined;
  /** Its own verdict lets it count. */
  readonly isProven: boolean;
  /** Of its capture manifest, hexadecimal. */
  readonly payloadDigest: string | undefined;
  /** Payload digests that a derivation which holds says it was made from. */
  readonly parents: readonly string[];
  /** The trusted signer of its capture manifest. */
  readonly signer: string | undefined;
  /** Milliseconds since 1970, by the device's clock. */
  readonly sealedAt: number | undefined;
}

/** An instance that belongs to the series. */
export interface ListedInstance {
  readonly sopInstanceUid: string;
  /** How its payload digest begins: all of it in a manifest, 128 bits in a Key Object. */
  readonly digest: string;
  /** As sealed, null for none; undefined where the list does not say it. */
  readonly instanceNumber: number | null | undefined;
}

/** One statement of what a series consists of. */
export interface SeriesManifestFact {
  readonly basis: "manifest" | "key-object";
  /** Payload digest of the series manifest that it is or names, hexadecimal; undefined for a Key Object of other software. */
  readonly manifest: string | undefined;
  /** It came with the objects; the others are the site's own. */
  readonly isPresented: boolean;
  readonly state: "open" | "closed";
  readonly version: number;
  readonly previous: string | undefined;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** Milliseconds since 1970, by the signer's clock. */
  readonly madeAt: number;
  readonly trust: TrustFact | undefined;
  /** Empty: it holds. */
  readonly faults: readonly RecordFault[];
  readonly detail?: string | undefined;
  /** In the order of the series. */
  readonly instances: readonly ListedInstance[];
}

/** That a version of a series' manifest exists, by a study manifest that holds. */
export interface NamedVersion {
  readonly seriesInstanceUid: string;
  readonly manifest: string;
  readonly version: number;
  readonly count: number;
}

export interface SeriesEvidence {
  readonly seriesInstanceUid: string;
  readonly instances: readonly PresentInstance[];
  readonly manifests: readonly SeriesManifestFact[];
  readonly named: readonly NamedVersion[];
}
