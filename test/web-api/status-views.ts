/** States of a gate for the tests of the status page: empty, busy, alarming, and one in which every text is somebody else's. */
import type { ReadinessView, StatusView } from "../../src/web-api/contract.ts";

export const now: number = Date.UTC(2026, 5, 1, 12, 0, 0);

function ago(seconds: number): string {
  return new Date(now - seconds * 1000).toISOString();
}

export const ready: ReadinessView = { ready: true, problems: [] };

export const emptyView: StatusView = {
  product: "Scanseal",
  version: "0.1.0",
  startedAt: ago(95),
  aeTitle: "SCANSEAL",
  listeners: [{ name: "plain", address: "127.0.0.1", port: 11112, tls: false }],
  sources: [{ name: "demo", listener: "plain", mode: "observe" }],
  destinations: [],
  objects: { received: 0, admitted: 0, held: 0, resent: 0, resolved: 0, purged: 0 },
  deliveries: { due: 0, delivered: 0, dead: 0 },
  spool: { bytes: 0, records: 0, bytesMax: 20e9 },
  held: [],
  recent: [],
};

const series = "1.3.6.1.4.1.14519.5.2.1.6279.6001";

function recentObject(
  seconds: number,
  source: string,
  modality: string | undefined,
  [state, verdict, disposition]: readonly [string, (string | undefined)?, string?],
  message?: string,
): StatusView["recent"][number] {
  const id = `0198c3a2-7b1e-7cc4-9d55-${String(seconds).padStart(12, "0")}`;
  return { id, receivedAt: ago(seconds), source, modality, state, verdict, disposition, message };
}

export const busyView: StatusView = {
  ...emptyView,
  startedAt: ago(9 * 86_400),
  listeners: [
    { name: "plain", address: "0.0.0.0", port: 11112, tls: false },
    { name: "secure", address: "0.0.0.0", port: 2762, tls: true },
  ],
  sources: [
    { name: "ct-1", listener: "secure", mode: "enforce" },
    { name: "mr-2", listener: "secure", mode: "warn" },
    { name: "outside-cds", listener: "plain", mode: "observe" },
  ],
  destinations: [
    { name: "pacs", takes: "admitted", due: 12, dead: 0 },
    { name: "review", takes: "released", due: 0, dead: 0 },
  ],
  objects: { received: 3, admitted: 48_211, held: 0, resent: 96, resolved: 4, purged: 0 },
  verdicts: { verified: 30_212, "verified-with-changes": 118, received: 420, unsealed: 17_461 },
  deliveries: { due: 12, delivered: 48_199, dead: 0 },
  spool: { bytes: 412e6, records: 790, bytesMax: 20e9 },
  recent: [
    recentObject(2, "ct-1", "CT", ["received"]),
    recentObject(3, "ct-1", "CT", ["admitted", "verified", "delivered"]),
    recentObject(4, "ct-1", "CT", ["admitted", "verified", "delivered"]),
    recentObject(41, "mr-2", "MR", ["admitted", "verified-with-changes", "delivered"]),
    recentObject(
      600,
      "outside-cds",
      "CR",
      ["admitted", "unsealed", "delivered"],
      "Not sealed at capture: nothing can be proven about it, either way.",
    ),
    recentObject(7300, "mr-2", "MR", ["resent", "verified", "delivered"]),
  ],
};

export const alarmView: StatusView = {
  ...busyView,
  destinations: [
    { name: "pacs", takes: "admitted", due: 1840, dead: 28 },
    { name: "review", takes: "released", due: 0, dead: 0 },
  ],
  objects: { received: 211, admitted: 48_211, held: 38, resent: 96, resolved: 4, purged: 2 },
  verdicts: {
    ...{ verified: 30_212, "verified-with-changes": 118, received: 420, unsealed: 17_461 },
    ...{ altered: 5, untrusted: 2, malformed: 1, none: 1 },
  },
  spool: { bytes: 18.4e9, records: 36_000, bytesMax: 20e9 },
  held: [
    {
      studyInstanceUid: `${series}.298806137288633453246975630178`,
      ...{ objects: 4, series: 1, verdicts: { altered: 4 }, sources: ["ct-1"] },
      ...{ firstAt: ago(320), lastAt: ago(300) },
      message: "The image was changed after capture; do not rely on it.",
    },
    {
      studyInstanceUid: "2.25.311902234567890123456789012345678901",
      ...{ objects: 31, series: 3, verdicts: { unsealed: 29, untrusted: 2 }, sources: ["mr-2", "ct-1"] },
      ...{ firstAt: ago(30 * 3600), lastAt: ago(29 * 3600) },
    },
    {
      studyInstanceUid: "1.2.840.113619.2.404.3.1879712009.53",
      ...{ objects: 2, series: 1, verdicts: { unsealed: 2 }, sources: ["ct-1"] },
      ...{ firstAt: ago(3 * 86_400), lastAt: ago(3 * 86_400) },
    },
    {
      studyInstanceUid: undefined,
      ...{ objects: 1, series: 1, verdicts: { malformed: 1 }, sources: ["outside-cds"] },
      ...{ firstAt: ago(50), lastAt: ago(50) },
    },
  ],
  recent: [
    recentObject(
      50,
      "outside-cds",
      undefined,
      ["held", "malformed", "held"],
      "Not a well-formed DICOM object; it was not opened.",
    ),
    recentObject(
      300,
      "ct-1",
      "CT",
      ["held", "altered", "held"],
      "The image was changed after capture; do not rely on it.",
    ),
    recentObject(301, "ct-1", "CT", ["held", undefined, "held"], "The check could not be completed."),
    ...busyView.recent,
  ],
};

const hostile = `<script>document.title="pwned"</script><img src=x onerror="document.title='pwned'"> "q" 'a' & \u202Egnp\u2066 \u0000`;

/** Every text that is not a number or a state of ours. */
export const hostileView: StatusView = {
  ...alarmView,
  product: hostile,
  version: hostile,
  aeTitle: hostile,
  startedAt: hostile,
  listeners: [{ name: hostile, address: hostile, port: 1, tls: false }],
  sources: [{ name: hostile, listener: hostile, mode: hostile }],
  destinations: [{ name: hostile, takes: hostile, due: 1, dead: 1, isRemoved: true }],
  oldestDueAt: hostile,
  verdicts: { [hostile]: 3 },
  held: [
    {
      ...{ studyInstanceUid: hostile, objects: 1, series: 1, verdicts: { [hostile]: 1 }, sources: [hostile] },
      ...{ firstAt: hostile, lastAt: hostile, message: hostile },
    },
  ],
  recent: [
    {
      ...{ id: hostile, receivedAt: hostile, source: hostile, modality: hostile, state: hostile },
      ...{ verdict: hostile, disposition: hostile, message: hostile },
    },
  ],
};
