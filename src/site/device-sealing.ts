/** What one device of the site seals with: its key, counter and seals, the machine's clock and codecs, the site's marking keys and choice. */

import { keyIdOf } from "../invisible-watermark/keys.ts";
import { watermarkKeysOf } from "../keys/custody/watermark-master.ts";
import { CodecPool } from "../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../platform/node/crypto.ts";
import { digestOnlyReason } from "../sealing/marking-choice.ts";
import type { WatermarkPorts } from "../sealing/object-marking.ts";
import type { SealingPorts } from "../sealing/seal.ts";
import { openProvenanceJournal } from "../store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal } from "../store/provenance/provenance-journal.ts";
import type { OpenDevice, SiteHome } from "./home.ts";
import { MarkingPool } from "./marking/marking-pool.ts";
import { readMarking } from "./marking-file.ts";

export interface DeviceSealingOptions {
  readonly softwareVersion: string;
  /** False: nothing new is marked, whatever the device's choice is. */
  readonly watermark?: boolean;
  readonly onFrame?: WatermarkPorts["onFrame"];
}

export interface DeviceSealing extends OpenDevice {
  readonly ports: SealingPorts;
  readonly provenance: ProvenanceJournal;
  /** Ends the threads, and closes the journal. */
  close(): Promise<void>;
}

/** @throws ScansealError `usage`, `key-unusable`, `counter-conflict`, `io` */
export async function openDeviceSealing(
  home: SiteHome,
  name: string,
  { softwareVersion, watermark = true, onFrame }: DeviceSealingOptions,
): Promise<DeviceSealing> {
  const open = await home.openDevice(name);
  const choice = readMarking(home.deviceFolder(name));
  const keyId = keyIdOf(open.device.signer.certificate, nodeCrypto);
  const provenance = await openProvenanceJournal(home.provenancePath);
  const codecs = new CodecPool();
  const marker = new MarkingPool();
  return {
    ...open,
    provenance,
    ports: {
      crypto: nodeCrypto,
      random: nodeRandom,
      clock: systemClock,
      decoder: codecs,
      softwareVersion,
      watermark: {
        marker,
        encoder: codecs,
        keys: watermarkKeysOf(home.watermarkMaster(), keyId, nodeCrypto),
        refuse: (object) => (watermark ? digestOnlyReason(object, choice) : "choice"),
        ...(onFrame ? { onFrame } : {}),
      },
    },
    async close() {
      await Promise.all([codecs.close(), marker.close(), provenance.close()]);
    },
  };
}
