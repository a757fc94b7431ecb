/** A site with a past: sealed, altered and received objects, a series that was closed, a gate that let pass and held, two people who released. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { ReceivingArchive, sendAll } from "../gateway/network.ts";
import { freePorts, type GatewayRun, startGateway } from "./gateway-run.ts";
import { makeSite, makeWorkplace, type Run, sampleFile, type Workplace } from "./scanseal-process.ts";

const secret = {
  SCANSEAL_NEW_OPERATOR_PASSPHRASE: "correct horse",
  SCANSEAL_OPERATOR_PASSPHRASE: "correct horse",
};

export interface SiteWithPast extends Workplace {
  /** As an operator: anna or ben. */
  as(name: string, ...args: readonly string[]): Run;
  /** Two people release the altered object 2.25.2, and it arrives. */
  release(): Promise<void>;
}

/**
 * 2.25.1 sealed and let pass; altered.dcm is 2.25.2, held; 2.25.3 sealed and never sent; prior/7.dcm is 2.25.7, with a receipt. The series of the
 * sealed ones is closed.
 */
export function siteWithPast(): SiteWithPast {
  const place = makeWorkplace();
  const { run, path, write } = place;
  let archive: ReceivingArchive;
  let gate: GatewayRun;
  beforeAll(async () => {
    makeSite(place);
    run("seal", "scans", "--device", "CT1", "--out", "sealed");
    run("series", "close", "2.25.2");
    const altered = readFileSync(path("sealed/2.25.2.dcm"));
    altered.write("4712", altered.indexOf("4711"), "latin1");
    writeFileSync(path("altered.dcm"), altered);
    write("prior/7.dcm", sampleFile("2.25.7"));
    run("baseline", "prior", "--source", "old PACS");
    archive = await ReceivingArchive.open(0);
    const ports = await freePorts();
    write("scanseal-data/gateway.yaml", gatewayYaml(ports, archive.port));
    gate = startGateway(place, "start");
    await gate.until(/One line for each object/);
    const sent = [readFileSync(path("sealed/2.25.1.dcm")), altered];
    await sendAll(ports.dicom, sent, { callingAeTitle: "CT1", calledAeTitle: "SCANSEAL" });
    await gate.until((output) => /delivered +/.test(output) && /HELD +/.test(output));
    place.runWith({ env: secret }, "operator", "add", "anna");
    place.runWith({ env: secret }, "operator", "add", "ben", "--by", "anna");
  });
  afterAll(async () => {
    gate.signal("SIGTERM");
    await gate.ended;
    await archive.close();
  });
  const as = (name: string, ...args: readonly string[]): Run =>
    place.runWith({ env: secret }, ...args, "--by", name);
  return {
    ...place,
    as,
    release: async () => {
      const reason = ["--reason", "a second opinion is wanted"];
      const danger = ["--confirm", "altered"];
      const asked = as("anna", "quarantine", "release", "2.25.2", "--to", "reading", ...danger, ...reason);
      const id = /^Request (\S+)$/m.exec(asked.stdout)![1]!;
      as("ben", "quarantine", "approve", id, ...danger);
      await gate.until((output) => (output.match(/ delivered +[0-9a-f]/g) ?? []).length > 1);
    },
  };
}

function gatewayYaml(ports: { readonly dicom: number; readonly http: number }, archivePort: number): string {
  const at = `host: 127.0.0.1, port: ${archivePort}`;
  return `aeTitle: SCANSEAL
home: .
http: {port: ${ports.http}}
listeners:
  - {name: local, port: ${ports.dicom}}
sources:
  - {name: ct-1, listener: local, aeTitles: [CT1], mode: enforce}
destinations:
  - {name: archive, ${at}, aeTitle: ARCHIVE}
  - {name: reading, ${at}, aeTitle: READING, takes: released}
`;
}
