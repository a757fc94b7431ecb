/** What other software does to a sealed object without loss, on its way through a gate: it passes as verified, and nothing is undone. */
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { generateChestSeries } from "../../src/phantom/chest-ct.ts";
import type { WorkerExaminer } from "../../src/site/gateway/examiner.ts";
import { corpusBytes } from "../evaluation/corpus-files.ts";
import { archiveAt, Gate, gateTitle, sourceOf } from "../gateway/gate.ts";
import { ReceivingArchive } from "../gateway/network.ts";
import { DimsePeers } from "../interop/dimse-peers.ts";
import { describePeer, type PeerName } from "../peers.ts";
import { ChangingTrust, workersFor } from "./gate-run.ts";
import { slice } from "./objects.ts";
import { type AttackedSite, attackedSite } from "./phantom-cases.ts";
import { asSent, nobody, sendObjects } from "./sent-object.ts";

let attacked: AttackedSite;
let examiner: WorkerExaminer;
let peers: DimsePeers;
beforeAll(async () => {
  attacked = attackedSite();
  examiner = workersFor(new ChangingTrust(attacked.authority, Object.values(attacked.devices)));
  await examiner.start();
  peers = new DimsePeers();
});
afterAll(async () => {
  await examiner.close();
  await attacked.site.close();
  await peers.close();
});

const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

function phantom(): Bytes {
  const [first] = generateChestSeries({ seed: 3, slices: 4, studyDate: "20260105" });
  return first!.file;
}

const originals: readonly (readonly [string, PeerName[], () => Bytes])[] = [
  ["a phantom slice", [], phantom],
  ["a small slice", [], () => slice([textElement(tags.sopInstanceUid, "UI", "2.25.61")])],
  ["a CT of the corpus", ["corpus"], () => corpusBytes("ct-series/lidc-0314-nodule/inst117.dcm")],
  ["an MR of the corpus", ["corpus"], () => corpusBytes("transfer-syntax/small/MR_small.dcm")],
];

const ownClient = "our client";

/** By which program, and what storescu then proposes. GDCM makes UN of implicit attributes, which storescu cannot send: our client does. */
const transcodes: readonly (readonly [PeerName, readonly string[], string])[] = [
  ["dcmcrle", [], "-xr"],
  ["dcmcjpeg", ["+e1"], "-xs"],
  ["dcmcjpls", ["+el"], "-xt"],
  ["gdcmconv", ["--j2k"], ownClient],
];

/** storescu encodes anew what it reads: implicit, explicit, and what it likes best. */
const reencodings = ["-xi", "-xe", "-x="];

interface Passed {
  readonly verdict: string | undefined;
  readonly archived: number;
}

async function sendFile(path: string, option: string, port: number): Promise<void> {
  if (option === ownClient) {
    const sent = await asSent(new Uint8Array(readFileSync(path)), nobody);
    expect(await sendObjects(port, [sent])).toEqual([0]);
    return;
  }
  const target = ["-aet", "CT1", "-aec", gateTitle, "127.0.0.1", `${port}`];
  const { status, text } = await peers.run("storescu", option, ...target, path);
  expect(status, text).toBe(0);
}

async function through(
  paths: readonly (readonly [path: string, option: string])[],
): Promise<readonly Passed[]> {
  const archive = await ReceivingArchive.open(0);
  toEnd.push(() => archive.close());
  const passed: Passed[] = [];
  for (const [path, option] of paths) {
    // One gate each: under one, all but the first would be sent again.
    const gate = await Gate.open(examiner, {
      sources: [sourceOf()],
      destinations: [archiveAt(archive.port)],
    });
    toEnd.push(() => gate.end());
    await sendFile(path, option, gate.port);
    await gate.seen("object-judged");
    const [row] = await gate.rows();
    if (row!.state === "admitted") await gate.seen("delivered");
    await gate.stopped();
    passed.push({ verdict: row!.verdict, archived: archive.received.splice(0).length });
  }
  return passed;
}

for (const [what, needs, original] of originals) {
  describePeer([...needs, "storescu"], `storescu's own encoding of ${what}`, () => {
    it(reencodings.join(", "), async () => {
      const path = peers.write("sealed.dcm", await attacked.site.seal(original()));
      const passed = await through(reencodings.map((option) => [path, option]));
      expect(passed.map(({ verdict }) => verdict)).toEqual(reencodings.map(() => "verified"));
      expect(passed.map(({ archived }) => archived)).toEqual(reencodings.map(() => 1));
    });
  });
  for (const [program, options, proposal] of transcodes) {
    describePeer([...needs, "storescu", program], `${what} through ${program}`, () => {
      it(`${options.join(" ")} ${proposal}`, async () => {
        const path = peers.write("sealed.dcm", await attacked.site.seal(original()));
        const { status, text } = await peers.run(program, ...options, path, peers.path("packed.dcm"));
        expect(status, text).toBe(0);
        const [one] = await through([[peers.path("packed.dcm"), proposal]]);
        expect(one).toEqual({ verdict: "verified", archived: 1 });
      });
    });
  }
}
