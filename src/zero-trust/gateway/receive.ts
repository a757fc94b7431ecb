/** The way in: which associations and presentation contexts are taken, from whom, and how much. */

import type {
  AssociateReject,
  AssociateRequest,
  AssociationEnd,
  NetworkPeer,
} from "../../dicom-network/dimse/association.ts";
import type {
  AdmissionAnswer,
  DimseProvider,
  DimseStatus,
  OpenAssociation,
  StoreReceiver,
  StoreRequest,
} from "../../dicom-network/dimse/service.ts";
import { beginObject } from "./arrival.ts";
import { ObjectReceiver, type Reception } from "./object-receiver.ts";
import { chooseContext } from "./offered-contexts.ts";
import type { GatewaySettings } from "./settings.ts";
import {
  callingTitleNotRecognised,
  localLimitExceeded,
  type SourceBook,
  temporaryCongestion,
} from "./source-recognition.ts";

/** What is taken in at this moment; it changes with the settings. */
export interface ReceptionState {
  readonly settings: GatewaySettings;
  readonly book: SourceBook;
  readonly isDraining: boolean;
}

/** The provider behind one listener. */
export class GateProvider implements DimseProvider {
  readonly #listener: string;
  readonly #reception: Reception;
  readonly #state: () => ReceptionState;

  constructor(listener: string, reception: Reception, state: () => ReceptionState) {
    this.#listener = listener;
    this.#reception = reception;
    this.#state = state;
  }

  admit(request: AssociateRequest, peer: NetworkPeer): AdmissionAnswer {
    const { settings, book, isDraining } = this.#state();
    const { occupancy, ports } = this.#reception;
    if (isDraining) return this.#reject(temporaryCongestion, "draining", request, peer);
    const recognised = book.recognise(this.#listener, peer, request);
    if ("reject" in recognised) return this.#reject(recognised.reject, recognised.why, request, peer);
    if (this.#isRevoked(peer))
      return this.#reject(callingTitleNotRecognised, "certificate revoked", request, peer);
    const { source, titleDiffers } = recognised;
    if (occupancy.associations >= settings.limits.associationsMax)
      return this.#reject(localLimitExceeded, "too many associations", request, peer);
    if (occupancy.associationsOf(source.name) >= source.associationsMax)
      return this.#reject(localLimitExceeded, "too many associations of the source", request, peer);
    const connection = this.#connectionOf(peer);
    occupancy.open(connection, source.name);
    ports.events({
      kind: "association-accepted",
      association: connection,
      source: source.name,
      peerAddress: peer.address,
      peerTitle: request.callingAeTitle,
      ...(titleDiffers ? { titleDiffers } : {}),
    });
    return { accept: chooseContext };
  }

  #isRevoked({ certificate }: NetworkPeer): boolean {
    return certificate !== undefined && this.#reception.ports.isRevoked?.(certificate) === true;
  }

  #reject(
    reject: AssociateReject,
    why: string,
    request: AssociateRequest,
    peer: NetworkPeer,
  ): AdmissionAnswer {
    this.#tellRejection(request.callingAeTitle, "rejected", { peer, why });
    return { reject };
  }

  #tellRejection(
    peerTitle: string,
    how: string,
    { peer, why = how }: { readonly peer: NetworkPeer; readonly why?: string },
  ): void {
    this.#reception.ports.events({
      kind: "association-rejected",
      listener: this.#listener,
      peerAddress: peer.address,
      peerTitle,
      why,
    });
  }

  /** Open connections have distinct addresses and ports. */
  #connectionOf({ address, port }: NetworkPeer): string {
    return `${this.#listener} ${address} ${port}`;
  }

  store(request: StoreRequest): StoreReceiver | DimseStatus {
    const { settings, book } = this.#state();
    const { occupancy, refusals } = this.#reception;
    const { peer, request: associate } = request.association;
    const name = occupancy.sourceOf(this.#connectionOf(peer));
    // The configuration may have changed since: what would not be this source today is it no more.
    const recognised = book.recognise(this.#listener, peer, associate);
    const source = "source" in recognised && recognised.source.name === name ? recognised.source : undefined;
    const refuse = (code: number, why: string, comment: string): DimseStatus => {
      refusals.note({ source: name ?? "", status: code, why, bytes: 0 });
      return { code, comment };
    };
    const isRevoked = this.#isRevoked(peer);
    if (!source || isRevoked) {
      // PS3.7 C.5.23: not authorised; it happened while its association was open.
      const why = isRevoked ? "its certificate is revoked" : "it is not this source any more";
      request.association.abort(why);
      return refuse(0x0124, isRevoked ? "certificate-revoked" : "source-removed", "not authorised");
    }
    const from = { title: associate.callingAeTitle, address: peer.address };
    const begun = beginObject({ named: request, peer: from, source }, this.#reception, settings.limits);
    return begun instanceof ObjectReceiver ? begun : begun.status;
  }

  ended(association: OpenAssociation | undefined, peer: NetworkPeer, end: AssociationEnd): void {
    const connection = this.#connectionOf(peer);
    const { occupancy, ports } = this.#reception;
    const isOurs = association !== undefined || occupancy.sourceOf(connection) !== undefined;
    occupancy.close(connection);
    const why = "why" in end && end.why !== undefined ? { why: end.why } : {};
    if (!isOurs) {
      // A rejection was told when it was made; this one never asked, or showed no certificate that we accept.
      if (end.kind !== "rejected") this.#tellRejection("", end.kind, { peer, ...why });
      return;
    }
    ports.events({ kind: "association-ended", association: connection, how: end.kind, ...why });
  }
}
