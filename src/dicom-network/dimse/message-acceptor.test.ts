/** Message by message, over an Upper Layer that only keeps what it is given. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecordingProvider } from "../../../test/dicom-network/recording-provider.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type CommandSet, decodeCommandSet, encodeCommandSet } from "./command-set.ts";
import { DimseRefusal, type OpenAssociation, type StoreReceiver } from "./service.ts";
import { DimseSession } from "./session.ts";
import type { UpperLayerAssociation } from "./upper-layer/upper-layer.ts";

const ct = "1.2.840.10008.5.1.4.1.1.2";
const verification = "1.2.840.10008.1.1";
const explicit = "1.2.840.10008.1.2.1";
const instance = "1.2.3.4";

/** Contexts: 1 CT, 3 Verification. */
function acceptorOf(store?: StoreReceiver | (() => never), drainBytesMax = 1_000) {
  const provider = new RecordingProvider();
  if (typeof store === "function") provider.store = store;
  else if (store) provider.store = () => store;
  const answers: { readonly contextId: number; readonly command: CommandSet }[] = [];
  const association = {
    send: async (contextId: number, part: { isCommand: boolean; isLast: boolean }, bytes: Bytes) => {
      expect(part).toEqual({ isCommand: true, isLast: true });
      answers.push({ contextId, command: decodeCommandSet(bytes) });
    },
  } as unknown as UpperLayerAssociation;
  const contexts = [
    { id: 1, abstractSyntax: ct, transferSyntax: explicit },
    { id: 3, abstractSyntax: verification, transferSyntax: explicit },
  ];
  const open = { id: "1", contexts, rolesOf: () => ({ scu: true }) } as unknown as OpenAssociation;
  const acceptor = new DimseSession(association, open, provider, drainBytesMax);
  const command = (set: Partial<CommandSet>, contextId = 1) =>
    acceptor.take({
      contextId,
      isCommand: true,
      isLast: true,
      bytes: encodeCommandSet({ ...storing, ...set }),
    });
  const data = (text: string, isLast = false, contextId = 1) =>
    acceptor.take({ contextId, isCommand: false, isLast, bytes: Buffer.from(text) });
  const statuses = () => answers.map(({ command }) => command.status);
  return { acceptor, provider, answers, command, data, statuses };
}

const storing: CommandSet = {
  field: 0x0001,
  hasDataSet: true,
  messageId: 7,
  priority: 0,
  sopClassUid: ct,
  sopInstanceUid: instance,
};
const echoing: CommandSet = { ...storing, field: 0x0030, hasDataSet: false, sopClassUid: verification };

const protocolError = expect.objectContaining({ code: "peer-protocol" });

it("keeps nothing of the bytes it is given: a connection reads into one buffer", async () => {
  const { acceptor, provider, answers } = acceptorOf();
  const buffer = new Uint8Array(4096);
  const give = async (bytes: Bytes, isCommand: boolean, isLast: boolean): Promise<void> => {
    buffer.set(bytes);
    const taken = acceptor.take({
      contextId: 1,
      isCommand,
      isLast,
      bytes: buffer.subarray(0, bytes.length),
    });
    buffer.fill(0xa5);
    await taken;
  };
  const whole = encodeCommandSet(storing);
  for (let at = 0; at < whole.length; at += 10)
    await give(whole.subarray(at, at + 10), true, at + 10 >= whole.length);
  await give(Buffer.from("some"), false, false);
  await give(Buffer.from("thing"), false, true);
  expect(provider.taken).toMatchObject([{ request: { sopInstanceUid: instance } }]);
  expect(Buffer.from(provider.taken[0]!.dataSet).toString()).toBe("something");
  expect(answers[0]!.command).toMatchObject({ sopInstanceUid: instance, respondedTo: 7 });
});

describe("C-ECHO", () => {
  it("is answered on its context, with its message ID and class", async () => {
    const { command, answers } = acceptorOf();
    await command(echoing, 3);
    expect(answers).toEqual([
      {
        contextId: 3,
        command: { field: 0x8030, hasDataSet: false, respondedTo: 7, status: 0, sopClassUid: verification },
      },
    ]);
  });

  it("is refused on another context and with a data set", async () => {
    const { command, data, statuses } = acceptorOf();
    await command(echoing);
    await command({ ...echoing, hasDataSet: true }, 3);
    expect(statuses()).toEqual([0x0122]);
    await data("what?", true, 3);
    expect(statuses()).toEqual([0x0122, 0x0212]);
  });
});

describe("C-STORE", () => {
  it("hands on the data set as it comes and answers when it is taken", async () => {
    const { command, data, answers, provider } = acceptorOf();
    command({});
    data("abc");
    data("");
    data("def");
    await data("g", true);
    const [taken] = provider.taken;
    expect(Buffer.from(taken!.dataSet).toString()).toBe("abcdefg");
    expect(taken!.request).toMatchObject({
      messageId: 7,
      transferSyntaxUid: explicit,
      sopClassUid: ct,
      sopInstanceUid: instance,
    });
    expect(answers[0]!.command).toEqual({
      field: 0x8001,
      hasDataSet: false,
      respondedTo: 7,
      status: 0,
      sopClassUid: ct,
      sopInstanceUid: instance,
    });
  });

  it("takes a command in pieces, and an empty last piece of a data set", async () => {
    const { acceptor, data, provider } = acceptorOf();
    const bytes = encodeCommandSet(storing);
    const piece = Buffer.alloc(5);
    for (let at = 0; at < bytes.length; at += 5) {
      piece.set(bytes.subarray(at, at + 5));
      const isLast = at + 5 >= bytes.length;
      const length = Math.min(5, bytes.length - at);
      acceptor.take({ contextId: 1, isCommand: true, isLast, bytes: piece.subarray(0, length) });
      // Valid during the call only.
      piece.fill(0xee);
    }
    data("abc");
    await data("", true);
    expect(provider.taken).toHaveLength(1);
  });

  it.each<[string, Partial<CommandSet>, number]>([
    ["another class than its context's", { sopClassUid: "1.2.840.10008.5.1.4.1.1.4" }, 0x0122],
    ["no class", { sopClassUid: undefined }, 0x0122],
    ["no instance", { sopInstanceUid: undefined }, 0x0117],
    ["an instance that is a path", { sopInstanceUid: "../../etc/passwd" }, 0x0117],
    ["an instance of dots", { sopInstanceUid: ".." }, 0x0117],
  ])("with %s: drained and refused, before the provider sees it", async (_, set, status) => {
    const { command, data, answers, provider } = acceptorOf();
    command(set);
    data("abc");
    expect(answers).toEqual([]);
    await data("d", true);
    expect(answers[0]!.command).toMatchObject({ field: 0x8001, respondedTo: 7, status });
    // Nothing of it goes back.
    expect(answers[0]!.command.sopInstanceUid).toBe(status === 0x0117 ? undefined : instance);
    expect(provider.taken).toEqual([]);
  });

  it("without a data set is refused", async () => {
    const { command, statuses } = acceptorOf();
    await command({ hasDataSet: false });
    expect(statuses()).toEqual([0x0212]);
  });

  it.each([
    [
      "thrown",
      () => {
        throw new DimseRefusal({ code: 0xa700, comment: "no room" });
      },
      0xa700,
    ],
    ["rejected", () => Promise.reject(new DimseRefusal({ code: 0xc123 })), 0xc123],
    [
      "thrown as something else",
      () => {
        throw new Error("PATIENT^NAME");
      },
      0x0110,
    ],
    ["rejected with something else", () => Promise.reject(new Error("PATIENT^NAME")), 0x0110],
  ])(
    "refused while it arrives, %s: the rest is drained, neither end nor cancel follows",
    async (_, write, status) => {
      const log: string[] = [];
      const { command, data, answers, acceptor } = acceptorOf({
        write: (bytes) => {
          log.push(`write ${bytes.length}`);
          return bytes.length === 3 ? write() : undefined;
        },
        end: async () => {
          log.push("end");
          return { code: 0 };
        },
        cancel: () => void log.push("cancel"),
      });
      command({});
      await data("ab");
      await data("abc");
      await data("abcd");
      expect(answers).toEqual([]);
      await data("e", true);
      acceptor.end();
      expect(answers[0]!.command).toMatchObject({ status, respondedTo: 7 });
      expect(JSON.stringify(answers)).not.toContain("PATIENT");
      expect(log).toEqual(["write 2", "write 3"]);
      await command({});
      expect(log).toHaveLength(2);
    },
  );

  it("refused at once, by a status or an exception, and at the end", async () => {
    const refusal = acceptorOf(() => {
      throw new DimseRefusal({ code: 0xa701 });
    });
    refusal.command({});
    await refusal.data("a", true);
    expect(refusal.statuses()).toEqual([0xa701]);
    const late = acceptorOf({
      write: () => undefined,
      end: () => Promise.reject(new DimseRefusal({ code: 0xa900 })),
      cancel: () => undefined,
    });
    late.command({});
    await late.data("a", true);
    expect(late.statuses()).toEqual([0xa900]);
  });

  it("refused and endless: ended after the drain's bound", () => {
    const { command, data } = acceptorOf(undefined, 10);
    command({ sopInstanceUid: ".." });
    data("0123456789");
    expect(() => data("0")).toThrow(protocolError);
  });

  it("whose association ends before it: cancelled once, and not answered", async () => {
    const gate = Promise.withResolvers<void>();
    const log: string[] = [];
    const { acceptor, command, data, answers } = acceptorOf({
      write: () => gate.promise,
      end: async () => {
        log.push("end");
        return { code: 0 };
      },
      cancel: () => void log.push("cancel"),
    });
    command({});
    const pending = data("abc", true);
    acceptor.end();
    acceptor.end();
    gate.resolve();
    await pending;
    expect(log).toEqual(["cancel"]);
    expect(answers).toEqual([]);
    expect(data("more")).toBeUndefined();
  });
});

describe("other messages", () => {
  it.each([
    [0x0020, 0x8020],
    [0x0021, 0x8021],
    [0x0130, 0x8130],
    [0x4242, 0xc242],
  ])("%i is not recognised", async (field, response) => {
    const { command, data, answers } = acceptorOf();
    command({ field });
    await data("an identifier", true);
    await command({ field, hasDataSet: false });
    expect(answers.map(({ command }) => [command.field, command.status])).toEqual([
      [response, 0x0211],
      [response, 0x0211],
    ]);
  });

  it("C-CANCEL is passed over", async () => {
    const { command, answers } = acceptorOf();
    await command({ field: 0x0fff, hasDataSet: false, messageId: undefined, respondedTo: 1 });
    expect(answers).toEqual([]);
  });

  it.each([
    ["a response", { field: 0x8001 }],
    ["a request without a message ID", { messageId: undefined }],
  ])("%s ends the association", (_, set) => {
    expect(() => acceptorOf().command(set)).toThrow(protocolError);
  });

  it("what does not belong where it comes ends the association", () => {
    const idle = acceptorOf();
    expect(() => idle.data("no command")).toThrow(protocolError);
    const busy = acceptorOf();
    busy.command({});
    expect(() => busy.command({})).toThrow(protocolError);
    expect(() => busy.data("abc", false, 3)).toThrow(protocolError);
    const split = acceptorOf();
    const bytes = Buffer.alloc(4);
    split.acceptor.take({ contextId: 1, isCommand: true, isLast: false, bytes });
    expect(() => split.acceptor.take({ contextId: 3, isCommand: true, isLast: true, bytes })).toThrow(
      protocolError,
    );
  });

  it("a command without end is not collected", () => {
    const { acceptor } = acceptorOf();
    const bytes = Buffer.alloc(4_096);
    const piece = { contextId: 1, isCommand: true, isLast: false, bytes };
    for (let i = 0; i < 4; i++) acceptor.take(piece);
    expect(() => acceptor.take(piece)).toThrow(protocolError);
  });

  it("nor is one in pieces of a byte", () => {
    const { acceptor } = acceptorOf();
    const piece = { contextId: 1, isCommand: true, isLast: false, bytes: Buffer.alloc(1) };
    for (let i = 0; i < 64; i++) acceptor.take(piece);
    expect(() => acceptor.take(piece)).toThrow(protocolError);
  });
});

it("tells when nothing is under way", async () => {
  const { acceptor, command, data } = acceptorOf();
  const log: string[] = [];
  acceptor.whenIdle(() => log.push("at once"));
  command({});
  acceptor.whenIdle(() => log.push("answered"));
  await data("abc");
  expect(log).toEqual(["at once"]);
  await data("d", true);
  expect(log).toEqual(["at once", "answered"]);
});

/** What a peer may send: right and wrong messages in any order and in any pieces. */
const anyValue = fc.record({
  contextId: fc.constantFrom(1, 1, 1, 3),
  isCommand: fc.boolean(),
  isLast: fc.boolean(),
  bytes: fc.oneof(
    fc
      .constantFrom(storing, echoing, { ...storing, sopInstanceUid: ".." }, { ...storing, field: 0x20 })
      .map(encodeCommandSet),
    fc.uint8Array({ maxLength: 20 }),
  ),
});

it("whatever comes: each receiver ends once, each answer has its request, and nothing but our error is thrown", async () => {
  const behaviours = ["takes", "waits", "throws", "rejects", "fails at the end"] as const;
  const property = fc.asyncProperty(
    fc.array(anyValue, { maxLength: 30 }),
    fc.constantFrom(...behaviours),
    async (values, behaviour) => {
      const { acceptor, answers, provider } = acceptorOf(undefined, 100);
      const ends: string[][] = [];
      provider.store = () => {
        const log: string[] = [];
        ends.push(log);
        return receiverOf(behaviour, log);
      };
      try {
        for (const value of values) await acceptor.take(value);
      } catch (error) {
        expect(error).toBeInstanceOf(ScansealError);
      }
      acceptor.end();
      acceptor.end();
      for (const log of ends) expect(log).toHaveLength(1);
      expect(answers.length).toBeLessThanOrEqual(values.length);
      const stored = answers.filter(({ command }) => command.field === 0x8001 && command.status === 0);
      expect(stored.length).toBe(ends.flat().filter((end) => end === "end").length);
    },
  );
  await fc.assert(property, { numRuns: 1_000 });
});

function receiverOf(behaviour: string, log: string[]): StoreReceiver {
  const refuse = (): never => {
    log.push("refused");
    throw new DimseRefusal({ code: 0xa700 });
  };
  return {
    write: () => {
      if (behaviour === "throws") refuse();
      if (behaviour === "waits") return Promise.resolve();
      if (behaviour === "rejects") return Promise.resolve().then(refuse);
    },
    end: async () => {
      if (behaviour === "fails at the end") refuse();
      log.push("end");
      return { code: 0 };
    },
    cancel: () => void log.push("cancel"),
  };
}
