/** Requests and data that no peer should send, and the beginnings of sessions that are broken off. */
import { type Bytes, concatBytes, fromHex } from "../../src/foundation/bytes.ts";
import { dataPdu, releaseRequest } from "../dicom-network/raw-peer.ts";
import {
  associate,
  echoCommand,
  implicitLittleEndian,
  item,
  openPixelData,
  pdu,
  requestBody,
  storeCommand,
  storeCommandSet,
  verification,
  type WireContext,
} from "./dimse-wire.ts";

export function repeated(bytes: Bytes, count: number): Bytes {
  return concatBytes(Array.from({ length: count }, () => bytes));
}

export const maximalContexts: readonly WireContext[] = Array.from({ length: 128 }, (_, i) => ({
  id: 2 * i + 1,
  abstractSyntax: `1.2.840.10008.5.1.4.1.1.${i + 1}`,
  transferSyntaxes: Array.from({ length: 32 }, (__, k) => `1.2.3.${k}`),
}));

const context = (id: number): WireContext => ({
  id,
  abstractSyntax: verification,
  transferSyntaxes: [implicitLittleEndian],
});

/** Before an association. */
export const badRequests: readonly Bytes[] = [
  ...[0, 1, 0xffffffff, requestBody().length + 7, requestBody().length - 7].map((length) =>
    pdu(1, requestBody(), length),
  ),
  pdu(4, new Uint8Array(0), 0xffffffff),
  pdu(9, new Uint8Array(100)),
  associate({ contexts: [context(1), context(1)] }),
  associate({ contexts: [context(2)] }),
  associate({ contexts: [] }),
  ...["\r\nFORGED LOG LINE", "\u0000\u0001\u0002", "", "\u001b[2J", "A\\B", "\u00e4\u00f6"].flatMap(
    (title) => [associate({ calling: title }), associate({ called: title })],
  ),
  ...[1, 7].map((maxPduBytes) => associate({ maxPduBytes })),
  associate({ more: item(0x50, new Uint8Array(0)) }),
  associate({ more: repeated(item(0x77, new Uint8Array(0)), 10_000) }),
  fromHex("474554202f20485454502f312e310d0a0d0a"),
];

/** In an association. */
export const badData: readonly Bytes[] = [
  ...[0, 1, 5, 0xffffffff, 131_073].map((length) =>
    pdu(4, dataPdu([1, 3, new Uint8Array(8)]).subarray(6), length),
  ),
  pdu(4, concatBytes([fromHex("000000000103"), new Uint8Array(8)])),
  pdu(4, concatBytes([fromHex("ffffffff0103"), new Uint8Array(8)])),
  dataPdu([1, 0, new Uint8Array(0)]),
  dataPdu([3, 2, new Uint8Array(100)]),
  dataPdu([99, 3, storeCommandSet()]),
  dataPdu([3, 1, new Uint8Array(16_000)], [3, 1, new Uint8Array(16_000)]),
  concatBytes([storeCommand(), storeCommand()]),
  concatBytes([storeCommand(), dataPdu([5, 2, new Uint8Array(10)])]),
  associate(),
  concatBytes([releaseRequest, echoCommand()]),
];

export const phases: readonly Bytes[] = [
  new Uint8Array(0),
  associate().subarray(0, 3),
  associate().subarray(0, 100),
  associate(),
  concatBytes([associate(), echoCommand()]),
  concatBytes([associate(), storeCommand()]),
  concatBytes([associate(), storeCommand(), dataPdu([3, 0, openPixelData(1_000)]).subarray(0, 9)]),
  concatBytes([associate(), storeCommand(), dataPdu([3, 0, openPixelData(1_000)])]),
  concatBytes([associate(), releaseRequest]),
];
