/** From evidence to findings: what is said, where, and how grave it is. Pure. */
import type {
  ArrivalEvidence,
  AttributeChange,
  ContentEvidence,
  Evidence,
  ManifestEvidence,
  SignatureEvidence,
} from "../evidence/evidence.ts";
import { derivationFindings, derivationStands, excusedByDerivation } from "./derivation-findings.ts";
import { finding } from "./finding.ts";
import { excused, isChangedSinceReceived, receiptFindings, receiptStands } from "./receipt-findings.ts";
import type { Finding, FindingCode, FindingLocation } from "./verdict.ts";
import { changesTold, placesText, regionsOf, watermarkFindings } from "./watermark-findings.ts";

/** The first 100 differing attributes are listed one by one; an attacker cannot make the report grow without limit. */
const listedMax = 100;
const digitalSignatures = "(FFFA,FFFA)";

/** Findings in the order of the checks; the policy reads their severity and code. */
export function findingsOf(evidence: Evidence): readonly Finding[] {
  const { unreadable, format, manifest, content, signatures, arrival } = evidence;
  if (unreadable) {
    const tag = unreadable.tag === undefined ? {} : { tag: unreadable.tag };
    const offset = unreadable.offset === undefined ? {} : { offset: unreadable.offset };
    return [
      finding(unreadable.code, { ...tag, ...offset }, unreadable.message),
      ...conflictFindings(arrival),
    ];
  }
  const found = [
    ...(arrival?.uidDiffers === true
      ? [finding("uid-mismatch", {}, "the command that brought it names another instance or class")]
      : []),
    ...(manifest ? manifestFindings(manifest) : []),
    ...equivocation(evidence),
    ...(content ? contentFindings(content, evidence) : []),
    // What marks say of an object without a seal says more than that it has none.
    ...watermarkFindings(evidence),
    ...(manifest ? [] : sealMissing(evidence)),
    ...receiptFindings(evidence),
    ...derivationFindings(evidence),
    ...signatureFindings(signatures, manifest !== undefined, content),
    ...(format ? formatFindings(format) : []),
    ...conflictFindings(arrival),
  ];
  if (receiptStands(evidence)) return found.flatMap((one) => excused(one, evidence));
  return derivationStands(evidence) ? found.flatMap(excusedByDerivation) : found;
}

const conflictDetail =
  "other bytes were admitted under this SOP Instance UID before, which is by design never overwritten, not even where this object is proven and that one is not: compare the two (quarantine show names the other), and have the wrong one corrected in the archive";

/** It says nothing of the image itself: both objects may be what they claim. */
function conflictFindings(arrival: ArrivalEvidence | undefined): Finding[] {
  return arrival?.conflict === true ? [finding("instance-conflict", {}, conflictDetail)] : [];
}

function sealMissing(evidence: Evidence): Finding[] {
  const missing = finding("seal-missing", {}, "no capture manifest in this object");
  const found = isChangedSinceReceived(evidence) ? [] : [missing];
  if (evidence.sealExpectedFrom !== undefined) {
    found.push(
      finding(
        "seal-expected",
        {},
        `device ${evidence.sealExpectedFrom} is enrolled, so its objects carry a seal`,
      ),
    );
  }
  return found;
}

/** Which of the two was first is not known: neither can be relied on. */
function equivocation({ manifest, counter }: Evidence): Finding[] {
  if (!counter) return [];
  const number = `number ${manifest?.counter} of key ${manifest?.keyEpoch}`;
  return [finding("counter-equivocation", {}, `${number} also seals ${counter.others.join(", ")}`)];
}

function manifestFindings(manifest: ManifestEvidence): Finding[] {
  const found: Finding[] = manifest.faults.map((fault) => finding(fault, {}, manifest.detail ?? fault));
  if (manifest.type === "notice") found.push(finding("gate-notice", {}, "sealed as a notice to a reader"));
  const { trust } = manifest;
  if (trust && trust.result !== "trusted") {
    found.push(finding(trust.result, {}, trust.detail ?? `certificate SHA-256 ${trust.fingerprint}`));
  }
  if (manifest.stranger) {
    found.push(
      finding("foreign-signature", {}, `a second signer in the envelope: ${manifest.stranger.result}`),
    );
  }
  if (manifest.isWatermarkTableMissing === true) {
    found.push({
      ...finding("container-missing", {}, "the watermark table, (0071,xx03), is missing", "warning"),
      message:
        "The part of the seal that says where pixels changed is missing; the image is proven without it.",
    });
  }
  if (manifest.timeImplausible) {
    found.push(
      finding(
        "time-implausible",
        {},
        `sealed at ${manifest.sealedAt}, outside the certificate's validity or ahead of now`,
      ),
    );
  }
  return found;
}

function attributeFinding(change: AttributeChange): Finding {
  const last = change.path.split("/").at(-1)!;
  const tag = /^[0-9A-F]{8}$/.test(last) ? { tag: `(${last.slice(0, 4)},${last.slice(4)})` } : {};
  const location = last === change.path && "tag" in tag ? tag : { ...tag, path: change.path };
  const { explainedBy } = change;
  const benign = isBenign(change);
  const code = `attribute-${change.kind}` as const;
  const why = change.transcodeByProduct ? "by-product of transcoding" : change.attributeClass;
  const by = explainedBy ? `; ${explainedBy.kind} ${explainedBy.record}: ${explainedBy.summary}` : "";
  const made = finding(
    code,
    location,
    `${change.path} ${change.kind} (${why}${by})`,
    benign ? "info" : "error",
  );
  if (!benign) return made;
  const message =
    explainedBy?.kind === "correction"
      ? "An entry was corrected since capture; the correction is authorised."
      : explainedBy
        ? "An entry was updated by the archive, as this site approved."
        : "An administrative entry was updated since capture.";
  return { ...made, message };
}

function isBenign({ attributeClass, transcodeByProduct, explainedBy }: AttributeChange): boolean {
  return attributeClass === "administrative" || transcodeByProduct || explainedBy !== undefined;
}

function contentFindings(content: ContentEvidence, evidence: Evidence): Finding[] {
  const found = content.attributes.slice(0, listedMax).map(attributeFinding);
  const more = content.attributes.slice(listedMax);
  const grave = more.some((change) => !isBenign(change));
  if (more.length > 0)
    found.push(
      finding("content-changed", {}, `${more.length} more attributes differ`, grave ? "error" : "info"),
    );
  const frames = (code: FindingCode, list: readonly number[], what: string, regions = {}): void => {
    if (list.length > 0)
      found.push(
        finding(
          code,
          { tag: "(7FE0,0010)", frames: list, ...regions },
          `${list.length === 1 ? "1 frame" : `${list.length} frames`}: ${what}`,
        ),
      );
  };
  const framesChanged = new Set(content.framesChanged);
  const changes = changesTold(evidence).filter(({ frame }) => framesChanged.has(frame));
  frames(
    content.lossyNow ? "pixels-lossy" : "pixels-changed",
    content.framesChanged,
    `not what was sealed${placesText(changes)}`,
    regionsOf(changes),
  );
  frames("frames-added", content.framesAdded, "not there when sealed");
  frames("frames-removed", content.framesRemoved, "missing");
  frames("pixels-not-checkable", content.framesUncheckable, "could not be decoded");
  if (content.unlocalised)
    found.push(
      finding(
        "content-changed",
        {},
        "the content differs; the table that would say where is missing or damaged",
      ),
    );
  if (content.transcodedLosslessly) {
    found.push(finding("transcoded-losslessly", {}, "the decoded frames are those of the manifest"));
  }
  return found;
}

/** True when the manifest's comparison found nothing to explain why a signature fails. */
function contentIntact(content: ContentEvidence | undefined): boolean {
  if (!content) return false;
  return (
    content.attributes.length === 0 &&
    content.framesChanged.length + content.framesAdded.length + content.framesRemoved.length === 0 &&
    content.framesUncheckable.length === 0 &&
    !content.unlocalised
  );
}

function signatureFindings(
  signatures: readonly SignatureEvidence[],
  sealed: boolean,
  content: ContentEvidence | undefined,
): Finding[] {
  const found: Finding[] = [];
  for (const signature of signatures) {
    const path = signature.location === "" ? {} : { path: `${signature.location}/FFFAFFFA` };
    const at: FindingLocation = { tag: digitalSignatures, ...path };
    const detail = signature.detail ?? `${signature.algorithm}, ${signature.result}`;
    const own = sealed && signature.bindsManifest;
    const trusted = signature.trust?.result === "trusted";
    if (sealed && !own && !trusted) {
      found.push(
        finding(
          "foreign-signature",
          at,
          `not by the sealing device; ${signature.trust?.result ?? "no usable certificate"}`,
        ),
      );
    }
    if (signature.result === "altered" && (!own || contentIntact(content)))
      found.push(finding("signature-altered", at, detail));
    if (signature.result === "malformed") found.push(finding("signature-malformed", at, detail));
    if (signature.result === "weak")
      found.push(finding("signature-weak", at, detail, sealed ? "error" : "warning"));
    // The manifest stands in for the signature that names it, for no other.
    if (signature.result === "transcoded" || signature.result === "vr-lost")
      found.push(finding(own ? `signature-${signature.result}` : "signature-not-checkable", at, detail));
  }
  const top = signatures.filter((signature) => signature.location === "");
  if (sealed && !top.some((signature) => signature.bindsManifest)) {
    const code = top.length === 0 ? "signature-missing" : "signature-not-bound";
    found.push(finding(code, { tag: digitalSignatures }, "no signature names this manifest"));
  }
  return found;
}

function formatFindings(format: NonNullable<Evidence["format"]>): Finding[] {
  const found: Finding[] = [];
  const { preamble } = format;
  if (preamble === "executable" || preamble === "document") {
    found.push(
      finding(
        "preamble-suspicious",
        { offset: 0 },
        `the preamble begins like an ${preamble} file`.replace("an document", "a document"),
      ),
    );
  } else if (preamble === "tiff" || preamble === "other") {
    found.push(finding("hidden-bytes", { offset: 0 }, "the preamble is not zero"));
  }
  if (format.paddingCarriesData) {
    found.push(finding("hidden-bytes", { tag: "(FFFC,FFFC)" }, "Data Set Trailing Padding is not zero"));
  }
  if (format.pixelTailCarriesData) {
    found.push(finding("hidden-bytes", { tag: "(7FE0,0010)" }, "the pad byte after the pixels is not zero"));
  }
  for (const tag of format.hidden) {
    found.push(
      finding("hidden-bytes", { tag }, "a value that nothing covers and the standard does not give"),
    );
  }
  const [lengthTag] = format.groupLengthsWrong;
  if (lengthTag !== undefined) {
    const detail = `${format.groupLengthsWrong.length} group lengths are not the lengths of their groups`;
    found.push(finding("hidden-bytes", { tag: lengthTag }, detail, "info"));
  }
  for (const { code, tag, offset } of format.tolerated.slice(0, listedMax)) {
    const where = {
      ...(tag === undefined ? {} : { tag }),
      ...(offset === undefined ? {} : { offset }),
    };
    found.push(finding("tolerated", where, code));
  }
  return found;
}
