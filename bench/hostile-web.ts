/**
 * Hostile peers of DICOMweb against a gateway process, and what a good peer sees of it: `node bench/hostile-web.ts [seconds per attack]
 * [seconds of fuzzing] [seed] [part of an attack's name]`. Ends with status 1 on a crash, a refused or unanswered good peer, a search that takes
 * more than a second, memory over the bound, and handles that stay open.
 */

import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { deflateRawSync, gzipSync } from "node:zlib";
import { plainTextOf } from "../src/dicom/elements.ts";
import { encodeMeta } from "../src/dicom/encode.ts";
import { tags } from "../src/dicom/tags.ts";
import { deflatedUid } from "../src/dicom/transfer-syntax.ts";
import { concatBytes } from "../src/foundation/bytes.ts";
import { GoodWebPeer } from "../test/attacks/good-web-peer.ts";
import { HostileGateway } from "../test/attacks/hostile-gateway.ts";
import { parse } from "../test/evaluation/fixture.ts";
import { SeededRandom } from "../test/evaluation/seeded-random.ts";
import { multipartOf, multipartType } from "../test/gateway/web-request.ts";
import { peerPath } from "../test/peers.ts";
import expected from "../test/vectors/expected.json" with { type: "json" };
import { originalSlices } from "./bench-site.ts";

const [secondsEach = "4", fuzzSeconds = "60", seed = "1", part = ""] = process.argv.slice(2);
const answerMsMax = 1_000;
/** As for DIMSE (bench/hostile-network.ts), of the whole process. */
const megabytesMax = 768;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const text = (one: string): Uint8Array => new Uint8Array(Buffer.from(one, "latin1"));

class Foe {
  readonly #socket: Socket;
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  static open(localAddress = "127.0.0.1"): Promise<Foe | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port, localAddress, noDelay: true });
      socket.on("error", () => resolve(undefined));
      socket.once("connect", () => resolve(new Foe(socket)));
    });
  }

  get isOpen(): boolean {
    return this.#socket.writable;
  }

  /** Reads and forgets what comes; without it the foe is deaf. */
  listen(): this {
    this.#socket.resume();
    return this;
  }

  async push(bytes: Uint8Array): Promise<boolean> {
    if (!this.#socket.writable) return false;
    if (this.#socket.write(bytes)) return true;
    await Promise.race([
      new Promise<void>((resolve) => this.#socket.once("drain", resolve)),
      this.closed,
      until(),
    ]);
    return this.#socket.writable;
  }

  end(): void {
    this.#socket.destroy();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }
}

const metaOf = (instance: string, transferSyntax: string): Uint8Array =>
  encodeMeta(text(sealed.sopClassUid), text(instance), transferSyntax);

const gateway = await HostileGateway.start(() => originalSlices()[0]!, {
  objectSize: "96 MiB",
  quota: "1 GiB",
  spoolSize: "4 GiB",
});
const port = gateway.webPort;
const { sealed } = gateway;
const file = concatBytes([metaOf(sealed.sopInstanceUid, sealed.transferSyntaxUid), sealed.dataSet]);
const { elements } = await parse(file);
const uid = (tag: number): string => plainTextOf(elements, tag)!;
const study = `/studies/${uid(tags.studyInstanceUid)}`;
const at = `${study}/series/${uid(tags.seriesInstanceUid)}/instances/${sealed.sopInstanceUid}`;
const good = new GoodWebPeer({ port, file, at });

let overAt = 0;
const isOver = (): boolean => performance.now() > overAt;

const post = (length: number | "chunked", type = multipartType): Uint8Array =>
  text(
    `POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\n${length === "chunked" ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`}\r\n\r\n`,
  );
const get = (path: string): Uint8Array => text(`GET /dicom-web${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
const partHead = text("--a-b-c\r\nContent-Type: application/dicom\r\n\r\n");
const zeros = new Uint8Array(1 << 16);

/** `many` at once, each anew until the time is over. @returns how many times */
async function side(many: number, one: (i: number) => Promise<unknown>): Promise<number> {
  let count = 0;
  const lane = async (i: number): Promise<void> => {
    while (!isOver()) {
      await one(i);
      count++;
      await pause(0);
    }
  };
  await Promise.all(Array.from({ length: many }, (_, i) => lane(i)));
  return count;
}

async function held(foe: Foe | undefined): Promise<void> {
  if (foe) await Promise.race([foe.closed, until()]);
  foe?.end();
}

async function until(): Promise<void> {
  while (!isOver()) await pause(50);
}

/** A request that is written, and whose answer is read to the end of the connection or of patience. */
async function said(bytes: Uint8Array, patienceMs = 2_000): Promise<void> {
  const foe = await Foe.open();
  if (!foe) return;
  await foe.listen().push(bytes);
  await Promise.race([foe.closed, pause(patienceMs)]);
  foe.end();
}

async function stream(head: Uint8Array, piece: Uint8Array): Promise<void> {
  const foe = await Foe.open();
  if (!foe?.listen()) return;
  await foe.push(head);
  while (!isOver() && (await foe.push(piece)));
  foe.end();
}

const drip = async (head: Uint8Array, bytes: Uint8Array): Promise<void> => {
  const foe = await Foe.open();
  if (!foe?.listen()) return;
  await foe.push(head);
  for (let i = 0; !isOver() && foe.isOpen; i = (i + 1) % bytes.length) {
    await foe.push(bytes.subarray(i, i + 1));
    await pause(500);
  }
  foe.end();
};

const corpus = expected.hostile.map(
  ({ file: name }) => new Uint8Array(readFileSync(join(peerPath("corpus"), name))),
);
const bombs = [180, 512].map((mebibytes) =>
  concatBytes([
    metaOf("2.25.66", deflatedUid),
    new Uint8Array(deflateRawSync(new Uint8Array(mebibytes << 20))),
  ]),
);
const whole = (body: Uint8Array): Uint8Array => concatBytes([post(body.length), body]);

const attacks: readonly { readonly name: string; readonly run: () => Promise<number> }[] = [
  { name: "300 silent connections, one address", run: () => side(300, async () => held(await Foe.open())) },
  {
    name: "300 silent connections, 250 addresses",
    run: () => side(300, async (i) => held(await Foe.open(`127.0.1.${1 + (i % 250)}`))),
  },
  { name: "headers, a byte each half second, 64", run: () => side(64, () => drip(text("GET /"), text("a"))) },
  { name: "a body, a byte each half second, 16", run: () => side(16, () => drip(post(1e6), partHead)) },
  {
    name: "headers without end",
    run: () =>
      side(8, () =>
        stream(text("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"), text("X-Y: zzzzzzzz\r\n".repeat(500))),
      ),
  },
  {
    name: "a first line without end",
    run: () => side(8, () => stream(text("GET /"), text("a".repeat(65_536)))),
  },
  { name: "a body without a boundary", run: () => side(8, () => stream(post(1e12), zeros)) },
  {
    name: "parts without end, empty",
    run: () => side(8, () => stream(post(1e12), text("--a-b-c\r\n\r\n\r\n".repeat(2_000)))),
  },
  {
    name: "an object without end",
    run: () => side(8, () => stream(concatBytes([post(1e12), partHead, file]), zeros)),
  },
  {
    name: "chunks of one byte",
    run: () => side(8, () => stream(post("chunked"), text("1\r\n-\r\n".repeat(5_000)))),
  },
  {
    name: "requests pipelined, answers not read",
    run: () =>
      side(8, async () => {
        const foe = await Foe.open();
        const many = concatBytes(Array<Uint8Array>(200).fill(get("/instances")));
        while (!isOver() && (await foe?.push(many)));
        foe?.end();
      }),
  },
  {
    name: "the object asked for, and never read, 64",
    run: () =>
      side(64, async () => {
        const foe = await Foe.open();
        await foe?.push(get(at));
        await held(foe);
      }),
  },
  {
    name: "connect, ask, reset: as fast as it goes",
    run: () =>
      side(16, async () => {
        const foe = await Foe.open();
        await foe?.push(get(study));
        foe?.reset();
      }),
  },
  {
    name: "stores broken off, reset",
    run: () =>
      side(8, async () => {
        const foe = await Foe.open();
        await foe?.push(concatBytes([post(1e7), partHead, file.subarray(0, 300_000)]));
        foe?.reset();
      }),
  },
  {
    name: "searches with patterns",
    run: () => side(8, () => said(get("/instances?PatientName=*a*b*c*&includefield=all"), 500)),
  },
  {
    name: "pictures of 16,384 pixels",
    run: () => side(8, () => said(get(`${at}/rendered?viewport=16384,4096`), 1_000)),
  },
  {
    name: "false paths, UIDs, lists",
    run: () => side(8, (i) => said(get(`/studies/${"1.".repeat(i * 50)}/frames/${"1,".repeat(500)}`), 100)),
  },
  {
    name: "compressed bodies",
    run: () =>
      side(8, () => {
        const body = new Uint8Array(gzipSync(zeros));
        const head = text(
          `POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: gzip\r\nContent-Type: ${multipartType}\r\nContent-Length: ${body.length}\r\n\r\n`,
        );
        return said(concatBytes([head, body]), 100);
      }),
  },
  {
    name: "all hostile files of the corpus",
    run: () =>
      side(8, async (i) => {
        for (let at = i; at < corpus.length && !isOver(); at += 8)
          await said(whole(multipartOf([corpus[at]!])), 300);
      }),
  },
  { name: "deflate bombs", run: () => side(4, (i) => said(whole(multipartOf([bombs[i % 2]!])), 1_000)) },
];

/** One to four damages of a good request. */
function mutated(session: Uint8Array, random: SeededRandom): Uint8Array {
  const bytes = session.slice();
  for (let left = 1 + random.below(4); left > 0; left--) {
    const i = random.below(random.below(3) === 0 ? bytes.length : Math.min(bytes.length, 600));
    const n = random.below(40);
    if (random.below(3) === 0) bytes[i] = random.below(256);
    else if (random.below(2) === 0) bytes.copyWithin(i, random.below(bytes.length), bytes.length - n);
    else bytes.fill([0x0d, 0x0a, 0x2d, 0x20, 0x3a, 0x00, 0xff][random.below(7)]!, i, i + n);
  }
  return random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

const wado = (query: string): Uint8Array => text(`GET /wado?${query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
const accepts = [
  'multipart/related; type="application/dicom"; transfer-syntax=*',
  "application/dicom; transfer-syntax=1.2.840.10008.1.2.5",
  'multipart/related; type="application/octet-stream"; q=0.1, image/png;q=0.2, */*; q=0',
];

function chunked(body: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [post("chunked")];
  for (let i = 0; i < body.length; i += 20_000) {
    const piece = body.subarray(i, i + 20_000);
    parts.push(text(`${piece.length.toString(16)}\r\n`), piece, text("\r\n"));
  }
  return concatBytes([...parts, text("0\r\n\r\n")]);
}

async function fuzz(): Promise<number> {
  const random = new SeededRandom("http", seed);
  const sessions = [
    whole(multipartOf([file])),
    whole(multipartOf([corpus[0]!, file.subarray(0, 2_000)])),
    ...["", "/metadata", "/frames/1", "/rendered?viewport=64,64", "/bulkdata/7FE00010"].map((end) =>
      get(`${at}${end}`),
    ),
    ...[
      "/thumbnail",
      "/frames/1,1,1,2",
      "/rendered?window=40,400,linear&quality=1",
      "/bulkdata/00100010",
    ].map((end) => get(`${at}${end}`)),
    ...["", "/metadata", "/series", "/instances?includefield=all", "/rendered"].map((end) =>
      get(`${study}${end}`),
    ),
    get("/studies?PatientID=1&includefield=all&limit=3"),
    get("/instances?StudyDate=20260101-20261231&PatientName=A*%5EB%3F&ModalitiesInStudy=CT%5CMR&offset=0"),
    get("/series?00080060=CT&0020000D=1.2.3,1.2.4&fuzzymatching=true&limit=100000000"),
    wado("requestType=WADO&studyUID=1&seriesUID=2&objectUID=3"),
    wado(
      `requestType=WADO&studyUID=${uid(tags.studyInstanceUid)}&seriesUID=${uid(tags.seriesInstanceUid)}&objectUID=${sealed.sopInstanceUid}&contentType=image/png&rows=64`,
    ),
    ...accepts.map((accept) =>
      text(
        `GET /dicom-web${at} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: ${accept}\r\nRange: bytes=5-9\r\n\r\n`,
      ),
    ),
    chunked(multipartOf([file])),
    text(`OPTIONS /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://a\r\n\r\n`),
  ];
  return side(8, async () => {
    const foe = await Foe.open();
    if (!foe) return pause(5);
    foe.listen();
    const bytes = mutated(sessions[random.below(sessions.length)]!, random);
    const piece = [1, 7, 1_460, 65_536, 1 << 20][random.below(5)]!;
    for (let at = 0, sent = 0; at < bytes.length && sent < 500; at += piece, sent++)
      if (!(await foe.push(bytes.subarray(at, sent === 499 ? bytes.length : at + piece)))) break;
    await Promise.race([foe.closed, pause(random.below(8) === 0 ? 300 : 15)]);
    if (random.below(2) === 0) foe.reset();
    else foe.end();
  });
}

const problems: string[] = [];

async function measure(name: string, run: () => Promise<number>, seconds: number): Promise<void> {
  gateway.resetPeak();
  good.begin();
  await pause(300);
  overAt = performance.now() + seconds * 1_000;
  const count = await run();
  const { asked, slowestMs, failures } = await good.end();
  const { search, read, store } = slowestMs;
  const { peak, now } = gateway.memory();
  const end = performance.now() + 60_000;
  while (gateway.handles() > baseline && performance.now() < end) await pause(200);
  if (failures.length > 0)
    problems.push(`${name}: ${failures.length} of ${asked} failed, first: ${failures[0]}`);
  if (search > answerMsMax) problems.push(`${name}: slowest search ${search.toFixed(0)} ms`);
  if (peak > megabytesMax) problems.push(`${name}: peak ${peak.toFixed(0)} MiB`);
  if (gateway.handles() > baseline) problems.push(`${name}: ${gateway.handles()} handles stay`);
  const times = [search, read, store].map((ms) => ms.toFixed(0)).join(" / ");
  console.log(`| ${name} | ${count} | ${times} (${asked}) | ${peak.toFixed(0)} | ${now.toFixed(0)} |`);
}

// What the good peer reads is stored first; threads are started when something asks for them.
await said(whole(multipartOf([file])), 1_000);
for (const end of ["/rendered", "/frames/1"]) await said(get(`${at}${end}`), 1_000);
good.begin();
await pause(3_000);
await good.end();
const baseline = gateway.handles() + 8;
console.log(
  "| attack | done | good peer: slowest search / read / store, ms (asked) | peak RSS, MiB | after |",
);
console.log("| --- | ---: | --- | ---: | ---: |");
await measure("nothing", () => side(1, () => pause(100)), Number(secondsEach));
for (const { name, run } of attacks)
  if (name.includes(part) && Number(secondsEach) > 0) await measure(name, run, Number(secondsEach));
if (Number(fuzzSeconds) > 0)
  await measure(`fuzzing, seed ${seed}, ${fuzzSeconds} s`, fuzz, Number(fuzzSeconds));
await good.close();
if (!gateway.isRunning) problems.push("the gateway ended");
const { status, errors } = await gateway.stop();
if (status !== 0 || errors !== "") problems.push(`the gateway's end: ${status} ${errors}`);
const admitted = (await gateway.rows()).filter(({ state }) => state === "admitted");
if (new Set(admitted.map(({ digest }) => digest)).size !== 1) problems.push(`admitted: ${admitted.length}`);
await gateway.remove();
console.log(problems.length === 0 ? "nothing found" : problems.join("\n"));
process.exit(problems.length === 0 ? 0 : 1);
