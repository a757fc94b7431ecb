/** Parts of a configuration that several sections share: who a peer is, and TLS on either side. */
import { type Parse, parseList, parseSection, parseText, Refusal, type Section } from "./config-reader.ts";
import { aeTitleValue, hostValue, nameValue, networkValue, pathValue, portValue } from "./config-values.ts";

/** A place in the file, for checks that compare sections. */
export interface Placed {
  /** Of a key's value, or of the whole. */
  readonly at: (key?: string) => number;
}

export type CertificateName = { readonly fingerprint: string } | { readonly path: string };

/** Who a peer is, at a listener. */
export interface PeerSection extends Placed {
  readonly name: string;
  readonly listener: string;
  /** Fingerprints, or paths of PEM files. */
  readonly certificates: readonly CertificateName[];
  readonly aeTitles: readonly string[];
  readonly networks: readonly string[];
}

export interface TlsServerSection extends Placed {
  readonly certificate: string;
  readonly key: string;
  readonly clientAuthorities: string;
}

export interface TlsClientSection extends Placed {
  readonly authorities: string;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
}

/** Where reports of storage commitment go. */
export interface CommitmentPlaceSection extends Placed {
  readonly host: string;
  readonly port: number;
  readonly aeTitle: string | undefined;
  readonly tls: TlsClientSection | undefined;
}

export function readCommitmentPlace(section: Section): CommitmentPlaceSection {
  return {
    at: (key) => section.at(key),
    host: section.required("host", hostValue, ""),
    port: section.required("port", portValue, 0),
    aeTitle: section.optional<string | undefined>("aeTitle", aeTitleValue, undefined),
    tls: section.optional<TlsClientSection | undefined>("tls", parseSection(readTlsClient), undefined),
  };
}

export function readPeer(section: Section): PeerSection {
  return {
    at: (key) => section.at(key),
    name: section.required("name", nameValue, ""),
    listener: section.required("listener", nameValue, ""),
    certificates: section.optional("certificates", parseList(certificateValue), []),
    aeTitles: section.optional("aeTitles", parseList(aeTitleValue), []),
    networks: section.optional("networks", parseList(networkValue), []),
  };
}

/** Fingerprints are told by their form: no path of a certificate looks like one. */
export const certificateValue: Parse<CertificateName> = parseText((text) => {
  const hex = text.replace(/^sha256:/i, "").replaceAll(":", "");
  if (/^[0-9a-fA-F]{64}$/.test(hex)) return { fingerprint: hex.toLowerCase() };
  if (/^sha256:/i.test(text)) return new Refusal("must be 64 hexadecimal digits after sha256:");
  return { path: text };
});

export function readTlsServer(section: Section): TlsServerSection {
  return {
    at: (key) => section.at(key),
    certificate: section.required("certificate", pathValue, ""),
    key: section.required("key", pathValue, ""),
    clientAuthorities: section.required("clientAuthorities", pathValue, ""),
  };
}

export function readTlsClient(section: Section): TlsClientSection {
  return {
    at: (key) => section.at(key),
    authorities: section.required("authorities", pathValue, ""),
    certificate: section.optional<string | undefined>("certificate", pathValue, undefined),
    key: section.optional<string | undefined>("key", pathValue, undefined),
    serverName: section.optional<string | undefined>("serverName", hostValue, undefined),
  };
}
