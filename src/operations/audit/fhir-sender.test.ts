import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { makeTlsMaterial } from "../../../test/dicom-network/tls-material.ts";
import type { GatewayEvent } from "../event.ts";
import { AuditTrail } from "./audit-trail.ts";
import type { FhirTarget } from "./fhir-sender.ts";

let material: Awaited<ReturnType<typeof makeTlsMaterial>>;
let folder: string;
let faults: GatewayEvent[];
let onFault: () => void;

beforeAll(async () => {
  material = await makeTlsMaterial();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-fhir-"));
  faults = [];
  onFault = () => {};
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function trail(target: FhirTarget): AuditTrail {
  const times = { settleMs: 1, stallMs: 300, retryMs: 10, retryMsMax: 20 };
  return new AuditTrail(
    { target, queueBytesMax: 1 << 20 },
    {
      ...{ path: join(folder, "audit-fhir.sqlite"), title: "SCANSEAL", host: "gate", processId: 1, times },
      clock: { now: () => Date.parse("2026-11-23T08:00:00Z") },
      faults: (event) => {
        faults.push(event);
        onFault();
      },
    },
  );
}

const rejected = (): GatewayEvent => ({
  kind: "association-rejected",
  listener: "secure",
  peerAddress: "10.0.0.9",
  peerTitle: "EVIL\u202e",
  why: "no source is known by this certificate",
});

interface Resource {
  readonly [name: string]: unknown;
}

/** hl7.org/fhir/R4/auditevent.html: what is required, codes, and sev-1. Throws for anything else. */
function checked(text: string): Resource {
  const resource = JSON.parse(text) as Resource & Record<string, never>;
  const known = ["resourceType", "type", "subtype", "action", "recorded", "outcome", "outcomeDesc"];
  expect([...known, "agent", "source", "entity"]).toEqual(expect.arrayContaining(Object.keys(resource)));
  expect(resource.resourceType).toBe("AuditEvent");
  const coding = (one: Resource): void => {
    expect(one.system).toMatch(/^http/);
    expect(one.code).toMatch(/^[^\s]+$/);
  };
  coding(resource.type!);
  for (const one of (resource.subtype ?? []) as Resource[]) coding(one);
  expect(resource.action).toMatch(/^[CRUDE]$/);
  expect(resource.recorded).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(resource.outcome).toMatch(/^(0|4|8|12)$/);
  const agents = resource.agent as unknown as Resource[];
  expect(agents.length).toBeGreaterThan(0);
  for (const { requestor, who, network } of agents) {
    expect(typeof requestor).toBe("boolean");
    expect(who).toBeTypeOf("object");
    if (network) expect((network as Resource).type).toMatch(/^[1-5]$/);
  }
  expect((resource.source as unknown as Resource).observer).toBeTypeOf("object");
  for (const entity of (resource.entity ?? []) as Resource[]) {
    coding(entity.type as Resource);
    coding(entity.role as Resource);
    // sev-1
    expect("name" in entity && "query" in entity).toBe(false);
    for (const detail of (entity.detail ?? []) as Resource[])
      expect([typeof detail.type, typeof detail.valueString]).toEqual(["string", "string"]);
  }
  expect(text).not.toMatch(/:""|:\[\]|:\{\}|:null|[\u202a-\u202e]/);
  return resource;
}

/** Answers with these statuses, one after the other, and then 201. */
class FhirServer {
  readonly taken: string[] = [];
  readonly requests: IncomingMessage[] = [];
  readonly statuses: number[] = [];
  headers: Record<string, string> = {};
  #look: () => void = () => {};

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      this.requests.push(request);
      const status = this.statuses.shift() ?? 201;
      if (status === 201) this.taken.push(body);
      response.writeHead(status, this.headers).end('{"resourceType":"OperationOutcome","text":"DOE^JANE"}');
      this.#look();
    });
  };

  until(fits: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (fits()) resolve();
      };
      onFault = this.#look;
      this.#look();
    });
  }
}

function listen(server: Server, port = 0): Promise<number> {
  onTestFinished(() => void server.close());
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}

const types = (texts: readonly string[]): string[] =>
  texts.map((text) => (checked(text).type as { code: string }).code);

describe("audit records on a FHIR server", () => {
  it("are AuditEvents, posted over TLS with the token, each once and in order", async () => {
    const server = new FhirServer();
    const { certificatePem: cert, keyPem: key } = material.server;
    const options = { cert, key, ca: material.authority, requestCert: true, rejectUnauthorized: true };
    const port = await listen(createTlsServer(options, server.answer));
    const { certificatePem: certificate, keyPem } = material.client;
    const tls = { authorities: material.authority, certificate, key: keyPem };
    const audit = trail({ url: `https://127.0.0.1:${port}/fhir/`, authorization: "Bearer abc", tls });
    audit.sink(rejected());
    const query = new TextEncoder().encode("query");
    const of = { reader: "ward", sopClassUid: "1.2.840.10008.5.1.4.1.2.2.1", level: "STUDY", query };
    audit.takeSearch({ ...of, transferSyntaxUid: "1.2.840.10008.1.2.1" });
    await server.until(() => server.taken.length === 3);
    await audit.stop();
    expect(types(server.taken)).toEqual(["110100", "110113", "110112", "110100"]);
    expect(server.taken[2]).toContain(`"query":"${Buffer.from(query).toString("base64")}"`);
    for (const { url, headers, method } of server.requests) {
      expect([method, url]).toEqual(["POST", "/fhir/AuditEvent"]);
      expect(headers).toMatchObject({ authorization: "Bearer abc", "content-type": "application/fhir+json" });
    }
    expect(faults).toEqual([]);
  });

  it("are kept while the server is away or full, over a restart, and told once without what it said", async () => {
    const server = new FhirServer();
    const port = await listen(createServer(server.answer));
    server.statuses.push(503, 401, 429);
    const audit = trail({ url: `http://127.0.0.1:${port}` });
    await server.until(() => server.taken.length === 1);
    expect(faults).toMatchObject([{ where: "audit", code: "network", why: "the server answered 503" }]);
    server.statuses.push(...Array(100_000).fill(500));
    audit.sink(rejected());
    await server.until(() => faults.length === 2);
    await audit.stop();
    server.statuses.length = 0;
    const again = trail({ url: `http://127.0.0.1:${port}` });
    await server.until(() => server.taken.length === 4);
    await again.stop();
    expect(types(server.taken)).toEqual(["110100", "110113", "110100", "110100", "110100"]);
    expect(JSON.stringify(faults)).not.toContain("JANE");
  });

  it("that the server refuses for good do not hold up the others: dropped, and told", async () => {
    const server = new FhirServer();
    const port = await listen(createServer(server.answer));
    server.statuses.push(422);
    const audit = trail({ url: `http://127.0.0.1:${port}` });
    audit.sink(rejected());
    await server.until(() => server.taken.length === 1);
    await audit.stop();
    expect(types(server.taken)).toEqual(["110113", "110100"]);
    expect(faults).toMatchObject([{ why: "a record was refused and dropped: the server answered 422" }]);
  });

  it("go to nobody else: a redirection is not followed, a certificate of another authority not taken", async () => {
    const [named, other, stranger] = [new FhirServer(), new FhirServer(), new FhirServer()];
    const elsewhere = await listen(createServer(other.answer));
    named.headers = { location: `http://127.0.0.1:${elsewhere}/AuditEvent` };
    named.statuses.push(307, 308);
    const audit = trail({ url: `http://127.0.0.1:${await listen(createServer(named.answer))}` });
    await named.until(() => named.taken.length === 1);
    await audit.stop();
    const { certificatePem: cert, keyPem: key } = (await makeTlsMaterial()).server;
    const port = await listen(createTlsServer({ cert, key }, stranger.answer));
    const second = trail({ url: `https://127.0.0.1:${port}`, tls: { authorities: material.authority } });
    await stranger.until(() => faults.length === 2);
    await second.stop();
    expect([other.requests.length, stranger.requests.length]).toEqual([0, 0]);
    expect(faults[1]).toMatchObject({ code: "network" });
  });
});
