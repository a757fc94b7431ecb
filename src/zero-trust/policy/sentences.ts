/** One plain sentence for a radiologist for each finding. "Altered" accuses nobody; "unsealed" is not "fake". */
import type { FindingCode, Layer, Severity } from "./verdict.ts";

export interface Sentence {
  readonly severity: Severity;
  readonly layer: Layer;
  readonly message: string;
}

const error = (layer: Layer, message: string): Sentence => ({ severity: "error", layer, message });
const warning = (layer: Layer, message: string): Sentence => ({ severity: "warning", layer, message });
const info = (layer: Layer, message: string): Sentence => ({ severity: "info", layer, message });

const changed = "Changed after capture; do not rely on it.";
const brokenSeal = "The seal on this image is damaged; its origin cannot be proven.";
const unknownSigner = "Sealed by a device this site does not recognise.";

/** Everything that is not here is about the file's form: malformed and limit codes. */
const sentences: Partial<Readonly<Record<FindingCode, Sentence>>> = {
  "attribute-changed": error("manifest", changed),
  "attribute-added": error("manifest", "Something was added after capture; do not rely on it."),
  "attribute-removed": error("manifest", "Something was removed after capture; do not rely on it."),
  "pixels-changed": error("manifest", "The image was changed after capture; do not rely on it."),
  "frames-added": error("manifest", "Images were added after capture; do not rely on it."),
  "frames-removed": error("manifest", "Images are missing from this object; do not rely on it."),
  "pixels-lossy": error(
    "manifest",
    "The image was compressed with loss after capture; it is no longer what the scanner saw.",
  ),
  "pixels-not-checkable": error("manifest", "The image could not be compared with what was captured."),
  "content-changed": error("manifest", changed),
  "signature-altered": error("seal", "The digital signature does not fit this object; do not rely on it."),
  "signature-malformed": error("seal", brokenSeal),
  "signature-not-bound": error("seal", "The signature on this image belongs to another seal."),
  "signature-missing": warning(
    "seal",
    "The DICOM signature was removed; the seal's second proof still holds.",
  ),
  "signature-transcoded": info("seal", "Recompressed since capture; checked by the seal's second proof."),
  "signature-vr-lost": info(
    "seal",
    "Rewritten by other software since capture; checked by the seal's second proof.",
  ),
  "signature-not-checkable": warning(
    "seal",
    "Another signature on this image can no longer be checked: the image was rewritten since it was made.",
  ),
  "signature-weak": error("seal", "Signed with a method that is no longer safe."),
  "counter-equivocation": error(
    "trust",
    "The number of this seal was given to another image too; one of them is not what it claims.",
  ),
  "log-proof-invalid": error(
    "trust",
    "The proof that this seal was logged does not hold; do not rely on it.",
  ),
  "log-missing": warning("trust", "This seal is not known to be in the transparency log."),
  "log-unknown": info("trust", "This seal names a transparency log that this site does not know."),
  "time-stamp-invalid": error("trust", "A time stamp of this image's seal does not hold; do not rely on it."),
  "revocation-status-invalid": warning(
    "trust",
    "A note that the sealing device was not revoked does not hold; it proves nothing here.",
  ),
  "time-stamp-unknown": info(
    "trust",
    "A time stamp is by an authority that this site does not rely on; it proves nothing here.",
  ),
  "stands-by-time": info(
    "trust",
    "The sealing device's certificate no longer stands, but did when this image was sealed: its time is proven.",
  ),
  "time-proven-late": info(
    "trust",
    "The device says that it sealed this image long before anybody else can show that the seal existed.",
  ),
  "foreign-signature": error("trust", "A second signature by an unrecognised signer is attached."),
  "envelope-invalid": error("seal", brokenSeal),
  "statement-invalid": error("seal", brokenSeal),
  "manifest-signature-invalid": error("seal", brokenSeal),
  "seed-mismatch": error("seal", brokenSeal),
  "table-mismatch": error("seal", brokenSeal),
  "container-missing": error("seal", "A part of the seal is missing; the image cannot be checked in full."),
  "signer-not-recognised": error("trust", unknownSigner),
  "certificate-expired": error("trust", "The sealing device's certificate has expired."),
  "certificate-not-yet-valid": error("trust", "The sealing device's certificate is not valid yet."),
  "certificate-revoked": error("trust", "The sealing device's certificate was revoked."),
  "certificate-weak": error("trust", "The sealing device's key is too weak to be relied on."),
  "certificate-wrong-role": error("trust", "The signer is not entitled to seal images."),
  "certificate-invalid": error("trust", unknownSigner),
  "certificate-outside-limits": error("trust", "This site does not trust its authority for such images."),
  "revocation-unknown": error(
    "trust",
    "Whether the sealing device's certificate still stands could not be found out.",
  ),
  "time-implausible": error("trust", "The time of sealing cannot be right."),
  "transcoded-losslessly": info(
    "manifest",
    "Recompressed without loss since capture; every pixel is as captured.",
  ),
  "seal-missing": warning("seal", "Not sealed at capture: nothing can be proven about it, either way."),
  "seal-expected": error("seal", "This device seals its images, but this one carries no seal."),
  "seal-stripped": error("watermark", "This image was sealed, and its seal was removed."),
  "watermark-foreign": error("watermark", "An image in this object comes from elsewhere; do not rely on it."),
  "watermark-unreadable": warning(
    "watermark",
    "The watermark cannot be read: where the image was changed cannot be told.",
  ),
  "watermark-intact": info("watermark", "Every pixel that was looked at is as it was marked."),
  "received-unchanged": info("record", "Unchanged since it was received; not sealed at capture."),
  "received-changed": error("record", "Changed since it was received; do not rely on it."),
  superseded: warning("record", "A corrected version of this object exists; use that one."),
  derived: info("record", "Made from another object; not sealed at capture."),
  "derived-changed": error("record", "Changed after it was made; do not rely on it."),
  "record-unusable": warning("record", "A correction or approval about this object cannot be relied on."),
  "original-attributes": info("format", "Another system says that it changed entries of this object."),
  "refers-to": info("format", "It refers to other images, and neither vouches for them nor taints them."),
  "receipt-not-accepted": warning(
    "record",
    "It was let in without the seal that its device gives; that proves nothing about it.",
  ),
  "receipt-of-admission": warning(
    "record",
    "A gate let it in unsealed, and it is unchanged since; nobody answered for it.",
  ),
  "receipt-unusable": warning("record", "A receipt for this image cannot be relied on."),
  "receipts-disagree": error(
    "record",
    "Somebody vouches for another image with this identity: a person must look which is right.",
  ),
  "preamble-suspicious": error(
    "format",
    "The file begins with bytes that another program might run or open.",
  ),
  "hidden-bytes": warning("format", "The file carries bytes that no viewer shows."),
  tolerated: info("format", "The file breaks a rule of the standard that this site tolerates."),
  "uid-mismatch": error("parser", "It is labelled as another object than it is; do not rely on it."),
  "instance-conflict": error(
    "arrival",
    "Another object with this identity was admitted first; this one is held, and nothing was overwritten.",
  ),
  "another-instance-returned": error(
    "arrival",
    "The archive returned another image than the one asked for; it is withheld.",
  ),
  "another-seal-returned": error(
    "arrival",
    "The archive returned another object than the one that was admitted with this identity; it is withheld.",
  ),
  "seal-missing-since-admission": error(
    "arrival",
    "The seal it was admitted with has been removed since; do not rely on it.",
  ),
  "seal-missing-since-sealing": error(
    "arrival",
    "It was sealed at this site, and its seal has been removed since; do not rely on it.",
  ),
  "older-version-returned": error(
    "arrival",
    "The archive returned an older version than the one that was admitted; it is withheld.",
  ),
  "gate-notice": error("seal", "A notice that a gate made for a reader. It is no image of a patient."),
  "sealer-sealed-already": error(
    "arrival",
    "It came to a sealer sealed already, and a scanner sends no sealed images: it may have been sent before.",
  ),
  "sealer-other-device": error(
    "arrival",
    "It does not say to be from the scanner that this sealer stands beside; it was not sealed.",
  ),
  "sealer-not-scheduled": error(
    "arrival",
    "Patient and order are not on the worklist of this scanner; it was not sealed.",
  ),
  "sealer-worklist-away": error("arrival", "The worklist could not be asked; it was not sealed yet."),
  "sealer-failed": error("arrival", "It could not be sealed, and waits here unchanged."),
  "check-incomplete": error("arrival", "The check could not be completed; nothing is known about it yet."),
};

const malformed = error("parser", "Not a well-formed DICOM object; it was not opened.");

export function sentenceOf(code: FindingCode): Sentence {
  return sentences[code] ?? malformed;
}
