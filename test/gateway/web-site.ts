/** A running gateway with listeners for DICOMweb, in clear and over mutual TLS; its own store is the archive. */
import type { RequestOptions } from "node:http";
import { join } from "node:path";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { issueTlsLocally } from "../../src/keys/custody/tls-certificate.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { loadConfig } from "../../src/site/gateway/config.ts";
import { type RunningGateway, runGateway } from "../../src/site/gateway/run.ts";
import type { ClientTlsSettings } from "../../src/zero-trust/gateway/settings.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { makeSealedSite, type SealedSite } from "./sealed-site.ts";
import { askWeb, jsonOf, multipartOf, multipartType, type WebReply } from "./web-request.ts";

export interface Asked {
  readonly method?: string;
  readonly headers?: RequestOptions["headers"];
  readonly body?: Bytes | AsyncIterable<Bytes>;
  /** Name of a certificate of `issue`: over TLS. */
  readonly as?: string;
  readonly host?: string;
}

const root = "/dicom-web";

export class WebSite {
  readonly sealed: SealedSite;
  readonly events: GatewayEvent[] = [];
  ports: { readonly clear: number; readonly secure: number; readonly http: number } = {
    clear: 0,
    secure: 0,
    http: 0,
  };
  readonly #pems = new Map<string, { readonly cert: string; readonly key: string }>();
  #running: RunningGateway | undefined;

  private constructor(sealed: SealedSite) {
    this.sealed = sealed;
  }

  /** "modality" stores and "viewer" reads over TLS; in clear anybody of this machine does both. @param more keys of the configuration */
  static async open(more: object = {}): Promise<WebSite> {
    const site = new WebSite(await makeSealedSite());
    site.sealed.write("authority.pem", site.#authority());
    for (const name of ["gate", "modality", "viewer", "stranger"]) await site.#issue(name);
    site.ports = { clear: await freePort(), secure: await freePort(), http: await freePort() };
    const host = "127.0.0.1";
    const protocol = "dicomweb";
    const tls = { certificate: "gate.pem", key: "gate.key", clientAuthorities: "authority.pem" };
    const config = {
      aeTitle: "GATE",
      home: join(site.sealed.folder, "home"),
      http: { host, port: site.ports.http },
      log: "error",
      listeners: [
        { name: "clear", protocol, host, port: site.ports.clear, names: ["gate.example"] },
        { name: "secure", protocol, host, port: site.ports.secure, tls },
      ],
      sources: [
        { name: "any", listener: "clear", mode: "observe", devices: ["CT1"] },
        { name: "ct", listener: "secure", mode: "enforce", certificates: ["modality.pem"] },
      ],
      reading: {
        readers: [
          { name: "here", listener: "clear" },
          { name: "viewers", listener: "secure", mode: "enforce", certificates: ["viewer.pem"] },
        ],
      },
      limits: { objectSize: "8 MiB" },
      ...more,
    };
    site.sealed.write("gateway.yaml", JSON.stringify(config));
    await site.start();
    return site;
  }

  async start(): Promise<void> {
    const { config, problems } = loadConfig(join(this.sealed.folder, "gateway.yaml"));
    if (!config) throw new Error(JSON.stringify(problems));
    this.#running = await runGateway(config, { version: "test", events: (event) => this.events.push(event) });
  }

  async stop(): Promise<void> {
    await this.#running?.stop(5_000);
  }

  async close(): Promise<void> {
    await this.stop();
    this.sealed.remove();
  }

  async #issue(name: string): Promise<void> {
    const isServer = name === "gate";
    const issued = await issueTlsLocally(await this.sealed.home.openAuthority(), {
      kind: isServer ? "tls-server" : "tls-client",
      name,
      hosts: isServer ? ["localhost", "127.0.0.1"] : [],
    });
    this.sealed.write(`${name}.pem`, issued.certificatePem);
    this.sealed.write(`${name}.key`, issued.keyPem);
    this.#pems.set(name, { cert: issued.certificatePem, key: issued.keyPem });
  }

  /** @param at under the service's root, or the whole path with "//" before it */
  async ask(at: string, { method = "GET", headers, body, as, host }: Asked = {}): Promise<WebReply> {
    const path = at.startsWith("//") ? at.slice(1) : `${root}${at}`;
    const own = as === undefined ? undefined : this.#pems.get(as);
    const options = {
      port: own ? this.ports.secure : this.ports.clear,
      path,
      method,
      headers: { ...headers, ...(host === undefined ? {} : { host }) },
    };
    return askWeb(options, body, own && { ...own, ca: this.#authority() });
  }

  /** Of a gate that reads here as one of the peers. */
  clientTls(name: string): ClientTlsSettings {
    const { cert: certificate, key } = this.#pems.get(name)!;
    return { authorities: this.#authority(), certificate, key };
  }

  #authority(): string {
    const { anchors } = this.sealed.home.trustContent();
    const body = Buffer.from(anchors[0]!.certificate).toString("base64");
    return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  }

  /** STOW-RS. */
  store(
    files: readonly Bytes[],
    { study, ...asked }: Asked & { readonly study?: string } = {},
  ): Promise<WebReply> {
    return this.ask(study === undefined ? "/studies" : `/studies/${study}`, {
      method: "POST",
      body: multipartOf(files),
      ...asked,
      headers: { "content-type": multipartType, ...asked.headers },
    });
  }

  /** Resolves when `count` objects in all were judged, and what of them was admitted is in the index. */
  async judged(count: number): Promise<readonly Extract<GatewayEvent, { kind: "object-judged" }>[]> {
    for (;;) {
      const judged = this.events.filter((event) => event.kind === "object-judged");
      const admitted = judged.filter(({ state }) => state === "admitted").length;
      if (judged.length >= count && (await this.#indexed()) >= admitted) return judged;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #indexed(): Promise<number> {
    const { status, body } = await this.ask("/instances?limit=1000");
    return status === 204 ? 0 : jsonOf(body).length;
  }
}
