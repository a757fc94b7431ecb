/** A site in a temporary folder that ends with the process: one device, its trust, and files it sealed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enrolLocally } from "../src/keys/custody/local-enrolment.ts";
import { anchorsToPem } from "../src/keys/trust/trust-store.ts";
import { CodecPool } from "../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../src/platform/node/crypto.ts";
import type { SealingPorts } from "../src/sealing/seal.ts";
import { createHome, type OpenDevice, type SiteHome } from "../src/site/home.ts";
import { OutputFolder } from "../src/site/output-folder.ts";
import { sealFile } from "../src/site/sealing-run.ts";
import { openProvenanceJournal } from "../src/store/provenance/open-provenance-journal.ts";
import { corpusFiles } from "../test/interop/dcmsign-rounds.ts";
import { peerPath } from "../test/peers.ts";

export interface BenchSite {
  readonly folder: string;
  readonly home: SiteHome;
  readonly homeFolder: string;
  readonly device: OpenDevice;
  readonly ports: SealingPorts;
  /** For dcmsign. */
  readonly anchorsFile: string;
  /** A new folder in the site's. */
  subfolder(name: string): string;
  /** @returns the sealed file */
  seal(path: string, out: string): Promise<string>;
}

let made: Promise<BenchSite> | undefined;

/** One for all benchmarks of a run. */
export function benchSite(): Promise<BenchSite> {
  made ??= makeSite();
  return made;
}

async function makeSite(): Promise<BenchSite> {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const homeFolder = join(folder, "home");
  const home = await createHome(homeFolder, { name: "Benchmark" });
  await enrolLocally(await home.openAuthority(), home.deviceFolder("bench"), {
    device: { name: "bench", aeTitle: "BENCH", serialNumber: "1" },
    roles: ["capture"],
    passphrase: home.passphrase(),
    random: nodeRandom,
    keyType: "EC-P256",
    isNewEpoch: false,
  });
  const device = await home.openDevice("bench");
  const anchorsFile = join(folder, "anchors.pem");
  writeFileSync(anchorsFile, anchorsToPem(home.trust()));
  const ports: SealingPorts = {
    crypto: nodeCrypto,
    random: nodeRandom,
    clock: systemClock,
    decoder: new CodecPool(),
    softwareVersion: "bench",
  };
  return {
    folder,
    home,
    homeFolder,
    device,
    ports,
    anchorsFile,
    subfolder(name) {
      const path = join(folder, name);
      mkdirSync(path, { recursive: true });
      return path;
    },
    async seal(path, out) {
      const nextCounter = (): number => device.counter.reserve(1).first;
      const output = await OutputFolder.open(out);
      const provenance = await openProvenanceJournal(home.provenancePath);
      const sealed = await sealFile(path, {
        device: device.device,
        nextCounter,
        ports,
        seals: device.seals,
        provenance,
        output,
      }).finally(() => provenance.close());
      return sealed.path;
    },
  };
}

/** CT slices of 0.53 MB, implicit VR little endian, with private elements, as a hospital's archive has them. */
export function originalSlices(): string[] {
  return corpusFiles(peerPath("corpus"))
    .filter(({ name }) => name.startsWith("ct-series/lidc"))
    .map(({ name }) => join(peerPath("corpus"), name));
}

let slices: Promise<readonly string[]> | undefined;

/** The same, sealed. */
export function sealedSlices(): Promise<readonly string[]> {
  slices ??= (async () => {
    const site = await benchSite();
    const out = site.subfolder("slices");
    const paths: string[] = [];
    for (const path of originalSlices()) paths.push(await site.seal(path, out));
    return paths;
  })();
  return slices;
}

export function bytesOf(path: string): Uint8Array {
  const { buffer, byteOffset, length } = readFileSync(path);
  return new Uint8Array(buffer, byteOffset, length);
}
