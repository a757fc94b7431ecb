/** Writes the Key Object of a closed series, sealed by the device that closed it. */
import { readDicom } from "../../dicom/read.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { ListedInstance } from "../../zero-trust/evidence/series-evidence.ts";
import { openDeviceSealing } from "../device-sealing.ts";
import { withFile } from "../file-input.ts";
import { OutputFolder } from "../output-folder.ts";
import { type SealedFile, sealSource } from "../sealing-run.ts";
import { verifyFiles } from "../verification-run.ts";
import {
  encodeKeyObject,
  type KeyObjectContent,
  modelOf,
  type Reference,
  referenceTo,
} from "./key-object-document.ts";
import { type ClosedSeries, type ClosingContext, uidFrom } from "./series-run.ts";

export interface KeyObjectRequest {
  /** Files of the sealed objects; others among them are passed over. */
  readonly objects: readonly string[];
  /** Where the document goes. */
  readonly folder: string;
}

/** An object of a list takes ten elements of the document, and a reader stops at 100,000. */
const referencesMax = 9_000;

/**
 * The same series manifest gives the same document again.
 * @throws ScansealError `usage` when an object of the list is not there as it was sealed; as `sealFile` does
 */
export async function writeKeyObject(
  series: ClosedSeries,
  { objects, folder }: KeyObjectRequest,
  { home, journal, softwareVersion }: ClosingContext,
): Promise<SealedFile> {
  if (series.entries.length > referencesMax)
    throw new ScansealError("usage", `a Key Object can name ${referencesMax} objects at most`);
  const found = await proven(series, objects, home.trustContent());
  const content = await contentOf(series, found);
  const sealing = await openDeviceSealing(home, series.device, { softwareVersion, watermark: false });
  try {
    const output = await OutputFolder.open(folder);
    const sealed = await sealSource(new MemorySource(encodeKeyObject(content)), {
      ...sealing,
      nextCounter: () => sealing.counter.reserve(1).first,
      output,
      isSeriesList: true,
    });
    await output.sync();
    const subject = { kind: "instance", name: sealed.sopInstanceUid };
    const record = await journal.record(series.manifest);
    // So that its own series is not closed in turn.
    if (record) await journal.addRecord(record, [subject], series.madeAt);
    return sealed;
  } finally {
    await sealing.close();
  }
}

/** Paths of the list's objects, in its order, that are as they were sealed. */
async function proven(
  { entries, seriesInstanceUid }: ClosedSeries,
  objects: readonly string[],
  trust: Parameters<typeof verifyFiles>[1]["trust"],
): Promise<readonly string[]> {
  const paths = new Map<string, string>();
  for await (const outcome of verifyFiles(objects, { trust, deep: false })) {
    if (!("decision" in outcome) || !outcome.instance?.isProven) continue;
    const { payloadDigest } = outcome.instance;
    if (payloadDigest !== undefined && outcome.instance.seriesInstanceUid === seriesInstanceUid)
      paths.set(payloadDigest, outcome.path);
  }
  return entries.map(({ payloadDigest, sopInstanceUid }) => {
    const path = paths.get(payloadDigest);
    if (path !== undefined) return path;
    throw new ScansealError("usage", `no Key Object: ${sopInstanceUid} is not there as it was sealed`);
  });
}

async function contentOf(series: ClosedSeries, paths: readonly string[]): Promise<KeyObjectContent> {
  const { entries, manifest, version, madeAt, studyInstanceUid, seriesInstanceUid } = series;
  const references: Reference[] = [];
  for (const [i, path] of paths.entries()) {
    const { payloadDigest, sopInstanceUid } = entries[i]!;
    const uid = signatureUidOf(payloadDigest);
    const reference = await withFile(path, async (source) => referenceTo(await readDicom(source), uid));
    if (!reference)
      throw new ScansealError("usage", `no Key Object: ${sopInstanceUid} has lost its DICOM signature`);
    references.push(reference);
  }
  return {
    // Of the manifest's name: sealing it again gives the same document.
    sopInstanceUid: uidFrom(`key object ${manifest}`),
    seriesInstanceUid: uidFrom(`key object series ${manifest}`),
    version,
    manifest,
    madeAt,
    studyInstanceUid,
    listedSeriesUid: seriesInstanceUid,
    references,
    model: await withFile(paths[0]!, async (source) => modelOf(await readDicom(source))),
  };
}

/** As `signatureUidOf` of the payload: its digest is at hand. */
function signatureUidOf(payloadDigest: ListedInstance["digest"]): string {
  return `2.25.${BigInt(`0x${payloadDigest.slice(0, 32)}`)}`;
}
