/** The client against peers that answer otherwise than a good server does. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect, it } from "vitest";
import type { Bytes } from "../../foundation/bytes.ts";
import { connectDimse, type DimseClient } from "./client.ts";
import { type CommandSet, decodeCommandSet, encodeCommandSet } from "./command-set.ts";
import { answerRequest, ownImplementation } from "./presentation.ts";
import { acceptConnection } from "./upper-layer/accept-connection.ts";
import type { DataIndication, UpperLayerAssociation } from "./upper-layer/upper-layer.ts";
import { upperLayerLimits, upperLayerTimers } from "./upper-layer/upper-layer-defaults.ts";

const ct = "1.2.840.10008.5.1.4.1.1.2";
const explicit = "1.2.840.10008.1.2.1";
const object = { sopClassUid: ct, sopInstanceUid: "1.2.3.4", transferSyntaxUid: explicit };

let server: Server;
const connections: { abort(why: string): void }[] = [];
afterEach(() => {
  for (const connection of connections.splice(0)) connection.abort("the test is over");
  server.close();
});

/** A client of a peer whose messages are played by `play`. */
async function against(
  play: (association: UpperLayerAssociation) => DataIndication,
  idleMs = 60_000,
): Promise<DimseClient> {
  server = createServer((socket) => {
    const accept = (_: string, [transferSyntax]: readonly string[]) => ({ transferSyntax: transferSyntax! });
    const options = { timers: upperLayerTimers, limits: upperLayerLimits };
    const peer = { address: "127.0.0.1", port: 1 };
    connections.push(
      acceptConnection(
        socket,
        peer,
        (request) => ({ accept: answerRequest(request, { accept }, ownImplementation), onOpen: play }),
        options,
      ),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return connectDimse({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    callingAeTitle: "TEST",
    calledAeTitle: "PEER",
    contexts: [{ id: 1, abstractSyntax: ct, transferSyntaxes: [explicit] }],
    timers: { ...upperLayerTimers, idleMs },
  });
}

/** Answers the command at once, with what `answer` makes of the right response. */
function answering(answer: (right: CommandSet) => CommandSet): (a: UpperLayerAssociation) => DataIndication {
  return (association) =>
    ({ isCommand, bytes }) => {
      if (!isCommand) return;
      const { messageId, field } = decodeCommandSet(bytes);
      const right = { field: field | 0x8000, hasDataSet: false, respondedTo: messageId, status: 0 };
      return association.send(1, { isCommand: true, isLast: true }, encodeCommandSet(answer(right)));
    };
}

async function* megabytes(count: number, between?: () => Promise<unknown>): AsyncGenerator<Bytes> {
  const piece = new Uint8Array(1 << 20);
  for (let i = 0; i < count; i++) {
    await between?.();
    yield piece;
  }
}

it("takes a refusal that comes before all is sent", async () => {
  const client = await against(answering((right) => ({ ...right, status: 0xa700, errorComment: "full" })));
  expect(await client.store(object, megabytes(4))).toEqual({ code: 0xa700, comment: "full" });
  expect(await client.store(object, megabytes(1))).toMatchObject({ code: 0xa700 });
  await client.release();
});

it("takes a refusal from a peer that goes without reading the rest", async () => {
  const client = await against((association) => {
    const answer = answering((right) => ({ ...right, status: 0xa700 }))(association);
    let bytes = 0;
    return (value) => {
      if (value.isCommand) return answer(value);
      bytes += value.bytes.length;
      if (bytes > 100_000) association.abort("not interested");
    };
  });
  // The refusal has arrived before the second piece.
  const answered = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));
  expect(await client.store(object, megabytes(64, answered))).toMatchObject({ code: 0xa700 });
  expect(client.isOpen).toBe(false);
});

it("a warning is a status like any other", async () => {
  const client = await against((association) => {
    const answer = answering((right) => ({ ...right, status: 0xb000 }))(association);
    let command: Bytes;
    return (value) => {
      if (value.isCommand) command = new Uint8Array(value.bytes);
      else if (value.isLast) return answer({ ...value, isCommand: true, bytes: command });
    };
  });
  expect(await client.store(object, megabytes(1))).toMatchObject({ code: 0xb000 });
  await client.release();
});

it.each<[string, (right: CommandSet) => CommandSet]>([
  ["a success before the object was complete", (right) => right],
  ["another message's ID", (right) => ({ ...right, respondedTo: 99, status: 0xa700 })],
  ["another operation", (right) => ({ ...right, field: 0x8030, status: 0xa700 })],
  ["no status", (right) => ({ ...right, status: undefined })],
  ["a data set", (right) => ({ ...right, hasDataSet: true, status: 0xa700 })],
])("ends an association whose peer answers with %s", async (_, answer) => {
  const client = await against(answering(answer));
  await expect(client.store(object, megabytes(64))).rejects.toMatchObject({ code: "peer-protocol" });
  expect(client.isOpen).toBe(false);
  expect(await client.ended).toMatchObject({ kind: "aborted", by: "us" });
});

it("ends an association whose peer does not answer", async () => {
  const client = await against(() => () => undefined, 100);
  await expect(client.store(object, megabytes(1))).rejects.toMatchObject({ code: "timeout" });
});

it("tells a peer that went away", async () => {
  const client = await against((association) => () => association.abort("busy"));
  await expect(client.store(object, megabytes(1))).rejects.toMatchObject({ code: "peer-aborted" });
  expect(client.isOpen).toBe(false);
});
