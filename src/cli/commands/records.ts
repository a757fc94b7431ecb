/** `scanseal records export | import`: what is known of objects beside them, as files for another site. */
import { statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { plainTextOf } from "../../dicom/elements.ts";
import { readDicom, tolerableCodes } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import { uidForm } from "../../dicom/uid.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import { fileExists, readPublicFile } from "../../platform/node/private-files.ts";
import type { RecordSubject } from "../../provenance/manifest/record.ts";
import {
  decodeRecordFile,
  encodeRecordFile,
  recordFileBytesMax,
} from "../../provenance/manifest/record-file.ts";
import { withFile } from "../../site/file-input.ts";
import { openHome } from "../../site/home.ts";
import { intakeOf } from "../../site/provenance/record-intake.ts";
import { detachedRecord } from "../../site/provenance/record-lookup.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import { writeNewFile } from "../new-file.ts";
import { reportProblem } from "../problem.ts";

export interface ExportOptions {
  readonly home: string;
  readonly out: string;
}

/** @param about a DICOM file, or an instance's, series' or study's UID @returns 0, or 1 when there are no records */
export async function exportRecords(about: string, { home, out }: ExportOptions): Promise<number> {
  const { provenancePath } = openHome(home);
  const subjects = await subjectsOf(about);
  const journal = await openProvenanceJournal(provenancePath);
  let written = 0;
  let there = 0;
  try {
    const kept = (await Promise.all(subjects.map((subject) => journal.recordsAbout(subject)))).flat();
    const records = new Map(kept.flatMap(detachedRecord).map((record) => [record.digest, record]));
    if (records.size > 0) await mkdir(out, { recursive: true });
    for (const record of records.values()) {
      const path = join(out, `${record.kind}-${record.digest}.record`);
      if (fileExists(path)) {
        there++;
        continue;
      }
      const named = (await journal.subjectsOf(record.digest)) as readonly RecordSubject[];
      const bytes = encodeRecordFile({ record, subjects: named });
      await writeNewFile(
        path,
        (async function* () {
          yield bytes;
        })(),
      );
      written++;
    }
  } finally {
    await journal.close();
  }
  if (written + there === 0) {
    reportProblem("this site keeps no record about it");
    return 1;
  }
  const before = there === 0 ? "" : `, ${there} were there already`;
  process.stdout.write(`${recordsText(written)} written to ${out}${before}\n`);
  process.stdout.write(
    "They hold identifiers of patients' images: hand them to whom you would hand the images.\n",
  );
  return 0;
}

async function subjectsOf(about: string): Promise<RecordSubject[]> {
  const isFile = statSync(about, { throwIfNoEntry: false })?.isFile() === true;
  if (!isFile) {
    if (!uidForm.test(about)) throw new ScansealError("usage", `${about} is neither a file nor a UID`);
    return (["instance", "series", "study"] as const).map((kind) => ({ kind, name: about }));
  }
  return withFile(about, async (source) => {
    const { elements } = await readDicom(source, { tolerate: tolerableCodes });
    const named = {
      instance: tags.sopInstanceUid,
      series: tags.seriesInstanceUid,
      study: tags.studyInstanceUid,
    };
    return Object.entries(named).flatMap(([kind, tag]) => {
      const name = plainTextOf(elements, tag);
      return name === undefined ? [] : [{ kind: kind as RecordSubject["kind"], name }];
    });
  });
}

/** Keeps what is whole and signed by whom this site trusts for it; whether it is believed is judged again whenever an object is verified. @returns 0, or 1 when one was not kept */
export async function importRecords(
  paths: readonly string[],
  { home }: { readonly home: string },
): Promise<number> {
  const site = openHome(home);
  const trust = new TrustJudge(site.trust(), nodeCrypto, systemClock.now());
  const journal = await openProvenanceJournal(site.provenancePath);
  let taken = 0;
  let refused = 0;
  try {
    for (const path of paths) {
      try {
        // Where the file says that it belongs is not asked: it is filed under what it opens.
        const { record } = decodeRecordFile(readPublicFile(path, recordFileBytesMax), nodeCrypto);
        const intake = await intakeOf(record, { crypto: nodeCrypto, trust });
        if ("refused" in intake) {
          refused++;
          reportProblem(`${path}: not taken: ${intake.refused}`);
          continue;
        }
        await journal.addRecord(record, intake.subjects, systemClock.now());
        taken++;
      } catch (error) {
        if (!(error instanceof ScansealError) || error.code !== "seal-structure") throw error;
        refused++;
        reportProblem(`${path}: not taken: it is no record as specified (${error.code})`);
      }
    }
  } finally {
    await journal.close();
  }
  process.stdout.write(`${recordsText(taken)} kept; each is judged when an object is verified\n`);
  return refused > 0 ? 1 : 0;
}

function recordsText(count: number): string {
  return count === 1 ? "1 record" : `${count} records`;
}
