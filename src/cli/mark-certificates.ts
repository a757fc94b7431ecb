/** Certificates of devices whose marks may be met, as commands are given them. */
import type { Bytes } from "../foundation/bytes.ts";
import { decodePem } from "../keys/trust/pem.ts";
import type { SiteHome } from "../site/home.ts";
import { ImageVerifier, requireCertificate } from "../site/image-verification.ts";
import { readText } from "./text-file.ts";

/** @param paths PEM files */
export function certificatesIn(paths: readonly string[]): Bytes[] {
  return paths.flatMap((path) => decodePem("CERTIFICATE", readText(path)).map(requireCertificate));
}

export function imageVerifierOf(home: SiteHome, given: readonly Bytes[]): ImageVerifier {
  return new ImageVerifier({
    trust: home.trustContent(),
    certificates: [...home.deviceCertificates(), ...given],
    master: home.watermarkMaster(),
  });
}
