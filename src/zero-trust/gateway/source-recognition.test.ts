import { expect, it } from "vitest";
import type { AssociateRequest, NetworkPeer } from "../../dicom-network/dimse/association.ts";
import { toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import type { GatewaySettings, SourceSettings } from "./settings.ts";
import { SourceBook } from "./source-recognition.ts";

const certificate = Uint8Array.of(1, 2, 3);
const stranger = Uint8Array.of(9, 9, 9);
const fingerprint = toHex(nodeCrypto.hash("SHA-256", certificate));

const source = (name: string, other: Partial<SourceSettings>): SourceSettings => ({
  name,
  listener: "plain",
  certificates: [],
  aeTitles: [],
  networks: [],
  mode: "observe",
  tolerate: [],
  devices: [],
  associationsMax: 4,
  quotaBytes: 1 << 30,
  ...other,
});

const listener = (name: string) => ({ name, host: "127.0.0.1", port: 0 });

function bookOf(...sources: readonly SourceSettings[]): SourceBook {
  const settings: GatewaySettings = {
    aeTitle: "GATE",
    listeners: [
      listener("plain"),
      { ...listener("tls"), tls: { certificate: "", key: "", clientAuthorities: "" } },
    ],
    sources,
    destinations: [],
    limits: {
      associationsMax: 10,
      objectBytesMax: 1 << 30,
      objectMs: 60_000,
      evidenceMs: 60_000,
      retryMs: 1,
      retryMsMax: 1,
      deliveryMsMax: 1,
    },
  };
  return new SourceBook(settings, nodeCrypto);
}

function request(callingAeTitle: string, calledAeTitle = "GATE"): AssociateRequest {
  const user = { maxPduBytes: 0, implementationClassUid: "1.2" };
  return { callingAeTitle, calledAeTitle, applicationContext: "1.2.840.10008.3.1.1.1", contexts: [], user };
}

const from = (address: string, shown?: Uint8Array): NetworkPeer => ({
  address,
  port: 4000,
  certificate: shown,
});

function recognised(book: SourceBook, at: string, peer: NetworkPeer, asked: AssociateRequest): string {
  const found = book.recognise(at, peer, asked);
  if ("reject" in found)
    return `rejected ${found.reject.result}/${found.reject.source}/${found.reject.reason}`;
  return `${found.source.name}${found.titleDiffers ? ", another title" : ""}`;
}

// PS3.8 table 9-21
const unknownCalling = "rejected 1/1/3";
const unknownCalled = "rejected 1/1/7";

it("a plain listener knows network and AE title", () => {
  const book = bookOf(
    source("ct", { aeTitles: ["CT1", "CT2"], networks: ["10.1.0.0/16", "2001:db8::/32"] }),
    source("any", { networks: ["192.0.2.7"] }),
  );
  const ask = (address: string, title: string): string =>
    recognised(book, "plain", from(address), request(title));
  expect(ask("10.1.255.1", "CT2")).toBe("ct");
  expect(ask("2001:db8:1::1", "CT1")).toBe("ct");
  expect(ask("10.2.0.1", "CT1")).toBe(unknownCalling);
  expect(ask("10.1.0.1", "CT3")).toBe(unknownCalling);
  expect(ask("2001:db9::1", "CT1")).toBe(unknownCalling);
  expect(ask("192.0.2.7", "WHATEVER")).toBe("any");
  expect(ask("192.0.2.8", "WHATEVER")).toBe(unknownCalling);
  expect(ask("no address", "CT1")).toBe(unknownCalling);
  expect(recognised(book, "plain", from("10.1.0.1"), request("CT1", "OTHER"))).toBe(unknownCalled);
  expect(recognised(book, "tls", from("10.1.0.1"), request("CT1"))).toBe(unknownCalling);
});

it("on a TLS listener the certificate is the identity and the AE title a label", () => {
  const book = bookOf(
    source("ct", { listener: "tls", certificates: [fingerprint], aeTitles: ["CT1"] }),
    source("open", { listener: "tls", aeTitles: ["CT1"] }),
  );
  const ask = (shown: Uint8Array | undefined, title: string): string =>
    recognised(book, "tls", from("10.0.0.1", shown), request(title));
  expect(ask(certificate, "CT1")).toBe("ct");
  expect(ask(certificate, "CT9")).toBe("ct, another title");
  expect(ask(stranger, "CT1")).toBe(unknownCalling);
  expect(ask(undefined, "CT1")).toBe(unknownCalling);
});

it("scenario 49: a certificate's source is not reached in clear text by its AE title", () => {
  const book = bookOf(source("ct", { certificates: [fingerprint], aeTitles: ["CT1"] }));
  expect(recognised(book, "plain", from("10.0.0.1"), request("CT1"))).toBe(unknownCalling);
  expect(recognised(book, "plain", from("10.0.0.1", certificate), request("CT1"))).toBe(unknownCalling);
});

it("a network that is none is told", () => {
  for (const network of ["10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/x", ""]) {
    expect(() => bookOf(source("ct", { networks: [network] }))).toThrow(ScansealError);
  }
});
