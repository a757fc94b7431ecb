/** Every attribute of a sealed object changed, removed, and others added, one at a time, at every level. */
import { type NewElement, padded, textElement } from "../../src/dicom/encode.ts";
import type { DataElement, DicomObject } from "../../src/dicom/model.ts";
import { type Edit, type ElementPath, writeToBytes } from "../../src/dicom/splice.ts";
import { elementOf, groupOf, isPrivate, isPrivateCreator, type Tag, tags } from "../../src/dicom/tags.ts";
import { vrTraits } from "../../src/dicom/vr.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ElementNames } from "../../src/provenance/manifest/leaf-path.ts";
import { classOfAttribute } from "../../src/zero-trust/evidence/attribute-classes.ts";
import type { Verdict } from "../../src/zero-trust/policy/verdict.ts";
import type { Judged } from "./fixture.ts";
import { type Mutation, patched } from "./mutation.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** An element somewhere in the data set. */
interface Place {
  readonly element: DataElement;
  /** Sequence tag, item index, and so on, down to the element's own level. */
  readonly parent: readonly number[];
  /** The path of its leaf: for what is inside a private sequence, the sequence's. */
  readonly path: string;
  readonly depth: number;
}

const pixelTags: readonly Tag[] = [
  tags.pixelData,
  tags.floatPixelData,
  tags.doubleFloatPixelData,
  tags.extendedOffsetTable,
  tags.extendedOffsetTableLengths,
];

/** (0008,0001) and group lengths say nothing, signatures and our own block are mutated elsewhere. */
function isContent(tag: Tag, sealCreator: Tag | undefined): boolean {
  if (elementOf(tag) === 0 || tag === 0x00080001) return false;
  if (tag === tags.macParametersSequence || tag === tags.digitalSignaturesSequence) return false;
  if (tag === tags.dataSetTrailingPadding) return false;
  if (sealCreator === undefined || groupOf(tag) !== groupOf(sealCreator)) return true;
  return tag !== sealCreator && (isPrivateCreator(tag) || elementOf(tag) >>> 8 !== elementOf(sealCreator));
}

function placesOf(object: DicomObject): Place[] {
  const found: Place[] = [];
  const visit = (
    elements: readonly DataElement[],
    parent: readonly number[],
    prefix: string,
    opaque: string | undefined,
  ): void => {
    const names = new ElementNames(elements);
    const seal = parent.length === 0 ? names.sealCreatorTag : undefined;
    for (const element of elements) {
      const { tag } = element;
      if (!isContent(tag, seal) || (parent.length === 0 && pixelTags.includes(tag))) continue;
      const own = names.component(tag) ?? tag.toString(16).toUpperCase().padStart(8, "0");
      const path = opaque ?? prefix + own;
      found.push({ element, parent, path, depth: parent.length / 2 });
      element.items?.forEach((item, index) => {
        const inside = opaque ?? (isPrivate(tag) ? path : undefined);
        visit(item.elements, [...parent, tag, index], `${path}/${index}/`, inside);
      });
    }
  };
  visit(object.elements, [], "", undefined);
  return found;
}

function expectedVerdicts(path: string): readonly Verdict[] {
  return classOfAttribute(path) === "administrative" ? ["verified-with-changes"] : ["altered", "malformed"];
}

/** A finding at the leaf, above it or below it; for a private creator at anything of its group. */
function namesPlace({ path, element }: Place): (judged: Judged) => boolean {
  return ({ decision }) =>
    decision.findings.some(({ location, code }) => {
      if (!code.startsWith("attribute-")) return false;
      const said = location.path ?? location.tag?.replace(/[(),]/g, "") ?? "";
      if (said === path || said.startsWith(`${path}/`) || path.startsWith(`${said}/`)) return true;
      return isPrivateCreator(element.tag) && said.includes(path.slice(-8, -4));
    });
}

/** A byte that keeps the value legal for its VR, or undefined for one that is better left. */
function otherByte(byte: number, vr: DataElement["vr"]): number | undefined {
  if (!vrTraits[vr].text) return byte ^ 1;
  if (byte >= 0x31 && byte <= 0x38) return byte + 1;
  if (byte === 0x39) return 0x38;
  if (vr === "UI") return undefined;
  if (byte === 0x30) return vr === "DA" ? 0x31 : 0x32;
  if (byte >= 0x41 && byte < 0x5a) return byte + 1;
  if (byte >= 0x61 && byte < 0x7a) return byte + 1;
  return undefined;
}

/** Another value of the same length where there is one, else a longer one. */
function modified(
  object: DicomObject,
  place: Place,
  random: SeededRandom,
): (() => Promise<Bytes>) | undefined {
  const { element, parent } = place;
  if (element.items || element.fragments) return undefined;
  const { source, transferSyntax } = object;
  if (element.length > 0 && !transferSyntax.deflated) {
    return async () => {
      const bytes = await source.read(0, source.size);
      const order = Array.from({ length: Math.min(element.length, 64) }, () => random.below(element.length));
      for (const k of [...order, ...Array(Math.min(element.length, 4096)).keys()]) {
        const other = otherByte(bytes[element.valueOffset + k]!, element.vr);
        if (other !== undefined) return patched(bytes, element.valueOffset + k, () => other);
      }
      return writeToBytes(object, [put(element, parent, Uint8Array.of(0x31, 0x31))]);
    };
  }
  return async () => {
    const value = (await object.dataSource.read(element.valueOffset, element.length)).slice();
    if (value.length > 0) {
      const k = value.findIndex((byte) => otherByte(byte, element.vr) !== undefined);
      const next = k < 0 ? Uint8Array.of(0x31, 0x31) : patched(value, k, (b) => otherByte(b, element.vr)!);
      return writeToBytes(object, [put(element, parent, next)]);
    }
    const width = vrTraits[element.vr].width;
    const text = vrTraits[element.vr].text;
    const filled = new Uint8Array(Math.max(2, element.vr === "AT" ? 4 : width)).fill(text ? 0x31 : 1);
    return writeToBytes(object, [put(element, parent, filled)]);
  };
}

/** The value's bytes are in the object's own byte order already, so they are turned back for the encoder. */
function put(element: DataElement, parent: readonly number[], raw: Bytes): Edit {
  const { tag, vr, encoding } = element;
  const width = encoding.bigEndian ? vrTraits[vr].width : 1;
  const value = width === 1 ? raw : raw.map((_, i) => raw[i - (i % width) + width - 1 - (i % width)]!);
  return { kind: "put", element: { tag, vr, value: padded(value, vr) }, parent };
}

function removal(place: Place): Edit {
  const path = [...place.parent, place.element.tag] as unknown as ElementPath;
  return { kind: "remove", path };
}

/** What an attacker might add: shown, hidden, unknown, private, disguised. */
const additions: readonly NewElement[] = [
  textElement(0x00281050, "DS", "40"),
  textElement(0x00281052, "DS", "-1000"),
  textElement(0x00204000, "LT", "No finding."),
  textElement(0x00101040, "LO", "1 Other Street"),
  textElement(0x00080054, "AE", "ARCHIVE"),
  { tag: 0x60003000, vr: "UN", value: new Uint8Array(32).fill(255) },
  { tag: 0x00283002, vr: "US", value: Uint8Array.of(0, 1, 0, 0, 16, 0) },
  { tag: 0x00880200, vr: "SQ", items: [[textElement(0x00280004, "CS", "MONOCHROME2")]] },
  { tag: 0x12345678, vr: "UN", value: new Uint8Array(8) },
  { tag: 0x00990010, vr: "LO", value: new Uint8Array([0x41, 0x42]) },
  { tag: 0x7fe10010, vr: "OB", value: new Uint8Array(600) },
];

export interface AttributeSampling {
  readonly modify: number;
  readonly remove: number;
  readonly add: number;
}

export function attributeMutations(
  object: DicomObject,
  random: SeededRandom,
  sampling: AttributeSampling,
): Mutation[] {
  const places = placesOf(object);
  const found: Mutation[] = [];
  const push = (place: Place, verb: "modify" | "remove", make: () => Promise<Bytes>): void => {
    const verdicts = expectedVerdicts(place.path);
    const administrative = verdicts[0] === "verified-with-changes";
    const group = verb === "modify" ? "attribute modified" : "attribute removed";
    found.push({
      what: `${verb} ${place.path}`,
      group: administrative ? "administrative attribute" : group,
      make,
      verdicts,
      named: namesPlace(place),
    });
  };
  for (const place of random.sample(places, sampling.modify)) {
    const make = modified(object, place, random);
    if (make) push(place, "modify", make);
  }
  for (const place of random.sample(places, sampling.remove)) {
    push(place, "remove", () => writeToBytes(object, [removal(place)]));
  }
  const present = new Set(object.elements.map(({ tag }) => tag));
  const absent = additions.filter(({ tag }) => !present.has(tag));
  for (const element of random.sample(absent, sampling.add)) {
    const path = new ElementNames([]).component(element.tag)!;
    const verdicts = expectedVerdicts(isPrivate(element.tag) ? `${path}[` : path);
    found.push({
      what: `add ${path}`,
      group: verdicts[0] === "verified-with-changes" ? "administrative attribute" : "attribute added",
      make: () => writeToBytes(object, [{ kind: "put", element }]),
      verdicts,
      named: ({ decision }) => decision.findings.some(({ code }) => code === "attribute-added"),
    });
  }
  found.push(...nestedAdditions(object, places, random, sampling.add));
  return found;
}

/** An unlisted attribute inside an item of a sequence. */
function nestedAdditions(
  object: DicomObject,
  places: readonly Place[],
  random: SeededRandom,
  count: number,
): Mutation[] {
  const items = places.flatMap(({ element, parent, path }) =>
    (element.items ?? []).map((item, index) => ({ item, path, parent: [...parent, element.tag, index] })),
  );
  const element = textElement(0x00204000, "LT", "No finding.");
  return random
    .sample(
      items.filter(({ item }) => !item.elements.some(({ tag }) => tag === element.tag)),
      count,
    )
    .map(({ parent, path }) => ({
      what: `add ${path}/${parent.at(-1)}/00204000`,
      group: "attribute added" as const,
      make: () => writeToBytes(object, [{ kind: "put", element, parent }]),
      verdicts: ["altered", "malformed"] as const,
      named: ({ decision }) =>
        decision.findings.some(({ location }) => (location.path ?? "").startsWith(path.slice(0, 8))),
    }));
}
