/** Where a peer reads a well-formed file of the corpus differently, and why. */
import type { Difference } from "./peer-readings.ts";

interface Explanation {
  readonly peer: "dcmdump" | "pydicom";
  readonly kind: RegExp;
  /** Any file where absent. */
  readonly file?: string;
  readonly where: RegExp;
  readonly reason: string;
}

const explanations: readonly Explanation[] = [
  {
    peer: "pydicom",
    kind: /^refused: TypeError/,
    file: "odd/explicit_VR-UN.dcm",
    where: /^$/,
    reason: "Specific Character Set as UN, over which pydicom stumbles when it is asked to leave UN as it is",
  },
  {
    peer: "dcmdump",
    kind: /^VR OW, theirs OB$/,
    where: /\(7FE0,0010\)$/,
    reason:
      "encapsulated pixel data written as OW, which annex A.4 forbids: DCMTK calls every encapsulated one OB",
  },
  {
    peer: "dcmdump",
    kind: /^length \d*[13579], theirs \d*[02468]$/,
    file: "radiograph/vet-dx-small.dcm",
    where: /^\(7FE0,0010\)$/,
    reason: "an odd length, which DCMTK pads",
  },
  {
    peer: "dcmdump",
    kind: /^value as shown$/,
    file: "odd/ct-8bit-sc-implicit.dcm",
    where: /^\(0020,000[DE]\)$/,
    reason: "a UID with spaces inside, which DCMTK leaves out",
  },
];

export function explanationOf(file: string, peer: string, { kind, where }: Difference): string | undefined {
  return explanations.find(
    (e) => e.peer === peer && (e.file ?? file) === file && e.kind.test(kind) && e.where.test(where),
  )?.reason;
}
