/** HOME/time.json: where this site gets time stamps, and whose it believes. It holds no secret. */
import { fromBase64, fromUtf8, toBase64, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { parseCrl } from "../../keys/trust/revocation.ts";
import { TimeStampTrust } from "../../keys/trust/time-stamp.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { fileExists, readPublicFile, replaceFileDurably } from "../../platform/node/private-files.ts";

/** A handful of authorities, and the revocation lists of the public ones. */
const timeFileBytesMax = 16 << 20;

/** Plain data: it crosses to the threads that verify. Base64 of DER. */
export interface TimeSettings {
  /** Undefined: stamps are believed, but none is asked for. */
  readonly url?: string;
  readonly anchors: readonly string[];
  /** Policies under which stamps are accepted; empty: any. */
  readonly policies: readonly string[];
  readonly crls: readonly string[];
}

const format = "scanseal-time-1";

/** @throws ScansealError `certificate-invalid` for an anchor or a list that cannot be used */
export function timeTrustOf(settings: TimeSettings): TimeStampTrust {
  const content = {
    anchors: settings.anchors.map(fromBase64),
    policies: settings.policies,
    crls: settings.crls.map((list) => parseCrl(fromBase64(list), nodeCrypto)),
  };
  return new TimeStampTrust(content, nodeCrypto);
}

export class TimeFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Undefined where the site has no authority. @throws ScansealError `io`, `key-unusable` when the file is damaged */
  settings(): TimeSettings | undefined {
    if (!fileExists(this.#path)) return undefined;
    try {
      const document: unknown = JSON.parse(fromUtf8(readPublicFile(this.#path, timeFileBytesMax)));
      if (isDocument(document)) {
        const { format: _, ...settings } = document;
        timeTrustOf(settings);
        return settings;
      }
    } catch (cause) {
      if (cause instanceof ScansealError && cause.code === "io") throw cause;
    }
    throw new ScansealError(
      "key-unusable",
      "time.json is damaged: restore it from a backup, or remove it and name the authority again",
    );
  }

  /**
   * From now on stamps come from `url`. Anchors and lists are added: stamps of an earlier authority stay what they are.
   * @throws ScansealError `usage`, `certificate-invalid`, `io`
   */
  use(change: {
    readonly url: string | undefined;
    readonly anchors: readonly Uint8Array[];
    readonly policies: readonly string[];
    readonly crls: readonly Uint8Array[];
  }): TimeSettings {
    const known = this.settings() ?? { anchors: [], policies: [], crls: [] };
    const url = change.url ?? known.url;
    const joined = (old: readonly string[], more: readonly Uint8Array[]): string[] => [
      ...new Set([...old, ...more.map(toBase64)]),
    ];
    const settings = {
      ...(url === undefined ? {} : { url: requireUrl(url) }),
      anchors: joined(known.anchors, change.anchors),
      policies: [...new Set([...known.policies, ...change.policies])],
      crls: joined(known.crls, change.crls),
    };
    if (settings.anchors.length === 0) throw new ScansealError("usage", "name the authority's anchor");
    if (settings.policies.some((policy) => !policyForm.test(policy)))
      throw new ScansealError("usage", "a policy is an object identifier such as 1.3.6.1.4.1.13762.3");
    timeTrustOf(settings);
    const text = `${JSON.stringify({ format, ...settings }, null, 2)}\n`;
    replaceFileDurably(this.#path, utf8(text), { mode: 0o644 });
    return settings;
  }
}

const policyForm = /^[0-2](\.(0|[1-9]\d*)){2,}$/;

function requireUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new ScansealError("usage", "the authority is named by an http or https URL");
  return url;
}

function isDocument(value: unknown): value is TimeSettings & { readonly format: string } {
  const document = (value ?? {}) as Partial<TimeSettings & { format: string }>;
  const isTexts = (list: unknown): boolean =>
    Array.isArray(list) && list.every((one) => typeof one === "string");
  return (
    document.format === format &&
    (document.url === undefined || typeof document.url === "string") &&
    isTexts(document.anchors) &&
    isTexts(document.policies) &&
    isTexts(document.crls)
  );
}
