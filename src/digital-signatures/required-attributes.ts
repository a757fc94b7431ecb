/**
 * What a signature of a data set must cover when it is present (spec, "Required attributes"): the Creator RSA profile (PS3.15 C.2) and
 * what that leaves out although it changes what a reader sees or whose image it is.
 */
import { tagOfKeyword } from "../dicom/dictionary/dictionary.ts";
import { elementOf, groupOf, isPrivate, type Tag } from "../dicom/tags.ts";

/** Whole groups: patient, acquisition, relationship, image presentation, documents, slides, nuclear medicine, segments, surfaces, graphics, implant templates, waveforms, print look-up tables, radiotherapy, functional groups, spectra. */
const requiredGroups: ReadonlySet<number> = new Set([
  0x0010, 0x0018, 0x0020, 0x0022, 0x0024, 0x0028, 0x003a, 0x0042, 0x0046, 0x0048, 0x0050, 0x0052, 0x0054,
  0x0060, 0x0062, 0x0064, 0x0066, 0x0068, 0x006a, 0x0070, 0x0072, 0x0076, 0x0078, 0x0080, 0x2050, 0x3002,
  0x3004, 0x3006, 0x3008, 0x300a, 0x300c, 0x300e, 0x3010, 0x5200, 0x5400, 0x5600,
]);

/** Counts of related studies, series and instances (0020,1200)-(0020,1209): archives fill them into answers to queries. */
const relatedCounts = { first: 0x00201200, last: 0x00201209 } as const;

const keywords = `
  SpecificCharacterSet ImageType InstanceCreationDate InstanceCreationTime SOPClassUID SOPInstanceUID
  StudyDate SeriesDate AcquisitionDate ContentDate AcquisitionDateTime StudyTime SeriesTime AcquisitionTime ContentTime
  TimezoneOffsetFromUTC AccessionNumber IssuerOfAccessionNumberSequence Modality ConversionType PresentationIntentType
  Manufacturer InstitutionName InstitutionAddress StationName InstitutionalDepartmentName
  InstitutionalDepartmentTypeCodeSequence ManufacturerModelName CodingSchemeIdentificationSequence
  StudyDescription SeriesDescription ProcedureCodeSequence ReferencedRawDataSequence ReferencedWaveformSequence
  ReferencedImageSequence ReferencedImageEvidenceSequence SourceImageEvidenceSequence ReferencedInstanceSequence
  ReferencedPresentationStateSequence IrradiationEventUID DerivationDescription SourceImageSequence
  DerivationCodeSequence StereoPairsPresent ReferencedSeriesSequence
  AnatomicRegionSequence PrimaryAnatomicStructureSequence PixelPresentation VolumetricProperties
  VolumeBasedCalculationTechnique ComplexImageComponent AcquisitionContrast
  RealWorldValueMappingSequence AcquisitionContextSequence ContentLabel
  PerformedProcedureCodeSequence ReferencedRequestSequence WaveformAnnotationSequence
  ValueType ConceptNameCodeSequence ContinuityOfContent ContentTemplateSequence ContentSequence
  ObservationDateTime ObservationUID PreliminaryFlag CompletionFlag CompletionFlagDescription VerificationFlag
  VerifyingObserverSequence AuthorObserverSequence ParticipantSequence CustodialOrganizationSequence
  PredecessorDocumentsSequence IdenticalDocumentsSequence CurrentRequestedProcedureEvidenceSequence
  PertinentOtherEvidenceSequence IconImageSequence CreatorVersionUID HL7InstanceIdentifier DocumentClassCodeSequence
  EntranceDoseDerivation EntranceDoseInmGy OrganDose EventTimerSequence NumberOfStages StageNumber StageCodeSequence
  ReferencedOtherPlaneSequence SourceIrradiationEventSequence
`;

const requiredTags: ReadonlySet<Tag> = new Set(
  keywords
    .trim()
    .split(/\s+/)
    .map((keyword) => tagOfKeyword(keyword)!),
);

/** Curves 5000-50FF, overlays 6000-60FF, pixel data 7F00-7FFF: whole repeating groups. */
function isDrawnGroup(group: number): boolean {
  const series = group >>> 8;
  return series === 0x50 || series === 0x60 || series === 0x7f;
}

export function mustBeSigned(tag: Tag): boolean {
  if (isPrivate(tag) || elementOf(tag) === 0) return false;
  if (tag >= relatedCounts.first && tag <= relatedCounts.last) return false;
  const group = groupOf(tag);
  return requiredGroups.has(group) || isDrawnGroup(group) || requiredTags.has(tag);
}
