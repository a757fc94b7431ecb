/** The requestor's side of the Upper Layer: an association over a connection that we opened. */
import type { Duplex } from "node:stream";
import type { Bytes } from "../../../foundation/bytes.ts";
import type { AssociateRequest, NetworkPeer } from "../association.ts";
import { AssociationConnection } from "./association-connection.ts";
import type { ConnectionUser, UpperLayerOptions } from "./connection-event.ts";
import { type PduType, pduType, protocolError } from "./pdu.ts";
import { acceptFault, decodeAssociateAccept, encodeAssociateRequest } from "./pdu-associate.ts";
import type { DataIndication, UpperLayerAssociation } from "./upper-layer.ts";

/**
 * Proposes an association on a connection, connected or connecting (TLS: its handshake is the caller's to judge). The maximum PDU in the
 * request is replaced by the limit, which is enforced. The answer may take `artimMs`. Idle time counts for a requestor too: give a longer
 * `idleMs` where answers may take long.
 * @throws ScansealError `peer-rejected`, `peer-aborted`, `peer-protocol`, `timeout`, `network`; `usage` for a request that breaks the
 *   standard. The connection is then closed, or closing.
 */
export function requestAssociation(
  socket: Duplex,
  peer: NetworkPeer,
  request: AssociateRequest,
  onData: (association: UpperLayerAssociation) => DataIndication,
  options: UpperLayerOptions,
): Promise<UpperLayerAssociation> {
  return new Promise((resolve, reject) => {
    const proposed: AssociateRequest = {
      ...request,
      user: { ...request.user, maxPduBytes: options.limits.maxPduBytes },
    };
    let pdu: Bytes;
    try {
      pdu = encodeAssociateRequest(proposed);
    } catch (error) {
      socket.destroy();
      reject(error);
      return;
    }
    const user: ConnectionUser = { role: "requestor", associatePdu, ended: reject };
    const connection = new AssociationConnection(socket, peer, user, options);

    function associatePdu(type: PduType, body: Bytes): void {
      if (type !== pduType.associateAccept) throw protocolError("an unexpected PDU");
      const accept = decodeAssociateAccept(body);
      const fault = acceptFault(accept, proposed);
      if (fault !== undefined) throw protocolError(fault);
      connection.step("associate-ac-pdu", {
        perform: () => resolve(connection.open(proposed, accept, onData)),
      });
    }

    connection.start("associate-request");
    connection.step("transport-confirm", { pdu });
  });
}
