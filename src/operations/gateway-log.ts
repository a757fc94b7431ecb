/**
 * The gateway's log: a JSON object in each line. Every field is built here by name and of a closed form (event-fields.ts), so that nothing of an
 * object's content and nothing a peer wrote gets in, and no line can be forged.
 */
import { type DestinationStream, type Level, type Logger, pino, stdTimeFunctions } from "pino";
import type { EventSink, GatewayEvent } from "./event.ts";
import {
  associationId,
  configuredName,
  count,
  ipAddress,
  knownCode,
  knownMode,
  knownObjectState,
  knownVerdict,
  madeId,
  phrase,
  titleLabel,
} from "./event-fields.ts";
import { fewerRejections } from "./fewer-rejections.ts";
import { LogFile } from "./log-file.ts";
import { isSweepEvent, sweepFields } from "./sweep-fields.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** A stream, a file's path (appended to), or an open descriptor: 1 is the standard output. */
export type LogDestination = DestinationStream | string | number;

type Fields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Codes of one object's findings: the first ones say what it is about. */
const codesMax = 16;

/** @throws the system's error when a file cannot be opened */
export function gatewayLog(to: LogDestination, level: LogLevel): EventSink {
  const log = pino(
    {
      level,
      // Neither process id nor host name: the line's reader knows whose log it is.
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    typeof to === "object" ? to : new LogFile(to),
  );
  return fewerRejections((event) => {
    try {
      write(log, event);
    } catch {
      // A sink never throws; a log that cannot be written has nowhere to say so.
    }
  });
}

function write(log: Logger, event: GatewayEvent): void {
  const level = levelOf(event);
  if (log.isLevelEnabled(level)) log[level]({ event: event.kind, ...fieldsOf(event) });
}

function levelOf(event: GatewayEvent): Exclude<Level, "trace" | "fatal"> {
  switch (event.kind) {
    case "fault":
      return "error";
    case "delivery-failed":
      return event.isDead ? "error" : "warn";
    case "commitment-reported":
      return event.failed > 0 ? "error" : event.resent + event.missing > 0 ? "warn" : "info";
    case "commitment-late":
    case "source-changed":
    case "destination-down":
    case "association-rejected":
    case "object-refused":
    case "disk-low":
    case "certificate-ending":
    case "emergency-unreviewed":
    case "worker-ended":
    case "read-withheld":
    case "read-missing":
    case "read-failed":
    case "read-unknown":
    case "read-emergency":
    case "read-released":
    case "copy-damaged":
    case "study-missing":
    case "sealed-missing":
      return "warn";
    case "copies-dropped":
      return event.why === "disk" ? "warn" : "info";
    case "association-accepted":
      return event.titleDiffers === true ? "warn" : "info";
    case "association-ended":
      return event.how === "aborted" || event.how === "lost" ? "warn" : "info";
    case "object-judged":
      return event.state === "held" ? "warn" : "info";
    case "stored":
    case "study-checked":
      return "debug";
    default:
      return "info";
  }
}

function fieldsOf(event: GatewayEvent): Fields {
  if (isSweepEvent(event)) return sweepFields(event);
  switch (event.kind) {
    case "listening":
      return {
        listener: configuredName(event.listener),
        address: ipAddress(event.address),
        port: count(event.port),
      };
    case "association-accepted":
    case "association-rejected":
    case "association-ended":
      return associationFields(event);
    case "delivered":
    case "delivery-failed":
      return deliveryFields(event);
    case "destination-down":
    case "destination-back":
      return destinationFields(event);
    case "commitment-reported":
    case "commitment-late":
      return commitmentFields(event);
    case "recovered":
      return { objects: count(event.objects), bytes: count(event.bytes) };
    case "worker-ended":
      return { why: phrase(event.why) };
    case "trust-reloaded":
      return { devices: count(event.devices) };
    case "settings-applied":
      return { sources: count(event.sources), destinations: count(event.destinations) };
    case "source-changed": {
      const { source, from, to } = event;
      const modes = {
        ...(from === undefined ? {} : { from: knownMode(from) }),
        ...(to === undefined ? {} : { to: knownMode(to) }),
      };
      return { source: configuredName(source), ...modes };
    }
    case "disk-low":
    case "certificate-ending":
    case "emergency-unreviewed":
      return upkeepFields(event);
    case "kept-only":
      return { objects: count(event.objects), destination: configuredName(event.destination) };
    case "read-withheld":
    case "read-missing":
    case "read-failed":
    case "read-unknown":
    case "read-notice":
    case "read-given":
    case "read-replaced":
      return readingFields(event);
    case "read-emergency":
    case "read-released":
      return openedFields(event);
    case "copy-damaged":
      return { object: madeId(event.object), isDropped: event.isDropped === true };
    case "copies-dropped":
      return { why: knownCode(event.why), objects: count(event.objects), bytes: count(event.bytes) };
    case "draining":
      return { associations: count(event.associations) };
    case "stopped":
      return {};
    case "fault":
      return { where: phrase(event.where), code: knownCode(event.code), why: phrase(event.why) };
    default:
      return objectFields(event);
  }
}

type EventOf<Kind extends GatewayEvent["kind"]> = Extract<GatewayEvent, { kind: Kind }>;

function associationFields(
  event: EventOf<"association-accepted" | "association-rejected" | "association-ended">,
): Fields {
  if (event.kind === "association-ended") {
    const why = event.why === undefined ? {} : { why: phrase(event.why) };
    return { association: associationId(event.association), how: knownCode(event.how), ...why };
  }
  const peer = { peerAddress: ipAddress(event.peerAddress), peerTitle: titleLabel(event.peerTitle) };
  if (event.kind === "association-rejected") {
    const more = event.more === undefined ? {} : { more: count(event.more) };
    return { listener: configuredName(event.listener), ...peer, why: phrase(event.why), ...more };
  }
  const differs = event.titleDiffers === true ? { titleDiffers: true } : {};
  return {
    association: associationId(event.association),
    source: configuredName(event.source),
    ...peer,
    ...differs,
  };
}

function objectFields(
  event: EventOf<"object-acknowledged" | "object-refused" | "object-judged" | "object-sealed" | "stored">,
): Fields {
  switch (event.kind) {
    case "stored":
      return { object: madeId(event.object), bytes: count(event.bytes) };
    case "object-refused": {
      const { source, status, why } = event;
      const hex = count(status).toString(16).toUpperCase().padStart(4, "0");
      const more = event.more === undefined ? {} : { more: count(event.more) };
      return { source: configuredName(source), status: `0x${hex}`, why: phrase(why), ...more };
    }
    case "object-acknowledged":
      return {
        object: madeId(event.object),
        source: configuredName(event.source),
        bytes: count(event.bytes),
        ms: count(event.ms),
      };
    case "object-sealed": {
      const { object, original, device, ms } = event;
      const ids = { object: madeId(object), original: madeId(original) };
      return { ...ids, device: configuredName(device), ms: count(ms) };
    }
    case "object-judged":
      return {
        object: madeId(event.object),
        source: configuredName(event.source),
        verdict: knownVerdict(event.verdict),
        state: knownObjectState(event.state),
        codes: event.codes.slice(0, codesMax).map(knownCode),
        ms: count(event.ms),
      };
  }
}

function readingFields(
  event: EventOf<
    | "read-withheld"
    | "read-missing"
    | "read-failed"
    | "read-unknown"
    | "read-notice"
    | "read-given"
    | "read-replaced"
  >,
): Fields {
  if (event.kind === "read-given") {
    const { reader, given, withheld } = event;
    return { reader: configuredName(reader), given: count(given), withheld: count(withheld) };
  }
  if (event.kind === "read-notice") {
    const { reader, withheld, total } = event;
    return { reader: configuredName(reader), withheld: count(withheld), total: count(total) };
  }
  const archive = configuredName(event.archive);
  if (event.kind === "read-unknown") return { archive };
  if (event.kind === "read-failed") {
    const about = event.object === undefined ? {} : { object: madeId(event.object) };
    return { ...about, archive, code: knownCode(event.code) };
  }
  const named = { object: madeId(event.object), archive };
  if (event.kind === "read-missing") return named;
  if (event.kind === "read-replaced") return { ...named, why: knownCode(event.why) };
  const { verdict, codes, admitted } = event;
  const known = admitted === undefined ? {} : { admitted: madeId(admitted) };
  return {
    ...named,
    verdict: knownVerdict(verdict),
    codes: codes.slice(0, codesMax).map(knownCode),
    ...known,
  };
}

function upkeepFields(event: EventOf<"disk-low" | "certificate-ending" | "emergency-unreviewed">): Fields {
  switch (event.kind) {
    case "disk-low":
      return { freeBytes: count(event.freeBytes), neededBytes: count(event.neededBytes) };
    case "certificate-ending":
      return { of: knownCode(event.of), name: configuredName(event.name), days: count(event.days) };
    case "emergency-unreviewed":
      return { grants: count(event.grants) };
  }
}

function openedFields(event: EventOf<"read-emergency" | "read-released">): Fields {
  const { reader, verdict, object } = event;
  const by =
    event.kind === "read-emergency" ? { grant: madeId(event.grant) } : { request: madeId(event.request) };
  const known = object === undefined ? {} : { object: madeId(object) };
  return { ...by, reader: configuredName(reader), verdict: knownVerdict(verdict), ...known };
}

function deliveryFields(event: EventOf<"delivered" | "delivery-failed">): Fields {
  const named = { object: madeId(event.object), destination: configuredName(event.destination) };
  if (event.kind === "delivered") return { ...named, bytes: count(event.bytes), ms: count(event.ms) };
  const retry = event.retryInMs === undefined ? {} : { retryInMs: count(event.retryInMs) };
  return { ...named, why: phrase(event.why), isDead: event.isDead, ...retry };
}

function commitmentFields(event: EventOf<"commitment-reported" | "commitment-late">): Fields {
  const destination = configuredName(event.destination);
  if (event.kind === "commitment-late")
    return { destination, waiting: count(event.waiting), asks: count(event.asks) };
  const { committed, resent, failed, missing, object, reason } = event;
  const counts = { committed: count(committed), resent: count(resent) };
  const hex = reason === undefined ? undefined : count(reason).toString(16).toUpperCase().padStart(4, "0");
  return {
    ...{ destination, ...counts, failed: count(failed), missing: count(missing) },
    ...(object === undefined ? {} : { object: madeId(object) }),
    ...(hex === undefined ? {} : { reason: `0x${hex}` }),
  };
}

function destinationFields(event: EventOf<"destination-down" | "destination-back">): Fields {
  const waiting = event.waiting === undefined ? {} : { waiting: count(event.waiting) };
  const named = { destination: configuredName(event.destination), ...waiting };
  if (event.kind === "destination-back") return { ...named, downMs: count(event.downMs) };
  return { ...named, why: phrase(event.why), retryInMs: count(event.retryInMs) };
}
