/**
 * The good peer, a process of its own: a C-ECHO every so often, each on a new association, and a C-STORE now and then, while others attack.
 * Started by good-peer.ts, told what to do by its first message.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { fromBase64 } from "../../src/foundation/bytes.ts";
import { RawPeer, releaseRequest } from "../dicom-network/raw-peer.ts";
import {
  associate,
  dataSetPdus,
  echoCommand,
  storeCommand,
  verification,
  type WireContext,
} from "./dimse-wire.ts";
import type { GoodPeerAnswer, GoodPeerOrder, GoodPeerTask } from "./good-peer.ts";

/** An answer that takes longer is none. */
const patienceMs = 30_000;

let task: GoodPeerTask;
let timers: NodeJS.Timeout[] = [];
let underWay = 0;
let told: { -readonly [K in keyof GoodPeerAnswer]: GoodPeerAnswer[K] };
let onQuiet: (() => void) | undefined;

function fresh(): typeof told {
  return { echoes: 0, slowestEchoMs: 0, stores: 0, slowestStoreMs: 0, failures: [] };
}

function open(): Promise<Socket> {
  const { port, localAddress, tls } = task;
  return new Promise((resolve, reject) => {
    const common = { host: "127.0.0.1", port, localAddress };
    const socket = tls
      ? connectTls({
          ...common,
          ca: tls.authority,
          cert: tls.certificate,
          key: tls.key,
          rejectUnauthorized: true,
        })
      : connect({ ...common, noDelay: true });
    socket.once(tls ? "secureConnect" : "connect", () => resolve(socket));
    socket.on("error", reject);
    socket.setTimeout(patienceMs, () => socket.destroy(new Error(`no answer for ${patienceMs} ms`)));
  });
}

/** One association with one operation. @returns ms to its response */
async function operate(contexts: readonly WireContext[], message: Bytes): Promise<number> {
  const started = performance.now();
  const socket = await open();
  try {
    const peer = new RawPeer(socket);
    peer.send(associate({ calling: task.callingTitle, contexts }));
    const accepted = await peer.pdu();
    if (accepted?.[0] !== 2)
      throw new Error(accepted ? `association: PDU ${accepted.join(" ")}` : "association: closed");
    peer.send(message);
    const response = await peer.pdu();
    if (response?.[0] !== 4)
      throw new Error(response ? `response: PDU ${response.join(" ")}` : "response: closed");
    const status = statusOf(response);
    const ms = performance.now() - started;
    if (status !== 0) throw new Error(`status ${status.toString(16)}`);
    peer.send(releaseRequest);
    await peer.pdu();
    return ms;
  } finally {
    socket.destroy();
  }
}

/** (0000,0900) of the response in the only PDV of a PDU. */
function statusOf(response: Bytes): number {
  const view = new DataView(response.buffer, response.byteOffset, response.length);
  for (let at = 12; at + 8 <= response.length; at += 8 + view.getUint32(at + 4, true))
    if (view.getUint16(at + 2, true) === 0x0900) return view.getUint16(at + 8, true);
  return -1;
}

async function watched(what: string, run: () => Promise<void>): Promise<void> {
  underWay++;
  try {
    await run();
  } catch (error) {
    told.failures = [...told.failures, `${what}: ${error instanceof Error ? error.message : error}`];
  }
  underWay--;
  if (underWay === 0) onQuiet?.();
}

const echoContext: WireContext = {
  id: 1,
  abstractSyntax: verification,
  transferSyntaxes: ["1.2.840.10008.1.2"],
};

async function echo(): Promise<void> {
  const ms = await operate([echoContext], echoCommand());
  told.echoes++;
  told.slowestEchoMs = Math.max(told.slowestEchoMs, ms);
}

async function store(): Promise<void> {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet } = task.object!;
  const context = { id: 1, abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntaxUid] };
  const bytes = fromBase64(dataSet);
  const command = storeCommand(1, sopInstanceUid, sopClassUid);
  const ms = await operate([context], Buffer.concat([command, dataSetPdus(1, bytes, 65_536)]));
  told.stores++;
  told.slowestStoreMs = Math.max(told.slowestStoreMs, ms);
}

function begin(): void {
  told = fresh();
  const startEcho = (): void => void watched("C-ECHO", echo);
  const startStore = (): void => void watched("C-STORE", store);
  startEcho();
  timers = [setInterval(startEcho, task.echoEveryMs)];
  if (task.object) {
    startStore();
    timers.push(setInterval(startStore, task.storeEveryMs));
  }
}

/** Waits for what is under way. */
async function end(): Promise<void> {
  for (const timer of timers) clearInterval(timer);
  if (underWay > 0) {
    await new Promise<void>((resolve) => {
      onQuiet = resolve;
    });
  }
  onQuiet = undefined;
  process.send!(told);
}

async function once(): Promise<void> {
  told = fresh();
  await watched("C-ECHO", echo);
  if (task.object) await watched("C-STORE", store);
  process.send!(told);
}

process.on("message", (order: GoodPeerOrder) => {
  if (order.kind === "task") task = order.task;
  else if (order.kind === "begin") begin();
  else if (order.kind === "once") void once();
  else void end();
});
process.once("disconnect", () => process.exit(0));
