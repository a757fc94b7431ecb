/** What the gate's journal knows of an object: arrivals, decisions, deliveries, what people did in quarantine. */
import type { ActRecord, Delivery, Journal, JudgedObject } from "../../store/journal/journal.ts";
import type { QuarantineRequest } from "../../store/journal/requests.ts";
import { storyOf } from "../../zero-trust/quarantine/object-story.ts";
import { type Actor, type EventKind, type HistoryEvent, isoTime } from "./history.ts";

/** Of one SOP Instance UID: a modality sends some objects over and over. */
const objectsMax = 200;

const gate: Actor = { role: "gateway", name: "the gate" };

export interface LookedAt {
  /** SHA-256 of all bytes, hexadecimal. */
  readonly digest: string;
  /** Of the manifest of an object that is what was sealed: the same in every encoding. */
  readonly payloadDigest: string | undefined;
}

/**
 * @param looked the object that was looked at; undefined where none was
 * @throws ScansealError `io`
 */
export async function gatewayEvents(
  journal: Journal,
  sopInstanceUid: string,
  looked: LookedAt | undefined,
): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  const admitted = looked && (await journal.admittedInstance(sopInstanceUid));
  const isSameSeal =
    admitted?.payloadDigest !== undefined && admitted.payloadDigest === looked?.payloadDigest;
  for (const object of await journal.objects({ sopInstanceUid, limit: objectsMax })) {
    const { deliveries, requests, history } = await storyOf(journal, object);
    const told = [
      ...arrivalEvents(object),
      ...deliveries.flatMap((delivery) => deliveryEvents(object, delivery)),
      ...requests.flatMap((request) => requestEvents(object, request)),
      ...history.flatMap((record) => actEvents(object, record)),
    ];
    const isAdmitted = [object.id, object.relatedId].includes(admitted?.objectId);
    const isOther = looked !== undefined && object.digest !== looked.digest && !(isSameSeal && isAdmitted);
    events.push(...told.map((event): HistoryEvent => (isOther ? { ...event, ofOtherBytes: true } : event)));
  }
  return events;
}

function row(
  { id }: JudgedObject,
  what: EventKind,
  at: number,
  who: readonly Actor[],
  text: string,
): HistoryEvent {
  return { what, at: isoTime(at), time: "T2", who, known: { by: "journal", journal: "gateway", id }, text };
}

function arrivalEvents(object: JudgedObject): HistoryEvent[] {
  const { source, peerTitle, peerAddress, receivedAt, judgedAt, state } = object;
  const sender: Actor = { role: "source", name: source, address: peerAddress };
  const events = [
    row(
      object,
      "received",
      receivedAt,
      [sender],
      `The gate received it from ${source} (AE title ${peerTitle}).`,
    ),
  ];
  if (state === "resent") {
    events.push(
      row(object, "resent", judgedAt ?? receivedAt, [sender], "It was here already: nothing new was kept."),
    );
  } else if (judgedAt !== undefined) events.push(judgedEvent(object, judgedAt));
  return events;
}

function judgedEvent(object: JudgedObject, at: number): HistoryEvent {
  const { disposition, verdict = "unchecked", mode, basis } = object;
  const found = `it was ${verdict}`;
  if (disposition === "held") return row(object, "held", at, [gate], `The gate held it: ${found}.`);
  const notice = disposition === "delivered-with-notice" ? ", with a notice" : "";
  const grounds = basis === undefined || basis === verdict ? "" : `, admitted as ${basis}`;
  const why = mode === undefined ? "" : ` (mode ${mode})`;
  return row(object, "admitted", at, [gate], `The gate let it pass${notice}: ${found}${grounds}${why}.`);
}

function deliveryEvents(object: JudgedObject, delivery: Delivery): HistoryEvent[] {
  const { destination, state, deliveredAt, createdAt, attempts, released } = delivery;
  const to: Actor = { role: "destination", name: destination };
  const how = released ? ", released by two people," : "";
  if (deliveredAt !== undefined)
    return [
      row(object, "delivered", deliveredAt, [gate, to], `${destination}${how} confirmed that it has it.`),
    ];
  if (state !== "dead") return [];
  const tries = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  return [
    row(
      object,
      "delivery-failed",
      createdAt,
      [gate, to],
      `The delivery to ${destination}${how} was given up after ${tries}; it was due since then.`,
    ),
  ];
}

function requestEvents(object: JudgedObject, request: QuarantineRequest): HistoryEvent[] {
  const { act, requestedBy, requestedAt, approvedBy, approvedAt, destination, state, forReaders } = request;
  const asker: Actor = { role: "operator", name: requestedBy };
  const place = destination ?? forReaders?.names.join(", ");
  const where = place === undefined ? "" : ` to ${place}`;
  const wish = act === "release" ? `it be released, unproven,${where}` : "its bytes be deleted";
  const left =
    state === "approved" ? "" : state === "pending" ? "; nobody has decided yet" : "; it was withdrawn";
  const asked = row(
    object,
    act === "release" ? "release-asked" : "purge-asked",
    requestedAt,
    [asker],
    `${requestedBy} asked that ${wish}${left}.`,
  );
  if (state !== "approved" || approvedBy === undefined || approvedAt === undefined) return [asked];
  const people: Actor[] = [asker, { role: "operator", name: approvedBy }];
  const done =
    act === "release"
      ? row(
          object,
          "released",
          approvedAt,
          people,
          `${approvedBy} approved the release${where}, unproven as it is.`,
        )
      : row(
          object,
          "purged",
          approvedAt,
          people,
          `${approvedBy} approved the purge: the bytes were deleted.`,
        );
  return [asked, done];
}

/** Acts that no state of the object tells. */
const acts: Readonly<Record<string, readonly [EventKind, (record: ActRecord) => string]>> = {
  "quarantine.exported": ["exported", ({ actor }) => `${actor} took a copy out of quarantine.`],
  "quarantine.recheck": [
    "rechecked",
    ({ actor, detail }) => `${actor} had it judged anew; it was ${detail.verdict ?? "unchecked"}.`,
  ],
  "object.conflict": ["conflict", () => "Another object had been admitted under its SOP Instance UID."],
  "object.bytes-changed": ["damaged", () => "The kept copy was found damaged, and was not delivered."],
};

function actEvents(object: JudgedObject, record: ActRecord): HistoryEvent[] {
  const known = Object.hasOwn(acts, record.act) ? acts[record.act] : undefined;
  if (!known) return [];
  const who: Actor = record.actor === "gateway" ? gate : { role: "operator", name: record.actor };
  return [row(object, known[0], record.at, [who], known[1](record))];
}
