/** From a committed checkpoint to a published one: witnesses cosign it, and then everybody may see it. */
import { type Bytes, equalBytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { type Checkpoint, parseCheckpoint } from "../proof/checkpoint.ts";
import { checkSignatures, formatNote, type NoteSignature } from "../proof/signed-note.ts";
import type { TreeHasher } from "../proof/tree-hasher.ts";
import { TreeReader } from "../proof/tree-reader.ts";
import { quorumTime } from "../proof/witness-policy.ts";
import { formatWitnessRequest } from "../proof/witness-request.ts";
import type { SequencerParts } from "./sequencer-parts.ts";
import type { Witness } from "./witness-client.ts";

/** It may tell its size once, and then once more when somebody else asked in between. */
const asksMax = 3;
/** For the other witnesses, when the quorum has cosigned: those that are there answer in this time. */
const othersMs = 300;

export class Publication {
  readonly #parts: SequencerParts;
  readonly #hasher: TreeHasher;
  /** What each witness has cosigned last, as far as we know. */
  readonly #sizes = new Map<Witness, number>();
  /** One question at a time for each witness: a slow one gets only the newest checkpoint next. */
  readonly #questions = new Map<Witness, { readonly turn: number; readonly answered: Promise<void> }>();
  #conflict: ScansealError | undefined;

  constructor(parts: SequencerParts, hasher: TreeHasher) {
    this.#parts = parts;
    this.#hasher = hasher;
  }

  /** Witnesses that have said how far they know the log. */
  get heard(): number {
    return this.#sizes.size;
  }

  /** What a witness said when nobody waited for it any more: the log must not go on. */
  get conflict(): ScansealError | undefined {
    return this.#conflict;
  }

  /**
   * @param bytes a checkpoint that is committed in the journal
   * @param isStart every witness is heard: one that knows more than the log has to be found before anything new is signed
   * @returns with the witnesses' cosignatures; undefined when too few have cosigned it
   * @throws ScansealError `log-conflict` when a witness knows more than the log, or something else: the log was restored from an old copy, or forked
   */
  async cosigned(bytes: Bytes, isStart: boolean): Promise<Bytes | undefined> {
    const { witnesses, policy, clock, crypto } = this.#parts;
    const checkpoint = parseCheckpoint(bytes);
    const { note } = checkpoint;
    const given = new Map<Witness, readonly NoteSignature[]>();
    const failures: unknown[] = [];
    const noteSoFar = () => ({
      text: note.text,
      signatures: [...note.signatures, ...witnesses.flatMap((witness) => given.get(witness) ?? [])],
    });
    const isQuorum = async (): Promise<boolean> => {
      const { good } = await checkSignatures(
        noteSoFar(),
        witnesses.map(({ key }) => key),
        crypto,
      );
      return quorumTime(policy, good, Math.floor(clock.now() / 1000)) !== undefined;
    };
    const answers = witnesses.map(async (witness) => {
      try {
        given.set(witness, await this.#askInTurn(witness, checkpoint, bytes));
      } catch (error) {
        failures.push(error);
        if (error instanceof ScansealError && error.code === "log-conflict") this.#conflict ??= error;
      }
      return failures.length > 0 || (await isQuorum());
    });
    // Under a quorum of none whoever is there cosigns all the same.
    if (isStart || policy.quorum === undefined) await Promise.all(answers);
    else await enough(answers);
    if (failures.length > 0) throw failures[0];
    return (await isQuorum()) ? formatNote(noteSoFar()) : undefined;
  }

  #askInTurn(witness: Witness, checkpoint: Checkpoint, bytes: Bytes): Promise<NoteSignature[]> {
    const before = this.#questions.get(witness);
    const turn = (before?.turn ?? 0) + 1;
    const asked = (before?.answered ?? Promise.resolve()).then(() =>
      this.#questions.get(witness)?.turn === turn ? this.#ask(witness, checkpoint, bytes) : [],
    );
    const answered = asked.then(
      () => undefined,
      () => undefined,
    );
    this.#questions.set(witness, { turn, answered });
    return asked;
  }

  async #ask(witness: Witness, checkpoint: Checkpoint, bytes: Bytes): Promise<NoteSignature[]> {
    const { size } = checkpoint;
    for (let ask = 0; ask < asksMax; ask++) {
      const old = this.#sizes.get(witness) ?? size;
      const answer = await witness.ask(formatWitnessRequest(old, await this.#path(old, size), bytes));
      if (answer.kind === "failed") return [];
      if (answer.kind === "signed") {
        this.#sizes.set(witness, size);
        return await this.#own(answer.signatures, witness, checkpoint);
      }
      if (answer.size > size) throw behind("a witness has cosigned a larger log");
      if (answer.size === size && old === size)
        throw behind("a witness has cosigned another log of this size");
      this.#sizes.set(witness, answer.size);
    }
    return [];
  }

  async #path(old: number, size: number): Promise<Bytes[]> {
    if (old === 0 || old === size) return [];
    const reader = new TreeReader(size, (name) => this.#parts.tiles.require(name), this.#hasher);
    return await reader.consistencyPath(old);
  }

  /** Only what its key has signed is taken over: other lines could be anything. */
  async #own(
    signatures: readonly NoteSignature[],
    { key }: Witness,
    { note }: Checkpoint,
  ): Promise<NoteSignature[]> {
    const known = signatures
      .filter(({ name, keyId }) => name === key.name && keyId === key.keyId)
      .slice(0, 1);
    const { good } = await checkSignatures({ text: note.text, signatures: known }, [key], this.#parts.crypto);
    return good.length === 1 ? known : [];
  }
}

/** Until one says that it is enough, and then a little longer for the others; or until there are no more. */
async function enough(answers: readonly Promise<boolean>[]): Promise<void> {
  const all = Promise.all(answers);
  const first = Promise.any(
    answers.map(async (answer) => {
      if (!(await answer)) throw new RangeError("not enough");
    }),
  ).catch(() => undefined);
  await Promise.race([all, first]);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const longer = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, othersMs);
  });
  await Promise.race([all, longer]);
  clearTimeout(timer);
}

function behind(what: string): ScansealError {
  return new ScansealError("log-conflict", `${what}: it was restored from an old copy, or forked`);
}

/**
 * Steps 2 of a start: what is published must not say more than the journal, nor something else.
 * @param rootAt the root of the journal's tree when it had fewer entries
 * @throws ScansealError `log-conflict`
 */
export async function comparePublished(
  published: Bytes,
  journal: { readonly size: number; readonly root: Bytes },
  { signer, crypto }: SequencerParts,
  rootAt: (size: number) => Promise<Bytes>,
): Promise<void> {
  const { origin, size, root, note } = parseCheckpoint(published);
  const { good, bad } = await checkSignatures(note, [signer.key], crypto);
  if (origin !== signer.key.name || bad.length > 0 || good.length === 0)
    throw new ScansealError("log-conflict", "the published checkpoint is not signed by this log's key");
  if (size > journal.size) throw behind("the published checkpoint is larger than the journal's log");
  const expected = size === journal.size ? journal.root : await rootAt(size);
  if (!equalBytes(root, expected))
    throw behind("the published checkpoint is of another log than the journal's");
}
