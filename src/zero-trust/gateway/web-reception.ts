/** The way in over DICOMweb: who may store, and the receivers of what is stored. */
import type { NetworkPeer } from "../../dicom-network/dimse/association.ts";
import type { DimseStatus } from "../../dicom-network/dimse/service.ts";
import { beginObject } from "./arrival.ts";
import type { ArrivingName, ObjectReceiver, Reception } from "./object-receiver.ts";
import type { ReceptionState } from "./receive.ts";
import type { SourceSettings } from "./settings.ts";

/** Why a request is not taken: nobody's certificate or network, or no room for another now. */
export type WebRefusal = "unknown-peer" | "busy" | "draining";

/** One request of a source, while it lasts. */
export interface WebStoring {
  /** For logs. */
  readonly source: string;
  /** A status refuses the object; the next one may be taken. */
  begin(named: ArrivingName): ObjectReceiver | { readonly status: DimseStatus };
  /** Over, however. Idempotent. */
  end(): void;
}

export class WebReception {
  readonly #listener: string;
  readonly #reception: Reception;
  readonly #state: () => ReceptionState;
  #requests = 0;

  constructor(listener: string, reception: Reception, state: () => ReceptionState) {
    this.#listener = listener;
    this.#reception = reception;
    this.#state = state;
  }

  /** Counts like an association of the source. */
  open(peer: NetworkPeer): WebStoring | WebRefusal {
    const { settings, isDraining } = this.#state();
    const { occupancy } = this.#reception;
    if (isDraining) return "draining";
    const source = this.#sourceOf(peer);
    if (!source) return "unknown-peer";
    const isFull = occupancy.associations >= settings.limits.associationsMax;
    if (isFull || occupancy.associationsOf(source.name) >= source.associationsMax) return "busy";
    const connection = `${this.#listener} ${peer.address} ${peer.port} ${++this.#requests}`;
    occupancy.open(connection, source.name);
    return {
      source: source.name,
      begin: (named) => this.#begin(named, peer, source.name),
      end: () => occupancy.close(connection),
    };
  }

  #sourceOf(peer: NetworkPeer): SourceSettings | undefined {
    const { certificate } = peer;
    if (certificate !== undefined && this.#reception.ports.isRevoked?.(certificate) === true)
      return undefined;
    return this.#state().book.recogniseWeb(this.#listener, peer);
  }

  #begin(
    named: ArrivingName,
    peer: NetworkPeer,
    name: string,
  ): ObjectReceiver | { readonly status: DimseStatus } {
    // The configuration may have changed since: what would not be this source today is it no more.
    const source = this.#sourceOf(peer);
    if (source?.name !== name) return { status: { code: 0x0124, comment: "not authorised" } };
    const { limits } = this.#state().settings;
    return beginObject(
      { named, peer: { title: "", address: peer.address }, source },
      this.#reception,
      limits,
    );
  }
}
