/** Stamps for the seals of a site, kept beside them: new ones, and those that renew older ones (spec/trusted-time.md, section 3). */
import { ScansealError } from "../../foundation/errors.ts";
import { checkTimeStamps, type PlacedToken, renewedMessage } from "../../keys/trust/time-stamp.ts";
import { nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import type { ProvenanceJournal, SealRecord } from "../../store/provenance/provenance-journal.ts";
import { type TimeSettings, timeTrustOf } from "./time-file.ts";
import { requestTimeStamp, type TimeStampSource } from "./time-stamp-client.ts";

const type = "time-stamp";
/** Seals asked about at once. */
const batch = 64;
/** Requests under way: an authority of the house answers in milliseconds, a public one is not to be flooded. */
const requestsAtOnce = 4;

export interface StampingParts {
  readonly journal: ProvenanceJournal;
  readonly source: TimeStampSource;
  /** Milliseconds since 1970: no request is begun after it. */
  readonly until?: number;
}

/** @throws ScansealError `usage` where the site has no authority */
export function stampSource(settings: TimeSettings | undefined): TimeStampSource {
  if (settings?.url === undefined)
    throw new ScansealError(
      "usage",
      "the site has no time-stamping authority: scanseal time use URL --anchor PEM",
    );
  const trust = timeTrustOf(settings);
  return { url: settings.url, trust, clock: systemClock, random: nodeRandom };
}

/**
 * A stamp for every seal that has none.
 * @returns how many were stamped
 * @throws ScansealError as `requestTimeStamp`, at the first failure: what was stamped is kept
 */
export async function stampPending(parts: StampingParts): Promise<number> {
  return forSeals(parts, false, async (seal) => {
    await stampOver(seal, seal.signature, parts);
    return true;
  });
}

/** Whether a seal has no stamp yet. */
export async function areStampsPending(journal: ProvenanceJournal): Promise<boolean> {
  return (await journal.sealsByEvidence({ type, has: false, after: "", limit: 1 })).length > 0;
}

/**
 * A stamp for each seal of one object that has none.
 * @returns how many were stamped; undefined where no seal of it is kept
 * @throws ScansealError as `requestTimeStamp`
 */
export async function stampInstance(
  parts: StampingParts,
  sopInstanceUid: string,
): Promise<number | undefined> {
  const seals = await parts.journal.sealsOfInstance(sopInstanceUid);
  if (seals.length === 0) return undefined;
  let done = 0;
  for (const seal of seals) {
    const kept = await parts.journal.lateEvidence(seal.payloadDigest);
    if (kept.some((one) => one.type === type)) continue;
    await stampOver(seal, seal.signature, parts);
    done++;
  }
  return done;
}

/**
 * A new stamp over seal and stamps, where the last one's certificate ends before that.
 * @param endsBefore milliseconds since 1970
 * A stamp that ends no later than the one before is not kept: run every night, it would be one more in each object, for nothing.
 * @returns how many were renewed, and for how many the authority has nothing better now
 */
export async function renewStamps(
  parts: StampingParts,
  endsBefore: number,
): Promise<{ readonly renewed: number; readonly waiting: number }> {
  /** When what the authority gives now ends; it is not asked again for what that would not outlast. */
  let offered = Number.POSITIVE_INFINITY;
  let waiting = 0;
  const renewed = await forSeals(parts, true, async (seal) => {
    const last = lastOf(await placedStamps(seal, parts));
    if (!last?.result.ok || last.result.notAfter >= endsBefore) return false;
    const { notAfter } = last.result;
    if (offered > notAfter) {
      const message = renewedMessage(seal.signature, [...last.renews, last.token]);
      const stamp = await requestTimeStamp(message, parts.source);
      offered = stamp.fact.notAfter;
      if (offered > notAfter) {
        await keep(seal, stamp.token, parts);
        return true;
      }
    }
    waiting++;
    return false;
  });
  return { renewed, waiting };
}

/** The stamps beside a seal, each checked. */
export async function placedStamps(
  seal: SealRecord,
  {
    journal,
    source,
  }: { readonly journal: ProvenanceJournal; readonly source: Pick<TimeStampSource, "trust" | "clock"> },
): Promise<PlacedToken[]> {
  const kept = await journal.lateEvidence(seal.payloadDigest);
  const tokens = kept.filter((one) => one.type === type).map(({ bytes }) => bytes);
  return checkTimeStamps(tokens, { message: seal.signature, now: source.clock.now() }, source.trust);
}

/** The longest chain's end that holds. */
function lastOf(placed: readonly PlacedToken[]): PlacedToken | undefined {
  return placed
    .filter(({ result }) => result.ok)
    .reduce<PlacedToken | undefined>(
      (best, one) => (best && best.renews.length >= one.renews.length ? best : one),
      undefined,
    );
}

async function stampOver(seal: SealRecord, message: Uint8Array, parts: StampingParts): Promise<void> {
  const { token } = await requestTimeStamp(message, parts.source);
  await keep(seal, token, parts);
}

async function keep(seal: SealRecord, token: Uint8Array, { journal, source }: StampingParts): Promise<void> {
  await journal.addLateEvidence(seal.payloadDigest, { type, bytes: token }, source.clock.now());
}

/** Every seal with stamps, or every one without, once. */
async function forSeals(
  { journal, source, until = Number.POSITIVE_INFINITY }: StampingParts,
  has: boolean,
  act: (seal: SealRecord) => Promise<boolean>,
): Promise<number> {
  let done = 0;
  let after = "";
  for (;;) {
    const seals = await journal.sealsByEvidence({ type, has, after, limit: batch });
    for (let i = 0; i < seals.length; i += requestsAtOnce) {
      if (source.clock.now() > until) return done;
      const results = await Promise.allSettled(seals.slice(i, i + requestsAtOnce).map(act));
      for (const result of results) if (result.status === "fulfilled" && result.value) done++;
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
    }
    if (seals.length < batch) return done;
    after = seals.at(-1)!.payloadDigest;
  }
}
