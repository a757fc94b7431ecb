/** Streams a data set whose end is not known until its last piece was given: some bytes are always held back, for the last PDV. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { UpperLayerAssociation } from "./upper-layer/upper-layer.ts";

/** Small enough to copy for nothing, large enough that no PDU of a few bytes is made. */
const heldBytes = 4_096;

export class DataSetSender {
  readonly #association: Pick<UpperLayerAssociation, "send">;
  readonly #contextId: number;
  /** Twice the size, so that small pieces are gathered. */
  readonly #held: Uint8Array = new Uint8Array(2 * heldBytes);
  #heldLength = 0;

  constructor(association: Pick<UpperLayerAssociation, "send">, contextId: number) {
    this.#association = association;
    this.#contextId = contextId;
  }

  /**
   * The next piece; it is the caller's again when this resolves.
   * @throws ScansealError when the association ended
   */
  async push(piece: Bytes): Promise<void> {
    if (this.#heldLength + piece.length <= this.#held.length) {
      this.#hold(piece);
      return;
    }
    // PS3.8 annex E: fragments but the last have an even length.
    const filler = this.#heldLength % 2;
    this.#hold(piece.subarray(0, filler));
    const rest = piece.subarray(filler);
    if (this.#heldLength > 0) await this.#send(this.#held.subarray(0, this.#heldLength), false);
    this.#heldLength = 0;
    const kept = Math.min(rest.length, heldBytes);
    const sent = (rest.length - kept) & ~1;
    if (sent > 0) await this.#send(rest.subarray(0, sent), false);
    this.#hold(rest.subarray(sent));
  }

  /** There is no more: what was held back makes the data set complete. */
  async end(): Promise<void> {
    await this.#send(this.#held.subarray(0, this.#heldLength), true);
  }

  #hold(bytes: Bytes): void {
    this.#held.set(bytes, this.#heldLength);
    this.#heldLength += bytes.length;
  }

  #send(bytes: Bytes, isLast: boolean): Promise<void> {
    return this.#association.send(this.#contextId, { isCommand: false, isLast }, bytes);
  }
}
