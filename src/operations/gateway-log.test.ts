import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GatewayEvent } from "./event.ts";
import { gatewayLog, type LogLevel } from "./gateway-log.ts";

const id = "0198c3a2-7b1e-7cc4-9d55-0a1b2c3d4e5f";

function logged(events: readonly GatewayEvent[], level: LogLevel = "debug"): string[] {
  const lines: string[] = [];
  const sink = gatewayLog({ write: (line: string) => void lines.push(line) }, level);
  for (const event of events) sink(event);
  return lines;
}

function fieldsOf(event: GatewayEvent): Record<string, unknown> {
  const [line = "{}"] = logged([event]);
  const { time: _, ...fields } = JSON.parse(line);
  return fields;
}

/** Every kind of event, with one text in every place that takes text and one number in every place that takes a number. */
function everywhere(text: string, n: number): GatewayEvent[] {
  return [
    { kind: "listening", listener: text, address: text, port: n },
    { kind: "association-accepted", association: text, source: text, peerAddress: text, peerTitle: text },
    { kind: "association-rejected", listener: text, peerAddress: text, peerTitle: text, why: text },
    { kind: "association-ended", association: text, how: text as "lost", why: text },
    { kind: "object-acknowledged", object: text, source: text, bytes: n, ms: n },
    { kind: "object-refused", source: text, status: n, why: text },
    { kind: "object-judged", object: text, source: text, verdict: text, state: text, codes: [text], ms: n },
    { kind: "delivered", object: text, destination: text, bytes: n, ms: n },
    { kind: "delivery-failed", object: text, destination: text, why: text, isDead: false, retryInMs: n },
    {
      ...{ kind: "commitment-reported", destination: text, object: text, reason: n },
      ...{ committed: n, resent: n, failed: n, missing: n },
    },
    { kind: "commitment-late", destination: text, waiting: n, asks: n },
    { kind: "destination-down", destination: text, why: text, waiting: n, retryInMs: n },
    { kind: "destination-back", destination: text, waiting: n, downMs: n },
    { kind: "read-replaced", object: text, archive: text, why: text as "held" },
    { kind: "read-released", request: text, reader: text, verdict: text, object: text },
    { kind: "copy-damaged", object: text, isDropped: true },
    { kind: "copies-dropped", why: text as "limit", objects: n, bytes: n },
    { kind: "stored", object: text, bytes: n },
    { kind: "recovered", objects: n, bytes: n },
    { kind: "worker-ended", why: text },
    { kind: "trust-reloaded", devices: n },
    { kind: "settings-applied", sources: n, destinations: n },
    { kind: "source-changed", source: text, from: text, to: text },
    { kind: "disk-low", freeBytes: n, neededBytes: n },
    { kind: "kept-only", objects: n, destination: text },
    { kind: "certificate-ending", of: text, name: text, days: n },
    { kind: "emergency-unreviewed", grants: n },
    { kind: "draining", associations: n },
    { kind: "stopped" },
    { kind: "fault", where: text, code: text, why: text },
  ];
}

/** Where a name of the configuration or a peer's label belongs: text of people, but not of patients. */
const labelFields = new Set(["reader", "source", "listener", "destination", "archive", "peerTitle", "name"]);

describe("the gateway's log", () => {
  it("says what happened, when, how grave, and nothing else", () => {
    const judged = fieldsOf({
      ...{ kind: "object-judged", object: id, source: "ct-1", verdict: "altered", state: "held" },
      ...{ codes: ["pixels-changed", "limit-depth"], ms: 12 },
    });
    expect(judged).toEqual({
      ...{ level: "warn", event: "object-judged", object: id, source: "ct-1", verdict: "altered" },
      ...{ state: "held", codes: ["pixels-changed", "limit-depth"], ms: 12 },
    });
    expect(fieldsOf({ kind: "object-refused", source: "ct-1", status: 0xa700, why: "storage-full" })).toEqual(
      {
        ...{ level: "warn", event: "object-refused", source: "ct-1", status: "0xA700", why: "storage-full" },
      },
    );
    const time = JSON.parse(logged([{ kind: "stopped" }])[0] ?? "{}").time;
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it("keeps reasons readable and masks what is no known word", () => {
    const why = (text: string): unknown => fieldsOf({ kind: "worker-ended", why: text }).why;
    expect(why("called AE title is not ours")).toBe("called AE title is not ours");
    expect(why("connect ECONNREFUSED 10.1.2.3:104")).toBe("connect ECONNREFUSED *:104");
    expect(why("the archive answered 0xC001: cannot read Doe^John, born 19700101")).toBe(
      "the archive answered 0xC001: cannot read *, *",
    );
    expect(why("cannot write /var/lib/gate/seg-0001.spool: the disk is full.")).toBe(
      "cannot write /*/gate/*: the disk is full.",
    );
    expect(why("nothing came for 30000 ms")).toBe("nothing came for 30000 ms");
    expect(why("nothing came for 30000 Smith")).toBe("nothing came for *");
    expect(why("the journal's database does not exist (3D000)")).toBe(
      "the journal's database does not exist (3D000)",
    );
    for (const text of [
      'configuration not changed: error in line 34: "mode" must be one of observe, warn, enforce; scanseal config check shows all',
      "error in line 3: Tabs are not allowed as indentation",
      "the database server does not accept the user's password (28P01)",
    ])
      expect(why(text)).toBe(text);
    expect(why('"mode" must be observe; "Doe" and Doe\'s and ""')).toBe(
      '"mode" must be observe; * and * and *',
    );
    expect(why("uid 1.2.840.10008.5.1.4.1.1.2 differs")).toBe("uid * differs");
  });

  it("names an association by its connection", () => {
    const association = (text: string): unknown =>
      fieldsOf({ kind: "association-ended", association: text, how: "released" }).association;
    for (const text of [id, "plain 10.0.0.5 49152", "tls fe80::1 104"]) expect(association(text)).toBe(text);
    for (const text of ["1.2.3 10.0.0.5 1", "plain 10.0.0.555 1", "plain ::1 1 Doe", "plain ::1 123456"])
      expect(association(text)).toBe("other");
  });

  it("knows every word of the codes of errors and findings", () => {
    const sources = [
      "foundation/errors.ts",
      "zero-trust/policy/verdict.ts",
      "zero-trust/evidence/evidence.ts",
    ];
    const text = sources.map((path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8")).join("");
    const codes = [...text.matchAll(/^\s*\| "([a-z0-9-]+)"/gm)].map(([, code]) => code ?? "");
    expect(codes.length).toBeGreaterThan(60);
    for (const code of codes)
      expect(fieldsOf({ kind: "fault", where: "", code, why: code })).toMatchObject({ code });
  });

  it("lets no UID, path, control character or text of a patient in, wherever it stands", () => {
    const secrets = [
      ...["Müller^Hans", "DOE^JOHN", "PAT-4711", "19561231", "1.2.840.113619.2.55.3", "2.25.99887766554433"],
      ...["/srv/spool/1.dcm", "C:\\data\\x", "a\nb", "\u001b[2J", "\u202Egnp", '","level":"fatal"', "\u0000"],
    ];
    for (const secret of secrets) {
      const lines = logged(everywhere(secret, 7));
      expect(lines).toHaveLength(everywhere(secret, 7).length);
      for (const line of lines) {
        const fields = Object.entries(JSON.parse(line)).filter(([name]) => !labelFields.has(name));
        for (const [, value] of fields) expect(String(value)).not.toContain(secret);
      }
      // Not even as a label, unless it is nothing but letters, digits and dashes.
      if (!/^[A-Z0-9-]+$/.test(secret))
        expect(lines.join("")).not.toContain(JSON.stringify(secret).slice(1, -1));
    }
  });

  it("cannot be made to say anything in another's name", () => {
    const shapes = new Map(
      everywhere("a", 1).map((event) => [event.kind, Object.keys(fieldsOf(event)).sort()]),
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.double(), (text, n) => {
        for (const event of everywhere(text, n)) {
          const lines = logged([event]);
          expect(lines).toHaveLength(1);
          expect(lines[0]).toMatch(/^\{[\x20-\x7e]*\}\n$/);
          expect(JSON.parse(lines[0] ?? "").event).toBe(event.kind);
          expect(Object.keys(fieldsOf(event)).sort()).toEqual(shapes.get(event.kind));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("leaves out what is below its level, and never throws", () => {
    const grave = everywhere("x", 1).filter((event) => logged([event], "error").length > 0);
    expect(grave.map((event) => event.kind)).toEqual(["commitment-reported", "fault"]);
    const dead: GatewayEvent = {
      ...{ kind: "delivery-failed", object: id, destination: "pacs", why: "timeout" },
      ...{ isDead: true, retryInMs: undefined },
    };
    expect(logged([dead], "error")).toHaveLength(1);
    expect(logged(everywhere("x", 1), "silent")).toEqual([]);
    const broken = gatewayLog(
      {
        write() {
          throw new Error("no");
        },
      },
      "debug",
    );
    expect(() => broken({ kind: "stopped" })).not.toThrow();
    expect(() => broken({ kind: "worker-ended" } as unknown as GatewayEvent)).not.toThrow();
  });
});

describe("the log's file", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "scanseal-log-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const module = new URL("gateway-log.ts", import.meta.url).href;

  /** In a process of its own: 500 events, then `end`. All threads for files are busy meanwhile. */
  function scriptOf(to: string, end: string): string {
    return `
      const { pbkdf2 } = await import("node:crypto");
      const { gatewayLog } = await import(${JSON.stringify(module)});
      const sink = gatewayLog(${to}, "info");
      for (let i = 0; i < 4; i++) pbkdf2("a", "b", 300_000, 32, "sha512", () => {});
      for (let i = 0; i < 500; i++) sink({ kind: "trust-reloaded", devices: i });
      ${end}`;
  }
  function run(to: string, end: string): { readonly status: number | null; readonly stdout: string } {
    const args = ["--input-type=module", "-e", scriptOf(to, end)];
    return spawnSync(process.execPath, args, { encoding: "utf8" });
  }
  const numbers = (text: string): number[] =>
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).devices);
  const all = Array.from({ length: 500 }, (_, i) => i);

  it("holds every line of a process that ended at once, and is added to", () => {
    const path = join(folder, "gate.log");
    expect(run(JSON.stringify(path), "process.exit(3)").status).toBe(3);
    expect(numbers(readFileSync(path, "utf8"))).toEqual(all);
    expect(run(JSON.stringify(path), "").status).toBe(0);
    expect(numbers(readFileSync(path, "utf8"))).toEqual([...all, ...all]);
  });

  it.each([
    "process.exit(0)",
    "",
    'throw new Error("uncaught")',
    'setImmediate(() => { throw new Error("uncaught"); })',
    'process.on("SIGTERM", () => process.exit(0)); process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1_000)',
  ])("may be the standard output, and is whole and in order, however the process ends: %s", (end) => {
    expect(numbers(run("1", end).stdout)).toEqual(all);
  });

  it("a reader that does not read stops nothing; what it was not given is dropped by whole lines", async () => {
    // Some 14 MB: more than a pipe and what may wait.
    const end =
      "for (let i = 500; i < 200_000; i++) sink({ kind: 'trust-reloaded', devices: i }); console.error('on')";
    const args = ["--input-type=module", "-e", scriptOf("1", end)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    await once(child.stderr, "data");
    const pieces: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => void pieces.push(piece));
    await once(child, "close");
    const seen = numbers(Buffer.concat(pieces).toString());
    expect(seen.length).toBeGreaterThan(10_000);
    expect(seen.length).toBeLessThan(200_000);
    expect(seen).toEqual(Array.from(seen, (_, i) => i));
  });
});
