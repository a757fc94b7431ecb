/** The way in: which associations and presentation contexts are taken, from whom, and how much. */

import type {
  AssociateReject,
  AssociateRequest,
  AssociationEnd,
  NetworkPeer,
} from "../../dicom-network/dimse/association.ts";
import {
  type AdmissionAnswer,
  type DimseProvider,
  DimseRefusal,
  type DimseStatus,
  type FindAnswer,
  type FindRequest,
  type GetRequest,
  type MissingInstance,
  type MoveRequest,
  type OfferedInstance,
  type OpenAssociation,
  type PeerRoles,
  type Retrieval,
  type StoreReceiver,
  type StoreRequest,
  type SubOperationOutcome,
} from "../../dicom-network/dimse/service.ts";
import { storageCommitmentClass } from "../../dicom-network/dimse/sop-classes.ts";
import { dimseStatus } from "../../dicom-network/dimse/status.ts";
import type { CommitmentReport, CommitmentRequest } from "../../dicom-network/dimse/storage-commitment.ts";
import { beginObject } from "./arrival.ts";
import { told } from "./fault-words.ts";
import { ObjectReceiver, type Reception } from "./object-receiver.ts";
import { chooseContext, isStorageClass } from "./offered-contexts.ts";
import type { PeerBook } from "./peer-recognition.ts";
import type { DimseReading } from "./reading/dimse-reading.ts";
import type { GatewaySettings, PeerSettings, ReaderSettings, SourceSettings } from "./settings.ts";
import {
  callingTitleNotRecognised,
  localLimitExceeded,
  type SourceBook,
  temporaryCongestion,
} from "./source-recognition.ts";
import { endWithin } from "./waker.ts";

/** What is taken in at this moment; it changes with the settings. */
export interface ReceptionState {
  readonly settings: GatewaySettings;
  readonly book: SourceBook;
  readonly readers: PeerBook<ReaderSettings>;
  /** Those that report what they commit to. */
  readonly archives: PeerBook<PeerSettings>;
  readonly isDraining: boolean;
}

/** Who an association is with. */
interface Recognised {
  /** Under which its associations are counted. */
  readonly name: string;
  readonly associationsMax: number;
  readonly titleDiffers: boolean;
  readonly source: SourceSettings | undefined;
  readonly reader: ReaderSettings | undefined;
  /** Name of the destination whose reports it brings. */
  readonly archive: string | undefined;
}

/** Of one archive, which opens one for each report. */
const reportAssociationsMax = 8;
/** Storage commitment is refused where the journal takes no rows for so long: the modality asks again. */
const commitmentRowsMs = 5_000;

interface PeerParts {
  readonly isSource: boolean;
  readonly isReading: boolean;
  readonly isCommitting: boolean;
  readonly isReporting: boolean;
}

/** What the peer may be for a class: a source stores here and asks, a reader takes what C-GET gives it, an archive reports what it commits to. */
function rolesOf(uid: string, { isSource, isReading, isCommitting, isReporting }: PeerParts): PeerRoles {
  if (uid === storageCommitmentClass) return { scu: isCommitting, scp: isReporting };
  const isStorage = isStorageClass(uid);
  return { scu: !isStorage || isSource, scp: isStorage && isReading };
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
    const { settings, isDraining } = this.#state();
    const { occupancy, ports } = this.#reception;
    if (isDraining) return this.#reject(temporaryCongestion, "draining", request, peer);
    const who = this.#recognised(request, peer);
    if ("reject" in who) return this.#reject(who.reject, who.why, request, peer);
    if (this.#isRevoked(peer))
      return this.#reject(callingTitleNotRecognised, "certificate revoked", request, peer);
    const { name, associationsMax, titleDiffers, source, reader, archive } = who;
    if (occupancy.associations >= settings.limits.associationsMax)
      return this.#reject(localLimitExceeded, "too many associations", request, peer);
    if (occupancy.associationsOf(name) >= associationsMax)
      return this.#reject(localLimitExceeded, "too many associations of the source", request, peer);
    const connection = this.#connectionOf(peer);
    occupancy.open(connection, name);
    ports.events({
      kind: "association-accepted",
      association: connection,
      source: source?.name ?? reader?.name ?? archive ?? "",
      peerAddress: peer.address,
      peerTitle: request.callingAeTitle,
      ...(titleDiffers ? { titleDiffers } : {}),
    });
    const isCommitting = source?.commitment !== undefined && ports.commitment !== undefined;
    const isReading = reader !== undefined && ports.reading !== undefined;
    const isReporting = archive !== undefined;
    const offered = { isReading, isCommitting: isCommitting || isReporting };
    const parts = { isSource: source !== undefined, isReading, isCommitting, isReporting };
    return {
      accept: (...context) => chooseContext(...context, offered),
      ...((isReading || isReporting) && { roles: (uid: string) => rolesOf(uid, parts) }),
    };
  }

  /** A source, a reader, an archive that reports, or several of them. */
  #recognised(
    request: AssociateRequest,
    peer: NetworkPeer,
  ): Recognised | { reject: AssociateReject; why: string } {
    const { book, readers, archives } = this.#state();
    const sender = book.recognise(this.#listener, peer, request);
    const found = readers.recognise(this.#listener, peer, request.callingAeTitle);
    const isCalled = request.calledAeTitle === this.#state().settings.aeTitle;
    const { reading, asking } = this.#reception.ports;
    const reader = isCalled && reading && "peer" in found ? found : undefined;
    const reporter = archives.recognise(this.#listener, peer, request.callingAeTitle);
    const archive = isCalled && asking && "peer" in reporter ? reporter.peer.name : undefined;
    if ("source" in sender) {
      const { source, titleDiffers } = sender;
      const { name, associationsMax } = source;
      return { name, associationsMax, titleDiffers, source, reader: reader?.peer, archive };
    }
    if (!reader && archive !== undefined) {
      const known = { name: `archive ${archive}`, associationsMax: reportAssociationsMax };
      const titleDiffers = "peer" in reporter && reporter.titleDiffers;
      return { ...known, titleDiffers, source: undefined, reader: undefined, archive };
    }
    if (!reader) return sender;
    const { peer: settings, titleDiffers } = reader;
    // A source may have the same name.
    const name = `reader ${settings.name}`;
    return {
      name,
      associationsMax: settings.associationsMax,
      titleDiffers,
      source: undefined,
      reader: settings,
      archive,
    };
  }

  /** Who asks, as of now: the configuration may have changed since the association began. */
  #reading(association: OpenAssociation): {
    readonly reading: DimseReading;
    readonly reader: ReaderSettings;
  } {
    const { reading } = this.#reception.ports;
    const who = this.#recognised(association.request, association.peer);
    const reader = "reject" in who || this.#isRevoked(association.peer) ? undefined : who.reader;
    if (!reading || !reader) throw new DimseRefusal({ code: dimseStatus.notAuthorized });
    return { reading, reader };
  }

  find(request: FindRequest): AsyncIterable<FindAnswer> {
    const { reading, reader } = this.#reading(request.association);
    return reading.find(request, reader, this.#state().settings.aeTitle);
  }

  async move(request: MoveRequest): Promise<Retrieval<SubOperationOutcome>> {
    const { reading, reader } = this.#reading(request.association);
    return reading.move(request, reader, this.#state().settings.aeTitle);
  }

  async get(request: GetRequest): Promise<Retrieval<OfferedInstance | MissingInstance>> {
    const { reading, reader } = this.#reading(request.association);
    return reading.get(request, reader);
  }

  /** Answered when it is durable; the report follows on an association of its own (PS3.4 J.3.3). */
  async commit(request: CommitmentRequest, association: OpenAssociation): Promise<DimseStatus> {
    const { ports, rows } = this.#reception;
    const { commitment, events } = ports;
    const who = this.#recognised(association.request, association.peer);
    const source = "reject" in who || this.#isRevoked(association.peer) ? undefined : who.source;
    if (!commitment || !source?.commitment) return { code: dimseStatus.notAuthorized };
    try {
      // What the source sent last decides, and its row may still be on its way to the journal.
      if (!(await endWithin([rows.written()], commitmentRowsMs)))
        return { code: dimseStatus.resourceLimitation };
      await commitment.take(request, source.name, association.request.callingAeTitle);
      return { code: dimseStatus.success };
    } catch (error) {
      events({ kind: "fault", where: "storage commitment", ...told(error) });
      return { code: dimseStatus.resourceLimitation };
    }
  }

  /** Who may say so is who was asked, as of now. */
  async report(report: CommitmentReport, association: OpenAssociation): Promise<DimseStatus> {
    const { asking } = this.#reception.ports;
    const who = this.#recognised(association.request, association.peer);
    const archive = "reject" in who || this.#isRevoked(association.peer) ? undefined : who.archive;
    if (!asking || archive === undefined) return { code: dimseStatus.notAuthorized };
    return asking.take(report, archive);
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
