/**
 * A copy of everything that a site is, while its gateway works. The order is what makes it whole:
 *
 *  1. the spool: what was acknowledged before the backup began is in it, or has left it for the object store or the archive;
 *  2. the journal at one moment, and the bytes that it needs: where the gateway gave some away meanwhile, the journal is copied again;
 *  3. what is known of objects beside them (provenance): it may know more than the journal, never less;
 *  4. the log: what is published, then its journal, then its tiles. The journal is never behind what is published;
 *  5. the site's small files: keys, authority, trust, configuration. They know every device of which something is in the journal.
 *
 * The manifest comes last, and then the folder gets its name: what was cut off has another.
 */
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { authorityCertificate } from "../../keys/custody/authority-files.ts";
import {
  createFileDurably,
  ensurePrivateFolder,
  fileExists,
  syncFolder,
} from "../../platform/node/private-files.ts";
import type { GatewayConfig } from "../gateway/config.ts";
import { dataPaths } from "../gateway/stores.ts";
import type { SiteHome } from "../home.ts";
import { BackupFolder } from "./backup-folder.ts";
import { type BackupManifest, encodeManifest, manifestName, newManifest } from "./backup-manifest.ts";
import { copyPostgres, copySqlite, type NeededBytes, neededOfSqlite } from "./database-copy.ts";

export interface BackupOptions {
  readonly version: string;
  readonly now: number;
  /** False: private keys and passphrases are left out. */
  readonly withKeys: boolean;
  /** Undefined: the site has no gateway. */
  readonly config: GatewayConfig | undefined;
  readonly onStep?: (what: string) => void;
}

/** Each round copies what arrived during the one before. */
const journalRounds = 20;
/** So often the same objects: nothing gives them away, they are not there. */
const damagedRounds = 2;
const fileRounds = 10;
/** What the log has published. */
const checkpoint = "log/tiles/checkpoint";

/**
 * @param to does not exist yet
 * @throws ScansealError `usage` for a place that cannot be, `io`, `storage-full`; nothing is left then
 */
export async function runBackup(home: SiteHome, to: string, options: BackupOptions): Promise<BackupManifest> {
  const place = resolve(to);
  requirePlace(place, home, options.config);
  const unfinished = `${place}.unfinished-${process.pid}`;
  ensurePrivateFolder(dirname(place));
  ensurePrivateFolder(unfinished);
  try {
    const manifest = await new Backup(home, unfinished, options).run();
    createFileDurably(join(unfinished, manifestName), encodeManifest(manifest), { mode: 0o600 });
    if (fileExists(place)) throw new ScansealError("usage", `${to} was made by somebody else meanwhile`);
    await rename(unfinished, place);
    syncFolder(dirname(place));
    return manifest;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

function requirePlace(place: string, home: SiteHome, config: GatewayConfig | undefined): void {
  if (fileExists(place))
    throw new ScansealError("usage", "the backup's folder is there already: name a new one");
  for (const folder of [home.folder, ...(config ? [config.data] : [])])
    if (isInside(place, resolve(folder)))
      throw new ScansealError(
        "usage",
        "a backup inside of what it copies burns with it: name a folder elsewhere",
      );
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}${sep}`);
}

class Backup {
  readonly #root: string;
  readonly #data: string | undefined;
  readonly #folder: BackupFolder;
  readonly #options: BackupOptions;
  #missing: readonly string[] = [];

  constructor(home: SiteHome, unfinished: string, options: BackupOptions) {
    this.#root = resolve(home.folder);
    this.#data = options.config && resolve(options.config.data);
    this.#folder = new BackupFolder(unfinished, options.withKeys);
    this.#options = options;
  }

  async run(): Promise<BackupManifest> {
    const { config, version, now, withKeys } = this.#options;
    const links: string[] = [];
    if (config && fileExists(config.data)) {
      this.#say("spool");
      await this.#copySpool(config);
      this.#say("journal and objects");
      await this.#copyJournal(config);
      this.#say("data folder");
      links.push(...(await this.#copyTree(resolve(config.data), "data", (path) => isOfGateway(path))));
    }
    this.#say("provenance and log");
    await this.#copyDatabase("provenance.sqlite");
    // What is behind a linked folder is not in the backup: a part of a log would be none.
    if (!isLink(join(this.#root, "log"))) {
      await this.#folder.copy(join(this.#root, checkpoint), `home/${checkpoint}`);
      await this.#copyDatabase("log/journal.sqlite");
    }
    this.#say("keys, authority, configuration");
    const inHome = this.#data !== undefined && isInside(this.#data, this.#root);
    const isLeftOut = (path: string): boolean =>
      path === checkpoint || (inHome && isInside(join(this.#root, path), this.#data!));
    links.push(...(await this.#copyTree(this.#root, "home", isLeftOut)));
    const elsewhere = await this.#copyNamed();
    const lacking = links.filter((path) => !this.#folder.knows(path)).sort();
    const site = authorityCertificate(join(this.#root, "authority")).fingerprint;
    this.#folder.sync();
    return newManifest({
      ...{ version, createdAt: new Date(now).toISOString(), site, home: this.#root, elsewhere },
      ...(inHome ? { dataInHome: relative(this.#root, this.#data!).split(sep).join("/") } : {}),
      ...(this.#data !== undefined && !inHome ? { data: this.#data } : {}),
      ...(config ? { journal: config.journal.kind } : {}),
      ...(this.#missing.length === 0 ? {} : { missing: this.#missing }),
      ...(lacking.length === 0 ? {} : { links: lacking.map((path) => ({ path, to: this.#targetOf(path) })) }),
      ...(withKeys ? {} : { withoutKeys: this.#folder.leftOut }),
      files: this.#folder.files,
    });
  }

  #say(what: string): void {
    this.#options.onStep?.(what);
  }

  async #copySpool(config: GatewayConfig): Promise<void> {
    const { spool } = dataPaths(config);
    for (const name of namesIn(spool)) if (isSegment(name)) await this.#copySegment(spool, name);
  }

  /** What is being written into it is not acknowledged, and recovery drops it. The rest of it is zeros, which the restoration writes. */
  #copySegment(spool: string, name: string): Promise<boolean> {
    return this.#folder.copy(join(spool, name), `data/spool/${name}`, { isTrimmed: true, isAgain: true });
  }

  /** What the journal names round after round and cannot be read is damaged, or lost: then the rest is backed up, and it is told. */
  async #copyJournal(config: GatewayConfig): Promise<void> {
    let before = "";
    for (let round = 1, same = 0; round <= journalRounds && same < damagedRounds; round++) {
      const needed = await this.#journalNow(config);
      const missing = new Set<string>();
      for (const one of needed) if (!(await this.#copyNeeded(one, config))) missing.add(one.digest);
      this.#missing = [...missing].sort();
      if (missing.size === 0) return;
      const now = this.#missing.join();
      same = now === before ? same + 1 : 0;
      before = now;
    }
  }

  async #journalNow({ journal }: GatewayConfig): Promise<NeededBytes[]> {
    if (journal.kind === "postgres") {
      const to = this.#folder.pathOf("data/journal.pgdump");
      const needed = await copyPostgres(journal.url, to);
      await this.#folder.note("data/journal.pgdump");
      return needed;
    }
    if (!fileExists(journal.path)) return [];
    const to = this.#folder.pathOf("data/journal.sqlite");
    copySqlite(journal.path, to);
    await this.#folder.note("data/journal.sqlite");
    return neededOfSqlite(to);
  }

  /** @returns whether its bytes are in the backup, and are what was acknowledged */
  async #copyNeeded({ digest, location }: NeededBytes, config: GatewayConfig): Promise<boolean> {
    const { objects, spool } = dataPaths(config);
    if (!location) {
      const path = `${digest.slice(0, 2)}/${digest.slice(2, 4)}/${digest}`;
      return this.#folder.copy(join(objects, path), `data/objects/${path}`, { digest });
    }
    const parts = location.extents.map(({ segment, offset, length }) => {
      const name = segment.slice(0, segment.indexOf("."));
      return { name, path: this.#folder.pathOf(`data/spool/${name}`), offset, length };
    });
    if (!parts.every(({ name }) => isSegment(name))) return false;
    if (await this.#folder.holds(parts, digest)) return true;
    for (const name of new Set(parts.map((part) => part.name))) await this.#copySegment(spool, name);
    return this.#folder.holds(parts, digest);
  }

  /** Also one that a link points at. */
  async #copyDatabase(path: string): Promise<void> {
    const from = join(this.#root, path);
    if (!fileExists(from)) return;
    copySqlite(from, this.#folder.pathOf(`home/${path}`));
    await this.#folder.note(`home/${path}`);
  }

  /**
   * All files below, again where one changed meanwhile: an enrolment changes several.
   * @returns the links among them, as paths in the backup: they are not copied
   */
  async #copyTree(
    root: string,
    part: "home" | "data",
    isLeftOut: (path: string) => boolean,
  ): Promise<string[]> {
    const copied = new Map<string, string>();
    for (let round = 1; ; round++) {
      const links: string[] = [];
      const files = [...filesBelow(root, isLeftOut, (path) => links.push(`${part}/${path}`))];
      const changed = files.filter(([path, state]) => copied.get(path) !== state);
      if (changed.length === 0) return links;
      // Counters and seals change as long as somebody seals; none of these is needed as it is at one moment.
      const unsteady = changed.find(([path]) => /^authority\/|device\.json$|\.pem$/.test(path));
      if (round > fileRounds && unsteady === undefined) return links;
      if (round > fileRounds)
        throw new ScansealError("io", "keys of the site change all the time: back it up when nobody enrols");
      for (const [path, state] of changed) {
        copied.set(path, state);
        const to = `${part}/${path}`;
        if (!path.endsWith(".sqlite")) await this.#folder.copy(join(root, path), to, { isAgain: true });
        else if (!fileExists(this.#folder.pathOf(to))) copySqlite(join(root, path), this.#folder.pathOf(to));
        if (path.endsWith(".sqlite")) await this.#folder.note(to);
      }
    }
  }

  /**
   * The configuration, and the TLS files that it names: what links point at is meant, certificates are often links to the newest. What stands in the
   * site's folder or the data folder by its name is a file of that name in the backup.
   * @returns those that stand elsewhere
   */
  async #copyNamed(): Promise<BackupManifest["elsewhere"]> {
    const { config } = this.#options;
    if (!config) return [];
    const copied: { path: string; stood: string }[] = [];
    let number = 0;
    for (const stood of new Set([config.path, ...config.tlsFiles].map((path) => resolve(path)))) {
      const inside = this.#pathInside(stood);
      const path = inside ?? `elsewhere/${++number}-${basename(stood)}`;
      // What is in the tree is copied already, or was not there; a link that leads nowhere is told as a link.
      if (inside !== undefined && (this.#folder.knows(inside) || !leadsToFile(stood))) continue;
      await this.#folder.copy(realOf(stood), path);
      if (inside === undefined && this.#folder.knows(path)) copied.push({ path, stood });
    }
    return copied;
  }

  /** As a path in the backup; undefined: it stands elsewhere. */
  #pathInside(path: string): string | undefined {
    for (const [part, folder] of [
      ["data", this.#data],
      ["home", this.#root],
    ] as const)
      if (folder !== undefined && isInside(path, folder))
        return [part, ...relative(folder, path).split(sep)].join("/");
    return undefined;
  }

  /** What a link says; it may be gone meanwhile. */
  #targetOf(path: string): string {
    const [part, ...names] = path.split("/");
    try {
      return readlinkSync(join(part === "data" ? this.#data! : this.#root, ...names));
    } catch {
      return "unknown";
    }
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function leadsToFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    // Links in a circle, or through what is no folder.
    return false;
  }
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new ScansealError("io", `cannot read ${path}, which the configuration names`, { cause });
  }
}

function isSegment(name: string): boolean {
  return /^segment-\d{8,15}$/.test(name);
}

/** Copied by themselves, or of no use to anybody but the process that runs. */
function isOfGateway(path: string): boolean {
  return /^(spool|objects|reading)(\/|$)|^journal\.sqlite$/.test(path);
}

function namesIn(folder: string): string[] {
  return fileExists(folder) ? readdirSync(folder).sort() : [];
}

/** Files: locks, what SQLite keeps beside a database, what is being written. A folder may have any name: a device has. */
const passing = /^([^/]*\.lock|lock|[^/]*\.sqlite-(wal|shm|journal)|[^/]*\.new)$/;
/** Folders of the home in which something is being unpacked, as `mkdtemp` names them. */
const unpacking = /^staging-[A-Za-z0-9]{6}$/;
/** What a file system has of itself in a volume. */
const ofVolume = "lost+found";

/** Path with slashes, and what changes when the file does. Links are not followed, but told. */
function* filesBelow(
  root: string,
  isLeftOut: (path: string) => boolean,
  onLink: (path: string) => void,
): Generator<readonly [string, string]> {
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of namesIn(join(root, folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (isLeftOut(path) || unpacking.test(path) || path === ofVolume) continue;
      const stats = lstatSync(join(root, path), { throwIfNoEntry: false });
      if (stats?.isDirectory()) folders.push(path);
      else if (stats?.isSymbolicLink()) onLink(path);
      else if (stats?.isFile() && !passing.test(name))
        yield [path, `${stats.ino} ${stats.size} ${stats.mtimeMs}`];
    }
  }
}
