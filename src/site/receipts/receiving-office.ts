/** Where a site takes objects that nobody sealed: each is judged, and what has nothing against it gets a receipt. No byte is changed. */
import { readDicom } from "../../dicom/read.ts";
import type { ByteSource } from "../../foundation/byte-source.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import {
  makeReceipt,
  type Receipt,
  type ReceiptPorts,
  type ReceiptRequest,
} from "../../provenance/manifest/receipt.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal } from "../../store/provenance/provenance-journal.ts";
import { irregularParts } from "../../zero-trust/evidence/claimed-content.ts";
import { collectEvidence, type EvidencePorts } from "../../zero-trust/evidence/collect.ts";
import type { Evidence } from "../../zero-trust/evidence/evidence.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import { decide } from "../../zero-trust/policy/decide.ts";
import { isOnlyAdmitted, receiptStands } from "../../zero-trust/policy/receipt-findings.ts";
import type { Decision } from "../../zero-trust/policy/verdict.ts";
import type { SiteHome } from "../home.ts";
import { markSignerOf } from "../mark-signers.ts";
import { recordLookup } from "../provenance/record-lookup.ts";
import { openOffice } from "../provenance/record-signers.ts";

/** What every receipt of a run says. */
export type Reception = Omit<ReceiptRequest, "object" | "irregular">;

export type Received =
  /** `given`: a receipt now; `known`: it had one, and is as it was then; `sealed`: it proves itself. */
  | { readonly outcome: "given" | "known" | "sealed"; readonly sopInstanceUid: string }
  /** A directory of media: no object. */
  | { readonly outcome: "directory" }
  | { readonly outcome: "refused"; readonly decision: Decision };

/** What a person can answer for. */
const excusable: ReadonlySet<string> = new Set(["seal-expected", "seal-stripped"]);
/** Of these, a transaction of the journal each; the next object is read meanwhile. */
const pendingMax = 64;

export class ReceivingOffice {
  readonly #reception: Reception;
  readonly #ports: ReceiptPorts;
  readonly #evidence: EvidencePorts;
  readonly #journal: ProvenanceJournal;
  readonly #codecs: CodecPool;
  /** By SOP Instance UID: not durable yet. */
  readonly #pending = new Map<string, Promise<void>>();
  #failure: unknown;

  private constructor(
    reception: Reception,
    ports: ReceiptPorts & { readonly decoder: CodecPool },
    trust: EvidencePorts,
    journal: ProvenanceJournal,
  ) {
    this.#reception = reception;
    this.#ports = ports;
    this.#evidence = trust;
    this.#journal = journal;
    this.#codecs = ports.decoder;
  }

  /** @throws ScansealError `key-unusable`, `io`, `config-invalid` */
  static async open(home: SiteHome, reception: Reception): Promise<ReceivingOffice> {
    const signer = await openOffice(home, "receipt");
    const journal = await openProvenanceJournal(home.provenancePath);
    const decoder = new CodecPool();
    const ports = { crypto: nodeCrypto, random: nodeRandom, clock: systemClock, decoder, signer };
    return new ReceivingOffice(
      reception,
      ports,
      {
        crypto: nodeCrypto,
        trust: new TrustJudge(home.trust(), nodeCrypto, systemClock.now()),
        decoder,
        markSigner: markSignerOf(home.deviceCertificates()),
        records: recordLookup(journal),
      },
      journal,
    );
  }

  /** The receipt is durable after `settle`. @throws ScansealError `io`, and what the key or the journal fails with */
  async receive(source: ByteSource): Promise<Received> {
    const found = await collectEvidence(source, this.#evidence);
    const { format } = found;
    const sopInstanceUid = format?.sopInstanceUid;
    if (format && sopInstanceUid === undefined) return { outcome: "directory" };
    if (sopInstanceUid === undefined) return { outcome: "refused", decision: decide(found) };
    const pending = this.#pending.get(sopInstanceUid);
    if (pending) {
      // Another object of this UID was taken a moment ago: it is compared with that.
      await pending;
      return this.receive(source);
    }
    const evidence = await this.#withKnownSeal(found);
    const decision = decide(evidence);
    switch (decision.verdict) {
      case "verified":
      case "verified-with-changes":
        return { outcome: "sealed", sopInstanceUid };
      case "received":
        // A gate's receipt says that it was let in: nobody answered for it yet.
        if (evidence.receipt?.claim?.basis !== "admission") return { outcome: "known", sopInstanceUid };
        await this.#give(source, evidence, sopInstanceUid);
        return { outcome: "given", sopInstanceUid };
      case "unsealed":
        if (!this.#isAcceptable(decision)) return { outcome: "refused", decision };
        await this.#give(source, evidence, sopInstanceUid);
        return { outcome: "given", sopInstanceUid };
      default:
        return { outcome: "refused", decision };
    }
  }

  /** This site knows what it sealed, whatever serial number an object states and whether it is marked. What a person received before stays received. */
  async #withKnownSeal(evidence: Evidence): Promise<Evidence> {
    const { manifest, format, sealExpectedFrom } = evidence;
    if (manifest || sealExpectedFrom !== undefined || format?.sopInstanceUid === undefined) return evidence;
    if (receiptStands(evidence) && !isOnlyAdmitted(evidence)) return evidence;
    const [seal] = await this.#journal.sealsOfInstance(format.sopInstanceUid);
    return seal ? { ...evidence, sealExpectedFrom: seal.device } : evidence;
  }

  #isAcceptable({ findings }: Decision): boolean {
    const errors = findings.filter(({ severity }) => severity === "error");
    return errors.every(({ code }) => this.#reception.asUnsealed && excusable.has(code));
  }

  /**
   * For what a gate judged and is about to let in. What has a seal, a receipt, an error or a tolerated fault gets none, nor what should have a seal: it would not count.
   * @returns what makes it durable
   */
  async prepare(
    source: ByteSource,
    evidence: Evidence,
    label: string,
  ): Promise<(() => Promise<void>) | undefined> {
    const { format, manifest, sealExpectedFrom } = await this.#withKnownSeal(evidence);
    const { verdict, findings } = decide(evidence);
    const isPlain = format !== undefined && format.tolerated.length === 0 && manifest === undefined;
    const isClean = findings.every(({ severity }) => severity !== "error");
    if (!isPlain || !isClean || verdict !== "unsealed" || sealExpectedFrom !== undefined) return undefined;
    const { record, subjects } = await this.#make(source, { source: label, asUnsealed: false });
    return () => this.#journal.addRecord(record, subjects, systemClock.now());
  }

  async #make(
    source: ByteSource,
    own: Partial<Pick<Reception, "source">> & Pick<Reception, "asUnsealed">,
  ): Promise<Receipt> {
    const object = await readDicom(source);
    const irregular = irregularParts(object, object.transferSyntax.uid);
    return makeReceipt({ ...this.#reception, ...own, object, irregular }, this.#ports);
  }

  async #give(source: ByteSource, evidence: Evidence, sopInstanceUid: string): Promise<void> {
    // A person answers for objects that should have a seal, and for no others.
    const asUnsealed = this.#reception.asUnsealed && evidence.sealExpectedFrom !== undefined;
    const { record, subjects } = await this.#make(source, { asUnsealed });
    while (this.#pending.size >= pendingMax) await Promise.race(this.#pending.values());
    this.#throwFailure();
    const kept = this.#journal
      .addRecord(record, subjects, systemClock.now())
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#pending.delete(sopInstanceUid));
    this.#pending.set(sopInstanceUid, kept);
  }

  /** Resolves when every receipt is durable. @throws ScansealError what the journal failed with */
  async settle(): Promise<void> {
    await Promise.all(this.#pending.values());
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    await Promise.all(this.#pending.values());
    await Promise.all([this.#codecs.close(), this.#journal.close()]);
  }
}

/** Before anything is opened: what people are called in a receipt. @throws ScansealError `usage` */
export function requireLabel(what: string, text: string): void {
  if (!/^[ -~]{1,64}$/.test(text) || text.trim() === "")
    throw new ScansealError(
      "usage",
      `${what} is 1 to 64 characters of plain ASCII: it is signed as it stands`,
    );
}
