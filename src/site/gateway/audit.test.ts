import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { freePorts } from "../../../test/cli/gateway-run.ts";
import { makeSealedSite } from "../../../test/gateway/sealed-site.ts";
import { readConfig } from "./config.ts";
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
