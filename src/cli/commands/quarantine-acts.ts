/** `scanseal quarantine export, release, purge, approve, withdraw, recheck`: what operators do with held objects. */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { createFileDurably, fileExists } from "../../platform/node/private-files.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { QuarantineRequest } from "../../store/journal/requests.ts";
import * as decisions from "../../zero-trust/quarantine/decisions.ts";
import {
  exportHeld,
  exportName,
  exportReport,
  unverifiedWarning,
} from "../../zero-trust/quarantine/export.ts";
import { heldAmong, selectHeld } from "../../zero-trust/quarantine/held-objects.ts";
import { storyOf } from "../../zero-trust/quarantine/object-story.ts";
import { finishPurges, type PurgeOutcome } from "../../zero-trust/quarantine/purge.ts";
import {
  dangersAmong,
  expiresAt,
  requireConfirmed,
  requireReason,
  verdictCounts,
} from "../../zero-trust/quarantine/two-people.ts";
import { writeNewFile } from "../new-file.ts";
import { durationText, readableUntil, requestLines, timeText } from "../quarantine-report.ts";
import { type Desk, type DeskOptions, proveOperator, withDesk } from "./gateway-desk.ts";
import { canvas, type SelectorOptions, say, selectorOf } from "./quarantine.ts";

interface ActOptions extends DeskOptions {
  readonly by: string;
}

interface ReasonedOptions extends ActOptions, SelectorOptions {
  readonly reason: string;
}

function counted(count: number): string {
  return count === 1 ? "1 object" : `${count} objects`;
}

function prove({ operators, ports }: Desk, { by }: ActOptions, command: string): Promise<string> {
  return proveOperator(operators, ports.journal, by, command);
}

async function selected(
  { ports }: Desk,
  name: string | undefined,
  options: SelectorOptions,
): Promise<readonly JudgedObject[]> {
  return selectHeld(ports.journal, selectorOf(name, options), options.all);
}

export interface ExportOptions extends ReasonedOptions {
  readonly out: string;
}

/** @returns 0 */
export async function exportObjects(name: string | undefined, options: ExportOptions): Promise<number> {
  return withDesk(options, async (desk) => {
    const reason = requireReason(options.reason);
    const objects = await selected(desk, name, options);
    const pathOf = exportPaths(objects, options.out);
    // Before a passphrase is asked for and anything is recorded.
    for (const object of objects) requireNoFile(pathOf(object));
    const by = await prove(desk, options, "quarantine export");
    if (objects.length > 1) mkdirSync(options.out, { recursive: true, mode: 0o700 });
    for (const object of objects) await exportOne(desk, object, { by, reason }, pathOf(object));
    say(`${counted(objects.length)} exported by ${by}.`, unverifiedWarning);
    return 0;
  });
}

function requireNoFile(path: string): void {
  for (const one of [path, `${path}.json`])
    if (fileExists(one)) throw new ScansealError("io", `${one} cannot be written: it exists already`);
}

/** One object into the file that was named; several, or into a folder, under names that we make. */
function exportPaths(objects: readonly JudgedObject[], out: string): (object: JudgedObject) => string {
  const isFolder = statSync(out, { throwIfNoEntry: false })?.isDirectory() === true;
  if (objects.length === 1 && !isFolder) return () => out;
  return (object) => join(out, exportName(object));
}

async function exportOne(
  { ports }: Desk,
  object: JudgedObject,
  asked: decisions.Asked,
  path: string,
): Promise<void> {
  await exportHeld(ports, object, asked, (pieces) => writeNewFile(path, pieces));
  // Read after the export was recorded, so that the report tells of it.
  const report = exportReport(await storyOf(ports.journal, object), { ...asked, at: systemClock.now() });
  if (!createFileDurably(`${path}.json`, utf8(`${JSON.stringify(report, null, 2)}\n`), { mode: 0o600 }))
    throw new ScansealError("io", `${path}.json cannot be written: it exists already`);
  say(`${path} and ${path}.json`);
}

export interface ReleaseOptions extends ReasonedOptions {
  readonly to?: string | undefined;
  readonly reader?: readonly string[];
  /** Milliseconds. */
  readonly for?: number;
  readonly confirm: readonly string[];
}

/** A second opinion; who needs longer asks again. */
const readableMsDefault = 24 * 60 * 60_000;

/** Asks for a release. @returns 0 */
export async function release(name: string | undefined, options: ReleaseOptions): Promise<number> {
  return withDesk(options, async (desk) => {
    const { to, reader, for: ms } = options;
    if ((to === undefined) === (reader === undefined))
      throw new ScansealError("usage", "a release takes either --reader NAMES or --to DESTINATION");
    if (to !== undefined && ms !== undefined)
      throw new ScansealError("usage", "--for goes with --reader: what is sent cannot be taken back");
    const reason = requireReason(options.reason);
    const objects = await selected(desk, name, options);
    const request =
      reader === undefined
        ? await sendingAsked(desk, objects, { ...options, to, reason })
        : await readingAsked(desk, objects, { ...options, reader, reason });
    sayRequested(request.id, expiresAt(request), dangersAmong(objects));
    return 0;
  });
}

async function sendingAsked(
  desk: Desk,
  objects: readonly JudgedObject[],
  options: ReleaseOptions & { readonly to: string | undefined },
): Promise<QuarantineRequest> {
  const { reason, confirm: confirmed } = options;
  const to = desk.config.settings.destinations.find((destination) => destination.name === options.to);
  const { name } = decisions.requireReadingPlace(to);
  requireConfirmed(objects, confirmed);
  say(`Release ${counted(objects.length)} (${verdictCounts(objects)}) to ${name}, a reading place.`);
  const by = await prove(desk, options, "quarantine release");
  return decisions.requestRelease(desk.ports, objects, { by, reason, to, confirmed });
}

async function readingAsked(
  desk: Desk,
  objects: readonly JudgedObject[],
  options: ReleaseOptions & { readonly reader: readonly string[] },
): Promise<QuarantineRequest> {
  const { reason, confirm: confirmed, reader: readers, for: ms = readableMsDefault } = options;
  const known = readersOf(desk);
  decisions.requireReaders(readers, known);
  decisions.requireReadable(objects);
  requireConfirmed(objects, confirmed);
  say(
    `Release ${counted(objects.length)} (${verdictCounts(objects)}) to ${readers.join(", ")}, for ${durationText(ms)} from the approval on.`,
  );
  const by = await prove(desk, options, "quarantine release");
  return decisions.requestReading(desk.ports, objects, { by, reason, readers, ms, confirmed }, known);
}

function readersOf({ config }: Desk): readonly string[] {
  return config.settings.reading?.readers.map(({ name }) => name) ?? [];
}

/** The second person confirms what the first one did. */
function sayRequested(id: string, until: number, dangers: readonly string[] = []): void {
  const confirm = dangers.length === 0 ? "" : ` --confirm ${dangers.join(",")}`;
  say(
    `Request ${id}`,
    `Nothing has happened yet. Another operator decides until ${timeText(until)}:`,
    `  scanseal quarantine approve ${id} --by NAME${confirm}`,
  );
}

export interface PurgeOptions extends DeskOptions, SelectorOptions {
  readonly by?: string;
  readonly reason?: string;
  readonly finish: boolean;
}

/** Asks for a purge; or takes up one that was approved and cut off. @returns 0 */
export async function purge(name: string | undefined, options: PurgeOptions): Promise<number> {
  return withDesk(options, async (desk) => {
    if (options.finish) {
      const count = await finishPurges(desk.ports);
      say(count === 0 ? "No purge was left unfinished." : `The bytes of ${counted(count)} are deleted.`);
      return 0;
    }
    const { by: person, reason: given } = options;
    if (person === undefined || given === undefined)
      throw new ScansealError("usage", "a purge takes --by NAME and --reason TEXT");
    const reason = requireReason(given);
    const objects = await selected(desk, name, options);
    say(
      `Purge ${counted(objects.length)} (${verdictCounts(objects)}): the bytes will be deleted, the records stay.`,
    );
    const by = await prove(desk, { ...options, by: person }, "quarantine purge");
    const request = await decisions.requestPurge(desk.ports, objects, { by, reason });
    sayRequested(request.id, expiresAt(request));
    return 0;
  });
}

/** The second person. @returns 0 */
export async function approve(
  id: string,
  options: ActOptions & { readonly confirm: readonly string[] },
): Promise<number> {
  return withDesk(options, async (desk) => {
    const { ports, operators, config } = desk;
    const asked = await ports.journal.request(id);
    if (!asked) throw new ScansealError("usage", "there is no request of this id");
    say(...requestLines(asked, await heldAmong(ports.journal, asked.objectIds), canvas()), "");
    const by = await prove(desk, options, "quarantine approve");
    const {
      request,
      done,
      purge: outcome,
    } = await decisions.approve(ports, id, {
      by,
      confirmed: options.confirm,
      places: config.settings.destinations,
      readers: readersOf(desk),
      isOperator: (name) => operators.has(name),
    });
    if (outcome) sayPurged(done, outcome);
    else say(`${counted(done)} released: ${releasedText(request)}`);
    say(`Asked by ${request.requestedBy}, approved by ${by}; recorded.`);
    return 0;
  });
}

function releasedText(request: QuarantineRequest): string {
  const { destination, forReaders } = request;
  if (!forReaders) return `a running gateway sends them to ${destination} now.`;
  const until = timeText(readableUntil(request) ?? 0);
  return `${forReaders.names.join(", ")} may read them until ${until}, as they are, with a notice beside them.`;
}

function sayPurged(done: number, { deleted, inSpool, left }: PurgeOutcome): void {
  say(`${counted(done)} purged; ${deleted} ${deleted === 1 ? "file" : "files"} deleted.`);
  if (inSpool > 0)
    say(
      `${inSpool} ${inSpool === 1 ? "lies" : "lie"} in the gateway's spool: it frees that within a minute, or at its next start.`,
    );
  if (left > 0) say(`${left} files are left because the disk is slow: scanseal quarantine purge --finish`);
}

/** @returns 0 */
export async function withdraw(id: string, options: ActOptions): Promise<number> {
  return withDesk(options, async (desk) => {
    const by = await prove(desk, options, "quarantine withdraw");
    const request = await decisions.withdraw(desk.ports, id, by);
    const isEnded = request.approvedAt !== undefined;
    say(
      isEnded
        ? `Ended by ${by}: ${request.forReaders?.names.join(", ")} may read the objects no more. What was read stays where it was taken.`
        : `The request of ${request.requestedBy} was withdrawn by ${by}. The objects stay where they are.`,
    );
    return 0;
  });
}

/** @returns 0 */
export async function recheck(
  name: string | undefined,
  options: ActOptions & SelectorOptions,
): Promise<number> {
  return withDesk(options, async (desk) => {
    const objects = await selected(desk, name, options);
    const by = await prove(desk, options, "quarantine recheck");
    const count = await decisions.recheck(desk.ports, objects, by);
    say(
      `${counted(count)} will be judged again by the gateway; what is held after that: scanseal quarantine list`,
    );
    return 0;
  });
}
