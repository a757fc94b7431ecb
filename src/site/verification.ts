/** Verifying files on disk: the composition of evidence and policy with this machine's crypto, codecs and files. */
import type { ByteSource } from "../foundation/byte-source.ts";
import { type Bytes, utf8 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import type { TimeStampTrust } from "../keys/trust/time-stamp.ts";
import type { TrustStore } from "../keys/trust/trust-store.ts";
import { CodecPool } from "../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, systemClock } from "../platform/node/crypto.ts";
import { parsePolicy, type WitnessPolicy } from "../provenance/transparency-log/proof/witness-policy.ts";
import { collectEvidence } from "../zero-trust/evidence/collect.ts";
import type {
  Evidence,
  LogEvidence,
  RevocationEvidence,
  TimeEvidence,
} from "../zero-trust/evidence/evidence.ts";
import { TrustJudge } from "../zero-trust/evidence/trust-check.ts";
import { decide } from "../zero-trust/policy/decide.ts";
import type { Decision } from "../zero-trust/policy/verdict.ts";
import { FileBuffer, withFile } from "./file-input.ts";
import { markSignerOf } from "./mark-signers.ts";
import { OpenedProvenance } from "./provenance/opened-provenance.ts";
import { listsIn, type SeriesPart, seriesPartOf } from "./provenance/series-part.ts";
import { type TimeSettings, timeTrustOf } from "./provenance/time-file.ts";

export interface Judgement {
  readonly evidence: Evidence;
  readonly decision: Decision;
}

/** Plain data. */
export type FileOutcome =
  | (SeriesPart & {
      readonly path: string;
      readonly decision: Decision;
      /** Of sealed objects. */
      readonly time?: TimeEvidence | undefined;
      readonly log?: LogEvidence | undefined;
      readonly revocation?: RevocationEvidence | undefined;
    })
  /** The file cannot be read. */
  | { readonly path: string; readonly problem: string };

export interface VerifierOptions {
  /** Compare every attribute and frame although a signature would do, and look at every mark. */
  readonly deep: boolean;
  /** Certificates, in DER, of devices whose marks are known where their seal was removed. */
  readonly markSigners?: readonly Bytes[];
  /** The site's provenance: a file that may not exist yet, or a `postgres://` URL. Without it only the object is asked. */
  readonly provenance?: string;
  /** Logs and witnesses to believe: c2sp.org/tlog-policy. */
  readonly logPolicy?: string | undefined;
  /** Whose time stamps count. */
  readonly time?: TimeSettings | undefined;
  /** Seals older than this have to be in such a log. */
  readonly loggedWithinMs?: number | undefined;
  /** The enrolled archive that gave the objects out. */
  readonly readFrom?: string | undefined;
}

/** Verifies against one trust store, at the time it was made. Close it to end the codecs' threads. */
export class FileVerifier {
  readonly #trust: TrustJudge;
  readonly #decoder: CodecPool = new CodecPool();
  readonly #deep: boolean;
  readonly #markSigner: ReturnType<typeof markSignerOf>;
  readonly #provenance: OpenedProvenance;
  readonly #readFrom: string | undefined;
  readonly #logPolicy: WitnessPolicy | undefined;
  readonly #timeTrust: TimeStampTrust | undefined;
  readonly #loggedWithinMs: number | undefined;
  /** Evidence is plain data: it holds none of the file's bytes. */
  readonly #buffer: FileBuffer = new FileBuffer();

  constructor(store: TrustStore, options: VerifierOptions) {
    this.#trust = new TrustJudge(store, nodeCrypto, systemClock.now());
    this.#deep = options.deep;
    this.#markSigner = markSignerOf(options.markSigners ?? []);
    this.#provenance = new OpenedProvenance(options.provenance);
    this.#readFrom = options.readFrom;
    const { logPolicy, loggedWithinMs, time } = options;
    this.#timeTrust = time && timeTrustOf(time);
    this.#logPolicy = logPolicy === undefined ? undefined : parsePolicy(utf8(logPolicy), nodeCrypto);
    this.#loggedWithinMs = loggedWithinMs;
  }

  /** @throws ScansealError `io` when the file cannot be read */
  verify(path: string): Promise<Judgement> {
    return withFile(path, (source) => this.judge(source), this.#buffer);
  }

  /** @throws ScansealError `io` when the bytes cannot be read */
  async judge(source: ByteSource): Promise<Judgement> {
    const ports = {
      crypto: nodeCrypto,
      trust: this.#trust,
      decoder: this.#decoder,
      deep: this.#deep,
      markSigner: this.#markSigner,
      records: await this.#provenance.lookup(),
      readFrom: this.#readFrom,
      logPolicy: this.#logPolicy,
      timeTrust: this.#timeTrust,
    };
    const evidence = await collectEvidence(source, ports);
    return {
      evidence,
      decision: decide(evidence, { mode: "enforce", loggedWithinMs: this.#loggedWithinMs }),
    };
  }

  /** `verify` for one of many: that it cannot be read is no reason to stop. */
  async outcomeOf(path: string): Promise<FileOutcome> {
    try {
      const judgement = await this.verify(path);
      const part = await seriesPartOf(judgement, () => withFile(path, listsIn));
      const { time, log, revocation } = judgement.evidence;
      return { path, decision: judgement.decision, time, log, revocation, ...part };
    } catch (error) {
      if (!(error instanceof ScansealError) || error.code !== "io") throw error;
      return { path, problem: error.message };
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#decoder.close(), this.#provenance.close()]);
  }
}
