/**
 * Characters and length of a UID (PS3.5 section 9.1), but not its components: what strangers say is kept, shown and compared in this form; whether
 * it is a UID is checked where that matters (consistency.ts, the command sets).
 */
export const uidForm: RegExp = /^[0-9.]{1,64}$/;

/**
 * PS3.5 section 9.1 but for leading zeros, which real devices make: 1 to 64 characters, components of digits. Not "..", nor anything else a path
 * could be made of.
 */
export function isWellFormedUid(uid: string): boolean {
  return uid.length <= 64 && /^\d+(\.\d+)*$/.test(uid);
}
