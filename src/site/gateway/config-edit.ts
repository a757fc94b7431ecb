/** Changes to a configuration file that keep its comments: made in the YAML tree, checked as a whole, written at once or not at all. */
import { realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Document, isMap, isScalar, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from "yaml";
import { fromUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { readSmallFile } from "../../platform/node/file-source.ts";
import { ensurePrivateFolder, replaceFileDurably, withFileLock } from "../../platform/node/private-files.ts";
import type { Mode } from "../../zero-trust/policy/decide.ts";
import { type GatewayConfig, readConfig } from "./config.ts";
import { takesAll } from "./config-checks.ts";
import { type ConfigProblem, problemLine } from "./config-problem.ts";
import { configCharactersMax } from "./yaml-document.ts";

export interface NewSource {
  readonly name: string;
  readonly listener: string;
  readonly mode: Mode;
  /** Lower-case hexadecimal SHA-256, and whose it is, for people. */
  readonly certificate: { readonly fingerprint: string; readonly comment: string } | undefined;
  readonly aeTitle: string | undefined;
  readonly network: string | undefined;
}

export interface ConfigChange {
  readonly before: GatewayConfig;
  readonly after: GatewayConfig;
  /** Of the file as it is now. */
  readonly warnings: readonly ConfigProblem[];
  /** Puts the file back as it was. */
  readonly undo: () => void;
}

/** @throws ScansealError `config-invalid` when the file has errors, before or after; `usage` for a source of that name; `io` */
export function addSource(path: string, source: NewSource): ConfigChange {
  return changeConfig(path, (document, config) => {
    if (config.settings.sources.some(({ name }) => name === source.name))
      throw new ScansealError("usage", `there is a source ${source.name} already`);
    const map = document.createNode({
      name: source.name,
      listener: source.listener,
      mode: source.mode,
      ...(source.certificate ? { certificates: [`sha256:${source.certificate.fingerprint}`] } : {}),
      ...(source.aeTitle === undefined ? {} : { aeTitles: [source.aeTitle] }),
      ...(source.network === undefined ? {} : { networks: [source.network] }),
    }) as YAMLMap;
    if (source.certificate) {
      const list = map.get("certificates") as YAMLSeq;
      list.commentBefore = ` ${source.certificate.comment}`;
    }
    const sources = document.get("sources");
    // The first source that fits takes a peer: a narrower one goes before a wider one.
    const peers = { ...source, aeTitles: listOf(source.aeTitle), networks: listOf(source.network) };
    const wider = source.certificate ? -1 : config.settings.sources.findIndex((one) => takesAll(one, peers));
    if (!isSeq(sources)) document.set("sources", document.createNode([map]));
    else sources.items.splice(wider < 0 ? sources.items.length : wider, 0, map);
  });
}

function listOf(value: string | undefined): string[] {
  return value === undefined ? [] : [value];
}

/** @throws ScansealError as `addSource`; `usage` when there is no such source */
export function setMode(path: string, name: string, mode: Mode): ConfigChange {
  return changeConfig(path, (document) => {
    const found = sourceNode(document, name);
    const written = found.get("mode", true);
    // The scalar itself keeps its place and its comment.
    if (isScalar(written)) written.value = mode;
    else found.set("mode", mode);
  });
}

/** What is tolerated already stays where it stands. @throws ScansealError as `setMode`, also for a code that nobody may tolerate */
export function addTolerances(path: string, name: string, codes: readonly string[]): ConfigChange {
  return changeConfig(path, (document) => {
    const found = sourceNode(document, name);
    const written = found.get("tolerate", true);
    const known = isSeq(written) ? written.items.map((item) => (isScalar(item) ? item.value : item)) : [];
    const added = codes.filter((code) => !known.includes(code));
    if (isSeq(written)) for (const code of added) written.add(document.createNode(code));
    else found.set("tolerate", document.createNode(added, { flow: true }));
  });
}

function sourceNode(document: Document, name: string): YAMLMap {
  const sources = document.get("sources");
  const items = isSeq(sources) ? sources.items : [];
  const found = items.find((item) => isMap(item) && item.get("name") === name) as YAMLMap | undefined;
  if (!found) throw new ScansealError("usage", `there is no source ${name}: scanseal source list`);
  return found;
}

function changeConfig(
  named: string,
  change: (document: Document, config: GatewayConfig) => void,
): ConfigChange {
  const path = realPath(named);
  const { data } = soundConfig(textOf(path), path, named).config;
  ensurePrivateFolder(data);
  // Two people's changes at once: one waits for the other and changes what that one wrote.
  return withFileLock(join(data, "config.lock"), () => {
    const text = textOf(path);
    const { config: before } = soundConfig(text, path, named);
    const document = parseDocument(text, { schema: "failsafe", logLevel: "silent" });
    change(document, before);
    const changed = document.toString({ lineWidth: 0 });
    const { config: after, warnings } = soundConfig(changed, path, named);
    const mode = statSync(path).mode & 0o777;
    replaceFileDurably(path, utf8(changed), { mode });
    return { before, after, warnings, undo: () => replaceFileDurably(path, utf8(text), { mode }) };
  });
}

/** A link, as deployments have them, stays a link. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw new ScansealError("usage", `${path}: there is no such configuration: scanseal start makes one`);
  }
}

function textOf(path: string): string {
  const bytes = readSmallFile(path, 4 * configCharactersMax, (size) => new Uint8Array(size));
  if (!bytes) throw new ScansealError("config-invalid", "the file is too large to be a configuration");
  return fromUtf8(bytes);
}

function soundConfig(
  text: string,
  path: string,
  named: string,
): { readonly config: GatewayConfig; readonly warnings: readonly ConfigProblem[] } {
  const { config, problems } = readConfig(text, path, { environment: process.env, now: systemClock.now() });
  if (config) return { config, warnings: problems };
  const first = problems.find(({ level }) => level === "error")!;
  throw new ScansealError("config-invalid", `${problemLine(named, first)}; nothing was changed`);
}
