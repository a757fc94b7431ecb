/**
 * What a modality sent becomes a sealed object, beside which its original is kept. In this order, so that a crash anywhere leaves the original
 * `received`, or both: the seal is kept by the device; the sealed bytes are durable in the spool; the original is durable in the object store; one
 * transaction makes the sealed object a row to be judged and the original `sealed`. Before that transaction nobody can be given what was sealed; sealing
 * the same original again gives the same bytes.
 */
import { fromHex } from "../../../foundation/bytes.ts";
import type { JudgedObject, Lease, ReceivedObject } from "../../../store/journal/journal.ts";
import type { Originals } from "../../../store/journal/originals.ts";
import type { SpoolLocation } from "../../../store/spool/spool.ts";
import type { Evidence } from "../../evidence/evidence.ts";
import type { SealerEvidence } from "../../evidence/sealer-evidence.ts";
import { decide } from "../../policy/decide.ts";
import { told } from "../fault-words.ts";
import { inFiles, storeCopy } from "../object-copy.ts";
import type { GatewayPorts } from "../ports.ts";
import type { SealingSettings, SourceSettings } from "../settings.ts";
import { encodeHeader, receivedFrom } from "../spool-header.ts";
import type { SealedBytes, Sealer } from "./sealer.ts";

export interface SealingParts {
  readonly sealer: Sealer;
  readonly originals: Originals;
}

export type Taken =
  /** Sealed, sent before, or somebody else's now: there is nothing to judge. */
  | { readonly kind: "settled" }
  /** Not sealed: to be judged as it is, with why. */
  | { readonly kind: "judge"; readonly sealer?: SealerEvidence };

const settled: Taken = { kind: "settled" };

/** An enrolled serial number without its seal is what a sealer is for. */
const expectedError = "seal-expected";

export class SealingStage {
  readonly #ports: GatewayPorts;
  /** By SOP Instance UID: what is sealed of one instance is sealed one after the other. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(ports: GatewayPorts) {
    this.#ports = ports;
  }

  /**
   * Of what a source sent that is to be sealed.
   * @throws ScansealError `io`, `storage-full` of the journal
   */
  async take(
    lease: Lease<JudgedObject>,
    evidence: Evidence,
    source: SourceSettings,
    settings: SealingSettings,
  ): Promise<Taken> {
    if (evidence.manifest || evidence.watermark?.contentId !== undefined)
      return refused("sealed-already", "it carries a seal, or the mark of a device in its frames");
    if (!isSealable(evidence)) return { kind: "judge" };
    const { sealing } = this.#ports;
    if (!sealing) return refused("failed", "nothing seals in this gateway");
    const uid = lease.work.sopInstanceUid;
    const before = this.#underWay.get(uid) ?? Promise.resolve();
    const taking = before.then(() => this.#takeNow(lease, source, settings, sealing));
    const end = taking.catch(() => undefined);
    this.#underWay.set(uid, end);
    try {
      return await taking;
    } finally {
      if (this.#underWay.get(uid) === end) this.#underWay.delete(uid);
    }
  }

  async #takeNow(
    lease: Lease<JudgedObject>,
    { tolerate }: SourceSettings,
    settings: SealingSettings,
    { sealer, originals }: SealingParts,
  ): Promise<Taken> {
    const object = lease.work;
    const { spool, journal, clock } = this.#ports;
    const known = (await originals.ofInstance(object.sopInstanceUid)).filter(
      ({ sealedState }) => sealedState !== "purged",
    );
    const twin = known.find(({ digest }) => digest === object.digest);
    if (twin) {
      const outcome = await originals.commitResent(object.id, lease.fence, twin.id, clock.now());
      if (outcome.result === "committed" && outcome.freed) await spool.release(outcome.freed);
      return settled;
    }
    const admitted = await journal.admittedInstance(object.sopInstanceUid);
    // Sent again as it was let in before there was a sealer: the judge knows.
    if (admitted?.digest === object.digest) return { kind: "judge" };
    if (admitted || known.length > 0)
      return refused(
        "another-instance",
        "another object of its SOP Instance UID was sealed or let in before",
      );
    const { bytes, digest } = object;
    const { location, release } = await inFiles(object, this.#ports);
    const extents = spool.files(location);
    const result = await sealer.seal({ extents, bytes, digest, tolerate }, settings).finally(release);
    if (result.kind === "not-sealed") return { kind: "judge", sealer: result.sealer };
    try {
      return await this.#keep(lease, result.sealed, settings.device, originals);
    } catch (error) {
      const { code, why } = told(error);
      this.#ports.events({ kind: "fault", where: "sealed object", code, why });
      return refused("failed", `what was sealed could not be kept: ${code}`);
    } finally {
      await result.sealed.free();
    }
  }

  async #keep(
    { work: original, fence }: Lease<JudgedObject>,
    sealed: SealedBytes,
    device: string,
    originals: Originals,
  ): Promise<Taken> {
    const { spool, clock, events } = this.#ports;
    const row = this.#rowOf(original, sealed);
    const location = await this.#spooled(row, sealed);
    let isCommitted = false;
    try {
      await storeCopy(original, this.#ports);
      const at = clock.now();
      const outcome = await originals.commitSealing(original, fence, receivedFrom(row, location), at);
      isCommitted = outcome.result === "committed";
      if (outcome.result !== "committed") return settled;
      const ms = at - original.receivedAt;
      events({ kind: "object-sealed", object: row.id, original: original.id, device, ms });
      if (outcome.freed) await spool.release(outcome.freed);
      return settled;
    } finally {
      if (!isCommitted) await this.#forget(row.id, location);
    }
  }

  /** A commit whose answer never came may stand: then the journal refers to the record. */
  async #forget(id: string, location: SpoolLocation): Promise<void> {
    const { journal, spool } = this.#ports;
    try {
      if (!(await journal.known([id])).has(id)) await spool.release(location);
    } catch {
      // The next start asks.
    }
  }

  #rowOf(
    original: JudgedObject,
    { bytes, digest, dataSetOffset }: SealedBytes,
  ): Omit<ReceivedObject, "location"> {
    const { peerTitle, peerAddress, sopClassUid, sopInstanceUid, transferSyntaxUid } = original;
    const { seriesInstanceUid, studyInstanceUid, modality, source, receivedAt } = original;
    return {
      id: this.#ports.newId(),
      ...{ receivedAt, source, peerTitle, peerAddress, sopClassUid, sopInstanceUid, transferSyntaxUid },
      ...{ seriesInstanceUid, studyInstanceUid, modality, bytes, digest, dataSetOffset },
      arrival: { uidDiffers: false, sealedFrom: original.id },
    };
  }

  async #spooled(object: Omit<ReceivedObject, "location">, sealed: SealedBytes): Promise<SpoolLocation> {
    const writer = this.#ports.spool.begin();
    try {
      for await (const piece of sealed.read()) await writer.write(piece);
      return await writer.commit(encodeHeader({ kind: "sealed", object }), fromHex(sealed.digest));
    } catch (error) {
      writer.discard();
      throw error;
    }
  }
}

/** It would be let pass but for the seal that it is to get. Whatever else is wrong is the policy's to say. */
function isSealable(evidence: Evidence): boolean {
  if (evidence.unreadable) return false;
  const { verdict, findings } = decide(evidence, { mode: "enforce" });
  const errors = findings.filter(({ severity, code }) => severity === "error" && code !== expectedError);
  return (verdict === "unsealed" || verdict === "received") && errors.length === 0;
}

function refused(problem: SealerEvidence["problem"], detail: string): Taken {
  return { kind: "judge", sealer: { problem, detail } };
}
