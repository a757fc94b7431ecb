import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GatewayEvent } from "../event.ts";
import { actRecord } from "./act-records.ts";
import { auditXml } from "./audit-message.ts";
import { activityRecord, auditRecordOf, overflowRecord } from "./audit-records.ts";
import { searchRecord } from "./query-record.ts";
import { framed, syslogMessage } from "./syslog-message.ts";

const at = Date.parse("2026-11-23T08:00:00Z");
const gate = { title: "SCANSEAL" };
const object = "01900000-0000-7000-8000-000000000001";

/** PS3.15 A.5.1, for what is written here: attributes (with * where required), and children in their order. */
const coded = ["csd-code*", "codeSystemName*", "displayName", "originalText*"];
const schema: Readonly<Record<string, readonly [attributes: readonly string[], children: RegExp]>> = {
  AuditMessage: [
    [],
    /^EventIdentification (ActiveParticipant )+AuditSourceIdentification (ParticipantObjectIdentification )*$/,
  ],
  EventIdentification: [
    ["EventActionCode", "EventDateTime*", "EventOutcomeIndicator*"],
    /^EventID (EventTypeCode )*(EventOutcomeDescription )?$/,
  ],
  EventID: [coded, /^$/],
  EventTypeCode: [coded, /^$/],
  EventOutcomeDescription: [[], /^$/],
  ActiveParticipant: [
    ["UserID*", "UserIsRequestor*", "NetworkAccessPointID", "NetworkAccessPointTypeCode"],
    /^(RoleIDCode )*$/,
  ],
  RoleIDCode: [coded, /^$/],
  AuditSourceIdentification: [["AuditEnterpriseSiteID", "AuditSourceID*"], /^(AuditSourceTypeCode )*$/],
  AuditSourceTypeCode: [["csd-code*"], /^$/],
  ParticipantObjectIdentification: [
    ["ParticipantObjectID*", "ParticipantObjectTypeCode", "ParticipantObjectTypeCodeRole"],
    /^ParticipantObjectIDTypeCode (ParticipantObjectName|ParticipantObjectQuery) (ParticipantObjectDetail )*$/,
  ],
  ParticipantObjectIDTypeCode: [coded, /^$/],
  ParticipantObjectName: [[], /^$/],
  ParticipantObjectQuery: [[], /^$/],
  ParticipantObjectDetail: [["type*", "value*"], /^$/],
};

/** Throws for what is not well formed, or not of the schema. @returns elements in the order they begin */
function checked(xml: string): string[] {
  const head = '<?xml version="1.0" encoding="UTF-8"?>';
  expect(xml.startsWith(head)).toBe(true);
  const open: { readonly name: string; children: string }[] = [];
  const all: string[] = [];
  const close = (name: string): void => {
    const element = open.pop()!;
    expect(element.name).toBe(name);
    expect(`${name}: ${element.children}`).toMatch(
      new RegExp(schema[name]![1].source.replace("^", `^${name}: `)),
    );
  };
  const rest = xml
    .slice(head.length)
    .replace(/<(\/?)(\w+)((?: [\w-]+="[^"<>]*")*)(\/?)>|([^<>]+)/g, (...match) => {
      const [, end, name, attributes, empty, text] = match as string[];
      if (text !== undefined) {
        expect(["EventOutcomeDescription", "ParticipantObjectName", "ParticipantObjectQuery"]).toContain(
          open.at(-1)?.name,
        );
      } else if (end) close(name!);
      else {
        all.push(name!);
        const parent = open.at(-1);
        if (parent) parent.children += `${name} `;
        const given = [...attributes!.matchAll(/ ([\w-]+)="[^"]*"/g)].map(([, one]) => one!);
        const known = schema[name!]![0];
        expect(new Set(given).size).toBe(given.length);
        for (const one of given) expect(known.map((each) => each.replace("*", ""))).toContain(one);
        for (const one of known) if (one.endsWith("*")) expect(given).toContain(one.slice(0, -1));
        open.push({ name: name!, children: "" });
        if (empty) close(name!);
      }
      return "";
    });
  expect(rest).toBe("");
  expect(open).toEqual([]);
  // Every ampersand is one of an entity, and nothing turns the direction of text.
  expect(xml.replace(/&(amp|lt|gt|quot|apos);/g, "")).not.toMatch(/[&\p{Cc}\p{Cf}]/u);
  return all;
}

const events: readonly (readonly [event: GatewayEvent, code: string])[] = [
  [
    {
      kind: "association-rejected",
      listener: "secure",
      peerAddress: "10.0.0.9",
      peerTitle: "EVIL",
      why: "no source is known by this certificate",
      more: 7,
    },
    "110113",
  ],
  [{ kind: "object-acknowledged", object, source: "ct1", bytes: 1, ms: 1 }, "110104"],
  [{ kind: "object-refused", source: "ct1", status: 0xa700, why: "storage-full" }, "110104"],
  [
    {
      kind: "object-judged",
      ...{ object, source: "ct1", verdict: "altered", state: "held", codes: ["digest-mismatch"], ms: 1 },
    },
    "110113",
  ],
  [{ kind: "delivered", object, destination: "pacs", bytes: 1, ms: 1 }, "110104"],
  [
    {
      kind: "delivery-failed",
      ...{ object, destination: "pacs", why: "refused", isDead: true, retryInMs: undefined },
    },
    "110104",
  ],
  [{ kind: "read-withheld", object, archive: "pacs", verdict: "altered", codes: [] }, "110113"],
  [{ kind: "read-released", request: object, reader: "ward", verdict: "altered", object }, "110113"],
  [{ kind: "read-missing", object, archive: "pacs" }, "110113"],
  [{ kind: "copy-damaged", object, isDropped: true }, "110113"],
  [{ kind: "trust-reloaded", devices: 2 }, "110113"],
  [{ kind: "settings-applied", sources: 1, destinations: 1 }, "110113"],
  [{ kind: "source-changed", source: "ct1", from: "enforce", to: "observe" }, "110113"],
];

describe("an audit message", () => {
  it.each(events)("of %j keeps to the schema of PS3.15 A.5.1", (event, code) => {
    const xml = auditXml(auditRecordOf(event, gate)!, at, "SCANSEAL");
    checked(xml);
    expect(xml).toContain(`<EventID csd-code="${code}" codeSystemName="DCM"`);
    expect(xml).toContain('EventDateTime="2026-11-23T08:00:00.000Z"');
  });

  it("is made of the start, the stop and of messages that were dropped", () => {
    for (const record of [
      activityRecord("start", gate),
      activityRecord("stop", gate),
      overflowRecord(9, gate),
    ])
      checked(auditXml(record, at, "SCANSEAL"));
  });

  it.each([
    ["quarantine.exported", "110106"],
    ["quarantine.purge.approved", "110113"],
    ["emergency.opened", "110113"],
    ["operator.refused", "110114"],
    ["machine.backup-made", "110106"],
    ["machine.key-rotated", "110113"],
    ["deliveries.retried", "110113"],
  ])("of an operator's act %s keeps to the schema, whoever wrote the journal", (act, code) => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("1.2.840.1.2", "DOE^JANE 1955"));
    fc.assert(
      fc.property(text, text, text, (actor, about, typed) => {
        const detail = { reason: typed, to: typed, why: typed, command: typed, objects: 1 };
        const xml = auditXml(
          actRecord({ id: object, at, actor, act, subject: about, detail }, gate),
          at,
          "S",
        );
        checked(xml);
        expect(xml).toContain(`<EventID csd-code="${code}" codeSystemName="DCM"`);
        expect(xml).not.toMatch(/1\.2\.840|JANE/);
      }),
    );
  });

  it.each([10, 7_000])("of a search with %i bytes keeps to the schema", (length) => {
    const query = new Uint8Array(length).fill(65);
    const of = { reader: "ward", sopClassUid: "1.2.840.10008.5.1.4.1.2.2.1", level: "STUDY" };
    const xml = auditXml(
      searchRecord({ ...of, query, transferSyntaxUid: "1.2.840.10008.1.2.1" }, gate),
      at,
      "S",
    );
    checked(xml);
    expect(xml).toContain('<EventID csd-code="110112" codeSystemName="DCM"');
    const told = Buffer.from(query).toString("base64");
    expect(xml.includes(`<ParticipantObjectQuery>${told}</ParticipantObjectQuery>`)).toBe(length === 10);
  });

  it("is not made of what is admitted or of a delivery that is tried again", () => {
    const judged = {
      kind: "object-judged",
      object,
      source: "ct1",
      verdict: "verified",
      codes: [],
      ms: 1,
    } as const;
    expect(auditRecordOf({ ...judged, state: "admitted" }, gate)).toBeUndefined();
    const failed = { kind: "delivery-failed", object, destination: "pacs", why: "", retryInMs: 1 } as const;
    expect(auditRecordOf({ ...failed, isDead: false }, gate)).toBeUndefined();
  });

  it("stays whole whatever a peer writes, and says only what the log may say", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom('"/><x a="', "]]>", "&#0;", "\u202egnp.exe", "\ud800", "DOE^JANE 1.2.840.113619.2.55"),
    );
    fc.assert(
      fc.property(text, text, text, (peerTitle, why, peerAddress) => {
        const event = { kind: "association-rejected", listener: "l", peerAddress, peerTitle, why } as const;
        const xml = auditXml(auditRecordOf(event, gate)!, at, why);
        checked(xml);
        expect(auditXml(auditRecordOf(event, gate)!, at, "S")).not.toMatch(/1\.2\.840/);
      }),
    );
  });
});

describe("a syslog message", () => {
  it("has RFC 5424's header, PS3.15's MSGID, a byte order mark, and is counted in octets", () => {
    const header = { at, outcome: 8, host: "gäte host", processId: 7 };
    const frame = Buffer.from(framed(syslogMessage("<é/>", header))).toString("utf8");
    const body = "<84>1 2026-11-23T08:00:00.000Z gtehost scanseal 7 DICOM+RFC3881 - \ufeff<é/>";
    expect(frame).toBe(`${Buffer.byteLength(body)} ${body}`);
  });
});
