/** The one base error of the project. A failed check is data in a verdict; an error means malformed bytes, a limit, misuse or I/O. */

/** Grammar violations. One code each, so that a tolerance can name it. */
export type MalformedCode =
  | "not-dicom"
  | "preamble-missing"
  | "meta-invalid"
  | "transfer-syntax-missing"
  | "transfer-syntax-unknown"
  | "transfer-syntax-mismatch"
  | "truncated"
  | "tag-order"
  | "tag-duplicate"
  | "tag-forbidden"
  | "vr-invalid"
  | "vr-mismatch"
  | "length-odd"
  | "length-invalid"
  | "length-exceeds-parent"
  | "delimiter-unexpected"
  | "item-expected"
  | "trailing-bytes"
  | "pixel-length"
  | "pixel-attributes"
  | "encapsulation-invalid"
  | "value-invalid"
  | "uid-invalid"
  | "uid-mismatch"
  | "deflate-invalid"
  | "seal-structure"
  | "log-structure"
  | "archive-invalid";

/** Resource bounds: the object is refused while it arrives, before memory is taken for it. */
export type LimitCode =
  | "limit-depth"
  | "limit-elements"
  | "limit-items"
  | "limit-fragments"
  | "limit-length"
  | "limit-inflate"
  | "limit-decode";

/** Everything else that can go wrong outside a verdict. */
export type FaultCode =
  | "usage"
  | "io"
  | "key-unusable"
  | "certificate-invalid"
  | "codec-failed"
  | "unsupported"
  | "already-sealed"
  | "not-sealable"
  | "not-restorable"
  | "duplicate-instance"
  | "counter-conflict"
  | "log-conflict"
  | "storage-full"
  | "config-invalid"
  | "network"
  | "peer-protocol"
  | "peer-rejected"
  | "peer-aborted"
  | "timeout"
  | "internal";

export type ErrorCode = MalformedCode | LimitCode | FaultCode;

/** Who is at fault: the object, the caller, the machine (disk and network), the network peer, or we. */
export type Fault = "input" | "caller" | "environment" | "peer" | "internal";

export interface ErrorPlace {
  /** Byte offset in the file (in the inflated stream for deflated data sets). */
  readonly offset?: number | undefined;
  /** (group << 16 | element) as an unsigned number. */
  readonly tag?: number | undefined;
  readonly cause?: unknown;
}

/**
 * Messages carry no attribute values: no patient data, no key material.
 * `code` is closed; `offset` and `tag` say where, when there is a where.
 */
export class ScansealError extends Error {
  readonly code: ErrorCode;
  readonly offset: number | undefined;
  readonly tag: number | undefined;

  constructor(code: ErrorCode, message: string, place: ErrorPlace = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause });
    this.name = "ScansealError";
    this.code = code;
    this.offset = place.offset;
    this.tag = place.tag;
  }

  get fault(): Fault {
    if (this.code === "internal") return "internal";
    if (environmentCodes.has(this.code)) return "environment";
    if (this.code.startsWith("peer-")) return "peer";
    return isMalformed(this.code) || isLimit(this.code) ? "input" : "caller";
  }
}

const faultCodes: ReadonlySet<ErrorCode> = new Set<FaultCode>([
  "usage",
  "io",
  "key-unusable",
  "certificate-invalid",
  "codec-failed",
  "unsupported",
  "already-sealed",
  "not-sealable",
  "not-restorable",
  "duplicate-instance",
  "counter-conflict",
  "log-conflict",
  "storage-full",
  "config-invalid",
  "network",
  "peer-protocol",
  "peer-rejected",
  "peer-aborted",
  "timeout",
  "internal",
]);

const environmentCodes: ReadonlySet<ErrorCode> = new Set<FaultCode>([
  "io",
  "storage-full",
  "network",
  "timeout",
]);

export function isLimit(code: ErrorCode): code is LimitCode {
  return code.startsWith("limit-");
}

export function isMalformed(code: ErrorCode): code is MalformedCode {
  return !isLimit(code) && !faultCodes.has(code);
}
