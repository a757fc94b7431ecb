/** Reading a log: of this machine by its folder, of anywhere by its URL. Nothing of it is believed before it was verified. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { beginningOf } from "../../provenance/transparency-log/proof/entry-bundle.ts";
import { decimalOf } from "../../provenance/transparency-log/proof/log-text.ts";
import { noteBytesMax } from "../../provenance/transparency-log/proof/signed-note.ts";
import { tilePath, tileWidth } from "../../provenance/transparency-log/proof/tile.ts";
import type { ReadTile } from "../../provenance/transparency-log/proof/tree-reader.ts";
import { unreachableReason } from "../unreachable.ts";
import { logTiles } from "./log-folder.ts";

export interface LogSource {
  /** @throws ScansealError `network`, `io` also when nothing is published */
  checkpoint(): Promise<Bytes>;
  /** @throws ScansealError `network`, `io` */
  readonly readTile: ReadTile;
}

const answerMsMax = 20_000;
/** A bundle of the largest entries. */
const tileBytesMax: number = tileWidth * 65_537;

export function isLogUrl(place: string): boolean {
  return /^https?:\/\//.test(place);
}

/** @param place a log's URL prefix, or its folder @throws ScansealError `usage` */
export function openLogSource(place: string): LogSource {
  return isLogUrl(place) ? remoteSource(place.replace(/\/+$/, "")) : localSource(place);
}

function localSource(folder: string): LogSource {
  const tiles = logTiles(folder);
  return {
    async checkpoint() {
      const bytes = await tiles.readCheckpoint();
      if (!bytes) throw new ScansealError("io", "the log has published nothing yet");
      return bytes;
    },
    readTile: (name) => tiles.require(name),
  };
}

function remoteSource(prefix: string): LogSource {
  return {
    async checkpoint() {
      const bytes = await get(`${prefix}/checkpoint`, noteBytesMax);
      if (!bytes) throw new ScansealError("io", "the log has published nothing yet");
      return bytes;
    },
    async readTile(name) {
      const bytes = await get(`${prefix}/${tilePath(name)}`, tileBytesMax);
      if (bytes) return bytes;
      // A partial tile may be gone once the full one is there.
      const full =
        name.width < tileWidth &&
        (await get(`${prefix}/${tilePath({ ...name, width: tileWidth })}`, tileBytesMax));
      if (full) return beginningOf(full, name);
      throw new ScansealError("io", `the log has no ${tilePath(name)}`);
    },
  };
}

/** Undefined for 404. */
async function get(url: string, bytesMax: number): Promise<Bytes | undefined> {
  const response = await request(url, {});
  if (response.status === 404) return undefined;
  if (response.status !== 200)
    throw new ScansealError("network", `the log answered with status ${response.status}`);
  return await boundedBody(response, bytesMax);
}

/** @param bundle entries behind their lengths @returns the first one's index @throws ScansealError `network` when it was not acknowledged */
export async function appendRemotely(
  prefix: string,
  bundle: Bytes,
  token: string | undefined,
): Promise<number> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const body = bundle as Uint8Array<ArrayBuffer>;
  const response = await request(`${prefix.replace(/\/+$/, "")}/append`, { method: "POST", body, headers });
  const text = Buffer.from(await boundedBody(response, 1024))
    .toString("latin1")
    .trim();
  if (response.status !== 200)
    throw new ScansealError("network", `the log did not take it (status ${response.status}): ${text}`);
  const index = decimalOf(text);
  if (index === undefined) throw new ScansealError("network", "the log's answer is no index");
  return index;
}

async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    // No redirects: whoever answers would choose where this machine asks next, and who gets the entries.
    return await fetch(url, { ...init, redirect: "error", signal: AbortSignal.timeout(answerMsMax) });
  } catch (cause) {
    throw new ScansealError("network", `the log cannot be reached (${unreachableReason(cause)})`, { cause });
  }
}

async function boundedBody(response: Response, bytesMax: number): Promise<Bytes> {
  const parts: Bytes[] = [];
  let total = 0;
  try {
    for await (const part of response.body ?? []) {
      total += part.length;
      if (total > bytesMax) break;
      parts.push(part);
    }
  } catch (cause) {
    throw new ScansealError("network", "the log's answer was cut off", { cause });
  }
  if (total > bytesMax) throw new ScansealError("network", "the log's answer is too large");
  return Buffer.concat(parts);
}
