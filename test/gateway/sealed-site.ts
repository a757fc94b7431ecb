/** A site with one device, and objects it sealed, in a folder of its own: for tests of what runs a gateway. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDicom } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { enrolLocally } from "../../src/keys/custody/local-enrolment.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { sealObject } from "../../src/sealing/seal.ts";
import { openDeviceSealing } from "../../src/site/device-sealing.ts";
import { createHome, type SiteHome } from "../../src/site/home.ts";
import { OutputFolder } from "../../src/site/output-folder.ts";
import { sealFile } from "../../src/site/sealing-run.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";

export interface SealedSite {
  /** Everything is below it. */
  readonly folder: string;
  readonly home: SiteHome;
  /** @returns the path of the sealed object */
  seal(original: string): Promise<string>;
  /** With its marks, as `scanseal seal` does it; in memory. */
  sealMarked(original: Bytes): Promise<Bytes>;
  /** Writes a file below the folder and returns its path. */
  write(name: string, content: string | Uint8Array): string;
  remove(): void;
}

/** The home is `folder/home`, the device CT1. */
export async function makeSealedSite(): Promise<SealedSite> {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-gateway-"));
  const home = await createHome(join(folder, "home"), { name: "Test site" });
  await enrolLocally(await home.openAuthority(), home.deviceFolder("CT1"), {
    device: { name: "CT1", aeTitle: "CT1", serialNumber: "CT1-serial" },
    roles: ["capture"],
    passphrase: home.passphrase(),
    random: nodeRandom,
  });
  return {
    folder,
    home,
    seal: async (original) => {
      const { device, counter, seals } = await home.openDevice("CT1");
      const output = await OutputFolder.open(join(folder, "sealed"));
      const ports = {
        crypto: nodeCrypto,
        random: nodeRandom,
        clock: systemClock,
        decoder: new CodecPool(),
        softwareVersion: "test",
      };
      const nextCounter = (): number => counter.reserve(1).first;
      const provenance = await openProvenanceJournal(home.provenancePath);
      const run = { device, nextCounter, ports, seals, provenance, output };
      const { path } = await sealFile(original, run).finally(() => provenance.close());
      return path;
    },
    sealMarked: async (original) => {
      const { device, counter, ports, close } = await openDeviceSealing(home, "CT1", {
        softwareVersion: "test",
      });
      try {
        const nextCounter = (): number => counter.reserve(1).first;
        const object = await readDicom(new MemorySource(original));
        const seal = await sealObject(object, device, ports, { nextCounter });
        if (!seal.marks) throw new Error("the object could not be marked");
        return await writeToBytes(seal.object, seal.edits);
      } finally {
        await close();
      }
    },
    write: (name, content) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
