/** Proofs of one entry, good and damaged, each with the step that must refuse it. */
import { toBase64, toHex } from "../../../src/foundation/bytes.ts";
import { checkpointText } from "../../../src/provenance/transparency-log/proof/checkpoint.ts";
import { formatProof } from "../../../src/provenance/transparency-log/proof/log-proof.ts";
import {
  formatNote,
  type NoteSignature,
} from "../../../src/provenance/transparency-log/proof/signed-note.ts";
import type { LogStep } from "../../../src/provenance/transparency-log/proof/verification.ts";
import {
  bothWitnesses,
  logKey,
  origin,
  sampleEntry,
  sha256,
  testKey,
  testTime,
  witnessA,
  witnessB,
} from "../../transparency-log/memory-log.ts";
import type { ProofVector } from "./vectors.ts";

/** The log that all of them are of. */
export interface SampleLog {
  readonly size: number;
  readonly root: Uint8Array;
  /** The entry that is proven, its place and its path. */
  readonly entry: Uint8Array;
  readonly index: number;
  readonly path: readonly Uint8Array[];
}

type Changed = Partial<ProofVector>;

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
export const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("");

export function note(body: string, ...signatures: readonly NoteSignature[]): Uint8Array {
  return formatNote({ text: body, signatures });
}

export class ProofVectors {
  readonly #log: SampleLog;
  readonly #head: string;
  readonly #proof: string;

  constructor(log: SampleLog) {
    this.#log = log;
    this.#head = checkpointText(origin, log);
    this.#proof = this.#withNote(this.signed);
  }

  /** By the log and both witnesses. */
  get signed(): Uint8Array {
    const head = this.#head;
    return note(
      head,
      logKey.sign(head),
      witnessA.cosign(head, testTime),
      witnessB.cosign(head, testTime + 7),
    );
  }

  all(): ProofVector[] {
    return [...this.#accepted(), ...this.#misshapen(), ...this.#missigned(), ...this.#misplaced()];
  }

  #withNote(checkpoint: Uint8Array, path: readonly Uint8Array[] = this.#log.path): string {
    return text(formatProof({ index: this.#log.index, path, checkpoint }));
  }

  #cosignedBy(...signatures: NoteSignature[]): string {
    return this.#withNote(note(this.#head, logKey.sign(this.#head), ...signatures));
  }

  #base(): Omit<ProofVector, "name" | "expected"> {
    const entry = toHex(this.#log.entry);
    return { entry, policy: lines(bothWitnesses), now: testTime + 60, proof: this.#proof };
  }

  #good(name: string, changed: Changed, expected: object): ProofVector {
    const whole = {
      name,
      ...this.#base(),
      ...changed,
      expected: { ok: true, index: this.#log.index, ...expected },
    };
    return whole as ProofVector;
  }

  #bad(step: LogStep, attack: string, effect: string, changed: Changed): ProofVector {
    return { name: attack, attack, effect, ...this.#base(), ...changed, expected: { ok: false, step } };
  }

  #accepted(): ProofVector[] {
    const head = this.#head;
    return [
      this.#good(
        "entry 70 of 300, cosigned by both witnesses",
        {},
        { protection: "witnessed", time: testTime + 7 },
      ),
      this.#good(
        "the same without witnesses",
        { policy: lines([`log ${logKey.vkey}`, "quorum none"]) },
        { protection: "not protected from site administrators" },
      ),
      this.#good(
        "one of two witnesses is enough for any",
        {
          policy: lines([...bothWitnesses.slice(0, 3), "group one any a b", "quorum one"]),
          proof: this.#cosignedBy(witnessB.cosign(head, testTime)),
        },
        { protection: "witnessed", time: testTime },
      ),
    ];
  }

  #misshapen(): ProofVector[] {
    const head = this.#head;
    return [
      this.#bad("proof-format", "an extra line", "unauthenticated data beside the proof", {
        proof: this.#proof.replace("\nindex", "\nextra AAAA\nindex"),
      }),
      this.#bad("proof-format", "an index with a leading zero", "two texts for one proof", {
        proof: this.#proof.replace("index 70", "index 070"),
      }),
      this.#bad("proof-format", "a hash of 31 bytes", "a path that is no path", {
        proof: this.#proof.replace(/\n[^\n]{44}\n/, `\n${toBase64(new Uint8Array(31))}\n`),
      }),
      this.#bad("checkpoint-format", "an extension line", "statements no monitor audits", {
        proof: this.#withNote(note(`${head}more\n`, logKey.sign(`${head}more\n`))),
      }),
      this.#bad("checkpoint-format", "an index beyond the log", "a proof of what is not there", {
        proof: this.#proof.replace("index 70", "index 300"),
      }),
    ];
  }

  #missigned(): ProofVector[] {
    const head = this.#head;
    const otherRoot = checkpointText(origin, { size: this.#log.size, root: sha256() });
    const stranger = testKey("stranger.example", 4);
    return [
      this.#bad("log-signature", "a log of another name", "a log nobody audits", {
        proof: this.#proof.replaceAll(origin, "other.example/log"),
      }),
      this.#bad("log-signature", "a checkpoint the log did not sign", "a forged list", {
        proof: this.#withNote(note(head, witnessA.cosign(head, testTime), witnessB.cosign(head, testTime))),
      }),
      this.#bad("log-signature", "a signature moved to another root", "a forged list", {
        proof: this.#withNote(
          note(
            otherRoot,
            logKey.sign(head),
            witnessA.cosign(otherRoot, testTime),
            witnessB.cosign(otherRoot, testTime),
          ),
        ),
      }),
      this.#bad("witness-quorum", "one witness of two", "a list that only the site's accomplice saw", {
        proof: this.#cosignedBy(witnessA.cosign(head, testTime)),
      }),
      this.#bad("witness-quorum", "one witness twice", "a quorum of one", {
        proof: this.#cosignedBy(witnessA.cosign(head, testTime), witnessA.cosign(head, testTime + 1)),
      }),
      this.#bad("witness-quorum", "a stranger's cosignature", "a quorum of anybody", {
        proof: this.#cosignedBy(witnessA.cosign(head, testTime), stranger.cosign(head, testTime)),
      }),
      this.#bad("witness-quorum", "a cosignature from the future", "a time that has not come", {
        proof: this.#cosignedBy(witnessA.cosign(head, testTime), witnessB.cosign(head, testTime + 1000)),
      }),
      this.#bad("witness-quorum", "a cosignature of another checkpoint", "a split view", {
        proof: this.#cosignedBy(witnessA.cosign(head, testTime), witnessB.cosign(otherRoot, testTime)),
      }),
    ];
  }

  #misplaced(): ProofVector[] {
    const { path } = this.#log;
    return [
      this.#bad("inclusion", "another entry", "an entry that was never logged", {
        entry: toHex(sampleEntry(71)),
      }),
      this.#bad("inclusion", "another index", "an entry at another place", {
        proof: this.#proof.replace("index 70", "index 71"),
      }),
      this.#bad("inclusion", "a path that is one too long", "a node taken for an entry", {
        proof: this.#withNote(this.signed, [...path, path[0]!]),
      }),
      this.#bad("inclusion", "a path that is one too short", "a node taken for an entry", {
        proof: this.#withNote(this.signed, path.slice(0, -1)),
      }),
    ];
  }
}
