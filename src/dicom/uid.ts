/**
 * Characters and length of a UID (PS3.5 section 9.1), but not its components: what strangers say is kept, shown and compared in this form; whether
 * it is a UID is checked where that matters (consistency.ts, the command sets).
 */
export const uidForm: RegExp = /^[0-9.]{1,64}$/;
