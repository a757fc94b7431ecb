/**
 * The way out of one object: exactly the bytes that were judged, hashed again as they leave. The last piece waits until the digest fits, so that
 * an archive never completes an object that is not the one the policy admitted (scenario 47).
 */
import type { DimseStatus } from "../../dicom-network/dimse/service.ts";
import { type ByteSource, readChunks } from "../../foundation/byte-source.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { Admitted } from "../policy/admitted.ts";
import type { Released } from "../quarantine/released.ts";
import type { ArchiveLink } from "./archive-link.ts";
import { openCopy } from "./object-copy.ts";
import type { GatewayPorts } from "./ports.ts";

/** What may leave: admitted by the policy, or released by two people. */
export type Forwardable = Admitted<JudgedObject> | Released<JudgedObject>;

export type Forwarded =
  | { readonly result: "answered"; readonly status: DimseStatus }
  /** The kept bytes are not those that were judged: the association was aborted before the object was complete. */
  | { readonly result: "bytes-changed" };

/** @throws ScansealError `io` where no copy can be read; the network's errors */
export async function forward(
  proof: Forwardable,
  link: ArchiveLink,
  ports: Pick<GatewayPorts, "crypto" | "objects" | "spool">,
): Promise<Forwarded> {
  const { object } = proof;
  const source = await openCopy(object, ports);
  const leaving = new LeavingDataSet(source, object, ports.crypto);
  try {
    const status = await link.store(object, leaving.pieces());
    if (leaving.isChanged) throw new ScansealError("internal", "an object was completed whose bytes changed");
    return { result: "answered", status };
  } catch (error) {
    link.abort("the object cannot be sent");
    if (leaving.isChanged) return { result: "bytes-changed" };
    throw error;
  } finally {
    await source.close();
  }
}

class LeavingDataSet {
  isChanged = false;
  readonly #source: ByteSource;
  readonly #object: JudgedObject;
  readonly #crypto: Crypto;

  constructor(source: ByteSource, object: JudgedObject, crypto: Crypto) {
    this.#source = source;
    this.#object = object;
    this.#crypto = crypto;
  }

  /** The data set without its file's head. */
  async *pieces(): AsyncGenerator<Bytes> {
    const { bytes, digest, dataSetOffset } = this.#object;
    if (this.#source.size !== bytes) this.#stop();
    const hash = this.#crypto.createHash("SHA-256");
    let at = 0;
    for await (const piece of readChunks(this.#source, 0, bytes)) {
      hash.update(piece);
      const end = at + piece.length;
      if (end >= bytes && toHex(hash.digest()) !== digest) this.#stop();
      if (end > dataSetOffset) yield at >= dataSetOffset ? piece : piece.subarray(dataSetOffset - at);
      at = end;
    }
    if (at !== bytes) this.#stop();
  }

  #stop(): never {
    this.isChanged = true;
    throw new ScansealError("internal", "the kept bytes are not those that were judged");
  }
}
