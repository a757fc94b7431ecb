/** Our client at a server whose messages a test plays. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { connectDimse, type DimseClient, type DimseTarget } from "../../src/dicom-network/dimse/client.ts";
import {
  type CommandSet,
  decodeCommandSet,
  encodeCommandSet,
} from "../../src/dicom-network/dimse/command-set.ts";
import { answerRequest, ownImplementation } from "../../src/dicom-network/dimse/presentation.ts";
import { acceptConnection } from "../../src/dicom-network/dimse/upper-layer/accept-connection.ts";
import type { UpperLayerAssociation } from "../../src/dicom-network/dimse/upper-layer/upper-layer.ts";
import {
  upperLayerLimits,
  upperLayerTimers,
} from "../../src/dicom-network/dimse/upper-layer/upper-layer-defaults.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";

/** What a played server says, one message after another. */
export interface PlayedServer {
  send(command: CommandSet, dataSet?: Bytes): Promise<void>;
  readonly association: UpperLayerAssociation;
}

const servers: Server[] = [];
const connections: { abort(why: string): void }[] = [];

/** For `afterEach`. */
export function closePlayed(): void {
  for (const connection of connections.splice(0)) connection.abort("the test is over");
  for (const server of servers.splice(0)) server.close();
}

/** @param take called for each command that comes; messages go out on its context */
export async function playedServer(
  target: Pick<DimseTarget, "contexts"> & Partial<DimseTarget>,
  take: (command: CommandSet, server: PlayedServer) => Promise<void> | void,
): Promise<DimseClient> {
  const server = createServer((socket) => {
    const options = { timers: upperLayerTimers, limits: upperLayerLimits };
    const accept = (_: string, [transferSyntax]: readonly string[]) => ({ transferSyntax: transferSyntax! });
    const roles = () => ({ scu: true, scp: true });
    connections.push(
      acceptConnection(
        socket,
        { address: "127.0.0.1", port: 1 },
        (request) => ({
          accept: answerRequest(request, { accept, roles }, ownImplementation),
          onOpen:
            (association) =>
            ({ contextId, isCommand, bytes }) => {
              if (!isCommand) return;
              const send = async (command: CommandSet, dataSet?: Bytes): Promise<void> => {
                const part = { isCommand: true, isLast: true };
                await association.send(contextId, part, encodeCommandSet(command));
                if (dataSet) await association.send(contextId, { ...part, isCommand: false }, dataSet);
              };
              // It goes on reading meanwhile.
              void Promise.resolve(take(decodeCommandSet(bytes), { send, association })).catch(
                () => undefined,
              );
            },
        }),
        options,
      ),
    );
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const titles = { callingAeTitle: "TEST", calledAeTitle: "PEER" };
  return connectDimse({ host: "127.0.0.1", port, ...titles, ...target });
}
