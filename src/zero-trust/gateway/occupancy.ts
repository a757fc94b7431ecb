/** What peers take up: associations in all and of each source, and bytes of each source in the spool that are not judged yet. */
/**
 * Of an object that waits, beside its bytes: its blocks in the spool, its row, its place in memory. Without it a quota of 4 GiB would let in
 * millions of objects of a few hundred bytes.
 */
const waitingBytes = 16_384;

export class Occupancy {
  /** Connection -> source. */
  readonly #associations = new Map<string, string>();
  readonly #associationsOf = new Map<string, number>();
  readonly #bytesOf = new Map<string, number>();
  /** Acknowledged objects that are not judged. */
  readonly #waiting = new Map<string, { readonly source: string; readonly bytes: number }>();

  get associations(): number {
    return this.#associations.size;
  }

  associationsOf(source: string): number {
    return this.#associationsOf.get(source) ?? 0;
  }

  /** @param connection unique among open connections */
  open(connection: string, source: string): void {
    this.close(connection);
    this.#associations.set(connection, source);
    this.#associationsOf.set(source, this.associationsOf(source) + 1);
  }

  /** The source that the connection was recognised as. */
  sourceOf(connection: string): string | undefined {
    return this.#associations.get(connection);
  }

  close(connection: string): void {
    const source = this.#associations.get(connection);
    if (source === undefined) return;
    this.#associations.delete(connection);
    const left = this.associationsOf(source) - 1;
    if (left > 0) this.#associationsOf.set(source, left);
    else this.#associationsOf.delete(source);
  }

  bytesOf(source: string): number {
    return this.#bytesOf.get(source) ?? 0;
  }

  /** Bytes of an object that is arriving; negative when it was refused or cancelled. */
  addBytes(source: string, bytes: number): void {
    const sum = this.bytesOf(source) + bytes;
    if (sum > 0) this.#bytesOf.set(source, sum);
    else this.#bytesOf.delete(source);
  }

  /** The bytes, counted already, wait for their judgement. */
  await(id: string, source: string, bytes: number): void {
    this.#waiting.set(id, { source, bytes: bytes + waitingBytes });
    this.addBytes(source, waitingBytes);
  }

  judged(id: string): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    this.addBytes(waiting.source, -waiting.bytes);
  }
}
