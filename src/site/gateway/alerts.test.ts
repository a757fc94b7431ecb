import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { GatewayEvent } from "../../operations/event.ts";
import { GateAlerts } from "./alerts.ts";
import type { GatewayConfig } from "./config.ts";

async function receiver(): Promise<{ readonly url: string; readonly texts: string[] }> {
  const texts: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    texts.push((JSON.parse(body) as { text: string }).text);
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, texts };
}

it("go on with the channels of a changed configuration: what rang does not ring again, what comes meanwhile does", async () => {
  const data = mkdtempSync(join(tmpdir(), "scanseal-alerts-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const [first, second] = [await receiver(), await receiver()];
  const config = (url: string | undefined): GatewayConfig =>
    ({
      ...{ data, settings: { aeTitle: "GATE" } },
      alerts: url && { webhook: { url, secret: undefined }, mail: undefined, syslog: undefined },
    }) as unknown as GatewayConfig;
  const faults: GatewayEvent[] = [];
  const alerts = new GateAlerts(config(first.url), (event) => void faults.push(event));
  alerts.start();
  const low: GatewayEvent = { kind: "disk-low", freeBytes: 1, neededBytes: 2 };
  alerts.sink(low);
  await expect.poll(() => first.texts.length).toBe(1);
  const applied = alerts.apply(config(second.url).alerts);
  alerts.sink(low);
  alerts.sink({ kind: "certificate-ending", of: "device", name: "CT1", days: 7 });
  await applied;
  await expect.poll(() => second.texts).toEqual([expect.stringContaining("CT1")]);
  await alerts.apply(undefined);
  alerts.sink({ kind: "certificate-ending", of: "device", name: "CT2", days: 7 });
  await alerts.stop();
  expect([first.texts.length, second.texts.length, faults]).toEqual([1, 1, []]);
});
