/** Kept bytes that rot: what comes again takes their place, and nothing else does. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { swapPatient } from "../../src/attack-lab/forgeries.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import type { FileExtent } from "../../src/store/spool/spool.ts";
import type { Examiner } from "../../src/zero-trust/gateway/ports.ts";
import { slice } from "../attacks/objects.ts";
import { edited, newSite, type Site } from "../evaluation/fixture.ts";
import { examinerOf, Gate } from "./gate.ts";
import { send } from "./network.ts";

let site: Site;
let altered: Bytes;
let gate: Gate;
/** Whether the copy in the spool is spoilt once it was examined. */
let isSpoiling: boolean;

beforeAll(async () => {
  site = newSite();
  altered = await edited(await site.seal(slice()), swapPatient("Other^Patient", "4712"));
});
afterAll(() => site.close());
afterEach(() => gate.end());

function spoiling(real: Examiner): Examiner {
  return {
    ...real,
    examine: async (object) => {
      const evidence = await real.examine(object);
      const [{ path, offset }] = object.extents as readonly [FileExtent];
      if (isSpoiling) spoil(path, offset + object.bytes - 5);
      return evidence;
    },
  };
}

function spoil(path: string, offset: number): void {
  const file = readFileSync(path);
  file[offset]! ^= 1;
  writeFileSync(path, file);
}

/** Held, and its copy in the object store found to be damaged. */
async function damaged(): Promise<JudgedObject> {
  isSpoiling = false;
  gate = await Gate.open(spoiling(examinerOf(site)));
  await send(gate.port, altered);
  await gate.seen("object-judged");
  const [held] = await gate.rows();
  const { digest, id } = held!;
  spoil(join(gate.folder, "objects", digest.slice(0, 2), digest.slice(2, 4), digest), 500);
  const record = { id: newId(), at: 1, actor: "gateway", act: "object.bytes-changed", detail: {} };
  await gate.journal.reportDamage({ ...record, subject: id });
  return held!;
}

async function sentAgain(count: number): Promise<JudgedObject> {
  await send(gate.port, altered);
  await gate.seen("object-judged", count);
  return (await gate.rows())[count - 1]!;
}

it("in quarantine: the fresh copy is stored, and the object stays held", async () => {
  const held = await damaged();
  expect(await sentAgain(2)).toMatchObject({ state: "resent", relatedId: held.id });
  expect(await gate.kept((await gate.journal.object(held.id))!)).toEqual(altered);
  const records = await gate.journal.records({ subject: held.id, limit: 9 });
  expect(records[0]).toMatchObject({ act: "object.bytes-restored", actor: "gateway" });
});

it("a fresh copy that is damaged too takes nothing's place; the next one does", async () => {
  const held = await damaged();
  isSpoiling = true;
  expect((await sentAgain(2)).state).toBe("resent");
  expect(await gate.kept(held)).not.toEqual(altered);
  isSpoiling = false;
  expect((await sentAgain(3)).state).toBe("resent");
  expect(await gate.kept(held)).toEqual(altered);
});

it("an object store without room: the fresh copy waits in the spool, and is judged when there is room", async () => {
  const held = await damaged();
  const put = gate.objects.put.bind(gate.objects);
  gate.objects.put = () => Promise.reject(new ScansealError("storage-full", "full"));
  await send(gate.port, altered);
  const faults = await gate.seen("fault", 2);
  expect(faults.map(({ where }) => where)).toContain("judgement");
  expect((await gate.rows())[1]).toMatchObject({ state: "received" });
  gate.objects.put = put;
  await gate.seen("object-judged", 2);
  expect(await gate.kept(held)).toEqual(altered);
});
