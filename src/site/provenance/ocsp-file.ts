/** HOME/ocsp.json: which authority's responder is asked where. It holds no secret. */
import { join } from "node:path";
import { fromUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { fileExists, readPublicFile, replaceFileDurably } from "../../platform/node/private-files.ts";

/** A thousand authorities. */
const ocspFileBytesMax = 1 << 20;

export interface OcspResponder {
  /** SHA-256 of the issuing authority's certificate, lower-case hexadecimal. */
  readonly authority: string;
  readonly url: string;
}

const format = "scanseal-ocsp-1";

export class OcspFile {
  readonly #path: string;

  /** @param home the site's folder */
  constructor(home: string) {
    this.#path = join(home, "ocsp.json");
  }

  /** @throws ScansealError `io`, `key-unusable` when the file is damaged */
  responders(): readonly OcspResponder[] {
    if (!fileExists(this.#path)) return [];
    try {
      const document: unknown = JSON.parse(fromUtf8(readPublicFile(this.#path, ocspFileBytesMax)));
      if (isDocument(document)) return document.responders;
    } catch (cause) {
      if (cause instanceof ScansealError && cause.code === "io") throw cause;
    }
    throw new ScansealError(
      "key-unusable",
      "ocsp.json is damaged: restore it from a backup, or remove it and name the responders again",
    );
  }

  /** In place of the one that was asked for this authority. @throws ScansealError `usage`, `io` */
  use(responder: OcspResponder): void {
    if (!isWebUrl(responder.url))
      throw new ScansealError("usage", "the responder is named by an http or https URL");
    this.#write([
      ...this.responders().filter(({ authority }) => authority !== responder.authority),
      responder,
    ]);
  }

  /** @param authority undefined: all @returns how many are no longer asked */
  remove(authority: string | undefined): number {
    const known = this.responders();
    const kept = known.filter((one) => authority !== undefined && one.authority !== authority);
    if (kept.length < known.length) this.#write(kept);
    return known.length - kept.length;
  }

  #write(responders: readonly OcspResponder[]): void {
    const text = `${JSON.stringify({ format, responders }, null, 2)}\n`;
    replaceFileDurably(this.#path, utf8(text), { mode: 0o644 });
  }
}

function isWebUrl(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

function isDocument(value: unknown): value is { readonly responders: readonly OcspResponder[] } {
  const document = (value ?? {}) as { format?: unknown; responders?: unknown };
  return (
    document.format === format &&
    Array.isArray(document.responders) &&
    document.responders.every((one: unknown) => {
      const { authority, url } = (one ?? {}) as Partial<OcspResponder>;
      return typeof authority === "string" && /^[0-9a-f]{64}$/.test(authority) && isWebUrl(String(url));
    })
  );
}
