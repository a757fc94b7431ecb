/** An archive link over the network. */
import type { PresentationContext } from "../../dicom-network/dimse/association.ts";
import { connectDimse, type DimseClient } from "../../dicom-network/dimse/client.ts";
import type { DimseStatus } from "../../dicom-network/dimse/service.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { ArchiveLink, ContextNeed } from "./archive-link.ts";
import type { DestinationSettings } from "./settings.ts";

/** PS3.8 9.3.2.2: ids are odd and below 256. */
const contextsMax = 128;

/**
 * Proposes each class in each syntax as a context of its own, so that the archive cannot choose another syntax for it.
 * @throws ScansealError `network`, `timeout`, `key-unusable`, `peer-*`
 */
export async function connectArchive(
  destination: DestinationSettings,
  callingAeTitle: string,
  needs: readonly ContextNeed[],
): Promise<ArchiveLink> {
  const { host, port, tls, aeTitle } = destination;
  const byKey = new Map(needs.map((need) => [keyOf(need), need]));
  const contexts: PresentationContext[] = [...byKey.values()].slice(0, contextsMax).map((need, i) => ({
    id: 2 * i + 1,
    abstractSyntax: need.sopClassUid,
    transferSyntaxes: [need.transferSyntaxUid],
  }));
  const client = await connectDimse({ host, port, tls, callingAeTitle, calledAeTitle: aeTitle, contexts });
  return new NetworkLink(client, new Set([...byKey.keys()].slice(0, contextsMax)));
}

function keyOf({ sopClassUid, transferSyntaxUid }: ContextNeed): string {
  return `${sopClassUid} ${transferSyntaxUid}`;
}

class NetworkLink implements ArchiveLink {
  readonly #client: DimseClient;
  readonly #proposed: ReadonlySet<string>;
  readonly #taken: ReadonlySet<string>;

  constructor(client: DimseClient, proposed: ReadonlySet<string>) {
    this.#client = client;
    this.#proposed = proposed;
    this.#taken = new Set(
      client.contexts.map(({ abstractSyntax, transferSyntax }) =>
        keyOf({ sopClassUid: abstractSyntax, transferSyntaxUid: transferSyntax }),
      ),
    );
  }

  get isOpen(): boolean {
    return this.#client.isOpen;
  }

  answerTo(need: ContextNeed): "taken" | "refused" | "not-proposed" {
    const key = keyOf(need);
    if (this.#taken.has(key)) return "taken";
    return this.#proposed.has(key) ? "refused" : "not-proposed";
  }

  store(object: JudgedObject, dataSet: AsyncIterable<Bytes>): Promise<DimseStatus> {
    return this.#client.store(object, dataSet);
  }

  release(): Promise<void> {
    return this.#client.release();
  }

  abort(why: string): void {
    this.#client.abort(why);
  }
}
