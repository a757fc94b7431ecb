/** What the DICOMweb server needs: who may store, who may read, and what of it is proven. */
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import type { RenderedParameters } from "../../dicom-network/dicomweb/rendered-parameters.ts";
import type { WebScope } from "../../dicom-network/dicomweb/resource.ts";
import type { NetworkPeer } from "../../dicom-network/dimse/association.ts";
import type { DimseStatus, StoreReceiver } from "../../dicom-network/dimse/service.ts";
import type { Query } from "../../dicom-network/query/query.ts";
import type { Bytes } from "../../foundation/bytes.ts";

export interface StoredName {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

/** One store request, while it lasts. */
export interface Storing {
  /** Statuses are PS3.18's Failure Reasons. */
  begin(named: StoredName, studyInstanceUid?: string): StoreReceiver | { readonly status: DimseStatus };
  end(): void;
}

/** Nobody's certificate or network; no room for another request now; the gate is stopping; the peer has sent what it may within an hour or day. */
export type NotTaken = "unknown-peer" | "busy" | "draining" | "over-quota";

/** An instance for a reader. */
export interface Given {
  readonly kind: "given";
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** What is proven: a verdict, or that nothing is, and why it is given ("emergency", "release"); "notice" of what tells of others that are withheld. */
  readonly basis: string;
  /** Length of the Part 10 file. */
  readonly length: number;
  /** The Part 10 file, hashed as it leaves. */
  bytes(): AsyncIterable<Bytes>;
  done(): void;
}

export interface Withheld {
  readonly kind: "withheld";
  readonly sopInstanceUid: string;
  /** "policy": it is as it was admitted, and this reader is not given that. */
  readonly why: "held" | "policy" | "missing" | "unavailable";
  /** Of the findings. */
  readonly codes: readonly string[];
}

/** Instances in order; what tells of withheld ones comes last. */
export interface GivenInstances {
  /** Nothing of the scope is known. */
  readonly isNone: boolean;
  /** The archive could not be asked what else it has, as far as is known: large studies take it a second. */
  readonly isUnlisted: () => boolean;
  readonly instances: AsyncIterable<Given | Withheld>;
}

/** Pieces of one instance: frames, a bulk value, a picture. */
export interface GivenPart {
  readonly contentType: string;
  readonly length?: number | undefined;
  readonly bytes: AsyncIterable<Bytes> | Bytes;
}

export type PartsAnswer =
  | {
      readonly kind: "parts";
      /** Of each: "application/octet-stream", "image/jls". */
      readonly type: string;
      readonly basis: string;
      readonly parts: AsyncIterable<GivenPart>;
      done(): void;
    }
  | Withheld
  /** No such instance, frame or value. */
  | { readonly kind: "none" }
  /** Not in a form that the reader takes. */
  | { readonly kind: "unacceptable" };

export type PictureType = "image/png" | "image/jpeg";

export interface WantedPicture {
  /** From 1; undefined: the first one. */
  readonly frame: number | undefined;
  readonly isThumbnail: boolean;
  readonly parameters: RenderedParameters;
  readonly type: PictureType;
}

export type PictureAnswer =
  | { readonly kind: "picture"; readonly basis: string; readonly bytes: Bytes }
  | Withheld
  | { readonly kind: "none" }
  /** Not an image, or none that is shown. */
  | { readonly kind: "unacceptable" };

/** In which form frames are taken, most wanted first. */
export interface FrameForm {
  /** "application/octet-stream", or of the codestream: "image/jls". */
  readonly type: string;
  readonly transferSyntaxes: readonly string[] | "any";
}

/** Somebody who may read, for one request. */
export interface WebReading {
  /** @throws ScansealError `usage` for what would take too long */
  search(query: Query): AsyncIterable<JsonDataSet>;
  /** Bulk values are named by their path within the instance. */
  metadata(scope: WebScope): AsyncIterable<JsonDataSet>;
  read(scope: WebScope): Promise<GivenInstances>;
  /** @param frames from 1 */
  frames(
    scope: Required<WebScope>,
    frames: readonly number[],
    forms: readonly FrameForm[],
  ): Promise<PartsAnswer>;
  /** @param path as `metadata` named it */
  bulkValue(scope: Required<WebScope>, path: string): Promise<PartsAnswer>;
  /** Of a study or series the picture of an image in its middle. */
  picture(scope: WebScope, wanted: WantedPicture): Promise<PictureAnswer>;
  end(): void;
}

export interface DicomWebPorts {
  storing(peer: NetworkPeer): Storing | NotTaken;
  reading(peer: NetworkPeer): WebReading | NotTaken;
  /** Something failed that is ours: told once, never to the peer. */
  onFault(error: unknown): void;
}
