/** The section "reading" of a configuration: who reads through the gate, and from which archive. */
import type { MalformedCode } from "../../foundation/errors.ts";
import type { Mode } from "../../zero-trust/policy/decide.ts";
import {
  type PeerSection,
  type Placed,
  readPeer,
  readTlsClient,
  type TlsClientSection,
} from "./config-peers.ts";
import { parseList, parseSection, type Section } from "./config-reader.ts";
import {
  aeTitleValue,
  flagValue,
  hostValue,
  integerValue,
  modes,
  nameValue,
  portValue,
  sizeValue,
  textValue,
  toleranceValue,
  variableValue,
  wordValue,
} from "./config-values.ts";

export interface MovePlaceSection extends Placed {
  readonly aeTitle: string;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsClientSection | undefined;
}

export interface ReaderSection extends PeerSection {
  readonly mode: Mode;
  readonly associationsMax: number;
  readonly moveTo: readonly MovePlaceSection[];
}

/** Either `dicomweb`, or `host`, `port` and `aeTitle`. */
export interface ArchiveSection extends Placed {
  readonly name: string;
  readonly destination: string | undefined;
  readonly tolerate: readonly MalformedCode[];
  readonly dicomweb: string | undefined;
  readonly authorizationFrom: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly aeTitle: string | undefined;
  readonly tls: TlsClientSection | undefined;
}

export interface ReadingSection extends Placed {
  readonly archive: ArchiveSection | undefined;
  readonly readers: readonly ReaderSection[];
  readonly keepsCopies: boolean;
  /** As it is written; undefined where it is not. */
  readonly copiesSize: number | undefined;
}

const MiB: number = 2 ** 20;
const TiB: number = 2 ** 40;
/** Some 250 CT studies: what is read in the days after it was taken. */
export const copiesSizeDefault: number = 64 * 2 ** 30;

/** Viewers open as many as their users have studies. */
const readerAssociationsDefault = 8;

export function readReading(section: Section): ReadingSection {
  return {
    at: (key) => section.at(key),
    archive: section.optional<ArchiveSection | undefined>("archive", parseSection(readArchive), undefined),
    readers: section.list("readers", readReader),
    keepsCopies: section.optional("copies", flagValue, false),
    copiesSize: section.optional<number | undefined>(
      "copiesSize",
      sizeValue(64 * MiB, 1_000 * TiB),
      undefined,
    ),
  };
}

function readReader(section: Section): ReaderSection {
  return {
    ...readPeer(section),
    // What was let in unproven is what most archives are full of: it is labelled, not withheld.
    mode: section.optional("mode", wordValue(modes), "warn"),
    associationsMax: section.optional("associations", integerValue(1, 1000), readerAssociationsDefault),
    moveTo: section.list("moveTo", readMovePlace),
  };
}

function readMovePlace(section: Section): MovePlaceSection {
  return {
    at: (key) => section.at(key),
    aeTitle: section.required("aeTitle", aeTitleValue, ""),
    host: section.required("host", hostValue, ""),
    port: section.required("port", portValue, 0),
    tls: section.optional<TlsClientSection | undefined>("tls", parseSection(readTlsClient), undefined),
  };
}

export function readArchive(section: Section): ArchiveSection {
  return {
    at: (key) => section.at(key),
    name: section.optional("name", nameValue, "archive"),
    destination: section.optional<string | undefined>("destination", nameValue, undefined),
    tolerate: section.optional("tolerate", parseList(toleranceValue), []),
    dicomweb: section.optional<string | undefined>("dicomweb", textValue, undefined),
    authorizationFrom: section.optional<string | undefined>("authorizationFrom", variableValue, undefined),
    host: section.optional<string | undefined>("host", hostValue, undefined),
    port: section.optional<number | undefined>("port", portValue, undefined),
    aeTitle: section.optional<string | undefined>("aeTitle", aeTitleValue, undefined),
    tls: section.optional<TlsClientSection | undefined>("tls", parseSection(readTlsClient), undefined),
  };
}
