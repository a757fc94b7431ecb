import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { freePorts } from "../../../test/cli/gateway-run.ts";
import { makeSealedSite } from "../../../test/gateway/sealed-site.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { loadConfig, readConfig } from "./config.ts";
import { runGateway } from "./run.ts";

it("is told to a FHIR server alone, where there is no syslog; to none takes no section", async () => {
  const site = await makeSealedSite();
  onTestFinished(() => site.remove());
  const audited = (audit: string): ReturnType<typeof readConfig> =>
    readConfig(
      `aeTitle: GATE\nhome: home\nlisteners: [{name: p, port: 11112}]\naudit: ${audit}\n`,
      join(site.folder, "gateway.yaml"),
      { environment: {}, now: Date.now() },
    );
  const { config, problems } = audited("{fhir: {url: 'https://fhir.example/r4'}, queue: 2 MiB}");
  expect(problems.filter(({ level }) => level === "error")).toEqual([]);
  expect(config?.audit).toMatchObject({ syslog: undefined, fhir: { url: "https://fhir.example/r4" } });
  for (const wrong of ["{queue: 2 MiB}", "{port: 6514, fhir: {url: 'https://fhir.example/r4'}}"])
    expect(audited(wrong).config).toBeUndefined();
});

it("a gateway with audit tells a syslog server of its start, of what it did, and of its stop", async () => {
  const site = await makeSealedSite();
  onTestFinished(() => site.remove());
  let text = "";
  const ended = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("end", () => ended.resolve());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { dicom, http } = await freePorts();
  const yaml = `aeTitle: GATE
home: home
http:
  port: ${http}
audit:
  host: 127.0.0.1
  port: ${(server.address() as { port: number }).port}
  transport: tcp
listeners:
  - name: plain
    port: ${dicom}
sources:
  - name: ct1
    listener: plain
`;
  const now = Date.now();
  const { config, problems } = readConfig(yaml, join(site.folder, "gateway.yaml"), { environment: {}, now });
  expect(problems.filter(({ level }) => level === "error")).toEqual([]);
  const gateway = await runGateway(config!, { version: "0", events: () => {} });
  const metrics = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
  expect(metrics).toMatch(/^scanseal_audit_queue \d+$/m);
  await gateway.stop(1000);
  await ended.promise;
  expect(text).toContain('UserID="GATE"');
  expect(text).toMatch(/Application Start.*Application Stop/s);
});

it("the servers change while the gateway runs: each is told from then on, and no longer", async () => {
  const site = await makeSealedSite();
  onTestFinished(() => site.remove());
  const [syslog, fhir] = [await tcpServer(), await fhirServer()];
  const { dicom, http } = await freePorts();
  const path = join(site.folder, "gateway.yaml");
  const configure = (...audit: string[]): void =>
    writeFileSync(
      path,
      [
        ...["aeTitle: GATE", "home: home", `http: {port: ${http}}`, `listeners: [{name: p, port: ${dicom}}]`],
        ...["sources: [{name: ct1, listener: p}]", ...audit],
      ].join("\n"),
    );
  configure();
  const faults: unknown[] = [];
  const events = (event: GatewayEvent): void => {
    if (event.kind === "fault") faults.push(event);
  };
  const { config } = loadConfig(path);
  const gateway = await runGateway(config!, { version: "0", events });
  const waiting = async (): Promise<boolean> =>
    /^scanseal_audit_queue \d/m.test(await (await fetch(`http://127.0.0.1:${http}/metrics`)).text());
  expect(await waiting()).toBe(false);
  configure(`audit: {host: 127.0.0.1, port: ${syslog.port}, transport: tcp}`);
  await gateway.reload();
  await expect.poll(syslog.text).toContain("Application Start");
  expect(await waiting()).toBe(true);
  configure(`audit: {fhir: {url: "http://127.0.0.1:${fhir.port}/r4"}}`);
  await gateway.reload();
  await expect.poll(syslog.text).toContain("Application Stop");
  await expect.poll(fhir.text).toContain("Application Start");
  const told = syslog.text();
  configure();
  await gateway.reload();
  await expect.poll(fhir.text).toContain("Application Stop");
  expect([await waiting(), syslog.text()]).toEqual([false, told]);
  await gateway.stop(1000);
  expect(faults).toEqual([]);
});

interface Heard {
  readonly port: number;
  readonly text: () => string;
}

async function tcpServer(): Promise<Heard> {
  let text = "";
  const server = createServer((socket) => {
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  });
  return { port: await portOf(server), text: () => text };
}

async function fhirServer(): Promise<Heard> {
  let text = "";
  const server = createHttpServer(async (request, response) => {
    for await (const chunk of request) text += chunk;
    response.writeHead(201).end();
  });
  return { port: await portOf(server), text: () => text };
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}
