/** Operations message by message, over an Upper Layer that only keeps what it is given: right and wrong ones, in any order. */
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textElement } from "../../dicom/encode.ts";
import { tags } from "../../dicom/tags.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { encodeIdentifier } from "../query/identifier.ts";
import { type CommandSet, decodeCommandSet, encodeCommandSet } from "./command-set.ts";
import type { DimseProvider, OpenAssociation } from "./service.ts";
import { DimseSession } from "./session.ts";
import { queryRetrieveClassUid, storageCommitmentClass, storageCommitmentInstance } from "./sop-classes.ts";
import type { UpperLayerAssociation } from "./upper-layer/upper-layer.ts";

const explicit = "1.2.840.10008.1.2.1";
const ct = "1.2.840.10008.5.1.4.1.1.2";
const classes = [
  queryRetrieveClassUid("study", "find"),
  queryRetrieveClassUid("study", "move"),
  queryRetrieveClassUid("study", "get"),
  storageCommitmentClass,
  ct,
];
const contexts = classes.map((abstractSyntax, i) => ({
  id: 2 * i + 1,
  abstractSyntax,
  transferSyntax: explicit,
}));
const level = textElement(0x00080052, "CS", "STUDY");
const identifier = encodeIdentifier([level, textElement(tags.studyInstanceUid, "UI", "1.2.3")], explicit);
const transaction = encodeIdentifier(
  [
    textElement(0x00081195, "UI", "1.2"),
    {
      tag: 0x00081199,
      vr: "SQ",
      items: [[textElement(0x00081150, "UI", ct), textElement(0x00081155, "UI", "1.3")]],
    },
  ],
  explicit,
);

const base = { hasDataSet: true, messageId: 7, priority: 0 };
const requests: readonly (readonly [number, CommandSet, Bytes])[] = [
  [1, { ...base, field: 0x20, sopClassUid: classes[0] }, identifier],
  [3, { ...base, field: 0x21, sopClassUid: classes[1], moveDestination: "READER" }, identifier],
  [5, { ...base, field: 0x10, sopClassUid: classes[2] }, identifier],
  [
    7,
    {
      ...base,
      field: 0x130,
      requestedSopClassUid: storageCommitmentClass,
      requestedSopInstanceUid: storageCommitmentInstance,
      actionTypeId: 1,
    },
    transaction,
  ],
  [
    7,
    {
      ...base,
      field: 0x100,
      sopClassUid: storageCommitmentClass,
      sopInstanceUid: storageCommitmentInstance,
      eventTypeId: 1,
    },
    transaction,
  ],
  [9, { ...base, field: 1, sopClassUid: ct, sopInstanceUid: "1.2.3" }, identifier],
];
const [find] = requests;

/** @param pace held before each answer */
function sessionOf(pace: () => Promise<unknown> = async () => undefined, roles = { scu: true, scp: true }) {
  const sent: { readonly contextId: number; readonly command: CommandSet }[] = [];
  const signals: AbortSignal[] = [];
  const aborts: string[] = [];
  const asked = ({ signal }: { signal: AbortSignal }): void => void signals.push(signal);
  const association = {
    send: async (contextId: number, part: { isCommand: boolean }, bytes: Bytes) => {
      if (part.isCommand) sent.push({ contextId, command: decodeCommandSet(bytes) });
    },
    work: (work: Promise<unknown>) => work,
    abort: (why: string) => void aborts.push(why),
  } as unknown as UpperLayerAssociation;
  const open = {
    id: "1",
    contexts,
    rolesOf: () => roles,
    isRelational: () => false,
  } as unknown as OpenAssociation;
  const provider: Omit<DimseProvider, "admit"> = {
    store: () => ({ write: () => undefined, end: async () => ({ code: 0 }), cancel: () => undefined }),
    async *find(request) {
      asked(request);
      for (let i = 0; i < 3; i++) {
        await pace();
        yield { dataSet: identifier };
      }
    },
    async move(request) {
      asked(request);
      const steps = async function* () {
        await pace();
        yield { sopInstanceUid: "1.2.3", outcome: "completed" } as const;
      };
      return { total: () => 1, steps: steps() };
    },
    async get(request) {
      asked(request);
      const steps = async function* () {
        await pace();
        const dataSet = async function* () {
          yield identifier;
        };
        yield { sopClassUid: ct, sopInstanceUid: "1.2.3", transferSyntaxUid: explicit, dataSet };
      };
      return { total: () => 1, steps: steps() };
    },
    commit: () => ({ code: 0 }),
    report: () => ({ code: 0 }),
  };
  const session = new DimseSession(association, open, provider, 100_000);
  const command = (contextId: number, set: CommandSet) =>
    session.take({ contextId, isCommand: true, isLast: true, bytes: encodeCommandSet(set) });
  const data = (contextId: number, bytes: Bytes, isLast = true) =>
    session.take({ contextId, isCommand: false, isLast, bytes });
  const ask = async ([contextId, set, bytes]: (typeof requests)[number]): Promise<void> => {
    await command(contextId, set);
    await data(contextId, bytes);
    // For what it has begun.
    await turn();
  };
  const idle = (): Promise<void> => new Promise((resolve) => session.whenIdle(resolve));
  return { session, sent, signals, aborts, command, data, ask, idle };
}

const statusesOf = ({ sent }: ReturnType<typeof sessionOf>) => sent.map(({ command }) => command.status);

describe("an operation", () => {
  it("is answered on its context, with its message ID, and leaves nothing running", async () => {
    const one = sessionOf();
    await one.ask(find!);
    await one.idle();
    expect(statusesOf(one)).toEqual([0xff00, 0xff00, 0xff00, 0]);
    for (const { contextId, command } of one.sent)
      expect({ contextId, ...command }).toMatchObject({
        contextId: 1,
        field: 0x8020,
        respondedTo: 7,
        sopClassUid: classes[0],
      });
  });

  it("allows no other request, whether for it or for something else", async () => {
    for (const [contextId, other] of requests) {
      const one = sessionOf(() => new Promise(() => undefined));
      await one.ask(find!);
      expect(() => one.command(contextId, other)).toThrow(expect.objectContaining({ code: "peer-protocol" }));
      one.session.end();
      expect(one.signals.map(({ aborted }) => aborted)).toEqual([true]);
      await one.idle();
      expect(statusesOf(one)).toEqual([]);
    }
  });

  it("is cancelled by its own message ID only", async () => {
    const one = sessionOf(() => new Promise(() => undefined));
    await one.ask(find!);
    const cancel = { field: 0xfff, hasDataSet: false };
    await one.command(1, { ...cancel, respondedTo: 8 });
    expect(one.signals[0]!.aborted).toBe(false);
    await one.command(1, { ...cancel, respondedTo: 7 });
    await one.idle();
    expect(statusesOf(one)).toEqual([0xfe00]);
    // Once it is answered there is nothing to cancel.
    await one.command(1, { ...cancel, respondedTo: 7 });
    await one.ask(requests[3]!);
    expect(statusesOf(one)).toEqual([0xfe00, 0]);
  });

  it.each<[string, number, Partial<CommandSet>, number]>([
    ["C-FIND without an identifier", 0, { hasDataSet: false }, 0x0212],
    ["C-FIND of another class", 0, { sopClassUid: classes[1] }, 0x0122],
    ["C-MOVE in the context of C-FIND", 0, { field: 0x21 }, 0x0211],
    ["C-STORE in the context of C-FIND", 0, { field: 1, sopInstanceUid: "1.2" }, 0x0211],
    ["C-MOVE to nobody", 1, { moveDestination: undefined }, 0xa801],
    ["N-ACTION of another type", 3, { actionTypeId: 2 }, 0x0123],
    ["N-ACTION of another class", 3, { requestedSopClassUid: ct }, 0x0122],
    ["N-ACTION of another instance", 3, { requestedSopInstanceUid: "1.2.3" }, 0x0112],
    ["N-EVENT-REPORT of another type", 4, { eventTypeId: 3 }, 0x0113],
    ["N-EVENT-REPORT of failures without one", 4, { eventTypeId: 2 }, 0x0115],
    ["N-CREATE", 3, { field: 0x140 }, 0x0211],
    ["C-FIND in the context of a storage class", 5, { field: 0x20 }, 0x0211],
  ])("%s is refused", async (_, at, change, status) => {
    const one = sessionOf();
    const [contextId, command, bytes] = requests[at]!;
    const changed = { ...command, ...change };
    await one.command(contextId, changed);
    if (changed.hasDataSet) await one.data(contextId, bytes);
    expect(statusesOf(one)).toEqual([status]);
    expect(one.signals).toEqual([]);
  });

  it("is the peer's in its role only", async () => {
    for (const roles of [
      { scu: true, scp: false },
      { scu: false, scp: true },
    ]) {
      const one = sessionOf(undefined, roles);
      for (const request of requests) {
        await one.ask(request);
        await one.idle();
      }
      const isRefused = statusesOf(one).map((status) => status === 0x0211);
      // C-FIND answers four times, C-MOVE twice, C-GET fails what it cannot store: twice.
      const expected = [...Array(4 + 2 + 2 + 1).fill(false), true, false];
      expect(isRefused).toEqual(roles.scu ? expected : [true, true, true, true, false, true]);
      if (roles.scu) expect(statusesOf(one)[7]).toBe(0xa702);
    }
  });

  it("of C-GET is ended by an answer to another message than its sub-operation", async () => {
    const one = sessionOf();
    await one.ask(requests[2]!);
    const answer = { field: 0x8001, hasDataSet: false, status: 0 };
    expect(() => one.command(9, { ...answer, respondedTo: 9 })).toThrow(
      expect.objectContaining({ code: "peer-protocol" }),
    );
    expect(() => one.command(5, { ...answer, respondedTo: 1 })).toThrow(
      expect.objectContaining({ code: "peer-protocol" }),
    );
    await one.command(9, { ...answer, respondedTo: 1 });
    await one.idle();
    expect(statusesOf(one)).toEqual([undefined, 0xff00, 0]);
  });

  it("with an identifier in pieces of a byte is refused after some hundred", async () => {
    const one = sessionOf();
    await one.command(1, find![1]);
    for (let i = 0; i < 400; i++) await one.data(1, Uint8Array.of(0), false);
    await one.data(1, Uint8Array.of(0), true);
    expect(statusesOf(one)).toEqual([0xa900]);
  });
});

const anyMessage = fc.oneof(
  fc.record({ kind: fc.constant("whole" as const), at: fc.nat(requests.length - 1) }),
  fc.record({ kind: fc.constant("cancel" as const), respondedTo: fc.constantFrom(7, 8) }),
  fc.record({
    kind: fc.constant("answer" as const),
    status: fc.constantFrom(0, 0xa700, 0xff00, undefined),
    messageId: fc.constantFrom(1, 2),
  }),
  fc.record({
    kind: fc.constant("piece" as const),
    contextId: fc.constantFrom(1, 3, 5, 7, 9),
    isCommand: fc.boolean(),
    isLast: fc.boolean(),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(...requests.map(([, command]) => encodeCommandSet(command))),
    ),
  }),
);

it("whatever comes: nothing but our error is thrown, every operation ends, and answers are to requests", async () => {
  const property = fc.asyncProperty(
    fc.array(anyMessage, { maxLength: 20 }),
    fc.boolean(),
    async (messages, isSlow) => {
      const one = sessionOf(() => (isSlow ? new Promise(() => undefined) : Promise.resolve()));
      try {
        for (const message of messages) {
          if (message.kind === "whole") await one.ask(requests[message.at]!);
          else if (message.kind === "piece") await one.session.take(message);
          else if (message.kind === "cancel")
            await one.command(1, { field: 0xfff, hasDataSet: false, ...message });
          else {
            const { status, messageId: respondedTo } = message;
            await one.command(9, { field: 0x8001, hasDataSet: false, status, respondedTo });
          }
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ScansealError);
      }
      one.session.end();
      await one.idle();
      for (const signal of one.signals) if (isSlow) expect(signal.aborted).toBe(true);
      for (const { command } of one.sent)
        expect(command.field & 0x8000 ? command.respondedTo : command.field).toBeDefined();
    },
  );
  await fc.assert(property, { numRuns: 1_000 });
});
