/** A site, its certificates, and `scanseal gateway` as a process between other people's senders and archives. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TlsKind } from "../../src/keys/custody/authority-ledger.ts";
import { issueTlsLocally } from "../../src/keys/custody/tls-certificate.ts";
import { type GatewayRun, startGateway } from "../cli/gateway-run.ts";
import type { Workplace } from "../cli/scanseal-process.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { makeSealedSite, type SealedSite } from "../gateway/sealed-site.ts";
import { DimsePeers } from "./dimse-peers.ts";

export const ourTitle = "GATE";

/** A line of the gateway's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string };

/** DCMTK's options for a certificate that is shown and the authority the other end is expected to have. */
export function dcmtkTls(site: GatewaySite, name: string): readonly string[] {
  return ["+tls", site.path(`${name}.key`), site.path(`${name}.pem`), "+cf", site.path("authority.pem")];
}

export class GatewaySite {
  readonly peers: DimsePeers = new DimsePeers();
  readonly place: Workplace;
  readonly sealed: SealedSite;
  readonly ports: { readonly plain: number; readonly secure: number };
  #http = 0;
  #run: GatewayRun | undefined;

  private constructor(place: Workplace, sealed: SealedSite, ports: GatewaySite["ports"]) {
    this.place = place;
    this.sealed = sealed;
    this.ports = ports;
  }

  /** @param place made at the top of a test file, so that it goes when the tests are over */
  static async open(place: Workplace): Promise<GatewaySite> {
    const ports = { plain: await freePort(), secure: await freePort() };
    const site = new GatewaySite(place, await makeSealedSite(), ports);
    site.#http = await freePort();
    const { anchors } = site.sealed.home.trustContent();
    const body = Buffer.from(anchors[0]!.certificate).toString("base64");
    site.write("authority.pem", `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`);
    return site;
  }

  path(...names: readonly string[]): string {
    return this.place.path(...names);
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content, name.endsWith(".key") ? { mode: 0o600 } : {});
    return this.path(name);
  }

  /** NAME.pem and NAME.key of the site's authority. @returns the fingerprint and the serial number */
  async issue(
    kind: TlsKind,
    name: string,
  ): Promise<{ readonly fingerprint: string; readonly serial: string }> {
    const hosts = kind === "tls-server" ? ["localhost", "127.0.0.1"] : [];
    const issued = await issueTlsLocally(await this.sealed.home.openAuthority(), { kind, name, hosts });
    this.write(`${name}.pem`, issued.certificatePem);
    this.write(`${name}.key`, issued.keyPem);
    return issued.entry;
  }

  listeners(tls: object = {}): readonly object[] {
    const own = { certificate: "gate.pem", key: "gate.key", clientAuthorities: "authority.pem", ...tls };
    const host = "127.0.0.1";
    return [
      { name: "plain", host, port: this.ports.plain },
      { name: "secure", host, port: this.ports.secure, tls: own },
    ];
  }

  /** A plain listener, and a TLS one that shows gate.pem; retries within a second. */
  configure(
    sources: readonly object[],
    destinations: readonly object[] = [],
    tls: object = {},
    more: object = {},
  ): void {
    const host = "127.0.0.1";
    // JSON is YAML.
    const config = {
      aeTitle: ourTitle,
      home: join(this.sealed.folder, "home"),
      http: { host, port: this.#http },
      log: "debug",
      listeners: this.listeners(tls),
      sources,
      destinations: destinations.map((one) => ({ host, ...one })),
      limits: { retryAfter: "100 ms", retryAtMost: "1 s" },
      ...more,
    };
    this.write("gateway.yaml", JSON.stringify(config, undefined, 2));
  }

  async start(): Promise<void> {
    this.#run = startGateway(this.place, "gateway", "--config", this.path("gateway.yaml"));
    await this.lines("listening", 2);
  }

  /** Waits for `count` lines of one event that fit; rejects when the process ends before. */
  async lines(
    event: string,
    count: number,
    fits: Readonly<Record<string, unknown>> = {},
  ): Promise<LogLine[]> {
    const found = (output: string): LogLine[] =>
      output
        .slice(0, output.lastIndexOf("\n") + 1)
        .split("\n")
        .filter((line) => line.includes(`"event":"${event}"`))
        .map((line) => JSON.parse(line) as LogLine)
        .filter((line) => Object.entries(fits).every(([key, value]) => line[key] === value));
    return found(await this.#run!.until((output) => found(output).length >= count));
  }

  /** What `act` made the gateway judge, `count` objects; resolves when it has. */
  async judged(count: number, act: () => Promise<unknown>): Promise<LogLine[]> {
    const before = (await this.lines("object-judged", 0)).length;
    await act();
    return (await this.lines("object-judged", before + count)).slice(before);
  }

  /** Resolves when one destination has all of these objects. */
  async delivered(judged: readonly LogLine[], destination: string): Promise<void> {
    for (const { object } of judged) await this.lines("delivered", 1, { object, destination });
  }

  /** DCMTK's, Orthanc's options: where the gateway is. */
  to(listener: "plain" | "secure"): readonly string[] {
    return ["-aec", ourTitle, "127.0.0.1", `${this.ports[listener]}`];
  }

  /** Drains; throws when the gateway complained of more than these sites mean. @returns the exit status */
  async stop(): Promise<number | null> {
    this.#run!.signal("SIGTERM");
    const { status, errors } = await this.#run!.ended;
    const meant = /^.*(: warning: no source stands for |: TLS certificate ended ).*\n/gm;
    if (errors.replace(meant, "") !== "") throw new Error(errors);
    return status;
  }

  /** As a power cut would, but for what the kernel has. */
  async kill(): Promise<void> {
    this.#run!.signal("SIGKILL");
    await this.#run!.ended;
  }

  async close(): Promise<void> {
    this.#run?.signal("SIGKILL");
    await this.#run?.ended;
    await this.peers.close();
    this.sealed.remove();
  }
}
