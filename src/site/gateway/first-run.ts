/** What `scanseal start` makes where there is nothing: a site, and a gateway that takes scans from this machine alone. */
import { join } from "node:path";
import { utf8 } from "../../foundation/bytes.ts";
import { createFileDurably, fileExists } from "../../platform/node/private-files.ts";
import { createHome } from "../home.ts";
import { dicomPort, httpPort } from "./config-sections.ts";

export interface FirstRun {
  readonly configPath: string;
  readonly isNewSite: boolean;
  readonly isNewConfig: boolean;
}

/** Of a new configuration. */
export interface FirstPorts {
  readonly dicom: number;
  readonly http: number;
}

export const firstPorts: FirstPorts = { dicom: dicomPort, http: httpPort };

/** What is there is used as it is. @throws ScansealError `io`, `key-unusable` */
export async function prepareFirstRun(folder: string, ports: FirstPorts): Promise<FirstRun> {
  const configPath = join(folder, "gateway.yaml");
  const isNewSite = !fileExists(join(folder, "authority", "ledger.json"));
  // What is left of a site is told by whoever opens it.
  if (isNewSite) await createHome(folder, { name: "Scanseal site" });
  const isNewConfig = createFileDurably(configPath, utf8(firstConfig(ports)), { mode: 0o644 });
  return { configPath, isNewSite, isNewConfig };
}

const firstConfig = ({
  dicom,
  http,
}: FirstPorts): string => `# The gateway of this folder, made by "scanseal start". docs/gateway.md explains every key;
# "scanseal config check FILE" finds mistakes; sources, destinations and limits apply while it runs.

# Senders must call it so.
aeTitle: SCANSEAL

# The site: keys, authority, devices. Paths are relative to this file.
home: .

listeners:
  # Plain DICOM, from this machine alone. For scanners: "scanseal tls" makes certificates, then add a listener with tls.
  - name: local
    host: 127.0.0.1
    port: ${dicom}

sources:
  # Whoever calls from this machine. observe: everything that is not malformed or altered is taken, and reported.
  - name: demo
    listener: local
    networks: [127.0.0.0/8]
    mode: observe

# An archive to deliver to. Without one, what is admitted is kept in this folder.
destinations:
  # - name: archive
  #   host: 127.0.0.1
  #   port: 4242
  #   aeTitle: ORTHANC

# The status page.
http:
  host: 127.0.0.1
  port: ${http}
`;
