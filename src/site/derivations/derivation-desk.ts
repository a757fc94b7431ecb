/** Where a site signs what was made of what: parents are proven, the result is looked at, then a record says so. No byte is changed. */
import { nameTextOf } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { readDicom } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import { isMalformed, ScansealError } from "../../foundation/errors.ts";
import type { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import { openFileSource } from "../../platform/node/file-source.ts";
import { makeDerivation } from "../../provenance/manifest/derivation.ts";
import {
  type DerivationParent,
  type DerivationStatement,
  parentsMax,
} from "../../provenance/manifest/derivation-statement.ts";
import type { ReceiptPorts } from "../../provenance/manifest/receipt.ts";
import { withoutSeal } from "../../sealing/restoration.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal } from "../../store/provenance/provenance-journal.ts";
import { irregularParts } from "../../zero-trust/evidence/claimed-content.ts";
import { collectEvidence, type EvidencePorts } from "../../zero-trust/evidence/collect.ts";
import type { Evidence } from "../../zero-trust/evidence/evidence.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import { decide } from "../../zero-trust/policy/decide.ts";
import { derivationStands } from "../../zero-trust/policy/derivation-findings.ts";
import { isOnlyAdmitted } from "../../zero-trust/policy/receipt-findings.ts";
import type { SiteHome } from "../home.ts";
import type { OutputFolder } from "../output-folder.ts";
import { recordLookup } from "../provenance/record-lookup.ts";
import { openOffice } from "../provenance/record-signers.ts";
import { requirePlausible } from "./plausibility.ts";

export type DerivationClaim = Pick<DerivationStatement, "action" | "product" | "operator" | "supersedes">;

export interface SignedDerivation {
  readonly digest: string;
  readonly parents: number;
  /** There was one already: nothing was signed. */
  readonly known: boolean;
}

/** What is not said of objects that somebody else made; a person's derivation answers for the first two. */
const excusable: ReadonlySet<string> = new Set(["seal-expected", "seal-stripped"]);

export class DerivationDesk {
  readonly #ports: ReceiptPorts & { readonly decoder: CodecPool };
  readonly #evidence: EvidencePorts;
  readonly #journal: ProvenanceJournal;

  private constructor(
    ports: ReceiptPorts & { readonly decoder: CodecPool },
    evidence: EvidencePorts,
    journal: ProvenanceJournal,
  ) {
    this.#ports = ports;
    this.#evidence = evidence;
    this.#journal = journal;
  }

  /** @param decoder closed by who made it @throws ScansealError `key-unusable`, `io`, `config-invalid` */
  static async open(home: SiteHome, decoder: CodecPool): Promise<DerivationDesk> {
    const signer = await openOffice(home, "derive");
    const journal = await openProvenanceJournal(home.provenancePath);
    const ports = { crypto: nodeCrypto, random: nodeRandom, clock: systemClock, decoder, signer };
    const trust = new TrustJudge(home.trust(), nodeCrypto, systemClock.now());
    const evidence = { crypto: nodeCrypto, trust, decoder, records: recordLookup(journal) };
    return new DerivationDesk(ports, evidence, journal);
  }

  /** @throws ScansealError `usage` for a parent that is not proven or a result that it is not, `io` */
  async sign(
    claim: DerivationClaim,
    outputPath: string,
    parentPaths: readonly string[],
    folder?: OutputFolder,
  ): Promise<SignedDerivation> {
    if (parentPaths.length > parentsMax)
      throw new ScansealError("usage", `a derivation has at most ${parentsMax} parents`);
    const parents: DerivationParent[] = [];
    const objects: DicomObject[] = [];
    const files: { close(): Promise<void> }[] = [];
    const opened = async (path: string): Promise<DicomObject> => {
      const file = await openFileSource(path);
      files.push(file);
      return readDicom(file).catch((error: unknown) => {
        if (!(error instanceof ScansealError) || !isMalformed(error.code)) throw error;
        throw new ScansealError(error.code, `${path}: ${error.message}`, { cause: error });
      });
    };
    try {
      for (const path of parentPaths) {
        const object = await opened(path);
        parents.push(await this.#proven(object, path));
        objects.push(object);
      }
      let output = await opened(outputPath);
      if (folder) output = await opened(await writeUnsealed(output, folder));
      const known = await this.#known(output, outputPath);
      if (known !== undefined) return { digest: known, parents: parents.length, known: true };
      await requirePlausible(claim.action, output, objects, this.#ports.decoder);
      return await this.#keep(claim, output, parents);
    } finally {
      await Promise.all(files.map((file) => file.close()));
    }
  }

  /** Of a result that this site made itself a moment ago, from a parent that it has just proven. @throws ScansealError `io` */
  async signMade(
    claim: DerivationClaim,
    output: DicomObject,
    parent: DerivationParent,
  ): Promise<SignedDerivation> {
    const { derivation } = await collectEvidence(output.source, this.#evidence);
    if (derivation?.faults.length === 0) return { digest: derivation.record, parents: 1, known: true };
    return this.#keep(claim, output, [parent]);
  }

  async #keep(
    claim: DerivationClaim,
    object: DicomObject,
    parents: readonly DerivationParent[],
  ): Promise<SignedDerivation> {
    const irregular = irregularParts(object, object.transferSyntax.uid);
    const { record, subjects } = await makeDerivation({ ...claim, object, irregular, parents }, this.#ports);
    await this.#journal.addRecord(record, subjects, systemClock.now());
    return { digest: record.digest, parents: parents.length, known: false };
  }

  async #proven({ source }: DicomObject, path: string): Promise<DerivationParent> {
    const evidence = await collectEvidence(source, this.#evidence);
    const { verdict } = decide(evidence);
    const digest = nameOf(evidence);
    const isProven = verdict === "verified" || verdict === "verified-with-changes" || verdict === "received";
    // What a gate only let in would be past a strict source as what is made of it.
    if (isOnlyAdmitted(evidence) && !derivationStands(evidence))
      throw new ScansealError(
        "usage",
        `${path}: a gate let it in, and nobody received it: baseline, or import`,
      );
    if (!isProven || digest === undefined)
      throw new ScansealError("usage", `${path}: it is ${verdict}: what is made of it would prove nothing`);
    return { digest, verdict };
  }

  /** The derivation that it has; undefined for an object that nothing speaks for, or against. */
  async #known({ source }: DicomObject, path: string): Promise<string | undefined> {
    const evidence = await collectEvidence(source, this.#evidence);
    const { verdict, findings } = decide(evidence);
    const { derivation } = evidence;
    if (verdict === "received" && derivation?.faults.length === 0) return derivation.record;
    const errors = findings.filter(({ severity, code }) => severity === "error" && !excusable.has(code));
    if (evidence.manifest || (verdict !== "unsealed" && verdict !== "received") || errors.length > 0)
      throw new ScansealError(
        "usage",
        evidence.manifest
          ? `${path}: it carries the seal of what it was made of, which does not fit: --out writes a copy without`
          : `${path}: it is ${verdict}: ${errors[0]?.detail ?? "it cannot be a result"}`,
      );
    return undefined;
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }
}

/** What a parent is named by: its manifest, or the record that speaks for it. */
function nameOf({ manifest, receipt, derivation }: Evidence): string | undefined {
  if (manifest) return manifest.payloadDigest;
  if (receipt?.faults.length === 0) return receipt.record;
  return derivation?.faults.length === 0 ? derivation.record : undefined;
}

/** Software that copies private elements copies the seal of what it works on. @returns the copy's path */
async function writeUnsealed(output: DicomObject, folder: OutputFolder): Promise<string> {
  const sopInstanceUid = nameTextOf(output.elements, tags.sopInstanceUid) ?? "";
  const { path } = await folder.write(sopInstanceUid, output, withoutSeal(output));
  await folder.sync();
  return path;
}
