/** Orthanc as the archive of a crash run: started with a folder of its own, and asked what it has. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { parse } from "../evaluation/fixture.ts";
import { peer } from "../peers.ts";
import type { ArchivedFile } from "./crash-audit.ts";

export interface OrthancPorts {
  readonly archive: number;
  readonly archiveHttp: number;
  /** Of the gate, which it tells what it commits to. */
  readonly dicom: number;
}

/** Writes its configuration. @returns its arguments */
export function orthancArguments(folder: string, ports: OrthancPorts, gateTitle: string): readonly string[] {
  const storage = join(folder, "archive");
  mkdirSync(storage, { recursive: true });
  // Needed only where the gate reads over DICOMweb.
  const plugin = peer("orthanc-dicomweb");
  const configuration = {
    StorageDirectory: storage,
    IndexDirectory: storage,
    Plugins: plugin === undefined ? [] : [plugin],
    DicomWeb: { Enable: true, Root: "/dicom-web/" },
    HttpPort: ports.archiveHttp,
    DicomPort: ports.archive,
    DicomAet: "ARCHIVE",
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    DicomModalities: { gate: [gateTitle, "127.0.0.1", ports.dicom] },
    DicomAlwaysAllowStore: true,
    DicomAlwaysAllowFind: true,
    DicomAlwaysAllowGet: true,
    MaximumStorageCacheSize: 0,
  };
  const path = join(folder, "orthanc.json");
  writeFileSync(path, JSON.stringify(configuration));
  return [path];
}

export async function orthancHas({
  archiveHttp,
}: Pick<OrthancPorts, "archiveHttp">): Promise<readonly ArchivedFile[]> {
  const ask = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${archiveHttp}${path}`);
  const instances = (await (await ask("/instances?expand")).json()) as readonly {
    readonly ID: string;
    readonly MainDicomTags: { readonly SOPInstanceUID: string };
  }[];
  return Promise.all(
    instances.map(async ({ ID, MainDicomTags }) => {
      const file: Bytes = new Uint8Array(await (await ask(`/instances/${ID}/file`)).arrayBuffer());
      return {
        sopInstanceUid: MainDicomTags.SOPInstanceUID,
        dataSet: file.subarray((await parse(file)).metaEnd),
      };
    }),
  );
}
