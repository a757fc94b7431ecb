/**
 * Seeded streams of PDUs, sound, spoiled and invented, against both roles: each ends in order, and leaves nothing behind.
 * SCANSEAL_FUZZ_MINUTES=10 runs for that long instead of a fixed number of streams; a failure names its seed.
 */
import { duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import { accepting, options, peer, request } from "../../../../test/dicom-network/played-association.ts";
import {
  abortPdu,
  dataPdu,
  RawPeer,
  releaseRequest,
  releaseResponse,
} from "../../../../test/dicom-network/raw-peer.ts";
import { type Bytes, concatBytes, u32be } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { AssociationEnd } from "../association.ts";
import { acceptConnection } from "./accept-connection.ts";
import { encodeAssociateAccept, encodeAssociateRequest } from "./pdu-associate.ts";
import { requestAssociation } from "./request-association.ts";
import type { DataIndication, UpperLayerAssociation } from "./upper-layer.ts";

const minutes = Number(process.env.SCANSEAL_FUZZ_MINUTES ?? 0);
/** In `npm test`. */
const streams = 1_500;

/** mulberry32: 0 to 1. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class Fuzzer {
  readonly random: () => number;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  bytes(length: number): Bytes {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  data(): Bytes {
    const values = Array.from({ length: 1 + this.below(3) }, (): [number, number, Bytes] => [
      this.below(20) === 0 ? this.below(256) : 1,
      this.below(4),
      this.bytes(this.below(10) === 0 ? 0 : 1 + this.below(300)),
    ]);
    return dataPdu(...values);
  }

  /** Any type, any length, told or true. */
  invented(): Bytes {
    const body = this.bytes(this.below(50));
    const length = [body.length, 4, 0xffffffff, this.below(0x20000)][this.below(4)]!;
    return concatBytes([Uint8Array.of(this.below(10), this.below(2)), u32be(length), body]);
  }

  /** A few bytes changed, or the end cut. */
  spoiled(bytes: Bytes): Bytes {
    const out = bytes.slice();
    for (let i = this.below(4); i > 0; i--) out[this.below(out.length)] = this.below(256);
    return this.below(3) === 0 ? out.subarray(0, this.below(out.length)) : out;
  }

  stream(opening: Bytes): Bytes {
    const parts = [this.below(3) === 0 ? this.spoiled(opening) : opening];
    for (let i = this.below(8); i > 0; i--) {
      const kinds: (() => Bytes)[] = [
        () => this.data(),
        () => this.data(),
        () => this.data(),
        () => this.spoiled(this.data()),
        () => this.invented(),
        () => this.bytes(this.below(40)),
        () => releaseRequest,
        () => releaseResponse,
        () => abortPdu,
        () => opening,
      ];
      parts.push(kinds[this.below(kinds.length)]!());
    }
    return concatBytes(parts);
  }

  chunks(stream: Bytes): Bytes[] {
    const out: Bytes[] = [];
    for (let at = 0; at < stream.length; ) {
      const next = at + 1 + this.below(this.below(2) === 0 ? 10 : 500);
      out.push(stream.slice(at, next));
      at = next;
    }
    return out;
  }

  /** Takes data now or later; sometimes fails, sometimes sends, releases or aborts. */
  indication(association: UpperLayerAssociation, isOver: () => boolean): DataIndication {
    return () => {
      expect(isOver()).toBe(false);
      switch (this.below(40)) {
        case 0:
          throw new Error("fuzz");
        case 1:
          return Promise.reject(new ScansealError("storage-full", "fuzz"));
        case 2:
          association.abort("fuzz");
          return;
        case 3:
          void association.release();
          return;
        case 4:
          return association.send(1, { isCommand: true, isLast: true }, new Uint8Array(10));
        case 5:
          return new Promise((resolve) => setImmediate(resolve));
        case 6:
          return Promise.resolve();
      }
    };
  }
}

const acceptance = encodeAssociateAccept(
  {
    contexts: [{ id: 1, result: 0, transferSyntax: request.contexts[0]!.transferSyntaxes[0]! }],
    user: { maxPduBytes: 0, implementationClassUid: "1.2" },
  },
  new Uint8Array(64),
);

/** One stream against one role; what we say must be PDUs that this role may say. */
async function play(seed: number): Promise<AssociationEnd["kind"]> {
  const fuzz = new Fuzzer(seed);
  const [client, ours] = duplexPair();
  const raw = new RawPeer(client);
  let isOver = false;
  const isAcceptor = fuzz.below(2) === 0;
  const onOpen = (association: UpperLayerAssociation) => fuzz.indication(association, () => isOver);
  let ended: Promise<AssociationEnd>;
  if (isAcceptor) {
    const decision =
      fuzz.below(10) === 0 ? { reject: { result: 1, source: 1, reason: 1 } as const } : accepting(onOpen);
    const isLater = fuzz.below(2) === 0;
    ended = acceptConnection(
      ours,
      peer,
      () => (isLater ? Promise.resolve(decision) : decision),
      options,
    ).ended;
  } else {
    ended = requestAssociation(ours, peer, request, onOpen, options).then(
      (association) => association.ended,
      (error: unknown) => {
        expect(error).toBeInstanceOf(ScansealError);
        return { kind: "lost", why: "" } as const;
      },
    );
  }
  for (const chunk of fuzz.chunks(fuzz.stream(isAcceptor ? encodeAssociateRequest(request) : acceptance))) {
    if (client.writable) client.write(chunk);
    if (fuzz.below(4) === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  client.end();
  const end = await ended;
  isOver = true;
  const allowed = isAcceptor ? [2, 3, 4, 5, 6, 7] : [1, 4, 5, 6, 7];
  for (let pdu = await raw.pdu(); pdu !== undefined; pdu = await raw.pdu()) expect(allowed).toContain(pdu[0]);
  if (!ours.closed) await new Promise<void>((resolve) => ours.once("close", () => resolve()));
  for (const name of ["data", "error", "drain"]) expect(ours.listenerCount(name), name).toBe(0);
  return end.kind;
}

describe("fuzz", () => {
  it(
    "every stream ends in order",
    async () => {
      const until = Date.now() + minutes * 60_000;
      const first = minutes > 0 ? Date.now() : 1;
      const kinds = new Map<string, number>();
      let played = 0;
      for (; minutes > 0 ? Date.now() < until : played < streams; played++) {
        try {
          const kind = await play(first + played);
          kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        } catch (error) {
          throw new Error(`seed ${first + played}`, { cause: error });
        }
      }
      // The streams reach every kind of end.
      expect([...kinds.keys()].sort()).toEqual(["aborted", "lost", "rejected", "released"]);
      if (minutes > 0)
        console.info(`${played} streams`, Object.fromEntries(kinds), process.memoryUsage().rss);
    },
    minutes * 60_000 + 120_000,
  );
});
