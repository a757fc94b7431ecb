/** The walk of docs/commissioning.md, run as it is written. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { projectRoot } from "../peers.ts";
import { freePorts, type GatewayRun, startGateway } from "./gateway-run.ts";
import { makeSite, makeWorkplace, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
const passphrase = "correct horse battery staple";
let gate: GatewayRun;
let port: number;

beforeAll(async () => {
  makeSite(place, 3);
  place.run("enroll", "CT0", "--ae", "CT0", "--serial", "2");
  place.write("other/1.dcm", sampleFile("2.25.71"));
  place.write("other/2.dcm", sampleFile("2.25.72"));
  place.run("seal", "other", "--device", "CT0", "--out", "elsewhere");
  const altered = readFileSync(place.path("elsewhere/2.25.72.dcm"));
  altered.write("4712", altered.indexOf("4711"), "latin1");
  place.write("morning/1.dcm", sampleFile("2.25.61"));
  place.write("morning/2.dcm", sampleFile("2.25.62"));
  place.write("morning/3.dcm", readFileSync(place.path("elsewhere/2.25.71.dcm")));
  place.write("morning/4.dcm", altered);
  const env = { SCANSEAL_NEW_OPERATOR_PASSPHRASE: passphrase };
  place.runWith({ env }, "operator", "add", "grace");
  const ports = await freePorts();
  port = ports.dicom;
  gate = startGateway(place, "start", "--port", String(port), "--http-port", String(ports.http));
  await gate.until(/One line for each object/);
});
afterAll(() => gate.signal("SIGKILL"));

interface Line {
  readonly words: readonly string[];
  readonly status: number;
}

function walk(): Line[] {
  const page = readFileSync(join(projectRoot, "docs", "commissioning.md"), "utf8");
  const section = page.split(/^## /m).find((part) => part.startsWith("The walk"))!;
  return section.split("\n").flatMap((line) => {
    const [, command, comment = ""] = /^ {4}scanseal ([^#]+?)\s*(?:#(.*))?$/.exec(line) ?? [];
    if (command === undefined) return [];
    const words = command.replace("11112", String(port)).split(" ");
    return [{ words, status: Number(/exit (\d)/.exec(comment)?.[1] ?? 0) }];
  });
}

it("each line ends as the page says", async () => {
  const lines = walk();
  expect(lines.length).toBeGreaterThanOrEqual(12);
  let judged = 0;
  for (const { words, status } of lines) {
    // The device of the page is enrolled where the scans are made.
    if (words[0] === "enroll") continue;
    const run = place.runWith({ env: { SCANSEAL_OPERATOR_PASSPHRASE: passphrase } }, ...words);
    expect(run.status, `${words.join(" ")}: ${run.stdout}${run.stderr}`).toBe(status);
    if (words[0] === "send") judged += words[1] === "morning" ? 4 : 3;
    if (words.includes("--recheck")) judged += 1;
    const seen = (output: string): number => output.match(/(passed|HELD|here already) {2,}/g)?.length ?? 0;
    await gate.until((output) => seen(output) >= judged);
  }
  expect(place.run("source", "list").stdout).toMatch(/ct1 +local +observe/);
});
