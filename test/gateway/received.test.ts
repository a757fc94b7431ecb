/** Objects with receipts at the gate: what was received passes in `enforce`, what changed since passes in no mode. */
import { afterAll, afterEach, expect, it } from "vitest";
import { swapPatient } from "../../src/attack-lab/forgeries.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { verdictWords } from "../../src/web-api/page/verdict-words.ts";
import { admit } from "../../src/zero-trust/policy/admitted.ts";
import { slice } from "../attacks/objects.ts";
import { edited } from "../evaluation/fixture.ts";
import { Reception } from "../receipts/reception.ts";
import { archiveAt, examinerOf, Gate, sourceOf } from "./gate.ts";
import { dataSetOf, ReceivingArchive, sendAll } from "./network.ts";

const site = new Reception();
afterAll(() => site.close());
const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

it("a prior with a receipt passes as received and arrives byte for byte; without one it is held", async () => {
  const archive = await ReceivingArchive.open(0);
  const prior = slice();
  site.records = [await site.receipt(prior)];
  const gate = await Gate.open(examinerOf(site), { destinations: [archiveAt(archive.port)] });
  toEnd.push(
    () => archive.close(),
    () => gate.end(),
  );
  await sendAll(gate.port, [prior]);
  await gate.seen("delivered");
  expect(archive.received.map(({ bytes }) => bytes)).toEqual([await dataSetOf(prior)]);
  const [row] = await gate.rows();
  expect(row).toMatchObject({
    state: "admitted",
    verdict: "received",
    basis: "received",
    assurance: "on-receipt",
    disposition: "delivered",
  });
  expect(verdictWords(row!.verdict)).toMatchObject({ word: "received", tone: "good" });
});

it("what changed since passes in no mode, and the tag is named", async () => {
  const prior = slice();
  site.records = [await site.receipt(prior)];
  const changed = await edited(prior, swapPatient("Other^Patient", "4712"));
  for (const mode of ["observe", "warn", "enforce"] as const) {
    const gate = await Gate.open(examinerOf(site), { sources: [sourceOf({ mode })] });
    toEnd.push(() => gate.end());
    await sendAll(gate.port, [changed]);
    await gate.seen("object-judged");
    const [row] = await gate.rows();
    expect(row).toMatchObject({ state: "held", verdict: "altered" });
    expect(
      row!.findings.filter(({ code }) => code === "received-changed").map(({ location }) => location.tag),
    ).toEqual(["(0010,0010)", "(0010,0020)"]);
  }
});

it("the basis is received, whatever the mode", async () => {
  const prior = slice();
  site.records = [await site.receipt(prior)];
  const { decision } = await site.judge(prior);
  const object = await readDicom(new MemorySource(prior));
  expect(admit(object, decision)?.basis).toBe("received");
});
