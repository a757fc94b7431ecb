import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { enrolLocally } from "../../keys/custody/local-enrolment.ts";
import type { Role } from "../../keys/trust/roles.ts";
import { nodeRandom } from "../../platform/node/crypto.ts";
import { createHome } from "../home.ts";
import { readConfig } from "./config.ts";

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-config-"));
  const home = await createHome(join(folder, "home"), { name: "Test site" });
  const enrol = async (name: string, role: Role): Promise<unknown> =>
    enrolLocally(await home.openAuthority(), home.deviceFolder(name), {
      device: { name, aeTitle: name, serialNumber: `${name}-serial` },
      roles: [role],
      passphrase: home.passphrase(),
      random: nodeRandom,
    });
  await enrol("BESIDE", "beside-device");
  await enrol("SCANNER", "capture");
  writeFileSync(join(folder, "x"), "");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const listener = "  - {name: wire, host: 127.0.0.1, port: 4001}\n";
const source = `  - name: ct
    listener: wire
    aeTitles: [CT1]
    networks: [192.168.77.2]
    seals: BESIDE
    sealing: {modalities: [CT], manufacturer: ACME, model: Scan 3000, station: CT1, worklist: {folder: worklist}}
`;
const text = `aeTitle: GATE\nhome: home\nlisteners:\n${listener}sources:\n${source}`;

function read(yaml: string): ReturnType<typeof readConfig> {
  return readConfig(yaml, join(folder, "gateway.yaml"), { environment: {}, now: Date.now() });
}

it("a sealed source is in enforce, stands for its device, and says what its images say", () => {
  const { config, problems } = read(text);
  expect(problems).toEqual([]);
  const [ct] = config!.settings.sources;
  expect([ct!.mode, ct!.devices]).toEqual(["enforce", ["BESIDE"]]);
  expect(ct!.sealing).toEqual({
    device: "BESIDE",
    equipment: {
      modalities: ["CT"],
      manufacturer: "ACME",
      model: "Scan 3000",
      station: "CT1",
      deviceUid: undefined,
    },
    worklist: { folder: join(folder, "worklist") },
    closeAfterMs: 600_000,
  });
});

it("a worklist may be a server's", () => {
  const { config } = read(text.replace("{folder: worklist}", "{host: ris, port: 4004, aeTitle: RIS}"));
  expect(config!.settings.sources[0]!.sealing!.worklist).toEqual({
    server: { host: "ris", port: 4004, aeTitle: "RIS", callingAeTitle: "SCANSEAL" },
  });
});

it.each<[string, string, string, string]>([
  ["a network", "[192.168.77.2]", "[192.168.77.0/24]", "conflict"],
  ["two addresses", "[192.168.77.2]", "[192.168.77.2, 192.168.77.3]", "conflict"],
  ["any address", "    networks: [192.168.77.2]\n", "", "conflict"],
  ["any AE title", "    aeTitles: [CT1]\n", "", "conflict"],
  ["two AE titles", "[CT1]\n    networks", "[CT1, CT2]\n    networks", "conflict"],
  ["every interface", "host: 127.0.0.1", "host: 0.0.0.0", "conflict"],
  ["a mode that lets something pass", "    seals", "    mode: observe\n    seals", "conflict"],
  [
    "a listener with another source",
    text,
    `${text}  - {name: other, listener: wire, aeTitles: [O], networks: [192.168.77.9]}\n`,
    "conflict",
  ],
  [
    "a listener with a reader",
    text,
    `${text}reading: {copies: true, readers: [{name: r, listener: wire, aeTitles: [R]}]}\n`,
    "conflict",
  ],
  ["a DICOMweb listener", "port: 4001", "port: 4001, protocol: dicomweb", "conflict"],
  ["a worklist that is nowhere", "{folder: worklist}", "{port: 4004}", "missing"],
  ["a folder and a server", "{folder: worklist}", "{folder: worklist, host: ris, aeTitle: RIS}", "missing"],
  ["a server without an AE title", "{folder: worklist}", "{host: ris}", "missing"],
  ["a device that seals itself", "seals: BESIDE", "seals: SCANNER", "site"],
  ["nothing said of the equipment", / {4}sealing.*\n/.exec(source)![0], "", "missing"],
  ["nothing said of whose key", "    seals: BESIDE\n", "", "conflict"],
  [
    "two sources with one device",
    text,
    `${text.replace(listener, `${listener}  - {name: two, host: 127.0.0.1, port: 4002}\n`)}${source.replace("name: ct", "name: ct2").replace("wire", "two")}`,
    "duplicate-name",
  ],
])("%s is refused", (_, from, to, code) => {
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  const { config, problems } = read(changed);
  expect(config).toBeUndefined();
  expect(problems.filter(({ level }) => level === "error").map((problem) => problem.code)).toContain(code);
});

it("a device that is not enrolled is told: all that its source sends will be held", () => {
  const { config, problems } = read(text.replace("seals: BESIDE", "seals: ABSENT"));
  expect(config).toBeDefined();
  expect(problems.map(({ code }) => code)).toContain("unknown-device");
});
