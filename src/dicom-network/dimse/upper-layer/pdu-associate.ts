/** A-ASSOCIATE-RQ and A-ASSOCIATE-AC (PS3.8 9.3.2 and 9.3.3). */
import { type Bytes, concatBytes, fromLatin1, latin1 } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type {
  AssociateAccept,
  AssociateReject,
  AssociateRequest,
  ContextAnswer,
  PresentationContext,
} from "../association.ts";
import { encodePdu, pduType, protocolError } from "./pdu.ts";
import { decodeUid, encodeItem, encodeUid, FieldReader, readItems, u16be, withoutPad } from "./pdu-items.ts";
import { decodeUserInformation, encodeUserInformation, userInformationItem } from "./pdu-user-information.ts";

/** PS3.7 A.2.1: the only one there is. */
export const dicomApplicationContext = "1.2.840.10008.3.1.1.1";

const itemType = {
  applicationContext: 0x10,
  contextRequest: 0x20,
  contextAnswer: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
} as const;

/** Bit 0 is version 1; the others are not tested (PS3.8 table 9-11). */
const protocolVersion = 0x0001;
const titleBytes = 16;
/** Called and calling AE title and 32 reserved bytes: an acceptance returns them as they came (PS3.8 table 9-17). */
const echoBytes = 64;
/** Odd ids from 1 to 255. */
const contextsMax = 128;
/** Ours, no limit of the standard: most senders propose the few they can send, some all there are (over 50 in PS3.6). */
const transferSyntaxesMax = 64;
/** Ours too: below this a peer makes us send almost nothing but headers. DCMTK does not go below 4096. */
const peerPduBytesMin = 128;
const implicitLittleEndian = "1.2.840.10008.1.2";

export interface Refusal {
  readonly reject: AssociateReject;
  readonly why: string;
}

export type DecodedRequest =
  | { readonly kind: "request"; readonly request: AssociateRequest; readonly echo: Bytes }
  /** Well-formed, but not acceptable to the service provider (PS3.8 AE-6). */
  | ({ readonly kind: "refused" } & Refusal);

/** @throws ScansealError `usage` for a request that breaks the standard */
export function encodeAssociateRequest(request: AssociateRequest): Bytes {
  const fault = contextsFault(request.contexts);
  if (fault !== undefined) throw new ScansealError("usage", fault);
  const contexts = request.contexts.map(({ id, abstractSyntax, transferSyntaxes }) =>
    encodeItem(
      itemType.contextRequest,
      Uint8Array.of(id, 0, 0, 0),
      encodeItem(itemType.abstractSyntax, encodeUid(abstractSyntax)),
      ...transferSyntaxes.map((uid) => encodeItem(itemType.transferSyntax, encodeUid(uid))),
    ),
  );
  const echo = concatBytes([
    encodeTitle(request.calledAeTitle),
    encodeTitle(request.callingAeTitle),
    new Uint8Array(32),
  ]);
  return encodePdu(
    pduType.associateRequest,
    concatBytes([
      u16be(protocolVersion),
      u16be(0),
      echo,
      encodeItem(itemType.applicationContext, encodeUid(request.applicationContext)),
      ...contexts,
      encodeUserInformation(request.user),
    ]),
  );
}

/** @throws ScansealError `peer-protocol` for what breaks the grammar: the answer is an abort, not a rejection */
export function decodeAssociateRequest(body: Bytes): DecodedRequest {
  const fields = new FieldReader(body);
  const version = fields.u16();
  fields.u16();
  // The rest of another version may look like anything.
  if ((version & protocolVersion) === 0)
    return refused({ result: 1, source: 2, reason: 2 }, "protocol version 1 is not offered");
  // A copy, as a Buffer's slice would not be.
  const echo = new Uint8Array(fields.take(echoBytes));
  const { applicationContext, contextItems, user } = associateItems(fields.rest(), itemType.contextRequest);
  const contexts = contextItems.map(decodeContextRequest);
  const fault = contextsFault(contexts);
  if (fault !== undefined) throw protocolError(fault);
  const request: AssociateRequest = {
    calledAeTitle: decodeTitle(echo.subarray(0, titleBytes)),
    callingAeTitle: decodeTitle(echo.subarray(titleBytes, 2 * titleBytes)),
    applicationContext: latin1(withoutPad(applicationContext)),
    contexts,
    user,
  };
  return refusalOf(request) ?? { kind: "request", request, echo };
}

/** What the service provider cannot accept (PS3.8 table 9-21). */
function refusalOf(request: AssociateRequest): DecodedRequest | undefined {
  if (request.applicationContext !== dicomApplicationContext)
    return refused({ result: 1, source: 1, reason: 2 }, "another application context");
  if (!isTitle(request.calledAeTitle))
    return refused({ result: 1, source: 1, reason: 7 }, "the called AE title is blank or not printable");
  if (!isTitle(request.callingAeTitle))
    return refused({ result: 1, source: 1, reason: 3 }, "the calling AE title is blank or not printable");
  if (request.contexts.some((context) => context.transferSyntaxes.length > transferSyntaxesMax))
    return refused({ result: 1, source: 3, reason: 2 }, `over ${transferSyntaxesMax} transfer syntaxes`);
  if (isPduTooSmall(request.user.maxPduBytes))
    return refused({ result: 1, source: 3, reason: 2 }, `a maximum PDU under ${peerPduBytesMin} bytes`);
  return undefined;
}

function refused(reject: AssociateReject, why: string): DecodedRequest {
  return { kind: "refused", reject, why };
}

/**
 * `echo` are the 64 bytes of the request that an acceptance returns.
 * @throws ScansealError `usage`
 */
export function encodeAssociateAccept(accept: AssociateAccept, echo: Bytes): Bytes {
  const contexts = accept.contexts.map(({ id, result, transferSyntax }) =>
    encodeItem(
      itemType.contextAnswer,
      Uint8Array.of(id, 0, result, 0),
      // PS3.8 table 9-18: there is one for a refused context too, but it means nothing.
      encodeItem(itemType.transferSyntax, encodeUid(result === 0 ? transferSyntax : implicitLittleEndian)),
    ),
  );
  return encodePdu(
    pduType.associateAccept,
    concatBytes([
      u16be(protocolVersion),
      u16be(0),
      echo,
      encodeItem(itemType.applicationContext, encodeUid(dicomApplicationContext)),
      ...contexts,
      encodeUserInformation(accept.user),
    ]),
  );
}

/** Contexts that were not accepted have "" for a transfer syntax. @throws ScansealError `peer-protocol` */
export function decodeAssociateAccept(body: Bytes): AssociateAccept {
  const fields = new FieldReader(body);
  if ((fields.u16() & protocolVersion) === 0) throw protocolError("protocol version 1 is not accepted");
  fields.u16();
  fields.take(echoBytes);
  const { applicationContext, contextItems, user } = associateItems(fields.rest(), itemType.contextAnswer);
  if (latin1(withoutPad(applicationContext)) !== dicomApplicationContext)
    throw protocolError("another application context");
  if (isPduTooSmall(user.maxPduBytes)) throw protocolError(`a maximum PDU under ${peerPduBytesMin} bytes`);
  return { contexts: contextItems.map(decodeContextAnswer), user };
}

/**
 * Whether an acceptance answers its request: each context at most once, none that was not proposed, a transfer syntax of those proposed.
 * @returns what is wrong
 */
export function acceptFault(accept: AssociateAccept, request: AssociateRequest): string | undefined {
  const open = new Map(request.contexts.map((context) => [context.id, context]));
  for (const answer of accept.contexts) {
    const context = open.get(answer.id);
    if (context === undefined) return "an answer to a context that was not proposed, or a second one";
    open.delete(answer.id);
    if (answer.result === 0 && !context.transferSyntaxes.includes(answer.transferSyntax))
      return "a transfer syntax that was not proposed";
  }
  return undefined;
}

/** The items that both PDUs have. Unknown ones are skipped. */
function associateItems(
  field: Bytes,
  contextType: number,
): { applicationContext: Bytes; contextItems: Bytes[]; user: AssociateAccept["user"] } {
  let applicationContext: Bytes | undefined;
  let user: AssociateAccept["user"] | undefined;
  const contextItems: Bytes[] = [];
  for (const { type, value } of readItems(field)) {
    if (type === itemType.applicationContext) {
      if (applicationContext !== undefined) throw protocolError("two application contexts");
      applicationContext = value;
    } else if (type === contextType) {
      if (contextItems.length === contextsMax) throw protocolError(`over ${contextsMax} contexts`);
      contextItems.push(value);
    } else if (type === userInformationItem) {
      if (user !== undefined) throw protocolError("two user information items");
      user = decodeUserInformation(value);
    }
  }
  if (applicationContext === undefined) throw protocolError("no application context");
  if (user === undefined) throw protocolError("no user information");
  return { applicationContext, contextItems, user };
}

/** PS3.8 table 9-13. */
function decodeContextRequest(value: Bytes): PresentationContext {
  const fields = new FieldReader(value);
  const id = fields.u8();
  fields.take(3);
  let abstractSyntax: string | undefined;
  const transferSyntaxes: string[] = [];
  for (const item of readItems(fields.rest())) {
    if (item.type === itemType.abstractSyntax) {
      if (abstractSyntax !== undefined) throw protocolError("two abstract syntaxes in a context");
      abstractSyntax = decodeUid(item.value, "an abstract syntax");
    } else if (item.type === itemType.transferSyntax)
      transferSyntaxes.push(decodeUid(item.value, "a transfer syntax"));
  }
  if (abstractSyntax === undefined) throw protocolError("a context without an abstract syntax");
  return { id, abstractSyntax, transferSyntaxes };
}

/** PS3.8 table 9-18. */
function decodeContextAnswer(value: Bytes): ContextAnswer {
  const fields = new FieldReader(value);
  const id = fields.u8();
  fields.u8();
  const result = fields.u8();
  fields.u8();
  if (result !== 0 && result !== 1 && result !== 2 && result !== 3 && result !== 4)
    throw protocolError(`a context with result ${result}`);
  const syntaxes = readItems(fields.rest()).filter((item) => item.type === itemType.transferSyntax);
  if (result !== 0) return { id, result, transferSyntax: "" };
  if (syntaxes.length !== 1) throw protocolError("an accepted context needs one transfer syntax");
  return { id, result, transferSyntax: decodeUid(syntaxes[0]!.value, "a transfer syntax") };
}

/** PS3.8 9.3.2.2: ids odd and unique; at least one context, and one transfer syntax in each. */
function contextsFault(contexts: readonly PresentationContext[]): string | undefined {
  if (contexts.length === 0) return "no presentation context";
  const ids = new Set<number>();
  for (const { id, transferSyntaxes } of contexts) {
    if (!Number.isInteger(id) || id < 1 || id > 255 || id % 2 === 0)
      return "a presentation context id is not odd";
    if (ids.has(id)) return "two presentation contexts have one id";
    ids.add(id);
    if (transferSyntaxes.length === 0) return "a presentation context without a transfer syntax";
  }
  return undefined;
}

function isPduTooSmall(peerMaximum: number): boolean {
  return peerMaximum !== 0 && peerMaximum < peerPduBytesMin;
}

/** PS3.8 table 9-11: 16 characters of ISO 646, spaces around them are not significant. PS3.5 table 6.2-1: no backslash. */
function isTitle(title: string): boolean {
  return /^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(title) && title.trim() === title;
}

/** @throws ScansealError `usage` */
function encodeTitle(title: string): Bytes {
  if (!isTitle(title)) throw new ScansealError("usage", "not an AE title");
  return fromLatin1(title.padEnd(titleBytes));
}

function decodeTitle(bytes: Bytes): string {
  return latin1(bytes).replace(/^ +| +$/g, "");
}
