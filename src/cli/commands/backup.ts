/** `scanseal backup make | verify | restore`. */
import { join } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { checkBackup } from "../../site/backup/backup-check.ts";
import { type BackupManifest, readManifest } from "../../site/backup/backup-manifest.ts";
import { runBackup } from "../../site/backup/backup-run.ts";
import { type RestoredSite, runRestore } from "../../site/backup/restore-run.ts";
import { openHome } from "../../site/home.ts";
import { packageVersion } from "../package-version.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { configOf, configPathOf } from "./gateway-desk.ts";
import { recordMachineAct } from "./machine-acts.ts";

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

export interface MakeOptions {
  readonly home: string;
  readonly config?: string;
  readonly withoutKeys: boolean;
}

/** @returns 0, or 1 when objects that the journal names, or what links point at, are not in it */
export async function makeBackup(folder: string, options: MakeOptions): Promise<number> {
  const home = openHome(options.home);
  const hasGateway = options.config !== undefined || fileExists(configPathOf(options));
  const config = hasGateway ? configOf(options) : undefined;
  if (config && fileExists(config.path) === false)
    throw new ScansealError("config-invalid", "there is no such configuration");
  const manifest = await runBackup(home, folder, {
    ...{ version: packageVersion(), now: systemClock.now(), withKeys: !options.withoutKeys, config },
  });
  const { digest } = readManifest(folder);
  if (hasGateway) await recordMachineAct(options, "backup-made", digest, { keys: !options.withoutKeys });
  say(`Backed up: ${countsOf(manifest)}, in ${folder}.`, ...keyWords(manifest), ...outsideWords(manifest));
  say(
    `Manifest SHA-256: ${digest}`,
    "Write it down elsewhere: with --sha256 it tells this backup from one that somebody changed.",
  );
  const lacking = lackWords(manifest);
  if (lacking.length === 0) return 0;
  say(...lacking, "Everything else is backed up.");
  return 1;
}

/** All of them are in the manifest. */
const lackingShown = 20;

/** What was not there to be backed up, or could not be; nothing where all of the site is in it. */
function lackWords({ missing = [], links = [] }: BackupManifest): string[] {
  const words: string[] = [];
  if (missing.length > 0)
    words.push(
      `NOT IN IT: ${missing.length} objects that were damaged or lost when it was made, though the journal has them. SHA-256:`,
      ...shownOf(missing),
      "If the archive or the modality has them, send them to the gate again.",
    );
  if (links.length > 0)
    words.push(
      `NOT IN IT: what ${links.length} links in the site's folders point at:`,
      ...shownOf(links.map(({ path, to }) => `${path} -> ${to}`)),
      "Keep a copy of that by other means, or have a mount in place of each link.",
    );
  return words;
}

function shownOf(lines: readonly string[]): string[] {
  const more = lines.length > lackingShown ? [`  ... all ${lines.length} are in the manifest`] : [];
  return [...lines.slice(0, lackingShown).map((line) => `  ${visibleText(line)}`), ...more];
}

function countsOf({ files }: BackupManifest): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const objects = files.filter(({ path }) => path.startsWith("data/objects/")).length;
  return `${files.length} files, ${(bytes / 1e6).toFixed(1)} MB, ${objects} objects among them`;
}

function keyWords({ withoutKeys }: BackupManifest): string[] {
  if (!withoutKeys)
    return [
      "IT HOLDS THE SITE'S PRIVATE KEYS and, unless SCANSEAL_PASSPHRASE is used, the secret that opens them; images and patient names too.",
      "Whoever has this folder can seal as this site. Encrypt it, and keep it where the site's keys may be.",
    ];
  return [
    `Without keys: ${withoutKeys.length} files with private keys and passphrases are left out; images and patient names are in it, and what passwords the configuration has.`,
    "Keep these apart; without them the restored site can neither seal nor enrol:",
    ...withoutKeys.map((path) => `  ${path}`),
  ];
}

function outsideWords({ elsewhere, journal }: BackupManifest): string[] {
  return [
    ...elsewhere.map(({ path, stood }) => `  ${visibleText(path)} stood at ${visibleText(stood)}`),
    ...(journal === "postgres"
      ? ["The journal's database is in data/journal.pgdump (pg_restore reads it)."]
      : []),
  ];
}

/** @returns 0, or 1 when it is not whole, or lacked something of the site already when it was made */
export async function verifyBackup(folder: string, options: { readonly sha256?: string }): Promise<number> {
  const bar = new ProgressBar(process.stderr, systemClock, readManifest(folder).manifest.files.length);
  const { manifest, digest, problems } = await checkBackup(folder, (done) => bar.show(done, ""));
  bar.clear();
  const isOther = options.sha256 !== undefined && options.sha256 !== digest;
  const all = isOther
    ? ["its manifest has another SHA-256: it is another backup, or was changed", ...problems]
    : problems;
  if (all.length > 0) {
    say("NOT WHOLE:", ...all.map((problem) => `  ${visibleText(problem)}`));
    return 1;
  }
  const keys = manifest.withoutKeys ? "without keys" : "with private keys";
  const lacking = lackWords(manifest);
  const verdict = lacking.length === 0 ? "Whole" : "Whole, but when it was made it lacked something already";
  say(`${verdict}: ${countsOf(manifest)}, of ${manifest.createdAt}, ${keys}.`);
  say(...lacking, `Manifest SHA-256: ${digest}`);
  return lacking.length === 0 ? 0 : 1;
}

export interface RestoreOptions {
  readonly home: string;
  readonly data?: string;
  readonly sha256?: string;
}

/** @returns 0; 1 when something has to be done by hand before the site may work, or is not in the backup */
export async function restoreBackup(folder: string, options: RestoreOptions): Promise<number> {
  const site = await runRestore(folder, {
    ...{ home: options.home, data: options.data, digest: options.sha256, now: systemClock.now() },
  });
  const { manifest, rotated, notRotated } = site;
  await recordMachineAct(options, "backup-restored", readManifest(folder).digest);
  say(`Restored to ${options.home}: ${countsOf(manifest)}, as the site was at ${manifest.createdAt}.`);
  if (rotated.length > 0)
    say(`New keys, because numbers of the old ones may have been given since: ${rotated.join(", ")}.`);
  for (const { name, why } of notRotated)
    say(`TO DO before it seals: scanseal keys rotate ${name} (not done: ${why})`);
  const lacking = lackWords(manifest);
  if (lacking.length > 0) say("TO DO: the backup lacked something already when it was made.", ...lacking);
  say(...logWords(site), ...placeWords(site, options.home));
  say(
    "The old site must not go on: two of one site are a fork. Then: scanseal config check, and start the gateway.",
  );
  const isDone = notRotated.length === 0 && lacking.length === 0 && !undone.has(site.log.state);
  return isDone ? 0 : 1;
}

const undone: ReadonlySet<RestoredSite["log"]["state"]> = new Set(["read-only", "not-compared"] as const);

function logWords({ log }: RestoredSite): string[] {
  switch (log.state) {
    case "none":
      return [];
    case "elsewhere":
      return ["Log: another machine has it; it was not touched."];
    case "without-keys":
      return ["Log: not compared; its key is not in the backup."];
    case "compared":
      return [`Log: compared with ${log.heard} of its ${log.witnesses} witnesses; it goes on.`];
    case "not-compared":
      return [
        "TO DO: the log was compared with none of its witnesses: none answered. Let one of them be reached before anything is logged here; each start compares again (docs/transparency-log.md).",
      ];
    case "without-witnesses":
      return [
        "Log: nothing in it contradicts itself. It has no witness: entries made after the backup are forgotten, and nobody here can tell.",
      ];
    case "read-only":
      return [`LOG READ-ONLY: ${log.why}. What to do: docs/transparency-log.md.`];
  }
}

function placeWords({ manifest, data }: RestoredSite, home: string): string[] {
  const { elsewhere, journal, withoutKeys = [] } = manifest;
  return [
    ...withoutKeys.map((path) => `Put back: ${path}`),
    ...elsewhere.map(
      ({ path, stood }) =>
        `${visibleText(join(home, "restored-files", path.slice("elsewhere/".length)))} stood at ${visibleText(stood)}: put it where the configuration names it.`,
    ),
    ...(journal === "postgres" && data !== undefined
      ? [
          `Journal: pg_restore --dbname=NEW_EMPTY_DATABASE ${join(data, "journal.pgdump")}, and name it in the configuration.`,
        ]
      : []),
  ];
}
