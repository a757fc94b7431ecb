import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  abortPdu,
  dataPdu,
  releaseRequest,
  releaseResponse,
  wire,
} from "../../../../test/dicom-network/raw-peer.ts";
import { type Bytes, concatBytes, u32be } from "../../../foundation/bytes.ts";
import { abortReason, pduType } from "./pdu.ts";
import { PduReader, type PduSink } from "./pdu-reader.ts";

const limits = { maxPduBytes: 4096, associatePduBytesMax: 65_536 };

/** What a reader said, with the pieces of a PDV put together again. */
type Said =
  | { readonly pdu: number; readonly body: number[] }
  | {
      readonly context: number;
      readonly isCommand: boolean;
      readonly isLast: boolean;
      readonly bytes: number[];
    }
  | { readonly fault: number };

class Recorder implements PduSink {
  readonly said: Said[] = [];
  pieces = 0;
  bodies = 0;
  /** Asked after each piece. */
  wait: () => Promise<void> | undefined = () => undefined;
  #open: { context: number; isCommand: boolean; bytes: number[] } | undefined;

  begin(): "take" {
    this.flush(false);
    return "take";
  }

  pdu(type: number, body: Bytes): void {
    this.bodies++;
    this.said.push({ pdu: type, body: [...body] });
  }

  value(value: Parameters<PduSink["value"]>[0]): Promise<void> | undefined {
    this.pieces++;
    const { contextId: context, isCommand } = value;
    if (this.#open?.context !== context || this.#open.isCommand !== isCommand) this.flush(false);
    this.#open ??= { context, isCommand, bytes: [] };
    this.#open.bytes.push(...value.bytes);
    if (value.isLast) this.flush(true);
    return this.wait();
  }

  isOpen(contextId: number): boolean {
    return contextId % 2 === 1;
  }

  fault(reason: number): void {
    this.flush(false);
    this.said.push({ fault: reason });
  }

  flush(isLast: boolean): void {
    if (this.#open !== undefined) this.said.push({ ...this.#open, isLast });
    this.#open = undefined;
  }
}

/** Reads a stream cut at the given places. */
function read(stream: Bytes, cuts: readonly number[] = []): Said[] {
  const recorder = new Recorder();
  const reader = new PduReader(recorder, limits);
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  for (let i = 1; i < places.length; i++) {
    reader.feed(stream.slice(places[i - 1], places[i]));
    expect(reader.run()).toBeUndefined();
  }
  recorder.flush(false);
  return recorder.said;
}

const payload = fc.uint8Array({ minLength: 1, maxLength: 60 });
const pdv = fc.tuple(
  fc.nat(127).map((n) => 2 * n + 1),
  fc.nat(3),
  payload,
);
const pdu = fc.oneof(
  fc.array(pdv, { minLength: 1, maxLength: 4 }).map((values) => dataPdu(...values)),
  fc.constantFrom(releaseRequest, releaseResponse, abortPdu),
  fc
    .uint8Array({ minLength: 1, maxLength: 100 })
    .map((body) => concatBytes([Uint8Array.of(1, 0), u32be(body.length), body])),
);

describe("fragmentation", () => {
  it("any split of a stream into chunks gives the same PDUs and PDVs", () => {
    fc.assert(
      fc.property(
        fc.array(pdu, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (pdus, cuts) => {
          const stream = concatBytes(pdus);
          expect(read(stream, cuts)).toEqual(read(stream));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("byte by byte", () => {
    const stream = concatBytes([
      dataPdu([1, 3, wire("0102")], [3, 0, wire("03")]),
      dataPdu([3, 2, wire("")], [5, 2, wire("0405")]),
      releaseRequest,
    ]);
    const expected: Said[] = [
      { context: 1, isCommand: true, isLast: true, bytes: [1, 2] },
      { context: 3, isCommand: false, isLast: false, bytes: [3] },
      { context: 3, isCommand: false, isLast: true, bytes: [] },
      { context: 5, isCommand: false, isLast: true, bytes: [4, 5] },
      { pdu: pduType.releaseRequest, body: [0, 0, 0, 0] },
    ];
    expect(read(stream)).toEqual(expected);
    expect(read(stream, Array.from(stream.keys()))).toEqual(expected);
  });

  it("P-DATA is handed on as it comes, as views of the chunk; isLast only with the last piece", () => {
    const stream = dataPdu([1, 2, new Uint8Array(1000)]);
    const seen: [number, boolean, boolean][] = [];
    const recorder = new Recorder();
    const chunks = [stream.slice(0, 500), stream.slice(500, 501), stream.slice(501)];
    let chunk = 0;
    const reader = new PduReader(
      Object.assign(Object.create(recorder) as PduSink, {
        value: ({ bytes, isLast }: { bytes: Bytes; isLast: boolean }): undefined => {
          seen.push([bytes.length, isLast, bytes.buffer === chunks[chunk]!.buffer]);
        },
        begin: () => "take",
        isOpen: () => true,
      }),
      limits,
    );
    for (; chunk < chunks.length; chunk++) {
      reader.feed(chunks[chunk]!);
      reader.run();
    }
    expect(seen).toEqual([
      [488, false, true],
      [1, false, true],
      [511, true, true],
    ]);
  });

  it("stops at a promise and goes on when called again", () => {
    const recorder = new Recorder();
    recorder.wait = () => Promise.resolve();
    const reader = new PduReader(recorder, limits);
    reader.feed(concatBytes([dataPdu([1, 0, wire("01")], [1, 2, wire("02")]), releaseRequest]));
    expect(reader.run()).toBeInstanceOf(Promise);
    expect(recorder.pieces).toBe(1);
    expect(reader.run()).toBeInstanceOf(Promise);
    expect(recorder.said).toEqual([{ context: 1, isCommand: false, isLast: true, bytes: [1, 2] }]);
    expect(reader.run()).toBeUndefined();
    expect(recorder.said).toHaveLength(2);
  });

  it("skips the rest of a PDU, whatever part of it has come", () => {
    const data = dataPdu([1, 0, wire("0102030405060708")], [1, 2, wire("09")]);
    for (let at = 1; at < data.length; at++) {
      const recorder = new Recorder();
      const reader = new PduReader(recorder, limits);
      reader.feed(data.subarray(0, at));
      reader.run();
      const before = recorder.pieces;
      reader.skip();
      reader.feed(concatBytes([data.subarray(at), releaseRequest]));
      reader.run();
      // A header that has not come whole is of no PDU yet.
      if (at >= 6) expect(recorder.pieces).toBe(before);
      expect(recorder.said.at(-1)).toEqual({ pdu: pduType.releaseRequest, body: [0, 0, 0, 0] });
    }
  });
});

describe("lies", () => {
  it.each<[string, Bytes, number]>([
    ["a P-DATA of 4 GB", wire("04 00 ffffffff"), abortReason.invalidParameter],
    ["a P-DATA one above the maximum", wire("04 00 00001001"), abortReason.invalidParameter],
    ["a P-DATA without a PDV", wire("04 00 00000000"), abortReason.invalidParameter],
    ["a P-DATA too short for a PDV", wire("04 00 00000005"), abortReason.invalidParameter],
    ["an A-ASSOCIATE-RQ of 4 GB", wire("01 00 ffffffff"), abortReason.invalidParameter],
    ["an A-ASSOCIATE-AC over the limit", wire("02 00 00010001"), abortReason.invalidParameter],
    ["an empty A-ASSOCIATE-RQ", wire("01 00 00000000"), abortReason.invalidParameter],
    ["an A-ABORT of 5 bytes", wire("07 00 00000005"), abortReason.invalidParameter],
    ["an A-RELEASE-RQ of 0 bytes", wire("05 00 00000000"), abortReason.invalidParameter],
    ["an A-ASSOCIATE-RJ of 4 GB", wire("03 00 ffffffff"), abortReason.invalidParameter],
    ["type 0", wire("00 00 00000004"), abortReason.unrecognizedPdu],
    ["type 8", wire("08 00 00000004"), abortReason.unrecognizedPdu],
    ["HTTP", wire("'GET / HTTP/1.1'"), abortReason.unrecognizedPdu],
    ["a TLS hello", wire("16 03 01 02 00 01"), abortReason.unrecognizedPdu],
    ["a PDV of length 0", wire("04 00 00000006 00000000 01 00"), abortReason.invalidParameter],
    ["a PDV of length 1", wire("04 00 00000006 00000001 01 00"), abortReason.invalidParameter],
    ["a PDV longer than its PDU", wire("04 00 00000008 00000005 01 00 0000"), abortReason.invalidParameter],
    ["a PDV of 4 GB", wire("04 00 00000008 ffffffff 01 00 0000"), abortReason.invalidParameter],
    [
      "bytes after the last PDV",
      wire("04 00 0000000b 00000004 01 00 0000 000000"),
      abortReason.invalidParameter,
    ],
    [
      "an empty PDV that is not the last",
      wire("04 00 00000006 00000002 01 00"),
      abortReason.invalidParameter,
    ],
    ["a context that is not open", wire("04 00 00000008 00000004 02 00 0000"), abortReason.invalidParameter],
  ])("%s is a fault once, and nothing after it is read", (_, stream, reason) => {
    const all = concatBytes([stream, releaseRequest, abortPdu]);
    expect(read(all)).toEqual([{ fault: reason }]);
    expect(read(all, Array.from(all.keys()))).toEqual([{ fault: reason }]);
  });

  it("garbage never throws", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        (stream, cuts) => {
          expect(read(stream, cuts)).toEqual(read(stream));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

it("a flood of tiny PDVs lets other connections have their turn", async () => {
  const recorder = new Recorder();
  const reader = new PduReader(recorder, { ...limits, maxPduBytes: 131_072 });
  const count = 1_000;
  const tiny = Array.from({ length: count }, () => [1, 0, Uint8Array.of(7)] as const);
  reader.feed(dataPdu(...tiny));
  let turns = 0;
  let others = 0;
  setImmediate(() => others++);
  for (let pending = reader.run(); pending; pending = reader.run()) {
    turns++;
    await pending;
  }
  expect({ pieces: recorder.pieces, others }).toEqual({ pieces: count, others: 1 });
  expect(turns).toBeGreaterThan(1);
});
