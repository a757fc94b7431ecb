/** What authorities say of the devices that sealed, kept beside the seals (docs/ocsp.md). */
import type { Bytes } from "../../foundation/bytes.ts";
import { toHex } from "../../foundation/bytes.ts";
import type { Clock, Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { Certificate } from "../../keys/trust/certificate.ts";
import { ocspSkewMs } from "../../keys/trust/ocsp.ts";
import { SignerRecognition } from "../../keys/trust/signer-recognition.ts";
import type { TrustStore } from "../../keys/trust/trust-store.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import type { ProvenanceJournal, SealRecord } from "../../store/provenance/provenance-journal.ts";
import { type NewStatus, requestStatus } from "./ocsp-client.ts";
import type { OcspResponder } from "./ocsp-file.ts";

const type = "revocation-status";
/** Seals asked about at once. */
const batch = 64;

export interface Stapled {
  /** Seals that have a status now and had none, or have a new one. */
  done: number;
  /** Of them, those whose device the authority calls revoked. */
  revoked: number;
  /** Their device's authority has no responder that is asked. */
  unasked: number;
  /** What the responder has is older than the seal. */
  tooOld: number;
  /** Why a responder could not be had, the first time. The seals of other devices do not wait for it. */
  failure: ScansealError | undefined;
}

/** One run: a responder is asked once for each certificate, whatever the number of its seals. */
export class Stapling {
  readonly result: Stapled = { done: 0, revoked: 0, unasked: 0, tooOld: 0, failure: undefined };
  readonly #journal: ProvenanceJournal;
  readonly #responders: readonly OcspResponder[];
  readonly #recognition: SignerRecognition;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #asked = new Map<string, Promise<NewStatus | "failed" | undefined>>();

  constructor(
    journal: ProvenanceJournal,
    responders: readonly OcspResponder[],
    trust: TrustStore,
    { clock, random }: { readonly clock: Clock; readonly random: Random } = {
      clock: systemClock,
      random: nodeRandom,
    },
  ) {
    this.#journal = journal;
    this.#responders = responders;
    this.#recognition = new SignerRecognition(trust, nodeCrypto);
    this.#clock = clock;
    this.#random = random;
  }

  /** A status for every seal that has none. */
  async staplePending(): Promise<void> {
    let after = "";
    for (;;) {
      const seals = await this.#journal.sealsByEvidence({ type, has: false, after, limit: batch });
      for (const seal of seals) await this.#staple(seal);
      if (seals.length < batch) return;
      after = seals.at(-1)!.payloadDigest;
    }
  }

  /**
   * A status for the seals of one object.
   * @param isAnew also for those that have one
   * @returns false where no seal of it is kept
   */
  async stapleInstance(sopInstanceUid: string, isAnew: boolean): Promise<boolean> {
    const seals = await this.#journal.sealsOfInstance(sopInstanceUid);
    for (const seal of seals) {
      const kept = isAnew ? [] : await this.#journal.lateEvidence(seal.payloadDigest);
      if (!kept.some((one) => one.type === type)) await this.#staple(seal);
    }
    return seals.length > 0;
  }

  async #staple(seal: SealRecord): Promise<void> {
    const status = await this.#statusOf(seal.certificate);
    if (status === "failed") return;
    if (!status) {
      this.result.unasked++;
      return;
    }
    const { fact, response } = status;
    // A responder that answers in advance may have nothing of after the sealing yet.
    const until = (fact.nextUpdate ?? fact.thisUpdate) + ocspSkewMs;
    if (fact.status === "good" && seal.sealedAt > until) {
      this.result.tooOld++;
      return;
    }
    await this.#journal.addLateEvidence(seal.payloadDigest, { type, bytes: response }, this.#clock.now());
    this.result.done++;
    if (fact.status === "revoked") this.result.revoked++;
  }

  /** A responder that cannot be had is asked once in a run. */
  #statusOf(certificate: Bytes): Promise<NewStatus | "failed" | undefined> {
    const name = toHex(nodeCrypto.hash("SHA-256", certificate));
    const known = this.#asked.get(name) ?? this.#ask(certificate).catch((error) => this.#failed(error));
    this.#asked.set(name, known);
    return known;
  }

  #failed(error: unknown): "failed" {
    if (!(error instanceof ScansealError)) throw error;
    this.result.failure ??= error;
    return "failed";
  }

  async #ask(certificate: Bytes): Promise<NewStatus | undefined> {
    for (const [issuer] of await this.#recognition.authoritiesOf(certificate)) {
      const url = this.#urlFor(issuer);
      if (url === undefined) continue;
      const source = { url, recognition: this.#recognition, clock: this.#clock, random: this.#random };
      return requestStatus(certificate, issuer, source);
    }
    return undefined;
  }

  #urlFor({ fingerprint }: Certificate): string | undefined {
    return this.#responders.find(({ authority }) => authority === fingerprint)?.url;
  }
}

/**
 * The authority that a responder is for.
 * @param name a label, or the SHA-256 of its certificate; without one the only imported authority, or the site's own where none is
 * @throws ScansealError `usage`
 */
export function authorityNamed(trust: TrustStore, name: string | undefined): TrustStore["anchors"][number] {
  const [own, ...imported] = trust.anchors;
  if (name === undefined) {
    if (imported.length > 1)
      throw new ScansealError(
        "usage",
        "say whose responder it is: --authority LABEL or SHA-256 (trust list)",
      );
    return imported[0] ?? own!;
  }
  const found = trust.anchors.filter(
    ({ label, certificate }) => label === name || certificate.fingerprint === name.toLowerCase(),
  );
  const [only] = found;
  if (!only) throw new ScansealError("usage", "the site trusts no authority of that name: trust list");
  if (found.length > 1)
    throw new ScansealError("usage", "several authorities have that label: give the SHA-256");
  return only;
}
