/** An object begins to arrive, over whichever protocol: there must be room for it, here and in its source's quota. */
import { transferSyntaxOf } from "../../dicom/transfer-syntax.ts";
import type { DimseStatus } from "../../dicom-network/dimse/service.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { told } from "./fault-words.ts";
import { type Arrival, ObjectReceiver, type Reception, storeStatus } from "./object-receiver.ts";
import type { GatewayLimits } from "./settings.ts";

/** Rows that the database does not take are held in memory: above this nothing more is acknowledged. */
const rowBacklogMax = 5_000;

/** @returns a status that refuses it, recorded; or who takes its bytes @throws what is no want of room */
export function beginObject(
  arriving: Pick<Arrival, "named" | "peer" | "source" | "studyInstanceUid">,
  reception: Reception,
  limits: GatewayLimits,
): ObjectReceiver | { readonly status: DimseStatus } {
  const { occupancy, intake, ports, refusals, rows } = reception;
  const { source, named } = arriving;
  const refuse = (code: number, why: string, comment: string): { readonly status: DimseStatus } => {
    refusals.note({ source: source.name, status: code, why, bytes: 0 });
    return { status: { code, comment } };
  };
  if (rows.backlog >= rowBacklogMax) return refuse(storeStatus.outOfResources, "journal", "no room");
  if (occupancy.bytesOf(source.name) >= source.quotaBytes)
    return refuse(storeStatus.outOfResources, "quota", "too much is waiting to be checked");
  const over = intake.over(source, 0, true);
  if (over) return refuse(storeStatus.outOfResources, over.why, "quota used up");
  intake.begin(source.name);
  const isDeflated = transferSyntaxOf(named.transferSyntaxUid)?.deflated === true;
  try {
    return new ObjectReceiver({ ...arriving, limits, isDeflated }, reception);
  } catch (error) {
    if (!(error instanceof ScansealError) || error.fault !== "environment") {
      // Answered as a failure; without this nobody here would know.
      ports.events({ kind: "fault", where: "receiver", ...told(error) });
      throw error;
    }
    const isFull = error.code === "storage-full";
    return isFull
      ? refuse(storeStatus.outOfResources, error.code, "no room")
      : refuse(storeStatus.processingFailure, error.code, "storage failed");
  }
}
