/** Authorities of others that this site trusts, as a file. It holds no secret. */
import { fromBase64, fromUtf8, toBase64, utf8 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import type { TrustStoreContent } from "../keys/trust/trust-store.ts";
import { fileExists, readPublicFile, replaceFileDurably } from "../platform/node/private-files.ts";

/** A thousand anchors of 2 KiB. */
const trustFileBytesMax = 8 << 20;

interface TrustDocument {
  readonly format: "scanseal-trust-1";
  readonly anchors: readonly { readonly label: string; readonly certificate: string }[];
}

const empty: TrustDocument = { format: "scanseal-trust-1", anchors: [] };

export class TrustFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  #read(): TrustDocument {
    if (!fileExists(this.#path)) return empty;
    try {
      const document = JSON.parse(fromUtf8(readPublicFile(this.#path, trustFileBytesMax))) as TrustDocument;
      if (document.format === empty.format && Array.isArray(document.anchors)) return document;
    } catch (cause) {
      if (cause instanceof ScansealError && cause.code === "io") throw cause;
    }
    throw new ScansealError("usage", "the site's trust file cannot be read; restore it from a backup");
  }

  /** @throws ScansealError `usage`, `io` */
  anchors(): TrustStoreContent["anchors"] {
    return this.#read().anchors.map(({ label, certificate }) => ({
      label,
      certificate: fromBase64(certificate),
    }));
  }

  /** @returns false for one that is there already; it keeps its label */
  addAnchor(certificate: Uint8Array, label: string): boolean {
    const document = this.#read();
    const encoded = toBase64(certificate);
    if (document.anchors.some((anchor) => anchor.certificate === encoded)) return false;
    const next = { ...document, anchors: [...document.anchors, { label, certificate: encoded }] };
    replaceFileDurably(this.#path, utf8(`${JSON.stringify(next, null, 2)}\n`), { mode: 0o644 });
    return true;
  }
}
