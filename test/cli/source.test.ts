/** `scanseal config check` and `scanseal source`: what is changed, what is refused, what is kept. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { sendAll } from "../gateway/network.ts";
import { freePorts, type GatewayRun, startGateway } from "./gateway-run.ts";
import { makeSite, makeWorkplace, oneLine, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
const { run } = place;
const file = "gateway.yaml";
const option = ["--config", file];

function text(): string {
  return readFileSync(place.path(file), "utf8");
}

function configWith(port: number, http: number): string {
  return `# Our gateway
aeTitle: SCANSEAL
home: scanseal-data
http: {port: ${http}}
listeners:
  - name: local # on this machine
    port: ${port}
sources:
  # the old ultrasound
  - name: us
    listener: local
    aeTitles: [US1]   # two rooms
    devices: [CT1]
  - {name: others, listener: local}
`;
}

let ports: { readonly dicom: number; readonly http: number };

beforeAll(async () => {
  makeSite(place, 0);
  ports = await freePorts();
  place.write(file, configWith(ports.dicom, ports.http));
});

async function recordsOf(subject: string): Promise<readonly Record<string, unknown>[]> {
  const journal = await openSqliteJournal(place.path("scanseal-data/gateway/journal.sqlite"));
  const records = await journal.records({ subject, limit: 10 });
  await journal.close();
  return records as unknown as readonly Record<string, unknown>[];
}

describe("config check", () => {
  it("says what a sound file has", () => {
    expect(run("config", "check", file)).toEqual({
      status: 0,
      stdout: "gateway.yaml is sound: 1 listener, 2 sources, 0 destinations\n",
      stderr: "",
    });
  });

  it("warnings do not fail; errors do, each on its line", () => {
    const sound = text();
    place.write("warned.yaml", sound.replace("    port:", "    host: 0.0.0.0\n    port:"));
    const warned = run("config", "check", "warned.yaml");
    expect(warned.status).toBe(0);
    expect(warned.stderr).toMatch(/^warned\.yaml:7:11: warning: .*\n$/);
    place.write("wrong.yaml", sound.replace("aeTitles", "aeTitle").replace("home:", "hom:"));
    const wrong = run("config", "check", "wrong.yaml");
    expect(wrong).toMatchObject({ status: 2, stdout: "" });
    expect(wrong.stderr.trimEnd().split("\n").length).toBeGreaterThanOrEqual(3);
    expect(wrong.stderr).toMatch(/wrong\.yaml:12:5: error: .*did you mean aeTitles/);
    expect(run("config", "check", "absent.yaml").status).toBe(2);
  });
});

describe("source", () => {
  it("add keeps the file's comments, puts the narrower source first, and leaves a record", async () => {
    const added = run(
      ...["source", "add", "ct1", "--listener", "local", "--ae", "CT1"],
      ...["--by", "ada"],
      ...option,
    );
    expect(added).toMatchObject({ status: 0, stderr: "" });
    expect(added.stdout).toMatch(/mode observe/);
    expect(text()).toMatch(/# Our gateway/);
    expect(text()).toMatch(/# on this machine/);
    expect(text()).toMatch(/# the old ultrasound/);
    expect(text()).toMatch(/# two rooms/);
    const names = run("source", "list", "--json", ...option)
      .stdout.trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { name: string; mode: string });
    expect(names.map(({ name }) => name)).toEqual(["us", "ct1", "others"]);
    expect(await recordsOf("ct1")).toMatchObject([
      { actor: "ada", act: "source.added", detail: { listener: "local", mode: "observe" } },
    ]);
    expect(run("config", "check", file).status).toBe(0);
  });

  it.each<[string, readonly string[], RegExp]>([
    ["enforce at once", ["a", "--listener", "local", "--ae", "A", "--mode", "enforce"], /starts in observe/],
    ["a name that is taken", ["ct1", "--listener", "local", "--ae", "A"], /already/],
    ["a listener that is none", ["a", "--listener", "locl", "--ae", "A"], /did you mean local/],
    ["nobody in particular", ["a", "--listener", "local"], /--cert|--ae/],
    ["a network that is none", ["a", "--listener", "local", "--ae", "A", "--net", "ward"], /CIDR/],
    [
      "a certificate where none is seen",
      ["a", "--listener", "local", "--cert", "scanseal-data/authority/authority.pem"],
      /TLS/,
    ],
    ["a file that is no certificate", ["a", "--listener", "local", "--cert", "gateway.yaml"], /certificate/],
    ["a name that a terminal obeys", ["a\u001b[31m", "--listener", "local", "--ae", "A"], /letters/],
  ])("refuses %s and changes nothing", (_, args, message) => {
    const before = text();
    const { status, stdout, stderr } = run("source", "add", ...args, "--by", "ada", ...option);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(message);
    expect(text()).toBe(before);
  });

  it("changes nothing in a file with errors, or when the record cannot be kept", () => {
    const sound = text();
    place.write(file, sound.replace("aeTitle:", "aeTitel:"));
    const damaged = run("source", "mode", "us", "warn", "--by", "ada", ...option);
    expect(damaged.status).toBe(2);
    expect(text()).toContain("aeTitel:");
    const unreachable = "journal: {postgresFrom: JOURNAL}\nhome:";
    place.write(file, sound.replace("home:", unreachable));
    const options = { env: { JOURNAL: "postgres://nobody@127.0.0.1:1/none" } };
    const kept = place.runWith(options, "source", "mode", "us", "warn", "--by", "ada", ...option);
    expect(kept.status).toBe(2);
    expect(text()).toBe(sound.replace("home:", unreachable));
    writeFileSync(place.path(file), sound);
  });

  it("mode changes in place, keeps comments, and leaves a record", async () => {
    expect(run("source", "mode", "us", "warn", "--by", "ada", ...option).status).toBe(0);
    expect(text()).toMatch(/mode: warn/);
    expect(text()).toMatch(/# two rooms/);
    expect(await recordsOf("us")).toMatchObject([
      { actor: "ada", act: "source.mode.changed", detail: { from: "observe", to: "warn" } },
    ]);
    expect(run("source", "mode", "us", "warn", "--by", "ada", ...option).stdout).toMatch(/already/);
    expect(run("source", "mode", "nobody", "warn", "--by", "ada", ...option).status).toBe(2);
    expect(run("source", "mode", "us", "strict", "--by", "ada", ...option).status).toBe(2);
    expect(run("source", "mode", "us", "warn", ...option).status).toBe(2);
  });

  it("where there are operators, one of them, with the passphrase", async () => {
    const as = (passphrase: string): { env: Record<string, string> } => ({
      env: { SCANSEAL_OPERATOR_PASSPHRASE: passphrase, SCANSEAL_NEW_OPERATOR_PASSPHRASE: passphrase },
    });
    const right = as("correct horse battery staple");
    expect(place.runWith(right, "operator", "add", "grace", ...option)).toMatchObject({ status: 0 });
    const mode = ["source", "mode", "others", "warn"] as const;
    expect(place.runWith(as("another one entirely"), ...mode, "--by", "grace", ...option).status).toBe(2);
    expect(place.runWith(right, ...mode, "--by", "ada", ...option).status).toBe(2);
    expect(text()).not.toMatch(/name: others.*mode: warn/);
    expect(place.runWith(right, ...mode, "--by", "grace", ...option)).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(text()).toMatch(/name: others.*mode: warn/);
    expect(await recordsOf("others")).toMatchObject([{ actor: "grace", detail: { isProven: true } }]);
    rmSync(place.path("scanseal-data/operators.json"));
  });

  it("asks that a source was seen before enforce", () => {
    const { status, stdout, stderr } = run("source", "mode", "us", "enforce", "--by", "ada", ...option);
    expect(status).toBe(1);
    expect(stdout).toMatch(/0 objects judged/);
    expect(stderr).toMatch(/nothing from us was seen/);
    expect(text()).not.toMatch(/enforce/);
  });
});

describe("dry run of enforce, on what passed through a gateway", () => {
  let gateway: GatewayRun | undefined;
  afterAll(() => gateway?.signal("SIGKILL"));

  it("tells how many would have been held and why; enforce wants that to be known", async () => {
    place.write("scans/1.dcm", sampleFile("2.25.1"));
    run("seal", "scans", "--device", "CT1", "--out", "sealed");
    const sealed = readFileSync(place.path("sealed/2.25.1.dcm"));
    gateway = startGateway(place, "gateway", ...option);
    await gateway.until(/"event":"listening"/);
    const send = (title: string, ...files: readonly Uint8Array[]): Promise<readonly number[]> =>
      sendAll(ports.dicom, files, { callingAeTitle: title, calledAeTitle: "SCANSEAL" });
    expect(await send("CT1", sealed, sealed, sampleFile("2.25.2"), sampleFile("2.25.3"))).toEqual([
      0, 0, 0, 0,
    ]);
    const altered = Buffer.from(sealed);
    altered.write("4712", altered.indexOf("4711"), "latin1");
    await send("CT1", altered);
    await send("CLEAN", (() => sealed)());
    await gateway.until((output) => output.split("object-judged").length === 7);
    const report = run("source", "dry-run", "ct1", "--json", ...option);
    expect(JSON.parse(report.stdout)).toMatchObject({
      source: "ct1",
      judged: 4,
      held: 1,
      wouldBeHeld: 2,
      groups: [
        {
          verdict: "unsealed",
          code: "seal-missing",
          message: "Not sealed at capture: nothing can be proven about it, either way.",
          objects: 2,
          studies: 1,
        },
      ],
    });
    const told = run("source", "dry-run", "ct1", "--since", "1h", ...option);
    expect(told.stdout).toMatch(/2 more would have been held[\s\S]*unsealed/);
    expect(told.stdout).not.toMatch(/4711|2\.25/);
    const refused = run("source", "mode", "ct1", "enforce", "--by", "ada", ...option);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/2 objects that passed would have been held/);
    const confirmed = run("source", "mode", "ct1", "enforce", "--by", "ada", "--after-dry-run", ...option);
    expect(confirmed).toMatchObject({ status: 0, stderr: "" });
    expect(run("source", "list", ...option).stdout).toMatch(/ct1 +local +enforce/);
    expect(run("source", "dry-run", "ct1", "--since", "soon", ...option).status).toBe(2);
    gateway.signal("SIGTERM");
    expect((await gateway.ended).status).toBe(0);
  });
});
