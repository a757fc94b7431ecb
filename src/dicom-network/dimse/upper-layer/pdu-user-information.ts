/** The User Information Item (PS3.8 9.3.2.3, annex D; PS3.7 annex D.3.3). */
import { type Bytes, concatBytes, fromLatin1, latin1, u32be } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { RoleSelection, UserIdentity, UserInformation } from "../association.ts";
import { protocolError } from "./pdu.ts";
import { counted, decodeUid, encodeItem, encodeUid, FieldReader, readItems, u16be } from "./pdu-items.ts";

export const userInformationItem = 0x50;

const itemType = {
  maximumLength: 0x51,
  implementationClassUid: 0x52,
  asynchronousOperations: 0x53,
  roleSelection: 0x54,
  implementationVersionName: 0x55,
  extendedNegotiation: 0x56,
  commonExtendedNegotiation: 0x57,
  userIdentity: 0x58,
  userIdentityResponse: 0x59,
} as const;

/** Sub-items of which there is one for each SOP class; of all others there is one at most. */
const repeatable: ReadonlySet<number> = new Set([
  itemType.roleSelection,
  itemType.extendedNegotiation,
  itemType.commonExtendedNegotiation,
]);

const knownItems: ReadonlySet<number> = new Set<number>(Object.values(itemType));

/** PS3.7 D.3.3.2.3: 1 to 16 characters of ISO 646. */
const versionNamePattern = /^[\x20-\x7e]{0,16}$/;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** @throws ScansealError `usage` */
export function encodeUserInformation(user: UserInformation): Bytes {
  const items: Bytes[] = [];
  const add = (type: number, ...parts: Bytes[]) => items.push(encodeItem(type, ...parts));
  if (!Number.isInteger(user.maxPduBytes) || user.maxPduBytes < 0 || user.maxPduBytes > 0xffffffff)
    throw new ScansealError("usage", "the maximum PDU does not fit 32 bits");
  add(itemType.maximumLength, u32be(user.maxPduBytes));
  if (user.implementationClassUid !== "")
    add(itemType.implementationClassUid, encodeUid(user.implementationClassUid));
  const window = user.asynchronousOperations;
  if (window) add(itemType.asynchronousOperations, u16be(window.invoked), u16be(window.performed));
  for (const role of user.roles ?? [])
    add(
      itemType.roleSelection,
      counted(encodeUid(role.sopClassUid)),
      Uint8Array.of(Number(role.scu), Number(role.scp)),
    );
  const version = user.implementationVersionName;
  if (version !== undefined) {
    if (!versionNamePattern.test(version) || version.endsWith(" "))
      throw new ScansealError("usage", "not an implementation version name");
    add(itemType.implementationVersionName, fromLatin1(version));
  }
  for (const { sopClassUid, information } of user.extendedNegotiation ?? [])
    add(itemType.extendedNegotiation, counted(encodeUid(sopClassUid)), information);
  for (const common of user.commonExtendedNegotiation ?? [])
    add(
      itemType.commonExtendedNegotiation,
      counted(encodeUid(common.sopClassUid)),
      counted(encodeUid(common.serviceClassUid)),
      counted(concatBytes(common.relatedSopClassUids.map((uid) => counted(encodeUid(uid))))),
    );
  const identity = user.userIdentity;
  if (identity)
    add(
      itemType.userIdentity,
      Uint8Array.of(identity.type, Number(identity.responseRequested)),
      counted(identity.primary),
      counted(identity.secondary),
    );
  if (user.userIdentityResponse) add(itemType.userIdentityResponse, counted(user.userIdentityResponse));
  return encodeItem(userInformationItem, ...items);
}

/**
 * The value of a User Information Item. Sub-items nobody knows are skipped. A missing maximum length means no limit and a missing
 * implementation class UID is "": both are mandatory, but nothing depends on them.
 * @throws ScansealError `peer-protocol`
 */
export function decodeUserInformation(value: Bytes): UserInformation {
  const user: Writable<UserInformation> = { maxPduBytes: 0, implementationClassUid: "" };
  const seen = new Set<number>();
  const add = userItemReader(user);
  for (const item of readItems(value)) {
    if (!knownItems.has(item.type)) continue;
    if (seen.has(item.type) && !repeatable.has(item.type))
      throw protocolError(`two user information items 0x${item.type.toString(16)}`);
    seen.add(item.type);
    // PS3.7 table D.3-12: another version of this sub-item is another format.
    if (item.type === itemType.commonExtendedNegotiation && item.version !== 0) continue;
    const fields = new FieldReader(item.value);
    add(item.type, fields);
    fields.end(`user information item 0x${item.type.toString(16)}`);
  }
  return user;
}

/** Reads one sub-item into `user`. */
function userItemReader(user: Writable<UserInformation>): (type: number, fields: FieldReader) => void {
  const roles = new Map<string, RoleSelection>();
  return (type, fields) => {
    switch (type) {
      case itemType.maximumLength:
        user.maxPduBytes = fields.u32();
        return;
      case itemType.implementationClassUid:
        user.implementationClassUid = decodeUid(fields.rest(), "the implementation class");
        return;
      case itemType.asynchronousOperations:
        user.asynchronousOperations = { invoked: fields.u16(), performed: fields.u16() };
        return;
      case itemType.roleSelection: {
        const sopClassUid = decodeUid(fields.counted(), "the SOP class of a role");
        const role = { sopClassUid, scu: fields.flag("an SCU role"), scp: fields.flag("an SCP role") };
        const same = roles.get(sopClassUid);
        // DCMTK says it once for each context; said twice alike it is one.
        if (same && (same.scu !== role.scu || same.scp !== role.scp))
          throw protocolError("two roles for one SOP class");
        if (!same) user.roles = append(user.roles, role);
        roles.set(sopClassUid, role);
        return;
      }
      case itemType.implementationVersionName:
        user.implementationVersionName = versionName(fields.rest());
        return;
      case itemType.extendedNegotiation: {
        const sopClassUid = decodeUid(fields.counted(), "the SOP class of an extended negotiation");
        const information = new Uint8Array(fields.rest());
        user.extendedNegotiation = append(user.extendedNegotiation, { sopClassUid, information });
        return;
      }
      case itemType.commonExtendedNegotiation:
        user.commonExtendedNegotiation = append(user.commonExtendedNegotiation, readCommon(fields));
        return;
      case itemType.userIdentity:
        user.userIdentity = readIdentity(fields);
        return;
      case itemType.userIdentityResponse:
        user.userIdentityResponse = new Uint8Array(fields.counted());
    }
  };
}

function append<T>(list: readonly T[] | undefined, item: T): readonly T[] {
  if (list === undefined) return [item];
  // The list is ours until decoding ends.
  (list as T[]).push(item);
  return list;
}

/** Padding at the end is not part of the name: some peers fill the field. */
function versionName(bytes: Bytes): string {
  let length = bytes.length;
  while (length > 0 && (bytes[length - 1] === 0x20 || bytes[length - 1] === 0)) length--;
  const name = latin1(bytes.subarray(0, length));
  if (!versionNamePattern.test(name)) throw protocolError("a bad implementation version name");
  return name;
}

/** PS3.7 table D.3-12. What follows the related classes is reserved. */
function readCommon(fields: FieldReader): NonNullable<UserInformation["commonExtendedNegotiation"]>[number] {
  const sopClassUid = decodeUid(fields.counted(), "the SOP class of a common extended negotiation");
  const serviceClassUid = decodeUid(fields.counted(), "the service class of a common extended negotiation");
  const list = new FieldReader(fields.counted());
  const relatedSopClassUids: string[] = [];
  while (list.remaining > 0) relatedSopClassUids.push(decodeUid(list.counted(), "a related SOP class"));
  fields.rest();
  return { sopClassUid, serviceClassUid, relatedSopClassUids };
}

/** PS3.7 table D.3-14. */
function readIdentity(fields: FieldReader): UserIdentity {
  const type = fields.u8();
  if (type !== 1 && type !== 2 && type !== 3 && type !== 4 && type !== 5)
    throw protocolError(`user identity of type ${type}`);
  const responseRequested = fields.flag("the wish for a user identity response");
  // Copies, as a Buffer's slice would not be: they outlive the PDU.
  return {
    type,
    responseRequested,
    primary: new Uint8Array(fields.counted()),
    secondary: new Uint8Array(fields.counted()),
  };
}
