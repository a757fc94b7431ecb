/** Small JSON documents of the key folders: checked by the caller, replaced durably. */
import { basename } from "node:path";
import { tryUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { readPrivateFile, replaceFileDurably } from "../../platform/node/private-files.ts";

/** An authority's ledger with 10,000 certificates takes about 15 MB. */
const jsonBytesMax: number = 64 * 1024 * 1024;

/** @throws ScansealError `key-unusable` when the file is open to others or not a document of this format, `io` */
export function readJson<T extends { readonly format: string }>(path: string, format: T["format"]): T {
  const text = tryUtf8(readPrivateFile(path, jsonBytesMax));
  try {
    const value: unknown = JSON.parse(text ?? "");
    if (typeof value === "object" && value !== null && "format" in value && value.format === format) {
      return value as T;
    }
  } catch {
    // Reported below, without its content.
  }
  throw new ScansealError(
    "key-unusable",
    `${basename(path)} is damaged (expected ${format}): restore it from a backup`,
  );
}

export function writeJson<T extends { readonly format: string }>(path: string, value: T): void {
  replaceFileDurably(path, utf8(`${JSON.stringify(value, null, 2)}\n`), { mode: 0o600 });
}
