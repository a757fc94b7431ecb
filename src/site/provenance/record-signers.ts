/** The site's own keys: for receipts, for derivations, for notices to readers; made with the site, or when they are first missed. */
import { join } from "node:path";
import type { Signer } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { deviceStatus, openDeviceSigner } from "../../keys/custody/device-keys.ts";
import { enrolLocally } from "../../keys/custody/local-enrolment.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import type { SiteHome } from "../home.ts";

export type OfficeRole = "receipt" | "derive" | "notice";

/** As in their certificates. */
export const officeNames: Readonly<Record<OfficeRole, string>> = {
  receipt: "site-receipts",
  derive: "site-derivations",
  notice: "site-notices",
};

/** Makes the site's own keys where they are missing, or were cut off while they were made. The authority's key is opened for it. @throws ScansealError `key-unusable`, `io` */
export async function enrolOffices(home: SiteHome): Promise<void> {
  const missing = (Object.keys(officeNames) as OfficeRole[]).filter((role) => !isEnrolled(home, role));
  if (missing.length === 0) return;
  const authority = await home.openAuthority();
  const { issued } = home.ledger();
  for (const role of missing) {
    const name = officeNames[role];
    const folder = home.officeFolder(role);
    const epochs = issued.filter((entry) => entry.name === name).map(({ keyEpoch }) => keyEpoch);
    await enrolLocally(authority, folder, {
      device: { name, aeTitle: "SCANSEAL", serialNumber: name },
      roles: [role],
      passphrase: home.passphrase(),
      random: nodeRandom,
      isNewEpoch: fileExists(join(folder, "device.json")),
      epochAbove: Math.max(0, ...epochs),
    });
  }
}

function isEnrolled(home: SiteHome, role: OfficeRole): boolean {
  const folder = home.officeFolder(role);
  return fileExists(join(folder, "device.json")) && deviceStatus(folder).keyEpoch > 0;
}

/** @throws ScansealError `key-unusable` where the key is missing, or its certificate is not believed here any more, `io` */
export async function openOffice(home: SiteHome, role: OfficeRole): Promise<Signer> {
  const folder = home.officeFolder(role);
  if (!fileExists(folder))
    throw new ScansealError(
      "key-unusable",
      `the site was made before it had this key: scanseal keys list makes it`,
    );
  const signer = await openDeviceSigner(folder, home.passphrase());
  const judge = new TrustJudge(home.trust(), nodeCrypto, systemClock.now());
  const { result } = await judge.judge(signer.certificate, role);
  if (result !== "trusted")
    throw new ScansealError("key-unusable", `the site's key for this cannot be used: ${result}`);
  return signer;
}
