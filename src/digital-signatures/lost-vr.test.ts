/** Signatures whose own items came back as UN, as software without a dictionary writes what it copies from implicit VR. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { findElement } from "../dicom/elements.ts";
import { encodeElement, encodeItem } from "../dicom/encode.ts";
import type { DataElement, DicomObject } from "../dicom/model.ts";
import { readDicom } from "../dicom/read.ts";
import { type Edit, writeToBytes } from "../dicom/splice.ts";
import { type Tag, tags } from "../dicom/tags.ts";
import { MemorySource } from "../foundation/byte-source.ts";
import { type Bytes, concatBytes, fromBase64 } from "../foundation/bytes.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { checkSignatures } from "./check.ts";
import type { SignatureFact } from "./signature-fact.ts";

const implicitLittle = { explicit: false, bigEndian: false } as const;
const stored = JSON.parse(
  readFileSync(new URL("../../test/vectors/digital-signatures/vectors.json", import.meta.url), "utf8"),
) as { readonly vectors: readonly { readonly name: string; readonly file: string }[] };
const signed = fromBase64(stored.vectors.find(({ name }) => name === "two signatures")!.file);

function implicit({ tag, items, value }: DataElement): Bytes {
  if (!items) return encodeElement({ tag, vr: "UN", value: value! }, implicitLittle);
  const content = items.map(({ elements }) =>
    encodeItem(concatBytes(elements.map(implicit)), implicitLittle),
  );
  return encodeElement({ tag, vr: "UN", value: concatBytes(content) }, implicitLittle);
}

/** The whole sequence as one UN value of defined length. */
function wrapped(object: DicomObject, tag: Tag): Edit {
  const items = findElement(object.elements, tag)!.items!;
  const value = concatBytes(
    items.map(({ elements }) => encodeItem(concatBytes(elements.map(implicit)), implicitLittle)),
  );
  return { kind: "put", element: { tag, vr: "UN", value } };
}

/** The sequence stays one; the elements of its items are UN. */
function insideLost(object: DicomObject, tag: Tag): Edit {
  const items = findElement(object.elements, tag)!.items!;
  const element = {
    tag,
    vr: "SQ" as const,
    items: items.map(({ elements }) =>
      elements
        .filter((child) => !child.items)
        .map((child) => ({ tag: child.tag, vr: "UN" as const, value: child.value! })),
    ),
  };
  return { kind: "put", element };
}

async function factsOf(bytes: Bytes): Promise<readonly SignatureFact[]> {
  return checkSignatures(await readDicom(new MemorySource(bytes)), { crypto: nodeCrypto });
}

it.each([
  ["wrapped into one UN value", wrapped],
  ["UN inside their items", insideLost],
])("signature items %s: vr-lost, with their UID and certificate", async (_how, lose) => {
  const object = await readDicom(new MemorySource(signed));
  const before = await factsOf(signed);
  const lost = await factsOf(
    await writeToBytes(object, [
      lose(object, tags.macParametersSequence),
      lose(object, tags.digitalSignaturesSequence),
    ]),
  );
  expect(before.map(({ result }) => result)).toEqual(["valid", "valid"]);
  expect(lost.map(({ result }) => result)).toEqual(["vr-lost", "vr-lost"]);
  for (const [i, fact] of lost.entries()) {
    const { uid, certificate, signature, macAlgorithm, signedTags } = before[i]!;
    expect(fact).toMatchObject({ uid, certificate, signature, macAlgorithm, signedTags });
    expect(fact.problems.map(({ code }) => code)).toContain("listed-vr-lost");
  }
});

it("a UN value that holds no items stays malformed", async () => {
  const object = await readDicom(new MemorySource(signed));
  const value = Uint8Array.of(1, 2, 3, 4);
  const edit: Edit = { kind: "put", element: { tag: tags.digitalSignaturesSequence, vr: "UN", value } };
  const [fact] = await factsOf(await writeToBytes(object, [edit]));
  expect(fact).toMatchObject({ result: "malformed", problems: [{ code: "signatures-unreadable" }] });
});
