/**
 * The way out of one object: exactly the bytes that were judged, hashed again as they leave. The last piece waits until the digest fits, so that
 * an archive never completes an object that is not the one the policy admitted (scenario 47).
 */
import type { DimseStatus } from "../../dicom-network/dimse/service.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { Admitted } from "../policy/admitted.ts";
import type { Released } from "../quarantine/released.ts";
import type { ArchiveLink } from "./archive-link.ts";
import { LeavingBytes } from "./leaving-bytes.ts";
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
  const leaving = new LeavingBytes(source, object, ports.crypto);
  try {
    const status = await link.store(object, leaving.pieces(object.dataSetOffset));
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
