/** A data set that is small and read as a whole: identifiers, references. */
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { DimseRefusal, type DimseStatus } from "./service.ts";

/** A piece of one byte would cost a hundred; pieces this small on average are refused. */
const pieceBytesMin = 16;
/** Pieces that are free. */
const piecesFree = 256;

export class GatheredDataSet<Outcome> {
  readonly #bytesMax: number;
  readonly #refusal: DimseStatus;
  readonly #whole: (bytes: Bytes) => Promise<Outcome>;
  #pieces: Bytes[] = [];
  #bytes = 0;

  /** @param refusal for what is longer than `bytesMax` */
  constructor(bytesMax: number, refusal: DimseStatus, whole: (bytes: Bytes) => Promise<Outcome>) {
    this.#bytesMax = bytesMax;
    this.#refusal = refusal;
    this.#whole = whole;
  }

  write(bytes: Bytes): void {
    this.#bytes += bytes.length;
    const isTorn = this.#pieces.length > piecesFree + this.#bytes / pieceBytesMin;
    if (this.#bytes > this.#bytesMax || isTorn) {
      this.#pieces = [];
      throw new DimseRefusal(this.#refusal);
    }
    this.#pieces.push(new Uint8Array(bytes));
  }

  end(): Promise<Outcome> {
    const whole = concatBytes(this.#pieces);
    this.#pieces = [];
    return this.#whole(whole);
  }

  cancel(): void {
    this.#pieces = [];
  }
}
