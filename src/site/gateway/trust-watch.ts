/** Whom the site trusts, as of now: its files are looked at again while the gateway runs, so that a revocation needs no restart. */
import { statSync } from "node:fs";
import type { Bytes } from "../../foundation/bytes.ts";
import type { Clock } from "../../foundation/crypto.ts";
import { isSealingRole } from "../../keys/trust/roles.ts";
import type { TrustStoreContent } from "../../keys/trust/trust-store.ts";
import type { EventSink } from "../../operations/event.ts";
import type { SiteHome } from "../home.ts";

export interface TrustSnapshot {
  /** Grows with each change. */
  readonly version: number;
  readonly content: TrustStoreContent;
  /** In DER, of devices whose marks are known where their seal was removed. */
  readonly markSigners: readonly Bytes[];
}

type TrustHome = Pick<SiteHome, "trustContent" | "trustPaths" | "deviceCertificates">;

/** A revocation takes effect within this; looking costs four calls of the system. */
const checkedEveryMs = 2000;

export class TrustWatch {
  readonly #home: TrustHome;
  readonly #clock: Clock;
  readonly #events: EventSink;
  #snapshot: TrustSnapshot | undefined;
  #stamp: string | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;

  constructor(home: TrustHome, clock: Clock, events: EventSink) {
    this.#home = home;
    this.#clock = clock;
    this.#events = events;
  }

  /**
   * Files that cannot be read are an error for as long as they cannot: what was trusted before may have been revoked in them.
   * @throws ScansealError `io`, `key-unusable`, `certificate-invalid`
   */
  current(): TrustSnapshot {
    const now = this.#clock.now();
    // A clock set back must not stop the looking.
    const isFresh = Math.abs(now - this.#checkedAt) < checkedEveryMs;
    if (this.#snapshot && this.#stamp !== undefined && isFresh) return this.#snapshot;
    // Before the content: what changes between is seen the next time.
    const stamp = stampOf(this.#home.trustPaths());
    if (this.#snapshot && stamp === this.#stamp) {
      this.#checkedAt = now;
      return this.#snapshot;
    }
    this.#stamp = undefined;
    const content = this.#home.trustContent();
    const markSigners = this.#home.deviceCertificates();
    const version = (this.#snapshot?.version ?? 0) + 1;
    const { devices = [] } = content;
    const sealing = devices.filter(({ roles }) => roles.some(isSealingRole));
    if (this.#snapshot) this.#events({ kind: "trust-reloaded", devices: sealing.length });
    this.#snapshot = { version, content, markSigners };
    this.#stamp = stamp;
    this.#checkedAt = now;
    return this.#snapshot;
  }
}

/** They are replaced by renaming, so that the inode changes too. */
function stampOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
      return stats === undefined ? "-" : `${stats.ino}.${stats.size}.${stats.mtimeNs}`;
    })
    .join(" ");
}
