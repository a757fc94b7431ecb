/** The seal itself: containers, signature items, and what is around the data set. */
import { type NewElement, textElement } from "../../src/dicom/encode.ts";
import type { DataElement, DicomObject } from "../../src/dicom/model.ts";
import { type ElementPath, writeToBytes } from "../../src/dicom/splice.ts";
import { formatTag, groupOf, type Tag, tagHex, tags } from "../../src/dicom/tags.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { ElementNames, sealGroup } from "../../src/provenance/manifest/leaf-path.ts";
import type { Verdict } from "../../src/zero-trust/policy/verdict.ts";
import type { Tolerances } from "./fixture.ts";
import { type Mutation, patched } from "./mutation.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** The table of leaves names changes; without it the content is still proven, or not. */
const tableByte = 0x04;
/** (0400,0010): another known syntax says nothing of the content, and is listed. */
const macSyntax: Tag = 0x04000010;

const broken: readonly Verdict[] = ["altered", "malformed", "untrusted", "unsealed"];

/** Byte changes in each element of our block, and the removal of each. */
export function containerMutations(object: DicomObject, random: SeededRandom, bytes: number): Mutation[] {
  if (object.transferSyntax.deflated) return [];
  const creator = new ElementNames(object.elements).sealCreatorTag!;
  const block = object.elements.filter(
    ({ tag }) =>
      groupOf(tag) === sealGroup && (tag === creator || (tag & 0xffff) >>> 8 === (creator & 0xffff)),
  );
  return block.flatMap((element) => [
    ...flips(object, element, random, bytes, "seal containers"),
    remove(
      object,
      [element.tag],
      "seal containers",
      (element.tag & 0xff) === tableByte ? ["verified", ...broken] : broken,
    ),
  ]);
}

function flips(
  object: DicomObject,
  element: DataElement,
  random: SeededRandom,
  count: number,
  group: Mutation["group"],
): Mutation[] {
  // A pad byte that becomes another pad byte says the same.
  const last = element.vr === "UI" && element.value?.at(-1) === 0 ? element.length - 1 : element.length;
  const offsets = random.sample([...Array(last).keys()], count);
  return offsets.map((k) => ({
    what: `flip a bit of ${formatTag(element.tag)} at ${k}`,
    group,
    make: async () => {
      const bytes = await object.source.read(0, object.source.size);
      return patched(bytes, element.valueOffset + k, (byte) => byte ^ (1 << random.below(8)));
    },
    verdicts: element.tag === macSyntax ? ["verified-with-changes", ...broken] : broken,
  }));
}

function remove(
  object: DicomObject,
  path: readonly number[],
  group: Mutation["group"],
  verdicts: readonly Verdict[],
): Mutation {
  return {
    what: `remove ${path.map((step, i) => (i % 2 === 0 ? tagHex(step) : step)).join("/")}`,
    group,
    make: () => writeToBytes(object, [{ kind: "remove", path: path as unknown as ElementPath }]),
    verdicts,
  };
}

/** Which elements of a signature item may change without the seal noticing: none of those that we write. */
const extras: readonly NewElement[] = [
  textElement(0x00204000, "LT", "No finding."),
  { tag: 0x60003000, vr: "OW", value: new Uint8Array(32).fill(255) },
  textElement(0x00100010, "PN", "Other^Name"),
  { tag: 0x00990010, vr: "LO", value: Uint8Array.of(0x41, 0x42) },
];

/** (4FFE,0001) and (FFFA,FFFA): each element changed and removed, and foreign elements added. */
export function signatureMutations(object: DicomObject, random: SeededRandom, bytes: number): Mutation[] {
  const found: Mutation[] = [];
  const visit = (element: DataElement, path: readonly number[]): void => {
    element.items?.forEach((item, index) => {
      const parent = [...path, index];
      for (const child of item.elements) {
        if (child.items) visit(child, [...parent, child.tag]);
        else if (child.length > 0 && !object.transferSyntax.deflated)
          found.push(...flips(object, child, random, bytes, "signature items"));
        found.push(remove(object, [...parent, child.tag], "signature items", broken));
      }
      for (const extra of extras) {
        found.push({
          what: `add ${parent.map((step, i) => (i % 2 === 0 ? tagHex(step) : step)).join("/")}/${tagHex(extra.tag)}`,
          group: "signature items",
          make: () => writeToBytes(object, [{ kind: "put", element: extra, parent }]),
          verdicts: broken,
        });
      }
    });
  };
  for (const tag of [tags.macParametersSequence, tags.digitalSignaturesSequence]) {
    const element = object.elements.find((e) => e.tag === tag);
    if (element) visit(element, [tag]);
  }
  return found;
}

/** Outside what is sealed: the verdict stays, and what carries data is a finding. Identity and syntax are checked against the data set. */
export function surroundingMutations(
  object: DicomObject,
  random: SeededRandom,
  tolerate: Tolerances,
): Mutation[] {
  const found: Mutation[] = [];
  const whole = (): Promise<Bytes> => object.source.read(0, object.source.size);
  const identity: readonly Tag[] = [tags.mediaStorageSopClassUid, tags.mediaStorageSopInstanceUid];
  const bound: readonly Tag[] = [
    tags.fileMetaGroupLength,
    tags.transferSyntaxUid,
    // Where another name in the file meta information is tolerated, it is.
    ...(object.tolerated.some(({ code }) => code === "uid-mismatch") ? [] : identity),
  ];
  for (const element of object.meta) {
    if (element.length === 0) continue;
    const k = random.below(element.length);
    found.push({
      what: `flip a bit of ${formatTag(element.tag)} at ${k}`,
      group: "file meta, preamble, padding",
      // Not a low bit: 1.2.840.10008.1.2.4.90, .91 and .92 are names for the same codestream.
      make: async () => patched(await whole(), element.valueOffset + k, (byte) => byte ^ 8),
      verdicts: bound.includes(element.tag) ? broken : ["verified", "malformed"],
    });
  }
  const hidden = (what: string, make: () => Promise<Bytes>, verdicts: readonly Verdict[]): void => {
    found.push({
      what,
      group: "file meta, preamble, padding",
      make,
      verdicts,
      named: ({ decision }) => decision.findings.some(({ code }) => code === "hidden-bytes"),
    });
  };
  hidden("a byte in the preamble", async () => patched(await whole(), 5, () => 0x41), ["verified"]);
  hidden(
    "data in (FFFC,FFFC)",
    () =>
      writeToBytes(object, [
        {
          kind: "put",
          element: { tag: tags.dataSetTrailingPadding, vr: "OB", value: Uint8Array.of(1, 2, 3, 4) },
        },
      ]),
    ["verified"],
  );
  found.push({
    what: "bytes after the data set",
    group: "file meta, preamble, padding",
    make: async () => concatBytes([await whole(), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]),
    // Where bytes after a data set are tolerated, they are listed.
    verdicts: tolerate.includes("trailing-bytes") ? ["verified"] : ["malformed"],
    named: ({ decision }) => decision.findings.some(({ code }) => code === "tolerated"),
  });
  return found;
}
