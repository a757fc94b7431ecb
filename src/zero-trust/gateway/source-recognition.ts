/** Who sends: a peer of an association becomes one of the configured sources, or is rejected. */
import type {
  AssociateReject,
  AssociateRequest,
  NetworkPeer,
} from "../../dicom-network/dimse/association.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { PeerBook } from "./peer-recognition.ts";
import type { GatewaySettings, SourceSettings } from "./settings.ts";

export type Recognition =
  | { readonly source: SourceSettings; readonly titleDiffers: boolean }
  | { readonly reject: AssociateReject; readonly why: string };

// PS3.8 table 9-21.
export const callingTitleNotRecognised: AssociateReject = { result: 1, source: 1, reason: 3 };
const calledTitleNotRecognised: AssociateReject = { result: 1, source: 1, reason: 7 };
export const temporaryCongestion: AssociateReject = { result: 2, source: 3, reason: 1 };
export const localLimitExceeded: AssociateReject = { result: 2, source: 3, reason: 2 };

/** The sources of one configuration. */
export class SourceBook {
  readonly #aeTitle: string;
  readonly #peers: PeerBook<SourceSettings>;

  /** @throws ScansealError `config-invalid` for a network that is none */
  constructor(settings: GatewaySettings, crypto: Crypto) {
    this.#aeTitle = settings.aeTitle;
    this.#peers = new PeerBook(settings.sources, settings.listeners, crypto);
  }

  get all(): readonly SourceSettings[] {
    return this.#peers.all;
  }

  named(name: string): SourceSettings | undefined {
    return this.#peers.named(name);
  }

  /** Over HTTP, where nobody has an AE title. Whoever has none of ours is told nothing. */
  recogniseWeb(listener: string, peer: NetworkPeer): SourceSettings | undefined {
    const found = this.#peers.recognise(listener, peer, undefined);
    return "peer" in found ? found.peer : undefined;
  }

  /** The first source of the configuration that fits. */
  recognise(listener: string, peer: NetworkPeer, request: AssociateRequest): Recognition {
    if (request.calledAeTitle !== this.#aeTitle) {
      return { reject: calledTitleNotRecognised, why: "called AE title is not ours" };
    }
    const found = this.#peers.recognise(listener, peer, request.callingAeTitle);
    if ("peer" in found) return { source: found.peer, titleDiffers: found.titleDiffers };
    const why = found.why === "no client certificate" ? found.why : `${found.why} of no source`;
    return { reject: callingTitleNotRecognised, why };
  }
}
