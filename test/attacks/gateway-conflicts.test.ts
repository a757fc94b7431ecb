/** Who comes first, who comes again, who comes at the same time, and what changes in between: no way round the judgement. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { swapPatient } from "../../src/attack-lab/forgeries.ts";
import { rewriteObject } from "../../src/attack-lab/rewrites.ts";
import { type NewElement, textElement } from "../../src/dicom/encode.ts";
import { type Tag, tags } from "../../src/dicom/tags.ts";
import type { Vr } from "../../src/dicom/vr.ts";
import { connectDimse, type DimseClient, type StoredInstance } from "../../src/dicom-network/dimse/client.ts";
import { type Bytes, fromLatin1 } from "../../src/foundation/bytes.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import type { WorkerExaminer } from "../../src/site/gateway/examiner.ts";
import type { ExaminedObject, Examiner } from "../../src/zero-trust/gateway/ports.ts";
import { corpusBytes } from "../evaluation/corpus-files.ts";
import { edited, newDevice, parse } from "../evaluation/fixture.ts";
import { archiveAt, Gate, type GateChoice, gateTitle, sourceOf } from "../gateway/gate.ts";
import { ReceivingArchive } from "../gateway/network.ts";
import { describePeer } from "../peers.ts";
import expected from "../vectors/expected.json" with { type: "json" };
import { collisions } from "./corpus-cases.ts";
import { ChangingTrust, workersFor } from "./gate-run.ts";
import { spoolScenarios } from "./gate-scenarios.ts";
import { encapsulated, lesionWords, rleFrame, rleUid, slice, wordsOf } from "./objects.ts";
import { type AttackedSite, attackedSite, deflatedUid } from "./phantom-cases.ts";
import { asSent, nobody, type SentObject, sendObjects } from "./sent-object.ts";

let attacked: AttackedSite;
let trust: ChangingTrust;
let examiner: WorkerExaminer;
let sealed: Bytes;
let altered: Bytes;
/** Of an unknown device, under the sealed one's SOP Instance UID, in a study of its own. */
let unsealed: readonly Bytes[];

beforeAll(async () => {
  attacked = attackedSite();
  trust = new ChangingTrust(attacked.authority, Object.values(attacked.devices));
  examiner = workersFor(trust);
  await examiner.start();
  sealed = await attacked.site.seal(slice());
  altered = await edited(sealed, swapPatient("Other^Patient", "4712"));
  unsealed = Array.from({ length: 6 }, (_, k) =>
    slice(
      [textElement(0x00181000, "LO", "X-9"), textElement(tags.studyInstanceUid, "UI", "2.25.9")],
      wordsOf((i) => 1000 + i + k),
    ),
  );
});
afterAll(async () => {
  await examiner.close();
  await attacked.site.close();
});

const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

interface Scene {
  readonly gate: Gate;
  readonly archive: ReceivingArchive;
}

async function openScene(choice: GateChoice = {}, by: Examiner = examiner): Promise<Scene> {
  const archive = await ReceivingArchive.open(0);
  toEnd.push(() => archive.close());
  const gate = await Gate.open(by, { destinations: [archiveAt(archive.port)], ...choice });
  toEnd.push(() => gate.end());
  return { gate, archive };
}

/** To even length. */
const padTo2 = (text: string): string => (text.length % 2 ? `${text}\0` : text);
const sentOf = (file: Bytes): Promise<SentObject> => asSent(file, nobody);

/** One association for these files; resolves when they are judged. */
async function sendAndJudge({ gate }: Scene, files: readonly Bytes[], title = "CT1"): Promise<void> {
  const before = (await gate.rows()).length;
  const answers = await sendObjects(gate.port, await Promise.all(files.map(sentOf)), title);
  expect(answers).toEqual(files.map(() => 0));
  await gate.seen("object-judged", before + files.length);
}

/** One context, for this instance. */
function clientOf(
  port: number,
  { sopClassUid, transferSyntaxUid }: StoredInstance,
  title: string,
): Promise<DimseClient> {
  const contexts = [{ id: 1, abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntaxUid] }];
  return connectDimse({ host: "127.0.0.1", port, callingAeTitle: title, calledAeTitle: gateTitle, contexts });
}

async function states({ gate }: Scene): Promise<readonly string[]> {
  return (await gate.rows()).map(({ state, verdict }) => `${state} ${verdict}`);
}

/** What left, when nothing leaves any more. */
async function left({ gate, archive }: Scene): Promise<readonly Bytes[]> {
  const admitted = (await gate.rows()).filter(({ state }) => state === "admitted");
  await gate.seen("delivered", admitted.length);
  await gate.stopped();
  return archive.received.map(({ bytes }) => bytes);
}

const dataSets = (...files: readonly Bytes[]): Promise<readonly Bytes[]> =>
  Promise.all(files.map(async (file) => (await sentOf(file)).dataSet));

describe("under one SOP Instance UID", () => {
  it("enforce: whatever an attacker sends first, the genuine one passes", async () => {
    const scene = await openScene();
    const garbage: SentObject = { ...(await sentOf(sealed)), dataSet: new Uint8Array(999).fill(7) };
    await sendObjects(scene.gate.port, [garbage]);
    await scene.gate.seen("object-judged");
    await sendAndJudge(scene, [unsealed[0]!, altered, sealed]);
    expect(await states(scene)).toEqual([
      "held malformed",
      "held unsealed",
      "held altered",
      "admitted verified",
    ]);
    expect(await left(scene)).toEqual(await dataSets(sealed));
  });

  it("observe: what has no seal and came first is not replaced; the genuine one is kept, with its verdict", async () => {
    const scene = await openScene({ sources: [sourceOf({ mode: "observe" })] });
    await sendAndJudge(scene, [unsealed[0]!, sealed]);
    expect(await states(scene)).toEqual(["admitted unsealed", "held verified"]);
    const [, genuine] = await scene.gate.rows();
    expect(genuine!.findings.map(({ code }) => code)).toContain("instance-conflict");
    expect(await left(scene)).toEqual(await dataSets(unsealed[0]!));
  });

  it("observe: nothing follows an admitted one, altered, unsealed or sealed anew", async () => {
    const scene = await openScene({ sources: [sourceOf({ mode: "observe" })] });
    const twin = await attacked.site.seal(slice());
    const rle = await encapsulated(altered, [rleFrame(lesionWords, 2)], rleUid);
    await sendAndJudge(scene, [sealed, altered, unsealed[0]!, twin, rle]);
    expect(await states(scene)).toEqual([
      "admitted verified",
      "held altered",
      "held unsealed",
      "held verified",
      "held altered",
    ]);
    expect(await left(scene)).toEqual(await dataSets(sealed));
  });

  it("six unsealed objects at once, each over its own association: one passes", async () => {
    const scene = await openScene({ sources: [sourceOf({ mode: "observe" })] });
    const sent = await Promise.all(unsealed.map(sentOf));
    await Promise.all(sent.map((one) => sendObjects(scene.gate.port, [one])));
    await scene.gate.seen("object-judged", sent.length);
    expect((await states(scene)).toSorted()).toEqual([
      "admitted unsealed",
      ...Array(5).fill("held unsealed"),
    ]);
    const archived = await left(scene);
    expect(archived.length).toBe(1);
    expect(sent.map(({ dataSet }) => dataSet)).toContainEqual(archived[0]);
  });

  it("the genuine one and five forgeries at once: only the genuine one leaves", async () => {
    const scene = await openScene();
    const forged = await Promise.all(
      ["A^B", "C^D", "E^F", "G^H", "I^J"].map(async (name) => edited(sealed, swapPatient(name, "1"))),
    );
    const sent = await Promise.all([...forged.slice(0, 3), sealed, ...forged.slice(3)].map(sentOf));
    await Promise.all(sent.map((one) => sendObjects(scene.gate.port, [one])));
    await scene.gate.seen("object-judged", sent.length);
    expect(await left(scene)).toEqual(await dataSets(sealed));
  });

  it("the same bytes eight times at once leave once", async () => {
    const scene = await openScene();
    const one = await sentOf(sealed);
    await Promise.all(Array.from({ length: 8 }, () => sendObjects(scene.gate.port, [one])));
    await scene.gate.seen("object-judged", 8);
    expect((await states(scene)).toSorted()).toEqual([
      "admitted verified",
      ...Array(7).fill("resent verified"),
    ]);
    expect(await left(scene)).toEqual(await dataSets(sealed));
  });

  it("a held object judged again while it and the genuine one are sent again", async () => {
    const scene = await openScene();
    await sendAndJudge(scene, [altered, unsealed[0]!]);
    const held = (await scene.gate.rows()).map(({ id }) => id);
    const sent = await Promise.all([altered, sealed, unsealed[0]!].map(sentOf));
    const [count] = await Promise.all([
      scene.gate.journal.recheck(held),
      ...sent.map((one) => sendObjects(scene.gate.port, [one])),
    ]);
    await scene.gate.seen("object-judged", held.length + count + sent.length);
    expect(await left(scene)).toEqual(await dataSets(sealed));
    const waiting = (await scene.gate.rows()).filter(({ state }) => state === "held");
    expect(waiting.map(({ verdict }) => verdict).toSorted()).toEqual(["altered", "unsealed"]);
  });
});

describe("what changes while the gateway runs", () => {
  it("a certificate that is revoked: its next object is held", async () => {
    const [before, after] = await Promise.all(
      ["2.25.31", "2.25.32"].map((uid) =>
        attacked.site.seal(slice([textElement(tags.sopInstanceUid, "UI", uid)])),
      ),
    );
    const { good, ...others } = attacked.devices;
    const revoking = new ChangingTrust(attacked.authority, [good, ...Object.values(others)]);
    const workers = workersFor(revoking);
    toEnd.push(() => workers.close());
    const scene = await openScene({ sources: [sourceOf({ mode: "observe" })] }, workers);
    await sendAndJudge(scene, [before!]);
    const { serial } = parseCertificate(good.certificate, nodeCrypto);
    revoking.change(attacked.authority, [{ ...good, revokedSerial: serial }, ...Object.values(others)]);
    await sendAndJudge(scene, [after!]);
    expect(await states(scene)).toEqual(["admitted verified", "held untrusted"]);
    expect(await left(scene)).toEqual(await dataSets(before!));
  });

  it("a device that becomes known: what was held passes once, judged again and sent again at once", async () => {
    const late = newDevice(attacked.authority, { name: "CT 2", serialNumber: "SN-2", isRecorded: true });
    const object = await attacked.site.seal(slice([textElement(0x00181000, "LO", "SN-2")]), [], late);
    const elsewhere = attackedSite();
    toEnd.push(() => elsewhere.site.close());
    const growing = new ChangingTrust(elsewhere.authority, Object.values(elsewhere.devices));
    const workers = workersFor(growing);
    toEnd.push(() => workers.close());
    const scene = await openScene({}, workers);
    await sendAndJudge(scene, [object]);
    expect(await states(scene)).toEqual(["held untrusted"]);
    growing.change(attacked.authority, [late]);
    const [row] = await scene.gate.rows();
    const sent = await sentOf(object);
    await Promise.all([
      scene.gate.journal.recheck([row!.id]),
      sendObjects(scene.gate.port, [sent]),
      sendObjects(scene.gate.port, [sent]),
    ]);
    await scene.gate.seen("object-judged", 4);
    expect(await left(scene)).toEqual(await dataSets(object));
  });

  it.each(spoolScenarios)("scenario $scenario: $what", async ({ what }) => {
    const isBefore = what.includes("before");
    const wanted = expected.scenarios.find((row) => row.what === what)!.gate;
    const change = ({ extents }: ExaminedObject): void => {
      const { path, offset, length } = extents[0]!;
      const file = readFileSync(path);
      file[offset + length - 100]! ^= 1;
      writeFileSync(path, file);
    };
    let isChanged = false;
    const saboteur: Examiner = {
      width: 1,
      close: async () => undefined,
      examine: async (object) => {
        if (isBefore && !isChanged) change(object);
        isChanged = true;
        const evidence = await examiner.examine(object);
        if (!isBefore) change(object);
        return evidence;
      },
    };
    const scene = await openScene({}, saboteur);
    await sendAndJudge(scene, [sealed]);
    if (wanted === "aborted")
      expect(await scene.gate.seen("delivery-failed")).toMatchObject([{ isDead: true }]);
    await scene.gate.stopped();
    expect(await states(scene)).toEqual([wanted === "held" ? "held undefined" : "admitted verified"]);
    expect(scene.archive.received).toEqual([]);
  });
});

describe("another source than the device's", () => {
  const sources = [
    sourceOf({ devices: ["CT 1"] }),
    sourceOf({ name: "lax", aeTitles: ["LAX"], mode: "observe" }),
  ];

  it("an object that claims the device, or a study with its seals, meets the device's mode", async () => {
    trust.change(attacked.authority, Object.values(attacked.devices));
    const study = "2.25.4711";
    const inStudy = (uid: string, serial: string): Bytes =>
      slice([
        textElement(tags.sopInstanceUid, "UI", uid),
        textElement(tags.studyInstanceUid, "UI", study),
        textElement(0x00181000, "LO", serial),
      ]);
    const scene = await openScene({ sources });
    await sendAndJudge(scene, [inStudy("2.25.51", "X-9")], "LAX");
    await sendAndJudge(scene, [await attacked.site.seal(inStudy("2.25.52", "SN-0001"))]);
    await sendAndJudge(scene, [inStudy("2.25.53", "X-9"), unsealed[0]!], "LAX");
    const claims = slice([
      textElement(tags.studyInstanceUid, "UI", "2.25.8"),
      textElement(tags.sopInstanceUid, "UI", "2.25.54"),
    ]);
    await sendAndJudge(scene, [claims], "LAX");
    expect(await states(scene)).toEqual([
      // Nothing was known of the study yet.
      "admitted unsealed",
      "admitted verified",
      "held unsealed",
      "admitted unsealed",
      "held unsealed",
    ]);
    expect((await left(scene)).length).toBe(3);
  });

  it.each(["UN", "OB", "LO", "UI with spaces"])(
    "also where its study or serial number arrives as %s",
    async (what) => {
      const study = "2.25.4712";
      const uid = (last: number): NewElement => textElement(tags.sopInstanceUid, "UI", `2.25.6${last}`);
      const disguised = (tag: Tag, text: string): NewElement => {
        const vr = what === "UI with spaces" ? (tag === tags.studyInstanceUid ? "UI" : "LO") : (what as Vr);
        return { tag, vr, value: fromLatin1(what === "UI with spaces" ? ` ${text} ` : padTo2(text)) };
      };
      const ofStudy = slice([
        uid(1),
        disguised(tags.studyInstanceUid, study),
        textElement(0x00181000, "LO", "X-9"),
      ]);
      const ofDevice = slice([
        uid(2),
        textElement(tags.studyInstanceUid, "UI", "2.25.8"),
        disguised(0x00181000, "SN-0001"),
      ]);
      const scene = await openScene({
        sources: [sources[0]!, { ...sources[1]!, tolerate: ["uid-invalid"] }],
      });
      await sendAndJudge(scene, [
        await attacked.site.seal(slice([uid(3), textElement(tags.studyInstanceUid, "UI", study)])),
      ]);
      await sendAndJudge(scene, [ofStudy, ofDevice], "LAX");
      expect((await states(scene)).slice(1)).toEqual(["held unsealed", "held unsealed"]);
      expect((await left(scene)).length).toBe(1);
    },
  );

  it("also where the sealed object of its study could not be read while it arrived", async () => {
    const study = textElement(tags.studyInstanceUid, "UI", "2.25.4713");
    const uid = (last: number): NewElement => textElement(tags.sopInstanceUid, "UI", `2.25.7${last}`);
    const deflated = async (file: Bytes): Promise<Bytes> =>
      rewriteObject(await parse(file), { transferSyntaxUid: deflatedUid });
    const scene = await openScene({ sources });
    // Two deflated objects that do not come to an end take what there is to inflate arriving ones with.
    const ending = Promise.withResolvers<void>();
    const slow = await Promise.all(
      [1, 2].map(async (last) => {
        const { dataSet, ...instance } = await sentOf(await deflated(slice([uid(last)])));
        const client = await clientOf(scene.gate.port, instance, "LAX");
        const begun = Promise.withResolvers<void>();
        const pieces = async function* (): AsyncGenerator<Bytes> {
          yield dataSet.subarray(0, -10);
          begun.resolve();
          await ending.promise;
          yield dataSet.subarray(-10);
        };
        const answer = client.store(instance, pieces());
        await begun.promise;
        return { client, answer };
      }),
    );
    await sendAndJudge(scene, [await deflated(await attacked.site.seal(slice([uid(3), study])))]);
    await sendAndJudge(scene, [slice([uid(4), study, textElement(0x00181000, "LO", "X-9")])], "LAX");
    expect(await states(scene)).toEqual(["admitted verified", "held unsealed"]);
    const [genuine] = await scene.gate.rows();
    expect(genuine!.studyInstanceUid).toBeUndefined();
    ending.resolve();
    for (const { client, answer } of slow) {
      await answer;
      await client.release();
    }
  });
});

describePeer("corpus", "two objects of one instance", () => {
  it.each([
    ["observe", ["admitted unsealed", "held unsealed"]],
    ["enforce", ["held unsealed", "held unsealed"]],
  ] as const)("in mode %s", async (mode, wanted) => {
    const scene = await openScene({ sources: [sourceOf({ mode })] });
    await sendAndJudge(scene, collisions.map(corpusBytes));
    expect(await states(scene)).toEqual(wanted);
    expect((await left(scene)).length).toBe(mode === "observe" ? 1 : 0);
  });
});
