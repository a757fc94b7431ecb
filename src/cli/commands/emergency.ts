/** `scanseal emergency`: one person opens a study for a reader, at once; another one looks at it afterwards. */

import { isWellFormedUid } from "../../dicom/uid.ts";
import { ScansealError } from "../../foundation/errors.ts";
import {
  closeEmergency,
  type EmergencyGrant,
  emergencies,
  emergencyMsDefault,
  openEmergency,
  reviewEmergency,
} from "../../zero-trust/quarantine/emergency.ts";
import { requireReason } from "../../zero-trust/quarantine/two-people.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import { type Desk, type DeskOptions, proveOperator, withDesk } from "./gateway-desk.ts";

interface ByOptions extends DeskOptions {
  readonly by: string;
}

export interface OpenOptions extends ByOptions {
  readonly study: string;
  readonly reader: string;
  readonly reason: string;
  /** Milliseconds. */
  readonly for?: number;
}

function prove({ operators, ports }: Desk, { by }: ByOptions, command: string): Promise<string> {
  return proveOperator(operators, ports.journal, by, command);
}

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

const clockTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
const shortId = (id: string): string => id.slice(-8);

/** @returns 0 */
export async function open(options: OpenOptions): Promise<number> {
  return withDesk(options, async (desk) => {
    const { study, reader, for: ms = emergencyMsDefault } = options;
    const reason = requireReason(options.reason);
    if (!isWellFormedUid(study)) throw new ScansealError("usage", "--study is a Study Instance UID");
    const known = desk.config.settings.reading?.readers.map(({ name }) => name) ?? [];
    if (!known.includes(reader))
      throw new ScansealError(
        "usage",
        `the configuration has no such reader: ${known.join(", ") || "it has none"}`,
      );
    const by = await prove(desk, options, "emergency open");
    const grant = await openEmergency(desk.ports, { studyInstanceUid: study, reader, by, reason, ms });
    say(
      `Open for ${reader} until ${clockTime(grant.until)}, by ${by}: emergency ${shortId(grant.id)}.`,
      "What does not pass is given as it is, with everything else of the study: it may have been altered. Ask for the study now.",
      `Somebody else looks at it afterwards: scanseal emergency review ${shortId(grant.id)} --by NAME`,
    );
    return 0;
  });
}

const columns: readonly Column[] = [
  { title: "ID" },
  { title: "OPENED" },
  { title: "UNTIL" },
  { title: "READER" },
  { title: "BY" },
  { title: "REVIEWED BY" },
  { title: "STUDY", shrinks: true },
  { title: "WHY", shrinks: true },
];

/** @returns 0, or 1 where one is over and nobody has reviewed it */
export async function list(options: DeskOptions & { readonly json: boolean }): Promise<number> {
  return withDesk(options, async ({ ports }) => {
    const all = await emergencies(ports.journal);
    const now = ports.clock.now();
    if (options.json) for (const grant of all) say(jsonLine(grant));
    else if (all.length === 0) say("No study was ever opened in an emergency.");
    else say(...formatTable(columns, all.map(cellsOf), process.stdout.columns));
    const isUnseen = ({ until, closedAt, reviewedBy }: EmergencyGrant): boolean =>
      reviewedBy === undefined && (closedAt !== undefined || now >= until);
    return all.some(isUnseen) ? 1 : 0;
  });
}

function cellsOf(grant: EmergencyGrant): string[] {
  const {
    id,
    openedAt,
    until,
    closedAt,
    reader,
    by,
    reviewedBy = "nobody yet",
    studyInstanceUid,
    reason,
  } = grant;
  return [
    shortId(id),
    clockTime(openedAt),
    clockTime(closedAt ?? until),
    reader,
    by,
    reviewedBy,
    studyInstanceUid,
    reason,
  ];
}

/** @returns 0 */
export async function close(id: string, options: ByOptions): Promise<number> {
  return withDesk(options, async (desk) => {
    const by = await prove(desk, options, "emergency close");
    const grant = await closeEmergency(desk.ports, id, by);
    say(`Closed: ${grant.reader} gets what passes, and nothing else.`);
    return 0;
  });
}

/** @returns 0 */
export async function review(id: string, options: ByOptions): Promise<number> {
  return withDesk(options, async (desk) => {
    const by = await prove(desk, options, "emergency review");
    const { by: opener, reason } = await reviewEmergency(desk.ports, id, by);
    say(`Reviewed by ${by}. It was opened by ${opener}: ${reason}`);
    return 0;
  });
}
