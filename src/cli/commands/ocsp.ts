/** `scanseal trust ocsp | staple`: whether the authorities of devices say that these are revoked, kept with the seals. */
import { ScansealError } from "../../foundation/errors.ts";
import { openHome, type SiteHome } from "../../site/home.ts";
import { OcspFile } from "../../site/provenance/ocsp-file.ts";
import { authorityNamed, type Stapled, Stapling } from "../../site/provenance/stapling.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal } from "../../store/provenance/provenance-journal.ts";
import { reportProblem } from "../problem.ts";
import { visibleText } from "../terminal/visible-text.ts";

const seals = (count: number): string => `${count} ${count === 1 ? "seal" : "seals"}`;

export interface UseOcspOptions {
  readonly home: string;
  readonly authority?: string;
  readonly none: boolean;
}

/** Without a URL it lists. @returns 0 */
export function useOcsp(url: string | undefined, options: UseOcspOptions): number {
  const home = openHome(options.home);
  const file = new OcspFile(home.folder);
  const trust = home.trust();
  if (options.none) {
    if (url !== undefined) throw new ScansealError("usage", "give a URL or --none");
    const named = options.authority;
    const authority = named === undefined ? undefined : authorityNamed(trust, named).certificate.fingerprint;
    const count = file.remove(authority);
    process.stdout.write(`${count} ${count === 1 ? "responder is" : "responders are"} no longer asked\n`);
    return 0;
  }
  if (url !== undefined) {
    const { label, certificate } = authorityNamed(trust, options.authority);
    file.use({ authority: certificate.fingerprint, url });
    process.stdout.write(
      `Asked from now on after sealing, about devices of ${visibleText(label)}: ${visibleText(url)}\nSHA-256 of the authority: ${certificate.fingerprint}\n`,
    );
    return 0;
  }
  for (const { authority, url: at } of file.responders()) {
    const label = trust.anchors.find(({ certificate }) => certificate.fingerprint === authority)?.label;
    process.stdout.write(`${visibleText(label ?? `${authority} (no longer trusted)`)}: ${visibleText(at)}\n`);
  }
  return 0;
}

export interface StapleOptions {
  readonly home: string;
  readonly pending: boolean;
}

/** @returns 0, or 1 where the site keeps no seal of an object @throws ScansealError where a responder cannot be had: what was had is kept */
export async function staple(uids: readonly string[], options: StapleOptions): Promise<number> {
  if (options.pending ? uids.length > 0 : uids.length === 0)
    throw new ScansealError("usage", "say for which seals: --pending, or SOP Instance UIDs");
  const home = openHome(options.home);
  const responders = new OcspFile(home.folder).responders();
  if (responders.length === 0)
    throw new ScansealError("usage", "the site asks no OCSP responder: scanseal trust ocsp URL");
  const journal = await openProvenanceJournal(home.provenancePath);
  const run = new Stapling(journal, responders, home.trust());
  let unknown = 0;
  try {
    if (options.pending) await run.staplePending();
    for (const uid of uids) {
      if (await run.stapleInstance(uid, true)) continue;
      unknown++;
      reportProblem(`${uid}: the site keeps no seal of it`);
    }
  } finally {
    await journal.close();
  }
  report(run.result);
  process.stdout.write(`${seals(run.result.done)} with a new revocation status\n`);
  if (run.result.failure) throw run.result.failure;
  return unknown > 0 ? 1 : 0;
}

function report({ revoked, unasked, tooOld }: Stapled): void {
  if (revoked > 0)
    reportProblem(`the authority says that the device is revoked: ${seals(revoked)} will be judged by that`);
  if (unasked > 0)
    reportProblem(`${seals(unasked)} of devices whose authority has no responder that is asked`);
  if (tooOld > 0) reportProblem(`${seals(tooOld)} newer than what the responder has: ask again later`);
}

const later = "revocation statuses follow later (scanseal trust staple --pending)";

/** After sealing, for these objects: what cannot be had now waits. */
export async function stapleSeals(
  home: SiteHome,
  journal: ProvenanceJournal,
  uids: Iterable<string>,
): Promise<void> {
  try {
    const responders = new OcspFile(home.folder).responders();
    if (responders.length === 0) return;
    const run = new Stapling(journal, responders, home.trust());
    for (const uid of uids) await run.stapleInstance(uid, false);
    report({ ...run.result, unasked: 0 });
    if (run.result.failure) throw run.result.failure;
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
    reportProblem(`${later}: ${error.message}`);
  }
}
