/** An association that stays open while the configuration changes is what its peer would be today. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { connectDimse, type DimseClient } from "../../src/dicom-network/dimse/client.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { SourceSettings } from "../../src/zero-trust/gateway/settings.ts";
import { newSite, type Site } from "../evaluation/fixture.ts";
import { examinerOf, Gate, gateTitle, sourceOf } from "../gateway/gate.ts";
import { slice } from "./objects.ts";
import { asSent, nobody } from "./sent-object.ts";

let site: Site;
let gate: Gate;
let client: DimseClient;
beforeAll(() => {
  site = newSite();
});
afterAll(() => site.close());
afterEach(() => gate.end());

async function open(sources: readonly SourceSettings[]): Promise<void> {
  gate = await Gate.open(examinerOf(site), { sources });
  const { sopClassUid, transferSyntaxUid } = nobody;
  const contexts = [{ id: 1, abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntaxUid] }];
  const titles = { callingAeTitle: "CT1", calledAeTitle: gateTitle };
  client = await connectDimse({ host: "127.0.0.1", port: gate.port, ...titles, contexts });
}

async function store(): Promise<number> {
  const { dataSet, ...instance } = await asSent(slice(), nobody);
  return (await client.store(instance, once(dataSet))).code;
}

async function* once(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}

const lax = sourceOf({ name: "lax", mode: "observe" });

it.each<[string, readonly SourceSettings[]]>([
  ["is gone", [sourceOf({ name: "other", aeTitles: ["CT2"] })]],
  ["has another AE title", [{ ...lax, aeTitles: ["CT2"] }]],
  ["has another network", [{ ...lax, networks: ["10.0.0.0/8"] }]],
  ["is known by a certificate now", [{ ...lax, certificates: ["00".repeat(32)] }]],
  ["comes after a stricter one", [sourceOf({ name: "strict" }), lax]],
])("nothing more is taken where its source %s", async (_, sources) => {
  await open([lax]);
  expect(await store()).toBe(0);
  await gate.gateway.applySettings({ ...gate.settings, sources });
  await expect(store()).rejects.toMatchObject({ code: "peer-aborted" });
  expect((await client.ended).kind).toBe("aborted");
  expect((await gate.rows()).length).toBe(1);
});

it("a stricter mode applies at once, without a new association", async () => {
  await open([lax]);
  await gate.gateway.applySettings({ ...gate.settings, sources: [{ ...lax, mode: "enforce" }] });
  expect(await store()).toBe(0);
  expect(await gate.seen("object-judged")).toMatchObject([{ verdict: "unsealed", state: "held" }]);
  await client.release();
});
