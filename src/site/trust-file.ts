/** Authorities of others that this site trusts, and their revocation lists, as a file. It holds no secret. */
import { type Bytes, equalBytes, fromBase64, fromUtf8, toBase64, toHex, utf8 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { type Crl, parseCrl } from "../keys/trust/revocation.ts";
import { roles } from "../keys/trust/roles.ts";
import type { AnchorLimits, TrustStoreContent } from "../keys/trust/trust-store.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { fileExists, readPublicFile, replaceFileDurably } from "../platform/node/private-files.ts";

/** A thousand anchors of 2 KiB. */
const trustFileBytesMax = 8 << 20;

interface AnchorEntry {
  readonly label: string;
  readonly certificate: string;
  /** Files of version 0.1.0 have none: nothing is limited. */
  readonly limits?: AnchorLimits;
}

interface TrustDocument {
  readonly format: "scanseal-trust-1";
  readonly anchors: readonly AnchorEntry[];
  /** Revocation lists of these authorities, DER in base64. */
  readonly crls?: readonly string[];
}

function isTrustDocument(value: unknown): value is TrustDocument {
  const { format, anchors, crls = [] } = (value ?? {}) as Partial<TrustDocument>;
  return (
    format === empty.format &&
    Array.isArray(crls) &&
    crls.every(isBase64) &&
    Array.isArray(anchors) &&
    anchors.every(
      (anchor: unknown) =>
        typeof anchor === "object" &&
        anchor !== null &&
        "label" in anchor &&
        typeof anchor.label === "string" &&
        "certificate" in anchor &&
        isBase64(anchor.certificate) &&
        (!("limits" in anchor) || isLimits(anchor.limits)),
    )
  );
}

const limitKeys: readonly string[] = ["organizations", "aeTitles", "roles"] satisfies (keyof AnchorLimits)[];

/** A limit that is not understood would be one that is not kept. */
function isLimits(value: unknown): value is AnchorLimits {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).every(
      ([key, list]) =>
        limitKeys.includes(key) &&
        Array.isArray(list) &&
        list.every(
          (one) => typeof one === "string" && (key !== "roles" || roles.some((role) => role === one)),
        ),
    )
  );
}

function isBase64(text: unknown): boolean {
  try {
    return typeof text === "string" && fromBase64(text).length > 0;
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
    return this.#read().anchors.map(({ label, certificate, limits }) => ({
      label,
      certificate: fromBase64(certificate),
      ...(limits === undefined ? {} : { limits }),
    }));
  }

  /**
   * @param limits what its signers may be
   * @param isAsked one that is there keeps its own unless these were asked for
   * @returns whether it was there already; it keeps its label then
   */
  addAnchor(
    certificate: Uint8Array,
    label: string,
    limits: AnchorLimits,
    isAsked: boolean,
  ): "added" | "limited" | "known" {
    const document = this.#read();
    const encoded = toBase64(certificate);
    const index = document.anchors.findIndex((anchor) => anchor.certificate === encoded);
    const known = document.anchors[index];
    if (!known) {
      const anchors = [...document.anchors, { label, certificate: encoded, limits }];
      this.#write({ ...document, anchors });
      return "added";
    }
    if (!isAsked) return "known";
    this.#write({ ...document, anchors: document.anchors.with(index, { ...known, limits }) });
    return "limited";
  }

  /** @throws ScansealError `usage`, `io` */
  crls(): Bytes[] {
    return (this.#read().crls ?? []).map((list) => fromBase64(list));
  }

  /** In place of the older lists of the same issuer and key. @returns false when there is one as new */
  addCrl(crl: Crl): boolean {
    const document = this.#read();
    const kept = document.crls ?? [];
    const isSameIssuers = (other: Crl): boolean =>
      equalBytes(other.issuer.der, crl.issuer.der) && keyIdOf(other) === keyIdOf(crl);
    const rivals = kept.filter((list) => isSameIssuers(parseCrl(fromBase64(list), nodeCrypto)));
    if (rivals.some((list) => parseCrl(fromBase64(list), nodeCrypto).thisUpdate >= crl.thisUpdate))
      return false;
    const others = kept.filter((list) => !rivals.includes(list));
    this.#write({ ...document, crls: [...others, toBase64(crl.der)] });
    return true;
  }

  #write(document: TrustDocument): void {
    replaceFileDurably(this.#path, utf8(`${JSON.stringify(document, null, 2)}\n`), { mode: 0o644 });
  }
}

function keyIdOf({ authorityKeyIdentifier }: Crl): string {
  return toHex(authorityKeyIdentifier?.keyIdentifier ?? new Uint8Array());
}
