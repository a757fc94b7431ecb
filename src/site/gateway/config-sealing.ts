/** The keys "seals" and "sealing" of a source: this gateway is the sealer beside it (docs/sealer.md). */
import { isIP } from "node:net";
import type { SealingSettings, WorklistSettings } from "../../zero-trust/gateway/settings.ts";
import { type Placed, readTlsClient, type TlsClientSection } from "./config-peers.ts";
import type { ProblemList } from "./config-problem.ts";
import { parseList, parseSection, parseText, Refusal, type Section } from "./config-reader.ts";
import type { ConfigSections, ListenerSection, SourceSection } from "./config-sections.ts";
import { aeTitleValue, durationValue, hostValue, pathValue, portValue, textValue } from "./config-values.ts";
import { exposureOf } from "./network-address.ts";
import { clientTls, type Making } from "./section-settings.ts";

export interface WorklistSection extends Placed {
  readonly folder: string | undefined;
  readonly host: string | undefined;
  readonly port: number;
  readonly aeTitle: string | undefined;
  readonly calling: string;
  readonly tls: TlsClientSection | undefined;
}

export interface SealingSection extends Placed {
  readonly modalities: readonly string[];
  readonly manufacturer: string;
  readonly model: string;
  readonly station: string | undefined;
  readonly deviceUid: string | undefined;
  readonly worklist: WorklistSection | undefined;
  readonly closeAfterMs: number;
}

/** Longer than the pause between two reconstructions of a series, shorter than a radiologist waits. */
const closeAfterDefault: number = 10 * 60_000;
const day: number = 24 * 3_600_000;

/** PS3.5 6.2 CS. */
const modalityValue = parseText((text) =>
  /^[A-Z0-9 _]{1,16}$/.test(text) ? text : new Refusal("must be a modality such as CT: capitals and digits"),
);

export function readSealing(section: Section): SealingSection {
  return {
    at: (key) => section.at(key),
    modalities: section.required("modalities", parseList(modalityValue), []),
    manufacturer: section.required("manufacturer", textValue, ""),
    model: section.required("model", textValue, ""),
    station: section.optional<string | undefined>("station", textValue, undefined),
    deviceUid: section.optional<string | undefined>("deviceUid", textValue, undefined),
    worklist: section.optional<WorklistSection | undefined>(
      "worklist",
      parseSection(readWorklist),
      undefined,
    ),
    closeAfterMs: section.optional("closeAfter", durationValue(1_000, day), closeAfterDefault),
  };
}

function readWorklist(section: Section): WorklistSection {
  const worklist = {
    at: (key?: string) => section.at(key),
    folder: section.optional<string | undefined>("folder", pathValue, undefined),
    host: section.optional<string | undefined>("host", hostValue, undefined),
    port: section.optional("port", portValue, 104),
    aeTitle: section.optional<string | undefined>("aeTitle", aeTitleValue, undefined),
    calling: section.optional("calling", aeTitleValue, "SCANSEAL"),
    tls: section.optional<TlsClientSection | undefined>("tls", parseSection(readTlsClient), undefined),
  };
  const { folder, host, aeTitle } = worklist;
  if ((folder === undefined) === (host === undefined) || (host === undefined) !== (aeTitle === undefined))
    section.problems.error(
      "missing",
      section.at(),
      'the worklist is a "folder", or a server with "host", "port" and "aeTitle"',
    );
  return worklist;
}

export function sealingSettings(
  device: string,
  { at: _, worklist, closeAfterMs, ...equipment }: SealingSection,
  making: Making,
): SealingSettings {
  const asked = worklist && worklistSettings(worklist, making);
  return { device, equipment, closeAfterMs, ...(asked ? { worklist: asked } : {}) };
}

function worklistSettings(
  { folder, host, port, aeTitle, calling, tls, at }: WorklistSection,
  making: Making,
): WorklistSettings | undefined {
  if (folder !== undefined) return { folder: making.named(folder, at("folder")).path };
  if (host === undefined || aeTitle === undefined) return undefined;
  const server = { host, port, aeTitle, callingAeTitle: calling };
  return { server: tls ? { ...server, tls: clientTls(tls, making) } : server };
}

/** A sealer signs what it is sent: whoever reaches its port could have anything signed. */
export function checkSealers(sections: ConfigSections, problems: ProblemList): void {
  const owners = new Map<string, string>();
  for (const source of sections.sources) {
    const { name, seals, sealing, at } = source;
    if (seals === undefined) {
      if (sealing)
        problems.error(
          "conflict",
          at("sealing"),
          `source ${name} says how to seal, and not as whom`,
          "seals: DEVICE",
        );
      continue;
    }
    if (!sealing)
      problems.error(
        "missing",
        at("seals"),
        `source ${name} must say in "sealing" what its images say of the equipment`,
        "sealing: {modalities: [CT], manufacturer: ..., model: ...}",
      );
    const other = owners.get(seals);
    if (other !== undefined)
      problems.error(
        "duplicate-name",
        at("seals"),
        `sources ${other} and ${name} are both sealed by ${seals}`,
      );
    owners.set(seals, name);
    if (source.mode !== "enforce")
      problems.error(
        "conflict",
        at("mode"),
        `source ${name} is sealed here: nothing it sends passes unsealed, so its mode is enforce`,
      );
    checkPinned(source, sections, problems);
  }
}

function checkPinned(source: SourceSection, sections: ConfigSections, problems: ProblemList): void {
  const { name, certificates, networks, aeTitles, at } = source;
  const listener = sections.listeners.find((one) => one.name === source.listener);
  if (!listener) return;
  checkDedicated(source, listener, sections, problems);
  if (listener.tls) {
    if (certificates.length > 1)
      problems.error(
        "conflict",
        at("certificates"),
        `source ${name} is sealed here: one certificate, its own`,
      );
    return;
  }
  const [only] = networks;
  if (networks.length !== 1 || only === undefined || !isOneAddress(only))
    problems.error(
      "conflict",
      at("networks"),
      `source ${name} is sealed here, and without TLS its address is all that tells it: name that one address`,
      "networks: [10.20.30.41/32]",
    );
  if (aeTitles.length !== 1)
    problems.error("conflict", at("aeTitles"), `source ${name} is sealed here: name its AE title, one`);
  if (exposureOf(listener.host) === "every-network")
    problems.error(
      "conflict",
      listener.at("host"),
      `listener ${listener.name} is a sealer's: bind it to the address of the interface that the modality is wired to`,
    );
}

function checkDedicated(
  { name, at }: SourceSection,
  listener: ListenerSection,
  { sources, reading }: ConfigSections,
  problems: ProblemList,
): void {
  const others = [...sources, ...(reading?.readers ?? [])].filter(
    (one) => one.listener === listener.name && one.name !== name,
  );
  if (others.length > 0)
    problems.error(
      "conflict",
      at("listener"),
      `source ${name} is sealed here and needs a listener of its own: ${others[0]!.name} is at ${listener.name} too`,
    );
  if (listener.protocol === "dicomweb")
    problems.error("conflict", at("listener"), `source ${name} is sealed here: modalities send by DIMSE`);
}

function isOneAddress(network: string): boolean {
  const [address = "", bits] = network.split("/");
  return bits === undefined ? isIP(address) > 0 : bits === (isIP(address) === 6 ? "128" : "32");
}
