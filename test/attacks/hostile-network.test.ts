/** Hostile DIMSE against the real gateway process: what others see of it, in the order things happen. bench/hostile-network.ts does it for minutes. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { concatBytes } from "../../src/foundation/bytes.ts";
import { abortPdu, dataPdu } from "../dicom-network/raw-peer.ts";
import { SeededRandom } from "../evaluation/seeded-random.ts";
import {
  associate,
  dataSetPdus,
  echoCommand,
  implicitLittleEndian,
  openPixelData,
  pdu,
  storeCommand,
  verification,
} from "./dimse-wire.ts";
import { Foe, type FoeOptions } from "./foe.ts";
import type { GoodPeer } from "./good-peer.ts";
import { HostileGateway } from "./hostile-gateway.ts";
import { slice } from "./objects.ts";
import { garbageSession, mutatedSession } from "./pdu-mutations.ts";

/** Of the whole process. Idle it has 180; the attacks of minutes in bench/RESULTS.md peak below it too. */
const megabytesMax = 768;
/** Segments of the spool, the archive's and the workers' pipes come and go. */
const spareHandles = 10;

let gateway: HostileGateway;
let peers: readonly GoodPeer[];
let handlesBefore: number;

beforeAll(async () => {
  gateway = await HostileGateway.start((site) => site.write("a.dcm", slice()), {
    objectSize: "2 MiB",
    quota: "64 MiB",
    spoolSize: "256 MiB",
  });
  peers = [gateway.goodPeer("far"), gateway.goodPeer("near"), gateway.goodPeer("far", "tls")];
  await expectService();
  handlesBefore = gateway.handles();
});

afterAll(async () => {
  for (const peer of peers ?? []) await peer.close();
  await gateway?.remove();
});

const foes: Foe[] = [];
afterEach(() => {
  for (const foe of foes.splice(0)) foe.reset();
});

/** Each good peer has its C-ECHO answered and its sealed slice stored, now. */
async function expectService(): Promise<void> {
  for (const peer of peers) {
    const { echoes, stores, failures } = await peer.once();
    expect({ echoes, stores, failures }).toEqual({ echoes: 1, stores: 1, failures: [] });
  }
  expect(gateway.memory().peak).toBeLessThan(megabytesMax);
}

async function opened(
  count: number,
  port: number,
  options?: (i: number) => FoeOptions,
): Promise<readonly Foe[]> {
  const all = await Promise.all(Array.from({ length: count }, (_, i) => Foe.open(port, options?.(i))));
  const made = all.filter((foe) => foe !== undefined);
  foes.push(...made);
  return made;
}

/** The gateway learns of the end of what a test before left a moment later: until then the source has no association left. */
async function associated(): Promise<Foe> {
  let foe = await Foe.associated(gateway.plainPort);
  for (let i = 0; !foe && i < 200; i++) {
    await peers[0]!.once();
    foe = await Foe.associated(gateway.plainPort);
  }
  foes.push(foe!);
  return foe!;
}

/** The type of the PDU that ends it: our abort or rejection. Undefined where the connection is closed without a word. */
async function endOf(foe: Foe, bytes: Uint8Array): Promise<number | undefined> {
  foe.send(bytes);
  let type: number | undefined;
  do type = (await foe.pdu())?.[0];
  while (type !== undefined && type !== rejectPdu && type !== abortPduType);
  // We wait for the peer to close.
  foe.end();
  return type;
}

async function endOfRequest(bytes: Uint8Array): Promise<number | undefined> {
  const [foe] = await opened(1, gateway.plainPort);
  return endOf(foe!, bytes);
}

/** PS3.8 9.3.1. */
const rejectPdu = 3;
const abortPduType = 7;

describe("connections that say nothing, or too slowly", () => {
  it("300 silent ones from one address, and from 300, keep nobody out", async () => {
    const address = (i: number): FoeOptions => ({ localAddress: `127.0.1.${1 + (i % 250)}` });
    await opened(300, gateway.plainPort);
    await expectService();
    await opened(300, gateway.plainPort, address);
    await expectService();
  });

  it("300 half TLS handshakes keep nobody out", async () => {
    const half = await opened(300, gateway.tlsPort);
    // A TLS 1.2 record of a handshake, of which a piece comes.
    for (const foe of half) foe.send(Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3));
    await expectService();
  });

  it("one more connection is open than may be: the oldest silent one goes", async () => {
    const all = await opened(200, gateway.plainPort);
    await Promise.any(all.map((foe) => foe.closed));
    expect(all.at(-1)!.isOpen).toBe(true);
  });

  it("requests, headers and data sets that stand still are waited for beside the others", async () => {
    for (const foe of await opened(20, gateway.plainPort)) foe.send(associate().subarray(0, 70));
    for (let i = 0; i < 6; i++) {
      const foe = await associated();
      foe.send(
        i % 2 === 0
          ? storeCommand().subarray(0, 8)
          : concatBytes([storeCommand(), dataPdu([3, 0, openPixelData(900)])]),
      );
    }
    await expectService();
  });
});

describe("false PDUs", () => {
  it("false lengths, contexts and titles are aborted or rejected", async () => {
    const context = { id: 1, abstractSyntax: verification, transferSyntaxes: [implicitLittleEndian] };
    const body = associate().subarray(6);
    for (const length of [0, 0xffffffff, body.length - 7])
      expect(await endOfRequest(pdu(1, body, length))).toBe(abortPduType);
    for (const contexts of [[], [context, context], [{ ...context, id: 2 }]])
      expect(await endOfRequest(associate({ contexts }))).toBe(abortPduType);
    for (const title of ["", "\r\nFORGED", "\u0000", "\u001b[2J", "A\\B"]) {
      expect(await endOfRequest(associate({ calling: title }))).toBe(rejectPdu);
      expect(await endOfRequest(associate({ called: title }))).toBe(rejectPdu);
    }
    for (const maxPduBytes of [1, 7]) expect(await endOfRequest(associate({ maxPduBytes }))).toBe(rejectPdu);
    await expectService();
  });

  it("data that no association may carry is aborted, and nothing is acknowledged", async () => {
    const one = dataPdu([1, 3, new Uint8Array(8)]).subarray(6);
    const bad = [
      ...[0, 5, 131_073, 0xffffffff].map((length) => pdu(4, one, length)),
      dataPdu([1, 0, new Uint8Array(0)]),
      dataPdu([3, 2, new Uint8Array(100)]),
      dataPdu([99, 3, echoCommand().subarray(12)]),
      concatBytes([storeCommand(), storeCommand()]),
      concatBytes([storeCommand(), dataPdu([5, 2, new Uint8Array(10)])]),
      dataPdu([3, 1, new Uint8Array(9_000)], [3, 1, new Uint8Array(9_000)]),
    ];
    for (const bytes of bad) expect(await endOf(await associated(), bytes)).toBe(abortPduType);
    await expectService();
  });

  it("maximal proposals are answered", async () => {
    const contexts = Array.from({ length: 128 }, (_, i) => ({
      id: 2 * i + 1,
      abstractSyntax: verification,
      transferSyntaxes: Array.from({ length: 32 }, (__, k) => `1.2.3.${k}`),
    }));
    for (let i = 0; i < 20; i++) {
      const [foe] = await opened(1, gateway.plainPort);
      foe!.send(associate({ contexts }));
      expect((await foe!.pdu())?.[0]).toBe(2);
      foe!.end();
    }
    await expectService();
  });
});

describe("floods", () => {
  it("PDVs of one byte: others are answered while they come", async () => {
    const many = pdu(
      4,
      concatBytes(Array.from({ length: 18_000 }, () => dataPdu([3, 0, Uint8Array.of(0)]).subarray(6))),
    );
    for (let i = 0; i < 8; i++) {
      const foe = await associated();
      foe.send(storeCommand());
      for (let k = 0; k < 12; k++) foe.send(many);
    }
    await expectService();
  });

  it("a command in too many pieces, one without end, and one that is too long end the association", async () => {
    const tiny = Array.from({ length: 65 }, () => [3, 1, Uint8Array.of(0)] as const);
    expect(await endOf(await associated(), dataPdu(...tiny))).toBe(abortPduType);
    expect(await endOf(await associated(), dataPdu([3, 3, new Uint8Array(16_385)]))).toBe(abortPduType);
  });

  it("an object without end is refused at the limit, and the association ends some time after", async () => {
    const foe = await associated();
    foe.send(concatBytes([storeCommand(), dataPdu([3, 0, openPixelData(0xfffffffe)])]));
    const piece = dataPdu([3, 0, new Uint8Array(120_000)]);
    let sent = 0;
    while (sent < 256 << 20 && (await foe.push(piece))) sent += piece.length;
    expect(sent).toBeLessThan(256 << 20);
    await expectService();
  });

  it("whoever does not read the answers is held back", async () => {
    for (let i = 0; i < 8; i++) {
      const foe = await associated();
      foe.socket.pause();
      const echoes = concatBytes(Array.from({ length: 5_000 }, () => echoCommand()));
      for (let k = 0; k < 10; k++) foe.send(echoes);
    }
    await expectService();
  });

  it("unfinished objects on every association of a source: a ninth is rejected, others are served", async () => {
    for (let i = 0; i < 8; i++) {
      const foe = await associated();
      foe.send(concatBytes([storeCommand(), dataPdu([3, 0, openPixelData(1 << 20)])]));
      for (let k = 0; k < 8; k++) await foe.push(dataPdu([3, 0, new Uint8Array(120_000)]));
    }
    expect(await endOfRequest(associate())).toBe(rejectPdu);
    await expectService();
  });
});

describe("endings", () => {
  it("1,000 associations aborted or reset in every phase leave no handle", async () => {
    const phases = [
      associate().subarray(0, 100),
      associate(),
      concatBytes([associate(), storeCommand()]),
      concatBytes([associate(), storeCommand(), dataPdu([3, 0, openPixelData(1_000)])]),
      concatBytes([associate(), storeCommand(), dataPdu([3, 0, openPixelData(1_000)]).subarray(0, 9)]),
    ];
    for (let i = 0; i < 200; i++) {
      await Promise.all(
        phases.map(async (phase, k) => {
          const foe = await Foe.open(gateway.plainPort);
          foe?.send(phase);
          if (k === 1) {
            await foe?.pdu();
            foe?.send(abortPdu);
            await foe?.closed;
          } else if (i % 2 === 0) foe?.reset();
          else foe?.end();
        }),
      );
    }
    // Each answer comes after some more of what ended before has been noticed.
    for (let i = 0; i < 50 && gateway.handles() > handlesBefore + spareHandles; i++) await expectService();
    expect(gateway.handles()).toBeLessThanOrEqual(handlesBefore + spareHandles);
    await expectService();
  });

  it("mutated sessions and garbage: it goes on, and admits nothing that is not whole", async () => {
    const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet } = gateway.sealed;
    const contexts = [
      { id: 1, abstractSyntax: verification, transferSyntaxes: [implicitLittleEndian] },
      { id: 3, abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntaxUid] },
    ];
    const command = storeCommand(3, sopInstanceUid, sopClassUid);
    const session = concatBytes([
      associate({ contexts }),
      echoCommand(),
      command,
      dataSetPdus(3, dataSet, 1_000),
    ]);
    const random = new SeededRandom("hostile network");
    for (let i = 0; i < 300; i++) {
      const foe = await Foe.open(gateway.plainPort);
      // All of it and the end of the connection: what waits for more is not waited for.
      foe?.socket.end(random.below(3) === 0 ? garbageSession(random) : mutatedSession(session, random));
      await foe?.closed;
    }
    await expectService();
    expect(gateway.isRunning).toBe(true);
    expect(await gateway.stop()).toEqual({ status: 0, errors: "" });
    const rows = await gateway.rows();
    const admitted = rows.filter(({ state }) => state === "admitted" || state === "resolved");
    expect(admitted.map(({ source }) => source)).toEqual(["good"]);
    // Each was answered with success once, and is there once.
    expect(rows.filter(({ source }) => source === "good").length).toBeGreaterThan(10);
  });
});
