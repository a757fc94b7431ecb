/** A gateway's events for whoever watches a terminal: one line for each thing that matters. Never patient data. */
import type { GatewayEvent } from "../operations/event.ts";
import type { Paint, Palette } from "./terminal/palette.ts";
import { visibleText } from "./terminal/visible-text.ts";

/** Undefined for what needs no line. @param option what a command needs to find this site */
export function eventLine(event: GatewayEvent, palette: Palette, option = ""): string | undefined {
  switch (event.kind) {
    case "object-judged":
      return judgedLine(event, palette);
    case "object-refused":
      return line(palette.bad("refused"), refusedText(event));
    case "kept-only": {
      const { objects, destination } = event;
      const kept = `${counted(objects)} ${objects === 1 ? "is" : "are"} kept here only; to send ${objects === 1 ? "it" : "them"}`;
      return line(
        "kept here",
        visibleText(`${kept}: npx scanseal deliveries add ${destination} --all-kept${option}`),
      );
    }
    case "disk-low":
      return line(palette.bad("disk"), diskText(event));
    case "delivered":
      return line(palette.good("delivered"), `${shortId(event.object)} to ${event.destination}`);
    case "delivery-failed":
      return failedLine(event, palette);
    case "destination-down":
      return line(palette.bad("down"), visibleText(downText(event)));
    case "destination-back":
      return line(palette.good("back"), visibleText(backText(event)));
    case "commitment-reported":
    case "commitment-late":
      return commitmentLine(event, palette);
    case "association-rejected":
      return line(palette.notice("rejected"), visibleText(rejectedText(event)));
    case "read-withheld":
    case "read-emergency":
    case "read-released":
    case "read-failed":
    case "read-missing":
      return readLine(event, palette);
    case "read-replaced":
    case "copy-damaged":
    case "copies-dropped":
      return copyLine(event, palette);
    case "study-missing":
    case "sealed-missing":
    case "study-unadmitted":
    case "sweep-begun":
    case "sweep-ended":
      return sweepLine(event, palette);
    case "recovered":
      return event.objects === 0
        ? undefined
        : line("recovered", `${counted(event.objects)} acknowledged before the last end`);
    case "trust-reloaded":
      return line("trust", "authorities, devices and revocations read again");
    case "settings-applied":
      return line("settings", "sources, modes, destinations and limits as the file has them now");
    case "source-changed": {
      const { source, from = "(none)", to = "(removed)" } = event;
      return line(palette.notice("source"), visibleText(`${source}: ${from} -> ${to}, by the file`));
    }
    case "worker-ended":
      return line(palette.notice("worker"), `an examining thread ended (${event.why}) and was replaced`);
    case "fault":
      return line(palette.bad("fault"), visibleText(`${event.where}: ${event.why} (${event.code})`));
    default:
      return undefined;
  }
}

type EventOf<Kind extends GatewayEvent["kind"]> = Extract<GatewayEvent, { kind: Kind }>;

const droppedBecause: Readonly<Record<EventOf<"copies-dropped">["why"], string>> = {
  limit: "more than copiesSize",
  disk: "the disk is short",
  off: "copies are kept no longer",
};

function commitmentLine(
  event: EventOf<"commitment-reported" | "commitment-late">,
  palette: Palette,
): string | undefined {
  const { destination } = event;
  if (event.kind === "commitment-late") {
    const what = `${destination} has not committed to ${counted(event.waiting)}, asked ${event.asks} times`;
    return line(palette.notice("waiting"), visibleText(what));
  }
  const { committed, resent, failed } = event;
  if (failed > 0)
    return line(palette.bad("not kept"), visibleText(`${destination} does not commit to ${counted(failed)}`));
  if (resent > 0)
    return line(palette.notice("again"), visibleText(`${destination} lost ${counted(resent)}: sent again`));
  return committed === 0
    ? undefined
    : line(palette.good("committed"), visibleText(`${counted(committed)} by ${destination}`));
}

function copyLine(
  event: EventOf<"read-replaced" | "copy-damaged" | "copies-dropped">,
  palette: Palette,
): string {
  if (event.kind === "copies-dropped")
    return line("copies", `${counted(event.objects)} let go: ${droppedBecause[event.why]}`);
  const id = shortId(event.object);
  if (event.kind === "copy-damaged") {
    const what = event.isDropped ? "deleted, the archives have it" : "it has to be sent again";
    return line(palette.bad("damaged"), `the bytes kept here of ${id} are not what came: ${what}`);
  }
  return line(
    palette.notice("copy"),
    visibleText(`${id} was given from here, not from the archive ${event.archive}`),
  );
}

function sweepLine(
  event: EventOf<"study-missing" | "sealed-missing" | "study-unadmitted" | "sweep-begun" | "sweep-ended">,
  palette: Palette,
): string {
  const { archive } = event;
  switch (event.kind) {
    case "study-missing": {
      const text = `a whole study, ${counted(event.instances)}: admitted, and not in the archive ${archive}`;
      return line(palette.bad("missing"), visibleText(text));
    }
    case "sealed-missing":
      return line(
        palette.bad("missing"),
        visibleText(`sealed here, neither admitted nor in the archive ${archive}`),
      );
    case "study-unadmitted": {
      const text = `a study with ${counted(event.proven + event.unproven)} in the archive ${archive}, ${event.proven} of them proven`;
      return line(palette.notice("past us"), visibleText(text));
    }
    case "sweep-begun":
      return line("sweep", visibleText(`${archive}: ${event.studies} studies`));
    case "sweep-ended": {
      const { studies, objects, held, missing, unavailable } = event;
      const text = `${archive}: ${studies} studies, ${counted(objects)}: ${held} held, ${missing} missing, ${unavailable} not read`;
      return line(held + missing + unavailable > 0 ? palette.bad("swept") : "swept", visibleText(text));
    }
  }
}

function rejectedText({ peerTitle, peerAddress, why, more = 0 }: EventOf<"association-rejected">): string {
  const who = peerTitle === "" ? "a connection" : peerTitle;
  return `${who} from ${peerAddress}: ${why}${more > 0 ? `, and ${more} more` : ""}`;
}

function readLine(
  event: EventOf<"read-withheld" | "read-emergency" | "read-released" | "read-failed" | "read-missing">,
  palette: Palette,
): string {
  switch (event.kind) {
    case "read-withheld": {
      const { object, archive, verdict, codes } = event;
      const text = `${verdict}: ${codes.slice(0, codesMax).join(", ")}  (${shortId(object)} from the archive ${archive})`;
      return line(palette.bad("WITHHELD"), visibleText(text));
    }
    case "read-emergency": {
      const text = `${event.verdict}, given to ${event.reader} (emergency ${shortId(event.grant)})`;
      return line(palette.bad("EMERGENCY"), visibleText(text));
    }
    case "read-released": {
      const text = `${event.verdict}, given to ${event.reader} (request ${shortId(event.request)})`;
      return line(palette.notice("released"), visibleText(text));
    }
    case "read-failed": {
      const { object, archive, code } = event;
      const what = object === undefined ? "does not answer a search" : `gives nothing for ${shortId(object)}`;
      const text = `the archive ${archive} ${what} (${code})`;
      return line(palette.notice("not read"), visibleText(text));
    }
    case "read-missing": {
      const text = `${shortId(event.object)} was admitted, and the archive ${event.archive} has it no more`;
      return line(palette.bad("missing"), visibleText(text));
    }
  }
}

function judgedLine(event: EventOf<"object-judged">, palette: Palette): string {
  const { object, source, verdict, state, codes, ms } = event;
  const [word, paint] = stateWords(state, verdict, palette);
  const told = codes.length === 0 ? "" : `: ${codes.slice(0, codesMax).join(", ")}`;
  const isConflict = state === "held" && codes.includes("instance-conflict");
  const why = isConflict
    ? `${told}: another object was admitted under its UID before; scanseal quarantine show ${shortId(object)}`
    : told;
  const text = `${verdict === "none" ? "not judged" : verdict}${why}  (${shortId(object)} from ${source}, ${durationText(ms)})`;
  return line(paint(word), text);
}

/** What was judged anew, or waited for a restart, is old: nobody took that long. */
function durationText(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1_000)} s after it came`;
}

function refusedText({ source, why, more = 0 }: EventOf<"object-refused">): string {
  return `an object from ${source} (${why})${more > 0 ? `, and ${more} more` : ""}`;
}

function diskText({ freeBytes, neededBytes }: EventOf<"disk-low">): string {
  const mebibytes = (bytes: number): number => Math.floor(bytes / (1 << 20));
  return `${mebibytes(freeBytes)} MiB are free, and the spool needs ${mebibytes(neededBytes)} to grow: objects will be refused (docs/gateway.md, "spoolSize")`;
}

/** A sender may break a hundred rules at once. */
const codesMax = 4;

function stateWords(state: string, verdict: string, palette: Palette): readonly [string, Paint] {
  if (state === "held") return ["HELD", palette.bad];
  const isProven = verdict === "verified" || verdict === "verified-with-changes";
  if (state === "resent") return ["here already", isProven ? palette.faint : palette.notice];
  if (isProven) return ["passed", palette.good];
  return ["passed", palette.notice];
}

function failedLine(event: EventOf<"delivery-failed">, palette: Palette): string {
  const { object, destination, why, isDead, retryInMs } = event;
  const next = isDead
    ? "given up: scanseal deliveries list shows it"
    : `again in ${Math.round((retryInMs ?? 0) / 1000)} s`;
  return line(
    palette.bad(isDead ? "not delivered" : "waiting"),
    visibleText(`${shortId(object)} to ${destination}: ${why}; ${next}`),
  );
}

function downText({ destination, why, waiting, retryInMs }: EventOf<"destination-down">): string {
  const waits = waiting === undefined ? "" : `, ${waiting} ${waiting === 1 ? "waits" : "wait"}`;
  return `${destination}: cannot be reached (${why})${waits}, next try in ${seconds(retryInMs)} s`;
}

function backText({ destination, waiting, downMs }: EventOf<"destination-back">): string {
  const sent =
    waiting === undefined ? "what waits is" : `${waiting} that ${waiting === 1 ? "waits is" : "wait are"}`;
  return `${destination}: reached again after ${seconds(downMs)} s, ${sent} sent now`;
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}

const wordWidth = 14;

function line(word: string, text: string): string {
  const time = new Date().toLocaleTimeString("sv-SE");
  return `${time}  ${word.padEnd(wordWidth + (word.length - plainLength(word)))}${text}`;
}

function plainLength(word: string): number {
  return word.replace(/\u001b\[\d+m/g, "").length;
}

/** The end of a UUIDv7 is random. */
function shortId(id: string): string {
  return id.slice(-8);
}

function counted(objects: number): string {
  return `${objects} ${objects === 1 ? "object" : "objects"}`;
}
