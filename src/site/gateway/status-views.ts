/** What the status service shows of a gateway: made from its journal and its spool when somebody asks. */
import type { Clock } from "../../foundation/crypto.ts";
import type { GatewayReadings } from "../../operations/gateway-metrics.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { ReadinessView, StatusView } from "../../web-api/contract.ts";
import type { Gateway } from "../../zero-trust/gateway/gateway.ts";
import type { GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import type { RecentObjects } from "./recent-objects.ts";

export interface ObservedGateway {
  readonly version: string;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly gateway: Gateway;
  readonly settings: () => GatewaySettings;
  readonly recent: RecentObjects;
}

const heldStudiesMax = 100;
/** Above it an association may find no room for its next object. */
const spoolFullShare = 0.95;

export async function statusView(observed: ObservedGateway): Promise<StatusView> {
  const { journal, gateway, recent, version, startedAt } = observed;
  const settings = observed.settings();
  const [counts, held, recentViews] = await Promise.all([
    journal.counts(),
    journal.heldStudies(heldStudiesMax),
    recent.views(journal),
  ]);
  const secure = new Set(settings.listeners.filter(({ tls }) => tls).map(({ name }) => name));
  return {
    product: "Scanseal",
    version,
    startedAt: isoTime(startedAt),
    aeTitle: settings.aeTitle,
    listeners: gateway.listeners.map(({ name, address, port }) => {
      return { name, address, port, tls: secure.has(name) };
    }),
    sources: settings.sources.map(({ name, listener, mode }) => ({ name, listener, mode })),
    destinations: settings.destinations.map(({ name, takes }) => {
      return { name, takes, due: 0, dead: 0, ...counts.destinations[name] };
    }),
    objects: counts.objects,
    deliveries: counts.deliveries,
    spool: gateway.status().spool,
    held: held.map(({ firstAt, lastAt, ...study }) => {
      return { ...study, firstAt: isoTime(firstAt), lastAt: isoTime(lastAt) };
    }),
    recent: recentViews,
  };
}

export async function readinessView({ gateway, journal }: ObservedGateway): Promise<ReadinessView> {
  const { phase, spool } = gateway.status();
  const problems: string[] = [];
  if (phase !== "running") problems.push(`the gateway is ${phase}`);
  if (spool.bytes > spoolFullShare * spool.bytesMax) problems.push("the spool is full");
  try {
    await journal.ping();
  } catch {
    problems.push("the journal does not answer");
  }
  return { ready: problems.length === 0, problems };
}

export async function readingsOf({ journal, gateway }: ObservedGateway): Promise<GatewayReadings> {
  const { objects, deliveries, oldestReceivedAt, oldestDueAt } = await journal.counts();
  return { objects, deliveries, oldestReceivedAt, oldestDueAt, spool: gateway.status().spool };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
