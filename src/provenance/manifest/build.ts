/** Makes the manifest of an object at capture: commitments, statement, envelope and containers. */
import type { NewElement } from "../../dicom/encode.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Clock, Signer } from "../../foundation/crypto.ts";
import { freeSealBlock, newContainers, type SealContents } from "./containers.ts";
import { type CommitPorts, commitContent } from "./content-commitment.ts";
import { encodeEnvelope, keyIdOf, sealPayload, signatureUidOf } from "./envelope.ts";
import {
  assuranceByType,
  type CaptureStatement,
  encodeStatement,
  type StatementType,
  type WatermarkClaim,
} from "./statement.ts";

type MarkedClaim = Extract<WatermarkClaim, { readonly scheme: "MTW1" }>;

/** The marks that are in the object already; `table` is the content of xx03. */
export type WatermarkOfObject = Omit<MarkedClaim, "table"> & { readonly table: Bytes };

export interface BuildRequest {
  /** Final in every attribute and pixel: what comes later is not sealed. */
  readonly object: DicomObject;
  readonly type: StatementType;
  /** A name for people: printable ASCII, at most 64 characters; nothing about a patient. */
  readonly label?: string;
  /** Made durable before this is called; (key, epoch, counter) is used once. */
  readonly epoch: string;
  readonly counter: number;
  readonly watermark: Exclude<WatermarkClaim, MarkedClaim> | WatermarkOfObject;
  readonly software: CaptureStatement["software"];
}

export interface BuildPorts extends CommitPorts {
  readonly clock: Clock;
  readonly signer: Signer;
}

export interface BuiltManifest {
  readonly statement: CaptureStatement;
  readonly payload: Bytes;
  /** For the PS3.15 signature that binds the manifest. */
  readonly signatureUid: string;
  readonly contents: SealContents;
  /** To be inserted into the object, ascending: creator, envelope, seed, table. */
  readonly elements: readonly NewElement[];
}

/**
 * Builds and signs. The object is not changed.
 * @throws ScansealError `already-sealed`, `not-sealable`, `limit-elements`, `limit-length`, `io`, or what the signer throws
 */
export async function buildManifest(request: BuildRequest, ports: BuildPorts): Promise<BuiltManifest> {
  const { crypto, signer } = ports;
  const { object } = request;
  const block = freeSealBlock(object.elements);
  const { claim, seed, table } = await commitContent(object, ports);
  const { label, epoch, counter, watermark } = request;
  const watermarkTable = watermark.scheme === "none" ? undefined : watermark.table;
  const statement: CaptureStatement = {
    type: request.type,
    assurance: assuranceByType[request.type],
    device: {
      ...(label === undefined ? {} : { label }),
      certificate: keyIdOf(crypto, signer.certificate),
      hash: signer.hash,
    },
    key: { epoch, counter },
    ...claim,
    watermark:
      watermark.scheme === "none"
        ? watermark
        : { ...watermark, table: toHex(crypto.hash("SHA-256", watermark.table)) },
    software: request.software,
    sealedAt: new Date(ports.clock.now()).toISOString(),
  };
  const payload = encodeStatement(statement);
  const envelope = encodeEnvelope(await sealPayload(crypto, signer, payload));
  const contents = { envelope, seed, ...(watermarkTable ? { watermarkTable } : {}), table };
  return {
    statement,
    payload,
    signatureUid: signatureUidOf(crypto, payload),
    contents,
    elements: newContainers(block, contents),
  };
}
