/** What the message layer (PS3.7) offers to a service class provider and a service class user. Protocol only: it knows nothing of trust. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { Query } from "../query/query.ts";
import type { RetrieveIdentifier } from "../query/retrieve-identifier.ts";
import type {
  AgreedContext,
  AssociateReject,
  AssociateRequest,
  AssociationEnd,
  NetworkPeer,
} from "./association.ts";
import type { CommitmentReport, CommitmentRequest } from "./storage-commitment.ts";

/** PS3.7 annex C. 0x0000 is success; `comment` becomes Error Comment (0000,0902): no patient data. */
export interface DimseStatus {
  readonly code: number;
  readonly comment?: string | undefined;
}

/** What the peer is for a SOP class (PS3.7 D.3.3.4). */
export interface PeerRoles {
  readonly scu: boolean;
  readonly scp: boolean;
}

/** An open association as handlers see it. */
export interface OpenAssociation {
  /** Unique in this process, for logs. */
  readonly id: string;
  readonly peer: NetworkPeer;
  readonly request: AssociateRequest;
  readonly contexts: readonly AgreedContext[];
  /** As agreed. C-GET can give what the peer has a context for in which it is SCP. */
  rolesOf(sopClassUid: string): PeerRoles;
  /** Relational queries were negotiated for this class (PS3.4 C.5.1.1). */
  isRelational(sopClassUid: string): boolean;
  abort(why: string): void;
}

/** C-STORE-RQ (PS3.7 9.3.1.1), its data set still to come. */
export interface StoreRequest {
  readonly association: OpenAssociation;
  readonly messageId: number;
  readonly transferSyntaxUid: string;
  /** Affected SOP Class and Instance UID of the command; syntactically UIDs, not yet compared with the data set. */
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly moveOriginator?: MoveOriginator | undefined;
}

/** Of a sub-operation of C-MOVE: who asked for it, and by which message (PS3.7 9.3.1.1). */
export interface MoveOriginator {
  readonly aeTitle: string;
  readonly messageId: number;
}

/** Takes one data set as it arrives. Exactly one of `end` and `cancel` is called, at the end. */
export interface StoreReceiver {
  /**
   * The next bytes of the data set, valid only during the call. While a returned promise is pending the peer is held back.
   * A `DimseRefusal` (thrown or rejected) refuses the object: the rest is drained within bounds and discarded, and its status answered;
   * neither `end` nor `cancel` follows. Any other exception is answered 0x0110 (processing failure).
   */
  write(bytes: Bytes): void | Promise<void>;
  /** All of it has arrived. What resolves is answered; until then nothing is. Exceptions as with `write`. */
  end(): Promise<DimseStatus>;
  /** The association ended before the data set did: nothing was acknowledged. */
  cancel(): void;
}

/** Thrown by a receiver to refuse the object that is arriving, by a query or retrieval to end it with this status. */
export class DimseRefusal extends Error {
  readonly status: DimseStatus;

  constructor(status: DimseStatus) {
    super(`refused with status 0x${status.code.toString(16).padStart(4, "0")}`);
    this.name = "DimseRefusal";
    this.status = status;
  }
}

/** What C-FIND, C-MOVE and C-GET have in common. */
export interface QueryRetrieveRequest {
  readonly association: OpenAssociation;
  readonly messageId: number;
  readonly sopClassUid: string;
  /** Of the context: answers are encoded in it. */
  readonly transferSyntaxUid: string;
  /** Aborted by C-CANCEL (PS3.7 9.3.2.3) and with the association; nothing that comes later is used. */
  readonly signal: AbortSignal;
}

export interface FindRequest extends QueryRetrieveRequest {
  readonly query: Query;
}

/** One match. */
export interface FindAnswer {
  /** Its identifier (PS3.4 C.4.1.1.3.2), encoded in the request's transfer syntax; at most 1 MiB. */
  readonly dataSet: Bytes;
  /** Optional keys were not supported (0xFF01). */
  readonly areKeysUnsupported?: boolean | undefined;
}

export interface MoveRequest extends QueryRetrieveRequest {
  readonly identifier: RetrieveIdentifier;
  /** AE title; not blank. */
  readonly destination: string;
}

/** How a sub-operation of C-MOVE ended. */
export interface SubOperationOutcome {
  readonly sopInstanceUid: string;
  readonly outcome: "completed" | "warning" | "failed";
}

export interface GetRequest extends QueryRetrieveRequest {
  readonly identifier: RetrieveIdentifier;
}

/** An instance that C-GET gives: stored on the association, as it is. */
export interface OfferedInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** Exact: without a context for it the sub-operation fails. */
  readonly transferSyntaxUid: string;
  /** The data set's bytes. It is asked for only where there is a context; when it throws after its first piece, the association is aborted. */
  readonly dataSet: () => AsyncIterable<Bytes>;
}

/** One that cannot be given. */
export interface MissingInstance {
  readonly sopInstanceUid: string;
  readonly isMissing: true;
}

/** Sub-operations as the provider does them. */
export interface Retrieval<Step> {
  /** How many steps there will be, as far as is known: asked before each answer. */
  readonly total: () => number;
  /** There may be more that was asked for, and nobody could be asked: never a success. Asked at the end; undefined: all of it is known. */
  readonly isPart?: (() => boolean) | undefined;
  /** A `DimseRefusal` ends with its status, whatever else with 0xC001. */
  readonly steps: AsyncIterable<Step>;
}

export type AdmissionAnswer =
  | {
      /**
       * For each context, in our order of preference, the transfer syntax taken; undefined refuses the context (4), a context whose
       * abstract syntax is not offered is refused (3).
       */
      readonly accept: (abstractSyntax: string, transferSyntaxes: readonly string[]) => ContextChoice;
      /**
       * What the peer may be for a class. Default: SCU only. A role that it did not propose is not given to it; a class that leaves it none is
       * refused (1).
       */
      readonly roles?: ((sopClassUid: string) => PeerRoles) | undefined;
      /** Answer to a SOP Class Extended Negotiation (PS3.7 D.3.3.5); undefined: none. */
      readonly extended?: ((sopClassUid: string, information: Bytes) => Bytes | undefined) | undefined;
    }
  | { readonly reject: AssociateReject };

export type ContextChoice = { readonly transferSyntax: string } | { readonly refuse: 1 | 2 | 3 | 4 };

/**
 * A provider of C-ECHO, C-STORE and what else it has handlers for: an operation without one is answered 0x0211. One operation at a time on each
 * association.
 */
export interface DimseProvider {
  admit(request: AssociateRequest, peer: NetworkPeer): AdmissionAnswer | Promise<AdmissionAnswer>;
  /** A status at once refuses the object; its data set is drained within bounds. */
  store(request: StoreRequest): StoreReceiver | DimseStatus;
  /** Answers are taken one by one, as the peer takes them. A `DimseRefusal` ends with its status, whatever else with 0xC001. */
  find?(request: FindRequest): AsyncIterable<FindAnswer>;
  /** Exceptions as with `find`. */
  move?(request: MoveRequest): Promise<Retrieval<SubOperationOutcome>>;
  get?(request: GetRequest): Promise<Retrieval<OfferedInstance | MissingInstance>>;
  /** N-ACTION of Storage Commitment (PS3.4 J.3.2). The report follows on an association of its own. */
  commit?(request: CommitmentRequest, association: OpenAssociation): Promise<DimseStatus> | DimseStatus;
  /** N-EVENT-REPORT of Storage Commitment (PS3.4 J.3.3), from a peer that is SCP. */
  report?(report: CommitmentReport, association: OpenAssociation): Promise<DimseStatus> | DimseStatus;
  /** For logs and metrics. */
  ended?(association: OpenAssociation | undefined, peer: NetworkPeer, end: AssociationEnd): void;
}
