/** Where a site corrects identity attributes: what the objects have is proven by their seals, never taken from the message; a signed record says what it becomes. */
import { join } from "node:path";
import { characterSetOf, displayText } from "../../dicom/character-sets.ts";
import { lookup } from "../../dicom/dictionary/dictionary.ts";
import { findElement } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { readDicom } from "../../dicom/read.ts";
import type { Edit } from "../../dicom/splice.ts";
import { type Tag, tagHex, tags } from "../../dicom/tags.ts";
import type { Vr } from "../../dicom/vr.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { Signer } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import { holdFileLock } from "../../platform/node/private-files.ts";
import { nodeTextDecoding } from "../../platform/node/text-decoding.ts";
import { canonicalText } from "../../provenance/manifest/canonical-value.ts";
import { makeCorrection } from "../../provenance/manifest/correction.ts";
import {
  type Correction,
  correctedValueBytesMax,
  isSameValue,
} from "../../provenance/manifest/correction-opening.ts";
import { correctedStudiesMax } from "../../provenance/manifest/correction-statement.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal } from "../../store/provenance/provenance-journal.ts";
import { collectEvidence, type EvidencePorts } from "../../zero-trust/evidence/collect.ts";
import { correctionsOf } from "../../zero-trust/evidence/correction-check.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import { decide } from "../../zero-trust/policy/decide.ts";
import type { Verdict } from "../../zero-trust/policy/verdict.ts";
import { withFile } from "../file-input.ts";
import type { SiteHome } from "../home.ts";
import type { OutputFolder } from "../output-folder.ts";
import { recordLookup } from "../provenance/record-lookup.ts";
import { openOffice } from "../provenance/record-signers.ts";
import { encodedText, type RequestedCorrection, requireCorrectable } from "./requested-correction.ts";
import { valuesInForce } from "./values-in-force.ts";

/** What is proven can be corrected: its own seal or receipt says what it had. */
const provenVerdicts: ReadonlySet<Verdict> = new Set([
  "verified",
  "verified-with-changes",
  "received",
  "superseded",
]);
/** Of another process: a correction of some thousand files takes minutes. */
const lockWaitMs = 600_000;

export type LookedAt =
  /** With its new values, to be written. */
  | { readonly path: string; readonly outcome: "concerned"; readonly studyInstanceUid: string }
  | { readonly path: string; readonly outcome: "other" }
  | { readonly path: string; readonly outcome: "unproven"; readonly verdict: Verdict };

export interface SignedCorrection {
  readonly digest: string;
  readonly studies: readonly string[];
  readonly paths: readonly string[];
}

/** Path, value in force -> new value, of one study. */
type StudyChanges = Map<string, Correction>;

/** Close it; another one waits meanwhile, so that no two corrections are the same version of a study. */
export class CorrectionDesk {
  readonly #request: RequestedCorrection;
  readonly #signer: Signer;
  readonly #journal: ProvenanceJournal;
  readonly #evidence: EvidencePorts;
  readonly #codecs: CodecPool;
  readonly #release: () => void;
  readonly #studies = new Map<string, StudyChanges>();
  /** By file: what earlier corrections change in it. */
  readonly #earlier = new Map<string, readonly Edit[]>();

  private constructor(
    request: RequestedCorrection,
    office: { signer: Signer; journal: ProvenanceJournal; evidence: EvidencePorts; codecs: CodecPool },
    release: () => void,
  ) {
    this.#request = request;
    this.#signer = office.signer;
    this.#journal = office.journal;
    this.#evidence = office.evidence;
    this.#codecs = office.codecs;
    this.#release = release;
  }

  /** @throws ScansealError `key-unusable`, `io`, `config-invalid` */
  static async open(home: SiteHome, request: RequestedCorrection): Promise<CorrectionDesk> {
    const signer = await openOffice(home, "derive");
    const { release } = holdFileLock(join(home.officeFolder("derive"), "corrections.lock"), lockWaitMs);
    const codecs = new CodecPool();
    try {
      const journal = await openProvenanceJournal(home.provenancePath);
      const evidence = {
        crypto: nodeCrypto,
        trust: new TrustJudge(home.trust(), nodeCrypto, systemClock.now()),
        decoder: codecs,
        records: recordLookup(journal),
      };
      return new CorrectionDesk(request, { signer, journal, evidence, codecs }, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Looks at one file: whether it is concerned, proven, and what it has now. @throws ScansealError `usage`, `io`, what is wrong with the object */
  look(path: string): Promise<LookedAt> {
    return withFile(path, async (source) => {
      const evidence = await collectEvidence(source, this.#evidence);
      const { verdict } = decide(evidence);
      if (evidence.unreadable) return { path, outcome: "unproven", verdict };
      const object = await readDicom(source);
      const studyInstanceUid = evidence.format?.studyInstanceUid;
      const { studies } = this.#request;
      if (studyInstanceUid === undefined || (studies && !studies.includes(studyInstanceUid)))
        return { path, outcome: "other" };
      const { chain } = await correctionsOf(studyInstanceUid, this.#evidence);
      const asked = [...this.#request.values.keys(), ...patientTags].map(tagHex);
      const { values: inForce, edits } = await valuesInForce(object, evidence, chain, asked);
      // Whoever asks by a study alone is told of objects in it that are not proven; by a patient, only of his.
      if (!this.#isPatients(object, inForce) && !this.#isDone(object, inForce))
        return { path, outcome: "other" };
      if (!provenVerdicts.has(verdict)) return { path, outcome: "unproven", verdict };
      this.#add(object, studyInstanceUid, inForce);
      this.#earlier.set(path, edits);
      return { path, outcome: "concerned", studyInstanceUid };
    });
  }

  #isPatients(object: DicomObject, inForce: ReadonlyMap<string, Bytes | undefined>): boolean {
    const { patient } = this.#request;
    if (!patient) return true;
    const text = (tag: Tag): string => textOf(object, tag, inForce.get(tagHex(tag)));
    const issuer = text(0x00100021);
    // Of two patients with one number, the issuer tells which it is; an object without one is taken by its number.
    const isIssuers = issuer === "" || patient.issuer === undefined || issuer === patient.issuer;
    return text(tags.patientId) === patient.id && isIssuers;
  }

  /**
   * The patient's by its own entries, which an earlier correction left behind, and every value asked for is in force already: the same merge once
   * more, for copies that could not be written then, or for what was sealed in the study since. Nothing is signed.
   */
  #isDone(object: DicomObject, inForce: ReadonlyMap<string, Bytes | undefined>): boolean {
    const isInForce = ([tag, text]: readonly [Tag, string]): boolean => {
      const vr = requireCorrectable(tag, text);
      return isSameValue(inForce.get(tagHex(tag)), canonicalText(vr, encodedText(object, text, vr)));
    };
    return this.#isPatients(object, new Map()) && [...this.#request.values].every(isInForce);
  }

  #add(object: DicomObject, study: string, inForce: ReadonlyMap<string, Bytes | undefined>): void {
    const changes = this.#studies.get(study) ?? new Map<string, Correction>();
    this.#studies.set(study, changes);
    for (const [tag, text] of this.#request.values) {
      const path = tagHex(tag);
      const from = inForce.get(path);
      const to = canonicalText(
        requireCorrectable(tag, text),
        encodedText(object, text, requireCorrectable(tag, text)),
      );
      if (to.length > correctedValueBytesMax || (from?.length ?? 0) > correctedValueBytesMax)
        throw new ScansealError("usage", "a value is too long to be corrected");
      if (isSameValue(from, to)) continue;
      const key = `${path} ${from ? Buffer.from(from).toString("base64") : ""}${from ? "" : "absent"}`;
      const known = changes.get(key);
      if (known && !isSameValue(known.to, to))
        throw new ScansealError(
          "usage",
          "objects of one study have different character sets: the value is not the same bytes in all of them",
        );
      changes.set(key, { path, vr: lookup(tag)!.vr, from, to });
    }
  }

  /** Signs what the files looked at have, a correction for each group of studies with the same changes. @throws ScansealError `io`, what the key throws */
  async sign(): Promise<readonly SignedCorrection[]> {
    const groups = new Map<string, { studies: string[]; corrections: Correction[] }>();
    for (const [study, changes] of this.#studies) {
      if (changes.size === 0) continue;
      const name = [...changes]
        .map(([key, { to }]) => `${key} ${Buffer.from(to!).toString("base64")}`)
        .sort()
        .join("\n");
      const group = groups.get(name) ?? { studies: [], corrections: sorted([...changes.values()]) };
      if (group.studies.length >= correctedStudiesMax)
        throw new ScansealError("usage", `a correction is of at most ${correctedStudiesMax} studies`);
      group.studies.push(study);
      groups.set(name, group);
    }
    const signed: SignedCorrection[] = [];
    for (const { studies, corrections } of groups.values())
      signed.push(await this.#signOne(studies, corrections));
    return signed;
  }

  async #signOne(studies: readonly string[], corrections: readonly Correction[]): Promise<SignedCorrection> {
    const { basis, approvedBy } = this.#request;
    const places: { uid: string; version: number; previous?: string }[] = [];
    for (const uid of studies) {
      const { chain } = await correctionsOf(uid, this.#evidence);
      const previous = chain.at(-1)?.digest;
      const place = { uid, version: chain.length + 1 };
      places.push(previous === undefined ? place : { ...place, previous });
    }
    const ports = { crypto: nodeCrypto, random: nodeRandom, clock: systemClock, signer: this.#signer };
    const { record, subjects } = await makeCorrection(
      { studies: places, corrections, basis, approvedBy },
      ports,
    );
    await this.#journal.addRecord(record, subjects, systemClock.now());
    return { digest: record.digest, studies, paths: [...new Set(corrections.map(({ path }) => path))] };
  }

  /** A copy with the new values, and those of earlier corrections that it lacks; every other byte stays. @throws ScansealError `duplicate-instance`, `io` */
  writeCopy(
    path: string,
    output: OutputFolder,
  ): Promise<{ readonly path: string; readonly existed: boolean }> {
    return withFile(path, async (source) => {
      const object = await readDicom(source);
      const edits = [...this.#request.values].map(([tag, text]): Edit => {
        const vr = requireCorrectable(tag, text);
        const value = canonicalText(vr, encodedText(object, text, vr));
        return { kind: "put", element: { tag, vr, value } };
      });
      const uid = textOf(object, tags.sopInstanceUid, undefined);
      const isNew = (edit: Edit): boolean => !this.#request.values.has(tagOf(edit));
      return output.write(uid, object, [...(this.#earlier.get(path) ?? []).filter(isNew), ...edits]);
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#codecs.close(), this.#journal.close()]);
    this.#release();
  }
}

const patientTags: readonly Tag[] = [tags.patientId, 0x00100021];

function tagOf(edit: Edit): Tag {
  if (edit.kind === "put") return edit.element.tag;
  return edit.kind === "remove" ? edit.path[0] : edit.sequence;
}

function sorted(corrections: readonly Correction[]): Correction[] {
  return [...corrections].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** As a person reads it; of given bytes in place of the element's. */
function textOf(object: DicomObject, tag: Tag, value: Bytes | undefined): string {
  const element = findElement(object.elements, tag);
  const vr = lookup(tag)?.vr ?? "LO";
  const shown = element && { ...element, vr: vr as Vr, value: value ?? element.value ?? new Uint8Array(0) };
  if (!shown) return "";
  return (displayText(shown, characterSetOf(object.elements), nodeTextDecoding) ?? "").trim();
}
