/** The end of a key: its certificate in the authority's revocation list, with the reason and since when. */
import { ScansealError } from "../../foundation/errors.ts";
import type { IssuedEntry } from "../../keys/custody/authority-ledger.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { SiteHome } from "../home.ts";
import { epochInUse, type KeyOwner, keyOwner } from "./key-owner.ts";
import { type RevocationWord, revocationWords } from "./revocation-words.ts";

export interface KeyRevocation {
  readonly reason: RevocationWord;
  /** Milliseconds since 1970, not ahead. */
  readonly since?: number | undefined;
  /** Without it, the key in use and what was issued after it. */
  readonly epoch?: number | undefined;
}

export interface RevokedKeys {
  readonly owner: KeyOwner;
  readonly revoked: readonly IssuedEntry[];
  /** As the list says it now: a revocation can become stricter, never milder. */
  readonly isStolen: boolean;
  /** Milliseconds since 1970: what provably existed before stands, as far as the reason allows. */
  readonly since: number;
  /** Other keys of the same owner whose certificates still stand. */
  readonly standing: readonly IssuedEntry[];
}

/** @throws ScansealError `usage` for a name or epoch this site's authority issued nothing to, or that is revoked as strictly already; `key-unusable`, `io` */
export async function revokeKey(home: SiteHome, name: string, wanted: KeyRevocation): Promise<RevokedKeys> {
  const { reason, since, epoch } = wanted;
  const now = systemClock.now();
  if (since !== undefined && since > now)
    throw new ScansealError("usage", "a key cannot be revoked since a time that is still to come");
  const owner = keyOwner(home, name);
  if (owner.issued.length === 0)
    throw new ScansealError("usage", "this site's authority did not enrol that device");
  const first = epoch ?? epochInUse(owner);
  const chosen = owner.issued.filter(({ keyEpoch }) =>
    epoch === undefined ? keyEpoch >= first : keyEpoch === epoch,
  );
  if (chosen.length === 0)
    throw new ScansealError("usage", "this site's authority issued no certificate for that key epoch");
  const authority = await home.openAuthority();
  const refusals: ScansealError[] = [];
  for (const { serial } of chosen) {
    try {
      authority.revoke(serial, revocationWords[reason], since);
    } catch (error) {
      // One of several that is revoked already keeps none of the others in use.
      if (!(error instanceof ScansealError) || error.code !== "usage") throw error;
      refusals.push(error);
    }
  }
  if (refusals.length === chosen.length) throw refusals[0]!;
  const { revoked } = home.ledger();
  const ended = new Set(revoked.map(({ serial }) => serial));
  const serials = new Set(chosen.map(({ serial }) => serial));
  const entries = revoked.filter(({ serial }) => serials.has(serial));
  const standing = owner.issued.filter(({ serial, notAfter }) => !ended.has(serial) && notAfter > now);
  return {
    owner,
    revoked: chosen,
    isStolen: entries.some((entry) => entry.reason === revocationWords["key-compromise"]),
    since: Math.min(
      ...entries.map(({ revokedAt, invalidSince = revokedAt }) => Math.min(revokedAt, invalidSince)),
    ),
    standing,
  };
}
