/** A DIMSE client: opens an association, asks for one operation at a time, and takes what the peer sends on it. */
import type { DicomObject } from "../../dicom/model.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { Query, QueryKey } from "../query/query.ts";
import type { RetrieveIdentifier } from "../query/retrieve-identifier.ts";
import type {
  AgreedContext,
  AssociateRequest,
  AssociationEnd,
  NetworkPeer,
  PresentationContext,
  RoleSelection,
} from "./association.ts";
import { ClientAssociation } from "./client-association.ts";
import { ownImplementation } from "./presentation.ts";
import type { DimseProvider, DimseStatus, MoveOriginator, StoreReceiver, StoreRequest } from "./service.ts";
import type { CommitmentReport, CommitmentRequest } from "./storage-commitment.ts";
import { type ClientTls, openTransport } from "./transport.ts";
import { dicomApplicationContext } from "./upper-layer/pdu-associate.ts";
import { requestAssociation } from "./upper-layer/request-association.ts";
import type { UpperLayerAssociation, UpperLayerLimits, UpperLayerTimers } from "./upper-layer/upper-layer.ts";
import { upperLayerLimits, upperLayerTimers } from "./upper-layer/upper-layer-defaults.ts";

export interface DimseTarget {
  readonly host: string;
  readonly port: number;
  readonly tls?: ClientTls | undefined;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** 1 to 128. */
  readonly contexts: readonly PresentationContext[];
  /** Where we are not SCU alone: the storage classes of C-GET, Storage Commitment when we report (PS3.7 D.3.3.4). */
  readonly roles?: readonly RoleSelection[] | undefined;
  /** Takes reports of commitment that come on this association (PS3.4 J.3.3). */
  readonly report?: DimseProvider["report"];
  readonly timers?: UpperLayerTimers | undefined;
  readonly limits?: UpperLayerLimits | undefined;
  /** Until the connection stands, TLS included. */
  readonly connectMs?: number | undefined;
}

/** What is stored: as the command names it. */
export interface StoredInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** Where this is a sub-operation of a C-MOVE (PS3.4 C.4.2.3.1). */
  readonly moveOriginator?: MoveOriginator | undefined;
}

/** Counts as the peer tells them; it need not. */
export interface RetrieveProgress {
  readonly remaining?: number | undefined;
  readonly completed?: number | undefined;
  readonly failed?: number | undefined;
  readonly warning?: number | undefined;
}

export interface RetrieveResult extends RetrieveProgress {
  readonly status: DimseStatus;
  /** (0008,0058), as far as the peer lists them. */
  readonly failedUids: readonly string[];
}

export interface RetrieveOptions {
  readonly onProgress?: ((progress: RetrieveProgress) => void) | undefined;
  /** Sends C-CANCEL; the result still comes. */
  readonly signal?: AbortSignal | undefined;
}

/** Errors of all operations: `peer-rejected` without a context for it, nothing was sent then; `network`, `timeout`, `peer-aborted`, `peer-protocol`; `usage` while another one is under way. */
export interface DimseClient {
  readonly peer: NetworkPeer;
  /** What the peer accepted. */
  readonly contexts: readonly AgreedContext[];
  /** False once the association ended, for whatever reason. */
  readonly isOpen: boolean;
  /** Resolves when the connection is closed; never rejects. */
  readonly ended: Promise<AssociationEnd>;
  echo(): Promise<DimseStatus>;
  /**
   * Streams a data set; a status of any kind is returned. When `dataSet` throws, the association is aborted before the object is complete and the
   * exception passed on. In exactly this transfer syntax, or not at all.
   */
  store(instance: StoredInstance, dataSet: AsyncIterable<Bytes>): Promise<DimseStatus>;
  /**
   * Matches as they come; the peer is held back while they are not taken. Who stops taking cancels (C-CANCEL), and has waited for the end then.
   * @throws ScansealError `peer-rejected` when the peer refuses or fails
   */
  find(query: Query): AsyncGenerator<DicomObject, void, undefined>;
  /** Items of a modality worklist (PS3.4 K.4.1), as matches of `find`. */
  findWorklist(keys: readonly QueryKey[]): AsyncGenerator<DicomObject, void, undefined>;
  move(
    destination: string,
    identifier: RetrieveIdentifier,
    options?: RetrieveOptions,
  ): Promise<RetrieveResult>;
  /** What comes is given to `receive`; its class must have been proposed with us as SCP. */
  get(
    identifier: RetrieveIdentifier,
    receive: (request: StoreRequest) => StoreReceiver | DimseStatus,
    options?: RetrieveOptions,
  ): Promise<RetrieveResult>;
  /** N-ACTION (PS3.4 J.3.2): 0x0000 says only that the request was understood; a report follows. */
  requestCommitment(request: CommitmentRequest): Promise<DimseStatus>;
  /** N-EVENT-REPORT (PS3.4 J.3.3), on an association in which we are SCP of Storage Commitment. */
  reportCommitment(report: CommitmentReport): Promise<DimseStatus>;
  /** @throws ScansealError `network`, `timeout`, `peer-aborted`, `peer-protocol` when it ended otherwise */
  release(): Promise<void>;
  abort(why: string): void;
}

/** TCP gives up after two minutes; nobody waits that long for a machine that is off. */
const connectMsDefault = 10_000;
/** Archives answer when the object is on their disk, and some are busy. */
const answerMs = 120_000;

/**
 * @throws ScansealError `network`, `timeout`, `key-unusable`, `peer-rejected`, `peer-aborted`, `peer-protocol`; `usage` for AE titles and
 *   contexts that break the standard
 */
export async function connectDimse(target: DimseTarget): Promise<DimseClient> {
  const { host, port, tls, roles, connectMs = connectMsDefault } = target;
  const request: AssociateRequest = {
    callingAeTitle: target.callingAeTitle,
    calledAeTitle: target.calledAeTitle,
    applicationContext: dicomApplicationContext,
    contexts: target.contexts,
    user: {
      maxPduBytes: 0,
      implementationClassUid: ownImplementation.classUid,
      implementationVersionName: ownImplementation.versionName,
      ...(roles && roles.length > 0 ? { roles } : {}),
    },
  };
  const options = {
    timers: target.timers ?? { ...upperLayerTimers, idleMs: answerMs },
    limits: target.limits ?? upperLayerLimits,
  };
  const { socket, peer } = await openTransport({ host, port, tls, connectMs });
  let client: ClientAssociation | undefined;
  const onData = (association: UpperLayerAssociation) => {
    const opened = new ClientAssociation(association, target.report);
    client = opened;
    return opened.take;
  };
  await requestAssociation(socket, peer, request, onData, options);
  return client!;
}
