/** DICOMweb at the gate: who may store and who may read, and the receivers of what is stored. */
import type { NetworkPeer } from "../../dicom-network/dimse/association.ts";
import type { DimseStatus } from "../../dicom-network/dimse/service.ts";
import { beginObject } from "./arrival.ts";
import { type ArrivingName, type ObjectReceiver, type Reception, storeStatus } from "./object-receiver.ts";
import { refusedForm } from "./offered-contexts.ts";
import type { ReceptionState } from "./receive.ts";
import type { ReaderSettings, SourceSettings } from "./settings.ts";

/** Why a request is not taken: nobody's certificate or network, or no room for another now. */
export type WebRefusal = "unknown-peer" | "busy" | "draining" | "over-quota";

/** One request of a source, while it lasts. */
export interface WebStoring {
  /** For logs. */
  readonly source: string;
  /** A status refuses the object; the next one may be taken. */
  begin(named: ArrivingName, studyInstanceUid?: string): ObjectReceiver | { readonly status: DimseStatus };
  /** Over, however. Idempotent. */
  end(): void;
}

/** One request of a reader, while it lasts. */
export interface WebReading {
  readonly reader: ReaderSettings;
  /** Over, however. Idempotent. */
  end(): void;
}

/** As Failure Reasons (PS3.18 table I.2-2). */
const notSupported = {
  class: { code: 0x0122, comment: "SOP class not supported" },
  syntax: { code: 0xc122, comment: "transfer syntax not supported" },
} as const;

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
    const source = this.#sourceOf(peer);
    if (!source) return this.#nobody(peer);
    const { intake, refusals } = this.#reception;
    const over = intake.over(source, 0, true);
    if (over) {
      refusals.note({ source: source.name, status: storeStatus.outOfResources, why: over.why, bytes: 0 });
      return "over-quota";
    }
    const end = this.#enter(peer, source.name, source.associationsMax);
    if (typeof end === "string") return end;
    return {
      source: source.name,
      begin: (named, study) => this.#begin(named, peer, source.name, study),
      end,
    };
  }

  /** Counts like an association of the reader. */
  openReading(peer: NetworkPeer): WebReading | WebRefusal {
    const found = this.#state().readers.recognise(this.#listener, peer, undefined);
    if (!("peer" in found) || this.#isRevoked(peer)) return this.#nobody(peer);
    const reader = found.peer;
    // A source may have the same name.
    const end = this.#enter(peer, `reader ${reader.name}`, reader.associationsMax);
    return typeof end === "string" ? end : { reader, end };
  }

  /** A connection that never became a request. */
  tellStranger(peerAddress: string, why: string): void {
    const { events } = this.#reception.ports;
    events({ kind: "association-rejected", listener: this.#listener, peerAddress, peerTitle: "", why });
  }

  #nobody(peer: NetworkPeer): WebRefusal {
    const why = this.#isRevoked(peer) ? "certificate revoked" : "certificate or network of nobody";
    this.tellStranger(peer.address, why);
    return "unknown-peer";
  }

  /** @returns what ends it */
  #enter(peer: NetworkPeer, name: string, requestsMax: number): (() => void) | WebRefusal {
    const { settings, isDraining } = this.#state();
    const { occupancy } = this.#reception;
    if (isDraining) return "draining";
    const isFull = occupancy.associations >= settings.limits.associationsMax;
    if (isFull || occupancy.associationsOf(name) >= requestsMax) return "busy";
    const connection = `${this.#listener} ${peer.address} ${peer.port} ${++this.#requests}`;
    occupancy.open(connection, name);
    return () => occupancy.close(connection);
  }

  #isRevoked({ certificate }: NetworkPeer): boolean {
    return certificate !== undefined && this.#reception.ports.isRevoked?.(certificate) === true;
  }

  #sourceOf(peer: NetworkPeer): SourceSettings | undefined {
    if (this.#isRevoked(peer)) return undefined;
    return this.#state().book.recogniseWeb(this.#listener, peer);
  }

  #begin(
    named: ArrivingName,
    peer: NetworkPeer,
    name: string,
    studyInstanceUid: string | undefined,
  ): ObjectReceiver | { readonly status: DimseStatus } {
    // The configuration may have changed since: what would not be this source today is it no more.
    const source = this.#sourceOf(peer);
    if (source?.name !== name) return { status: { code: 0x0124, comment: "not authorised" } };
    const refused = refusedForm(named.sopClassUid, named.transferSyntaxUid);
    if (refused !== undefined) return { status: notSupported[refused] };
    const { limits } = this.#state().settings;
    return beginObject(
      { named, peer: { title: "", address: peer.address }, source, studyInstanceUid },
      this.#reception,
      limits,
    );
  }
}
