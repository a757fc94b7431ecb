/** A site in memory that gives receipts and keeps them in a list: the same code as on disk makes and judges them. */
import { readDicom } from "../../src/dicom/read.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { createTrustStore } from "../../src/keys/trust/trust-store.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { makeReceipt, type ReceiptRequest } from "../../src/provenance/manifest/receipt.ts";
import type { DetachedRecord } from "../../src/provenance/manifest/record.ts";
import { irregularParts } from "../../src/zero-trust/evidence/claimed-content.ts";
import { collectEvidence } from "../../src/zero-trust/evidence/collect.ts";
import { TrustJudge } from "../../src/zero-trust/evidence/trust-check.ts";
import { decide } from "../../src/zero-trust/policy/decide.ts";
import {
  type Authority,
  type Device,
  type Judged,
  newAuthority,
  newDevice,
  trustContentOf,
} from "../evaluation/fixture.ts";

export class Reception {
  readonly authority: Authority = newAuthority();
  readonly office: Device = newDevice(this.authority, { name: "Receipts", roles: ["receipt"] });
  /** What the lookup gives, whatever is asked: nothing in it is trusted. */
  records: DetachedRecord[] = [];
  /** When this site first kept them. */
  keptAt: number | undefined;
  readonly #decoder: CodecPool = new CodecPool();
  #trust: TrustJudge = this.#judgeOf([]);

  /** Trusts these devices besides the office from now on. */
  trust(...devices: readonly Device[]): void {
    this.#trust = this.#judgeOf(devices);
  }

  #judgeOf(devices: readonly Device[]): TrustJudge {
    const content = trustContentOf(this.authority, [this.office, ...devices]);
    return new TrustJudge(createTrustStore(content, nodeCrypto), nodeCrypto, systemClock.now());
  }

  async receipt(
    bytes: Bytes,
    request: Partial<ReceiptRequest> = {},
    by: Device = this.office,
    at: number = systemClock.now(),
  ): Promise<DetachedRecord> {
    const object = await readDicom(new MemorySource(bytes));
    const irregular = irregularParts(object, object.transferSyntax.uid);
    const usual = { basis: "baseline", source: "Old PACS", asUnsealed: false } as const;
    const software = { name: "scanseal", version: "test" };
    const { record } = await makeReceipt(
      { object, irregular, software, ...usual, ...request },
      {
        crypto: nodeCrypto,
        random: nodeRandom,
        clock: { now: () => at },
        decoder: this.#decoder,
        signer: by.sealing.signer,
      },
    );
    return record;
  }

  async judge(bytes: Bytes): Promise<Judged> {
    const evidence = await collectEvidence(new MemorySource(bytes), {
      crypto: nodeCrypto,
      trust: this.#trust,
      decoder: this.#decoder,
      records: {
        about: async ({ kind }) => (kind === "instance" ? this.records : []),
        lateEvidence: async () => [],
        firstSeen: async () => this.keptAt,
        counterUses: async () => [],
      },
    });
    return { evidence, decision: decide(evidence) };
  }

  async close(): Promise<void> {
    await this.#decoder.close();
  }
}
