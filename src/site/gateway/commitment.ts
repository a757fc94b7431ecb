/** Storage commitment of a running gateway: the desk, its folder, and the association of its own on which each report goes out. */
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { explicitLittleEndianUid, implicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { connectDimse } from "../../dicom-network/dimse/client.ts";
import { storageCommitmentClass } from "../../dicom-network/dimse/sop-classes.ts";
import type { CommitmentReport } from "../../dicom-network/dimse/storage-commitment.ts";
import { readChunks } from "../../foundation/byte-source.ts";
import { toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import type { Commitments } from "../../store/journal/commitments.ts";
import type { Journal, JudgedObject } from "../../store/journal/journal.ts";
import type { ObjectStore } from "../../store/objects/object-store.ts";
import type { Spool } from "../../store/spool/spool.ts";
import {
  CommitmentDesk,
  type PendingCommitment,
} from "../../zero-trust/gateway/commitment/commitment-desk.ts";
import type { GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import { type AskingRunParts, CommitmentAsking } from "./commitment-asking.ts";
import { CommitmentFolder } from "./commitment-folder.ts";
import type { GatewayConfig } from "./config.ts";
import { openKept } from "./stores.ts";

interface CommitmentRunParts {
  readonly data: string;
  readonly journal: Pick<Journal, "object" | "objects" | "deliveriesOf">;
  readonly objects: ObjectStore;
  readonly spool: Spool;
  readonly commitments: Commitments;
  readonly events: EventSink;
  /** As of now. */
  readonly settings: () => GatewaySettings;
}

/** Both ways: what modalities ask here, and what archives are asked. @throws ScansealError `io`, `storage-full` */
export async function openCommitments(
  { data, settings }: Pick<GatewayConfig, "data" | "settings">,
  parts: Omit<CommitmentRunParts, "data" | "settings"> & AskingRunParts,
): Promise<{ readonly commitment: CommitmentDesk; readonly asking: CommitmentAsking }> {
  const asking = await CommitmentAsking.open(parts, settings);
  return { commitment: openCommitment({ ...parts, data, settings: () => asking.settings }), asking };
}

function openCommitment({ data, settings, ...parts }: CommitmentRunParts): CommitmentDesk {
  const why = "a kept request for storage commitment is damaged: it was set aside";
  const store = new CommitmentFolder(join(data, "commitment"), () =>
    parts.events({ kind: "fault", where: "storage commitment", code: "io", why }),
  );
  const send = (pending: PendingCommitment, report: CommitmentReport): Promise<boolean | undefined> =>
    sendReport(settings(), pending, report);
  const isKept = (object: JudgedObject): Promise<boolean> => isIntact(object, parts);
  return new CommitmentDesk({ ...parts, store, send, isKept, clock: systemClock, newId });
}

/** Every byte is read: whoever is told so deletes its own. */
async function isIntact(
  object: JudgedObject,
  from: Pick<CommitmentRunParts, "objects" | "spool">,
): Promise<boolean> {
  try {
    const kept = await openKept(object, from);
    if (!kept) return false;
    try {
      const hash = nodeCrypto.createHash("SHA-256");
      for await (const piece of readChunks(kept, 0, kept.size)) hash.update(piece);
      return toHex(hash.digest()) === object.digest;
    } finally {
      await kept.close();
    }
  } catch (error) {
    if (error instanceof ScansealError) return false;
    throw error;
  }
}

/** We are SCP of the class (PS3.7 D.3.3.4). */
const roles = [{ sopClassUid: storageCommitmentClass, scu: false, scp: true }];

async function sendReport(
  { aeTitle, sources }: GatewaySettings,
  pending: PendingCommitment,
  report: CommitmentReport,
): Promise<boolean | undefined> {
  const place = sources.find(({ name }) => name === pending.source)?.commitment;
  if (!place) return undefined;
  const { host, port, tls, aeTitle: calledAeTitle = pending.aeTitle } = place;
  const transferSyntaxes = [explicitLittleEndianUid, implicitLittleEndianUid];
  const contexts = [{ id: 1, abstractSyntax: storageCommitmentClass, transferSyntaxes }];
  const client = await connectDimse({
    host,
    port,
    tls,
    callingAeTitle: aeTitle,
    calledAeTitle,
    contexts,
    roles,
  });
  try {
    const { code } = await client.reportCommitment(report);
    return code === 0;
  } finally {
    if (client.isOpen) await client.release().catch(() => undefined);
  }
}
