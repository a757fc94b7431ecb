/** A listener's certificate is renewed while the gateway runs: its files are watched, over real TLS connections. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectDimse, type DimseClient } from "../../src/dicom-network/dimse/client.ts";
import { openTransport } from "../../src/dicom-network/dimse/transport.ts";
import { toHex } from "../../src/foundation/bytes.ts";
import { issueTlsLocally, type LocalTls } from "../../src/keys/custody/tls-certificate.ts";
import { decodePem } from "../../src/keys/trust/pem.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { loadConfig } from "../../src/site/gateway/config.ts";
import { type RunningGateway, runGateway } from "../../src/site/gateway/run.ts";
import { createHome } from "../../src/site/home.ts";
import { freePorts } from "../cli/gateway-run.ts";

let folder: string;
let gateway: RunningGateway;
let anchor: string;
let client: LocalTls;
const servers: LocalTls[] = [];
const events: GatewayEvent[] = [];
let look: () => void = () => undefined;

const verification = "1.2.840.10008.1.1";
const path = (name: string): string => join(folder, name);

function fingerprintOf({ certificatePem }: LocalTls): string {
  return toHex(nodeCrypto.hash("SHA-256", decodePem("CERTIFICATE", certificatePem)[0]!));
}

function install({ certificatePem }: LocalTls, { keyPem }: LocalTls): void {
  writeFileSync(path("gate.pem"), certificatePem);
  writeFileSync(path("gate.key"), keyPem);
  chmodSync(path("gate.key"), 0o600);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-renewed-"));
  const home = await createHome(path("home"), { name: "Hospital" });
  const authority = await home.openAuthority();
  anchor = readFileSync(join(path("home"), "authority", "authority.pem"), "utf8");
  for (const name of ["gate", "gate-2"])
    servers.push(await issueTlsLocally(authority, { kind: "tls-server", name, hosts: ["127.0.0.1"] }));
  client = await issueTlsLocally(authority, { kind: "tls-client", name: "ct", hosts: [] });
  install(servers[0]!, servers[0]!);
  const ports = await freePorts();
  writeFileSync(path("site.pem"), anchor);
  writeFileSync(
    path("gateway.yaml"),
    `aeTitle: GATE
home: home
http: {port: ${ports.http}}
listeners:
  - {name: secure, port: ${ports.dicom}, tls: {certificate: gate.pem, key: gate.key, clientAuthorities: site.pem}}
sources:
  - {name: ct, listener: secure, certificates: ["sha256:${fingerprintOf(client)}"]}
`,
  );
  const { config, problems } = loadConfig(path("gateway.yaml"));
  expect(problems).toEqual([]);
  gateway = await runGateway(config!, {
    version: "0",
    events: (event) => {
      events.push(event);
      look();
    },
  });
});
afterAll(async () => {
  await gateway.stop(1_000);
  rmSync(folder, { recursive: true, force: true });
});

/** The next event of the kind. */
async function next(kind: GatewayEvent["kind"], act: () => void): Promise<GatewayEvent> {
  const from = events.length;
  act();
  return new Promise((resolve) => {
    look = () => {
      const found = events.slice(from).find((event) => event.kind === kind);
      if (found) resolve(found);
    };
    look();
  });
}

const target = () => ({
  host: "127.0.0.1",
  port: gateway.listeners[0]!.port,
  tls: { authorities: anchor, certificate: client.certificatePem, key: client.keyPem },
  connectMs: 10_000,
});

async function shown(): Promise<string> {
  const { socket, peer } = await openTransport(target());
  socket.destroy();
  return toHex(nodeCrypto.hash("SHA-256", peer.certificate!));
}

function associated(): Promise<DimseClient> {
  const contexts = [{ id: 1, abstractSyntax: verification, transferSyntaxes: ["1.2.840.10008.1.2"] }];
  return connectDimse({ ...target(), callingAeTitle: "CT", calledAeTitle: "GATE", contexts });
}

it("new connections see the renewed certificate; open associations go on; a broken file changes nothing and is told", async () => {
  const [first, second] = servers as [LocalTls, LocalTls];
  expect(await shown()).toBe(fingerprintOf(first));
  const open = await associated();
  // The new certificate beside the old key.
  const fault = await next("fault", () => install(second, first));
  expect(fault).toMatchObject({ where: "configuration", code: "config-invalid" });
  expect(await shown()).toBe(fingerprintOf(first));
  await next("settings-applied", () => install(second, second));
  expect(await shown()).toBe(fingerprintOf(second));
  expect((await open.echo()).code).toBe(0);
  await open.release();
  const again = await associated();
  expect((await again.echo()).code).toBe(0);
  await again.release();
  await next("fault", () => writeFileSync(path("gate.pem"), "no certificate"));
  expect(await shown()).toBe(fingerprintOf(second));
  expect(events.filter((event) => event.kind === "fault" && /restart/.test(event.why))).toEqual([]);
});
