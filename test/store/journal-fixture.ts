/** Objects, judgements and acts for the tests of a journal. */
import { v7 as newId } from "uuid";
import type {
  ActRecord,
  Journal,
  JudgedObject,
  Judgement,
  JudgementOutcome,
  Lease,
  ReceivedObject,
} from "../../src/store/journal/journal.ts";
import type { QuarantineRequest } from "../../src/store/journal/requests.ts";

/** One empty database. Every journal that was opened is closed with it. */
export interface JournalHarness {
  /** The first, or one more connection to the same database. */
  open(): Promise<Journal>;
  close(): Promise<void>;
}

export const leaseMs = 1_000;

/** 64 hexadecimal digits that stand for some content. */
export function digestOf(content: number): string {
  return content.toString(16).padStart(64, "0");
}

export function received(change: Partial<ReceivedObject> = {}): ReceivedObject {
  const id = newId();
  return {
    id,
    receivedAt: 1_000,
    source: "ct-1",
    peerTitle: "MODALITY",
    peerAddress: "192.0.2.7",
    sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
    sopInstanceUid: `2.25.${BigInt(`0x${id.replaceAll("-", "")}`)}`,
    transferSyntaxUid: "1.2.840.10008.1.2.1",
    seriesInstanceUid: "2.25.20",
    studyInstanceUid: "2.25.10",
    modality: "CT",
    bytes: 1_234,
    digest: BigInt(`0x${id.replaceAll("-", "")}`)
      .toString(16)
      .padStart(64, "f"),
    dataSetOffset: 356,
    arrival: { uidDiffers: false },
    location: { extents: [{ segment: "000001", offset: 4_096, length: 1_234 }], bytes: 1_234 },
    ...change,
  };
}

export const admitting: Judgement = {
  verdict: "verified",
  disposition: "delivered",
  assurance: "in-device",
  basis: "verified",
  mode: "enforce",
  enforced: "delivered",
  findings: [],
  payloadDigest: undefined,
  sealedBy: undefined,
  stored: false,
  judgedAt: 2_000,
};

export const holding: Judgement = {
  ...admitting,
  verdict: "altered",
  disposition: "held",
  assurance: undefined,
  basis: undefined,
  enforced: "held",
  findings: [
    {
      code: "pixels-changed",
      severity: "error",
      layer: "watermark",
      location: { frame: 1 },
      message: "Changed after capture; do not rely on it.",
      detail: "tile 3 differs",
    },
  ],
  stored: true,
};

/** The third one is what decides. */
export const severalFindings: Judgement = {
  ...holding,
  findings: [
    { ...holding.findings[0]!, code: "hidden-bytes", severity: "warning", layer: "format" },
    { ...holding.findings[0]!, code: "preamble-suspicious", layer: "format", detail: "NUL \0 and \u2028" },
    holding.findings[0]!,
    { ...holding.findings[0]!, code: "attribute-changed" },
  ],
};

export async function claimOne(journal: Journal, id: string, now = 5_000): Promise<Lease<JudgedObject>> {
  const leases = await journal.claimReceived("worker", 1_000, leaseMs, now);
  const lease = leases.find(({ work }) => work.id === id);
  if (!lease) throw new Error("the object was not to be had");
  // The others stay for whoever asks next.
  await journal.releaseLeases("worker");
  const again = await journal.claimReceived("worker", 1_000, leaseMs, now);
  return again.find(({ work }) => work.id === id)!;
}

/** Received, claimed and judged. */
export async function judged(
  journal: Journal,
  object: ReceivedObject,
  judgement: Judgement,
  destinations: readonly string[] = [],
): Promise<JudgementOutcome> {
  await journal.addReceived([object]);
  return await judgedAgain(journal, object.id, judgement, destinations);
}

export async function judgedAgain(
  journal: Journal,
  id: string,
  judgement: Judgement,
  destinations: readonly string[] = [],
): Promise<JudgementOutcome> {
  const lease = await claimOne(journal, id);
  const outcome = await journal.commitJudgement(id, lease.fence, judgement, destinations);
  await journal.releaseLeases("worker");
  return outcome;
}

/** In quarantine, with its bytes in the object store. */
export async function held(journal: Journal, change: Partial<ReceivedObject> = {}): Promise<ReceivedObject> {
  const object = received(change);
  const outcome = await judged(journal, object, holding);
  if (outcome.result !== "committed" || outcome.state !== "held") throw new Error("not held");
  return object;
}

export function act(name: string, subject = "subject", at = 3_000): ActRecord {
  return { id: newId(), at, actor: "Ada", act: name, subject, detail: { why: "test", count: 1, done: true } };
}

export function requestFor(
  kind: QuarantineRequest["act"],
  objectIds: readonly string[],
  change: Partial<QuarantineRequest> = {},
): QuarantineRequest {
  return {
    id: newId(),
    act: kind,
    objectIds,
    reason: "asked by the radiologist",
    requestedBy: "Ada",
    requestedAt: 3_000,
    destination: kind === "release" ? "workstation" : undefined,
    state: "pending",
    approvedBy: undefined,
    approvedAt: undefined,
    ...change,
  };
}

/** Asked for by one and approved by another. */
export async function decided(
  journal: Journal,
  kind: QuarantineRequest["act"],
  objectIds: readonly string[],
  at = 4_000,
): Promise<readonly JudgedObject[]> {
  const request = requestFor(kind, objectIds);
  await journal.addRequest(request, act("requested"));
  const out = await journal.approveRequest(request.id, "Grace", at, act("approved"));
  if (!out) throw new Error("not pending");
  return out;
}
