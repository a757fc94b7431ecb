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

function isTrustDocument(value: unknown): value is TrustDocument {
  const { format, anchors } = (value ?? {}) as Partial<TrustDocument>;
  return (
    format === empty.format &&
    Array.isArray(anchors) &&
    anchors.every(
      (anchor: unknown) =>
        typeof anchor === "object" &&
        anchor !== null &&
        "label" in anchor &&
        typeof anchor.label === "string" &&
        "certificate" in anchor &&
        typeof anchor.certificate === "string" &&
        isBase64(anchor.certificate),
    )
  );
}

function isBase64(text: string): boolean {
  try {
    return fromBase64(text).length > 0;
  } catch {
    return false;
  }
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
      const document: unknown = JSON.parse(fromUtf8(readPublicFile(this.#path, trustFileBytesMax)));
      if (isTrustDocument(document)) return document;
    } catch (cause) {
      if (cause instanceof ScansealError && cause.code === "io") throw cause;
    }
    throw new ScansealError(
      "key-unusable",
      "trust.json is damaged: restore it from a backup, or remove it and import the anchors again",
    );
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
