/** A new key in place of one: the only way to a new key epoch on the authority's own machine. */
import { ScansealError } from "../../foundation/errors.ts";
import type { IssuedEntry } from "../../keys/custody/authority-ledger.ts";
import type { DeviceName } from "../../keys/custody/device-name.ts";
import { enrolLocally, type LocalDevice } from "../../keys/custody/local-enrolment.ts";
import type { KeyChoice } from "../../keys/custody/private-key.ts";
import type { TokenPlace } from "../../keys/custody/token-keys.ts";
import type { Role } from "../../keys/trust/roles.ts";
import { nodeRandom } from "../../platform/node/crypto.ts";
import type { SiteHome } from "../home.ts";
import { certificateOf } from "./issued-certificate.ts";
import { epochInUse, keyOwner } from "./key-owner.ts";

export interface KeyChanges {
  /** What the new certificate says, where it is not what the last one said. */
  readonly device?: DeviceName;
  readonly roles?: readonly Role[];
  readonly keyType?: KeyChoice | undefined;
  /** Without it, where the last key is. */
  readonly token?: TokenPlace | undefined;
}

export interface RotatedKey extends LocalDevice {
  readonly keyEpoch: number;
  /** Of the key before; undefined where this authority issued none. */
  readonly replaced: number | undefined;
}

/** An RSA key is followed by one of at least its length, as far as we make them. */
const rsaBitsOfDefault = 3072;

/**
 * A new key epoch with key, certificate and counter. Cut off at any step it is run again: until the certificate is installed the
 * old key is the one in use, and an epoch without a certificate is left behind for ever.
 * @throws ScansealError `usage` for a name that nothing here has, or a device whose key is elsewhere; `key-unusable`, `io`
 */
export async function rotateKey(home: SiteHome, name: string, changes: KeyChanges = {}): Promise<RotatedKey> {
  const owner = keyOwner(home, name);
  if (!owner.isHere)
    throw new ScansealError(
      "usage",
      "its key is not in this home: ask for a new one where it is, with scanseal device request --new-epoch",
    );
  const last = owner.issued.at(-1);
  const device = changes.device ?? last;
  const roles = changes.roles ?? last?.roles;
  if (!device || !roles)
    throw new ScansealError(
      "usage",
      "another authority enrolled that device: ask it for a new certificate, with scanseal device request --new-epoch",
    );
  const replaced = last === undefined ? undefined : epochInUse(owner);
  const { aeTitle, serialNumber } = device;
  const made = await enrolLocally(await home.openAuthority(), owner.folder, {
    device: { name: owner.name, aeTitle, serialNumber },
    roles,
    passphrase: home.passphrase(),
    random: nodeRandom,
    keyType: changes.keyType ?? (last ? choiceOf(last) : "EC-P256"),
    token: changes.token,
    isNewEpoch: true,
    epochAbove: Math.max(0, ...owner.issued.map(({ keyEpoch }) => keyEpoch)),
  });
  const keyEpoch = home
    .ledger()
    .issued.find(({ fingerprint }) => fingerprint === made.certificate.fingerprint)!.keyEpoch;
  return { ...made, keyEpoch, replaced };
}

function choiceOf(entry: IssuedEntry): KeyChoice {
  if (entry.keyType !== "RSA") return entry.keyType;
  const key = certificateOf(entry)?.key;
  return key?.type === "RSA" && key.bits > rsaBitsOfDefault ? "RSA-4096" : "RSA-3072";
}
