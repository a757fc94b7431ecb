/** `scanseal show`: one object's story in plain words. */
import { uidName } from "../../dicom/dictionary/dictionary.ts";
import { openHome } from "../../site/home.ts";
import { FileVerifier, type Judgement } from "../../site/verification.ts";
import { paletteFor } from "../terminal/palette.ts";
import { isProven, storyLines } from "../verdict-report.ts";

/** @returns 0 when the object is proven, else 1 */
export async function show(path: string, options: { readonly home: string }): Promise<number> {
  const verifier = new FileVerifier(openHome(options.home).trust(), { deep: true });
  try {
    const judgement = await verifier.verify(path);
    const palette = paletteFor(process.stdout, process.env);
    const lines = storyLines({ path, decision: judgement.decision }, factsOf(judgement), palette);
    process.stdout.write(`${lines.join("\n")}\n`);
    return isProven(judgement.decision.verdict) ? 0 : 1;
  } finally {
    await verifier.close();
  }
}

/** No patient data: a story may be mailed. */
function factsOf({ evidence }: Judgement): (readonly [string, string])[] {
  const { format, manifest, signatures } = evidence;
  const facts: (readonly [string, string])[] = [];
  if (format) {
    facts.push(["Kind", nameOf(format.sopClassUid)], ["Encoding", nameOf(format.transferSyntaxUid)]);
  }
  if (manifest?.trust) {
    const trusted = manifest.trust.result === "trusted" ? "" : " (not trusted)";
    facts.push(["Sealed by", `${manifest.trust.signer}${trusted}`]);
  }
  if (manifest?.sealedAt !== undefined)
    facts.push(["Sealed at", `${manifest.sealedAt} by the device's own clock`]);
  if (manifest?.counter !== undefined)
    facts.push(["Seal number", `${manifest.counter} of key ${manifest.keyEpoch}`]);
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
