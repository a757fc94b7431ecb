/** `scanseal tls`: certificates for the network from the site's authority. They name machines and never seal an image. */
import { join } from "node:path";
import { utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { TlsKind } from "../../keys/custody/authority-ledger.ts";
import {
  type IssuedTls,
  issueTlsLocally,
  requireTlsOwner,
  type TlsOwner,
} from "../../keys/custody/tls-certificate.ts";
import { decodePem, encodePem } from "../../keys/trust/pem.ts";
import { createFileDurably, ensurePrivateFolder, fileExists } from "../../platform/node/private-files.ts";
import { openHome, type SiteHome } from "../../site/home.ts";
import { readText, writeNewText } from "../text-file.ts";

export interface TlsOptions {
  readonly home: string;
  readonly out: string;
  /** Path of a PKCS#10 request; without it a key is made here. */
  readonly request?: string;
  /** As a person read it at the machine the request comes from. */
  readonly fingerprint?: string;
}

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** For a machine others connect to: a gateway's listener, an archive. @returns 0 */
export async function tlsServer(
  name: string,
  options: TlsOptions & { readonly host: readonly string[] },
): Promise<number> {
  const { entry } = await issue({ kind: "tls-server", name, hosts: options.host }, options);
  say(`It is for ${entry.hosts.join(", ")}.`, `SHA-256: ${entry.fingerprint}`);
  return 0;
}

/** For a machine that connects to others: a modality, the gateway itself. @returns 0 */
export async function tlsClient(name: string, options: TlsOptions): Promise<number> {
  const { entry } = await issue({ kind: "tls-client", name, hosts: [] }, options);
  say(`SHA-256: ${entry.fingerprint}`, "This is what names the sender among the gateway's sources.");
  return 0;
}

async function issue(owner: TlsOwner, options: TlsOptions): Promise<IssuedTls> {
  requireTlsOwner(owner);
  if (options.fingerprint !== undefined && options.request === undefined) {
    throw new ScansealError("usage", "--fingerprint is that of a request's key: give --request too");
  }
  const home = openHome(options.home);
  const { name } = owner;
  const path = join(options.out, `${name}.pem`);
  if (!fileExists(options.out)) ensurePrivateFolder(options.out);
  const issued = await writeNewText(path, async () => {
    const made =
      options.request === undefined
        ? await makeWithKey(home, owner, join(options.out, `${name}.key`))
        : await answerRequest(home, owner, options.request, options.fingerprint);
    return { text: encodePem("CERTIFICATE", made.der), result: made };
  });
  const until = new Date(issued.entry.notAfter).toISOString().slice(0, 10);
  say(`Certificate written to ${path}, valid until ${until}.`);
  if (options.request === undefined) {
    say(`Key written to ${join(options.out, `${name}.key`)}. Keep it where only ${name} can read it.`);
  } else if (options.fingerprint === undefined) {
    const key = issued.entry.keyFingerprint;
    say(`Key SHA-256: ${key}`, `Compare it with what ${name} itself shows before the certificate is used.`);
  }
  return issued;
}

async function makeWithKey(home: SiteHome, owner: TlsOwner, keyPath: string): Promise<IssuedTls> {
  if (fileExists(keyPath)) throw new ScansealError("io", `${keyPath} cannot be written: it exists already`);
  const made = await issueTlsLocally(await home.openAuthority(), owner);
  // Another process may have been quicker.
  if (!createFileDurably(keyPath, utf8(made.keyPem), { mode: 0o600 })) {
    throw new ScansealError("io", `${keyPath} cannot be written: it exists already`);
  }
  return made;
}

async function answerRequest(
  home: SiteHome,
  owner: TlsOwner,
  path: string,
  compared: string | undefined,
): Promise<IssuedTls> {
  const [request, ...more] = decodePem("CERTIFICATE REQUEST", readText(path));
  if (!request || more.length > 0) {
    throw new ScansealError("usage", `${path} does not hold one CERTIFICATE REQUEST`);
  }
  const authority = await home.openAuthority();
  return authority.issueTls(owner, request, compared);
}

/** Every certificate in use under that name. @returns 0 */
export async function tlsRevoke(
  name: string,
  options: { readonly home: string; readonly compromised: boolean },
): Promise<number> {
  const home = openHome(options.home);
  const inUse = home.tlsCertificates().filter((entry) => entry.name === name && !entry.isRevoked);
  if (inUse.length === 0) {
    throw new ScansealError("usage", "this site's authority has no TLS certificate in use under that name");
  }
  const authority = await home.openAuthority();
  for (const { serial } of inUse) {
    authority.revoke(serial, options.compromised ? "keyCompromise" : "cessationOfOperation");
  }
  say(
    `${inUse.length === 1 ? "The TLS certificate" : `${inUse.length} TLS certificates`} of ${name} revoked.`,
    ...inUse.map((entry) => `SHA-256: ${entry.fingerprint}`),
    "A running gate heeds it within two seconds.",
    "Take it out of the gateway's configuration too: a source is named by its certificate there.",
  );
  return 0;
}

const kindNames: Readonly<Record<TlsKind, string>> = { "tls-server": "server", "tls-client": "client" };

/** @returns 0 */
export function tlsList(options: { readonly home: string }): number {
  const lines = openHome(options.home)
    .tlsCertificates()
    .map(({ kind, name, hosts, notAfter, isRevoked, fingerprint }) => {
      const state = isRevoked ? "revoked" : `until ${new Date(notAfter).toISOString().slice(0, 10)}`;
      return [kindNames[kind], name, state, fingerprint, hosts.join(",")].join("  ").trimEnd();
    });
  say(...(lines.length === 0 ? ["No TLS certificates yet: scanseal tls server NAME --host HOST"] : lines));
  return 0;
}
