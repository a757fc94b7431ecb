/** Who sealed an object, when, and as which of a key's seals: for people who look at it. Whether the object is what was sealed is not asked. */
import { readDicom, tolerableCodes } from "../dicom/read.ts";
import type { ByteSource } from "../foundation/byte-source.ts";
import { isLimit, isMalformed, ScansealError } from "../foundation/errors.ts";
import type { TrustStore } from "../keys/trust/trust-store.ts";
import { nodeCrypto, systemClock } from "../platform/node/crypto.ts";
import { type OpenedManifest, openManifest } from "../provenance/manifest/check.ts";
import { checkSignatures } from "../provenance/manifest/envelope.ts";
import { TrustJudge } from "../zero-trust/evidence/trust-check.ts";

export type Fact = readonly [name: string, text: string];

/** Nothing where there is no seal that can be read. @throws ScansealError `io` */
export async function sealFactsOf(source: ByteSource, store: TrustStore): Promise<Fact[]> {
  const manifest = await manifestIn(source);
  const certificate = manifest?.envelope.certificates[0];
  if (!manifest || !certificate) return [];
  const { envelope, statement } = manifest;
  const judge = new TrustJudge(store, nodeCrypto, systemClock.now());
  const { result, signer } = await judge.judge(certificate, statement.type);
  const outcomes = await checkSignatures(nodeCrypto, envelope, statement.device.hash, (der) =>
    judge.spkiOf(der),
  );
  // Anybody can write such a statement.
  if (outcomes[0] !== "valid") return [["Sealed by", `${signer}, says a seal whose signature does not fit`]];
  return sealFacts({
    signer: `${signer}${result === "trusted" ? "" : " (not trusted)"}`,
    sealedAt: statement.sealedAt,
    ...statement.key,
  });
}

/** As every report words them. */
export function sealFacts(seal: {
  readonly signer?: string | undefined;
  readonly sealedAt?: string | undefined;
  readonly counter?: number | undefined;
  readonly epoch?: string | undefined;
}): Fact[] {
  const { signer, sealedAt, counter, epoch } = seal;
  return [
    ...(signer === undefined ? [] : [["Sealed by", signer] as const]),
    ...(sealedAt === undefined ? [] : [["Sealed at", `${sealedAt} by the device's own clock`] as const]),
    ...(counter === undefined ? [] : [["Seal number", `${counter} of key ${epoch}`] as const]),
  ];
}

/** Whether the seal says that its pixels are marked, and in one word why not. @throws ScansealError `io` */
export async function watermarkFactsOf(source: ByteSource): Promise<Fact[]> {
  const manifest = await manifestIn(source);
  if (!manifest) return [];
  const { watermark, pixels } = manifest.statement;
  if (watermark.scheme === "none") return [["Watermark", `none (${watermark.reason})`]];
  const { frames } = watermark;
  const which = frames === pixels.frames ? "" : ` in ${frames} of ${pixels.frames} frames`;
  return [["Watermark", `${watermark.scheme}${which}`]];
}

async function manifestIn(source: ByteSource): Promise<OpenedManifest | undefined> {
  try {
    return await openManifest(await readDicom(source, { tolerate: tolerableCodes }), nodeCrypto);
  } catch (error) {
    if (error instanceof ScansealError && (isMalformed(error.code) || isLimit(error.code))) return undefined;
    if (error instanceof ScansealError && error.code === "seal-structure") return undefined;
    throw error;
  }
}
