/**
 * Runs benchmarks and prints one Markdown table each, for bench/RESULTS.md.
 *
 *   npm run bench                    all
 *   npm run bench -- NAME...         some
 *   npm run bench -- --list          their names
 */
import { cpus } from "node:os";
import { checkingLarge, checkingSlices } from "./checking.ts";
import type { Benchmark, Measured } from "./compare.ts";
import { gateway } from "./gateway.ts";
import { hashPort } from "./hash-port.ts";
import { journal } from "./journal.ts";
import { marking } from "./marking.ts";
import { folder, oneObject } from "./processes.ts";
import { reading } from "./reading.ts";
import { rendering } from "./rendering.ts";
import { sealing } from "./sealing.ts";
import { spool } from "./spool.ts";
import { watermark } from "./watermark.ts";

const benchmarks: readonly Benchmark[] = [
  hashPort,
  reading,
  checkingSlices,
  ...checkingLarge,
  sealing,
  oneObject,
  folder,
  spool,
  journal,
  watermark,
  marking,
  gateway,
  rendering,
];

const asked = process.argv.slice(2);
const unknown = asked.filter(
  (name) => name !== "--list" && !benchmarks.some((benchmark) => benchmark.name === name),
);

if (unknown.length > 0) {
  process.stderr.write(`no benchmark is called ${unknown.join(", ")}; --list shows what there is\n`);
  process.exitCode = 2;
} else if (asked.includes("--list")) {
  for (const { name, about } of benchmarks) process.stdout.write(`${name}: ${about}\n`);
} else {
  process.stdout.write(
    `Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}\n`,
  );
  for (const benchmark of benchmarks) {
    if (asked.length > 0 && !asked.includes(benchmark.name)) continue;
    process.stdout.write(`\n## ${benchmark.name}\n\n${benchmark.about}\n\n`);
    process.stdout.write(`${tableOf(await benchmark.measure()).join("\n")}\n`);
  }
}

function tableOf(rows: readonly Measured[]): string[] {
  const lines = rows.map(({ name, medianMs, megabytesPerSecond, ratio, quietRatio, spread }) => {
    const rate = megabytesPerSecond?.toFixed(0) ?? "";
    return `| ${name} | ${medianMs.toFixed(2)} | ${rate} | ${ratio.toFixed(2)} | ${quietRatio.toFixed(2)} | ${(spread * 100).toFixed(0)} % |`;
  });
  return [
    "| candidate | ms (median) | MB/s | ratio | ratio of the quietest tenth | spread |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
  ];
}
