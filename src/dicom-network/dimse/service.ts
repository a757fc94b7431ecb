/** What the message layer (PS3.7) offers to a service class provider and a service class user. Protocol only: it knows nothing of trust. */
import type { Bytes } from "../../foundation/bytes.ts";
import type {
  AgreedContext,
  AssociateReject,
  AssociateRequest,
  AssociationEnd,
  NetworkPeer,
} from "./association.ts";

/** PS3.7 annex C. 0x0000 is success; `comment` becomes Error Comment (0000,0902): no patient data. */
export interface DimseStatus {
  readonly code: number;
  readonly comment?: string | undefined;
}

/** An open association as handlers see it. */
export interface OpenAssociation {
  /** Unique in this process, for logs. */
  readonly id: string;
  readonly peer: NetworkPeer;
  readonly request: AssociateRequest;
  readonly contexts: readonly AgreedContext[];
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

/** Thrown by a receiver to refuse the object that is arriving. */
export class DimseRefusal extends Error {
  readonly status: DimseStatus;

  constructor(status: DimseStatus) {
    super(`refused with status 0x${status.code.toString(16).padStart(4, "0")}`);
    this.name = "DimseRefusal";
    this.status = status;
  }
}

export type AdmissionAnswer =
  | {
      /**
       * For each context, in our order of preference, the transfer syntax taken; undefined refuses the context (4), a context whose
       * abstract syntax is not offered is refused (3).
       */
      readonly accept: (abstractSyntax: string, transferSyntaxes: readonly string[]) => ContextChoice;
    }
  | { readonly reject: AssociateReject };

export type ContextChoice = { readonly transferSyntax: string } | { readonly refuse: 1 | 2 | 3 | 4 };

/** A provider of C-ECHO and C-STORE. */
export interface DimseProvider {
  admit(request: AssociateRequest, peer: NetworkPeer): AdmissionAnswer | Promise<AdmissionAnswer>;
  /** A status at once refuses the object; its data set is drained within bounds. */
  store(request: StoreRequest): StoreReceiver | DimseStatus;
  /** For logs and metrics. */
  ended?(association: OpenAssociation | undefined, peer: NetworkPeer, end: AssociationEnd): void;
}
