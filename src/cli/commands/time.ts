/** `scanseal time use | stamp | list | renew`: time stamps of the site's seals. */
import { type ErrorCode, ScansealError } from "../../foundation/errors.ts";
import { parseCertificate } from "../../keys/trust/certificate.ts";
import { nameText } from "../../keys/trust/distinguished-name.ts";
import { decodePem } from "../../keys/trust/pem.ts";
import type { PlacedToken } from "../../keys/trust/time-stamp.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import { openHome, type SiteHome } from "../../site/home.ts";
import { OutputFolder } from "../../site/output-folder.ts";
import { stampSignatures } from "../../site/provenance/certified-stamping.ts";
import { timeTrustOf } from "../../site/provenance/time-file.ts";
import {
  areStampsPending,
  placedStamps,
  renewStamps,
  stampInstance,
  stampPending,
  stampSource,
} from "../../site/provenance/time-stamping.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal, SealRecord } from "../../store/provenance/provenance-journal.ts";
import { findInputs } from "../inputs.ts";
import { wholeNumber } from "../number-option.ts";
import { reportProblem } from "../problem.ts";
import { reportSkipped } from "../skipped.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { readText } from "../text-file.ts";

const dayMs = 86_400_000;
const seals = (count: number): string => `${count} ${count === 1 ? "seal" : "seals"}`;

export interface UseTimeOptions {
  readonly home: string;
  readonly anchor: readonly string[];
  readonly policy?: readonly string[];
}

/** @returns 0 */
export function useTime(url: string | undefined, options: UseTimeOptions): number {
  const texts = options.anchor.map(readText);
  const anchors = texts.flatMap((text) => decodePem("CERTIFICATE", text));
  const crls = texts.flatMap((text) => decodePem("X509 CRL", text));
  if (anchors.length + crls.length === 0)
    throw new ScansealError("usage", "there is neither a certificate nor a revocation list in the files");
  const settings = openHome(options.home).timeFile.use({
    url,
    anchors,
    policies: options.policy ?? [],
    crls,
  });
  for (const anchor of anchors) {
    const { subject, fingerprint } = parseCertificate(anchor, nodeCrypto);
    process.stdout.write(
      `Its time is believed from now on: ${visibleText(nameText(subject))}\nSHA-256: ${fingerprint}\n`,
    );
  }
  if (anchors.length > 0)
    process.stdout.write("Compare each fingerprint with its owner by another way than the file came.\n");
  if (crls.length > 0)
    process.stdout.write(`${crls.length} revocation ${crls.length === 1 ? "list" : "lists"} taken\n`);
  if (settings.url !== undefined) process.stdout.write(`Stamps come from ${visibleText(settings.url)}\n`);
  return 0;
}

async function withSeals<T>(
  folder: string,
  body: (journal: ProvenanceJournal, home: SiteHome) => Promise<T>,
): Promise<T> {
  const home = openHome(folder);
  const journal = await openProvenanceJournal(home.provenancePath);
  try {
    return await body(journal, home);
  } finally {
    await journal.close();
  }
}

export interface StampTimeOptions {
  readonly home: string;
  readonly pending: boolean;
  readonly out?: string;
}

/**
 * The seals that the site keeps, all or those of some objects, or the DICOM signatures in files.
 * @returns 0, 1 when a file could not be stamped, 2 when one could not be read
 * @throws ScansealError where the authority cannot be had: what was stamped is kept, and the next time goes on
 */
export function stampTime(paths: readonly string[], options: StampTimeOptions): Promise<number> {
  const { home, pending, out } = options;
  const areUids = paths.length > 0 && paths.every((one) => uidForm.test(one));
  const isFiles = out !== undefined && paths.length > 0;
  if (pending ? paths.length > 0 || out !== undefined : !isFiles && !areUids)
    throw new ScansealError("usage", "say what to stamp: --pending, SOP Instance UIDs, or files and --out");
  if (pending) return stampKept(home);
  return out === undefined ? stampInstances(paths, home) : stampFiles(paths, openHome(home), out);
}

/** PS3.5 9.1, as far as it tells a UID from a path. */
const uidForm = /^[0-9]+(?:\.[0-9]+)+$/;

function stampInstances(uids: readonly string[], folder: string): Promise<number> {
  return withSeals(folder, async (journal, home) => {
    const parts = { journal, source: stampSource(home.timeFile.settings()) };
    let done = 0;
    let unknown = 0;
    for (const uid of uids) {
      const stamped = await stampInstance(parts, uid);
      if (stamped === undefined) {
        unknown++;
        reportProblem(`${uid}: not stamped: the site keeps no seal of it`);
      }
      done += stamped ?? 0;
    }
    process.stdout.write(`${seals(done)} stamped\n`);
    return unknown > 0 ? 1 : 0;
  });
}

function stampKept(folder: string): Promise<number> {
  return withSeals(folder, async (journal, home) => {
    const done = await stampPending({ journal, source: stampSource(home.timeFile.settings()) });
    process.stdout.write(`${seals(done)} stamped\n`);
    return 0;
  });
}

async function stampFiles(paths: readonly string[], home: SiteHome, out: string): Promise<number> {
  const source = stampSource(home.timeFile.settings());
  const inputs = await findInputs(paths);
  const output = await OutputFolder.open(out);
  let written = 0;
  let added = 0;
  for (const path of inputs.files) {
    try {
      added += await stampSignatures(path, source, output);
      written++;
    } catch (error) {
      if (!(error instanceof ScansealError) || stopsTheRun.has(error.code)) throw error;
      reportProblem(`${path}: not stamped: ${error.message} (${error.code})`);
    }
  }
  if (written > 0) await output.sync();
  reportSkipped(inputs, "stamped");
  const what = `${written} ${written === 1 ? "object" : "objects"}`;
  process.stdout.write(
    `${what} written into ${out}, ${added} DICOM ${added === 1 ? "signature" : "signatures"} stamped\n`,
  );
  if (inputs.unreadable.length > 0) return 2;
  return written < inputs.files.length ? 1 : 0;
}

/** It would be the same for every file. */
const stopsTheRun: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "io",
  "storage-full",
  "network",
  "peer-rejected",
  "peer-protocol",
]);

/** @returns 0 */
export function renewTime(options: { readonly home: string; readonly within: string }): Promise<number> {
  const days = wholeNumber(options.within, "--within", 0, 36_500);
  return withSeals(options.home, async (journal, home) => {
    const parts = { journal, source: stampSource(home.timeFile.settings()) };
    const { renewed, waiting } = await renewStamps(parts, systemClock.now() + days * dayMs);
    process.stdout.write(`${seals(renewed)} stamped anew\n`);
    if (waiting > 0)
      process.stdout.write(
        `${seals(waiting)} left as they are: the authority's certificate is still one that ends no later\n`,
      );
    return 0;
  });
}

/** Of the seals that are listed, this many are read at once. */
const pageOfSeals = 200;

/** @returns 0, or 1 when a stamp does not hold */
export function listTime(options: { readonly home: string; readonly json: boolean }): Promise<number> {
  return withSeals(options.home, async (journal, home) => {
    const settings = home.timeFile.settings();
    if (!settings) throw new ScansealError("usage", "the site believes no time-stamping authority");
    const source = { trust: timeTrustOf(settings), clock: systemClock };
    let count = 0;
    let isSound = true;
    for (let after = ""; ; ) {
      const page = await journal.sealsByEvidence({
        type: "time-stamp",
        has: true,
        after,
        limit: pageOfSeals,
      });
      for (const seal of page) {
        const placed = await placedStamps(seal, { journal, source });
        for (const one of placed)
          process.stdout.write(`${options.json ? json(seal, one) : line(seal, one)}\n`);
        if (placed.some(({ result }) => !result.ok)) isSound = false;
        count++;
      }
      if (page.length < pageOfSeals) break;
      after = page.at(-1)!.payloadDigest;
    }
    if (!options.json) process.stdout.write(`${seals(count)} with stamps\n`);
    return isSound ? 0 : 1;
  });
}

function json({ payloadDigest, device, counter }: SealRecord, { result, renews }: PlacedToken): string {
  const head = { manifest: payloadDigest, device, counter, renews: renews.length };
  if (!result.ok) return jsonLine({ ...head, ok: false, step: result.step, detail: result.detail });
  const { genTime, accuracy, authority, policy, notAfter } = result;
  const times = { at: new Date(genTime).toISOString(), endsAt: new Date(notAfter).toISOString() };
  return jsonLine({ ...head, ok: true, ...times, accuracyMs: accuracy, authority, policy });
}

function line({ device, counter }: SealRecord, { result, renews }: PlacedToken): string {
  const head = `${device}, number ${counter}:`;
  if (!result.ok) return visibleText(`${head} a stamp that does not hold (step ${result.step})`);
  const renewed = renews.length === 0 ? "" : `, renewing ${renews.length}`;
  const until = new Date(result.notAfter).toISOString().slice(0, 10);
  return visibleText(
    `${head} ${new Date(result.genTime).toISOString()} by ${result.authority}${renewed}; until ${until}`,
  );
}

/** A site with its first authority has all its older seals without stamps: sealing one image must not wait for them. */
const afterSealingMsMax = 30_000;
const later = "time stamps follow later (scanseal time stamp --pending)";

/** After sealing: what cannot be stamped now waits. */
export async function stampSeals(home: SiteHome, journal: ProvenanceJournal): Promise<void> {
  try {
    const settings = home.timeFile.settings();
    if (settings?.url === undefined) return;
    const until = systemClock.now() + afterSealingMsMax;
    await stampPending({ journal, source: stampSource(settings), until });
    if (await areStampsPending(journal)) reportProblem(`${later}: there are too many for now`);
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
    reportProblem(`${later}: ${error.message}`);
  }
}
