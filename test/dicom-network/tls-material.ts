/** Certificates of a site's own authority, made for one test run. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "../../src/keys/custody/authority.ts";
import { issueTlsLocally, type LocalTls } from "../../src/keys/custody/tls-certificate.ts";
import { nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";

export interface TlsMaterial {
  /** PEM text. */
  readonly authority: string;
  /** For localhost and 127.0.0.1. */
  readonly server: LocalTls;
  readonly client: LocalTls;
}

export async function makeTlsMaterial(): Promise<TlsMaterial> {
  const home = mkdtempSync(join(tmpdir(), "scanseal-dimse-tls-"));
  try {
    const environment = { clock: systemClock, random: nodeRandom, passphrase: "correct horse battery" };
    const place = join(home, "authority");
    const authority = await createAuthority(place, { ...environment, name: "Example Hospital" });
    const hosts = ["localhost", "127.0.0.1"];
    return {
      authority: readFileSync(join(place, "authority.pem"), "utf8"),
      server: await issueTlsLocally(authority, { kind: "tls-server", name: "gate", hosts }),
      client: await issueTlsLocally(authority, { kind: "tls-client", name: "ct-1", hosts: [] }),
    };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
