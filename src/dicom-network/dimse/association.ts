/** What two peers agree on before anything is sent (PS3.8 sections 7.1 and 9.3, annex D). Data only; both roles use it. */
import type { Bytes } from "../../foundation/bytes.ts";

/** Who is at the other end of the connection. */
export interface NetworkPeer {
  /** Numeric IP address, without zone; an IPv4 address mapped to IPv6 is given as IPv4. */
  readonly address: string;
  readonly port: number;
  /** DER of the certificate that TLS verified; undefined for plain TCP and for TLS without a client certificate. */
  readonly certificate?: Bytes | undefined;
}

export interface PresentationContext {
  /** Odd, 1 to 255, unique in its association. */
  readonly id: number;
  readonly abstractSyntax: string;
  /** 1 to 64. */
  readonly transferSyntaxes: readonly string[];
}

/** PS3.8 table 9-18: 0 acceptance, 1 user rejection, 2 no reason, 3 abstract syntax and 4 transfer syntaxes not supported. */
export type ContextResult = 0 | 1 | 2 | 3 | 4;

export interface ContextAnswer {
  readonly id: number;
  readonly result: ContextResult;
  /** Meaningful for result 0 only. */
  readonly transferSyntax: string;
}

/** A context that both accepted. */
export interface AgreedContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntax: string;
}

/** PS3.7 D.3.3.4. */
export interface RoleSelection {
  readonly sopClassUid: string;
  readonly scu: boolean;
  readonly scp: boolean;
}

/** PS3.7 D.3.3.7. Types: 1 user name, 2 with passcode, 3 Kerberos, 4 SAML, 5 JSON web token. Never logged. */
export interface UserIdentity {
  readonly type: 1 | 2 | 3 | 4 | 5;
  readonly responseRequested: boolean;
  readonly primary: Bytes;
  readonly secondary: Bytes;
}

/** User Information of PS3.8 annex D and PS3.7 annex D. */
export interface UserInformation {
  /** PDU bytes this side is willing to receive, without the PDU header; 0 is unlimited (PS3.8 D.1). */
  readonly maxPduBytes: number;
  readonly implementationClassUid: string;
  readonly implementationVersionName?: string | undefined;
  /** PS3.7 D.3.3.3. */
  readonly asynchronousOperations?: { readonly invoked: number; readonly performed: number } | undefined;
  readonly roles?: readonly RoleSelection[] | undefined;
  /** PS3.7 D.3.3.5: kept as it came. */
  readonly extendedNegotiation?:
    | readonly { readonly sopClassUid: string; readonly information: Bytes }[]
    | undefined;
  /** PS3.7 D.3.3.6. */
  readonly commonExtendedNegotiation?:
    | readonly {
        readonly sopClassUid: string;
        readonly serviceClassUid: string;
        readonly relatedSopClassUids: readonly string[];
      }[]
    | undefined;
  readonly userIdentity?: UserIdentity | undefined;
  /** In an acceptance: the server's response to a user identity. */
  readonly userIdentityResponse?: Bytes | undefined;
}

export interface AssociateRequest {
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly applicationContext: string;
  readonly contexts: readonly PresentationContext[];
  readonly user: UserInformation;
}

export interface AssociateAccept {
  readonly contexts: readonly ContextAnswer[];
  readonly user: UserInformation;
}

/** PS3.8 table 9-21. result: 1 permanent, 2 transient. source: 1 service user, 2 ACSE, 3 presentation. */
export interface AssociateReject {
  readonly result: 1 | 2;
  readonly source: 1 | 2 | 3;
  readonly reason: number;
}

/** PS3.8 table 9-26: source 0 service user, 2 service provider. */
export interface AbortReason {
  readonly source: 0 | 2;
  readonly reason: number;
}

/** How an association ended. */
export type AssociationEnd =
  | { readonly kind: "released" }
  | { readonly kind: "rejected"; readonly by: "us" | "peer"; readonly reject: AssociateReject }
  | {
      readonly kind: "aborted";
      readonly by: "us" | "peer";
      readonly abort: AbortReason;
      readonly why?: string | undefined;
    }
  /** The transport connection ended without a release. */
  | { readonly kind: "lost"; readonly why: string };
