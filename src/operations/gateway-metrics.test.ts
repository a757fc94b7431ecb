import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GatewayEvent } from "./event.ts";
import { fanOut } from "./fan-out.ts";
import { GatewayMetrics, type GatewayReadings } from "./gateway-metrics.ts";

const now = Date.UTC(2026, 5, 1);
const readings: GatewayReadings = {
  objects: { received: 2, admitted: 40, held: 3, "Doe^John": 9 },
  deliveries: { due: 1, dead: 0 },
  oldestReceivedAt: now - 1500,
  oldestDueAt: undefined,
  spool: { bytes: 4096, records: 2, bytesMax: 1 << 30, isRefusing: true },
  copies: { objects: 7, bytes: 8192 },
  commitments: [{ destination: "pacs", waits: 5, failed: 2 }],
  destinations: [{ name: "pacs", isReached: false }],
};

function metricsOf(
  collect: () => Promise<GatewayReadings> = () => Promise.resolve(readings),
): GatewayMetrics {
  return new GatewayMetrics({ version: "0.1.0", clock: { now: () => now }, collect, ofProcess: false });
}

/** Sample -> value; every line is a comment or a sample of the text format. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n").filter((one) => one !== "" && !one.startsWith("# "))) {
    const match = /^([a-z_:]+(?:\{[a-z]+="[^"\\\n]*"(?:,[a-z]+="[^"\\\n]*")*\})?) (\S+)$/.exec(line);
    expect(match, line).not.toBeNull();
    samples.set(match?.[1] ?? "", Number(match?.[2]));
  }
  return samples;
}

const id = "0198c3a2-7b1e-7cc4-9d55-0a1b2c3d4e5f";
const events: readonly GatewayEvent[] = [
  { kind: "association-accepted", association: "a", source: "ct-1", peerAddress: "10.0.0.1", peerTitle: "X" },
  { kind: "association-accepted", association: "b", source: "ct-1", peerAddress: "10.0.0.1", peerTitle: "X" },
  { kind: "association-rejected", listener: "plain", peerAddress: "10.0.0.9", peerTitle: "EVIL", why: "no" },
  { kind: "association-ended", association: "c", how: "rejected" },
  { kind: "association-ended", association: "a", how: "released" },
  { kind: "object-acknowledged", object: id, source: "ct-1", bytes: 500_000, ms: 20 },
  { kind: "object-acknowledged", object: id, source: "ct-1", bytes: 500_000, ms: 2000 },
  { kind: "object-refused", source: "ct-1", status: 0xa700, why: "storage-full" },
  {
    ...{ kind: "object-judged", object: id, source: "ct-1", verdict: "altered", state: "held" },
    codes: [],
    ms: 3,
  },
  { kind: "stored", object: id, bytes: 10 },
  { kind: "delivered", object: id, destination: "pacs", bytes: 500_000, ms: 40 },
  { ...{ kind: "delivery-failed", object: id, destination: "pacs", why: "x" }, isDead: false, retryInMs: 9 },
  {
    ...{ kind: "delivery-failed", object: id, destination: "pacs", why: "x" },
    isDead: true,
    retryInMs: undefined,
  },
  { kind: "recovered", objects: 4, bytes: 1 },
  { kind: "read-replaced", object: id, archive: "pacs", why: "held" },
  { kind: "copy-damaged", object: id, isDropped: true },
  { kind: "copies-dropped", why: "limit", objects: 3, bytes: 9 },
  { kind: "worker-ended", why: "x" },
  { kind: "fault", where: "x", code: "io", why: "x" },
];

describe("the gateway's metrics", () => {
  it("count what happened, by source, destination, verdict and outcome", async () => {
    const metrics = metricsOf();
    for (const event of events) metrics.sink(event);
    const samples = samplesOf(await metrics.text());
    const expected = {
      'scanseal_associations_total{source="ct-1",outcome="accepted"}': 2,
      'scanseal_associations_total{source="ct-1",outcome="released"}': 1,
      'scanseal_associations_total{source="none",outcome="rejected"}': 1,
      'scanseal_associations_open{source="ct-1"}': 1,
      'scanseal_objects_received_total{source="ct-1"}': 2,
      'scanseal_received_bytes_total{source="ct-1"}': 1_000_000,
      'scanseal_objects_refused_total{source="ct-1",reason="storage-full"}': 1,
      'scanseal_objects_judged_total{source="ct-1",verdict="altered",state="held"}': 1,
      scanseal_objects_stored_total: 1,
      'scanseal_deliveries_total{destination="pacs",outcome="delivered"}': 1,
      'scanseal_deliveries_total{destination="pacs",outcome="retried"}': 1,
      'scanseal_deliveries_total{destination="pacs",outcome="dead"}': 1,
      'scanseal_delivered_bytes_total{destination="pacs"}': 500_000,
      scanseal_objects_recovered_total: 4,
      scanseal_worker_ends_total: 1,
      'scanseal_reads_replaced_total{reason="held"}': 1,
      scanseal_copies_damaged_total: 1,
      'scanseal_copies_dropped_total{reason="limit"}': 3,
      'scanseal_faults_total{code="io"}': 1,
      scanseal_acknowledgement_seconds_count: 2,
      scanseal_acknowledgement_seconds_sum: 2.02,
      'scanseal_acknowledgement_seconds_bucket{le="0.025"}': 1,
      'scanseal_build_info{version="0.1.0"}': 1,
    };
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, samples.get(name)]))).toEqual(
      expected,
    );
    expect(metrics.verdicts()).toEqual({ altered: 1 });
    expect([...samples.keys()].filter((name) => /10\.0\.0|EVIL/.test(name))).toEqual([]);
  });

  it("show what journal and spool say when asked; without them, all but that", async () => {
    let answer: () => Promise<GatewayReadings> = () => Promise.resolve(readings);
    const metrics = metricsOf(() => answer());
    const samples = samplesOf(await metrics.text());
    expect(samples.get("scanseal_readings_up")).toBe(1);
    expect(samples.get('scanseal_objects{state="held"}')).toBe(3);
    expect(samples.get('scanseal_objects{state="other"}')).toBe(9);
    expect(samples.get('scanseal_deliveries{state="due"}')).toBe(1);
    expect(samples.get("scanseal_oldest_unjudged_seconds")).toBe(1.5);
    expect(samples.get("scanseal_oldest_due_seconds")).toBe(0);
    expect(samples.get("scanseal_spool_bytes")).toBe(4096);
    expect(samples.get("scanseal_spool_refusing")).toBe(1);
    expect(samples.get("scanseal_copies")).toBe(7);
    expect(samples.get("scanseal_copies_bytes")).toBe(8192);
    expect(samples.get('scanseal_destination_reached{destination="pacs"}')).toBe(0);
    expect(samples.get('scanseal_uncommitted{destination="pacs",state="failed"}')).toBe(2);
    expect(samples.get('scanseal_uncommitted{destination="pacs",state="waits"}')).toBe(5);
    answer = () => Promise.reject(new Error("down"));
    const without = samplesOf(await metrics.text());
    expect(without.get("scanseal_readings_up")).toBe(0);
    expect([...without.keys()].filter((name) => /spool|oldest|^scanseal_objects\{/.test(name))).toEqual([]);
    answer = () => Promise.resolve(readings);
    expect(samplesOf(await metrics.text()).get("scanseal_spool_records")).toBe(2);
  });

  it("stay few and clean, whatever the events say", async () => {
    const metrics = metricsOf();
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.double(), (text, n) => {
        metrics.sink({ kind: "object-acknowledged", object: text, source: text, bytes: n, ms: n });
        metrics.sink({ kind: "object-refused", source: text, status: n, why: text });
        metrics.sink({
          ...{ kind: "object-judged", object: text, source: text, verdict: text, state: text },
          ...{ codes: [], ms: n },
        });
        metrics.sink({ kind: "fault", where: text, code: text, why: text });
      }),
    );
    for (let i = 0; i < 3000; i++)
      metrics.sink({ kind: "object-acknowledged", object: id, source: `s${i}`, bytes: 1, ms: 1 });
    const samples = samplesOf(await metrics.text());
    const sources = [...samples.keys()].filter((name) => name.startsWith("scanseal_objects_received_total"));
    expect(sources.length).toBeLessThanOrEqual(501);
    expect(samples.get('scanseal_objects_received_total{source="other"}')).toBeGreaterThan(2400);
    for (const [name, value] of samples) {
      expect(name).toMatch(/^[\x20-\x7e]*$/);
      expect(value, name).not.toBeNaN();
    }
  });

  it("have those of the process too", async () => {
    const collect = (): Promise<GatewayReadings> => Promise.resolve(readings);
    const metrics = new GatewayMetrics({ version: "0.1.0", clock: { now: () => now }, collect });
    expect(await metrics.text()).toMatch(/^process_resident_memory_bytes \d+$/m);
  });
});

describe("several sinks", () => {
  it("each get every event, whatever the others do", () => {
    const seen: string[] = [];
    const failing = (): never => {
      throw new Error("full");
    };
    const sink = fanOut(
      (event) => void seen.push(`1 ${event.kind}`),
      failing,
      (event) => void seen.push(`2 ${event.kind}`),
    );
    expect(() => sink({ kind: "stopped" })).not.toThrow();
    expect(seen).toEqual(["1 stopped", "2 stopped"]);
  });
});

it("says how many days each certificate has left, and names nobody that is not configured", async () => {
  const day = 86_400_000;
  const certificates = [
    { of: "device", name: "CT1", endsAt: now + 7 * day },
    { of: "listener", name: "secure", endsAt: now - 2 * day },
    { of: "authority", name: "CN=Doe^John", endsAt: now + 400 * day },
    { of: "authority", name: "O=Elsewhere", endsAt: now + 30 * day },
  ];
  const text = await metricsOf(async () => ({ ...readings, certificates })).text();
  const lines = text.split("\n").filter((line) => line.startsWith("scanseal_certificate_days"));
  expect(lines.sort()).toEqual([
    'scanseal_certificate_days{of="authority",name="other"} 30',
    'scanseal_certificate_days{of="device",name="CT1"} 7',
    'scanseal_certificate_days{of="listener",name="secure"} -2',
  ]);
});
