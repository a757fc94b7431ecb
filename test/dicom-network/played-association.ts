/** Associations of which one side is ours and the other is played byte by byte. */
import type { Socket } from "node:net";
import { expect } from "vitest";
import type {
  AssociateRequest,
  AssociationEnd,
  NetworkPeer,
} from "../../src/dicom-network/dimse/association.ts";
import { acceptConnection } from "../../src/dicom-network/dimse/upper-layer/accept-connection.ts";
import type { UpperLayerOptions } from "../../src/dicom-network/dimse/upper-layer/connection-event.ts";
import {
  encodeAssociateAccept,
  encodeAssociateRequest,
} from "../../src/dicom-network/dimse/upper-layer/pdu-associate.ts";
import { requestAssociation } from "../../src/dicom-network/dimse/upper-layer/request-association.ts";
import type {
  AssociateDecision,
  DataIndication,
  UpperLayerAssociation,
} from "../../src/dicom-network/dimse/upper-layer/upper-layer.ts";
import {
  upperLayerLimits,
  upperLayerTimers,
} from "../../src/dicom-network/dimse/upper-layer/upper-layer-defaults.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { RawPeer, tcpPair } from "./raw-peer.ts";

export const options: UpperLayerOptions = { timers: upperLayerTimers, limits: upperLayerLimits };
export const peer: NetworkPeer = { address: "127.0.0.1", port: 104 };
export const implicit: string = "1.2.840.10008.1.2";

export const request: AssociateRequest = {
  callingAeTitle: "CT1",
  calledAeTitle: "GATE",
  applicationContext: "1.2.840.10008.3.1.1.1",
  contexts: [
    { id: 1, abstractSyntax: "1.2.840.10008.1.1", transferSyntaxes: [implicit] },
    { id: 3, abstractSyntax: "1.2.3", transferSyntaxes: [implicit] },
  ],
  user: { maxPduBytes: 0, implementationClassUid: "1.2.3" },
};

/** Accepts context 1 only. */
export function accepting(onOpen: (association: UpperLayerAssociation) => DataIndication): AssociateDecision {
  return {
    accept: {
      contexts: [
        { id: 1, result: 0, transferSyntax: implicit },
        { id: 3, result: 3, transferSyntax: "" },
      ],
      user: { maxPduBytes: 0, implementationClassUid: "1.2.4" },
    },
    onOpen,
  };
}

const open: Socket[] = [];

/** For `afterEach`. */
export function closeAll(): void {
  for (const socket of open.splice(0)) socket.destroy();
}

export async function pair(): Promise<[Socket, Socket]> {
  const ends = await tcpPair();
  open.push(...ends);
  return ends;
}

export interface Collected {
  readonly parts: { isCommand: boolean; bytes: Bytes }[];
  readonly indication: DataIndication;
  readonly next: () => Promise<void>;
}

/** Puts message parts together. */
export function collector(): Collected {
  const parts: { isCommand: boolean; bytes: Bytes }[] = [];
  let pieces: Bytes[] = [];
  let wake = () => {};
  return {
    parts,
    indication: ({ bytes, isCommand, isLast }) => {
      pieces.push(new Uint8Array(bytes));
      if (!isLast) return;
      parts.push({ isCommand, bytes: concatBytes(pieces) });
      pieces = [];
      wake();
    },
    next: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

/** A played requestor and our acceptor, which has accepted. */
export async function acceptor(indication: DataIndication = () => undefined): Promise<{
  raw: RawPeer;
  ended: Promise<AssociationEnd>;
  association: UpperLayerAssociation;
  socket: Socket;
}> {
  const [client, server] = await pair();
  const raw = new RawPeer(client);
  const { promise, resolve } = Promise.withResolvers<UpperLayerAssociation>();
  const { ended } = acceptConnection(
    server,
    peer,
    () =>
      accepting((association) => {
        resolve(association);
        return indication;
      }),
    options,
  );
  raw.send(encodeAssociateRequest(request));
  expect((await raw.pdu())?.[0]).toBe(2);
  return { raw, ended, association: await promise, socket: server };
}

/** Our requestor and a played acceptor, which has accepted with the given maximum PDU. */
export async function requestor(
  maxPduBytes = 0,
  indication: DataIndication = () => undefined,
): Promise<{ raw: RawPeer; association: UpperLayerAssociation; socket: Socket }> {
  const [client, server] = await pair();
  const raw = new RawPeer(server);
  const pending = requestAssociation(client, peer, request, () => indication, options);
  const rq = await raw.pdu();
  const decision = accepting(() => () => undefined) as Extract<AssociateDecision, { accept: object }>;
  const accept = { ...decision.accept, user: { ...decision.accept.user, maxPduBytes } };
  raw.send(encodeAssociateAccept(accept, rq!.subarray(10, 74)));
  return { raw, association: await pending, socket: client };
}

export const rejectedWith: (promise: Promise<unknown>) => Promise<ScansealError> = async (
  promise: Promise<unknown>,
): Promise<ScansealError> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ScansealError);
  return error as ScansealError;
};

export function expectNothingLeft(socket: Socket): void {
  expect(socket.destroyed).toBe(true);
  for (const name of ["data", "error", "drain"]) expect(socket.listenerCount(name)).toBe(0);
}
