/** Scenarios 37, 40 and 41 with real keys and certificates: who signed, with what, and under which right. */
import { generateKeyPairSync } from "node:crypto";
import { stripSeal } from "../../src/attack-lab/forgeries.ts";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import { signDataSet } from "../../src/digital-signatures/sign.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { keySigner } from "../../src/keys/custody/device-keys.ts";
import { nodeRandom } from "../../src/platform/node/crypto.ts";
import { type Authority, type Device, edited, newAuthority, newDevice, parse, type Site } from "./fixture.ts";

export interface KeyCase {
  readonly scenario: number;
  readonly what: string;
  /** What is judged. */
  readonly attack: (people: People) => Promise<Bytes>;
}

export interface People {
  readonly site: Site;
  readonly authority: Authority;
  /** Unsealed, and sealed by the site's device. */
  readonly original: Bytes;
  readonly sealed: Bytes;
  readonly devices: Devices;
}

/** Devices of the site's authority; each has something that must not count. */
export interface Devices {
  readonly good: Device;
  readonly wrongRole: Device;
  readonly expired: Device;
  readonly notYet: Device;
  readonly revoked: Device;
  readonly short: Device;
}

/** @param serialNumber of the good device, as its images have it */
export function makeDevices(authority: Authority, serialNumber: string): Devices {
  const named = (name: string) => ({ name, serialNumber: `SN ${name}` });
  return {
    good: newDevice(authority, { serialNumber }),
    wrongRole: newDevice(authority, { ...named("log"), roles: ["log"], isRecorded: false }),
    expired: newDevice(authority, { ...named("expired"), validDays: [-30, -2], isRecorded: false }),
    notYet: newDevice(authority, { ...named("early"), validDays: [2, 30], isRecorded: false }),
    revoked: newDevice(authority, { ...named("revoked"), isRevoked: true, isRecorded: false }),
    short: newDevice(authority, {
      ...named("short"),
      key: generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey,
      isRecorded: false,
    }),
  };
}

const sealedBy =
  (pick: (devices: Devices) => Device): KeyCase["attack"] =>
  ({ site, original, devices }) =>
    site.seal(original, [], pick(devices));

/** The MAC Algorithm as the object names it. */
const namedMac =
  (algorithm: string): KeyCase["attack"] =>
  ({ sealed }) =>
    edited(sealed, [
      {
        kind: "put",
        element: textElement(0x04000015, "CS", algorithm),
        parent: [tags.macParametersSequence, 0],
      },
    ]);

/** One more DICOM signature over everything, by somebody. */
async function signedAlso(bytes: Bytes, device: Device): Promise<Bytes> {
  const object = await parse(bytes);
  const serial = nodeRandom.bytes(6).reduce((text, byte) => text + byte, "2.25.1");
  const { edits } = await signDataSet(
    object,
    { signatureUid: serial, dateTimeMs: Date.now(), purpose: 1 },
    device.sealing.signer,
  );
  return edited(bytes, edits);
}

async function resealed({ site, sealed }: People, by: Device): Promise<Bytes> {
  const stripped = await edited(sealed, stripSeal(await parse(sealed)));
  return site.seal(stripped, [], by);
}

/** The manifest signature by the right key; the DICOM signature with a hash the trust record does not allow it. */
async function otherHash({ sealed, devices }: People): Promise<Bytes> {
  const object = await parse(sealed);
  const uid = object.elements.find(({ tag }) => tag === tags.digitalSignaturesSequence)!.items![0]!.elements;
  const signatureUid = String.fromCharCode(...uid.find(({ tag }) => tag === 0x04000100)!.value!).replace(
    /\0$/,
    "",
  );
  const bare = await edited(sealed, [
    { kind: "remove", path: [tags.macParametersSequence] },
    { kind: "remove", path: [tags.digitalSignaturesSequence] },
  ]);
  const { key, certificate } = devices.good;
  const { edits } = await signDataSet(
    await parse(bare),
    { signatureUid, dateTimeMs: Date.now(), purpose: 14 },
    keySigner(key, certificate, "SHA-512"),
  );
  return edited(bare, edits);
}

export const keyCases: readonly KeyCase[] = [
  { scenario: 37, what: "MAC algorithm empty", attack: namedMac("") },
  { scenario: 37, what: "MAC algorithm none", attack: namedMac("NONE") },
  { scenario: 37, what: "MAC algorithm MD5", attack: namedMac("MD5") },
  { scenario: 37, what: "RSA-1024", attack: sealedBy(({ short }) => short) },
  { scenario: 37, what: "another hash than the trust record allows", attack: otherHash },
  {
    scenario: 40,
    what: "a stranger's signature beside the seal",
    attack: ({ sealed }) => signedAlso(sealed, newDevice(newAuthority("Elsewhere"))),
  },
  {
    scenario: 40,
    what: "a self-made authority's seal in its place",
    attack: (people) => resealed(people, newDevice(newAuthority("Elsewhere"))),
  },
  { scenario: 41, what: "a certificate for another role", attack: sealedBy(({ wrongRole }) => wrongRole) },
  { scenario: 41, what: "expired", attack: sealedBy(({ expired }) => expired) },
  { scenario: 41, what: "not valid yet", attack: sealedBy(({ notYet }) => notYet) },
  { scenario: 41, what: "revoked before", attack: sealedBy(({ revoked }) => revoked) },
];
