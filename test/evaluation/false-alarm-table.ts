/** Benign operation x modality: what verify says of sealed files afterwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transferSyntaxOf } from "../../src/dicom/transfer-syntax.ts";
import type { Operation } from "./benign-operations.ts";
import { type CorpusFile, corpusBytes, tolerancesFor } from "./corpus-files.ts";
import { outcome, type Site } from "./fixture.ts";

export interface Cell {
  readonly operation: string;
  readonly file: CorpusFile;
  /** Undefined: the software declined. */
  readonly verdict: string | undefined;
  readonly story: string;
}

export const columns = [
  "CT",
  "MR",
  "PT",
  "US",
  "CR/DX/MG",
  "multi-frame",
  "RGB and other SC",
  "SEG, maps",
  "SR, RT, other",
  "lossy originals",
] as const;

/** The column of a file in the table. */
export function columnOf({
  file,
  modality,
  transferSyntaxUid,
  frames,
}: CorpusFile): (typeof columns)[number] {
  if (transferSyntaxOf(transferSyntaxUid)?.lossless === false) return "lossy originals";
  if (modality === "SEG" || file.includes("parametric")) return "SEG, maps";
  if (/^(?:SR|RTDOSE|RTPLAN|RTIMAGE|DOC|ECG|PR|RWV)$/.test(modality) || file.startsWith("non-image"))
    return "SR, RT, other";
  if (modality === "US") return "US";
  if (frames > 1) return "multi-frame";
  if (modality === "CT" || modality === "MR" || modality === "PT") return modality;
  if (/^(?:CR|DX|MG|RG)$/.test(modality)) return "CR/DX/MG";
  return "RGB and other SC";
}

/** Verdicts that hold nothing. */
export function isQuiet(verdict: string): boolean {
  return verdict === "verified" || verdict === "verified-with-changes";
}

export async function falseAlarms(
  site: Site,
  files: readonly CorpusFile[],
  operations: readonly Operation[],
  onCell: (cell: Cell) => void,
): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "scanseal-benign-"));
  try {
    for (const file of files) {
      const tolerate = tolerancesFor(file.file);
      const sealed = await site.seal(corpusBytes(file.file), tolerate);
      for (const { name, apply } of operations) {
        const bytes = await apply(sealed, work, tolerate);
        const judged = bytes && (await site.judge(bytes, { tolerate }));
        onCell({
          operation: name,
          file,
          verdict: judged?.decision.verdict,
          story: judged ? outcome(judged) : "declined",
        });
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
