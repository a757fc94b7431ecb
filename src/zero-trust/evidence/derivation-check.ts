/** What an object without a trusted seal was made from, and whether a seal's object has been replaced. Numbers are the steps of spec/derivations.md. */
import { nameTextOf } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { tags } from "../../dicom/tags.ts";
import { type OpenedDerivation, openDerivation } from "../../provenance/manifest/derivation.ts";
import type { DetachedRecord, RecordSubject } from "../../provenance/manifest/record.ts";
import { contentSince, isUnchanged } from "./claimed-content.ts";
import type { EvidencePorts } from "./collect.ts";
import { signerFault, structureFault } from "./correction-check.ts";
import type { DerivationEvidence, Evidence, FormatFacts, RecordEvidence, TrustFact } from "./evidence.ts";
import { recordSigner } from "./record-signer.ts";

/** Of derivations by trusted signers, this many are compared with the object: one instance is made once. */
const comparedMax = 16;

type Beside = Pick<Evidence, "supersededBy" | "recordFaults">;

/** The derivation that fits best. Empty where there is none. @throws ScansealError `io` */
export async function derivationEvidence(
  object: DicomObject,
  { sopInstanceUid, studyInstanceUid }: FormatFacts,
  ports: EvidencePorts,
): Promise<Pick<Evidence, "derivation"> & Beside> {
  if (sopInstanceUid === undefined) return {};
  let best: (Pick<Evidence, "derivation"> & Beside) | undefined;
  let compared = 0;
  for (const record of await derivationsAbout({ kind: "instance", name: sopInstanceUid }, ports)) {
    const checked = await checkDerivation(record, ports);
    if (!("opened" in checked)) {
      best ??= { derivation: { ...checked, claim: undefined, content: undefined } };
      continue;
    }
    const { opened, trust } = checked;
    const { made, statement, digest } = opened;
    if (compared++ >= comparedMax) break;
    // 8. The object is what was made.
    const about = { committedAs: statement.pixels.transferSyntax, studyInstanceUid };
    const { content, ...beside } = (await contentSince(object, made!, about, ports)) ?? {};
    const isSame = content !== undefined && isUnchanged(content);
    const derivation: DerivationEvidence = {
      record: digest,
      faults: isSame ? [] : ["record-content"],
      trust,
      claim: claimOf(opened),
      content,
    };
    if (isSame) return { derivation, ...beside };
    if (!best?.derivation?.content) best = { derivation };
  }
  return best ?? {};
}

function claimOf({ statement }: OpenedDerivation): DerivationEvidence["claim"] {
  const { action, parents, product, operator, derivedAt } = statement;
  return { action, parents: parents.map(({ digest }) => digest), product, operator, derivedAt };
}

/** 9. A trusted derivation that says that it stands in the place of this manifest's object, whose name it has. @throws ScansealError `io` */
export async function replacedBy(
  object: DicomObject,
  payloadDigest: string | undefined,
  ports: EvidencePorts,
): Promise<Pick<Evidence, "supersededBy">> {
  if (payloadDigest === undefined) return {};
  const sopInstanceUid = nameTextOf(object.elements, tags.sopInstanceUid);
  for (const record of await derivationsAbout({ kind: "statement", name: payloadDigest }, ports)) {
    const checked = await checkDerivation(record, ports);
    if (!("opened" in checked)) continue;
    const { statement, made, digest } = checked.opened;
    const { supersedes, parents, action, derivedAt } = statement;
    if (!supersedes || parents[0]!.digest !== payloadDigest) continue;
    if (made!.opening.sopInstanceUid !== sopInstanceUid) continue;
    const summary = `${action}, ${derivedAt}, by ${checked.trust.signer}`;
    return { supersededBy: { record: digest, by: "derivation", at: derivedAt, summary } };
  }
  return {};
}

async function derivationsAbout(
  subject: RecordSubject,
  { records }: EvidencePorts,
): Promise<readonly DetachedRecord[]> {
  const found = (await records?.about(subject)) ?? [];
  return found.filter(({ kind }) => kind === "derivation");
}

type Checked = { readonly opened: OpenedDerivation; readonly trust: TrustFact } | RecordEvidence;

async function checkDerivation(record: DetachedRecord, ports: EvidencePorts): Promise<Checked> {
  const { crypto, trust: judge } = ports;
  let opened: OpenedDerivation;
  try {
    opened = await openDerivation(record, { crypto, spkiOf: (der) => judge.spkiOf(der) }); // 1 to 6
  } catch (error) {
    return structureFault(record.digest, error);
  }
  const trust = await recordSigner(opened.envelope.certificates[0]!, "derive", opened.digest, ports);
  const wrong = signerFault(opened, trust);
  if (wrong) return { record: opened.digest, faults: [wrong[0]], detail: wrong[1], trust };
  if (opened.made) return { opened, trust };
  const detail = "the opening does not open what was signed";
  return { record: opened.digest, faults: ["record-opening"], detail, trust };
}
