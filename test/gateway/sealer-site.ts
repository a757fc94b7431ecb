/** A site with a sealer beside a CT, and the gateway that is that sealer, in a folder of its own; what is sent to it is made here. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePart10, textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { enrolLocally } from "../../src/keys/custody/local-enrolment.ts";
import type { Role } from "../../src/keys/trust/roles.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { nodeRandom } from "../../src/platform/node/crypto.ts";
import { sealObject } from "../../src/sealing/seal.ts";
import { openDeviceSealing } from "../../src/site/device-sealing.ts";
import { loadConfig } from "../../src/site/gateway/config.ts";
import { type RunningGateway, runGateway } from "../../src/site/gateway/run.ts";
import { withJournal } from "../../src/site/gateway/stores.ts";
import { createHome, type SiteHome } from "../../src/site/home.ts";
import type { Journal, JudgedObject } from "../../src/store/journal/journal.ts";
import { sampleElements } from "../vectors/manifest/sample-object.ts";

export const sealerDevice = "CT1-SEALER";

export interface ScanChoice {
  readonly patientId?: string;
  readonly accession?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly serial?: string;
  readonly station?: string;
  readonly modality?: string;
  readonly thickness?: string;
  readonly series?: string;
}

/** As the CT sends it: a small two-frame object of an invented patient. */
export function scan(sopInstanceUid: string, choice: ScanChoice = {}): Bytes {
  const { manufacturer = "ACME", model = "Scan 3000", serial = "CT1-serial", station = "CT01" } = choice;
  const { patientId = "4711", accession = "A-1", modality = "CT", thickness = "1.25" } = choice;
  const own = [
    textElement(tags.sopInstanceUid, "UI", sopInstanceUid),
    textElement(0x00080050, "SH", accession),
    textElement(tags.modality, "CS", modality),
    textElement(0x00080070, "LO", manufacturer),
    textElement(0x00081010, "SH", station),
    textElement(0x00081090, "LO", model),
    textElement(tags.patientId, "LO", patientId),
    textElement(0x00180050, "DS", thickness),
    textElement(tags.deviceSerialNumber, "LO", serial),
    textElement(tags.seriesInstanceUid, "UI", choice.series ?? "2.25.2"),
  ];
  const taken = new Set(own.map(({ tag }) => tag));
  const rest = sampleElements().filter(({ tag }) => !taken.has(tag) && tag >>> 16 !== 0x0009);
  return encodePart10(
    [...own, ...rest].sort((a, b) => a.tag - b.tag),
    explicitLittleEndianUid,
  );
}

export interface SealerChoice {
  /** More lines of the source's section "sealing". */
  readonly sealing?: readonly string[];
  /** More lines of the source. */
  readonly source?: readonly string[];
  /** More entries of "sources". */
  readonly sources?: readonly string[];
  readonly limits?: readonly string[];
  readonly listenerPort?: number;
}

export class SealerSite {
  readonly folder: string;
  readonly home: SiteHome;
  readonly events: GatewayEvent[] = [];
  readonly #waiting = new Set<() => void>();
  #gateway: RunningGateway | undefined;

  private constructor(folder: string, home: SiteHome) {
    this.folder = folder;
    this.home = home;
  }

  static async make(role: Role = "beside-device"): Promise<SealerSite> {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-sealer-"));
    const home = await createHome(join(folder, "home"), { name: "Test site" });
    const site = new SealerSite(folder, home);
    await site.enrol(sealerDevice, role);
    mkdirSync(join(folder, "worklist"));
    return site;
  }

  async enrol(name: string, role: Role, serialNumber = "CT1-serial"): Promise<void> {
    await enrolLocally(await this.home.openAuthority(), this.home.deviceFolder(name), {
      device: { name, aeTitle: "CT01", serialNumber },
      roles: [role],
      passphrase: this.home.passphrase(),
      random: nodeRandom,
    });
  }

  /** As `scanseal seal` does it. */
  async sealed(name: string, original: Bytes): Promise<Bytes> {
    const { device, counter, ports, close } = await openDeviceSealing(this.home, name, {
      softwareVersion: "test",
    });
    try {
      const object = await readDicom(new MemorySource(original));
      const seal = await sealObject(object, device, ports, { nextCounter: () => counter.reserve(1).first });
      return await writeToBytes(seal.object, seal.edits);
    } finally {
      await close();
    }
  }

  get configPath(): string {
    return join(this.folder, "gateway.yaml");
  }

  /** @param archive port of one that takes DICOM */
  configure(archive: number | undefined, choice: SealerChoice = {}): void {
    const lines = [
      "aeTitle: GATE",
      "home: home",
      "data: data",
      "http: {port: 65535}",
      "listeners:",
      `  - {name: ct1, host: 127.0.0.1, port: ${choice.listenerPort ?? 65534}}`,
      "sources:",
      "  - name: ct1",
      "    listener: ct1",
      "    aeTitles: [CT01]",
      "    networks: [127.0.0.1/32]",
      `    seals: ${sealerDevice}`,
      ...(choice.source ?? []).map((line) => `    ${line}`),
      "    sealing:",
      "      modalities: [CT]",
      "      manufacturer: ACME",
      "      model: Scan 3000",
      "      station: CT01",
      ...(choice.sealing ?? []).map((line) => `      ${line}`),
      ...(choice.sources ?? []),
      ...(choice.limits ? ["limits:", ...choice.limits.map((line) => `  ${line}`)] : []),
      ...(archive === undefined
        ? []
        : [
            "destinations:",
            `  - {name: archive, host: 127.0.0.1, port: ${archive}, aeTitle: ARCHIVE, associations: 1}`,
          ]),
    ];
    writeFileSync(this.configPath, `${lines.join("\n")}\n`);
  }

  /** @returns the port to send to */
  async start(): Promise<number> {
    const { config, problems } = loadConfig(this.configPath);
    if (!config) throw new Error(problems.map(({ message }) => message).join("; "));
    // Port 0 is no port of a file.
    const { settings, http } = config;
    const listeners = settings.listeners.map((one) => ({ ...one, port: one.port === 65534 ? 0 : one.port }));
    this.#gateway = await runGateway(
      { ...config, http: { ...http, port: 0 }, settings: { ...settings, listeners } },
      {
        version: "test",
        events: (event) => {
          this.events.push(event);
          for (const look of [...this.#waiting]) look();
        },
      },
    );
    return this.#gateway.listeners[0]!.port;
  }

  async stop(graceMs = 10_000): Promise<void> {
    await this.#gateway?.stop(graceMs);
    this.#gateway = undefined;
  }

  /** Resolves when so many events fit, those from before included. */
  until(fits: (event: GatewayEvent) => boolean, count = 1): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.events.filter(fits).length < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** The running gateway's journal, as a command sees it. */
  async journal<T>(body: (journal: Journal) => Promise<T>): Promise<T> {
    const { config } = loadConfig(this.configPath);
    if (!config) throw new Error("the configuration does not hold");
    return withJournal(config, body);
  }

  objects(): Promise<readonly JudgedObject[]> {
    return this.journal((journal) => journal.objects({ limit: 1000 }));
  }

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  async remove(): Promise<void> {
    await this.stop(0);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function isHeld(event: GatewayEvent): boolean {
  return event.kind === "object-judged" && event.state === "held";
}
