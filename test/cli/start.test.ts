/** `scanseal start` and `scanseal gateway` as processes: the first run, the next ones, what is in the way, and signals. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendAll } from "../gateway/network.ts";
import { freePorts, type GatewayRun, startGateway } from "./gateway-run.ts";
import { makeWorkplace, oneLine, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
let ports: { readonly dicom: number; readonly http: number };
let portOptions: readonly string[];
let first: string;

const open = /the gate is open[\s\S]*One line for each object/;

beforeAll(async () => {
  ports = await freePorts();
  portOptions = ["--port", String(ports.dicom), "--http-port", String(ports.http)];
});

const running: GatewayRun[] = [];
afterAll(async () => {
  for (const one of running) one.signal("SIGKILL");
  await Promise.all(running.map((one) => one.ended));
});

function start(...args: readonly string[]): GatewayRun {
  const run = startGateway(place, ...args);
  running.push(run);
  return run;
}

const calledAeTitle = "SCANSEAL";

describe("scanseal start", () => {
  it("makes a site and a gateway, says where to send a scan, takes one, and drains on SIGTERM", async () => {
    const run = start("start", ...portOptions);
    first = await run.until(open);
    expect(first).toContain(`storescu -aec SCANSEAL 127.0.0.1 ${ports.dicom} file.dcm`);
    expect(first).toContain(`http://127.0.0.1:${ports.http}/`);
    expect(first).toMatch(/^\nScanseal .*: the gate is open\.\n/);
    expect(first).not.toMatch(/by the file/);
    expect(first).toMatch(/sealed later, under the same UID, is held,/);
    expect(await sendAll(ports.dicom, [sampleFile("2.25.1")], { calledAeTitle })).toEqual([0]);
    expect(await run.until(/passed +unsealed/)).not.toMatch(/4711|2\.25\.1/);
    const page = await fetch(`http://127.0.0.1:${ports.http}/readyz`);
    expect(await page.json()).toEqual({ ready: true, problems: [] });
    run.signal("SIGTERM");
    const { status, output, errors } = await run.ended;
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
    expect(output).toMatch(/Stopping/);
  });

  it("uses what is there: the same site, the same objects, the settings as they were changed", async () => {
    const anchor = place.run("trust", "export").stdout;
    const config = readFileSync(place.path("scanseal-data/gateway.yaml"), "utf8");
    writeFileSync(
      place.path("scanseal-data/gateway.yaml"),
      config.replace("mode: observe", "mode: warn # ours"),
    );
    const run = start("start");
    expect(await run.until(open)).toContain("mode warn");
    expect(await sendAll(ports.dicom, [sampleFile("2.25.1")], { calledAeTitle })).toEqual([0]);
    await run.until(/here already/);
    run.signal("SIGINT");
    expect((await run.ended).status).toBe(0);
    expect(place.run("trust", "export").stdout).toBe(anchor);
    expect(readFileSync(place.path("scanseal-data/gateway.yaml"), "utf8")).toContain("mode: warn # ours");
  });

  it("a sealed scan passes under enforce, an altered one is held, and a changed mode applies while it runs", async () => {
    place.run("enroll", "CT1", "--ae", "CT1", "--serial", "1");
    place.write("scans/1.dcm", sampleFile("2.25.10"));
    place.run("seal", "scans", "--device", "CT1", "--out", "sealed");
    const sealed = readFileSync(place.path("sealed/2.25.10.dcm"));
    const altered = Buffer.from(sealed);
    altered.write("4712", altered.indexOf("4711"), "latin1");
    const run = start("start");
    await run.until(open);
    const mode = place.run("source", "mode", "demo", "enforce", "--by", "ada", "--after-dry-run");
    expect(mode).toMatchObject({ status: 0, stderr: "", stdout: expect.stringContaining("In force: ") });
    expect(await sendAll(ports.dicom, [altered, sealed], { calledAeTitle })).toEqual([0, 0]);
    await run.until(/HELD +altered/);
    await run.until(/passed +verified/);
    // At once, not seconds later: the command waited for the gate.
    await sendAll(ports.dicom, [sampleFile("2.25.1001")], { calledAeTitle });
    expect(await run.until(/(?:passed|HELD) +unsealed/)).toMatch(/HELD +unsealed/);
    const again = place.run("source", "mode", "demo", "enforce", "--by", "ada");
    expect(again).toMatchObject({ status: 0, stdout: expect.stringMatching(/already\.\nIn force: /) });
    run.signal("SIGHUP");
    expect((await run.ended).status).toBe(0);
  });

  it("a second gateway on the same folder is told what is in the way", async () => {
    const run = start("start");
    await run.until(open);
    expect(place.run("start")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/running.*already/),
    });
    const elsewhere = place.run("--home", "elsewhere", "start", ...portOptions);
    expect(elsewhere).toMatchObject({ status: 2, stderr: expect.stringMatching(oneLine) });
    expect(elsewhere.stderr).toMatch(/port.*change the port in/);
    run.signal("SIGTERM");
    expect((await run.ended).status).toBe(0);
  });

  it("a port of another program is told, with what to do", async () => {
    const other = createServer().listen(ports.dicom, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { status, errors } = await start("start").ended;
    other.close();
    expect(status).toBe(2);
    expect(errors).toMatch(oneLine);
    expect(errors).toContain(String(ports.dicom));
    expect(errors).toContain("gateway.yaml");
  });

  it("a second signal ends it at once, though a peer holds its association", async () => {
    const run = start("start");
    await run.until(open);
    const peer = connect(ports.dicom, "127.0.0.1");
    await new Promise((resolve) => peer.once("connect", resolve));
    peer.on("error", () => undefined);
    // An association that was asked for and is never used; the answer's first byte says that it stands.
    peer.write(associateRequest());
    await new Promise((resolve) => peer.once("data", resolve));
    run.signal("SIGINT");
    await run.until(/Stopping/);
    run.signal("SIGINT");
    expect((await run.ended).status).toBe(130);
    peer.destroy();
  });

  it("a damaged configuration is told line by line, and nothing is overwritten", () => {
    const path = place.path("scanseal-data/gateway.yaml");
    const sound = readFileSync(path, "utf8");
    const damaged = sound.replace("listeners:", "listners:").replace("mode: enforce", "mode: strict");
    writeFileSync(path, damaged);
    const { status, stdout, stderr } = place.run("start");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/gateway\.yaml:\d+:\d+: error: .*listners.*did you mean listeners/);
    expect(stderr).toMatch(/gateway\.yaml:\d+:\d+: error: "mode"/);
    expect(readFileSync(path, "utf8")).toBe(damaged);
    writeFileSync(path, sound);
  });

  it("a folder where nothing can be made is one line", () => {
    place.write("file", "");
    for (const home of ["file/below", ...(existsSync("/proc/version") ? ["/proc/scanseal"] : [])]) {
      const { status, stderr } = place.run("--home", home, "start");
      expect(status).toBe(2);
      expect(stderr).toMatch(oneLine);
    }
  });
});

describe("scanseal gateway", () => {
  it("logs JSON lines without patient data, reads its configuration again on SIGHUP, and drains", async () => {
    const config = place.path("scanseal-data/gateway.yaml");
    const run = start("gateway", "--config", config);
    await run.until(/"event":"listening"/);
    // Unchanged, the file is read at a signal only.
    run.signal("SIGHUP");
    await run.until(/"event":"settings-applied"/);
    expect(await sendAll(ports.dicom, [sampleFile("2.25.20")], { calledAeTitle })).toEqual([0]);
    await run.until(/"event":"object-judged"/);
    run.signal("SIGTERM");
    const { status, output } = await run.ended;
    expect(status).toBe(0);
    const lines = output.trimEnd().split("\n");
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ event: expect.any(String) });
    expect(output).not.toMatch(/4711|2\.25\.20/);
    expect(lines.at(-1)).toContain('"event":"stopped"');
  });

  it.each([
    ["an absent file", ["--config", "absent.yaml"]],
    ["no file", []],
  ])("%s: status 2", (_, args) => {
    expect(place.run("gateway", ...args).status).toBe(2);
  });
});

/** A-ASSOCIATE-RQ (PS3.8 9.3.2) for Verification in implicit little endian. */
function associateRequest(): Buffer {
  const item = (type: number, ...content: readonly Buffer[]): Buffer => {
    const body = Buffer.concat(content);
    return Buffer.concat([Buffer.from([type, 0, body.length >> 8, body.length & 255]), body]);
  };
  const text = (type: number, value: string): Buffer => item(type, Buffer.from(value, "latin1"));
  const verification = text(0x30, "1.2.840.10008.1.1");
  const implicit = text(0x40, "1.2.840.10008.1.2");
  const context = item(0x20, Buffer.from([1, 0, 0, 0]), verification, implicit);
  const user = item(0x50, item(0x51, Buffer.from([0, 0, 0x40, 0])), text(0x52, "2.25.1"));
  const titles = Buffer.from("SCANSEAL".padEnd(16) + "CT1".padEnd(16), "latin1");
  const head = Buffer.concat([Buffer.from([0, 1, 0, 0]), titles, Buffer.alloc(32)]);
  const body = Buffer.concat([head, text(0x10, "1.2.840.10008.3.1.1.1"), context, user]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([Buffer.from([1, 0]), length, body]);
}
