/** Seals that were made, so that sealing the same original again gives the same bytes (spec/sealing.md step 9). */
import { join } from "node:path";
import type { NewElement } from "../dicom/encode.ts";
import type { Edit } from "../dicom/splice.ts";
import { isVr } from "../dicom/vr.ts";
import { type Bytes, fromBase64, fromUtf8, toBase64, toHex, utf8 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import {
  createFileDurably,
  ensurePrivateFolder,
  fileExists,
  readPrivateFile,
} from "../platform/node/private-files.ts";
import type { StoredSeal } from "../sealing/seal.ts";

/** An envelope, a seed, a leaf table, a watermark table, two signature items and the signatures of 500,000 marks, in base64. */
const recordBytesMax = 192 << 20;

interface StoredElement {
  readonly tag: number;
  readonly vr: string;
  readonly value?: string;
  readonly items?: readonly (readonly StoredElement[])[];
}

/** Bytes in base64. */
interface StoredMarks {
  readonly contentId: string;
  readonly salt: string;
  readonly object: string;
  /** Empty: not marked. */
  readonly signatures: readonly string[];
}

interface StoredRecord {
  readonly edits: readonly StoredEdit[];
  readonly marks?: StoredMarks;
}

type StoredEdit =
  | { readonly kind: "put"; readonly element: StoredElement }
  | { readonly kind: "append-item"; readonly sequence: number; readonly item: readonly StoredElement[] };

/** What names one original: its SOP Instance UID and the SHA-256 of its file. */
export interface OriginalName {
  readonly sopInstanceUid: string;
  readonly digest: Bytes;
}

/**
 * One file a seal: SHA-256 over the original's name and the seal, a line end, the seal as JSON. A file that was cut, edited or put
 * in another's place is an error and never becomes a sealed object.
 */
export class SealStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws ScansealError `io`, also for a record that is damaged */
  find(original: OriginalName): StoredSeal | undefined {
    const { name, path } = this.#placeOf(original);
    if (!fileExists(path)) return undefined;
    try {
      const text = fromUtf8(readPrivateFile(path, recordBytesMax));
      const json = text.slice(checkDigits + 1);
      if (text !== recordOf(name, json)) throw new ScansealError("internal", "the check does not fit");
      return restoredSeal(JSON.parse(json) as StoredRecord);
    } catch (cause) {
      if (cause instanceof ScansealError && cause.code === "io") throw cause;
      throw new ScansealError(
        "io",
        `the stored seal ${name.slice(0, 2)}/${name}.seal of this device cannot be used: restore it from a backup, or remove it to seal the object anew`,
        { cause },
      );
    }
  }

  /**
   * Durable when it returns. The first seal of an original stays.
   * @returns the seal that counts: `seal` itself, or what another process kept before
   * @throws ScansealError `io`
   */
  keep(original: OriginalName, seal: StoredSeal): StoredSeal {
    const { name, path } = this.#placeOf(original);
    const record = utf8(recordOf(name, JSON.stringify(storedSeal(seal))));
    if (createFileDurably(path, record, { mode: 0o600 })) return seal;
    return this.find(original) ?? seal;
  }

  #placeOf({ sopInstanceUid, digest }: OriginalName): { readonly name: string; readonly path: string } {
    const name = toHex(nodeCrypto.hash("SHA-256", utf8(`${sopInstanceUid}\0${toHex(digest)}`)));
    const folder = join(this.#folder, name.slice(0, 2));
    ensurePrivateFolder(folder);
    return { name, path: join(folder, `${name}.seal`) };
  }
}

/** SHA-256 in hexadecimal. */
const checkDigits = 64;

function recordOf(name: string, json: string): string {
  return `${toHex(nodeCrypto.hash("SHA-256", utf8(`${name}\n${json}`)))}\n${json}`;
}

function storedSeal({ edits, marks }: StoredSeal): StoredRecord {
  if (!marks) return { edits: edits.map(storedEdit) };
  const { contentId, salt, object, signatures } = marks;
  return {
    edits: edits.map(storedEdit),
    marks: {
      contentId: toBase64(contentId),
      salt: toBase64(salt),
      object: toBase64(object),
      signatures: signatures.map((signature) => (signature ? toBase64(signature) : "")),
    },
  };
}

function restoredSeal({ edits, marks }: StoredRecord): StoredSeal {
  if (!marks) return { edits: edits.map(restoredEdit) };
  const { contentId, salt, object, signatures } = marks;
  return {
    edits: edits.map(restoredEdit),
    marks: {
      contentId: fromBase64(contentId),
      salt: fromBase64(salt),
      object: fromBase64(object),
      signatures: signatures.map((text) => (text === "" ? undefined : fromBase64(text))),
    },
  };
}

function storedEdit(edit: Edit): StoredEdit {
  if (edit.kind === "append-item") return { ...edit, item: edit.item.map(storedElement) };
  if (edit.kind === "put") return { kind: "put", element: storedElement(edit.element) };
  throw new ScansealError("internal", "a seal removes nothing");
}

function storedElement({ tag, vr, value, items }: NewElement): StoredElement {
  return {
    tag,
    vr,
    ...(value ? { value: toBase64(value) } : {}),
    ...(items ? { items: items.map((item) => item.map(storedElement)) } : {}),
  };
}

function restoredEdit(edit: StoredEdit): Edit {
  if (edit.kind === "append-item") return { ...edit, item: edit.item.map(restoredElement) };
  return { kind: "put", element: restoredElement(edit.element) };
}

function restoredElement({ tag, vr, value, items }: StoredElement): NewElement {
  if (!isVr(vr)) throw new ScansealError("internal", "a stored seal has an unknown VR");
  return {
    tag,
    vr,
    ...(value === undefined ? {} : { value: fromBase64(value) }),
    ...(items ? { items: items.map((item) => item.map(restoredElement)) } : {}),
  };
}
