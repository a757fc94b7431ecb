/** A sender and an archive in this process, over loopback. */

import { plainTextOf } from "../../src/dicom/elements.ts";
import { tags } from "../../src/dicom/tags.ts";
import { connectDimse } from "../../src/dicom-network/dimse/client.ts";
import { type DimseServer, startDimseServer } from "../../src/dicom-network/dimse/server.ts";
import type { DimseProvider, StoreReceiver, StoreRequest } from "../../src/dicom-network/dimse/service.ts";
import type { ClientTls, ServerTls } from "../../src/dicom-network/dimse/transport.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { parse } from "../evaluation/fixture.ts";
import { gateTitle } from "./gate.ts";

export interface Sending {
  readonly callingAeTitle?: string;
  readonly calledAeTitle?: string;
  /** In place of the command's. */
  readonly sopInstanceUid?: string;
  /** In place of the file's. */
  readonly dataSet?: Bytes;
  readonly tls?: ClientTls;
}

/** A well-formed file, or one whose names are used for another data set. */
export type Sent = Bytes | (Sending & { readonly file: Bytes });

export async function dataSetOf(file: Bytes): Promise<Bytes> {
  return file.slice((await parse(file)).metaEnd);
}

/** One association for all of them. @returns the statuses. @throws ScansealError `peer-rejected`, `network`, ... */
export async function sendAll(
  port: number,
  sent: readonly Sent[],
  options: Sending = {},
): Promise<readonly number[]> {
  const stores = await Promise.all(
    sent.map(async (one) => {
      const { file, ...other } = "file" in one ? one : { file: one };
      const { elements, transferSyntax, metaEnd } = await parse(file);
      const { dataSet = file.subarray(metaEnd), sopInstanceUid } = { ...options, ...other } as Sending;
      return {
        sopClassUid: plainTextOf(elements, tags.sopClassUid)!,
        sopInstanceUid: sopInstanceUid ?? plainTextOf(elements, tags.sopInstanceUid)!,
        transferSyntaxUid: transferSyntax.uid,
        dataSet,
      };
    }),
  );
  const pairs = new Map(stores.map((one) => [`${one.sopClassUid} ${one.transferSyntaxUid}`, one]));
  const client = await connectDimse({
    host: "127.0.0.1",
    port,
    tls: options.tls,
    callingAeTitle: options.callingAeTitle ?? "CT1",
    calledAeTitle: options.calledAeTitle ?? gateTitle,
    contexts: [...pairs.values()].map(({ sopClassUid, transferSyntaxUid }, i) => ({
      id: 2 * i + 1,
      abstractSyntax: sopClassUid,
      transferSyntaxes: [transferSyntaxUid],
    })),
  });
  const statuses: number[] = [];
  for (const { dataSet, ...instance } of stores) {
    statuses.push((await client.store(instance, pieces(dataSet))).code);
  }
  await client.release();
  return statuses;
}

export async function send(port: number, file: Bytes, options: Sending = {}): Promise<number> {
  return (await sendAll(port, [file], options))[0]!;
}

async function* pieces(bytes: Bytes): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += 5_000) yield bytes.subarray(at, at + 5_000);
}

export interface ReceivedInstance {
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** The data set. */
  readonly bytes: Bytes;
}

/** Keeps what it gets whole and answers with success. */
export class ReceivingArchive {
  readonly received: ReceivedInstance[] = [];
  answer: () => number = () => 0;
  takesContexts = true;
  port = 0;
  #server: DimseServer | undefined;

  static async open(port: number, tls?: ServerTls): Promise<ReceivingArchive> {
    const archive = new ReceivingArchive();
    const provider: DimseProvider = {
      admit: () => ({
        accept: (_, [transferSyntax]) =>
          archive.takesContexts && transferSyntax !== undefined ? { transferSyntax } : { refuse: 4 },
      }),
      store: (request) => archive.#receiver(request),
    };
    archive.#server = await startDimseServer({ host: "127.0.0.1", port, tls }, provider);
    archive.port = archive.#server.port;
    return archive;
  }

  #receiver({ sopInstanceUid, transferSyntaxUid }: StoreRequest): StoreReceiver {
    const parts: Bytes[] = [];
    return {
      write: (bytes) => void parts.push(bytes.slice()),
      end: async () => {
        const code = this.answer();
        const isKept = code === 0 || code >> 12 === 0xb;
        if (isKept) this.received.push({ sopInstanceUid, transferSyntaxUid, bytes: concatBytes(parts) });
        return { code };
      },
      cancel: () => undefined,
    };
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}
