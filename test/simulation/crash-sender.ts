/** Sends each object once over several associations, and knows which were acknowledged. What was on its way when a line broke is not sent again. */
import { connectDimse, type DimseClient } from "../../src/dicom-network/dimse/client.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { CrashLoad, CrashObject } from "./crash-objects.ts";

const pieceBytes: number = 64 << 10;

export async function* pieces(bytes: Bytes): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

export class CrashSender {
  /** Answered with 0x0000. */
  readonly acknowledged: CrashObject[] = [];
  /** Its first byte may have left. */
  readonly attempted: CrashObject[] = [];
  readonly refusals: number[] = [];
  readonly #waiting: CrashObject[];
  readonly #lines: number;
  readonly #title: string;
  readonly #watchers = new Set<() => void>();

  constructor(load: CrashLoad, lines: number, title: string) {
    this.#waiting = [...load];
    this.#lines = lines;
    this.#title = title;
  }

  get left(): number {
    return this.#waiting.length;
  }

  /** Resolves when all is sent or every line is broken. */
  async send(port: number): Promise<void> {
    await Promise.all(Array.from({ length: this.#lines }, () => this.#line(port)));
    this.#tell();
  }

  /** Resolves when so many were tried, or `send` ended. */
  async tried(count: number, sending: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.attempted.length < count) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
      void sending.then(() => resolve());
    });
  }

  #tell(): void {
    for (const look of this.#watchers) look();
  }

  async #line(port: number): Promise<void> {
    const first = this.#waiting[0];
    if (!first) return;
    let client: DimseClient | undefined;
    try {
      client = await connectDimse({
        host: "127.0.0.1",
        port,
        callingAeTitle: "CT1",
        calledAeTitle: this.#title,
        contexts: [{ id: 1, abstractSyntax: first.sopClassUid, transferSyntaxes: [first.transferSyntaxUid] }],
      });
      for (let object = this.#waiting.shift(); object; object = this.#waiting.shift()) {
        this.attempted.push(object);
        this.#tell();
        const { code } = await client.store(object, pieces(object.dataSet));
        if (code === 0) this.acknowledged.push(object);
        else this.refusals.push(code);
      }
      await client.release();
    } catch {
      // The other end is gone: what it did not acknowledge is not owed.
      client?.abort("the line broke");
    }
  }
}
