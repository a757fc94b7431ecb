/**
 * Peers: other people's software and files that the tests speak to. A test names the peers it needs; without them it is
 * reported as skipped, by name, and with SCANSEAL_REQUIRE_PEERS=1 (as in .ci/run) it fails instead.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it, type TestContext } from "vitest";

/** The checkout's root. */
export const projectRoot: string = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");

/** Peer -> the Debian package that brings it. */
const packages = {
  dcmsign: "dcmtk",
  dcmdump: "dcmtk",
  dcmconv: "dcmtk",
  dcmcjpeg: "dcmtk",
  dcmdjpeg: "dcmtk",
  dcmcjpls: "dcmtk",
  dcmdjpls: "dcmtk",
  dcmcrle: "dcmtk",
  dcmdrle: "dcmtk",
  dcmodify: "dcmtk",
  dcmftest: "dcmtk",
  dcm2pnm: "dcmtk",
  dcmj2pnm: "dcmtk",
  dcml2pnm: "dcmtk",
  dump2dcm: "dcmtk",
  dcmmkdir: "dcmtk",
  echoscu: "dcmtk",
  storescu: "dcmtk",
  dcmsend: "dcmtk",
  storescp: "dcmtk",
  findscu: "dcmtk",
  movescu: "dcmtk",
  getscu: "dcmtk",
  dcmqrscp: "dcmtk",
  wlmscpfs: "dcmtk",
  gdcmconv: "libgdcm-tools",
  gdcmdump: "libgdcm-tools",
  dciodvfy: "dicom3tools",
  Orthanc: "orthanc",
  "orthanc-dicomweb": "orthanc-dicomweb",
  openssl: "openssl",
  pydicom: "python3-pydicom and python3-numpy",
  chromium: "chromium",
  postgres: "postgresql",
  "systemd-analyze": "systemd",
  softhsm2: "softhsm2",
  pkcs11js: "no package of Debian's: npm ci builds it where there are a compiler and Python",
  corpus: "no package: the corpus of real files is at ../shared/corpus",
  "log-vectors": "no package: clones of transparency-dev/merkle and tessera in ../shared/log-vectors",
} as const;

export type PeerName = keyof typeof packages;

/** What the line "Absent peers" starts from: written into the note of a skipped test, read back by the reporter. */
export const absentNote = "absent peer: ";

const found = new Map<PeerName, string | undefined>();

/**
 * The peer's path: of the program; for `pydicom` of a Python that can import it and numpy; for `softhsm2` of its PKCS#11
 * library; for `corpus` of the folder. Undefined when the peer is not on this machine.
 */
export function peer(name: PeerName): string | undefined {
  if (!found.has(name)) found.set(name, find(name));
  return found.get(name);
}

/** The path of a peer the test was declared with. */
export function peerPath(name: PeerName): string {
  const path = peer(name);
  if (path === undefined) throw new Error(absenceOf(name));
  return path;
}

/** True when an absent peer is a failure. The corpus is demanded only where its parent folder `../shared` exists; others' log vectors, Orthanc's plug-in and npm's optional package never. */
export function isPeerRequired(name: PeerName): boolean {
  if (process.env.SCANSEAL_REQUIRE_PEERS !== "1") return false;
  if (name === "log-vectors" || name === "orthanc-dicomweb" || name === "pkcs11js") return false;
  return name !== "corpus" || existsSync(join(projectRoot, "..", "shared"));
}

/** A suite that runs when all its peers are here; `body` is not even evaluated without them. */
export function describePeer(names: PeerName | readonly PeerName[], title: string, body: () => void): void {
  const absent = absentOf(names);
  describe(
    title,
    absent.length === 0 ? body : () => it("needs its peers", (context) => reportAbsent(context, absent)),
  );
}

/** A test that runs when all its peers are here. */
export function itWithPeer(
  names: PeerName | readonly PeerName[],
  title: string,
  body: () => void | Promise<void>,
  timeoutMs?: number,
): void {
  const absent = absentOf(names);
  if (absent.length === 0) it(title, body, timeoutMs);
  else it(title, (context) => reportAbsent(context, absent));
}

function absentOf(names: PeerName | readonly PeerName[]): PeerName[] {
  return (typeof names === "string" ? [names] : names).filter((name) => peer(name) === undefined);
}

function reportAbsent(context: TestContext, absent: readonly PeerName[]): void {
  const required = absent.filter(isPeerRequired);
  if (required.length > 0) throw new Error(required.map(absenceOf).join("; "));
  context.skip(absentNote + absent.join(", "));
}

function absenceOf(name: PeerName): string {
  return `the peer ${name} is not on this machine (${packages[name]})`;
}

function find(name: PeerName): string | undefined {
  switch (name) {
    case "corpus":
      return existing(join(projectRoot, "..", "shared", "corpus"));
    case "log-vectors":
      return existing(process.env.SCANSEAL_LOG_VECTORS ?? join(projectRoot, "..", "shared", "log-vectors"));
    case "pydicom":
      return [...onPath("python3"), "/usr/bin/python3"].find(importsPydicom);
    case "postgres":
      return onPath("postgres")[0] ?? inDebianPostgres();
    case "softhsm2":
      return softhsmLibraries.find((path) => existsSync(path));
    case "pkcs11js":
      return existing(join(projectRoot, "node_modules", "pkcs11js", "build", "Release", "pkcs11.node"));
    case "Orthanc":
      // Debian keeps it in /usr/sbin, which an ordinary user's PATH may lack.
      return onPath("Orthanc")[0] ?? existing("/usr/sbin/Orthanc");
    case "orthanc-dicomweb":
      return existing("/usr/share/orthanc/plugins/libOrthancDicomWeb.so");
    case "chromium":
      return ["chromium", "chromium-browser", "google-chrome"].flatMap(onPath)[0];
    default:
      return onPath(name)[0];
  }
}

const softhsmLibraries = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
  "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
  "/usr/local/lib/softhsm/libsofthsm2.so",
];

/** Debian's cluster programs are versioned and not on PATH. */
function inDebianPostgres(): string | undefined {
  const base = "/usr/lib/postgresql";
  if (!existsSync(base)) return undefined;
  const versions = readdirSync(base).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(base, version, "bin", "postgres")).find((path) => existsSync(path));
}

/** Debian's pydicom belongs to Debian's own python3, which may not be the first on PATH. */
function importsPydicom(python: string): boolean {
  const run = spawnSync(python, ["-c", "import pydicom, numpy"], { stdio: "ignore", timeout: 30_000 });
  return run.status === 0;
}

function existing(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

function onPath(program: string): string[] {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, program)).filter(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
