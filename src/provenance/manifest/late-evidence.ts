/** Container xx01: what is known only after sealing. The list is strict and knows no entry type yet: spec/seal-containers.md. */
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

const version = 1;
/** u8 version, u16 number of entries; an entry is u8 type, u32 length, bytes. */
const headerBytes = 3;

/** @throws ScansealError `seal-structure` for anything but a list of known entries; none is known to this version */
export function checkLateEvidence(bytes: Bytes): void {
  const empty =
    bytes.length === headerBytes && bytes[0] === version && viewOf(bytes).getUint16(1, true) === 0;
  if (!empty) throw new ScansealError("seal-structure", "late evidence of an unknown form");
}
