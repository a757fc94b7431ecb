/** A site in memory that seals, corrects and derives, and keeps records under their subjects: the same code as on disk makes and judges them. */
import { readDicom } from "../../src/dicom/read.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { createTrustStore } from "../../src/keys/trust/trust-store.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import {
  type ArchiveStatement,
  encodeArchiveStatement,
  habitsDigest,
} from "../../src/provenance/manifest/archive-statement.ts";
import {
  type CorrectionPorts,
  type CorrectionRequest,
  makeCorrection,
} from "../../src/provenance/manifest/correction.ts";
import { type DerivationRequest, makeDerivation } from "../../src/provenance/manifest/derivation.ts";
import type { DetachedRecord, RecordSubject } from "../../src/provenance/manifest/record.ts";
import { signerOf, signRecord } from "../../src/provenance/manifest/record-envelope.ts";
import { collectEvidence } from "../../src/zero-trust/evidence/collect.ts";
import { TrustJudge } from "../../src/zero-trust/evidence/trust-check.ts";
import { decide } from "../../src/zero-trust/policy/decide.ts";
import {
  type Authority,
  type Device,
  type Judged,
  newAuthority,
  newDevice,
  Site,
  trustContentOf,
} from "../evaluation/fixture.ts";

export class Office {
  readonly authority: Authority = newAuthority();
  readonly scanner: Device = newDevice(this.authority);
  readonly office: Device = newDevice(this.authority, {
    name: "Derivations",
    serialNumber: "D",
    roles: ["derive"],
  });
  readonly #site = new Site(this.authority, [this.scanner, this.office]);
  readonly #kept = new Map<string, DetachedRecord[]>();
  #trust: TrustJudge = this.#judgeOf([]);

  #judgeOf(more: readonly Device[]): TrustJudge {
    const content = trustContentOf(this.authority, [this.scanner, this.office, ...more]);
    return new TrustJudge(createTrustStore(content, nodeCrypto), nodeCrypto, systemClock.now());
  }

  /** Trusts these devices too from now on. */
  trust(...devices: readonly Device[]): void {
    this.#trust = this.#judgeOf(devices);
  }

  seal(bytes: Bytes): Promise<Bytes> {
    return this.#site.seal(bytes);
  }

  /** Files it, wherever it belongs or an attacker likes. */
  file(record: DetachedRecord, ...subjects: readonly RecordSubject[]): void {
    for (const { kind, name } of subjects) {
      const key = `${kind} ${name}`;
      this.#kept.set(key, [...(this.#kept.get(key) ?? []), record]);
    }
  }

  forget(): void {
    this.#kept.clear();
  }

  correction(request: Partial<CorrectionRequest>, by: Device = this.office): Promise<DetachedRecord> {
    const usual: CorrectionRequest = { studies: [], corrections: [], basis: "person", approvedBy: ["anna"] };
    return makeCorrection({ ...usual, ...request }, this.#portsOf(by)).then(({ record }) => record);
  }

  async derivation(
    bytes: Bytes,
    request: Partial<DerivationRequest> & Pick<DerivationRequest, "parents">,
    by: Device = this.office,
  ): Promise<DetachedRecord> {
    const object = await readDicom(new MemorySource(bytes));
    const usual = { action: "processed", supersedes: false, irregular: [], object } as const;
    const { record } = await makeDerivation({ ...usual, ...request }, this.#portsOf(by));
    return record;
  }

  approval(
    statement: Pick<ArchiveStatement, "archive" | "habits" | "version"> & { readonly previous?: string },
    by: Device = this.office,
  ): Promise<DetachedRecord> {
    const { signer } = by.sealing;
    const payload = encodeArchiveStatement({
      signer: signerOf(nodeCrypto, signer),
      root: habitsDigest(nodeCrypto, statement.habits),
      approvedBy: "anna",
      approvedAt: new Date(systemClock.now()).toISOString(),
      ...statement,
    });
    return signRecord("archive-changes", payload, new Uint8Array(0), { crypto: nodeCrypto, signer });
  }

  #portsOf({ sealing }: Device): CorrectionPorts {
    return { crypto: nodeCrypto, random: nodeRandom, clock: systemClock, signer: sealing.signer };
  }

  async judge(
    bytes: Bytes,
    options: { readonly from?: string; readonly deep?: boolean } = {},
  ): Promise<Judged> {
    const evidence = await collectEvidence(new MemorySource(bytes), {
      crypto: nodeCrypto,
      trust: this.#trust,
      deep: options.deep === true,
      readFrom: options.from,
      records: {
        about: async ({ kind, name }) => this.#kept.get(`${kind} ${name}`) ?? [],
        lateEvidence: async () => [],
        firstSeen: async () => undefined,
        counterUses: async () => [],
      },
    });
    return { evidence, decision: decide(evidence) };
  }

  async close(): Promise<void> {
    await this.#site.close();
  }
}
