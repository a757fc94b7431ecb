/** A provider that takes everything and keeps what it took. */
import type { AssociationEnd, NetworkPeer } from "../../src/dicom-network/dimse/association.ts";
import type {
  AdmissionAnswer,
  DimseProvider,
  DimseStatus,
  OpenAssociation,
  StoreReceiver,
  StoreRequest,
} from "../../src/dicom-network/dimse/service.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";

export interface TakenObject {
  readonly request: StoreRequest;
  readonly dataSet: Bytes;
}

export class RecordingProvider implements DimseProvider {
  readonly taken: TakenObject[] = [];
  readonly log: string[] = [];
  readonly peers: NetworkPeer[] = [];
  readonly #waiting: { kind: string; resolve: (end: AssociationEnd) => void }[] = [];

  admit(_: unknown, peer: NetworkPeer): AdmissionAnswer | Promise<AdmissionAnswer> {
    this.peers.push(peer);
    return { accept: (_class, transferSyntaxes) => ({ transferSyntax: transferSyntaxes[0]! }) };
  }

  store(request: StoreRequest): StoreReceiver | DimseStatus {
    const pieces: Bytes[] = [];
    return {
      // A Buffer's own slice would be a view.
      write: (bytes) => void pieces.push(new Uint8Array(bytes)),
      end: async () => {
        this.log.push("end");
        this.taken.push({ request, dataSet: Buffer.concat(pieces) });
        return { code: 0 };
      },
      cancel: () => void this.log.push("cancel"),
    };
  }

  ended(association: OpenAssociation | undefined, _: NetworkPeer, end: AssociationEnd): void {
    this.log.push(`${association ? "association" : "connection"} ${end.kind}`);
    for (const { kind, resolve } of this.#waiting.splice(0)) if (kind === end.kind) resolve(end);
  }

  /** The next end of any association or connection, which must be of this kind. */
  nextEnd(kind: AssociationEnd["kind"]): Promise<AssociationEnd> {
    return new Promise((resolve) => void this.#waiting.push({ kind, resolve }));
  }
}
