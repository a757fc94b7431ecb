/**
 * Right, wrong and broken messages of queries, retrievals and commitment over real connections, while a good peer is served.
 * SCANSEAL_FUZZ_MINUTES=10 runs for that long instead of a fixed number of connections; a failure names its seed.
 */
import { connect } from "node:net";
import fc from "fast-check";
import { afterEach, beforeAll, expect, it } from "vitest";
import { type ArchivedObject, MemoryArchive } from "../../../test/dicom-network/memory-archive.ts";
import {
  closeEnds,
  ct,
  explicit,
  fourObjects,
  open,
  serve,
} from "../../../test/dicom-network/query-retrieve-ends.ts";
import { abortPdu, dataPdu, RawPeer, releaseRequest } from "../../../test/dicom-network/raw-peer.ts";
import { textElement } from "../../dicom/encode.ts";
import { tags } from "../../dicom/tags.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { encodeIdentifier } from "../query/identifier.ts";
import type { Query } from "../query/query.ts";
import { type CommandSet, encodeCommandSet } from "./command-set.ts";
import { queryRetrieveClassUid, storageCommitmentClass, storageCommitmentInstance } from "./sop-classes.ts";
import { encodeAssociateRequest } from "./upper-layer/pdu-associate.ts";

const minutes = Number(process.env.SCANSEAL_FUZZ_MINUTES ?? 0);
/** In `npm test`. */
const connections = 150;

let objects: readonly ArchivedObject[];
beforeAll(async () => {
  objects = await fourObjects();
});
afterEach(closeEnds);

const classes = [
  ...(["find", "move", "get"] as const).map((operation) => queryRetrieveClassUid("study", operation)),
  storageCommitmentClass,
  ct,
];
const associate = encodeAssociateRequest({
  callingAeTitle: "FUZZ",
  calledAeTitle: "GATE",
  applicationContext: "1.2.840.10008.3.1.1.1",
  contexts: classes.map((abstractSyntax, i) => ({
    id: 2 * i + 1,
    abstractSyntax,
    transferSyntaxes: [explicit],
  })),
  user: {
    maxPduBytes: 16_384,
    implementationClassUid: "1.2.3",
    roles: [ct, storageCommitmentClass].map((sopClassUid) => ({ sopClassUid, scu: true, scp: true })),
  },
});

const study = (): string => objects[0]!.textOf(tags.studyInstanceUid);
const identifier = (uid: string): Bytes =>
  encodeIdentifier(
    [textElement(0x00080052, "CS", "STUDY"), textElement(tags.studyInstanceUid, "UI", uid)],
    explicit,
  );

function messages(): readonly (readonly [number, CommandSet, Bytes])[] {
  const base = { hasDataSet: true, messageId: 1, priority: 0 };
  const commitment = { sopClassUid: storageCommitmentClass, sopInstanceUid: storageCommitmentInstance };
  const answer = { field: 0x8001, hasDataSet: false, respondedTo: 1, status: 0 };
  return [
    [1, { ...base, field: 0x20, sopClassUid: classes[0] }, identifier("")],
    [3, { ...base, field: 0x21, sopClassUid: classes[1], moveDestination: "NOBODY" }, identifier(study())],
    [5, { ...base, field: 0x10, sopClassUid: classes[2] }, identifier(study())],
    [7, { ...base, field: 0x100, ...commitment, eventTypeId: 1 }, identifier("1.2")],
    [9, { ...base, field: 1, sopClassUid: ct, sopInstanceUid: "1.2" }, identifier("1.2")],
    [9, answer, new Uint8Array(0)],
    [5, { field: 0xfff, hasDataSet: false, respondedTo: 1 }, new Uint8Array(0)],
  ];
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("message" as const), at: fc.nat(6) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("mutated" as const),
      at: fc.nat(6),
      place: fc.nat(400),
      byte: fc.nat(255),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("piece" as const),
      context: fc.constantFrom(1, 3, 5, 7, 9),
      control: fc.nat(3),
      bytes: fc.uint8Array({ maxLength: 100 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("garbage" as const), bytes: fc.uint8Array({ maxLength: 50 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const) }) },
);

function bytesOf(
  one: Exclude<typeof step extends fc.Arbitrary<infer One> ? One : never, { kind: "wait" }>,
): readonly Bytes[] {
  if (one.kind === "garbage") return [one.bytes];
  if (one.kind === "piece") return [dataPdu([one.context, one.control, one.bytes])];
  const [context, command, dataSet] = messages()[one.at]!;
  const pdus = [dataPdu([context, 3, encodeCommandSet(command)])];
  if (command.hasDataSet) pdus.push(dataPdu([context, 2, dataSet]));
  if (one.kind === "message") return pdus;
  const whole = Buffer.concat(pdus);
  whole[one.place % whole.length] = one.byte;
  return [whole];
}

it(
  "whatever comes: a good peer is served, and nothing stays behind",
  async () => {
    let ended = 0;
    let wake = (): void => undefined;
    const ends = (): void => {
      ended++;
      wake();
    };
    const archive = Object.assign(new MemoryArchive(objects), { ended: ends });
    const port = await serve(archive);
    const good = await open(port);
    const keys: Query["keys"] = [{ path: [tags.studyInstanceUid], match: { kind: "universal" } }];
    const everyStudy: Query = {
      root: "study",
      level: "STUDY",
      keys,
      isEverythingAsked: false,
      offset: 0,
      limit: undefined,
    };
    const end = fc.constantFrom("close", "destroy", "abort", "release");
    const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), end, async (steps, how) => {
      const socket = connect({ host: "127.0.0.1", port, noDelay: true });
      const raw = new RawPeer(socket);
      raw.send(associate);
      expect((await raw.pdu())?.[0]).toBe(2);
      for (const one of steps) {
        if (one.kind === "wait") await new Promise((resolve) => setImmediate(resolve));
        else if (socket.writable) raw.send(...bytesOf(one));
      }
      if (how === "abort" && socket.writable) raw.send(abortPdu);
      if (how === "release" && socket.writable) raw.send(releaseRequest);
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      if (how === "destroy") socket.destroy();
      else socket.end();
      let count = 0;
      for await (const _ of good.find(everyStudy)) count++;
      expect(count).toBe(1);
      socket.destroy();
      if (!socket.closed) await closed;
    });
    const until = performance.now() + minutes * 60_000;
    do await fc.assert(property, { numRuns: connections });
    while (performance.now() < until);
    await good.release();
    while (ended < archive.associations.length)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    expect(ended).toBe(archive.associations.length);
  },
  60_000 * (minutes + 1),
);
