/** `scanseal enroll`: gives a device its key and certificate, in one step on this machine or in steps over two. */
import { resolve } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { createDevice, installCertificate, startKeyEpoch } from "../../keys/custody/device-keys.ts";
import { enrolLocally } from "../../keys/custody/local-enrolment.ts";
import type { KeyChoice } from "../../keys/custody/private-key.ts";
import type { TokenPlace } from "../../keys/custody/token-keys.ts";
import { decodePem, encodePem, type PemLabel } from "../../keys/trust/pem.ts";
import type { Role } from "../../keys/trust/roles.ts";
import { nodeRandom } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { rotateKey } from "../../site/keys/key-rotation.ts";
import { readText, writeNewText } from "../text-file.ts";
import { revokeKeys } from "./keys.ts";
import { changeMarking, checkMarking, type MarkingOptions } from "./marking.ts";

export interface EnrollOptions extends MarkingOptions {
  readonly home: string;
  readonly ae: string;
  readonly serial: string;
  readonly role: Role;
  readonly key: KeyChoice;
  readonly newEpoch: boolean;
  readonly pkcs11?: string;
  readonly token?: string;
}

/** @throws ScansealError `usage` for one without the other */
function tokenPlace({ pkcs11, token }: Pick<EnrollOptions, "pkcs11" | "token">): TokenPlace | undefined {
  if (pkcs11 === undefined && token === undefined) return undefined;
  if (!pkcs11 || !token)
    throw new ScansealError("usage", "a key in a token needs both, --pkcs11 MODULE and --token LABEL");
  return { module: resolve(pkcs11), label: token };
}

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

function days(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

/** The key is made here, for a demonstration or a device on this machine. @returns 0 */
export async function enroll(name: string, options: EnrollOptions): Promise<number> {
  checkMarking(options);
  const token = tokenPlace(options);
  const home = openHome(options.home);
  const device = { name, aeTitle: options.ae, serialNumber: options.serial };
  const wanted = { device, roles: [options.role], keyType: options.key, token };
  const { certificate, notice } = options.newEpoch
    ? await rotateKey(home, name, wanted)
    : await enrolLocally(await home.openAuthority(), home.deviceFolder(name), {
        ...wanted,
        passphrase: home.passphrase(),
        random: nodeRandom,
      });
  changeMarking(home.deviceFolder(name), options);
  say(
    `Device ${name} enrolled as ${options.role}, valid until ${days(certificate.notAfter)}.`,
    `SHA-256: ${certificate.fingerprint}`,
    "",
    notice,
    "",
    `Next: scanseal seal FILES --device ${name} --out FOLDER`,
  );
  return 0;
}

/** Step 1, at the authority. @returns 0 */
export async function issueCode(
  name: string,
  options: Omit<EnrollOptions, "key" | "newEpoch" | "pkcs11" | "token" | keyof MarkingOptions>,
): Promise<number> {
  const authority = await openHome(options.home).openAuthority();
  const { code, expiresAt } = authority.issueCode({
    name,
    aeTitle: options.ae,
    serialNumber: options.serial,
    roles: [options.role],
  });
  say(`One-time code for ${name}: ${code}`, `It ends at ${new Date(expiresAt).toISOString()}.`);
  return 0;
}

/** Step 2, at the device. @returns 0 */
export async function requestCertificate(
  name: string,
  options: Omit<EnrollOptions, "role"> & { readonly out: string },
): Promise<number> {
  checkMarking(options);
  const home = openHome(options.home);
  const token = tokenPlace(options);
  const key = { keyType: options.key, passphrase: home.passphrase(), random: nodeRandom, token };
  const folder = home.deviceFolder(name);
  const device = { name, aeTitle: options.ae, serialNumber: options.serial };
  const made = await writeNewText(options.out, async () => {
    const result = options.newEpoch
      ? await startKeyEpoch(folder, key)
      : await createDevice(folder, device, key);
    return { text: encodePem("CERTIFICATE REQUEST", result.request), result };
  });
  changeMarking(folder, options);
  say(
    `Request written to ${options.out}.`,
    `Key SHA-256, to be compared at the authority: ${made.keyFingerprint}`,
  );
  return 0;
}

export interface SignOptions {
  readonly home: string;
  readonly code: string;
  readonly fingerprint: string;
  readonly out: string;
}

/** Step 3, at the authority, after a person compared the fingerprint. @returns 0 */
export async function signRequest(path: string, options: SignOptions): Promise<number> {
  const authority = await openHome(options.home).openAuthority();
  const request = readPem(path, "CERTIFICATE REQUEST");
  const { code, fingerprint } = options;
  await writeNewText(options.out, async () => {
    const der = await authority.enrol({ request, code, comparedFingerprint: fingerprint });
    return { text: encodePem("CERTIFICATE", der), result: undefined };
  });
  say(`Certificate written to ${options.out}.`);
  return 0;
}

/** Step 4, at the device. @returns 0 */
export async function installDevice(
  name: string,
  path: string,
  options: { readonly home: string },
): Promise<number> {
  const home = openHome(options.home);
  const certificate = await installCertificate(home.deviceFolder(name), readPem(path, "CERTIFICATE"));
  say(`Device ${name} can seal until ${days(certificate.notAfter)}.`);
  return 0;
}

/** The same as `keys revoke`, with the two reasons it always had. @returns 0 */
export function revoke(
  name: string,
  options: { readonly home: string; readonly compromised: boolean },
): Promise<number> {
  return revokeKeys(name, {
    home: options.home,
    reason: options.compromised ? "key-compromise" : "cessation",
  });
}

/** A new revocation list with the same entries. @returns 0 */
export async function renewCrl(options: { readonly home: string }): Promise<number> {
  (await openHome(options.home).openAuthority()).renewCrl();
  say("The revocation list is renewed.");
  return 0;
}

function readPem(path: string, label: PemLabel): Uint8Array {
  const [der, ...more] = decodePem(label, readText(path));
  if (!der || more.length > 0) throw new ScansealError("usage", `${path} does not hold one ${label}`);
  return der;
}
