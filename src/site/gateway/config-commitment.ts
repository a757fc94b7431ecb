/** `destinations[].commitment` of a configuration: an archive that is asked whether it keeps what it got. */
import type { CommitmentAskSettings, DestinationSettings } from "../../zero-trust/gateway/settings.ts";
import {
  type CertificateName,
  certificateValue,
  type PeerSection,
  type Placed,
  readTlsClient,
  type TlsClientSection,
} from "./config-peers.ts";
import { parseList, parseSection, type Section } from "./config-reader.ts";
import {
  aeTitleValue,
  durationValue,
  hostValue,
  integerValue,
  nameValue,
  networkValue,
  portValue,
} from "./config-values.ts";
import { clientTls, fingerprints, type Making } from "./section-settings.ts";

export interface CommitmentAskSection extends Placed {
  /** Undefined: the destination's own, as with the next two. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly aeTitle: string | undefined;
  readonly tls: TlsClientSection | undefined;
  /** Undefined: its reports come on the association that asked. */
  readonly reports: PeerSection | undefined;
  readonly askAgainMs: number;
  readonly alarmAfter: number;
  readonly sendAgainMax: number;
}

const second = 1_000;
const minute: number = 60 * second;
const day: number = 24 * 60 * minute;

/** Archives answer within seconds, or when a study is complete. */
const askAgainDefault: number = 10 * minute;
/** With the pauses between: after 70 minutes. */
const alarmAfterDefault = 3;
/** What it lost once it may keep the next time. */
const sendAgainDefault = 2;

export function readCommitmentAsk(
  section: Section,
  destination: string,
  title: string,
): CommitmentAskSection {
  const aeTitle = section.optional<string | undefined>("aeTitle", aeTitleValue, undefined);
  const readReports = parseSection((one) => readReportPeer(one, destination, aeTitle ?? title));
  return {
    at: (key) => section.at(key),
    host: section.optional<string | undefined>("host", hostValue, undefined),
    port: section.optional<number | undefined>("port", portValue, undefined),
    aeTitle,
    tls: section.optional<TlsClientSection | undefined>("tls", parseSection(readTlsClient), undefined),
    reports: section.optional<PeerSection | undefined>("reports", readReports, undefined),
    askAgainMs: section.optional("askAgain", durationValue(second, day), askAgainDefault),
    alarmAfter: section.optional("alarmAfter", integerValue(1, 100), alarmAfterDefault),
    sendAgainMax: section.optional("sendAgain", integerValue(0, 10), sendAgainDefault),
  };
}

function readReportPeer(section: Section, name: string, title: string): PeerSection {
  return {
    at: (key) => section.at(key),
    name,
    listener: section.required("listener", nameValue, ""),
    certificates: section.optional<readonly CertificateName[]>(
      "certificates",
      parseList(certificateValue),
      [],
    ),
    aeTitles: section.optional<readonly string[]>("aeTitles", parseList(aeTitleValue), [title]),
    networks: section.optional<readonly string[]>("networks", parseList(networkValue), []),
  };
}

export function commitmentAskSettings(
  section: CommitmentAskSection,
  destination: Pick<DestinationSettings, "host" | "port" | "aeTitle" | "tls">,
  making: Making,
): CommitmentAskSettings {
  const { host, port, aeTitle, askAgainMs, alarmAfter, sendAgainMax, reports } = section;
  const tls = section.tls ? clientTls(section.tls, making) : destination.tls;
  const rest = { askAgainMs, alarmAfter, sendAgainMax };
  return {
    host: host ?? destination.host,
    port: port ?? destination.port,
    aeTitle: aeTitle ?? destination.aeTitle,
    ...(tls && { tls }),
    ...rest,
    ...(reports && { reports: peerSettings(reports, making) }),
  };
}

function peerSettings(
  { at, ...peer }: PeerSection,
  making: Making,
): NonNullable<CommitmentAskSettings["reports"]> {
  return { ...peer, certificates: fingerprints(peer.certificates, at("certificates"), making) };
}
