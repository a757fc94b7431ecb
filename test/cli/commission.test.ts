/** `scanseal commission` beside a running gate: what the report says would be held is what is held. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { type Edit, writeToBytes } from "../../src/dicom/splice.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { dataSetOf, type Sent, sendAll } from "../gateway/network.ts";
import { freePorts, type GatewayRun, startGateway } from "./gateway-run.ts";
import {
  makeSite,
  makeWorkplace,
  oneLine,
  type Run,
  sampleFile,
  withoutDigests,
} from "./scanseal-process.ts";

const place = makeWorkplace();
const option = ["--config", "gateway.yaml"] as const;
const operator = { SCANSEAL_OPERATOR_PASSPHRASE: "correct horse battery staple" };
let ports: { readonly dicom: number; readonly http: number };
let gate: GatewayRun;
let sent = 0;

interface Report {
  readonly objects: number;
  readonly verdicts: Record<string, number>;
  readonly held: { readonly now: number; readonly warn: number; readonly enforce: number };
  readonly causes: readonly {
    readonly code: string;
    readonly objects: number;
    readonly heldNow: number;
    readonly advice: string;
    readonly kinds: readonly { readonly examples: readonly string[] }[];
  }[];
  readonly tolerances: readonly {
    readonly code: string;
    readonly objects: number;
    readonly isAccepted: boolean;
  }[];
  readonly unsealed: readonly { readonly peerTitle: string; readonly command: string }[];
  readonly changes: readonly { readonly path: string; readonly objects: number; readonly standing: string }[];
  readonly certificates: readonly { readonly of: string; readonly name: string; readonly daysLeft: number }[];
  readonly readiness: {
    readonly isReady: boolean;
    readonly inTheWay: readonly string[];
    readonly next: string;
  };
}

function commission(...args: readonly string[]): Run {
  return place.runWith({ env: operator }, "commission", "ct", ...args, ...option);
}

function report(): Report {
  return JSON.parse(commission("--json").stdout) as Report;
}

function sealedOf(name: string): Buffer<ArrayBuffer> {
  return readFileSync(place.path(`sealed/${name}.dcm`));
}

function changed(file: Buffer<ArrayBuffer>, from: string, to: string): Bytes {
  const out = Buffer.from(file);
  out.write(to, out.indexOf(from), "latin1");
  return out;
}

/** With bytes behind the last element. */
async function trailing(file: Bytes): Promise<Sent> {
  return { file, dataSet: concatBytes([await dataSetOf(file), new Uint8Array([1, 2, 3, 4])]) };
}

/** Sends, and waits for as many verdicts. */
async function send(title: string, ...files: readonly Sent[]): Promise<void> {
  sent += files.length;
  const stored = await sendAll(ports.dicom, files, { callingAeTitle: title, calledAeTitle: "SCANSEAL" });
  expect(stored).toEqual(files.map(() => 0));
  await gate.until((output) => output.split('"event":"object-judged"').length > sent);
}

async function statesOf(source: string): Promise<Record<string, number>> {
  const journal = await openSqliteJournal(place.path("scanseal-data/gateway/journal.sqlite"));
  const out: Record<string, number> = {};
  for (const { state } of await journal.objects({ source, limit: 1_000 })) out[state] = (out[state] ?? 0) + 1;
  await journal.close();
  return out;
}

async function actsOf(source: string): Promise<string[]> {
  const journal = await openSqliteJournal(place.path("scanseal-data/gateway/journal.sqlite"));
  const acts = await journal.records({ subject: source, limit: 100 });
  await journal.close();
  return acts.map(({ act, actor, detail }) => `${actor} ${act} ${JSON.stringify(detail)}`);
}

beforeAll(async () => {
  // For those that run beside each other.
  Object.assign(process.env, operator);
  makeSite(place, 12);
  place.run("seal", "scans", "--device", "CT1", "--out", "sealed");
  ports = await freePorts();
  place.write(
    "gateway.yaml",
    `# Our gateway
aeTitle: SCANSEAL
home: scanseal-data
http: {port: ${ports.http}}
listeners: [{name: local, port: ${ports.dicom}}]
sources:
  - name: ct # room 3
    listener: local
    aeTitles: [CT1, "OLD$(id)"]
    devices: [CT1]
  - {name: late, listener: local, aeTitles: [LATE]}
`,
  );
  place.runWith(
    { env: { SCANSEAL_NEW_OPERATOR_PASSPHRASE: operator.SCANSEAL_OPERATOR_PASSPHRASE } },
    "operator",
    "add",
    "grace",
    ...option,
  );
  gate = startGateway(place, "gateway", ...option);
  await gate.until(/"event":"listening"/);
});
afterAll(() => {
  gate.signal("SIGKILL");
  delete process.env.SCANSEAL_OPERATOR_PASSPHRASE;
});

it("before anything came, it is not ready, and enforce is refused", async () => {
  expect(report()).toMatchObject({ objects: 0, readiness: { isReady: false } });
  const told = commission();
  expect(told.status).toBe(1);
  expect(told.stdout).toMatch(/nothing was judged[\s\S]*Not ready for enforce/);
  const refused = commission("--mode", "enforce", "--by", "grace");
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toMatch(/Nothing was seen/);
});

it("the report of what was seen in observe says what each mode would hold, why, and what to do", async () => {
  await send("CT1", sealedOf("2.25.1"), sealedOf("2.25.2"));
  await send("OLD$(id)", sampleFile("2.25.91"), sampleFile("2.25.92"), sampleFile("2.25.93"));
  await send("CT1", changed(sealedOf("2.25.3"), "4711", "4712"));
  await send(
    "CT1",
    await trailing(sealedOf("2.25.4")),
    await trailing(sealedOf("2.25.5")),
    await trailing(sampleFile("2.25.94")),
  );
  // Again: counted once.
  await send("CT1", sealedOf("2.25.1"));
  const seen = report();
  expect(seen).toMatchObject({
    objects: 9,
    verdicts: { verified: 2, unsealed: 3, altered: 1, malformed: 3 },
    held: { now: 4, warn: 4, enforce: 7 },
    tolerances: [{ code: "trailing-bytes", objects: 3, isAccepted: false }],
    readiness: { isReady: false, next: "scanseal commission ct --accept tolerate:trailing-bytes --by NAME" },
  });
  expect(seen.causes.map(({ code, objects, heldNow }) => [code, objects, heldNow])).toEqual([
    ["seal-missing", 3, 0],
    ["trailing-bytes", 3, 3],
    ["attribute-changed", 1, 1],
  ]);
  // A title that a shell would run is not put into a command.
  expect(seen.unsealed[0]).toMatchObject({
    peerTitle: "OLD$(id)",
    command: "scanseal enroll NAME --ae TITLE --serial SERIAL",
  });
  const told = commission();
  expect(told).toMatchObject({ status: 1, stderr: "" });
  expect(told.stdout).toMatch(/Held as things were: 4\. Under warn: 4\. Under enforce: 7\./);
  expect(told.stdout).toMatch(/"Not sealed at capture: nothing can be proven about it, either way\."/);
  expect(told.stdout).toMatch(/In the way:\n(.*\n)*Next: scanseal commission ct --accept/);
  expect(withoutDigests(told.stdout)).not.toMatch(/4711|4712|2\.25\./);
  const example = seen.causes[0]!.kinds[0]!.examples[0]!;
  expect(place.run("quarantine", "show", example, ...option).stdout + told.stdout).toContain(
    example.slice(-8),
  );
});

it.each<[string, readonly string[], RegExp]>([
  [
    "two steps at once",
    ["--accept", "tolerate:trailing-bytes", "--mode", "warn", "--by", "grace"],
    /one step/,
  ],
  ["a step of nobody", ["--mode", "observe"], /--by NAME/],
  ["what nobody may accept", ["--accept", "tolerate:tag-duplicate", "--by", "grace"], /one of/],
  ["what is no tolerance", ["--accept", "trailing-bytes", "--by", "grace"], /tolerate:NAME/],
  ["a number without the mode", ["--although", "3", "--by", "grace"], /--although/],
  ["a time that is none", ["--since", "soon"], /--since/],
  ["a change that was not seen", ["--approve-changes", "00081030", "--by", "grace"], /no recurring change/],
  ["another person", ["--mode", "warn", "--by", "ada"], /wrong/],
])("refuses %s, and changes nothing", (_, args, message) => {
  const before = readFileSync(place.path("gateway.yaml"), "utf8");
  const { status, stdout, stderr } = commission(...args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(oneLine);
  expect(stderr).toMatch(message);
  expect(readFileSync(place.path("gateway.yaml"), "utf8")).toBe(before);
});

it("refuses a source that is none, a wrong passphrase, and numbers that are none", () => {
  expect(place.run("commission", "ctt", ...option)).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/no such source/),
  });
  const wrong = { env: { SCANSEAL_OPERATOR_PASSPHRASE: "another one entirely" } };
  const tried = place.runWith(wrong, "commission", "ct", "--mode", "warn", "--by", "grace", ...option);
  expect(tried.status).toBe(2);
  expect(tried.stderr).toMatch(/passphrase is wrong/);
  for (const number of ["-1", "1.5", "many", "1e3"])
    expect(commission("--mode", "enforce", "--although", number, "--by", "grace").status).toBe(2);
});

it("accepts a non-conformance in the file, whose comments stay, and says what has to be judged again", async () => {
  const accept = ["--accept", "tolerate:trailing-bytes", "--by", "grace"] as const;
  const [one, other] = await Promise.all([
    runAside("commission", "ct", ...accept),
    runAside("commission", "ct", ...accept),
  ]);
  expect([one, other].map(({ status }) => status)).toEqual([0, 0]);
  expect(one.output + other.output).toMatch(/tolerates trailing-bytes from now on/);
  expect(one.output + other.output).toMatch(/tolerates trailing-bytes already/);
  const text = readFileSync(place.path("gateway.yaml"), "utf8");
  expect(text).toMatch(/# Our gateway[\s\S]*ct # room 3[\s\S]*tolerate: \[ ?trailing-bytes ?\]/);
  expect((await actsOf("ct"))[0]).toBe(
    'grace source.tolerance.accepted {"tolerate":"trailing-bytes","isProven":true}',
  );
  expect(report().causes.find(({ code }) => code === "trailing-bytes")?.advice).toMatch(/recheck/);
  await gate.until(/"event":"settings-applied"/);
  const held = report().causes.find(({ code }) => code === "trailing-bytes")!;
  const all = report().held.now;
  expect(held.objects).toBe(3);
  sent += all;
  const again = commission("--recheck", "--by", "grace");
  expect(again).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^4 held objects of ct will be judged again/),
  });
  await gate.until((output) => output.split('"event":"object-judged"').length > sent);
  expect(report()).toMatchObject({
    verdicts: { verified: 4, unsealed: 4, altered: 1 },
    held: { now: 1, warn: 1, enforce: 5 },
    tolerances: [],
  });
});

it("enforce takes the exact number, and what was said is what is held", async () => {
  const wrong = commission("--mode", "enforce", "--although", "4", "--by", "grace");
  expect(wrong).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(/not 4 but 5 objects/),
  });
  const silent = commission("--mode", "enforce", "--by", "grace");
  expect(silent).toMatchObject({ status: 1, stdout: "", stderr: expect.stringMatching(/--although 5/) });
  expect(commission("--mode", "warn", "--by", "grace")).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/observe -> warn[\s\S]*In force/),
  });
  const done = commission("--mode", "enforce", "--although", "5", "--by", "grace");
  expect(done).toMatchObject({
    status: 0,
    stderr: "",
    stdout: expect.stringMatching(/warn -> enforce[\s\S]*In force/),
  });
  expect((await actsOf("ct"))[0]).toBe(
    'grace source.mode.changed {"from":"warn","to":"enforce","although":5,"isProven":true}',
  );
  // The same day once more, as other scans: as many of each are held.
  const before = await statesOf("ct");
  await send("CT1", sealedOf("2.25.6"), sealedOf("2.25.7"), await trailing(sealedOf("2.25.8")));
  await send(
    "CT1",
    sampleFile("2.25.81"),
    sampleFile("2.25.82"),
    sampleFile("2.25.83"),
    await trailing(sampleFile("2.25.84")),
  );
  await send("CT1", changed(sealedOf("2.25.6"), "4711", "4713"));
  const after = await statesOf("ct");
  expect(after.held! - before.held!).toBe(5);
  expect(after.admitted! - before.admitted!).toBe(3);
  const told = commission();
  expect(told.stdout).toMatch(/In enforce\. Held or not settled:/);
  const { held } = report();
  expect(held).toMatchObject({ now: 6, enforce: 10 });
});

it("goes back at once, and everything that was done is recorded", async () => {
  expect(commission("--mode", "observe", "--by", "grace")).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/enforce -> observe[\s\S]*In force/),
  });
  const acts = (await actsOf("ct")).filter((act) => act.includes(" source."));
  expect(acts.map((act) => act.replace(/ \{.*$/, ""))).toEqual([
    ...Array.from({ length: 3 }, () => "grace source.mode.changed"),
    "grace source.tolerance.accepted",
    "configuration file source.added",
  ]);
});

/** As a PACS that sends on, with its own words in the descriptions. */
async function rewritten(name: string, ...edits: readonly Edit[]): Promise<Bytes> {
  const description: Edit = { kind: "put", element: textElement(0x00081030, "LO", "CT of the chest") };
  const object = await readDicom(new MemorySource(sealedOf(name)));
  return writeToBytes(object, [description, ...edits]);
}

const lateReport = (): Report =>
  JSON.parse(place.run("commission", "late", "--json", ...option).stdout) as Report;

it("changes that recur are approved by an operator, and those that can never be are not", async () => {
  const birthDate: Edit = { kind: "put", element: textElement(0x00100030, "DA", "19700101") };
  await send("LATE", await rewritten("2.25.9"), await rewritten("2.25.10"));
  await send("LATE", await rewritten("2.25.11", birthDate), await rewritten("2.25.12", birthDate));
  expect(lateReport()).toMatchObject({
    held: { now: 4, enforce: 4 },
    changes: [
      { path: "00081030", objects: 4, standing: "habit", kinds: ["added"] },
      { path: "00100030", objects: 2, standing: "never" },
    ],
    readiness: { next: "scanseal commission late --approve-changes --by NAME" },
  });
  expect(place.run("commission", "late", ...option).stdout).toMatch(
    /00100030 +added +held; never: it identifies/,
  );
  const late = (...args: readonly string[]): Run =>
    place.run("commission", "late", ...args, "--by", "grace", ...option);
  expect(late("--approve-changes", "00100030").status).toBe(2);
  expect(late("--approve-changes")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("version 1"),
  });
  expect((await actsOf("late"))[0]).toMatch(/^grace source\.changes\.approved .*"habits":1/);
  sent += 4;
  expect(late("--recheck").status).toBe(0);
  await gate.until((output) => output.split('"event":"object-judged"').length > sent);
  expect(lateReport()).toMatchObject({
    verdicts: { "verified-with-changes": 2, altered: 2 },
    held: { now: 2, enforce: 2 },
  });
  // Of another source nothing was approved.
  expect(report().changes.filter(({ path }) => path === "00081030")).toEqual([]);
});

it("a device's certificate that ends is told with its days, and keeps nobody from anything", () => {
  const path = place.path("scanseal-data/authority/ledger.json");
  const text = readFileSync(path, "utf8");
  const ledger = JSON.parse(text) as { readonly issued: readonly { readonly name: string }[] };
  const notAfter = Date.now() + 6.5 * 86_400_000;
  const issued = ledger.issued.map((entry) => (entry.name === "CT1" ? { ...entry, notAfter } : entry));
  writeFileSync(path, JSON.stringify({ ...ledger, issued }));
  try {
    const { certificates, readiness } = report();
    expect(certificates).toMatchObject([{ of: "device", name: "CT1", daysLeft: 6, level: 7 }]);
    expect(readiness.inTheWay.join()).not.toMatch(/certificate/);
    expect(commission().stdout).toMatch(/end within 60 days[\s\S]*device +CT1 +6 days/);
    expect(place.run("keys", "list", "--home", "scanseal-data").stdout).toMatch(/CT1.*\(6 days\).*in use/);
  } finally {
    writeFileSync(path, text);
  }
});

it("a file that cannot be written is told, and leaves no record", async () => {
  const before = await actsOf("late");
  // Whoever the tests run as: its name leaves no room for that of the file that would take its place.
  const name = `${"g".repeat(248)}.yaml`;
  place.write(name, readFileSync(place.path("gateway.yaml"), "utf8"));
  const step = ["commission", "late", "--accept", "tolerate:tag-order", "--by", "grace"] as const;
  const { status, stdout, stderr } = place.runWith({ env: operator }, ...step, "--config", name);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(oneLine);
  expect(await actsOf("late")).toEqual(before);
});

/** Beside another one. */
async function runAside(
  ...args: readonly string[]
): Promise<{ readonly status: number | null; readonly output: string }> {
  const child = startGateway(place, ...args, ...option);
  const { status, output, errors } = await child.ended;
  return { status, output: output + errors };
}
