/** One sink for several. */
import type { EventSink, GatewayEvent } from "./event.ts";

/** Each gets every event, whatever the others do: a log that fails must not cost an object or the metrics. */
export function fanOut(...sinks: readonly EventSink[]): EventSink {
  return (event: GatewayEvent): void => {
    for (const sink of sinks) {
      try {
        sink(event);
      } catch {
        // There is nobody to tell: what is told goes through here.
      }
    }
  };
}
