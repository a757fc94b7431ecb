/** Enrolment in one step, for a demonstration or a device on the authority's own machine. */
import type { Random } from "../../foundation/crypto.ts";
import type { Certificate } from "../trust/certificate.ts";
import type { Role } from "../trust/roles.ts";
import type { Authority } from "./authority.ts";
import { createDevice, installCertificate, startKeyEpoch } from "./device-keys.ts";
import type { DeviceName } from "./device-name.ts";
import type { KeyChoice } from "./private-key.ts";
import type { TokenPlace } from "./token-keys.ts";

export interface LocalEnrolment {
  readonly device: DeviceName;
  readonly roles: readonly Role[];
  readonly passphrase: string;
  readonly random: Random;
  readonly keyType?: KeyChoice;
  /** See NewKey. */
  readonly token?: TokenPlace | undefined;
  /** True for a new key of an enrolled device. */
  readonly isNewEpoch?: boolean;
  readonly epochAbove?: number;
}

export interface LocalDevice {
  readonly certificate: Certificate;
  /** What was skipped, to be shown to whoever asked for it. */
  readonly notice: string;
}

const localEnrolmentNotice =
  "Shortcut: the key was made on the authority's machine and nobody compared its fingerprint. " +
  "Fine for a demonstration or a local device; enrol a real scanner with a code.";

/** The same steps as over two machines, with nobody between them. @throws ScansealError as the steps do */
export async function enrolLocally(
  authority: Authority,
  folder: string,
  { device, roles, isNewEpoch, ...key }: LocalEnrolment,
): Promise<LocalDevice> {
  const { code } = authority.issueCode({ ...device, roles });
  const made =
    isNewEpoch === true ? await startKeyEpoch(folder, key) : await createDevice(folder, device, key);
  const der = await authority.enrol({
    request: made.request,
    code,
    comparedFingerprint: made.keyFingerprint,
  });
  return { certificate: await installCertificate(folder, der), notice: localEnrolmentNotice };
}
