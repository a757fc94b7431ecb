/** The five forgeries, each made from a sealed object, and described with what the gate decided. */
import { flipSide, insertOverlay, stripSeal, swapPatient } from "../../attack-lab/forgeries.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { type Edit, writeToBytes } from "../../dicom/splice.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { Decision, Finding } from "../../zero-trust/policy/verdict.ts";
import { namedLocationText } from "../verdict-report.ts";
import type { Exhibit, ExhibitFinding, Picture } from "./page/demo-report.ts";
import type { TargetImage } from "./target-image.ts";

export interface Forgery {
  /** Also the file's name. */
  readonly name: string;
  readonly title: string;
  readonly attack: string;
  readonly edits: readonly Edit[];
  readonly originalCaption: string;
  readonly forgedCaption: string;
  /** Show the spot enlarged. */
  readonly enlarged: boolean;
}

/** @param spot what is erased, in words: "the nodule" */
export async function forgeriesOf(
  object: DicomObject,
  image: TargetImage | undefined,
  spot: string,
): Promise<Forgery[]> {
  const forgeries: Forgery[] = [];
  if (image) {
    forgeries.push(
      {
        name: "erased",
        title: `${spot[0]!.toUpperCase()}${spot.slice(1)} erased`,
        attack: `In this image, the pixels of ${spot} were painted over with texture from beside it. Every header is unchanged.`,
        edits: image.eraseSpot(),
        originalCaption: "as captured",
        forgedCaption: `without ${spot.replace(/^a /, "the ")}`,
        enlarged: true,
      },
      {
        name: "flipped",
        title: "Side flipped",
        attack: "Left became right in the pixels; orientation and laterality still say what they said.",
        edits: await flipSide(object),
        originalCaption: "as captured",
        forgedCaption: "mirrored",
        enlarged: false,
      },
      {
        name: "overlay",
        title: "Overlay inserted",
        attack:
          "An overlay plane was added that covers a part of the image. Not one pixel of the image was touched.",
        edits: insertOverlay(image.rows, image.columns, boxAround(image)),
        originalCaption: "as captured",
        forgedCaption: "as viewers show it",
        enlarged: false,
      },
    );
  }
  forgeries.push(
    {
      name: "patient-swapped",
      title: "Patient swapped",
      attack: "The image was given another patient's name and identifier.",
      edits: swapPatient("Doe^John", "4711"),
      originalCaption: "the patient it was captured of",
      forgedCaption: "now says Doe^John, 4711",
      enlarged: false,
    },
    {
      name: "seal-stripped",
      title: "Seal stripped",
      attack: "Everything that Scanseal added to the file was removed. The watermark is still in the pixels.",
      edits: stripSeal(object),
      originalCaption: "with its seal",
      forgedCaption: "without; the pixels are the same",
      enlarged: false,
    },
  );
  return forgeries;
}

function boxAround({ disc, rows, columns }: TargetImage): {
  top: number;
  left: number;
  height: number;
  width: number;
} {
  const half = Math.max(disc.radius * 2.2, Math.min(rows, columns) * 0.06);
  return {
    top: Math.max(0, Math.round(disc.row - half)),
    left: Math.max(0, Math.round(disc.column - half)),
    height: Math.round(2 * half),
    width: Math.round(2 * half),
  };
}

export async function forge(object: DicomObject, { edits }: Forgery): Promise<Bytes> {
  return writeToBytes(object, edits);
}

export async function exhibitOf(
  forgery: Forgery,
  object: DicomObject,
  forged: DicomObject,
  image: TargetImage | undefined,
  decision: Decision,
): Promise<Omit<Exhibit, "answer">> {
  const pictures = async (shown: DicomObject, caption: string): Promise<Picture[]> => {
    if (!image) return [];
    return forgery.enlarged ? image.pictures(shown, caption) : [await image.wholePicture(shown, caption)];
  };
  const regions = decision.findings.flatMap(({ location }) => location.regions ?? []);
  const where =
    image && regions.length > 0 ? await image.heatPictures(forged, regions, forgery.enlarged) : [];
  return {
    title: forgery.title,
    attack: forgery.attack,
    original: await pictures(object, forgery.originalCaption),
    forged: await pictures(forged, forgery.forgedCaption),
    where,
    verdict: decision.verdict,
    findings: groupedFindings(decision),
  };
}

const placesMax = 4;

/** Findings that say the same are one, with all their places. */
function groupedFindings({ findings }: Decision): ExhibitFinding[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings.filter(({ severity }) => severity !== "info")) {
    groups.set(finding.code, [...(groups.get(finding.code) ?? []), finding]);
  }
  return [...groups.values()].map((group) => {
    const [{ code, message, detail }] = group as [Finding];
    const places = group.map(({ location }) => namedLocationText(location)).filter((place) => place !== "");
    const shown = places.slice(0, placesMax).join(" · ");
    const more = places.length > placesMax ? ` · and ${places.length - placesMax} more` : "";
    return {
      code,
      message,
      where: shown + more,
      detail: group.length === 1 ? detail : `${group.length} findings`,
    };
  });
}
