/** `scanseal deliveries add`: an archive that comes after the first scans, beside a running gate. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ReceivingArchive, sendAll } from "../gateway/network.ts";
import { freePorts, type GatewayRun, startGateway } from "./gateway-run.ts";
import { makeWorkplace, oneLine, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
let archive: ReceivingArchive;
let run: GatewayRun;

beforeAll(async () => {
  archive = await ReceivingArchive.open(0);
  const ports = await freePorts();
  run = startGateway(place, "start", "--port", String(ports.dicom), "--http-port", String(ports.http));
  await run.until(/One line for each object/);
  const files = ["2.25.1", "2.25.2"].map((uid) => sampleFile(uid));
  await sendAll(ports.dicom, files, { calledAeTitle: "SCANSEAL" });
  await run.until((output) => (output.match(/passed +unsealed/g) ?? []).length === 2);
});
afterAll(async () => {
  run.signal("SIGTERM");
  await run.ended;
  await archive.close();
});

const add = (...args: readonly string[]) => place.run("deliveries", "add", ...args);

it("the gate tells of what is kept here only, and the command sends it, once", async () => {
  expect(add("archive", "--all-kept")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("no such destination"),
  });
  const path = place.path("scanseal-data/gateway.yaml");
  const at = `host: 127.0.0.1, port: ${archive.port}`;
  const destinations = `destinations: [{name: archive, ${at}, aeTitle: ARCHIVE}, {name: place, takes: released, ${at}, aeTitle: PLACE}]`;
  writeFileSync(path, readFileSync(path, "utf8").replace(/^destinations:/m, destinations));
  await run.until(
    /2 objects are kept here only; to send them: npx scanseal deliveries add archive --all-kept/,
  );
  for (const args of [["archive"], ["archive", "--all-kept", "--study", "1"], ["place", "--all-kept"]])
    expect(add(...args)).toMatchObject({ status: 2, stderr: expect.stringMatching(oneLine) });
  expect(add("archive", "--instance", "2.25.404").status).toBe(2);
  expect(archive.received).toEqual([]);
  const one = add("archive", "--instance", "2.25.1");
  expect(one).toMatchObject({ status: 0, stdout: expect.stringContaining("1 object is due at archive") });
  const rest = add("archive", "--all-kept");
  expect(rest.stdout).toMatch(/1 object is due at archive/);
  await run.until((output) => (output.match(/delivered +/g) ?? []).length === 2);
  expect(archive.received).toHaveLength(2);
  expect(add("archive", "--all-kept")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("Nothing is kept here that archive has not got"),
  });
});
