import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { OpenAssociation } from "../../dicom-network/dimse/service.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import type { Journal, ReceivedObject } from "../../store/journal/journal.ts";
import type { Reception } from "./object-receiver.ts";
import { PeerBook } from "./peer-recognition.ts";
import { GateProvider } from "./receive.ts";
import { RowWriter } from "./row-writer.ts";
import type { GatewaySettings, ReaderSettings, SourceSettings } from "./settings.ts";
import { SourceBook } from "./source-recognition.ts";
import type { Traffic } from "./traffic.ts";

const peer = { address: "127.0.0.1", port: 4000 };
const association = {
  peer,
  request: { callingAeTitle: "CT1", calledAeTitle: "GATE", contexts: [] },
} as unknown as OpenAssociation;
const asked = { transactionUid: "2.25.9", instances: [{ sopClassUid: "1.2", sopInstanceUid: "1.2.3" }] };
const ct: SourceSettings = {
  name: "ct",
  listener: "plain",
  certificates: [],
  aeTitles: ["CT1"],
  networks: [],
  mode: "observe",
  tolerate: [],
  devices: [],
  associationsMax: 2,
  quotaBytes: 1 << 20,
  commitment: { host: "127.0.0.1", port: 1 },
};
const settings = {
  aeTitle: "GATE",
  listeners: [{ name: "plain", host: "127.0.0.1", port: 0 }],
  sources: [ct],
} as Partial<GatewaySettings> as GatewaySettings;

let steps: string[];
let journal: PromiseWithResolvers<void>;
let rows: RowWriter;
let provider: GateProvider;

beforeEach(() => {
  steps = [];
  journal = Promise.withResolvers();
  const ports = {
    journal: { addReceived: () => journal.promise.then(() => void steps.push("row")) },
    commitment: { take: async () => void steps.push("asked") },
    events: () => undefined,
  } as Partial<Record<keyof Reception["ports"], unknown>> as Reception["ports"] & { journal: Journal };
  const traffic = { lull: async () => undefined } as Partial<Traffic> as Traffic;
  rows = new RowWriter(ports, traffic, () => undefined);
  const nobody = new PeerBook<ReaderSettings>([], settings.listeners, nodeCrypto);
  provider = new GateProvider("plain", { ports, rows } as Reception, () => ({
    settings,
    book: new SourceBook(settings, nodeCrypto),
    readers: nobody,
    archives: nobody,
    isDraining: false,
  }));
});
afterEach(() => vi.useRealTimers());

it("takes a request only when every object that was acknowledged before it is in the journal", async () => {
  rows.add({ id: "a" } as ReceivedObject);
  const answer = provider.commit(asked, association);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(steps).toEqual([]);
  journal.resolve();
  expect(await answer).toMatchObject({ code: 0 });
  expect(steps).toEqual(["row", "asked"]);
});

it("refuses a request while the journal takes no rows", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  rows.add({ id: "a" } as ReceivedObject);
  const answer = provider.commit(asked, association);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([await answer, steps]).toEqual([{ code: 0x0213 }, []]);
});
