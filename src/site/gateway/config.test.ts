import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fault, faults, sound, tls, tlsFaults } from "../../../test/gateway/config-faults.ts";
import { makeSealedSite, type SealedSite } from "../../../test/gateway/sealed-site.ts";
import { projectRoot } from "../../../test/peers.ts";
import { enrolLocally } from "../../keys/custody/local-enrolment.ts";
import { generateKey, spkiOf } from "../../keys/custody/private-key.ts";
import { buildCertificate, buildName, randomSerial } from "../../keys/custody/structure-builder.ts";
import { attributeOid } from "../../keys/trust/object-identifiers.ts";
import { encodePem } from "../../keys/trust/pem.ts";
import { nodeCrypto, nodeRandom } from "../../platform/node/crypto.ts";
import { loadConfig, readConfig } from "./config.ts";
import { type ConfigProblem, problemLine } from "./config-problem.ts";

const now = Date.parse("2026-12-01T00:00:00Z");

let site: SealedSite;

beforeAll(async () => {
  site = await makeSealedSite();
  makeCertificate("gate", "2026-01-01", "2036-01-01");
  makeCertificate("other", "2026-01-01", "2036-01-01");
  makeCertificate("ended", "2020-01-01", "2021-01-01");
  makeCertificate("ending", "2026-01-01", "2026-12-10");
  site.write("nothing.pem", "no PEM\n");
});
afterAll(() => site.remove());

/** Self-signed, with a key of its own. */
function makeCertificate(name: string, notBefore: string, notAfter: string): void {
  const key = generateKey("EC-P256");
  const spki = spkiOf(key);
  const subject = buildName([{ oid: attributeOid.commonName, value: name }]);
  const keyIdentifier = nodeCrypto.hash("SHA-256", spki).slice(0, 20);
  const certificate = buildCertificate(
    {
      serial: randomSerial(nodeRandom),
      issuer: subject,
      subject,
      notBefore: Date.parse(notBefore),
      notAfter: Date.parse(notAfter),
      spki,
      subjectKeyIdentifier: keyIdentifier,
      authorityKeyIdentifier: keyIdentifier,
      use: { kind: "authority" },
    },
    key,
  );
  site.write(`${name}.pem`, encodePem("CERTIFICATE", certificate));
  chmodSync(site.write(`${name}.key`, key.export({ type: "pkcs8", format: "pem" })), 0o600);
}

function read(text: string, environment: Record<string, string> = {}): ReturnType<typeof readConfig> {
  return readConfig(text, join(site.folder, "gateway.yaml"), { environment, now });
}

function requireFault(text: string, [, change, line, code, message, hint]: Fault): void {
  const changed = text.replace(change[0], change[1]);
  expect(changed).not.toBe(text);
  const { config, problems } = read(changed);
  expect(config).toBeUndefined();
  const found = problems.find((problem) => problem.level === "error" && problem.code === code);
  expect(found, problems.map((one) => problemLine("gateway.yaml", one)).join("\n")).toBeDefined();
  expect(found!.line).toBe(line);
  expect(found!.message).toMatch(message);
  expect(found!.hint ?? "").toMatch(hint);
  expect(problems.map((one) => problemLine("x", one)).join()).not.toMatch(/secret/);
}

describe("configuration", () => {
  it("becomes settings, with defaults and paths relative to the file", () => {
    const { config, problems } = read(sound);
    expect(problems).toEqual([]);
    expect(config).toMatchObject({
      home: join(site.folder, "home"),
      data: join(site.folder, "home", "gateway"),
      journal: { kind: "sqlite", path: join(site.folder, "home", "gateway", "journal.sqlite") },
      http: { host: "127.0.0.1", port: 8112 },
      log: "info",
      settings: {
        aeTitle: "SCANSEAL",
        listeners: [{ name: "plain", host: "127.0.0.1", port: 11112 }],
        sources: [{ name: "ct1", mode: "observe", aeTitles: ["CT1"], networks: [], tolerate: [] }],
        destinations: [],
        limits: { retryMs: 5000 },
      },
    });
  });

  it.each(faults)("finds %s", (...fault) => requireFault(sound, fault));

  it.each(tlsFaults)("finds %s", (...fault) => requireFault(tls, fault));

  it("reads certificates and keys", () => {
    const { config, problems } = read(tls);
    expect(problems.filter(({ level }) => level === "error")).toEqual([]);
    const [listener] = config!.settings.listeners;
    expect(listener!.tls!.certificate).toBe(readFileSync(join(site.folder, "gate.pem"), "latin1"));
    expect(config!.settings.sources[0]!.certificates[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it("warns before a certificate ends, and of a key that others can read", () => {
    const ending = read(tls.replaceAll("gate.", "ending."));
    expect(ending.config).toBeDefined();
    expect(ending.problems).toContainEqual(
      expect.objectContaining({ level: "warning", line: 7, code: "certificate" }),
    );
    const key = join(site.folder, "gate.key");
    chmodSync(key, 0o644);
    expect(read(tls).problems).toContainEqual(
      expect.objectContaining({ level: "warning", line: 8, code: "secret" }),
    );
    chmodSync(key, 0o600);
  });

  it.each<[string, string, string, ConfigProblem["code"]]>([
    ["a plain listener at every address", "port: 11112", "port: 11112\n    host: 0.0.0.0", "exposed"],
    ["a plain listener at a public address", "port: 11112", "port: 11112\n    host: 203.0.113.7", "exposed"],
    ["a page at every address", "home: home", "home: home\nhttp: {host: 0.0.0.0}", "exposed"],
    ["a device that is not enrolled", "devices: [CT1]", "devices: [CT1, CT2]", "unknown-device"],
    ["an enrolled device that no source stands for", "    devices: [CT1]\n", "", "unlisted-device"],
    [
      "a source that is never reached",
      "sources:",
      "sources:\n  - {name: all, listener: plain}",
      "never-used",
    ],
    [
      "a password in the file",
      "home: home",
      "home: home\njournal: {postgres: 'postgres://a:secret@b/c'}",
      "secret",
    ],
    [
      "an alert's secret that is not set",
      "home: home",
      "home: home\nalerts: {webhook: {url: 'https://a.example/x', secretFrom: ABSENT}}",
      "environment",
    ],
    [
      "alerts in clear",
      "home: home",
      "home: home\nalerts: {webhook: {url: 'http://a.example/token'}}",
      "exposed",
    ],
    [
      "mail in clear",
      "home: home",
      "home: home\nalerts: {mail: {host: m.example, transport: tcp, from: a@b.example, to: c@b.example}}",
      "exposed",
    ],
    [
      "no source",
      "  - name: ct1\n    listener: plain\n    aeTitles: [CT1]\n    devices: [CT1]\n",
      "",
      "missing",
    ],
  ])("warns of %s, and runs", (_, from, to, code) => {
    const { config, problems } = read(sound.replace(from, to));
    expect(config).toBeDefined();
    expect(problems).toEqual([expect.objectContaining({ level: "warning", code })]);
    expect(problemLine("x", problems[0]!)).not.toMatch(/secret/);
  });

  it("where every source is in enforce, nobody need stand for a device", () => {
    expect(read(sound.replace("devices: [CT1]", "mode: enforce")).problems).toEqual([]);
  });

  it("takes a private address without a warning, texts that look like numbers, and a URL from the environment", () => {
    const text = sound
      .replace("port: 11112", "port: 11112\n    host: 10.2.3.4")
      .replace("[CT1]", "0042")
      .replace("home: home", "home: home\njournal: {postgresFrom: JOURNAL}");
    const { config, problems } = read(text, { JOURNAL: "postgres://a:secret@b/c" });
    expect(problems).toEqual([]);
    expect(config!.settings.sources[0]!.aeTitles).toEqual(["0042"]);
    expect(config!.journal).toEqual({ kind: "postgres", url: "postgres://a:secret@b/c" });
  });

  it("docs/gateway.example.yaml is sound where its files are", async () => {
    mkdirSync(join(site.folder, "tls"), { recursive: true });
    for (const [name, from] of [
      ["gateway.pem", "gate.pem"],
      ["gateway.key", "gate.key"],
      ["modalities.pem", "gate.pem"],
      ["archive-authority.pem", "gate.pem"],
    ] as const)
      copyFileSync(join(site.folder, from), join(site.folder, "tls", name));
    await enrolLocally(await site.home.openAuthority(), site.home.deviceFolder("MR1-SEALER"), {
      device: { name: "MR1-SEALER", aeTitle: "MR1", serialNumber: "MR1-serial" },
      roles: ["beside-device"],
      passphrase: site.home.passphrase(),
      random: nodeRandom,
    });
    const text = readFileSync(join(projectRoot, "docs", "gateway.example.yaml"), "utf8");
    const { config, problems } = read(text, {
      SCANSEAL_WEBHOOK_SECRET: "a secret of the test",
      SCANSEAL_FHIR_TOKEN: "a-token",
      SCANSEAL_MAIL_USER: "gate",
      SCANSEAL_MAIL_PASSWORD: "a password of the test",
    });
    expect(problems.map((one) => problemLine("gateway.example.yaml", one))).toEqual([]);
    expect(config!.settings.sources.map(({ mode }) => mode)).toContain("enforce");
  });

  it("tells every problem, in the order of the file", () => {
    const { problems } = read(
      "aeTitel: A\nhome: home\nlisteners:\n  - {name: 1 2, port: x}\nsources:\n  - {name: s, listener: t, mode: no}\n",
    );
    expect(problems.map(({ line, code }) => [line, code])).toEqual([
      [1, "missing"],
      [1, "unknown-key"],
      [4, "value"],
      [4, "value"],
      [6, "reference"],
      [6, "value"],
    ]);
  });

  it("a file that is absent, a folder, too large or not text is a problem", () => {
    const codeOf = (path: string): string | undefined => loadConfig(path).problems[0]?.code;
    expect(codeOf(join(site.folder, "absent.yaml"))).toBe("unreadable");
    expect(codeOf(site.folder)).toBe("unreadable");
    expect(codeOf(site.write("large.yaml", "#".repeat(1 << 20)))).toBe("too-large");
    expect(codeOf(site.write("binary.yaml", Uint8Array.of(0x61, 0xff, 0xfe)))).toBe("unreadable");
  });

  it.each<[string, string]>([
    ["brackets", "[".repeat(100_000)],
    ["braces", "{a: ".repeat(30_000)],
    ["dashes", "- ".repeat(60_000)],
    ["deep blocks", Array.from({ length: 400 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
    [
      "aliases upon aliases",
      `a: &a [${"x,".repeat(9)}x]\n${Array.from({ length: 9 }, (_, i) => `${"bcdefghij"[i]}: &${"bcdefghij"[i]} [${Array.from({ length: 9 }, () => `*${"abcdefghi"[i]}`).join(",")}]`).join("\n")}`,
    ],
    ["ten thousand keys", Array.from({ length: 10_000 }, (_, i) => `k${i}: 1`).join("\n")],
    ["ten thousand listeners", `listeners: [${"{},".repeat(10_000)}]`],
    ["anchors", "&a ".repeat(30_000)],
    ["commas", `[${",".repeat(100_000)}]`],
  ])("survives %s", (_, text) => {
    const { config, problems } = read(text);
    expect(config).toBeUndefined();
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(100);
  });

  it("whatever becomes of a file, there is a configuration or there are problems", () => {
    const example = readFileSync(join(projectRoot, "docs", "gateway.example.yaml"), "utf8");
    const edit = fc.record({
      at: fc.nat(example.length),
      remove: fc.nat(12),
      insert: fc.oneof(
        fc.string({ unit: "binary", maxLength: 6 }),
        fc.constantFrom(
          "\n",
          "\t",
          ": ",
          "- ",
          "#",
          "[",
          "}",
          "*a",
          "&a ",
          "!x ",
          "'",
          '"',
          "|",
          "? ",
          "---\n",
        ),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let text = example;
        for (const { at, remove, insert } of edits)
          text = text.slice(0, at) + insert + text.slice(at + remove);
        const { config, problems } = read(text);
        if (config === undefined) expect(problems.some(({ level }) => level === "error")).toBe(true);
        for (const { line, column, message } of problems) {
          expect(line).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
          expect(message).not.toMatch(/[\n\r]/);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("whatever bytes a file has, there is a configuration or there are problems", () => {
    const path = join(site.folder, "random.yaml");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        writeFileSync(path, bytes);
        const { config, problems } = loadConfig(path, { environment: {}, now });
        expect(config).toBeUndefined();
        expect(problems.length).toBeGreaterThan(0);
      }),
      { numRuns: 100 },
    );
  });
});
