/** Several plans over one source, each bulk value read once. */
import type { ByteRange, PlanStep } from "../dicom/byte-plan.ts";
import { swapped } from "../dicom/byte-plan.ts";
import { type ByteSource, readChunks } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";

export interface PlanConsumer {
  readonly plan: readonly PlanStep[];
  readonly sink: (bytes: Bytes) => void;
}

interface Cursor {
  readonly consumer: PlanConsumer;
  next: number;
}

/** Gives every consumer its plan's bytes in order; consumers whose next range is the same share the reading of it. */
export async function feedPlans(consumers: readonly PlanConsumer[], source: ByteSource): Promise<void> {
  let waiting: Cursor[] = consumers.map((consumer) => ({ consumer, next: 0 }));
  for (;;) {
    waiting = waiting.filter(feedLiterals);
    const first = waiting.reduce<ByteRange | undefined>(
      (least, cursor) => earlier(least, rangeOf(cursor)),
      undefined,
    );
    if (!first) return;
    const sharing = waiting.filter((cursor) => sameRange(rangeOf(cursor), first));
    for await (const chunk of readChunks(source, first.offset, first.length)) {
      const bytes = first.swap === 1 ? chunk : swapped(chunk, first.swap);
      for (const { consumer } of sharing) consumer.sink(bytes);
    }
    for (const cursor of sharing) cursor.next++;
  }
}

/** Up to the next range. @returns whether there is one */
function feedLiterals(cursor: Cursor): boolean {
  const { plan, sink } = cursor.consumer;
  for (; cursor.next < plan.length; cursor.next++) {
    const step = plan[cursor.next]!;
    if (!(step instanceof Uint8Array)) return true;
    sink(step);
  }
  return false;
}

function rangeOf(cursor: Cursor): ByteRange {
  return cursor.consumer.plan[cursor.next] as ByteRange;
}

function earlier(a: ByteRange | undefined, b: ByteRange): ByteRange {
  return !a || b.offset < a.offset ? b : a;
}

function sameRange(a: ByteRange, b: ByteRange): boolean {
  return a.offset === b.offset && a.length === b.length && a.swap === b.swap;
}
