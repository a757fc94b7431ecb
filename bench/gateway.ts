/**
 * The gate as it is installed, beside receivers that hash nothing and make nothing durable. Every object is new to the gate, sealed, verified
 * and fsynced; storescu sends. Needs `npm run build`.
 */
import { join } from "node:path";
import { benchSite } from "./bench-site.ts";
import type { Benchmark, Measured } from "./compare.ts";
import {
  type GatewayProcess,
  type Receiver,
  send,
  startGateway,
  startOrthanc,
  startStorescp,
  storescpTls,
} from "./gateway-peers.ts";
import { makeSlices, type SliceSet } from "./gateway-slices.ts";
import { writeLargeObject } from "./large-object.ts";

const slices = 400;
const rounds: number = Number(process.env.SCANSEAL_BENCH_ROUNDS ?? 5);
/** Not measured: a gate that has just been started is still being compiled. */
const warmUpRounds = 2;
/** 600 frames: 315 MB. */
const largeFrames = 600;
/** A large receive buffer and PDU, bytes written as they come, a process for each association. */
const tuned: readonly string[] = ["--fork", "+B", "-pdu", "131072"];

/** References, by their place. */
const names = {
  0: "storescp, 1 association",
  3: "storescp tuned, 4 associations",
  5: "storescp, mutual TLS",
} as const;

interface Contestant {
  readonly name: string;
  readonly associations: number;
  /** Whose speed it is compared with: the place of another one in the list; its own place for a reference. */
  readonly against: keyof typeof names;
  readonly receiver: Receiver;
  readonly gateway?: GatewayProcess;
  readonly times: number[];
  /** Until every object had its verdict. */
  readonly verified: number[];
  readonly verdicts: number[];
  cpuMs: number;
}

function contestant(
  name: string,
  associations: number,
  against: keyof typeof names,
  receiver: Receiver | GatewayProcess,
): Contestant {
  const gateway = "verified" in receiver ? { gateway: receiver } : {};
  return {
    name,
    associations,
    against,
    receiver,
    ...gateway,
    times: [],
    verified: [],
    verdicts: [],
    cpuMs: 0,
  };
}

/** Made one after another; of a part of them with SCANSEAL_BENCH_ONLY=0,1 (7: the large object). */
const entrants: readonly (() => Promise<Contestant>)[] = [
  async () => contestant(names[0], 1, 0, await startStorescp("stock")),
  async () => contestant("gateway, 1 association", 1, 0, await startGateway("plain")),
  async () => contestant("Orthanc, 1 association", 1, 0, await startOrthanc()),
  async () => contestant(names[3], 4, 3, await startStorescp("tuned", tuned)),
  async () => contestant("gateway, 4 associations", 4, 3, await startGateway("four")),
  async () => contestant(names[5], 1, 5, await startStorescp("tls", await storescpTls())),
  async () => contestant("gateway, mutual TLS", 1, 5, await startGateway("tls", { tls: true })),
];

const only: readonly number[] | undefined = process.env.SCANSEAL_BENCH_ONLY?.split(",").map(Number);

async function contestants(): Promise<Contestant[]> {
  const all: Contestant[] = [];
  for (const [i, enter] of entrants.entries()) if (!only || only.includes(i)) all.push(await enter());
  return all;
}

function dealt(paths: readonly string[], hands: number): string[][] {
  return Array.from({ length: hands }, (_, hand) => paths.filter((_, i) => i % hands === hand));
}

async function run(one: Contestant, set: SliceSet, sent: number, isMeasured: boolean): Promise<void> {
  const { gateway, receiver } = one;
  const cpuBefore = gateway?.cpuMs() ?? 0;
  const start = performance.now();
  const ms = await send(receiver, dealt(set.paths, one.associations));
  await gateway?.verified(sent + slices);
  const verifiedMs = performance.now() - start;
  await receiver.settle();
  if (!isMeasured) return;
  one.times.push(ms);
  if (!gateway) return;
  one.verified.push(verifiedMs);
  one.verdicts.push(...gateway.verdictMs(sent));
  one.cpuMs += gateway.cpuMs() - cpuBefore;
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))]!;
}

function row(
  name: string,
  times: readonly number[],
  bytes: number | undefined,
  reference: readonly number[],
): Measured {
  const medianMs = quantile(times, 0.5);
  return {
    name,
    medianMs,
    spread: (Math.max(...times) - Math.min(...times)) / medianMs,
    megabytesPerSecond: bytes === undefined ? undefined : bytes / 1000 / medianMs,
    ratio: quantile(reference, 0.5) / medianMs,
    quietRatio: quantile(reference, 0.1) / quantile(times, 0.1),
  };
}

function rowsOf(one: Contestant, all: readonly Contestant[], bytes: number): Measured[] {
  const reference = (all.find(({ name }) => name === names[one.against]) ?? one).times;
  const { gateway, name, times, verified, verdicts, cpuMs } = one;
  if (!gateway) return [row(name, times, bytes, reference)];
  const cpu = (cpuMs / times.length / (bytes / 1e6)).toFixed(1);
  const peak = gateway.peakMemory().toFixed(0);
  const more = [
    row(`${name}, all acknowledged`, times, bytes, reference),
    row(`${name}, all verified (CPU ${cpu} ms/MB, peak RSS ${peak} MiB)`, verified, bytes, reference),
  ];
  for (const part of [0.5, 0.99]) {
    const ms = quantile(verdicts, part);
    more.push(row(`${name}, last byte to verdict, p${part * 100}`, [ms], undefined, [ms]));
  }
  return more;
}

/** One object that fits into no memory the gate may take. */
async function largeObject(): Promise<Measured[]> {
  const site = await benchSite();
  const paths: string[] = [];
  let bytes = 0;
  for (let i = 0; i <= rounds; i++) {
    const path = join(site.subfolder("large-original"), `${i}.dcm`);
    // A frame more each time: another object, with another UID.
    bytes = writeLargeObject(path, largeFrames + i);
    paths.push(await site.seal(path, site.subfolder("large")));
  }
  const storescp = await startStorescp("large", tuned);
  const gateway = await startGateway("large");
  const reference: number[] = [];
  const times: number[] = [];
  const verified: number[] = [];
  for (const [i, path] of paths.entries()) {
    const referenceMs = await send(storescp, [[path]]);
    await storescp.settle();
    const start = performance.now();
    const ms = await send(gateway, [[path]]);
    await gateway.verified(i + 1);
    const verifiedMs = performance.now() - start;
    await gateway.settle();
    if (i === 0) continue;
    reference.push(referenceMs);
    times.push(ms);
    verified.push(verifiedMs);
  }
  const peak = gateway.peakMemory().toFixed(0);
  await storescp.stop();
  await gateway.stop();
  return [
    row("one object of 315 MB: storescp tuned", reference, bytes, reference),
    row(`one object of 315 MB: gateway, acknowledged (peak RSS ${peak} MiB)`, times, bytes, reference),
    row("one object of 315 MB: gateway, verified", verified, bytes, reference),
  ];
}

export const gateway: Benchmark = {
  name: "gateway",
  about: `${slices} sealed CT slices of 0.53 MB from storescu (TCP_NODELAY=1), in ${rounds} interleaved rounds. The ratio is to the receiver above that is no gateway.`,
  async measure(): Promise<readonly Measured[]> {
    const all = await contestants();
    let bytes = 0;
    for (let round = 0; round < warmUpRounds + rounds; round++) {
      const set = await makeSlices(slices);
      bytes = set.bytes;
      for (const one of all) await run(one, set, round * slices, round >= warmUpRounds);
    }
    const rows = all.flatMap((one) => rowsOf(one, all, bytes));
    for (const { receiver } of all) await receiver.stop();
    return only && !only.includes(entrants.length) ? rows : [...rows, ...(await largeObject())];
  },
};
