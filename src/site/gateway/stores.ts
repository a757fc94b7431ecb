/** A gateway's stores, where its configuration says they are. */
import { join } from "node:path";
import type { ScansealError } from "../../foundation/errors.ts";
import { ensurePrivateFolder } from "../../platform/node/private-files.ts";
import {
  type IndexedJournal,
  openPostgresIndexedJournal,
  openSqliteIndexedJournal,
} from "../../store/index/indexed-journal.ts";
import { type GatewayLock, holdGatewayLock } from "../../store/journal/gateway-lock.ts";
import type { Journal, JudgedObject } from "../../store/journal/journal.ts";
import { openPostgresJournal } from "../../store/journal/postgres-journal.ts";
import { openSqliteJournal } from "../../store/journal/sqlite-journal.ts";
import { openFolderObjectStore } from "../../store/objects/folder-object-store.ts";
import type { ObjectStore, OpenObject } from "../../store/objects/object-store.ts";
import type { Spool } from "../../store/spool/spool.ts";
import type { GatewayConfig } from "./config.ts";

/** Of the data folder: what is there, and what a backup takes. */
export function dataPaths({ data }: Pick<GatewayConfig, "data">): {
  readonly objects: string;
  readonly spool: string;
  readonly lock: string;
} {
  return { objects: join(data, "objects"), spool: join(data, "spool"), lock: join(data, "gateway.lock") };
}

/** @throws ScansealError `io`, `storage-full`, `config-invalid`, `key-unusable` when others may enter the data folder */
export async function openJournal({ data, journal }: GatewayConfig): Promise<Journal> {
  ensurePrivateFolder(data);
  return journal.kind === "sqlite" ? openSqliteJournal(journal.path) : openPostgresJournal(journal.url);
}

/** The same with the index, which is in the same database. @throws ScansealError as `openJournal` */
export async function openIndexedJournal({ data, journal }: GatewayConfig): Promise<IndexedJournal> {
  ensurePrivateFolder(data);
  return journal.kind === "sqlite"
    ? openSqliteIndexedJournal(journal.path)
    : openPostgresIndexedJournal(journal.url);
}

/** The bytes of an admitted object; undefined where they are kept no longer. @throws ScansealError `io` */
export async function openKept(
  { stored, location, digest }: JudgedObject,
  from: { readonly objects: Pick<ObjectStore, "open">; readonly spool: Pick<Spool, "open"> },
): Promise<OpenObject | undefined> {
  if (stored) return from.objects.open(digest);
  return location && from.spool.open(location);
}

/**
 * For a gateway, not for commands; SQLite's journal is in the data folder, which has its own lock.
 * @throws ScansealError `usage` when another gateway has the journal; `io`
 */
export async function lockJournal(
  { journal }: GatewayConfig,
  onLost: (error: ScansealError) => void,
): Promise<GatewayLock | undefined> {
  return journal.kind === "sqlite" ? undefined : holdGatewayLock(journal.url, onLost);
}

/** @throws ScansealError `io`, `key-unusable` */
export async function openObjects(config: GatewayConfig): Promise<ObjectStore> {
  const { objects } = dataPaths(config);
  ensurePrivateFolder(objects);
  return openFolderObjectStore(objects);
}

/** For one command. A gateway may be running beside it. */
export async function withJournal<T>(
  config: GatewayConfig,
  body: (journal: Journal) => Promise<T>,
): Promise<T> {
  return withIndexedJournal(config, ({ journal }) => body(journal));
}

/** The same with what else is in its database. */
export async function withIndexedJournal<T>(
  config: GatewayConfig,
  body: (indexed: IndexedJournal) => Promise<T>,
): Promise<T> {
  const indexed = await openIndexedJournal(config);
  try {
    return await body(indexed);
  } finally {
    await indexed.journal.close();
  }
}
