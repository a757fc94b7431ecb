/** A gateway as a process of its own, among sources that are good and one that is not; its memory, handles and journal are looked at. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import { type Bytes, toBase64, toHex } from "../../src/foundation/bytes.ts";
import { decodePem } from "../../src/keys/trust/pem.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { freePorts } from "../cli/gateway-run.ts";
import { makeTlsMaterial, type TlsMaterial } from "../dicom-network/tls-material.ts";
import { parse } from "../evaluation/fixture.ts";
import { makeSealedSite, type SealedSite } from "../gateway/sealed-site.ts";
import { projectRoot } from "../peers.ts";
import { GoodPeer, type GoodPeerTask } from "./good-peer.ts";

export interface HostileLimits {
  /** As in the configuration file: "64 MiB". */
  readonly objectSize: string;
  readonly quota: string;
  readonly spoolSize: string;
  /** Where the hostile peer takes what it has moved, and reports of commitment; 1 where it does not. */
  readonly sinkPort?: number;
}

export interface SealedObject {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly dataSet: Bytes;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

export class HostileGateway {
  readonly site: SealedSite;
  readonly tls: TlsMaterial;
  readonly plainPort: number;
  readonly tlsPort: number;
  /** DICOMweb, in clear. */
  readonly webPort: number;
  readonly sealed: SealedObject;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #ended: Promise<number | null>;
  #errors = "";

  private constructor(
    parts: { site: SealedSite; tls: TlsMaterial; ports: readonly number[]; sealed: SealedObject },
    child: ChildProcessByStdio<null, Readable, Readable>,
  ) {
    this.site = parts.site;
    this.tls = parts.tls;
    this.plainPort = parts.ports[0]!;
    this.tlsPort = parts.ports[1]!;
    this.webPort = parts.ports[2]!;
    this.sealed = parts.sealed;
    this.#child = child;
    child.stdout.resume();
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    this.#ended = new Promise((resolve) => {
      child.once("close", (status) => resolve(status));
    });
  }

  /** @param original the file whose sealed form the good peer sends */
  static async start(original: (site: SealedSite) => string, limits: HostileLimits): Promise<HostileGateway> {
    const site = await makeSealedSite();
    const tls = await makeTlsMaterial();
    const { dicom, http } = await freePorts();
    const { dicom: secure, http: web } = await freePorts();
    const sealed = await sealedObject(await site.seal(original(site)));
    const config = site.write("gateway.yaml", configOf({ dicom, http, secure, web }, tls, limits));
    for (const [name, text] of Object.entries({
      "gate.pem": tls.server.certificatePem,
      "gate.key": tls.server.keyPem,
      "authority.pem": tls.authority,
    }))
      writeFileSync(join(site.folder, name), text, { mode: 0o600 });
    const child = spawn(
      process.execPath,
      [join(projectRoot, "src", "cli", "bin.ts"), "gateway", "--config", config],
      {
        cwd: site.folder,
        env: {
          ...process.env,
          NODE_COMPILE_CACHE: join(projectRoot, "node_modules", ".cache", "scanseal-tests"),
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const gateway = new HostileGateway({ site, tls, ports: [dicom, secure, web], sealed }, child);
    await gateway.#ready();
    return gateway;
  }

  /** Its log says that the listeners are open. */
  async #ready(): Promise<void> {
    let output = "";
    await new Promise<void>((resolve, reject) => {
      const onData = (chunk: Bytes): void => {
        output += chunk.toString();
        if ((output.match(/listening/g) ?? []).length < 3) return;
        this.#child.stdout.off("data", onData);
        this.#child.stdout.resume();
        resolve();
      };
      this.#child.stdout.on("data", onData);
      void this.#ended.then((status) =>
        reject(new Error(`the gateway ended: ${status} ${output}${this.#errors}`)),
      );
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory now, and its peak since `resetPeak`, in MiB. */
  memory(): { readonly now: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "latin1");
    const of = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 1024;
    return { now: of("VmRSS"), peak: of("VmHWM") };
  }

  resetPeak(): void {
    // proc(5): 5 resets the peak resident set size.
    writeFileSync(`/proc/${this.#child.pid}/clear_refs`, "5");
  }

  /** Open sockets. */
  sockets(): number {
    const folder = `/proc/${this.#child.pid}/fd`;
    return readdirSync(folder).filter((fd) => linkOf(join(folder, fd)).startsWith("socket:")).length;
  }

  /** Open file descriptors of all kinds. */
  handles(): number {
    return readdirSync(`/proc/${this.#child.pid}/fd`).length;
  }

  /** From an address and under a title of its own; `near` shares the attacker's address. */
  goodPeer(
    place: "far" | "near",
    transport: "plain" | "tls" = "plain",
    every = { echoMs: 250, storeMs: 2_000 },
  ): GoodPeer {
    const { certificatePem: certificate, keyPem: key } = this.tls.client;
    const task: GoodPeerTask = {
      port: transport === "tls" ? this.tlsPort : this.plainPort,
      localAddress: place === "far" ? "127.0.0.2" : "127.0.0.1",
      callingTitle: place === "far" ? "GOOD" : "NEAR",
      echoEveryMs: every.echoMs,
      storeEveryMs: every.storeMs,
      object: { ...this.sealed, dataSet: toBase64(this.sealed.dataSet) },
      ...(transport === "tls" ? { tls: { authority: this.tls.authority, certificate, key } } : {}),
    };
    return new GoodPeer(task);
  }

  /** Drains. @returns its exit status and what it wrote to stderr */
  async stop(): Promise<{ readonly status: number | null; readonly errors: string }> {
    this.#child.kill("SIGTERM");
    const status = await this.#ended;
    return { status, errors: this.#errors };
  }

  /** All rows of the stopped gateway's journal. */
  async rows(): Promise<readonly JudgedObject[]> {
    const journal = await openSqliteJournal(join(this.site.folder, "data", "journal.sqlite"));
    const rows: JudgedObject[] = [];
    try {
      for (;;) {
        const after = rows.at(-1)?.id;
        const page = await journal.objects({ limit: 1000, ...(after === undefined ? {} : { after }) });
        rows.push(...page);
        if (page.length < 1000) return rows;
      }
    } finally {
      await journal.close();
    }
  }

  async remove(): Promise<void> {
    if (this.isRunning) {
      this.#child.kill("SIGKILL");
      await this.#ended;
    }
    this.site.remove();
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return "";
  }
}

async function sealedObject(path: string): Promise<SealedObject> {
  const file = new Uint8Array(readFileSync(path));
  const { elements, transferSyntax, metaEnd } = await parse(file);
  return {
    sopClassUid: plainTextOf(elements, tags.sopClassUid)!,
    sopInstanceUid: plainTextOf(elements, tags.sopInstanceUid)!,
    transferSyntaxUid: transferSyntax.uid,
    dataSet: file.slice(metaEnd),
    studyInstanceUid: plainTextOf(elements, tags.studyInstanceUid)!,
    seriesInstanceUid: plainTextOf(elements, tags.seriesInstanceUid)!,
  };
}

function configOf(
  ports: Readonly<Record<"dicom" | "http" | "secure" | "web", number>>,
  tls: TlsMaterial,
  { objectSize, quota, spoolSize, sinkPort = 1 }: HostileLimits,
): string {
  const [der] = decodePem("CERTIFICATE", tls.client.certificatePem);
  const fingerprint = toHex(nodeCrypto.hash("SHA-256", der!));
  const source = (name: string, more: string): string =>
    `  - name: ${name}\n    mode: enforce\n    quota: ${quota}\n${more.replace(/^/gm, "    ")}\n`;
  return `aeTitle: GATE
home: home
data: data
http:
  port: ${ports.http}
listeners:
  - name: plain
    host: 127.0.0.1
    port: ${ports.dicom}
  - name: secure
    host: 127.0.0.1
    port: ${ports.secure}
    tls: {certificate: gate.pem, key: gate.key, clientAuthorities: authority.pem}
  - name: web
    protocol: dicomweb
    host: 127.0.0.1
    port: ${ports.web}
reading:
  readers:
    - {name: good, listener: web, mode: enforce, networks: [127.0.0.2/32]}
    - {name: evil, listener: web, mode: enforce, networks: [127.0.0.0/8]}
    - name: evil-dimse
      listener: plain
      mode: enforce
      aeTitles: [EVIL]
      networks: [127.0.0.0/8]
      moveTo: [{aeTitle: EVIL, host: 127.0.0.1, port: ${sinkPort}}]
sources:
${source("good", "listener: plain\naeTitles: [GOOD]\nnetworks: [127.0.0.2/32]")}
${source("near", "listener: plain\naeTitles: [NEAR]\nnetworks: [127.0.0.1/32]")}
${source("evil", `listener: plain\naeTitles: [EVIL]\nnetworks: [127.0.0.0/8]\ncommitment: {host: 127.0.0.1, port: ${sinkPort}}`)}
${source("good-web", "listener: web\nnetworks: [127.0.0.2/32]")}
${source("evil-web", "listener: web\nnetworks: [127.0.0.0/8]")}
${source("good-tls", `listener: secure\ncertificates: ["sha256:${fingerprint}"]`)}
limits:
  objectSize: ${objectSize}
  spoolSize: ${spoolSize}
`;
}
