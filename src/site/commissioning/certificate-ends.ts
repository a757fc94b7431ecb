/** Every certificate and revocation list that a site and its gateway rest on, with its end. */
import { X509Certificate } from "node:crypto";
import { equalBytes } from "../../foundation/bytes.ts";
import type { Clock } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nameText } from "../../keys/trust/distinguished-name.ts";
import type { ClientTlsSettings, GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import type { SiteHome } from "../home.ts";

export type CertificateOf =
  | "authority"
  | "revocation-list"
  | "device"
  | "tls"
  | "listener"
  | "destination"
  | "archive";

export interface CertificateEnd {
  readonly of: CertificateOf;
  /** A device's, a configured name, or an authority's subject. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

/** Of devices and TLS peers the newest of each name that is not revoked. @throws ScansealError `key-unusable`, `io`, `certificate-invalid` */
export function siteCertificates(home: SiteHome): CertificateEnd[] {
  const { anchors, crls } = home.trust();
  const { issued, revoked } = home.ledger();
  const serials = new Set(revoked.map(({ serial }) => serial));
  const devices = new Map(issued.map((entry) => [entry.name, entry]));
  const peers = home.tlsCertificates().filter(({ isRevoked }) => !isRevoked);
  const newest = new Map(peers.map((entry) => [`${entry.kind} ${entry.name}`, entry]));
  const own = anchors[0]?.certificate.subject;
  return [
    ...anchors.map(({ label, certificate }): CertificateEnd => {
      return { of: "authority", name: label, endsAt: certificate.notAfter };
    }),
    ...crls.flatMap(({ issuer, nextUpdate }): CertificateEnd[] => {
      const name = own && equalBytes(own.der, issuer.der) ? "site" : nameText(issuer);
      return nextUpdate === undefined ? [] : [{ of: "revocation-list", name, endsAt: nextUpdate }];
    }),
    ...[...devices.values()]
      .filter(({ serial }) => !serials.has(serial))
      .map(({ name, notAfter }): CertificateEnd => ({ of: "device", name, endsAt: notAfter })),
    ...[...newest.values()].map(({ name, notAfter }): CertificateEnd => {
      return { of: "tls", name, endsAt: notAfter };
    }),
  ];
}

/** What the gateway itself shows to those who connect, and to those whom it connects to. */
export function gatewayCertificates({
  listeners,
  destinations,
  reading,
}: Pick<GatewaySettings, "listeners" | "destinations" | "reading">): CertificateEnd[] {
  const archive = reading?.archive;
  const clients: readonly (readonly [CertificateOf, string, ClientTlsSettings | undefined])[] = [
    ...destinations.map(({ name, tls }) => ["destination", name, tls] as const),
    ...(archive ? [["archive", archive.name, archive.through.tls] as const] : []),
  ];
  return [
    ...listeners.flatMap(({ name, tls }) => (tls ? endOf("listener", name, tls.certificate) : [])),
    ...clients.flatMap(([of, name, tls]) => (tls?.certificate ? endOf(of, name, tls.certificate) : [])),
  ];
}

/** The configuration was read with it: what cannot be read now is no reason to tell nothing of the others. */
function endOf(of: CertificateOf, name: string, pem: string): CertificateEnd[] {
  try {
    return [{ of, name, endsAt: new X509Certificate(pem).validToDate.getTime() }];
  } catch {
    return [];
  }
}

/** Metrics are asked for every few seconds, and files change seldom. */
const rememberedMs = 60_000;

/** Of site and gateway. Where the site's files cannot be read there is nothing to tell: everything is held then, and says so. */
export function rememberedEnds(
  home: SiteHome,
  settings: () => GatewaySettings,
  clock: Clock,
): () => readonly CertificateEnd[] {
  let known: { readonly at: number; readonly ends: readonly CertificateEnd[] } | undefined;
  return () => {
    const now = clock.now();
    if (known && Math.abs(now - known.at) < rememberedMs) return known.ends;
    let ends: readonly CertificateEnd[] = [];
    try {
      ends = [...siteCertificates(home), ...gatewayCertificates(settings())];
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
    }
    known = { at: now, ends };
    return ends;
  };
}
