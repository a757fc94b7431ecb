/** What a sequencer is made of. */
import type { Bytes } from "../../../foundation/bytes.ts";
import type { Clock, Crypto } from "../../../foundation/crypto.ts";
import type { LogJournal } from "../../../store/log-journal/log-journal.ts";
import type { VerifierKey } from "../proof/verifier-key.ts";
import type { WitnessPolicy } from "../proof/witness-policy.ts";
import type { TileFolder } from "./tile-folder.ts";
import type { Witness } from "./witness-client.ts";

export interface NoteSigner {
  readonly key: VerifierKey;
  /** Ed25519, 64 bytes. */
  sign(message: Bytes): Promise<Bytes>;
}

export interface SequencerParts {
  /** Its key's name is the origin. */
  readonly signer: NoteSigner;
  readonly journal: LogJournal;
  readonly tiles: TileFolder;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly witnesses: readonly Witness[];
  /** Whose cosignatures a checkpoint needs before it is published. */
  readonly policy: WitnessPolicy;
}
