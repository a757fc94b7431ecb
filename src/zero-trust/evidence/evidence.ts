/** What was found out about one instance: facts only, as plain JSON data. Judging them is the policy's work. */
import type { ErrorCode } from "../../foundation/errors.ts";
import type { Rectangle } from "../../invisible-watermark/frame.ts";
import type { LocatingBasis } from "../../invisible-watermark/locate.ts";
import type { AttributeClass } from "./attribute-classes.ts";
import type { SealerEvidence } from "./sealer-evidence.ts";

/** Why the object could not be read. Nothing more was looked at. */
export interface UnreadableFact {
  readonly code: ErrorCode;
  /** "(0010,0010)" */
  readonly tag?: string | undefined;
  readonly offset?: number | undefined;
  readonly message: string;
}

/** What begins where the preamble's 128 free bytes are (PS3.10 section 7.1): "none" is all zeros. */
export type PreambleKind = "absent" | "none" | "tiff" | "executable" | "document" | "other";

export interface FormatFacts {
  readonly sopClassUid: string | undefined;
  readonly sopInstanceUid: string | undefined;
  readonly seriesInstanceUid: string | undefined;
  readonly studyInstanceUid: string | undefined;
  readonly deviceSerialNumber: string | undefined;
  /** (0020,0013), where it is a number. */
  readonly instanceNumber?: number | undefined;
  readonly transferSyntaxUid: string;
  readonly preamble: PreambleKind;
  /** Non-conformances that this source's tolerances let pass. */
  readonly tolerated: readonly {
    readonly code: string;
    readonly tag?: string | undefined;
    readonly offset?: number | undefined;
  }[];
  /** (FFFC,FFFC) holds something other than zeros: covered by nothing, shown by nobody. */
  readonly paddingCarriesData: boolean;
  /** A byte of native pixel data after the last frame is not zero. */
  readonly pixelTailCarriesData: boolean;
  /** Elsewhere: tags that nothing covers and nobody shows, with a value that the standard does not give them. */
  readonly hidden: readonly string[];
  /** Group lengths that are not the length of their group, as software leaves them that edits without looking. */
  readonly groupLengthsWrong: readonly string[];
}

/** Whether a signer's certificate leads to an anchor of this verifier, judged at the time of verification. */
export type TrustResult =
  | "trusted"
  | "signer-not-recognised"
  | "certificate-expired"
  | "certificate-not-yet-valid"
  | "certificate-revoked"
  | "certificate-weak"
  | "certificate-wrong-role"
  | "certificate-invalid"
  | "certificate-outside-limits"
  | "revocation-unknown";

export interface TrustFact {
  readonly result: TrustResult;
  /** The trust record's name of the device or, without one, the certificate's subject. */
  readonly signer: string;
  readonly fingerprint: string;
  readonly role?: string | undefined;
  /** What the trust record allows this signer; never taken from the object. */
  readonly hashes: readonly string[];
  readonly detail?: string | undefined;
  /** Its certificate no longer stands, but did when the seal provably existed. */
  readonly standsBy?: {
    readonly timeClass: "T1" | "T2";
    /** ISO 8601 */
    readonly at: string;
    /** What is wrong with it today. */
    readonly since: TrustResult;
  };
}

/** One DICOM Digital Signature. */
export interface SignatureEvidence {
  /** "" for the data set, else a sequence item such as "00081140/0". */
  readonly location: string;
  readonly uid: string;
  readonly result: "valid" | "altered" | "transcoded" | "vr-lost" | "weak" | "malformed";
  readonly algorithm: string;
  readonly detail?: string | undefined;
  readonly signedAt?: string | undefined;
  readonly trust: TrustFact | undefined;
  /** Its UID names the manifest, and the same device signed both. */
  readonly bindsManifest: boolean;
  /** Tags present at its level that it does not cover, containers and exempt elements left out. */
  readonly uncovered: readonly string[];
}

export type ManifestFault =
  | "envelope-invalid"
  | "manifest-signature-invalid"
  | "statement-invalid"
  | "seed-mismatch"
  | "table-mismatch"
  | "container-missing";

export interface ManifestEvidence {
  readonly faults: readonly ManifestFault[];
  readonly detail?: string | undefined;
  readonly trust: TrustFact | undefined;
  /** A second signer of the envelope that is not trusted. */
  readonly stranger?: TrustFact | undefined;
  /** notice: a gate made it for a reader; it is no image of a patient. */
  readonly type: "capture" | "beside-device" | "notice" | undefined;
  /** ISO 8601; the device's own clock (time class T3). */
  readonly sealedAt: string | undefined;
  readonly sealedWithTransferSyntax: string | undefined;
  /** Of a marked object: what says where, and is needed to restore it. The content is proven without it. */
  readonly isWatermarkTableMissing?: boolean | undefined;
  /** The device's clock lay outside its certificate's validity, or ahead of ours. */
  readonly timeImplausible: boolean;
  /** SHA-256 of the signer's SubjectPublicKeyInfo, hexadecimal. */
  readonly keyFingerprint?: string | undefined;
  readonly keyEpoch: string | undefined;
  readonly counter: number | undefined;
  /** SHA-256 of the payload, hexadecimal. */
  readonly payloadDigest: string | undefined;
}

/** One attribute that differs from what was sealed; never its values. */
export interface AttributeChange {
  /** "00100010", "00081140/0/00081155", "0009[ACME 1.0]01" */
  readonly path: string;
  readonly kind: "changed" | "added" | "removed";
  readonly attributeClass: AttributeClass;
  /** Lossless transcoding is known to leave this behind. */
  readonly transcodeByProduct: boolean;
  /** What no commitment covers differs, such as the VR on the wire: no corrected value accounts for that. */
  readonly isIrregular?: true;
  /** A trusted record accounts for exactly this change: a correction's value, or an archive's approved habit. */
  readonly explainedBy?: ChangeExplanation;
}

export interface ChangeExplanation {
  readonly kind: "correction" | "archive-changes";
  /** SHA-256 of the record's payload, hexadecimal. */
  readonly record: string;
  /** One line for people: "adt-a08, 2026-01-31T23:59:59.123Z, by site-derivations". Never a patient's data. */
  readonly summary: string;
}

export interface ContentEvidence {
  /** "signature": one PS3.15 signature covers every element; "commitments": every attribute and frame was compared. */
  readonly route: "signature" | "commitments";
  readonly attributes: readonly AttributeChange[];
  /** Frame indices from 0. */
  readonly framesChanged: readonly number[];
  readonly framesAdded: readonly number[];
  readonly framesRemoved: readonly number[];
  /** Frames that could be compared neither decoded nor as encoded. */
  readonly framesUncheckable: readonly number[];
  /** Compressed with loss, so that decoding cannot give what was sealed. */
  readonly lossyNow: boolean;
  /** The transfer syntax is another than at sealing, and every decoded frame is the sealed one. */
  readonly transcodedLosslessly: boolean;
  /** Something differs, but the table that would name it is missing or damaged. */
  readonly unlocalised: boolean;
}

/** Where one frame differs from how it was marked. */
export interface FrameChanges {
  /** From 0. */
  readonly frame: number;
  readonly basis: LocatingBasis;
  /** Tiles, or superblocks where no more is known, joined to rectangles: the first 200, and the first 2000 of an object. */
  readonly regions: readonly Rectangle[];
  /** Changed tiles or superblocks in all. */
  readonly places: number;
}

/**
 * What the frames' own marks say. Asked with `deep`, where pixels differ, and where signature or metadata are missing or broken; undefined where it was
 * not. It says where these samples come from, never whose they are.
 */
export interface WatermarkEvidence {
  /** What the marks were compared with: the claim of a manifest that is sound and by a trusted signer, or only each other. */
  readonly boundTo: "manifest" | "marks";
  /** Of the first mark with a valid signature; undefined where none has one. */
  readonly signer: TrustFact | undefined;
  /** Of the first mark that could be read. */
  readonly contentId: string | undefined;
  readonly framesChecked: number;
  /** With a valid signature, every sample as it was marked, and of this place: the object and frame that the manifest or the first mark names. */
  readonly framesIntact: number;
  /** Marks of another object, frame or device than the manifest or the other frames say: whole frames from elsewhere. */
  readonly framesForeign: readonly number[];
  /** The manifest says that they are marked, but no mark can be read, and nothing else tells what of them is left. */
  readonly framesUnreadable: readonly number[];
  /** Changed since they were marked. */
  readonly changes: readonly FrameChanges[];
}

/** What only the receiver of an object could find out. */
export interface ArrivalEvidence {
  /** Command and data set name different instances or classes (PS3.7 9.1.1.1, PS3.4 B.2.3). */
  readonly uidDiffers: boolean;
  /** Another object was admitted under its SOP Instance UID. */
  readonly conflict: boolean;
}

/** How an object that an archive returned to a reader compares with what the gate admitted under the UID that was asked for. */
export interface ExpectationEvidence {
  /** Its SOP, series and study UIDs, and its class, are those asked for. */
  readonly instance: "same" | "other";
  /**
   * Its manifest is the admitted one. "none-admitted": what was admitted had no trusted seal. "not-admitted": the gate knows nothing of it;
   * "stripped": nor does it, and this site's own records say that it was sealed.
   */
  readonly seal: "same" | "other" | "missing" | "none-admitted" | "not-admitted" | "stripped";
  /** Superseded by a version that the gate has admitted. */
  readonly isOlder: boolean;
}

/** What is wrong with a record; it then counts for nothing. */
export type RecordFault =
  | "record-structure"
  | "record-signature-invalid"
  | "record-signer"
  | "record-opening"
  | "record-content";

/** A record about this object that was found and checked. */
export interface RecordEvidence {
  /** SHA-256 of its payload, hexadecimal. */
  readonly record: string;
  /** Empty: the record holds. `record-content`: it is about the object, which is not what it says. */
  readonly faults: readonly RecordFault[];
  readonly detail?: string | undefined;
  readonly trust: TrustFact | undefined;
}

/** What was in hands when somebody vouched for it; nothing before that. */
export interface ReceiptEvidence extends RecordEvidence {
  /** What it says; undefined where it cannot be read. */
  readonly claim: ReceiptClaim | undefined;
  /** How the object differs from what was received. */
  readonly content: ContentEvidence | undefined;
  /** It was made before the device was enrolled whose seal is expected now. */
  readonly beforeEnrolment: boolean;
  /** Other receipts by trusted signers that this object does not fit. */
  readonly disagreeing: number;
}

export interface ReceiptClaim {
  readonly source: string;
  readonly basis: "baseline" | "import" | "admission";
  /** Who answers for it. */
  readonly operator?: string | undefined;
  /** That person took it without the seal it should have. */
  readonly asUnsealed: boolean;
  /** ISO 8601, by the receiver's clock. */
  readonly receivedAt: string;
}

/** The object was made from others, by somebody who says so. */
export interface DerivationEvidence extends RecordEvidence {
  /** What it says; undefined where it cannot be read. */
  readonly claim: DerivationClaim | undefined;
  /** How the object differs from what was made. */
  readonly content: ContentEvidence | undefined;
}

export interface DerivationClaim {
  readonly action: string;
  /** Payload digests of the parents' manifests or records. */
  readonly parents: readonly string[];
  readonly product?: { readonly name: string; readonly version: string } | undefined;
  readonly operator?: string | undefined;
  readonly derivedAt: string;
}

/** A trusted record says that something newer stands in this object's place. */
export interface SupersededEvidence {
  readonly record: string;
  readonly by: "correction" | "derivation";
  readonly at: string;
  readonly summary: string;
}

/** T1: a trusted time-stamping authority or a quorum of witnesses. T2: this site's own first sight of it. T3: the device's claim. */
export type TimeClass = "T1" | "T2" | "T3";

export interface TimeEvidence {
  readonly timeClass: TimeClass;
  /** ISO 8601: the seal existed then, as far as the class reaches. */
  readonly at: string;
  readonly basis: "time-stamp" | "log" | "first-seen" | "claim";
  /** Of a stamp: the subject of the certificate that signed it. */
  readonly authority?: string;
  /** The device claims to have sealed later than the seal is proven to exist. */
  readonly isClaimLater?: boolean;
  /** Stamps that are there and do not hold, with the step that refused each. */
  readonly faults: readonly {
    readonly of: "time-stamp" | "certified-timestamp";
    readonly step: string;
    /** Not beside it: whoever has the object has it. */
    readonly isInObject: boolean;
  }[];
}

/** What the authority of the sealing device said of it, kept with the seal. */
export interface RevocationEvidence {
  /** A revocation, else the newest good answer that is about the time of sealing. Undefined without either. */
  readonly told?: {
    readonly source: "ocsp";
    readonly status: "good" | "revoked";
    /** ISO 8601: it was so then; it says nothing of later. */
    readonly at: string;
    /** Subject of the certificate that signed it. */
    readonly responder: string;
    readonly revokedAt?: string;
    readonly reason?: string;
  };
  /** Responses that are there and do not hold, with the step that refused each. */
  readonly faults: readonly { readonly step: string; readonly isInObject: boolean }[];
}

/** unknown: there is no proof. unknown-log: of a log that this verifier does not know. */
export interface LogEvidence {
  readonly state: "proven" | "invalid" | "unknown" | "unknown-log";
  /** What refused an invalid proof. */
  readonly step?: string | undefined;
  readonly origin?: string | undefined;
  readonly index?: number | undefined;
  /** ISO 8601, of the witnesses; undefined under `quorum none`. */
  readonly at?: string | undefined;
  /** False: not protected from site administrators. */
  readonly witnessed?: boolean | undefined;
  /** A proof in the object does not hold, at this step, whatever others do. */
  readonly fault?: string | undefined;
  /** Milliseconds from the sealing, as the device says, to this verification. */
  readonly ageMs?: number | undefined;
}

/** What else was seen under this seal's number of its key. */
export interface CounterEvidence {
  /** Payload digests of other manifests under the same number: an equivocation. */
  readonly others: readonly string[];
}

/** One item of the Original Attributes Sequence (0400,0561): who says to have changed what. Shown, never believed. */
export interface OriginalAttributesFact {
  /** ISO 8601 or DICOM text as it stands. */
  readonly modifiedAt?: string | undefined;
  readonly system?: string | undefined;
  /** (0400,0565) */
  readonly reason?: string | undefined;
  readonly source?: string | undefined;
  /** Tags of the attributes that it says were replaced. */
  readonly tags: readonly string[];
}

/** Another object that this one names. Anybody can write that: it proves nothing of either. */
export interface ReferenceFact {
  /** source: it says that it was made from that; referenced: it is about that. */
  readonly how: "source" | "referenced";
  readonly sopInstanceUid: string;
}

export interface Evidence {
  readonly unreadable?: UnreadableFact;
  readonly format?: FormatFacts;
  readonly signatures: readonly SignatureEvidence[];
  readonly manifest?: ManifestEvidence;
  readonly content?: ContentEvidence;
  readonly watermark?: WatermarkEvidence;
  /** The trust store has a device of this serial number, or the frames carry a trusted device's mark: its seal is expected. */
  readonly sealExpectedFrom?: string;
  /** The receipt that fits best. Of sealed objects only where the seal is not trusted. */
  readonly receipt?: ReceiptEvidence;
  /** The derivation that fits best. */
  readonly derivation?: DerivationEvidence;
  readonly supersededBy?: SupersededEvidence;
  /** Corrections of its study and approvals of its archive that were found and count for nothing. */
  readonly recordFaults?: readonly RecordEvidence[];
  /** Of sealed objects. */
  readonly time?: TimeEvidence;
  readonly log?: LogEvidence;
  /** Where an OCSP response is in the object or beside it. */
  readonly revocation?: RevocationEvidence;
  readonly counter?: CounterEvidence;
  /** At most 64. */
  readonly originalAttributes?: readonly OriginalAttributesFact[];
  /** Of an object without a seal: what it says it was made from, or is about; at most 64. */
  readonly refersTo?: readonly ReferenceFact[];
  /** Undefined for an object that came from no network. */
  readonly arrival?: ArrivalEvidence;
  /** Of an object that was fetched for a reader. */
  readonly expectation?: ExpectationEvidence;
  /** Of an object that was to be sealed here, and was not. */
  readonly sealer?: SealerEvidence;
}
