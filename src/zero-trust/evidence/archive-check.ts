/** What the archive that gave an object out may have changed in it: the newest approval that holds. Numbers are the steps of spec/derivations.md. */
import type { Crypto } from "../../foundation/crypto.ts";
import {
  type ArchiveHabit,
  type ArchiveStatement,
  decodeArchiveStatement,
  habitsDigest,
} from "../../provenance/manifest/archive-statement.ts";
import { type OpenedRecord, openRecord } from "../../provenance/manifest/record-envelope.ts";
import { neverHabit } from "./archive-habits.ts";
import type { EvidencePorts } from "./collect.ts";
import { signerFault, structureFault } from "./correction-check.ts";
import type { AttributeChange, ChangeExplanation, RecordEvidence } from "./evidence.ts";
import { recordSigner } from "./record-signer.ts";

export interface ApprovedHabits {
  readonly digest: string;
  readonly habits: readonly ArchiveHabit[];
  readonly summary: string;
  readonly version: number;
}

/** @throws ScansealError `io` */
export async function habitsOf(
  ports: Pick<EvidencePorts, "crypto" | "trust" | "records" | "readFrom">,
): Promise<{ readonly approved?: ApprovedHabits; readonly faulty: readonly RecordEvidence[] }> {
  const { records, readFrom: archive, crypto, trust: judge } = ports;
  const faulty: RecordEvidence[] = [];
  if (!records || archive === undefined) return { faulty };
  const sound: (OpenedRecord<ArchiveStatement> & { readonly signer: string })[] = [];
  for (const record of await records.about({ kind: "archive", name: archive })) {
    if (record.kind !== "archive-changes") continue;
    let opened: OpenedRecord<ArchiveStatement>;
    try {
      opened = await openRecord(record, decodeArchiveStatement, {
        crypto,
        spkiOf: (certificate) => judge.spkiOf(certificate),
      }); // 1 to 4
    } catch (error) {
      faulty.push(structureFault(record.digest, error));
      continue;
    }
    const trust = await recordSigner(opened.envelope.certificates[0]!, "derive", opened.digest, ports);
    const wrong = signerFault(opened, trust) ?? contentFault(opened.statement, archive, crypto);
    if (wrong) faulty.push({ record: opened.digest, faults: [wrong[0]], detail: wrong[1], trust });
    else sound.push({ ...opened, signer: trust.signer });
  }
  const newest = newestOf(sound);
  if (!newest) return { faulty };
  const { digest, statement, signer } = newest;
  const { archive: name, version, approvedBy, approvedAt, habits } = statement;
  const summary = `habit of ${name} approved by ${approvedBy}, ${approvedAt}, by ${signer}`;
  return { approved: { digest, habits, summary, version }, faulty };
}

/** 6. This archive, and the subject is these habits. 7. Nothing that can never be a habit. */
function contentFault(
  { archive, habits, root }: ArchiveStatement,
  asked: string,
  crypto: Crypto,
): readonly ["record-content", string] | undefined {
  if (archive !== asked) return ["record-content", "it is about another archive"];
  if (habitsDigest(crypto, habits) !== root) return ["record-content", "its subject is something else"];
  const never = habits.find(({ path }) => neverHabit(path) !== undefined);
  return never && ["record-content", `${never.path} can never be a habit`];
}

/** 8. From version 1, each names the one before; the last one counts. Where two are of one version, the one before them counts. */
function newestOf<T extends { readonly digest: string; readonly statement: ArchiveStatement }>(
  sound: readonly T[],
): T | undefined {
  let newest: T | undefined;
  for (let version = 1; ; version++) {
    const next = new Map(
      sound.filter(({ statement }) => statement.version === version).map((one) => [one.digest, one]),
    );
    const [only] = next.values();
    if (next.size !== 1 || only!.statement.previous !== newest?.digest) return newest;
    newest = only!;
  }
}

/** 9. Path and kind, item numbers under a star. */
export function matchingHabit(
  { digest, habits, summary }: ApprovedHabits,
  change: AttributeChange,
): ChangeExplanation | undefined {
  const path = change.path.split("/");
  const isCovered = habits.some(
    (habit) => habit.kinds.includes(change.kind) && isMatch(habit.path.split("/"), path),
  );
  return isCovered ? { kind: "archive-changes", record: digest, summary } : undefined;
}

function isMatch(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length === path.length && pattern.every((step, i) => step === "*" || step === path[i]);
}
