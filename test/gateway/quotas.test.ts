/** Quotas of what a source may send within an hour, over both protocols, beside a source that has none. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { IntakeFile } from "../../src/site/gateway/intake-file.ts";
import type { Examiner } from "../../src/zero-trust/gateway/ports.ts";
import { phantomFiles } from "../interop/dimse-peers.ts";
import { Gate, plainListener, sourceOf, webListener } from "./gate.ts";
import { send } from "./network.ts";
import { askWeb, multipartOf, multipartType } from "./web-request.ts";

/** What is judged of them is not the matter here. */
const examiner: Examiner = {
  width: 1,
  examine: () => Promise.reject(new ScansealError("timeout", "not examined")),
  close: async () => {},
};

it("a source over its quota is refused before anything is kept, and no other source", async () => {
  const sources = [
    sourceOf({ name: "ct", aeTitles: ["CT1"], intake: { hour: { objects: 2 } } }),
    sourceOf({ name: "mr", aeTitles: ["MR1"] }),
  ];
  const gate = await Gate.open(examiner, { sources });
  onTestFinished(() => gate.end());
  const file = phantomFiles()[0]!;
  const sent = async (calling: string): Promise<number> => send(gate.port, file, { callingAeTitle: calling });
  expect([await sent("CT1"), await sent("CT1"), await sent("CT1")]).toEqual([0, 0, 0xa700]);
  expect(await sent("MR1")).toBe(0);
  expect(await gate.seen("object-acknowledged", 3)).toHaveLength(3);
  expect(await gate.seen("object-refused")).toMatchObject([
    { source: "ct", status: 0xa700, why: "quota-hour" },
  ]);
});

it("over STOW-RS what exceeds the size of an hour is refused as it arrives, and with all objects sent 429 and when to come again", async () => {
  const file = phantomFiles()[0]!;
  const limit = { hour: { objects: 2, bytes: file.length + 100 } };
  const gate = await Gate.open(examiner, {
    listeners: [plainListener, webListener],
    sources: [sourceOf({ aeTitles: [], intake: limit })],
  });
  onTestFinished(() => gate.end());
  const { port } = gate.gateway.listeners[1]!;
  const headers = { "content-type": multipartType };
  const store = () =>
    askWeb({ port, path: "/dicom-web/studies", method: "POST", headers }, multipartOf([file]));
  expect((await store()).status).toBe(200);
  // Some bytes are left: it is refused as it arrives, by its outcome.
  const second = await store();
  expect(second.status).toBe(409);
  expect(Buffer.from(second.body).toString()).toContain(`[${0xa700}]`);
  const third = await store();
  expect(third).toMatchObject({ status: 429, headers: { "retry-after": "600" } });
  expect(await gate.seen("object-acknowledged", 1)).toHaveLength(1);
});

it("what sources sent is kept over a restart; a damaged or unwritable file is told, and the gate works", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-intake-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const clock = { now: () => Date.parse("2026-11-23T08:00:00Z") };
  const faults: GatewayEvent[] = [];
  const open = (): IntakeFile => new IntakeFile(folder, clock, (event) => void faults.push(event));
  const ct = { name: "ct", intake: { day: { objects: 1 } } };
  const first = open();
  first.intake.begin("ct");
  await first.close();
  const second = open();
  expect(second.intake.over(ct, 0, true)?.why).toBe("quota-day");
  await second.close();
  expect(faults).toEqual([]);
  for (const text of ["{", '{"ct":[{"at":-1}]}', '{"ct":7}', "null"]) {
    writeFileSync(join(folder, "intake.json"), text, { mode: 0o600 });
    const damaged = open();
    expect(damaged.intake.over(ct, 0, true)).toBeUndefined();
    damaged.intake.begin("ct");
    await damaged.close();
  }
  expect(faults.length).toBeGreaterThan(0);
  const gone = open();
  gone.intake.begin("ct");
  rmSync(folder, { recursive: true });
  await gone.close();
  expect(faults.at(-1)).toMatchObject({ kind: "fault", where: "quotas" });
});
