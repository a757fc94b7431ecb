/** The report of `scanseal commission`, for a person and as JSON. Never patient data: objects are named by their journal ids. */
import { uidName } from "../dicom/dictionary/dictionary.ts";
import type { CommissionReport, HeldCause } from "../site/commissioning/commission-report.ts";
import type { RecurringChange } from "../site/commissioning/recurring-changes.ts";
import type { SourceKind } from "../store/journal/source-record.ts";
import { timeText } from "./quarantine-report.ts";
import { jsonLine } from "./terminal/json-line.ts";
import { formatTable } from "./terminal/table.ts";
import { visibleText } from "./terminal/visible-text.ts";

/** Of one cause, on paper; JSON has more. */
const kindsShown = 5;
const listShown = 20;

export interface Canvas {
  /** Columns of the terminal; undefined where there is none. */
  readonly width: number | undefined;
}

export function commissionLines(report: CommissionReport, since: string, canvas: Canvas): string[] {
  return [
    ...headLines(report, since),
    ...heldLines(report, canvas),
    ...toleranceLines(report, canvas),
    ...unsealedLines(report, canvas),
    ...changeLines(report, canvas),
    ...clockLines(report),
    ...certificateLines(report, canvas),
    ...endLines(report),
  ];
}

function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

function headLines(report: CommissionReport, since: string): string[] {
  const { source, mode, objects, waiting, verdicts, held, purged, firstAt, lastAt } = report;
  const head = `Source ${source}, mode ${mode}, the last ${since}`;
  if (firstAt === undefined || lastAt === undefined)
    return [
      `${head}: nothing was judged.${waiting === 0 ? "" : ` ${counted(waiting, "object waits", "objects wait")}.`}`,
    ];
  const by = Object.entries(verdicts)
    .sort(([, a], [, b]) => b - a)
    .map(([verdict, n]) => `${n} ${verdict === "none" ? "unchecked" : verdict}`);
  return [
    `${head}: ${counted(objects, "object")}, ${timeText(firstAt)} to ${timeText(lastAt)}`,
    `  ${by.join(", ")}${waiting === 0 ? "" : `; ${waiting} not judged yet`}${purged === 0 ? "" : `; ${purged} more purged by two people`}`,
    "",
    `Held as things were: ${held.now}. Under warn: ${held.warn}. Under enforce: ${held.enforce}.`,
    ...(held.stricter === 0
      ? []
      : [
          `${held.stricter} of those held would pass under warn: enforce applied, this source's or that of a device or study they claim.`,
        ]),
  ];
}

function heldLines({ causes }: CommissionReport, { width }: Canvas): string[] {
  if (causes.length === 0) return [];
  const columns = [
    { title: "OBJECTS", align: "right" },
    { title: "OF WHAT" },
    { title: "SENT BY" },
    { title: "FOR EXAMPLE" },
  ] as const;
  return causes.flatMap((cause) => {
    const rows = cause.kinds
      .slice(0, kindsShown)
      .map((kind) => [
        String(kind.objects),
        visibleText(whatOf(kind)),
        visibleText(kind.sealedBy ?? kind.peerTitle),
        kind.examples.map((id) => id.slice(-8)).join(", "),
      ]);
    const more = cause.kinds.length - rows.length;
    return [
      "",
      `Under enforce held: ${cause.objects} ${cause.verdict ?? "unchecked"} (${cause.code})${everyMode(cause)}`,
      `  "${cause.message}"`,
      ...formatTable(columns, rows, width === undefined ? undefined : width - 2).map((line) => `  ${line}`),
      ...(more > 0 ? [`  and ${counted(more, "more kind")} (--json)`] : []),
      `  What to do: ${cause.advice}`,
    ];
  });
}

function everyMode({ isHeldInEveryMode, heldNow, objects }: HeldCause): string {
  if (isHeldInEveryMode) return ", as in every mode";
  return heldNow === 0 ? "" : `, ${heldNow === objects ? "all" : heldNow} of them held already`;
}

function whatOf({ modality, sopClassUid }: Pick<SourceKind, "modality" | "sopClassUid">): string {
  const known = uidName(sopClassUid) ?? sopClassUid;
  return modality === undefined ? known : `${modality}, ${known}`;
}

function toleranceLines({ tolerances }: CommissionReport, { width }: Canvas): string[] {
  if (tolerances.length === 0) return [];
  const columns = [
    { title: "OBJECTS", align: "right" },
    { title: "NAME" },
    { title: "ACCEPTED" },
    { title: "WHAT ACCEPTING MEANS", shrinks: true },
  ] as const;
  const rows = tolerances.map(({ objects, code, isAccepted, meaning }) => [
    String(objects),
    `tolerate:${code}`,
    isAccepted ? "yes" : "no",
    meaning,
  ]);
  return [
    "",
    "Rules of the standard that it breaks, and that can be accepted:",
    ...formatTable(columns, rows, width),
  ];
}

function unsealedLines({ unsealed }: CommissionReport, { width }: Canvas): string[] {
  if (unsealed.length === 0) return [];
  const columns = [
    { title: "OBJECTS", align: "right" },
    { title: "AE TITLE" },
    { title: "MODALITY" },
    { title: "NEXT", shrinks: true },
  ] as const;
  const rows = unsealed
    .slice(0, listShown)
    .map(({ objects, peerTitle, modality, command }) => [
      String(objects),
      visibleText(peerTitle),
      visibleText(modality ?? ""),
      command,
    ]);
  const more = unsealed.length - rows.length;
  return [
    "",
    "Sent without a seal (an AE title is only a label; look at the device):",
    ...formatTable(columns, rows, width),
    ...(more > 0 ? [`and ${more} more (--json)`] : []),
  ];
}

const standings: Readonly<Record<RecurringChange["standing"], string>> = {
  passes: "passes: administrative, or approved",
  habit: "held; may be approved",
  never: "held; never",
};

function changeLines({ changes, source }: CommissionReport, { width }: Canvas): string[] {
  if (changes.length === 0) return [];
  const columns = [
    { title: "OBJECTS", align: "right" },
    { title: "ENTRY" },
    { title: "CHANGE" },
    { title: "", shrinks: true },
  ] as const;
  const rows = changes
    .slice(0, listShown)
    .map(({ objects, path, kinds, standing, never }) => [
      String(objects),
      visibleText(path),
      kinds.join(", "),
      `${standings[standing]}${never === undefined ? "" : `: ${never}`}`,
    ]);
  const isAny = changes.some(({ standing }) => standing === "habit");
  return [
    "",
    "Entries of sealed objects that are changed on the way again and again (of the newest 1,000):",
    ...formatTable(columns, rows, width),
    ...(isAny
      ? [
          `To approve those that may be: scanseal commission ${source} --approve-changes [ENTRY...] --by NAME. What is approved is not protected any more in what it sends.`,
        ]
      : []),
  ];
}

function clockLines({ clocks }: CommissionReport): string[] {
  if (clocks.length === 0) return [];
  const lines = clocks.slice(0, listShown).map(({ peerTitle, objects, offsetMs }) => {
    const seconds = Math.round(Math.abs(offsetMs) / 1_000);
    const where = offsetMs < 0 ? "before" : "after";
    return `  ${visibleText(peerTitle)}: ${counted(objects, "object")}; the newest says it was sealed ${seconds} s ${where} it came`;
  });
  return ["", "Clocks that cannot be right:", ...lines];
}

function certificateLines(
  { certificates, unknownCertificates }: CommissionReport,
  { width }: Canvas,
): string[] {
  const rows = certificates.map(({ of, name, daysLeft, endsAt }) => [
    of.replace("-", " "),
    visibleText(name),
    daysLeft < 0 ? "ended" : counted(daysLeft, "day"),
    new Date(endsAt).toISOString().slice(0, 10),
  ]);
  const columns = [
    { title: "CERTIFICATE OF" },
    { title: "NAME" },
    { title: "LEFT" },
    { title: "UNTIL" },
  ] as const;
  const ends =
    rows.length === 0
      ? ["Certificates: none ends within 60 days."]
      : [
          "Certificates that end within 60 days (that alone warns, and holds nothing up):",
          ...formatTable(columns, rows, width),
        ];
  const unknown =
    unknownCertificates === 0
      ? []
      : [
          `${counted(unknownCertificates, "certificate")} of this source ${unknownCertificates === 1 ? "is" : "are"} of another authority: when they end is not known here.`,
        ];
  return ["", ...ends, ...unknown];
}

function endLines({ readiness, mode }: CommissionReport): string[] {
  const { isReady, inTheWay, next } = readiness;
  const verdict =
    mode === "enforce"
      ? isReady
        ? ["In enforce, and nothing is held."]
        : ["In enforce. Held or not settled:", ...inTheWay.map((one) => `  - ${one}`)]
      : isReady
        ? ["Ready for enforce: all of it is proven."]
        : ["Not ready for enforce. In the way:", ...inTheWay.map((one) => `  - ${one}`)];
  return ["", ...verdict, `Next: ${next}`];
}

/** Times as ISO 8601; what is not known is null. */
export function commissionJson(report: CommissionReport): string {
  const time = (at: number | undefined): string | null =>
    at === undefined ? null : new Date(at).toISOString();
  return jsonLine({
    ...report,
    since: time(report.since),
    firstAt: time(report.firstAt),
    lastAt: time(report.lastAt),
    certificates: report.certificates.map(({ of, name, daysLeft, level, endsAt }) => {
      return { of, name, daysLeft, level, endsAt: time(endsAt) };
    }),
  });
}
