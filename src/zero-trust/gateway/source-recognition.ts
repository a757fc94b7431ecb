/**
 * Who sends: a peer of an association becomes one of the configured sources, or is rejected. On a TLS listener the identity is the certificate,
 * the AE title only a label; on a plain one network and AE title are all there is. The two are never mixed.
 */
import { BlockList, isIP } from "node:net";
import type {
  AssociateReject,
  AssociateRequest,
  NetworkPeer,
} from "../../dicom-network/dimse/association.ts";
import { toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { GatewaySettings, SourceSettings } from "./settings.ts";

export type Recognition =
  | { readonly source: SourceSettings; readonly titleDiffers: boolean }
  | { readonly reject: AssociateReject; readonly why: string };

// PS3.8 table 9-21.
export const callingTitleNotRecognised: AssociateReject = { result: 1, source: 1, reason: 3 };
const calledTitleNotRecognised: AssociateReject = { result: 1, source: 1, reason: 7 };
export const temporaryCongestion: AssociateReject = { result: 2, source: 3, reason: 1 };
export const localLimitExceeded: AssociateReject = { result: 2, source: 3, reason: 2 };

interface Entry {
  readonly source: SourceSettings;
  /** Undefined: any. */
  readonly networks: BlockList | undefined;
}

/** The sources of one configuration. */
export class SourceBook {
  readonly #aeTitle: string;
  readonly #crypto: Crypto;
  readonly #entries: readonly Entry[];
  /** Of listeners with TLS. */
  readonly #mutual: ReadonlySet<string>;

  /** @throws ScansealError `config-invalid` for a network that is none */
  constructor(settings: GatewaySettings, crypto: Crypto) {
    this.#aeTitle = settings.aeTitle;
    this.#crypto = crypto;
    this.#entries = settings.sources.map((source) => ({ source, networks: networksOf(source) }));
    this.#mutual = new Set(settings.listeners.filter(({ tls }) => tls).map(({ name }) => name));
  }

  get all(): readonly SourceSettings[] {
    return this.#entries.map(({ source }) => source);
  }

  named(name: string): SourceSettings | undefined {
    return this.#entries.find(({ source }) => source.name === name)?.source;
  }

  /** The first source of the configuration that fits. */
  recognise(listener: string, peer: NetworkPeer, request: AssociateRequest): Recognition {
    if (request.calledAeTitle !== this.#aeTitle) {
      return { reject: calledTitleNotRecognised, why: "called AE title is not ours" };
    }
    const near = this.#entries.filter(
      ({ source, networks }) => source.listener === listener && (!networks || isIn(networks, peer.address)),
    );
    const title = request.callingAeTitle;
    return this.#mutual.has(listener) ? this.#byCertificate(near, peer, title) : byTitle(near, title);
  }

  #byCertificate(near: readonly Entry[], peer: NetworkPeer, title: string): Recognition {
    if (!peer.certificate) return { reject: callingTitleNotRecognised, why: "no client certificate" };
    const fingerprint = toHex(this.#crypto.hash("SHA-256", peer.certificate));
    const found = near.find(({ source }) => source.certificates.includes(fingerprint));
    if (!found) return { reject: callingTitleNotRecognised, why: "certificate of no source" };
    return { source: found.source, titleDiffers: !hasTitle(found.source, title) };
  }
}

/** A source that is known by its certificate cannot be reached in clear text, whatever the peer calls itself. */
function byTitle(near: readonly Entry[], title: string): Recognition {
  const found = near.find(({ source }) => source.certificates.length === 0 && hasTitle(source, title));
  if (!found) return { reject: callingTitleNotRecognised, why: "network and AE title of no source" };
  return { source: found.source, titleDiffers: false };
}

function hasTitle({ aeTitles }: SourceSettings, title: string): boolean {
  return aeTitles.length === 0 || aeTitles.includes(title);
}

function isIn(networks: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && networks.check(address, family === 6 ? "ipv6" : "ipv4");
}

function networksOf({ name, networks }: SourceSettings): BlockList | undefined {
  if (networks.length === 0) return undefined;
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    const family = isIP(address);
    const bits = family === 6 ? 128 : 32;
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (family === 0 || !(length <= bits)) {
      throw new ScansealError(
        "config-invalid",
        `source ${name}: "${network}" is no network in CIDR notation`,
      );
    }
    list.addSubnet(address, length, family === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
