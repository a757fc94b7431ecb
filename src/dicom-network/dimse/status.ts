/** Status codes (PS3.7 annex C, PS3.4 tables B.2-1, C.4-1 to C.4-3) and their words. */

export const dimseStatus = {
  success: 0x0000,
  processingFailure: 0x0110,
  noSuchInstance: 0x0112,
  invalidArgument: 0x0115,
  invalidInstance: 0x0117,
  noSuchEventType: 0x0113,
  classNotSupported: 0x0122,
  noSuchAction: 0x0123,
  notAuthorized: 0x0124,
  unrecognizedOperation: 0x0211,
  mistypedArgument: 0x0212,
  resourceLimitation: 0x0213,
  /** Of C-MOVE and C-GET (PS3.4 C.4.2.1.5, C.4.3.1.4). */
  cannotPerformSubOperations: 0xa702,
  moveDestinationUnknown: 0xa801,
  /** The identifier does not match the SOP class. */
  identifierMismatch: 0xa900,
  /** Sub-operations complete, one or more failures. */
  someSubOperationsFailed: 0xb000,
  unableToProcess: 0xc001,
  cancelled: 0xfe00,
  pending: 0xff00,
  /** Matches are continuing; one or more optional keys were not supported (PS3.4 C.4.1.1.4). */
  pendingKeysUnsupported: 0xff01,
} as const;

const words: ReadonlyMap<number, string> = new Map([
  [0x0000, "accepted"],
  [0x0110, "processing failure"],
  [0x0112, "no such SOP instance"],
  [0x0113, "no such event type"],
  [0x0115, "invalid argument value"],
  [0x0117, "invalid SOP instance"],
  [0x0118, "no such SOP class"],
  [0x0119, "class and instance conflict"],
  [0x0120, "an attribute is missing"],
  [0x0122, "SOP class not supported"],
  [0x0123, "no such action"],
  [0x0124, "not authorised"],
  [0x0131, "duplicate transaction UID"],
  [0x0210, "duplicate invocation"],
  [0x0211, "operation not recognised"],
  [0x0212, "mistyped argument"],
  [0x0213, "resource limitation"],
  [0xa701, "unable to count the matches"],
  [0xa702, "unable to perform sub-operations"],
  [0xa801, "move destination unknown"],
  [0xfe00, "cancelled"],
  [0xff00, "pending"],
  [0xff01, "pending, keys not supported"],
  // PS3.4 table B.2-1.
  [0xb000, "accepted, elements coerced"],
  [0xb006, "accepted, elements discarded"],
  [0xb007, "accepted, data set does not match its SOP class"],
]);

/** Ranges of PS3.4 table B.2-1: first code, last code. */
const ranges: readonly (readonly [number, number, string])[] = [
  [0xa700, 0xa7ff, "out of resources"],
  [0xa900, 0xa9ff, "data set does not match its SOP class"],
  [0xc000, 0xcfff, "cannot understand"],
  [0xb000, 0xbfff, "accepted with a warning"],
];

/** "out of resources (A700)" */
export function describeStatus(code: number): string {
  const text = words.get(code) ?? ranges.find(([first, last]) => code >= first && code <= last)?.[2];
  return `${text ?? "unknown status"} (${code.toString(16).toUpperCase().padStart(4, "0")})`;
}

/** Success or a warning: the object was stored. PS3.7 annex C.1: 0001, Bxxx, 0107 and 0116 are warnings. */
export function isStored(code: number): boolean {
  return (
    code === dimseStatus.success ||
    code === 0x0001 ||
    code === 0x0107 ||
    code === 0x0116 ||
    (code >= 0xb000 && code <= 0xbfff)
  );
}

/** PS3.7 annex C.4: more responses follow. */
export function isPending(code: number): boolean {
  return code === dimseStatus.pending || code === dimseStatus.pendingKeysUnsupported;
}
