/** A gate whose source has `receipts: true`: what it lets in unsealed is vouched for from then on. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sendAll } from "../gateway/network.ts";
import { freePorts, type GatewayRun, startGateway } from "./gateway-run.ts";
import { makeWorkplace, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
let run: GatewayRun;
let port: number;

beforeAll(async () => {
  const ports = await freePorts();
  port = ports.dicom;
  const args = ["start", "--port", String(port), "--http-port", String(ports.http)];
  run = startGateway(place, ...args);
  await run.until(/One line for each object/);
  run.signal("SIGTERM");
  await run.ended;
  const path = place.path("scanseal-data/gateway.yaml");
  const text = readFileSync(path, "utf8");
  const changed = text.replace(/^( +)mode: observe$/m, "$1mode: observe\n$1receipts: true");
  expect(changed).not.toBe(text);
  writeFileSync(path, changed);
  run = startGateway(place, "start");
  await run.until(/One line for each object/);
});
afterAll(async () => {
  run.signal("SIGTERM");
  await run.ended;
});

const judged = (path: string): string => {
  const { stdout } = place.run("verify", "--json", path);
  return (JSON.parse(stdout) as { verdict: string }).verdict;
};

it("an unsealed object is let in, and received from then on; a change of it is held in observe", async () => {
  place.write("1.dcm", sampleFile("2.25.1"));
  place.write("changed.dcm", sampleFile("2.25.1", "0815"));
  expect(judged("1.dcm")).toBe("unsealed");
  await sendAll(port, [sampleFile("2.25.1")], { calledAeTitle: "SCANSEAL" });
  await run.until(/passed +unsealed/);
  // The receipt follows the verdict: drained with everything else.
  run.signal("SIGTERM");
  const { output, errors } = await run.ended;
  expect(output + errors).not.toContain("receipt");
  expect(judged("1.dcm")).toBe("received");
  expect(judged("changed.dcm")).toBe("altered");
  // What is made of it would be past a source that holds it.
  place.write("made.dcm", sampleFile("2.25.2"));
  expect(place.run("derive", "processed", "made.dcm", "--from", "1.dcm")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("nobody received it"),
  });
  // A person's word says more than the gate's: it is given, once.
  const baseline = ["baseline", "1.dcm", "--source", "PACS"];
  expect(place.run(...baseline)).toMatchObject({ status: 0, stdout: "1 receipt given\n" });
  expect(place.run(...baseline).stdout).toBe("0 receipts given, 1 had one already\n");
  run = startGateway(place, "start");
  await run.until(/One line for each object/);
  await sendAll(port, [sampleFile("2.25.1", "0815")], { calledAeTitle: "SCANSEAL" });
  await run.until(/HELD +altered: received-changed/);
});

it("the key is checked as every other", () => {
  const path = place.path("scanseal-data/gateway.yaml");
  const text = readFileSync(path, "utf8");
  place.write("bad.yaml", text.replace("receipts: true", "receipts: yes please"));
  expect(place.run("config", "check", "bad.yaml").stderr).toContain("must be true or false");
});
