/** How far the clocks of sealing devices are from this site's, where a seal's time could not be right. */
import type { SourceSample } from "../../store/journal/source-record.ts";

export interface ClockOffset {
  /** Calling AE title: the seal's own name is not believed here. */
  readonly peerTitle: string;
  readonly objects: number;
  /** Sealed so long before (negative) or after it was received here: of the newest object, in milliseconds. */
  readonly offsetMs: number;
}

/** Findings that tell when a seal says that it was made. */
export const clockCauses: readonly string[] = ["time-implausible"];

/** By sender, most frequent first. @param objects newest first */
export function clockOffsets(objects: readonly SourceSample[]): ClockOffset[] {
  const found = new Map<string, ClockOffset>();
  for (const { peerTitle, receivedAt, findings } of objects) {
    const detail = findings.find(({ code }) => clockCauses.includes(code))?.detail ?? "";
    const sealedAt = Date.parse(/^sealed at (\S{10,40}),/.exec(detail)?.[1] ?? "");
    if (Number.isNaN(sealedAt)) continue;
    const known = found.get(peerTitle);
    const objectsSoFar = known?.objects ?? 0;
    const offsetMs = known?.offsetMs ?? sealedAt - receivedAt;
    found.set(peerTitle, { peerTitle, objects: objectsSoFar + 1, offsetMs });
  }
  return [...found.values()].sort((a, b) => b.objects - a.objects);
}
