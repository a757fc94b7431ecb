/** From the sections of a configuration to what the gateway is told: files read, certificates compared, secrets taken from where they are. */
import type {
  ArchiveSettings,
  ClientTlsSettings,
  DestinationSettings,
  ListenerSettings,
  MoveDestinationSettings,
  ReaderSettings,
  ReadingSettings,
  ServerTlsSettings,
  SourceSettings,
} from "../../zero-trust/gateway/settings.ts";
import { commitmentAskSettings } from "./config-commitment.ts";
import type { CertificateName, TlsClientSection, TlsServerSection } from "./config-peers.ts";
import type { ProblemList } from "./config-problem.ts";
import {
  type ArchiveSection,
  copiesSizeDefault,
  type MovePlaceSection,
  type ReaderSection,
  type ReadingSection,
} from "./config-reading.ts";
import { sealingSettings } from "./config-sealing.ts";
import type { DestinationSection, ListenerSection, SourceSection } from "./config-sections.ts";
import { fingerprintOf, type NamedFile, type TlsFiles } from "./tls-files.ts";

export interface Making {
  readonly files: TlsFiles;
  readonly named: (shown: string, at: number) => NamedFile;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly problems: ProblemList;
}

export function listenerSettings({ at: _, tls, ...rest }: ListenerSection, making: Making): ListenerSettings {
  return tls ? { ...rest, tls: serverTls(tls, making) } : rest;
}

export function sourceSettings(source: SourceSection, making: Making): SourceSettings {
  const { at, commitment, seals, sealing: section, ...rest } = source;
  const certificates = fingerprints(source.certificates, at("certificates"), making);
  const isSealed = seals !== undefined && section !== undefined;
  const sealing = isSealed ? { sealing: sealingSettings(seals, section, making) } : {};
  if (!commitment) return { ...rest, ...sealing, certificates };
  const { at: _, tls, ...place } = commitment;
  const reports = tls ? { ...place, tls: clientTls(tls, making) } : place;
  return { ...rest, ...sealing, certificates, commitment: reports };
}

export function destinationSettings(
  { at: _, tls, commitment, ...rest }: DestinationSection,
  making: Making,
): DestinationSettings {
  const settings = tls ? { ...rest, tls: clientTls(tls, making) } : rest;
  return commitment
    ? { ...settings, commitment: commitmentAskSettings(commitment, settings, making) }
    : settings;
}

function movePlaceSettings(
  { at: _, tls, ...rest }: MovePlaceSection,
  making: Making,
): MoveDestinationSettings {
  return tls ? { ...rest, tls: clientTls(tls, making) } : rest;
}

export function readingSettings(
  { archive, readers, keepsCopies, copiesSize = copiesSizeDefault }: ReadingSection,
  making: Making,
): ReadingSettings {
  return {
    archive: archive && archiveSettings(archive, making),
    readers: readers.map((reader) => readerSettings(reader, making)),
    copiesMax: keepsCopies ? copiesSize : 0,
  };
}

function readerSettings(reader: ReaderSection, making: Making): ReaderSettings {
  const { at, certificates, moveTo, ...rest } = reader;
  return {
    ...rest,
    certificates: fingerprints(certificates, at("certificates"), making),
    moveTo: moveTo.map((place) => movePlaceSettings(place, making)),
  };
}

export function archiveSettings(archive: ArchiveSection, making: Making): ArchiveSettings {
  const { name, destination, tolerate, at } = archive;
  const tls = archive.tls && clientTls(archive.tls, making);
  const { dicomweb: url, host, port, aeTitle } = archive;
  const isDimse = host !== undefined || port !== undefined || aeTitle !== undefined;
  if (url !== undefined) {
    if (isDimse)
      making.problems.error(
        "conflict",
        at("dicomweb"),
        'the archive is read either by "dicomweb" or by "host", "port" and "aeTitle"',
      );
    requireRoot(url, archive, making);
    const authorization = secretOf(archive, making);
    return {
      ...{ name, destination, tolerate },
      through: { protocol: "dicomweb", url: url.replace(/\/+$/, ""), authorization, tls },
    };
  }
  if (host === undefined || port === undefined || aeTitle === undefined)
    making.problems.error("missing", at(), 'the archive needs "dicomweb", or "host", "port" and "aeTitle"');
  return {
    ...{ name, destination, tolerate },
    through: { protocol: "dimse", host: host ?? "", port: port ?? 0, aeTitle: aeTitle ?? "", tls },
  };
}

function requireRoot(text: string, { at }: ArchiveSection, { problems }: Making): void {
  const url = URL.parse(text);
  const isRoot = url && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "";
  if (!isRoot)
    problems.error(
      "value",
      at("dicomweb"),
      "must be a DICOMweb root such as https://pacs.example.org/dicom-web",
    );
  // What is wrong with it is not repeated: it may hold a password.
  else if (url.username !== "" || url.password !== "")
    problems.error(
      "secret",
      at("dicomweb"),
      "a password does not belong in the address",
      "authorizationFrom: VARIABLE",
    );
}

function secretOf(
  { authorizationFrom, at }: ArchiveSection,
  { environment, problems }: Making,
): string | undefined {
  if (authorizationFrom === undefined) return undefined;
  const value = environment[authorizationFrom];
  if (value === undefined || value === "")
    problems.error(
      "environment",
      at("authorizationFrom"),
      `the environment variable ${authorizationFrom} is not set`,
    );
  return value;
}

function serverTls(tls: TlsServerSection, { files, named }: Making): ServerTlsSettings {
  const certificateFile = named(tls.certificate, tls.at("certificate"));
  const authoritiesFile = named(tls.clientAuthorities, tls.at("clientAuthorities"));
  const certificate = files.certificates(certificateFile);
  if (certificate) files.requireValid(certificateFile, certificate);
  const authorities = files.certificates(authoritiesFile);
  if (authorities) files.requireAuthorities(authoritiesFile, authorities);
  const key = files.keyOf(named(tls.key, tls.at("key")), certificate);
  return { certificate: certificate?.text ?? "", key: key ?? "", clientAuthorities: authorities?.text ?? "" };
}

export function clientTls(tls: TlsClientSection, { files, named }: Making): ClientTlsSettings {
  const authoritiesFile = named(tls.authorities, tls.at("authorities"));
  const authorities = files.certificates(authoritiesFile);
  if (authorities) files.requireAuthorities(authoritiesFile, authorities);
  const own = tls.certificate === undefined ? undefined : named(tls.certificate, tls.at("certificate"));
  const certificate = own && files.certificates(own);
  if (own && certificate) files.requireValid(own, certificate);
  const key = tls.key === undefined ? undefined : files.keyOf(named(tls.key, tls.at("key")), certificate);
  return {
    authorities: authorities?.text ?? "",
    certificate: certificate?.text,
    key,
    serverName: tls.serverName,
  };
}

export function fingerprints(
  certificates: readonly CertificateName[],
  at: number,
  { files, named }: Making,
): readonly string[] {
  return certificates.map((certificate) => {
    if ("fingerprint" in certificate) return certificate.fingerprint;
    const file = named(certificate.path, at);
    const pem = files.certificates(file);
    if (!pem) return "";
    files.requireValid(file, pem);
    return fingerprintOf(pem.certificates[0]!);
  });
}
