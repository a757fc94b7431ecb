/** A real gate with alerts by webhook, mail and syslog over TLS: whom it wakes, how often, and what `alerts test` says of them. */
import { spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it, onTestFinished } from "vitest";
import { testAlerts } from "../../src/site/gateway/alerts.ts";
import { mailServer, type Received, type ReceivedMail, syslogServer } from "../alert-receivers.ts";
import { makeTlsMaterial } from "../dicom-network/tls-material.ts";
import { sendAll } from "../gateway/network.ts";
import { describePeer, peerPath } from "../peers.ts";
import { freePorts, startGateway } from "./gateway-run.ts";
import { makeSite, makeWorkplace, withoutDigests } from "./scanseal-process.ts";

const secret = "a secret of the test";
const secrets = {
  SCANSEAL_WEBHOOK_SECRET: secret,
  SCANSEAL_MAIL_USER: "gate",
  SCANSEAL_MAIL_PASSWORD: "right",
};
const altered = 50;
const place = makeWorkplace();

interface Posts {
  readonly url: string;
  readonly bodies: string[];
  readonly signatures: (string | undefined)[];
}

async function webServer(): Promise<Posts> {
  const bodies: string[] = [];
  const signatures: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      bodies.push(body);
      signatures.push(request.headers["scanseal-signature"] as string);
      response.writeHead(200).end("ok");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, bodies, signatures };
}

function withOneSampleChanged(path: string): Uint8Array {
  const bytes = readFileSync(path);
  // (7FE0,0010) with its VR and length.
  const pixels = bytes.lastIndexOf(Uint8Array.of(0xe0, 0x7f, 0x10, 0x00)) + 12;
  bytes[pixels]! ^= 1;
  return new Uint8Array(bytes);
}

afterEach(() => {
  for (const name of Object.keys(secrets)) delete process.env[name];
});

interface Site {
  readonly dicom: number;
  readonly web: Posts;
  readonly mails: Received<ReceivedMail>;
  readonly syslog: Received<string>;
}

/** Sealed scans, and a configuration with every channel. */
async function makeAlertedSite(): Promise<Site> {
  const material = await makeTlsMaterial();
  const { certificatePem: cert, keyPem: key } = material.server;
  const web = await webServer();
  const mails = await mailServer({ cert, key });
  const syslog = await syslogServer(material);
  makeSite(place, altered);
  place.run("seal", "scans", "--device", "CT1", "--out", "sealed");
  const { dicom, http } = await freePorts();
  const first = startGateway(place, "start", "--port", String(dicom), "--http-port", String(http));
  await first.until(/One line for each object/);
  first.signal("SIGTERM");
  await first.ended;
  place.write("tls/authority.pem", material.authority);
  place.write("tls/gate.pem", material.client.certificatePem);
  place.write("tls/gate.key", material.client.keyPem);
  chmodSync(place.path("tls/gate.key"), 0o600);
  const yaml = place.path("scanseal-data/gateway.yaml");
  const tls = "tls: {authorities: ../tls/authority.pem";
  const written = readFileSync(yaml, "utf8");
  writeFileSync(
    yaml,
    `${written}
alerts:
  webhook: {url: "${web.url}", secretFrom: SCANSEAL_WEBHOOK_SECRET}
  mail: {host: 127.0.0.1, port: ${mails.port}, from: gate@h.example, to: call@h.example, ${tls}},
    userFrom: SCANSEAL_MAIL_USER, passwordFrom: SCANSEAL_MAIL_PASSWORD}
  syslog: {host: 127.0.0.1, port: ${syslog.port}, ${tls}, certificate: ../tls/gate.pem, key: ../tls/gate.key}}
`,
  );
  return { dicom, web, mails, syslog };
}

/** What each receiver took. */
function counts({ web, mails, syslog }: Site): number[] {
  return [web.bodies.length, mails.taken.length, syslog.taken.length];
}

it("fifty altered objects ring webhook, mail and syslog once each; a restart rings nothing again", async () => {
  const site = await makeAlertedSite();
  const { dicom, web, mails, syslog } = site;
  // Not by a process that is waited for: these servers would not answer it.
  const withoutSecrets = startGateway(place, "alerts", "test");
  expect(await withoutSecrets.ended).toMatchObject({
    status: 1,
    output: expect.stringMatching(
      /webhook +not sent: .*SCANSEAL_WEBHOOK_SECRET is not set\n.*\nsyslog +taken/,
    ),
  });
  Object.assign(process.env, secrets);
  const test = await startGateway(place, "alerts", "test").ended;
  expect(test).toMatchObject({ status: 0, errors: "" });
  expect(test.output).toMatch(
    /^webhook +taken after \d+ ms\nmail +taken after \d+ ms\nsyslog +taken after \d+ ms\n$/,
  );
  expect(counts(site)).toEqual([1, 1, 2]);

  const objects = readdirSync(place.path("sealed")).map((name) =>
    withOneSampleChanged(place.path("sealed", name)),
  );
  expect(objects).toHaveLength(altered);
  const run = startGateway(place, "start");
  await run.until(/One line for each object/);
  await sendAll(dicom, objects, { calledAeTitle: "SCANSEAL" });
  await run.until((output) => (output.match(/HELD/g) ?? []).length === altered);
  await mails.until(2);
  await syslog.until(3);
  run.signal("SIGTERM");
  await run.ended;
  const again = startGateway(place, "start");
  await again.until(/One line for each object/);
  again.signal("SIGTERM");
  await again.ended;

  expect(counts(site)).toEqual([2, 2, 3]);
  const alert = JSON.parse(web.bodies[1]!);
  expect(alert).toMatchObject({ alarm: "held", phase: "began", count: 1, gate: "SCANSEAL" });
  expect(alert.what).toMatch(/^what demo sends is held: altered, .*pixels-changed/);
  const signature = createHmac("sha256", secret).update(web.bodies[1]!).digest("hex");
  expect(web.signatures[1]).toBe(`sha256=${signature}`);
  expect(mails.taken[1]).toMatchObject({ isSecure: true, user: "gate", to: ["call@h.example"] });
  expect(mails.taken[1]!.text).toContain("Subject: Scanseal SCANSEAL: critical: what demo sends is held");
  expect(syslog.taken[2]).toMatch(
    /ALERT - \ufeffheld began critical gate="SCANSEAL" count=1 total=1 object=/,
  );
  const kept = readFileSync(place.path("scanseal-data/gateway/alerts.json"), "utf8");
  expect(JSON.parse(kept).groups).toEqual([expect.objectContaining({ total: altered, untold: altered - 1 })]);
  // Nothing of a patient: the sample's number and name, and no UID.
  for (const text of [...web.bodies, ...mails.taken.map((mail) => mail.text), ...syslog.taken, kept])
    expect(withoutDigests(text)).not.toMatch(/4711|\^|2\.25\.\d/);
});

describePeer("openssl", "the signature", () => {
  it("is what openssl makes of the same bytes", async () => {
    const web = await webServer();
    const sent = testAlerts(
      { webhook: { url: web.url, secret, tls: undefined }, mail: undefined, syslog: undefined },
      "GATE",
    );
    expect(await Promise.all(sent)).toEqual([
      expect.objectContaining({ channel: "webhook", problem: undefined }),
    ]);
    const made = spawnSync(peerPath("openssl"), ["dgst", "-sha256", "-hmac", secret, "-r"], {
      input: web.bodies[0]!,
      encoding: "utf8",
    });
    expect(web.signatures[0]).toBe(`sha256=${made.stdout.split(" ")[0]}`);
  });
});

it("without the section nobody is woken, and it says so", () => {
  place.run("init", "--home", "other");
  place.write(
    "other/gateway.yaml",
    "aeTitle: A\nhome: .\nlisteners: [{name: a, port: 11999}]\nsources: [{name: b, listener: a}]\n",
  );
  const { status, stderr } = place.run("alerts", "test", "--home", "other");
  expect(status).toBe(2);
  expect(stderr).toContain('no section "alerts"');
});
