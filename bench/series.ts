/**
 * A series of 300 CT slices (512 x 512, 12 bits in 16) sealed with everything, as `scanseal seal` does it: marked, committed, signed twice,
 * remembered, written durably. Where the time goes, beside hashing the same bytes.
 *
 *   node bench/series.ts [SLICES]
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NewElement, textElement } from "../src/dicom/encode.ts";
import { readDicom } from "../src/dicom/read.ts";
import { type Edit, writeToBytes } from "../src/dicom/splice.ts";
import { tags } from "../src/dicom/tags.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { toBase64 } from "../src/foundation/bytes.ts";
import { enrolLocally } from "../src/keys/custody/local-enrolment.ts";
import { generateChestSeries } from "../src/phantom/chest-ct.ts";
import { nodeRandom } from "../src/platform/node/crypto.ts";
import { openDeviceSealing } from "../src/site/device-sealing.ts";
import { createHome, type SiteHome } from "../src/site/home.ts";
import { OutputFolder } from "../src/site/output-folder.ts";
import { feedAll, feedParts } from "../src/site/provenance/feeding.ts";
import { queueSeries } from "../src/site/provenance/log-feed.ts";
import { closeSeries } from "../src/site/provenance/series-run.ts";
import { stampPending, stampSource } from "../src/site/provenance/time-stamping.ts";
import { sealFile } from "../src/site/sealing-run.ts";
import type { ProvenanceJournal } from "../src/store/provenance/provenance-journal.ts";
import { authorityServer } from "../test/time-stamps/authority-server.ts";
import { OpensslAuthority } from "../test/time-stamps/openssl-authority.ts";

const slices = Number(process.argv[2] ?? 300);
const slicesOfChest = 30;
const folder = mkdtempSync(join(tmpdir(), "scanseal-series-"));

/** Milliseconds within calls, by name. Calls do not overlap: one slice after another. */
const spent = new Map<string, number>();

function add(name: string, ms: number): void {
  spent.set(name, (spent.get(name) ?? 0) + ms);
}

/** The same object whose named methods are timed. */
function timed<T extends object>(target: T, names: Readonly<Record<string, string>>): T {
  return new Proxy(target, {
    get(object, key) {
      const value: unknown = Reflect.get(object, key);
      if (typeof value !== "function") return value;
      const name = names[String(key)];
      if (name === undefined) return value.bind(object);
      return (...given: unknown[]): unknown => {
        const start = performance.now();
        const result: unknown = Reflect.apply(value, object, given);
        if (!(result instanceof Promise)) {
          add(name, performance.now() - start);
          return result;
        }
        return result.finally(() => add(name, performance.now() - start));
      };
    },
  });
}

/** Several chests, one series. */
async function inOneSeries(file: Uint8Array, instanceNumber: number): Promise<Uint8Array> {
  const put = (element: NewElement): Edit => ({ kind: "put", element });
  return writeToBytes(await readDicom(new MemorySource(file)), [
    put(textElement(tags.studyInstanceUid, "UI", "2.25.1")),
    put(textElement(tags.seriesInstanceUid, "UI", "2.25.2")),
    put(textElement(0x00200013, "IS", `${instanceNumber}`)),
  ]);
}

/** What follows a series: its manifest, its log entry and proofs, and a stamp for each seal from `openssl ts` behind HTTP on this machine. */
async function afterSealing(
  home: SiteHome,
  journal: ProvenanceJournal,
): Promise<readonly (readonly [string, number])[]> {
  const took = async (name: string, body: () => Promise<unknown>): Promise<readonly [string, number]> => {
    const begun = performance.now();
    await body();
    return [name, performance.now() - begun];
  };
  const rows = [
    await took("series manifest: signed, durable", () =>
      closeSeries("2.25.2", { home, journal, softwareVersion: "bench" }),
    ),
    await took("log: one entry, published, a proof for each seal, durable", async () => {
      await queueSeries(feedParts(journal), "2.25.2");
      await feedAll(home, journal, {});
    }),
  ];
  const authority = new OpensslAuthority(join(folder, "tsa"));
  const server = authorityServer((request) => authority.reply(request));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const settings = {
    url: `http://127.0.0.1:${port}/`,
    anchors: [toBase64(authority.anchor)],
    policies: [],
    crls: [],
  };
  const source = stampSource(settings);
  rows.push(
    await took("time stamps: asked, checked, durable (an openssl process for each)", () =>
      stampPending({ journal, source }),
    ),
  );
  server.close();
  return rows;
}

try {
  const paths: string[] = [];
  for (let chest = 1; paths.length < slices; chest++) {
    for (const { sopInstanceUid, file } of generateChestSeries({
      seed: chest,
      slices: slicesOfChest,
      studyDate: "20260101",
    })) {
      const path = join(folder, `${sopInstanceUid}.dcm`);
      writeFileSync(path, await inOneSeries(file, paths.length + 1));
      paths.push(path);
    }
  }
  const bytes = paths.map((path) => readFileSync(path));
  const hashing = performance.now();
  for (const one of bytes) createHash("sha256").update(one).digest();
  const hashMs = performance.now() - hashing;

  const home = await createHome(join(folder, "home"), { name: "Benchmark" });
  await enrolLocally(await home.openAuthority(), home.deviceFolder("ct1"), {
    device: { name: "ct1", aeTitle: "CT1", serialNumber: "1" },
    roles: ["capture"],
    passphrase: home.passphrase(),
    random: nodeRandom,
  });
  const sealing = await openDeviceSealing(home, "ct1", { softwareVersion: "bench" });
  const output = await OutputFolder.open(join(folder, "sealed"));
  let counter = sealing.counter.reserve(slices + 1).first;
  const { ports } = sealing;
  const watermark = ports.watermark && {
    ...ports.watermark,
    marker: timed(ports.watermark.marker, { mark: "watermark: embed, in a thread" }),
  };
  const run = {
    device: sealing.device,
    nextCounter: () => counter++,
    ports: { ...ports, watermark },
    seals: timed(sealing.seals, { keep: "seal kept, durable", find: "seal looked for" }),
    provenance: timed(sealing.provenance, { addSeal: "seal remembered, durable" }),
    output: timed(output, { write: "object written, durable", requireFree: "name looked for" }),
  };
  await sealFile(paths[0]!, run);
  spent.clear();
  const start = performance.now();
  for (const path of paths.slice(1)) await sealFile(path, run);
  await output.sync();
  const wholeMs = performance.now() - start;
  const after = await afterSealing(home, sealing.provenance);
  await sealing.close();
  const count = paths.length - 1;
  const rest = wholeMs - [...spent.values()].reduce((sum, ms) => sum + ms, 0);
  process.stdout.write(
    `${count} slices of ${(bytes[0]!.length / 1e6).toFixed(2)} MB: ${(wholeMs / 1000).toFixed(1)} s, ${(wholeMs / count).toFixed(1)} ms a slice, ${((1000 * count) / wholeMs).toFixed(0)} slices/s; hashing one: ${(hashMs / slices).toFixed(2)} ms (ratio ${(hashMs / slices / (wholeMs / count)).toFixed(3)})\n\n`,
  );
  process.stdout.write("| where | ms a slice | of it |\n| --- | ---: | ---: |\n");
  for (const [name, ms] of [...spent, ["reading, hashing, commitments, two signatures", rest] as const])
    process.stdout.write(
      `| ${name} | ${(ms / count).toFixed(2)} | ${((100 * ms) / wholeMs).toFixed(0)} % |\n`,
    );
  process.stdout.write(
    `\n| after sealing, nobody waits for it | s for ${count + 1} slices |\n| --- | ---: |\n`,
  );
  for (const [name, ms] of after) process.stdout.write(`| ${name} | ${(ms / 1000).toFixed(2)} |\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
