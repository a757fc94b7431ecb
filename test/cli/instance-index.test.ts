/** `scanseal index` beside a running gate that has its index on. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sendAll } from "../gateway/network.ts";
import { freePorts, type GatewayRun, startGateway } from "./gateway-run.ts";
import { makeWorkplace, oneLine, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
let run: GatewayRun;
let ports: Awaited<ReturnType<typeof freePorts>>;
const config = (): string => place.path("scanseal-data/gateway.yaml");
const index = (...args: readonly string[]) => place.run("index", ...args);
const passed =
  (count: number) =>
  (output: string): boolean =>
    (output.match(/passed +unsealed/g) ?? []).length === count;

/** The filler is behind everything else. */
async function indexed(count: number): Promise<Record<string, unknown>> {
  for (let tries = 1; ; tries++) {
    const { stdout } = index("status", "--json");
    const status = JSON.parse(stdout) as Record<string, unknown>;
    if (status.instances === count || tries === 40) return status;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function start(...args: readonly string[]): Promise<void> {
  run = startGateway(place, "start", ...args);
  await run.until(/One line for each object/);
}

beforeAll(async () => {
  ports = await freePorts();
  await start("--port", String(ports.dicom), "--http-port", String(ports.http));
  await sendAll(ports.dicom, [sampleFile("2.25.1")], { calledAeTitle: "SCANSEAL" });
  await run.until(passed(1));
});
afterAll(async () => {
  run.signal("SIGTERM");
  await run.ended;
});

it("off by default; what was admitted before is found when it is turned on; killed between admission and index, nothing is missing", async () => {
  const before = index("status");
  expect(before.status).toBe(1);
  expect(before.stdout).toContain("0 of 1 admitted instances");
  expect(before.stdout).toContain("1 were admitted without an index: scanseal index rebuild");
  run.signal("SIGTERM");
  await run.ended;
  writeFileSync(config(), `index: true\n${readFileSync(config(), "utf8")}`);
  await start();
  expect(await indexed(1)).toMatchObject({
    isOn: true,
    admitted: 1,
    studies: 1,
    waiting: 0,
    problems: {},
    unknown: 0,
  });
  const files = Array.from({ length: 20 }, (_, n) => sampleFile(`2.25.1${n}`));
  await sendAll(ports.dicom, files, { calledAeTitle: "SCANSEAL" });
  await run.until((output) => /passed +unsealed/.test(output));
  run.signal("SIGKILL");
  await run.ended;
  await start();
  expect(await indexed(21)).toMatchObject({ admitted: 21, waiting: 0, problems: {}, unknown: 0 });
  expect(index("status").status).toBe(0);
});

it("finds, as a table and as DICOM JSON", () => {
  const found = index("find", "instance", "SOPInstanceUID=2.25.1", "--json");
  expect(found.status).toBe(0);
  const [match] = found.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, { Value?: unknown[] }>);
  expect(match!["00080018"]!.Value).toEqual(["2.25.1"]);
  expect(match!["00080056"]!.Value).toEqual(["ONLINE"]);
  expect(index("find", "study").stdout).toMatch(/StudyDate.*NumberOfStudyRelatedInstances/);
  expect(index("find", "instance", "--limit", "5").stdout.trim().split("\n").length).toBeGreaterThanOrEqual(
    6,
  );
  expect(index("find", "study", "PatientID=nobody")).toMatchObject({
    status: 1,
    stdout: "Nothing in the index fits.\n",
  });
  for (const args of [
    ["study", "NoSuchThing=1"],
    ["study", "StudyDate=soon"],
    ["study", "PatientID=a", "00100020=b"],
    ["study", "RequestAttributesSequence=1"],
  ])
    expect(index("find", ...args), args.join(" ")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(oneLine),
    });
  expect(index("find", "shelf").status).toBe(2);
});

it("rebuilds, beside the gate", async () => {
  const rebuilt = index("rebuild", "--json");
  expect(rebuilt.status).toBe(0);
  expect(JSON.parse(rebuilt.stdout)).toEqual({ kind: "index-rebuilt", derived: 21, added: 0, problems: {} });
  expect(await indexed(21)).toMatchObject({ admitted: 21, unknown: 0 });
});
