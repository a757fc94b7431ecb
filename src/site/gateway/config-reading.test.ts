import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sound } from "../../../test/gateway/config-faults.ts";
import { makeSealedSite, type SealedSite } from "../../../test/gateway/sealed-site.ts";
import { readConfig } from "./config.ts";

let site: SealedSite;
beforeAll(async () => {
  site = await makeSealedSite();
});
afterAll(() => site.remove());

const withWeb = sound.replace("sources:", "  - name: web\n    protocol: dicomweb\n    port: 8080\nsources:");
const reading = `${withWeb}reading:
  copies: false
  archive:
    dicomweb: https://pacs.example.org/dicom-web/
    authorizationFrom: PACS
    tolerate: [trailing-bytes]
  readers:
    - name: workstation
      listener: plain
      aeTitles: [WS1]
      mode: enforce
      moveTo:
        - aeTitle: WS1
          host: 10.20.9.40
          port: 104
    - name: viewers
      listener: web
      networks: [10.20.9.0/24]
`;

function read(
  text: string,
  environment: Record<string, string> = { PACS: "Basic eDp5" },
): ReturnType<typeof readConfig> {
  return readConfig(text, join(site.folder, "gateway.yaml"), { environment, now: Date.parse("2026-12-01") });
}

it("copies are kept up to a size, 64 GiB where none is named", () => {
  const copies = (text: string) => read(reading.replace("copies: false", text)).config!.settings.reading;
  expect(copies("copies: true")!.copiesMax).toBe(64 * 2 ** 30);
  expect(copies("copies: true\n  copiesSize: 2 TiB")!.copiesMax).toBe(2 * 2 ** 40);
  expect(copies("copiesSize: 2 TiB")!.copiesMax).toBe(0);
});

it("the archive is one of the destinations by name; where nobody knows which, that is told", () => {
  const at = (archive: string, ...names: string[]) => {
    const lines = names.map((name, i) => `  - {name: ${name}, host: h${i}, port: 104, aeTitle: PACS}\n`);
    return read(
      reading.replace("  archive:\n", `  archive:\n${archive}`).concat("destinations:\n", ...lines),
    );
  };
  const named = at("    destination: two\n", "one", "two");
  expect(named.problems).toEqual([]);
  expect(named.config!.settings.reading!.archive!.destination).toBe("two");
  expect(at("", "one").problems).toEqual([]);
  expect(at("", "one", "two").problems).toMatchObject([
    { level: "warning", message: expect.stringMatching(/^none of the destinations/) },
  ]);
  expect(at("    destination: three\n", "one", "two").config).toBeUndefined();
});

it("an index is kept where it is asked for, or where somebody reads", () => {
  expect(read(sound).config!.index).toBe(false);
  expect(read(`index: true\n${sound}`).config!.index).toBe(true);
  expect(read(reading).config!.index).toBe(true);
  expect(read(`index: often\n${sound}`).config).toBeUndefined();
});

it("reads who reads, and from where", () => {
  const { config, problems } = read(reading);
  expect(problems).toEqual([]);
  expect(config!.settings.reading).toEqual({
    copiesMax: 0,
    archive: {
      name: "archive",
      tolerate: ["trailing-bytes"],
      through: {
        protocol: "dicomweb",
        url: "https://pacs.example.org/dicom-web",
        authorization: "Basic eDp5",
        tls: undefined,
      },
    },
    readers: [
      {
        name: "workstation",
        listener: "plain",
        certificates: [],
        aeTitles: ["WS1"],
        networks: [],
        mode: "enforce",
        associationsMax: 8,
        moveTo: [{ aeTitle: "WS1", host: "10.20.9.40", port: 104 }],
      },
      {
        name: "viewers",
        listener: "web",
        certificates: [],
        aeTitles: [],
        networks: ["10.20.9.0/24"],
        mode: "warn",
        associationsMax: 8,
        moveTo: [],
      },
    ],
  });
  const dimse = reading.replace(
    / {4}dicomweb: .*\n.*\n/,
    "    host: pacs\n    port: 104\n    aeTitle: PACS\n",
  );
  expect(read(dimse).config!.settings.reading!.archive!.through).toEqual({
    ...{ protocol: "dimse", host: "pacs", port: 104, aeTitle: "PACS", tls: undefined },
  });
});

describe("says what is wrong", () => {
  it.each([
    ["a listener that is not there", ["listener: web", "listener: wb"], "reference", /reader viewers/],
    ["two of a name", ["name: viewers", "name: workstation"], "duplicate-name", /two readers/],
    ["a title over HTTP", ["networks: [10.20.9.0/24]", "aeTitles: [X]"], "conflict", /DICOMweb listener/],
    ["an archive in two ways", ["authorizationFrom: PACS", "host: pacs"], "conflict", /either by/],
    [
      "an archive in no way",
      [/ {4}dicomweb: .*\n.*\n/, "    name: pacs\n"],
      "missing",
      /needs "dicomweb", or/,
    ],
    [
      "half of a DIMSE archive",
      [/ {4}dicomweb: .*\n.*\n/, "    host: pacs\n"],
      "missing",
      /"port" and "aeTitle"/,
    ],
    ["no address", ["https://pacs.example.org/dicom-web/", "pacs"], "value", /DICOMweb root such/],
    ["a password in it", ["https://pacs", "https://me:secret@pacs"], "secret", /password does not belong/],
    [
      "an unset variable",
      ["authorizationFrom: PACS", "authorizationFrom: NONE"],
      "environment",
      /NONE is not set/,
    ],
    [
      "a place that is this gateway",
      ["host: 10.20.9.40\n          port: 104", "host: 127.0.0.1\n          port: 11112"],
      "conflict",
      /circle/,
    ],
    ["an unknown key", ["copies: false", "copy: false"], "unknown-key", /copy/],
    [
      "nothing to read from",
      [
        / {2}copies: false\n {2}archive:\n.*\n.*\n.*\n/,
        "",
        "destinations:\n  - {name: pacs, host: pacs.example.org, port: 104, aeTitle: PACS}\n",
      ],
      "missing",
      /keeps no copy/,
    ],
    ["copies of what stays anyway", ["copies: false", "copies: true"], "never-used", /changes nothing/],
    ["room for copies that are not kept", ["copies: false", "copiesSize: 1 GiB"], "never-used", /without/],
    ["room for no copies", ["copies: false", "copiesSize: 1 MiB"], "value", /from 64 MiB/],
  ] as const)("%s", (_, [from, to, before = ""], code, message) => {
    const changed = reading.replace(from, to).replace("reading:", `${before}reading:`);
    expect(changed).not.toBe(reading);
    const { problems } = read(changed);
    expect(problems).toContainEqual(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
    expect(JSON.stringify(problems)).not.toContain("secret@");
  });
});
