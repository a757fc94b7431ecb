/**
 * Hostile peers against a gateway process, and what a good peer sees of it: `node bench/hostile-network.ts [seconds per attack] [seconds of
 * fuzzing] [seed] [part of an attack's name]`. Ends with status 1 on a crash, a refused or unanswered good peer, an answer after more than a second,
 * memory over the bound, handles that stay open, and an object that was admitted without being whole.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { deflateRawSync } from "node:zlib";
import { encodeMeta } from "../src/dicom/encode.ts";
import { startDimseServer } from "../src/dicom-network/dimse/server.ts";
import { type Bytes, concatBytes, fromLatin1, viewOf } from "../src/foundation/bytes.ts";
import {
  associate,
  ctStorage,
  dataSetPdus,
  deflated,
  echoCommand,
  explicitLittleEndian,
  implicitLittleEndian,
  storeCommand,
} from "../test/attacks/dimse-wire.ts";
import { Foe } from "../test/attacks/foe.ts";
import type { GoodPeer, GoodPeerAnswer } from "../test/attacks/good-peer.ts";
import { GoodWebPeer } from "../test/attacks/good-web-peer.ts";
import { HostileGateway } from "../test/attacks/hostile-gateway.ts";
import {
  type Attack,
  attacks,
  type Battlefield,
  type HostileDataSet,
} from "../test/attacks/hostile-peers.ts";
import { garbageSession, mutatedSession } from "../test/attacks/pdu-mutations.ts";
import { readingSession } from "../test/attacks/reading-sessions.ts";
import { releaseRequest } from "../test/dicom-network/raw-peer.ts";
import { SeededRandom } from "../test/evaluation/seeded-random.ts";
import { peerPath } from "../test/peers.ts";
import expected from "../test/vectors/expected.json" with { type: "json" };
import { originalSlices } from "./bench-site.ts";

const [secondsEach = "10", fuzzSeconds = "600", seed = "1", part = ""] = process.argv.slice(2);
const answerMsMax = 1_000;
/** Resident set of the whole process, its two examining workers and their codecs included. */
const megabytesMax = 768;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (ms === 0) setImmediate(resolve);
    else setTimeout(resolve, ms);
  });
}

/** What a TLS client says first. */
async function recordHello(): Promise<Bytes> {
  const { promise, resolve } = Promise.withResolvers<Bytes>();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (hello: Bytes) => {
      resolve(new Uint8Array(hello));
      socket.destroy();
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  connectTls({ port: (server.address() as { port: number }).port, host: "127.0.0.1" }).on(
    "error",
    () => undefined,
  );
  const hello = await promise;
  server.close();
  return hello;
}

/** The data set of a file whose meta information may be anything. */
function hostileDataSet(name: string): HostileDataSet {
  const file = new Uint8Array(readFileSync(join(peerPath("corpus"), name)));
  let at = Buffer.from(file.subarray(128, 132)).toString("latin1") === "DICM" ? 132 : 0;
  let transferSyntax = at === 0 ? implicitLittleEndian : explicitLittleEndian;
  const view = viewOf(file);
  while (at > 0 && at + 12 <= file.length && view.getUint16(at, true) === 2) {
    const isLong = Buffer.from(file.subarray(at + 4, at + 6)).toString("latin1") === "OB";
    const length = isLong ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true);
    const start = at + (isLong ? 12 : 8);
    const uid = Buffer.from(file.subarray(start, start + length))
      .toString("latin1")
      .replace(/[\0 ]+$/, "");
    if (view.getUint16(at + 2, true) === 0x10 && /^[0-9.]+$/.test(uid)) transferSyntax = uid;
    at = start + length;
  }
  return { name, transferSyntax, sopClassUid: ctStorage, dataSet: file.subarray(Math.min(at, file.length)) };
}

function bomb(mebibytes: number): HostileDataSet {
  const uid = Buffer.from("08001600", "hex");
  // Explicit VR: what deflate carries.
  const element = (tag: Bytes, vr: string, value: string): Bytes =>
    concatBytes([tag, Buffer.from(vr), Uint8Array.of(value.length, 0), Buffer.from(value)]);
  const head = concatBytes([
    element(uid, "UI", `${ctStorage}\0`),
    element(Buffer.from("08001800", "hex"), "UI", "2.25.66\0"),
    Buffer.from("e07f10004f420000", "hex"),
    new Uint8Array(new Uint32Array([mebibytes << 20]).buffer),
  ]);
  const dataSet = deflateRawSync(concatBytes([head, new Uint8Array(mebibytes << 20)]));
  return { name: `${mebibytes} MiB`, transferSyntax: deflated, sopClassUid: ctStorage, dataSet };
}

/** Takes what the fuzzing has moved to it, and forgets it. */
const sink = await startDimseServer(
  { host: "127.0.0.1", port: 0 },
  {
    admit: () => ({
      accept: (_, [transferSyntax]) => (transferSyntax === undefined ? { refuse: 4 } : { transferSyntax }),
    }),
    store: () => ({ write: () => undefined, end: async () => ({ code: 0 }), cancel: () => undefined }),
  },
);
const gateway = await HostileGateway.start(() => originalSlices()[0]!, {
  objectSize: "96 MiB",
  quota: "1 GiB",
  spoolSize: "4 GiB",
  sinkPort: sink.port,
});
const { sealed } = gateway;
const sealedContext = [
  { id: 3, abstractSyntax: sealed.sopClassUid, transferSyntaxes: [sealed.transferSyntaxUid] },
];
const goodSession = concatBytes([
  associate({
    contexts: [
      { id: 1, abstractSyntax: "1.2.840.10008.1.1", transferSyntaxes: [implicitLittleEndian] },
      ...sealedContext,
    ],
  }),
  echoCommand(),
  storeCommand(3, sealed.sopInstanceUid, sealed.sopClassUid),
  dataSetPdus(3, sealed.dataSet, 30_000),
  releaseRequest,
]);

let overAt = 0;
const field: Battlefield = {
  plainPort: gateway.plainPort,
  tlsPort: gateway.tlsPort,
  clientHello: await recordHello(),
  goodSession,
  hostile: expected.hostile.map(({ file }) => hostileDataSet(file)),
  bombs: [bomb(180), bomb(512)],
  isOver: () => performance.now() > overAt,
  pause,
};

const problems: string[] = [];
const peers: readonly [string, GoodPeer][] = [
  ["another address", gateway.goodPeer("far")],
  ["the same address", gateway.goodPeer("near")],
  ["another address, TLS", gateway.goodPeer("far", "tls")],
];

/** Handles of a gateway that nobody talks to. */
async function quietHandles(most: number): Promise<number> {
  const end = performance.now() + 30_000;
  while (gateway.handles() > most && performance.now() < end) await pause(200);
  return gateway.handles();
}

/** Some are a reader's questions as they are. */
function fuzzed(random: SeededRandom): Bytes {
  switch (random.below(8)) {
    case 0:
    case 1:
      return garbageSession(random);
    case 2:
    case 3:
      return mutatedSession(goodSession, random);
    case 4:
    case 5:
      return readingSession(sealed, random);
    default:
      return mutatedSession(readingSession(sealed, random), random);
  }
}

/** 0 where it is no whole PDU. */
function firstPduBytes(session: Bytes): number {
  const length = session.length < 6 ? session.length : 6 + viewOf(session).getUint32(2);
  return length > session.length ? 0 : length;
}

async function fuzz(): Promise<string> {
  const random = new SeededRandom("pdu", seed);
  let sessions = 0;
  let bytes = 0;
  let answered = 0;
  const one = async (): Promise<void> => {
    while (!field.isOver()) {
      const foe = await Foe.open(field.plainPort);
      if (!foe) {
        await pause(5);
        continue;
      }
      const session = fuzzed(random);
      sessions++;
      bytes += session.length;
      const pieces = [1, 7, 1_460, 65_536, 1 << 20][random.below(5)]!;
      const first = random.below(4) === 0 ? 0 : firstPduBytes(session);
      if (first > 0) {
        // What follows before the answer is an error of its own.
        await foe.push(session.subarray(0, first));
        await Promise.race([foe.pdu(), pause(100)]);
      }
      for (let at = first, sent = 0; at < session.length && sent < 2_000; at += pieces, sent++)
        if (!(await foe.push(session.subarray(at, sent === 1_999 ? session.length : at + pieces)))) break;
      const patience = random.below(3) === 0 ? 300 : 15;
      await Promise.race([foe.closed, foe.rest(), pause(patience)]);
      answered += foe.socket.bytesRead;
      if (random.below(2) === 0) foe.reset();
      else foe.end();
    }
  };
  await Promise.all(Array.from({ length: 7 }, one));
  const [sent, received] = [bytes, answered].map((count) => (count / 1e6).toFixed(0));
  return `seed ${seed}: ${sessions} sessions, ${sent} MB, ${received} MB answered`;
}

function judge(name: string, answers: readonly GoodPeerAnswer[], peak: number): string[] {
  answers.forEach(({ failures, slowestEchoMs }, i) => {
    const who = `${name}: good peer at ${peers[i]![0]}`;
    if (failures.length > 0) problems.push(`${who}: ${failures.length} failed, first: ${failures[0]}`);
    if (slowestEchoMs > answerMsMax) problems.push(`${who}: slowest answer ${slowestEchoMs.toFixed(0)} ms`);
  });
  if (peak > megabytesMax) problems.push(`${name}: peak ${peak.toFixed(0)} MB`);
  return answers.map(
    ({ echoes, slowestEchoMs, stores, slowestStoreMs, failures }) =>
      `${slowestEchoMs.toFixed(0)} (${echoes}) / ${slowestStoreMs.toFixed(0)} (${stores})${failures.length > 0 ? ` ${failures.length} failed` : ""}`,
  );
}

async function measure({ name, run }: Attack, seconds: number): Promise<void> {
  const before = await quietHandles(baseline);
  gateway.resetPeak();
  for (const [, peer] of peers) peer.begin();
  await pause(300);
  overAt = performance.now() + seconds * 1_000;
  const done = await run(field);
  const answers = await Promise.all(peers.map(([, peer]) => peer.end()));
  const { peak, now } = gateway.memory();
  const after = await quietHandles(baseline);
  if (after > baseline) problems.push(`${name}: ${after} handles stay, ${baseline} before`);
  const cells = [
    name,
    done,
    ...judge(name, answers, peak),
    peak.toFixed(0),
    now.toFixed(0),
    `${before} / ${after}`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

// The spool's first segments, the workers' codecs.
for (const [, peer] of peers) await peer.once();
await pause(1_000);
const baseline = gateway.handles() + 8;
console.log(
  `ms: slowest C-ECHO (count) / C-STORE (count), from connecting to the response; RSS in MiB: ${gateway.memory().now.toFixed(0)} before`,
);
console.log(
  `| attack | done | ${peers.map(([name]) => name).join(" | ")} | peak RSS | RSS after | handles before / after |`,
);
console.log("| --- | --- | --- | --- | --- | ---: | ---: | ---: |");
await measure(
  {
    name: "nothing",
    run: async (at) => {
      while (!at.isOver()) await pause(100);
      return "-";
    },
  },
  Number(secondsEach),
);
for (const attack of attacks)
  if (attack.name.includes(part) && Number(secondsEach) > 0) await measure(attack, Number(secondsEach));
if (Number(fuzzSeconds) > 0) {
  const file = concatBytes([
    encodeMeta(fromLatin1(sealed.sopClassUid), fromLatin1(sealed.sopInstanceUid), sealed.transferSyntaxUid),
    sealed.dataSet,
  ]);
  const at = `/studies/${sealed.studyInstanceUid}/series/${sealed.seriesInstanceUid}/instances/${sealed.sopInstanceUid}`;
  const reader = new GoodWebPeer({ port: gateway.webPort, file, at });
  reader.begin();
  await measure({ name: "PDU fuzzing", run: fuzz }, Number(fuzzSeconds));
  const { asked, slowestMs, failures } = await reader.end();
  const slowest = Math.max(slowestMs.search, slowestMs.read);
  const times = [slowestMs.search, slowestMs.read, slowestMs.store].map((ms) => ms.toFixed(0)).join(" / ");
  console.log(`a reader over DICOMweb meanwhile: slowest search / read / store ${times} ms, ${asked} asked`);
  if (failures.length > 0) problems.push(`reader: ${failures.length} failed, first: ${failures[0]}`);
  if (slowest > answerMsMax) problems.push(`reader: slowest answer ${slowest.toFixed(0)} ms`);
  await reader.close();
}

for (const [, peer] of peers) await peer.close();
await sink.close();
if (!gateway.isRunning) problems.push("the gateway ended");
const { status, errors } = await gateway.stop();
if (status !== 0 || errors !== "") problems.push(`the gateway's end: ${status} ${errors}`);
const rows = await gateway.rows();
const admitted = rows.filter(({ state }) => state === "admitted");
const whole = new Set(
  rows.filter(({ source, state }) => source === "good" && state === "admitted").map(({ digest }) => digest),
);
const wrong = rows.filter(
  ({ state, digest }) => (state === "admitted" || state === "resolved") && !whole.has(digest),
);
if (whole.size !== 1 || wrong.length > 0)
  problems.push(`admitted: ${whole.size} good, ${wrong.length} others`);
const states = Map.groupBy(rows, ({ source, state }) => `${source} ${state}`);
console.log(
  [...states].map(([name, { length }]) => `${name}: ${length}`).join(", "),
  `(${admitted.length} admitted)`,
);
await gateway.remove();
console.log(problems.length === 0 ? "nothing found" : problems.join("\n"));
process.exit(problems.length === 0 ? 0 : 1);
