/**
 * Who a peer is: one of those that the configuration names, or nobody. On a TLS listener the identity is the certificate, the AE title only a label; on
 * a plain one network and AE title are all there is. The two are never mixed.
 */
import { BlockList, isIP } from "node:net";
import type { NetworkPeer } from "../../dicom-network/dimse/association.ts";
import { toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { ListenerSettings, PeerSettings } from "./settings.ts";

interface Entry<T> {
  readonly peer: T;
  /** Undefined: any. */
  readonly networks: BlockList | undefined;
}

export type PeerRecognition<T> =
  | { readonly peer: T; readonly titleDiffers: boolean }
  | { readonly why: "no client certificate" | "certificate" | "network and AE title" };

/** The peers of one configuration, of one kind. */
export class PeerBook<T extends PeerSettings> {
  readonly #crypto: Crypto;
  readonly #entries: readonly Entry<T>[];
  /** Of listeners with TLS. */
  readonly #mutual: ReadonlySet<string>;

  /** @throws ScansealError `config-invalid` for a network that is none */
  constructor(peers: readonly T[], listeners: readonly ListenerSettings[], crypto: Crypto) {
    this.#crypto = crypto;
    this.#entries = peers.map((peer) => ({ peer, networks: networksOf(peer) }));
    this.#mutual = new Set(listeners.filter(({ tls }) => tls).map(({ name }) => name));
  }

  get all(): readonly T[] {
    return this.#entries.map(({ peer }) => peer);
  }

  named(name: string): T | undefined {
    return this.#entries.find(({ peer }) => peer.name === name)?.peer;
  }

  /** The first of the configuration that fits. @param title undefined where the protocol has none */
  recognise(
    listener: string,
    network: Pick<NetworkPeer, "address" | "certificate">,
    title: string | undefined,
  ): PeerRecognition<T> {
    const near = this.#entries.filter(
      ({ peer, networks }) => peer.listener === listener && (!networks || isIn(networks, network.address)),
    );
    if (!this.#mutual.has(listener)) return byTitle(near, title);
    if (!network.certificate) return { why: "no client certificate" };
    const fingerprint = toHex(this.#crypto.hash("SHA-256", network.certificate));
    const found = near.find(({ peer }) => peer.certificates.includes(fingerprint))?.peer;
    return found ? { peer: found, titleDiffers: !hasTitle(found, title) } : { why: "certificate" };
  }
}

/** A peer that is known by its certificate cannot be reached in clear text, whatever it calls itself. */
function byTitle<T extends PeerSettings>(
  near: readonly Entry<T>[],
  title: string | undefined,
): PeerRecognition<T> {
  const found = near.find(({ peer }) => peer.certificates.length === 0 && hasTitle(peer, title))?.peer;
  return found ? { peer: found, titleDiffers: false } : { why: "network and AE title" };
}

function hasTitle({ aeTitles }: PeerSettings, title: string | undefined): boolean {
  return aeTitles.length === 0 || title === undefined || aeTitles.includes(title);
}

function isIn(networks: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && networks.check(address, family === 6 ? "ipv6" : "ipv4");
}

function networksOf({ name, networks }: PeerSettings): BlockList | undefined {
  if (networks.length === 0) return undefined;
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    const family = isIP(address);
    const bits = family === 6 ? 128 : 32;
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (family === 0 || !(length <= bits)) {
      throw new ScansealError("config-invalid", `${name}: "${network}" is no network in CIDR notation`);
    }
    list.addSubnet(address, length, family === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
