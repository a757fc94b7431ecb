/** `scanseal show`: one object's story in plain words. */

import { uidName } from "../../dicom/dictionary/dictionary.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { withFile } from "../../site/file-input.ts";
import { openHome } from "../../site/home.ts";
import { sealFacts, watermarkFactsOf } from "../../site/seal-facts.ts";
import { FileVerifier, type Judgement } from "../../site/verification.ts";
import { reportUnknownArchive } from "../archive-notice.ts";
import { identityOf } from "../identity.ts";
import { logText } from "../log-facts.ts";
import { pastFacts } from "../past-facts.ts";
import { paletteFor } from "../terminal/palette.ts";
import { isProven, revocationText, storyLines, timeText } from "../verdict-report.ts";

export interface ShowOptions {
  readonly home: string;
  /** Also patient, study and series: not for a story that is mailed. */
  readonly identify: boolean;
  /** The enrolled archive that gave the file out. */
  readonly from?: string;
}

/** @returns 0 when the object is proven, else 1 */
export async function show(path: string, options: ShowOptions): Promise<number> {
  const home = openHome(options.home);
  await reportUnknownArchive(home, options.from);
  const markSigners = home.deviceCertificates();
  const verifier = new FileVerifier(home.trust(), {
    deep: true,
    markSigners,
    ...home.beside(),
    readFrom: options.from,
  });
  try {
    const judgement = await verifier.verify(path).catch((error: unknown) => {
      if (!(error instanceof ScansealError) || error.code !== "io") throw error;
      throw new ScansealError("io", `${path}: ${error.message}`, { cause: error });
    });
    const palette = paletteFor(process.stdout, process.env);
    const named = options.identify && judgement.evidence.format ? await withFile(path, identityOf) : [];
    const marks = judgement.evidence.manifest ? await withFile(path, watermarkFactsOf) : [];
    const past = pastFacts(judgement.evidence);
    const facts = [...named, ...factsOf(judgement), ...past, ...marks];
    const lines = storyLines({ path, decision: judgement.decision }, facts, palette);
    process.stdout.write(`${lines.join("\n")}\n`);
    return isProven(judgement.decision.verdict) ? 0 : 1;
  } finally {
    await verifier.close();
  }
}

/** No patient data: a story may be mailed. */
function factsOf({ evidence }: Judgement): (readonly [string, string])[] {
  const { format, manifest, signatures, time, log, revocation } = evidence;
  const facts: (readonly [string, string])[] = [];
  if (format) {
    facts.push(["Kind", nameOf(format.sopClassUid)], ["Encoding", nameOf(format.transferSyntaxUid)]);
  }
  if (manifest) {
    const { trust, sealedAt, counter, keyEpoch: epoch } = manifest;
    const trusted = trust?.result === "trusted" ? "" : " (not trusted)";
    facts.push(...sealFacts({ signer: trust && `${trust.signer}${trusted}`, sealedAt, counter, epoch }));
  }
  if (time) facts.push(["Exists since", timeText(time)]);
  if (log) facts.push(["In the log", logText(log)]);
  if (revocation?.told) facts.push(["Device's key", revocationText(revocation.told)]);
  for (const { algorithm, result, trust } of signatures) {
    facts.push([
      "DICOM signature",
      `${algorithm}, ${result}, by ${trust?.signer ?? "nobody who can be named"}`,
    ]);
  }
  return facts;
}

function nameOf(uid: string | undefined): string {
  return uid === undefined ? "unknown" : (uidName(uid) ?? uid);
}
