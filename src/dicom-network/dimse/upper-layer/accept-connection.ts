/** The acceptor's side of the Upper Layer: a connection that a peer opened. */
import type { Duplex } from "node:stream";
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { AssociateAccept, AssociateRequest, AssociationEnd, NetworkPeer } from "../association.ts";
import { AssociationConnection } from "./association-connection.ts";
import type { ConnectionUser, UpperLayerOptions } from "./connection-event.ts";
import { type PduType, pduType, protocolError } from "./pdu.ts";
import { acceptFault, decodeAssociateRequest, encodeAssociateAccept } from "./pdu-associate.ts";
import type { AssociateDecision, AssociateIndication } from "./upper-layer.ts";

export interface AcceptedConnection {
  /** Resolves once, when the connection is closed; never rejects. */
  readonly ended: Promise<AssociationEnd>;
  /** At any time; before there is an association the connection is just closed. */
  abort(why: string): void;
}

/**
 * Waits for an A-ASSOCIATE-RQ on a connection (TLS: after its handshake) and asks `indicate` what to answer. The maximum PDU in its
 * acceptance is replaced by the limit, which is enforced. An exception of `indicate` or `onOpen` aborts.
 */
export function acceptConnection(
  socket: Duplex,
  peer: NetworkPeer,
  indicate: AssociateIndication,
  options: UpperLayerOptions,
): AcceptedConnection {
  const user: ConnectionUser = { role: "acceptor", associatePdu };
  const connection = new AssociationConnection(socket, peer, user, options);

  function associatePdu(type: PduType, body: Bytes): void {
    if (type !== pduType.associateRequest) throw protocolError("an unexpected PDU");
    const decoded = decodeAssociateRequest(body);
    if (decoded.kind === "refused") {
      connection.step("associate-rq-pdu", { reject: decoded.reject, why: decoded.why });
      return;
    }
    const { request, echo } = decoded;
    connection.step("associate-rq-pdu", { perform: () => ask(request, echo) });
  }

  function ask(request: AssociateRequest, echo: Bytes): void {
    const decision = indicate(request, peer);
    if (decision instanceof Promise)
      decision.then((value) => answer(value, request, echo)).catch((error) => connection.abortFor(error));
    else answer(decision, request, echo);
  }

  function answer(decision: AssociateDecision, request: AssociateRequest, echo: Bytes): void {
    if ("reject" in decision) {
      connection.step("associate-reject", { reject: decision.reject });
      return;
    }
    const { maxPduBytes } = options.limits;
    const accept: AssociateAccept = {
      contexts: decision.accept.contexts,
      user: { ...decision.accept.user, maxPduBytes },
    };
    const fault = acceptFault(accept, request);
    if (fault !== undefined) throw new ScansealError("usage", `acceptance: ${fault}`);
    const pdu = encodeAssociateAccept(accept, echo);
    connection.step("associate-accept", {
      pdu,
      perform: () => connection.open(request, accept, decision.onOpen),
    });
  }

  connection.start("transport-indication");
  return { ended: connection.ended, abort: (why) => connection.abort(why) };
}
