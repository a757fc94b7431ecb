/** A site whose devices mark, objects that they sealed, and the verdicts on what became of them. */
import type { Edit } from "../../src/dicom/splice.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import type { Finding } from "../../src/zero-trust/policy/verdict.ts";
import { type Device, type Judged, newAuthority, newDevice, Site } from "../evaluation/fixture.ts";
import { encapsulated, image, jpegLsLosslessUid, side, withoutSeal } from "./marked-objects.ts";

const authority = newAuthority();
export const device: Device = newDevice(authority);
export const other: Device = newDevice(authority, { name: "MR 2", serialNumber: "SN-2" });
export const expired: Device = newDevice(authority, {
  name: "Old",
  serialNumber: "SN-3",
  validDays: [-90, -2],
});
export const stranger: Device = newDevice(newAuthority("Elsewhere"), { name: "Stranger", isRecorded: false });
export const site: Site = new Site(authority, [device, other, expired]);
export const codecs: CodecPool = new CodecPool();
const markers = [device, other, expired, stranger];
/** An element in place of what is there. */
export const put = (element: Extract<Edit, { kind: "put" }>["element"]): Edit => ({ kind: "put", element });

export const mono: Bytes = await site.sealMarked(image());
const colour = await site.sealMarked(image({ colour: "rgb", bits: 8 }));
const signed = await site.sealMarked(image({ bits: 16, signed: true }));
const jpegLs = await site.sealMarked(
  await encapsulated(image({ frames: ["noise"] }), jpegLsLosslessUid, codecs),
);
export const monoBare: Bytes = await withoutSeal(mono);
export const multi: Bytes = await site.sealMarked(image({ frames: ["anatomy", "anatomy", "anatomy"] }));
export const forms: readonly (readonly [string, Bytes, bytesPerPixel: number])[] = [
  ["12 of 16 bits", mono, 2],
  ["16 bits, signed", signed, 2],
  ["RGB", colour, 3],
  ["JPEG-LS", jpegLs, 2],
];

export const judge = (bytes: Bytes, deep = false): Promise<Judged> => site.judge(bytes, { deep, markers });
export const codesOf = ({ decision }: Judged): string[] => decision.findings.map(({ code }) => code);
export const named = ({ decision }: Judged, code: Finding["code"]): Finding | undefined =>
  decision.findings.find((one) => one.code === code);

/** Turns the lowest bit of one sample of a frame. */
export const nudge =
  (x: number, y: number, bytesPerPixel: number, frame = 0): ((frames: Bytes[]) => undefined) =>
  (frames) => {
    frames[frame]![bytesPerPixel * (y * side + x)]! ^= 1;
  };

/** Ends the codecs' threads. */
export async function closeSite(): Promise<void> {
  await site.close();
  await codecs.close();
}
