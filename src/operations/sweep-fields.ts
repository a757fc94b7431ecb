/** What sweep and sentinel tell, as fields of the log. */
import type { GatewayEvent } from "./event.ts";
import { configuredName, count, knownCode } from "./event-fields.ts";

const kinds = [
  "study-checked",
  "study-missing",
  "sealed-missing",
  "study-unadmitted",
  "sweep-begun",
  "sweep-ended",
] as const;

export type SweepEvent = Extract<GatewayEvent, { readonly kind: (typeof kinds)[number] }>;

export function isSweepEvent(event: GatewayEvent): event is SweepEvent {
  return (kinds as readonly string[]).includes(event.kind);
}

export function sweepFields(event: SweepEvent): Readonly<Record<string, string | number | boolean>> {
  const archive = configuredName(event.archive);
  switch (event.kind) {
    case "study-missing":
      return { by: knownCode(event.by), archive, instances: count(event.instances) };
    case "sealed-missing":
      return { archive, instances: count(event.instances) };
    case "study-unadmitted":
      return { archive, proven: count(event.proven), unproven: count(event.unproven) };
    case "sweep-begun":
      return { archive, studies: count(event.studies), isResumed: event.isResumed === true };
    case "study-checked":
      return { by: knownCode(event.by), archive, bytes: count(event.bytes), ...sums(event) };
    case "sweep-ended": {
      const { studies, unknown, sealedMissing } = event;
      const more = { unknown: count(unknown), sealedMissing: count(sealedMissing) };
      return { archive, studies: count(studies), ...sums(event), ...more };
    }
  }
}

function sums({
  objects,
  held,
  missing,
  unavailable,
  ms,
}: Extract<SweepEvent, { readonly kind: "study-checked" | "sweep-ended" }>): Readonly<
  Record<string, number>
> {
  return {
    objects: count(objects),
    held: count(held),
    missing: count(missing),
    unavailable: count(unavailable),
    ms: count(ms),
  };
}
