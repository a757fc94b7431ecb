/** An object compared with what a record's opening says was in hands: receipts and derivations have that in common. */
import type { DicomObject } from "../../dicom/model.ts";
import { compareWithReceived, type ReceivedContent } from "../../provenance/manifest/receipt-check.ts";
import { sealedValueTest } from "../../provenance/manifest/sealed-values.ts";
import type { EvidencePorts } from "./collect.ts";
import { contentOf } from "./content-check.ts";
import type { AttributeChange, ContentEvidence } from "./evidence.ts";
import { exemptPartChanges, withExemptParts } from "./exempt-parts.ts";
import { type ExplainedContent, explainChanges } from "./explained-changes.ts";

/** @param committedAs transfer syntax of what was in hands @throws ScansealError `io`, or a limit code */
export async function contentSince(
  object: DicomObject,
  received: ReceivedContent,
  about: { readonly committedAs: string; readonly studyInstanceUid: string | undefined },
  ports: EvidencePorts,
): Promise<ExplainedContent | undefined> {
  const { committedAs, studyInstanceUid } = about;
  const { crypto, decoder, trust } = ports;
  const comparison = await compareWithReceived(object, received, committedAs, {
    crypto,
    decoder,
    spkiOf: (der) => trust.spkiOf(der),
  });
  const content = await contentOf({
    object,
    facts: { comparison, rootBy: "table", seed: "fits" },
    committedAs,
    sealedValues: () => sealedValueTest(crypto, received.opening),
    decoder,
  });
  // What no commitment covers, unless it was so when it was received.
  const known = new Set(received.opening.irregular.map(({ kind, path }) => `${kind} ${path}`));
  const irregular = irregularParts(object, committedAs).filter(
    ({ kind, path }) => !known.has(`${kind} ${path}`),
  );
  if (!content) return undefined;
  const whole = withExemptParts(content, irregular);
  const { opening } = received;
  return explainChanges({ object, content: whole, opening, studyInstanceUid }, ports);
}

/** What no commitment covers, and is not as software usually writes it (spec/commitments.md). */
export function irregularParts(object: DicomObject, committedAs: string): AttributeChange[] {
  return exemptPartChanges({
    object,
    statement: { pixels: { transferSyntax: committedAs } },
    binding: undefined,
  });
}

/** Nothing but what may change: administrative entries, by-products of lossless transcoding, and what a trusted record explains. */
export function isUnchanged(content: ContentEvidence): boolean {
  const frames = [
    content.framesChanged,
    content.framesAdded,
    content.framesRemoved,
    content.framesUncheckable,
  ];
  return (
    !content.unlocalised &&
    frames.every((list) => list.length === 0) &&
    content.attributes.every(
      (change) =>
        change.attributeClass === "administrative" ||
        change.transcodeByProduct ||
        change.explainedBy !== undefined,
    )
  );
}
