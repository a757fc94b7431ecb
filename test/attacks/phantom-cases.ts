/** What is sent to a gate where there is no corpus: generated slices, sealed by a site's device and then attacked. */

import { deflateRaw } from "pako";
import { stripSeal, swapPatient } from "../../src/attack-lab/forgeries.ts";
import { eraseDisc } from "../../src/attack-lab/pixel-forgeries.ts";
import { rewriteObject } from "../../src/attack-lab/rewrites.ts";
import { type NewElement, numberElement, textElement } from "../../src/dicom/encode.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { type Tag, tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid, implicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { type Bytes, concatBytes, fromLatin1 } from "../../src/foundation/bytes.ts";
import { generateChestSeries } from "../../src/phantom/chest-ct.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { sealObject } from "../../src/sealing/seal.ts";
import { type Authority, edited, newAuthority, newDevice, parse, Site } from "../evaluation/fixture.ts";
import { type Devices, keyCases, makeDevices, type People } from "../evaluation/key-cases.ts";
import { scenarioCases } from "../evaluation/scenario-cases.ts";
import expected from "../vectors/expected.json" with { type: "json" };
import type { GateCase } from "./gate-run.ts";
import { commandScenarios } from "./gate-scenarios.ts";
import { elementBytes, encapsulated, lesionWords, put, rleFrame, rleUid, slice, withRaw } from "./objects.ts";
import { asSent, nobody, type SentObject } from "./sent-object.ts";

export const deflatedUid = "1.2.840.10008.1.2.1.99";
const serial = "SN-0001";

export interface AttackedSite {
  readonly site: Site;
  readonly authority: Authority;
  readonly devices: Devices;
}

/** The good device's images have `serialNumber`. */
export function attackedSite(serialNumber: string = serial): AttackedSite {
  const authority = newAuthority();
  const devices = makeDevices(authority, serialNumber);
  return { site: new Site(authority, Object.values(devices)), authority, devices };
}

let made = 0;
/** Each case has an instance of its own, so that none is a conflict with another. */
const newUid = (): string => `2.25.${++made}00`;

/** Whatever the scenarios change is there. */
function base(other: readonly NewElement[] = []): Bytes {
  const uid = textElement(tags.sopInstanceUid, "UI", newUid());
  return slice([
    uid,
    textElement(0x00080022, "DA", "20260102"),
    textElement(0x00080050, "SH", "A1"),
    textElement(0x00185100, "CS", "HFS"),
    textElement(0x00200037, "DS", "1\\0\\0\\0\\1\\0"),
    textElement(0x00200060, "CS", "R"),
    numberElement(0x00280103, "US", 1),
    ...other,
  ]);
}

function named(dataSet: Bytes, of: Omit<SentObject, "dataSet">): SentObject {
  return { ...of, dataSet };
}

interface ScenarioRow {
  readonly scenario: number;
  readonly what?: string;
  readonly verdict?: string;
  readonly code?: string;
}

/** What the network changes: the file's head is not sent, and big endian is not taken. */
const overNetwork: ReadonlyMap<string, Pick<GateCase, "verdict" | "code">> = new Map([
  ["33 syntax says big endian", { verdict: "no context" }],
  ["33 (0002,0010) twice", { verdict: "verified" }],
  ["50 an executable's preamble", { verdict: "verified" }],
]);

export function expectedOf(scenario: number, what: string): Pick<GateCase, "verdict" | "code"> {
  const rows: readonly ScenarioRow[] = expected.scenarios;
  const row = rows.find((one) => one.scenario === scenario && one.what === what);
  return overNetwork.get(`${scenario} ${what}`) ?? { verdict: row!.verdict!, code: row!.code };
}

/** The scenarios of test/evaluation that need no file of the corpus. */
export async function scenarioGateCases({ site }: AttackedSite): Promise<readonly GateCase[]> {
  const cases = scenarioCases.filter(({ base: file, scenario }) => file === undefined && scenario !== 24);
  return Promise.all(
    cases.map(async ({ scenario, what, attack }) => {
      const bytes = await site.seal(base());
      const sibling = await parse(await site.seal(base([textElement(0x00080008, "CS", "ORIGINAL")])));
      const file = await attack({ bytes, object: await parse(bytes), sibling });
      const sent = await asSent(file, await asSent(bytes, nobody));
      const { verdict, code } = expectedOf(scenario, what);
      // These slices have a window already.
      const found = what === "window inserted" ? "attribute-changed" : code;
      return { name: `${scenario} ${what}`, sent, verdict, code: found };
    }),
  );
}

export async function keyGateCases({ site, authority, devices }: AttackedSite): Promise<readonly GateCase[]> {
  return Promise.all(
    keyCases.map(async ({ scenario, what, attack }) => {
      const original = base();
      const people: People = { site, authority, devices, original, sealed: await site.seal(original) };
      const sent = await asSent(await attack(people), nobody);
      return { name: `${scenario} ${what}`, sent, ...expectedOf(scenario, what) };
    }),
  );
}

/** A nodule of the generated chest is gone from each slice that shows it, and a vessel from the next. */
export async function noduleGateCases({ site }: AttackedSite): Promise<readonly GateCase[]> {
  const cases: GateCase[] = [];
  const series = generateChestSeries({
    seed: 7,
    slices: 8,
    studyDate: "20260105",
    deviceSerialNumber: serial,
  });
  for (const { file, pixels, nodule, instanceNumber } of series) {
    const sealed = await site.seal(file);
    const genuine = await asSent(sealed, nobody);
    if (!nodule && cases.filter(({ verdict }) => verdict === "altered").length !== 3) {
      cases.push({ name: `phantom slice ${instanceNumber}`, sent: genuine, verdict: "verified" });
      continue;
    }
    const { row, column, radiusPx } = nodule ?? { row: 250, column: 150, radiusPx: 8 };
    const forged = pixels.slice();
    eraseDisc(forged, 512, 512, { row, column, radius: radiusPx * 1.6 });
    const value = new Uint8Array(forged.buffer);
    const sent = await asSent(await edited(sealed, [put({ tag: tags.pixelData, vr: "OW", value })]), nobody);
    const name = `nodule removed from phantom slice ${instanceNumber}`;
    cases.push({ name, sent, verdict: "altered", code: "pixels-changed" });
  }
  return cases;
}

async function sealedAt({ devices }: AttackedSite, aheadMs: number): Promise<Bytes> {
  const object = await parse(base());
  const ports = {
    crypto: nodeCrypto,
    random: nodeRandom,
    clock: { now: () => systemClock.now() + aheadMs },
    decoder: new CodecPool(),
    softwareVersion: "test",
  };
  const { object: sealed, edits } = await sealObject(object, devices.good.sealing, ports, {
    nextCounter: () => 1,
  });
  return writeToBytes(sealed, edits);
}

/** The manifest's block gone, the DICOM signature left, and another image. */
async function halfStripped(bytes: Bytes): Promise<Bytes> {
  const object = await parse(bytes);
  const isPrivate = (tag: Tag): boolean => tag >>> 16 === 0x0071;
  return edited(bytes, [
    ...stripSeal(object).filter((edit) => edit.kind === "remove" && isPrivate(edit.path[0]!)),
    put({ tag: tags.pixelData, vr: "OW", value: new Uint8Array(lesionWords.length) }),
  ]);
}

/** What is done to the object, and what comes of it. */
type Edited = readonly [
  name: string,
  verdict: string,
  code: string | undefined,
  make: (site: AttackedSite) => Promise<Bytes>,
];

const files: readonly Edited[] = [
  ["genuine", "verified", undefined, ({ site }) => site.seal(base())],
  [
    "an administrative entry changed",
    "verified-with-changes",
    "attribute-added",
    async ({ site }) => edited(await site.seal(base()), [put(textElement(0x00080054, "AE", "PACS"))]),
  ],
  [
    "transcoded to RLE",
    "verified",
    "transcoded-losslessly",
    async ({ site }) => encapsulated(await site.seal(base()), [rleFrame(lesionWords, 2)], rleUid),
  ],
  ...[implicitLittleEndianUid, deflatedUid].map(
    (transferSyntaxUid): Edited => [
      `rewritten in ${transferSyntaxUid}`,
      "verified",
      undefined,
      async ({ site }) => rewriteObject(await parse(await site.seal(base())), { transferSyntaxUid }),
    ],
  ),
  [
    "sequences with delimiters",
    "verified",
    undefined,
    async ({ site }) =>
      rewriteObject(await parse(await site.seal(base())), {
        transferSyntaxUid: explicitLittleEndianUid,
        undefinedLengths: true,
      }),
  ],
  [
    "patient swapped",
    "altered",
    "attribute-changed",
    async ({ site }) => edited(await site.seal(base()), swapPatient("A^B", "1")),
  ],
  [
    "RLE of other pixels",
    "altered",
    "pixels-changed",
    async ({ site }) =>
      encapsulated(await site.seal(base()), [rleFrame(new Uint8Array(lesionWords.length), 2)], rleUid),
  ],
  ["unsealed, of an enrolled device", "unsealed", "seal-expected", async () => base()],
  [
    "unsealed, of an unknown device",
    "unsealed",
    "seal-missing",
    async () => base([textElement(0x00181000, "LO", "X-9")]),
  ],
  [
    "the manifest stripped, its signature left",
    "altered",
    "signature-altered",
    async ({ site }) => halfStripped(await site.seal(base())),
  ],
  ["sealed ten minutes ahead", "untrusted", "time-implausible", (site) => sealedAt(site, 600_000)],
  [
    "sealed before its certificate",
    "untrusted",
    "time-implausible",
    (site) => sealedAt(site, -3 * 86_400_000),
  ],
  [
    "sealed by a device of another authority",
    "untrusted",
    "signer-not-recognised",
    ({ site }) => site.seal(base(), [], newDevice(newAuthority("Elsewhere"))),
  ],
  [
    "Pixel Data as implicit after an explicit data set",
    "malformed",
    undefined,
    async ({ site }) =>
      withRaw(
        await site.seal(base()),
        new Map([
          [tags.pixelData, concatBytes([Uint8Array.of(0xe0, 0x7f, 0x10, 0, 0, 8, 0, 0), lesionWords])],
        ]),
      ),
  ],
];

const group2 = { tag: 0x00020102, vr: "OB", value: new Uint8Array(64).fill(7) } as const;

/** What only the network can do to a sealed object. */
const networkOnly: readonly (readonly [
  string,
  string,
  string | undefined,
  (sent: SentObject) => SentObject,
])[] = [
  ["nothing at all", "malformed", "truncated", (sent) => named(new Uint8Array(0), sent)],
  ["one byte", "malformed", undefined, (sent) => named(new Uint8Array(1), sent)],
  [
    "group 0002 in front",
    "malformed",
    "meta-invalid",
    (sent) => named(concatBytes([elementBytes(group2), sent.dataSet]), sent),
  ],
  [
    "group 0002 behind",
    "malformed",
    "tag-forbidden",
    (sent) => named(concatBytes([sent.dataSet, elementBytes(group2)]), sent),
  ],
  [
    "another transfer syntax in front",
    "malformed",
    "tag-duplicate",
    (sent) =>
      named(
        concatBytes([
          elementBytes(textElement(tags.transferSyntaxUid, "UI", implicitLittleEndianUid)),
          sent.dataSet,
        ]),
        sent,
      ),
  ],
  [
    "a command group in front",
    "malformed",
    "tag-forbidden",
    (sent) =>
      named(
        concatBytes([elementBytes({ tag: 0x00000002, vr: "UI", value: fromLatin1("1.2\0") }), sent.dataSet]),
        sent,
      ),
  ],
  [
    "agreed implicit, sent explicit",
    "malformed",
    undefined,
    (sent) => ({ ...sent, transferSyntaxUid: implicitLittleEndianUid }),
  ],
  ["agreed RLE, sent native", "malformed", undefined, (sent) => ({ ...sent, transferSyntaxUid: rleUid })],
  [
    "agreed deflated, sent plain",
    "malformed",
    undefined,
    (sent) => ({ ...sent, transferSyntaxUid: deflatedUid }),
  ],
  ["agreed explicit, sent deflated", "malformed", undefined, (sent) => named(deflateRaw(sent.dataSet), sent)],
  [
    "a deflate bomb",
    "refused",
    undefined,
    (sent) => ({ ...sent, transferSyntaxUid: deflatedUid, dataSet: deflateRaw(new Uint8Array(300 << 20)) }),
  ],
  [
    "bytes behind a deflated data set",
    "malformed",
    undefined,
    (sent) => ({
      ...sent,
      transferSyntaxUid: deflatedUid,
      dataSet: concatBytes([deflateRaw(sent.dataSet), new Uint8Array(5_000).fill(7)]),
    }),
  ],
  ["itself twice", "malformed", undefined, (sent) => named(concatBytes([sent.dataSet, sent.dataSet]), sent)],
  [
    "one byte more",
    "malformed",
    "trailing-bytes",
    (sent) => named(concatBytes([sent.dataSet, new Uint8Array(1)]), sent),
  ],
];

function commandOf(what: (typeof commandScenarios)[number]["what"], sent: SentObject): SentObject {
  if (what === "the command names another instance") return { ...sent, sopInstanceUid: newUid() };
  return { ...sent, sopClassUid: "1.2.840.10008.5.1.4.1.1.4" };
}

export async function networkGateCases(attacked: AttackedSite): Promise<readonly GateCase[]> {
  const made = files.map(async ([name, verdict, code, make]) => ({
    name,
    sent: await asSent(await make(attacked), nobody),
    verdict,
    code,
  }));
  const sealed = networkOnly.map(async ([name, verdict, code, change]) => ({
    name,
    sent: change(await asSent(await attacked.site.seal(base()), nobody)),
    verdict,
    code,
  }));
  const commands = commandScenarios.map(async ({ scenario, what }) => ({
    name: `${scenario} ${what}`,
    sent: commandOf(what, await asSent(await attacked.site.seal(base()), nobody)),
    ...expectedOf(scenario, what),
  }));
  return Promise.all([...made, ...sealed, ...commands]);
}
