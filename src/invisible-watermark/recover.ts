/** Gives the frame back as it was before it was marked, bit for bit (spec/invisible-watermark.md, Restoring). */
import { type Bytes, equalBytes } from "../foundation/bytes.ts";
import type { Crypto } from "../foundation/crypto.ts";
import { ScansealError } from "../foundation/errors.ts";
import { takeCarrierBits } from "./carriers.ts";
import { type Place, placesOf, type ReadMark } from "./check.ts";
import type { PlanarFrame } from "./frame.ts";
import { recoveryKeyStream, siteKeyBytes } from "./keys.ts";
import { originalHashBytes } from "./payload.ts";
import type { Sidecar } from "./recovery/hidden-recovery.ts";
import { restoreCarrierBits } from "./recovery/restore.ts";
import { hashSamples } from "./tile-digests.ts";

export interface RecoverySource {
  /** The site's K_rec. */
  readonly recoveryKey?: Bytes | undefined;
  readonly sidecar?: Sidecar | undefined;
}

/**
 * `exact`: the signed hash of the original fits. `partial`: it does not; all but the named superblocks are as they were, as far as their digests and
 * those of their hosts tell. The others cannot begin: a key or a sidecar is missing, or the frame has another form than the payload says.
 */
export type RecoveryStatus = "exact" | "partial" | "key-missing" | "sidecar-missing" | "form";

export interface RecoveredFrame {
  readonly status: RecoveryStatus;
  /** With `exact` and `partial`. */
  readonly frame?: PlanarFrame;
  /** With `partial`. */
  readonly unrestored: readonly Place[];
}

/**
 * @param mark of checkFrame. Whether its signature is valid is for the caller to judge
 * @throws ScansealError `usage` when the key has not 32 bytes
 */
export function recoverFrame(mark: ReadMark, crypto: Crypto, source: RecoverySource = {}): RecoveredFrame {
  const { frame, layout, payload } = mark;
  if (source.recoveryKey && source.recoveryKey.length !== siteKeyBytes) {
    throw new ScansealError("usage", "a recovery key has 32 bytes");
  }
  // O1
  if (payload.bits !== frame.bits || payload.signed !== frame.signed) return refused("form");
  if (payload.encryptedRecovery && source.recoveryKey === undefined) return refused("key-missing");
  if (payload.hasSidecar && source.sidecar === undefined) return refused("sidecar-missing");
  const keyStream = payload.encryptedRecovery
    ? recoveryKeyStream(source.recoveryKey!, mark.context, crypto)
    : undefined;
  const attempt = (damaged?: Uint8Array): Attempt => {
    // O2
    const plane = frame.planes[layout.carrierPlane]!.slice();
    takeCarrierBits(plane, layout);
    // O3
    const sidecar = payload.hasSidecar ? source.sidecar : undefined;
    const { superblocks } = payload;
    const restored = restoreCarrierBits(plane, layout, frame.bits, superblocks, sidecar, keyStream, damaged);
    // O4
    const planes = frame.planes.map((kept, i) => (i === layout.carrierPlane ? plane : kept));
    const hash = hashSamples(frame, planes, crypto).subarray(0, originalHashBytes);
    return { planes, exact: equalBytes(hash, payload.originalHash), ...restored };
  };
  // Where only carriers were changed, nothing that recovery needs is damaged.
  let { planes, exact, damagedSuperblocks } = attempt();
  if (!exact && mark.damagedSuperblocks.includes(1)) {
    // O5
    ({ planes, exact, damagedSuperblocks } = attempt(mark.damagedSuperblocks));
  }
  const unrestored = mark.damagedSuperblocks.slice();
  for (const superblock of damagedSuperblocks) unrestored[superblock] = 1;
  return {
    status: exact ? "exact" : "partial",
    frame: { ...frame, planes },
    unrestored: exact ? [] : placesOf(unrestored, layout.superblocks),
  };
}

interface Attempt {
  readonly planes: readonly Uint16Array[];
  readonly exact: boolean;
  readonly damagedSuperblocks: readonly number[];
}

function refused(status: RecoveryStatus): RecoveredFrame {
  return { status, unrestored: [] };
}
