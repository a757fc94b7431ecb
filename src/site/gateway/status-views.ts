/** What the status service shows of a gateway: made from its journal and its spool when somebody asks. */
import type { Clock } from "../../foundation/crypto.ts";
import { expiryWarnings } from "../../keys/trust/expiry.ts";
import type { GatewayReadings } from "../../operations/gateway-metrics.ts";
import type { Commitments, OpenCommitments } from "../../store/journal/commitments.ts";
import type { HeldStudy, Journal, JournalCounts } from "../../store/journal/journal.ts";
import type { HeldStudyView, ReadinessView, StatusView } from "../../web-api/contract.ts";
import type { Gateway, GatewayStatus } from "../../zero-trust/gateway/gateway.ts";
import type { Outage } from "../../zero-trust/gateway/reachability.ts";
import type { GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import type { CertificateEnd } from "../commissioning/certificate-ends.ts";
import { leadingMessage, type RecentObjects } from "./recent-objects.ts";

export interface ObservedGateway {
  readonly version: string;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly commitments: Pick<Commitments, "open">;
  readonly gateway: Gateway;
  readonly settings: () => GatewaySettings;
  readonly recent: RecentObjects;
  readonly certificates: () => readonly CertificateEnd[];
}

const heldStudiesMax = 100;

export async function statusView(observed: ObservedGateway): Promise<StatusView> {
  const { journal, gateway, recent, version, startedAt } = observed;
  const settings = observed.settings();
  const [counts, open, released, held, recentViews] = await Promise.all([
    journal.counts(),
    observed.commitments.open(),
    journal.releasedHeld(),
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
    destinations: destinationsOf(settings, counts, open, gateway.status()),
    objects: counts.objects,
    keptOnly: counts.keptOnly,
    released,
    deliveries: counts.deliveries,
    oldestDueAt: counts.oldestDueAt === undefined ? undefined : isoTime(counts.oldestDueAt),
    spool: gateway.status().spool,
    held: await Promise.all(held.map((study) => heldStudyView(journal, study))),
    recent: recentViews,
    certificates: certificateViews(observed),
  };
}

/** Those that end within 60 days: that alone warns. */
function certificateViews({ certificates, clock }: ObservedGateway): StatusView["certificates"] {
  return certificates().flatMap(({ of, name, endsAt }) =>
    expiryWarnings([{ label: name, endsAt }], clock.now()).map(({ daysLeft }) => {
      return { of, name, endsAt: isoTime(endsAt), daysLeft };
    }),
  );
}

/** Those of the configuration, then those it has no more and for which something waits. */
function destinationsOf(
  { destinations }: GatewaySettings,
  counts: JournalCounts,
  open: readonly OpenCommitments[],
  status: GatewayStatus,
): StatusView["destinations"] {
  const configured = destinations.map(({ name, takes }) => {
    const outage = outageView(status.destinations.find((one) => one.name === name)?.outage);
    const waiting = { due: 0, dead: 0, ...counts.destinations[name], ...uncommittedOf(name, open) };
    return { name, takes, ...waiting, ...(outage && { outage }) };
  });
  const names = new Set(destinations.map(({ name }) => name));
  const nothing = open.map(({ destination }) => [destination, { due: 0, dead: 0 }] as const);
  const removed = Object.entries({ ...Object.fromEntries(nothing), ...counts.destinations })
    .filter(([name, { due, dead }]) => {
      const isWaiting = due + dead > 0 || uncommittedOf(name, open).uncommitted !== undefined;
      return !names.has(name) && isWaiting;
    })
    .map(([name, waiting]) => {
      return { name, takes: "nothing", isRemoved: true, ...waiting, ...uncommittedOf(name, open) };
    });
  return [...configured, ...removed];
}

function uncommittedOf(
  name: string,
  open: readonly OpenCommitments[],
): Pick<StatusView["destinations"][number], "uncommitted"> {
  const one = open.find(({ destination }) => destination === name);
  return one ? { uncommitted: { waits: one.waits, failed: one.failed } } : {};
}

function outageView(outage: Outage | undefined): StatusView["destinations"][number]["outage"] {
  if (!outage) return undefined;
  const { since, why, nextTryAt } = outage;
  return { since: isoTime(since), why, nextTryAt: isoTime(nextTryAt) };
}

/** The gravest first; "undetermined": the check could not be completed. */
const gravity = ["altered", "malformed", "untrusted", "undetermined", "unsealed", "superseded", "notice"];

/** Its sentence is that of one object with the gravest verdict of the study. */
async function heldStudyView(journal: Pick<Journal, "object">, held: HeldStudy): Promise<HeldStudyView> {
  const { samples, firstAt, lastAt, ...study } = held;
  const gravest = gravity.find((verdict) => samples[verdict] !== undefined);
  // Held although verified: the finding says why.
  const sample = gravest === undefined ? Object.values(samples)[0] : samples[gravest];
  const object = sample === undefined ? undefined : await journal.object(sample);
  const message = object && leadingMessage(object);
  return { ...study, firstAt: isoTime(firstAt), lastAt: isoTime(lastAt), message };
}

export async function readinessView({
  gateway,
  journal,
  settings,
}: Pick<ObservedGateway, "gateway" | "settings"> & {
  readonly journal: Pick<Journal, "ping">;
}): Promise<ReadinessView> {
  const { phase, destinations } = gateway.status();
  const problems: string[] = [];
  if (phase === "running") {
    const open = gateway.listeners.filter(({ isListening }) => isListening);
    const down = settings().listeners.filter(({ name }) => !open.some((one) => one.name === name));
    for (const { name } of down) problems.push(`the listener ${name} is down`);
  }
  if (phase !== "running") problems.push(`the gateway is ${phase}`);
  const storage = phase === "running" ? await gateway.storageProblem() : undefined;
  if (storage !== undefined) problems.push(storage);
  try {
    await journal.ping();
  } catch {
    problems.push("the journal does not answer");
  }
  const warnings = destinations.flatMap(({ name, outage }) => {
    if (!outage) return [];
    return [`${name} cannot be reached (${outage.why}), next try at ${isoTime(outage.nextTryAt)}`];
  });
  return { ready: problems.length === 0, problems, ...(warnings.length > 0 && { warnings }) };
}

export async function readingsOf(
  { gateway, certificates, commitments }: Pick<ObservedGateway, "gateway" | "certificates" | "commitments">,
  { objects, deliveries, copies, oldestReceivedAt, oldestDueAt }: JournalCounts,
): Promise<GatewayReadings> {
  const spool = { ...gateway.status().spool, isRefusing: (await gateway.storageProblem()) !== undefined };
  const destinations = gateway
    .status()
    .destinations.map(({ name, outage }) => ({ name, isReached: outage === undefined }));
  const ends = certificates();
  const counted = { objects, deliveries, copies, oldestReceivedAt, oldestDueAt };
  return { ...counted, spool, destinations, certificates: ends, commitments: await commitments.open() };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
