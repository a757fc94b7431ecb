/** An archive in this process: takes what it is sent, and remembers a digest of each data set. */
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { type DimseServer, startDimseServer } from "../../dicom-network/dimse/server.ts";
import type { DimseProvider, StoreReceiver, StoreRequest } from "../../dicom-network/dimse/service.ts";
import { toHex } from "../../foundation/bytes.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";

export interface ReceivedInstance {
  readonly sopInstanceUid: string;
  /** SHA-256 of the data set as it came over the network, hexadecimal. */
  readonly digest: string;
}

const success = 0;

export class ReceivingArchive {
  readonly received: ReceivedInstance[] = [];
  #server: DimseServer | undefined;

  /** On a free port of this machine. @throws ScansealError `network` */
  static async open(): Promise<ReceivingArchive> {
    const archive = new ReceivingArchive();
    const provider: DimseProvider = {
      admit: () => ({
        // PS3.5 10.1: whoever proposes nothing else proposes the default one.
        accept: (_, [transferSyntax = explicitLittleEndianUid]) => ({ transferSyntax }),
      }),
      store: (request) => archive.#receiver(request),
    };
    archive.#server = await startDimseServer({ host: "127.0.0.1", port: 0 }, provider);
    return archive;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  #receiver({ sopInstanceUid }: StoreRequest): StoreReceiver {
    const hash = nodeCrypto.createHash("SHA-256");
    return {
      write: (bytes) => hash.update(bytes),
      end: async () => {
        this.received.push({ sopInstanceUid, digest: toHex(hash.digest()) });
        return { code: success };
      },
      cancel: () => undefined,
    };
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}
