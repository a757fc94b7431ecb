/** Checks of a configuration as a whole: what each section says for itself is right, but they must fit each other and the site. */
import type { PeerSection } from "./config-peers.ts";
import type { ProblemList } from "./config-problem.ts";
import { similar } from "./config-reader.ts";
import type { ArchiveSection } from "./config-reading.ts";
import { checkSealers } from "./config-sealing.ts";
import type {
  ConfigSections,
  DestinationSection,
  ListenerSection,
  SourceSection,
} from "./config-sections.ts";
import { checkArchive } from "./config-sweep.ts";
import { addressesClash, containsNetwork, exposureOf, reachesListener } from "./network-address.ts";
import { shown } from "./yaml-document.ts";

export function checkSections(sections: ConfigSections, problems: ProblemList): void {
  const { listeners, sources, destinations } = sections;
  checkNames("listener", listeners, problems);
  checkNames("source", sources, problems);
  checkNames("destination", destinations, problems);
  checkPorts(sections, problems);
  for (const listener of listeners) {
    checkExposure(listener, problems);
    if (listener.protocol !== "dicomweb" && listener.names.length > 0)
      problems.error("conflict", listener.at("names"), '"names" are host names of a DICOMweb listener');
  }
  for (const source of sources) checkPeer("source", source, listeners, problems);
  checkSealers(sections, problems);
  checkReading(sections, problems);
  checkArchive("sweep", sections.sweep, sections.reading?.archive, problems);
  checkArchive("sentinel", sections.sentinel, sections.reading?.archive, problems);
  for (const asked of [sections.reading, sections.sweep, sections.sentinel])
    if (asked?.archive) checkArchiveDestination(asked.archive, sections, problems);
  checkReachable(sections, problems);
  for (const destination of destinations) checkDestination(destination, sections, problems);
  if (listeners.length === 0)
    problems.error("missing", sections.at("listeners"), "there is no listener: nobody could connect");
  if (sources.length === 0)
    problems.warn(
      "missing",
      sections.at(),
      "there is no source: every association is rejected",
      "scanseal source add",
    );
  checkHttp(sections, problems);
}

interface Named {
  readonly name: string;
  readonly at: (key?: string) => number;
}

function checkNames(what: string, named: readonly Named[], problems: ProblemList): void {
  const seen = new Set<string>();
  for (const { name, at } of named) {
    if (name === "") continue;
    if (seen.has(name))
      problems.error("duplicate-name", at("name"), `there are two ${what}s named ${shown(name)}`);
    seen.add(name);
  }
}

function checkPorts({ listeners, http }: ConfigSections, problems: ProblemList): void {
  const taken: { readonly what: string; readonly host: string; readonly port: number }[] = [];
  const places = [
    ...listeners.map(({ name, host, port, at }) => ({ what: `listener ${name}`, host, port, at })),
    { what: "http", host: http.host, port: http.port, at: http.at },
  ];
  for (const { what, host, port, at } of places) {
    if (port === 0) continue;
    const other = taken.find((one) => one.port === port && addressesClash(one.host, host));
    if (other)
      problems.error("conflict", at("port"), `${what} and ${other.what} both listen at port ${port}`);
    taken.push({ what, host, port });
  }
}

function checkExposure({ name, host, tls, at }: ListenerSection, problems: ProblemList): void {
  if (tls) return;
  const exposure = exposureOf(host);
  if (exposure === "loopback" || exposure === "private") return;
  const where = exposure === "public" ? `the public address ${host}` : "every network of this machine";
  problems.warn(
    "exposed",
    at("host"),
    `listener ${name} takes objects without TLS from ${where}`,
    "bind it to one address, or add tls",
  );
}

function checkHttp({ http }: ConfigSections, problems: ProblemList): void {
  const exposure = exposureOf(http.host);
  if (exposure === "every-network" || exposure === "public")
    problems.warn("exposed", http.at("host"), "the status page has no log-in and is open to other machines");
}

function checkPeer(
  what: "source" | "reader" | "destination",
  peer: PeerSection,
  listeners: readonly ListenerSection[],
  problems: ProblemList,
): void {
  const { name, certificates, at } = peer;
  const listener = listeners.find((one) => one.name === peer.listener);
  if (!listener) {
    if (peer.listener === "") return;
    const names = listeners.map((one) => one.name);
    const like = similar(peer.listener, names);
    const hint = like === undefined ? `there are: ${names.join(", ") || "none"}` : `did you mean ${like}?`;
    problems.error("reference", at("listener"), `${what} ${name} is at a listener that does not exist`, hint);
    return;
  }
  if (listener.tls && certificates.length === 0)
    problems.error(
      "missing",
      at(),
      `${what} ${name} needs certificates: on a TLS listener the certificate is the identity`,
      "certificates: [path of a PEM file, or sha256:...]",
    );
  if (!listener.tls && certificates.length > 0)
    problems.error(
      "conflict",
      at("certificates"),
      `${what} ${name} has certificates, but listener ${listener.name} has no TLS and never sees one`,
      "move it to a TLS listener, or name aeTitles and networks",
    );
  if (listener.protocol === "dicomweb" && peer.aeTitles.length > 0)
    problems.error(
      "conflict",
      at("aeTitles"),
      `${what} ${name} is at a DICOMweb listener, where nobody has an AE title`,
    );
}

function checkReading({ reading, listeners, destinations }: ConfigSections, problems: ProblemList): void {
  if (!reading) return;
  checkNames("reader", reading.readers, problems);
  for (const reader of reading.readers) {
    checkPeer("reader", reader, listeners, problems);
    const titles = new Set<string>();
    for (const { aeTitle, host, port, at } of reader.moveTo) {
      if (titles.has(aeTitle))
        problems.error("duplicate-name", at("aeTitle"), `there are two places ${shown(aeTitle)}`);
      titles.add(aeTitle);
      if (listeners.some((one) => one.port === port && reachesListener(host, one.host)))
        problems.error(
          "conflict",
          at("port"),
          `${aeTitle} is this gateway itself: objects would go in a circle`,
        );
    }
  }
  const isDelivered = destinations.some(({ takes }) => takes === "admitted");
  if (reading.keepsCopies && !isDelivered)
    problems.warn(
      "never-used",
      reading.at("copies"),
      '"copies" changes nothing: there is no archive to deliver to, and all that is admitted stays here',
    );
  if (!reading.keepsCopies && reading.copiesSize !== undefined)
    problems.warn("never-used", reading.at("copiesSize"), '"copiesSize" without "copies: true"');
  if (!reading.archive && !reading.keepsCopies && isDelivered)
    problems.warn(
      "missing",
      reading.at(),
      "readers get what this gateway keeps, and it keeps no copy of what an archive has",
      'name the "archive" to read from, or keep "copies"',
    );
}

/** What it lost is told when it was delivered there, whatever else waits for other destinations. */
function checkArchiveDestination(
  { destination, host, port, at }: ArchiveSection,
  { destinations }: ConfigSections,
  problems: ProblemList,
): void {
  const archives = destinations.filter(({ takes }) => takes === "admitted");
  const isThere = archives.some((one) => one.host === host && one.port === port);
  if (destination !== undefined) {
    if (!archives.some(({ name }) => name === destination))
      problems.error(
        "value",
        at("destination"),
        `there is no destination ${shown(destination)} that is an archive`,
      );
  } else if (archives.length > 1 && !isThere)
    problems.warn(
      "missing",
      at(),
      "none of the destinations has this archive's address: what it loses is told only where all of them have it",
      'name the one that it is: "destination"',
    );
}

/** The first source that fits takes an association: one behind it that asks for no more is never reached. */
function checkReachable({ listeners, sources }: ConfigSections, problems: ProblemList): void {
  for (const [i, later] of sources.entries()) {
    if (listeners.some((one) => one.name === later.listener && one.tls)) continue;
    const earlier = sources.slice(0, i).find((one) => takesAll(one, later));
    if (earlier)
      problems.warn(
        "never-used",
        later.at(),
        `source ${later.name} is never reached: ${earlier.name} before it takes the same peers`,
        "put the narrower source first",
      );
  }
}

type Peers = Pick<SourceSection, "listener" | "aeTitles" | "networks">;

/** On a listener without TLS every peer of `later` is one of `earlier`. */
export function takesAll(earlier: Peers, later: Peers): boolean {
  const titles =
    earlier.aeTitles.length === 0 ||
    (later.aeTitles.length > 0 && later.aeTitles.every((title) => earlier.aeTitles.includes(title)));
  const networks =
    earlier.networks.length === 0 ||
    (later.networks.length > 0 &&
      later.networks.every((inner) => earlier.networks.some((outer) => containsNetwork(outer, inner))));
  return earlier.listener === later.listener && titles && networks;
}

function checkDestination(
  destination: DestinationSection,
  { listeners, destinations }: ConfigSections,
  problems: ProblemList,
): void {
  const { name, host, port, tls, commitment, at } = destination;
  const own = listeners.find((one) => one.port === port && reachesListener(host, one.host));
  if (own && port > 0)
    problems.error(
      "conflict",
      at("port"),
      `destination ${name} is this gateway's own listener ${own.name}: objects would go in a circle`,
    );
  const archive = destinations.find((one) => one.takes === "admitted" && isSamePlace(one, destination));
  if (archive && destination.takes === "released")
    problems.error(
      "conflict",
      at("takes"),
      `destination ${name} is the archive ${archive.name}: what two people release must not go there`,
      "a reading place has an address or an AE title of its own",
    );
  if (commitment && destination.takes === "released")
    problems.error("conflict", at("commitment"), `destination ${name} is no archive: it commits to nothing`);
  if (commitment?.reports) checkReports(commitment.reports, listeners, problems);
  if (tls && (tls.certificate === undefined) !== (tls.key === undefined))
    problems.error("missing", tls.at(), '"certificate" and "key" belong together');
}

function checkReports(
  reports: PeerSection,
  listeners: readonly ListenerSection[],
  problems: ProblemList,
): void {
  checkPeer("destination", reports, listeners, problems);
  if (listeners.find(({ name }) => name === reports.listener)?.protocol === "dicomweb")
    problems.error("conflict", reports.at("listener"), "reports of storage commitment come over DIMSE");
}

function isSamePlace(one: DestinationSection, other: DestinationSection): boolean {
  const places = [one, other].map(({ host, port, aeTitle }) => `${host.toLowerCase()} ${port} ${aeTitle}`);
  return places[0] === places[1];
}
