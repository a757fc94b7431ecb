/** Seals that were made, so that sealing the same original again gives the same bytes (spec/sealing.md step 8). */
import { join } from "node:path";
import type { NewElement } from "../dicom/encode.ts";
import type { Edit } from "../dicom/splice.ts";
import { isVr } from "../dicom/vr.ts";
import { type Bytes, fromBase64, fromUtf8, toBase64, toHex, utf8 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import {
  ensurePrivateFolder,
  fileExists,
  readPrivateFile,
  replaceFileDurably,
} from "../platform/node/private-files.ts";

/** An envelope, a seed, a leaf table and two signature items, in base64. */
const recordBytesMax = 48 << 20;

interface StoredElement {
  readonly tag: number;
  readonly vr: string;
  readonly value?: string;
  readonly items?: readonly (readonly StoredElement[])[];
}

type StoredEdit =
  | { readonly kind: "put"; readonly element: StoredElement }
  | { readonly kind: "append-item"; readonly sequence: number; readonly item: readonly StoredElement[] };

/** What names one original: its SOP Instance UID and the SHA-256 of its file. */
export interface OriginalName {
  readonly sopInstanceUid: string;
  readonly digest: Bytes;
}

export class SealStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  #pathOf({ sopInstanceUid, digest }: OriginalName): string {
    const name = toHex(nodeCrypto.hash("SHA-256", utf8(`${sopInstanceUid}\0${toHex(digest)}`)));
    const folder = join(this.#folder, name.slice(0, 2));
    ensurePrivateFolder(folder);
    return join(folder, `${name}.json`);
  }

  /** @throws ScansealError `io`, or `internal` for a record that was damaged */
  find(original: OriginalName): readonly Edit[] | undefined {
    const path = this.#pathOf(original);
    if (!fileExists(path)) return undefined;
    try {
      const stored = JSON.parse(fromUtf8(readPrivateFile(path, recordBytesMax))) as readonly StoredEdit[];
      return stored.map(restoredEdit);
    } catch (cause) {
      if (cause instanceof ScansealError && cause.code === "io") throw cause;
      throw new ScansealError("io", "a stored seal is damaged; remove it to seal this object anew", {
        cause,
      });
    }
  }

  /** Durable when it returns. @throws ScansealError `io` */
  keep(original: OriginalName, edits: readonly Edit[]): void {
    replaceFileDurably(this.#pathOf(original), utf8(JSON.stringify(edits.map(storedEdit))), { mode: 0o600 });
  }
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
