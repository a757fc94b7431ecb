/** Our provider over an archive in memory, and our client at it, for tests of queries and retrievals. */

import type { PresentationContext, RoleSelection } from "../../src/dicom-network/dimse/association.ts";
import { connectDimse, type DimseClient, type DimseTarget } from "../../src/dicom-network/dimse/client.ts";
import {
  type DimseServer,
  type DimseServerOptions,
  startDimseServer,
} from "../../src/dicom-network/dimse/server.ts";
import type { DimseProvider } from "../../src/dicom-network/dimse/service.ts";
import { queryRetrieveClassUid } from "../../src/dicom-network/dimse/sop-classes.ts";
import { generateChestSeries } from "../../src/phantom/chest-ct.ts";
import { type ArchivedObject, archived } from "./memory-archive.ts";

export const ct = "1.2.840.10008.5.1.4.1.1.2";
export const verification = "1.2.840.10008.1.1";
export const explicit = "1.2.840.10008.1.2.1";
const asScp: readonly RoleSelection[] = [{ sopClassUid: ct, scu: false, scp: true }];

const servers: DimseServer[] = [];
const clients: DimseClient[] = [];

/** For `afterEach`. */
export async function closeEnds(): Promise<void> {
  for (const client of clients.splice(0)) client.abort("the test is over");
  for (const server of servers.splice(0)) await server.close();
}

/** Four slices of a phantom. */
export function fourObjects(): Promise<ArchivedObject[]> {
  const series = [...generateChestSeries({ seed: 3, slices: 4, studyDate: "20260102" })];
  return Promise.all(series.map(({ file }) => archived(file)));
}

/** @returns its port */
export async function serve(provider: DimseProvider, options: DimseServerOptions = {}): Promise<number> {
  const server = await startDimseServer({ host: "127.0.0.1", port: 0 }, provider, options);
  servers.push(server);
  return server.port;
}

export async function open(port: number, target: Partial<DimseTarget> = {}): Promise<DimseClient> {
  const classes = [
    verification,
    ...(["find", "move", "get"] as const).map((operation) => queryRetrieveClassUid("study", operation)),
    ct,
  ];
  const contexts: PresentationContext[] = classes.map((abstractSyntax, i) => ({
    id: 2 * i + 1,
    abstractSyntax,
    transferSyntaxes: [explicit],
  }));
  const client = await connectDimse({
    host: "127.0.0.1",
    port,
    callingAeTitle: "READER",
    calledAeTitle: "GATE",
    contexts,
    roles: asScp,
    ...target,
  });
  clients.push(client);
  return client;
}
