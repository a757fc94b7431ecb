/** `scanseal init`: makes a site, with an authority of its own or one that exists. */
import { ScansealError } from "../../foundation/errors.ts";
import { createHome } from "../../site/home.ts";
import { readText } from "../text-file.ts";

export interface InitOptions {
  readonly home: string;
  readonly name: string;
  readonly caCert?: string;
  readonly caKey?: string;
  readonly logOrigin?: string;
}

/** @returns 0 */
export async function init(options: InitOptions): Promise<number> {
  const { home, name, caCert, caKey, logOrigin } = options;
  if ((caCert === undefined) !== (caKey === undefined)) {
    throw new ScansealError("usage", "--ca-cert and --ca-key belong together");
  }
  const existing =
    caCert === undefined || caKey === undefined
      ? {}
      : {
          existing: {
            certificatePem: readText(caCert),
            keyPem: readText(caKey),
            keyPassphrase: process.env.SCANSEAL_CA_PASSPHRASE ?? "",
          },
        };
  const site = await createHome(home, { name, logName: logOrigin, ...existing });
  const [anchor] = site.trust().anchors;
  process.stdout.write(
    [
      `Site "${name}" made in ${home}.`,
      `Authority: ${anchor!.label}`,
      `SHA-256:   ${anchor!.certificate.fingerprint}`,
      "",
      "Next: scanseal enroll NAME --ae AE_TITLE --serial SERIAL_NUMBER",
      "",
    ].join("\n"),
  );
  return 0;
}
