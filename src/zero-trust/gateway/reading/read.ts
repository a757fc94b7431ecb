/** What becomes of one instance that a reader asked for. */
import type { Evidence } from "../../evidence/evidence.ts";
import type { Admitted } from "../../policy/admitted.ts";
import type { Opened } from "../../quarantine/opened.ts";
import type { InstanceName, StagedObject } from "./ports.ts";

/** Fetched, examined, compared with what was admitted; one that people opened may have failed. */
export interface VerifiedObject extends InstanceName {
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  readonly staged: StagedObject;
  readonly evidence: Evidence;
  readonly verdict: string;
  readonly assurance: string | undefined;
  /** Undefined for a copy that the gate keeps. */
  readonly archive: string | undefined;
}

/** Why an instance is not given. */
export type Withholding =
  /** What the archive returned does not pass. */
  | { readonly why: "held"; readonly verdict: string; readonly codes: readonly string[] }
  /** It is as it was admitted, or nothing proves it: this reader is not given that. No alarm. */
  | { readonly why: "policy"; readonly verdict: string; readonly codes: readonly string[] }
  /** The gate admitted it, and the archive has it no more. */
  | { readonly why: "missing" }
  /** The archive cannot be asked, or the check could not be completed; `code` of a ScansealError. */
  | { readonly why: "unavailable"; readonly code: string };

/** Made here and sealed by the site: says what was withheld. No object of an archive. */
export interface GateNotice extends InstanceName {
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  readonly staged: StagedObject;
}

export type Read =
  | {
      readonly kind: "delivered";
      readonly object: Admitted<VerifiedObject>;
      /** The reader is done with its bytes. Idempotent. */
      readonly done: () => void;
    }
  /** It would be withheld, and people answer for reading it all the same. */
  | { readonly kind: "opened"; readonly object: Opened<VerifiedObject>; readonly done: () => void }
  | { readonly kind: "withheld"; readonly instance: InstanceName; readonly withholding: Withholding };

/** After the last instance, for readers who want it: one for each study of which something was withheld. */
export interface NoticeRead {
  readonly kind: "notice";
  readonly notice: GateNotice;
  /** As of what is delivered. */
  readonly done: () => void;
}

/** What a reader is sent. */
export type Outgoing = Exclude<Read, { readonly kind: "withheld" }> | NoticeRead;

export function outgoingObject(read: Outgoing): GateNotice {
  return read.kind === "notice" ? read.notice : read.object.object;
}
