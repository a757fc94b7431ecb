/** Attacks on a sealed object, for the vectors. */
import { type NewElement, textElement } from "../../../src/dicom/encode.ts";
import { type Edit, writeToBytes } from "../../../src/dicom/splice.ts";
import { type Tag, tags } from "../../../src/dicom/tags.ts";
import {
  type Bytes,
  concatBytes,
  fromBase64,
  fromLatin1,
  latin1,
  toBase64,
  u32le,
} from "../../../src/foundation/bytes.ts";
import { containersOf, type SealContainers } from "../../../src/provenance/manifest/containers.ts";
import { samplePixels } from "./sample-object.ts";
import { read } from "./sealing.ts";
import type { RefusedVector } from "./vectors.ts";

const low = (n: number): Tag => 0x00711000 + n;

function container(n: number, content: Bytes): Edit {
  const value = concatBytes([u32le(content.length), content, new Uint8Array(content.length % 2)]);
  return put({ tag: low(n), vr: "OB", value });
}

function put(element: NewElement): Edit {
  return { kind: "put", element };
}

interface Attack extends Omit<RefusedVector, "object"> {
  readonly edits: readonly Edit[];
}

export async function refusals(sealed: Bytes): Promise<RefusedVector[]> {
  const object = await read(sealed);
  const containers = (await containersOf(object))!;
  const refused: RefusedVector[] = [];
  for (const { edits, ...vector } of [
    ...contentAttacks(),
    ...structureAttacks(),
    ...envelopeAttacks(containers),
  ])
    refused.push({ ...vector, object: toBase64(await writeToBytes(object, edits)) });
  return refused;
}

function contentAttacks(): Attack[] {
  const pixels = samplePixels.slice();
  pixels[50]! ^= 1;
  return [
    {
      name: "patient-swapped",
      attack: "(0010,0020) replaced",
      effect: "another patient's scan is accepted",
      edits: [put(textElement(tags.patientId, "LO", "0815"))],
      expected: { rootBy: "table", changed: ["00100020"], added: [], removed: [] },
    },
    {
      name: "overlay-as-un",
      attack: "an overlay inserted with VR UN",
      effect: "some viewers draw over the image",
      edits: [put({ tag: 0x60003000, vr: "UN", value: new Uint8Array(6).fill(255) })],
      expected: { rootBy: "table", changed: [], added: ["60003000"], removed: [] },
    },
    {
      name: "attribute-removed",
      attack: "(0018,0050) removed",
      effect: "geometry is guessed",
      edits: [{ kind: "remove", path: [0x00180050] }],
      expected: { rootBy: "table", changed: [], added: [], removed: ["00180050"] },
    },
    {
      name: "pixel-bit",
      attack: "one bit of one pixel of the second frame",
      effect: "a changed image is accepted",
      edits: [put({ tag: tags.pixelData, vr: "OW", value: pixels })],
      expected: { rootBy: "table", changed: [], framesChanged: [1] },
    },
    {
      name: "private-creator-renamed",
      attack: "the creator of a private block replaced",
      effect: "private values get another meaning",
      edits: [put(textElement(0x00090010, "LO", "ACME 2.0"))],
      expected: {
        rootBy: "table",
        added: [1, 2, 3, 4].map((n) => `0009[ACME 2.0]0${n}`),
        removed: [1, 2, 3, 4].map((n) => `0009[ACME 1.0]0${n}`),
      },
    },
  ];
}

function structureAttacks(): Attack[] {
  const malformed = { error: "seal-structure" };
  return [
    {
      name: "second-block",
      attack: "a second private block with the seal's creator",
      effect: "two verifiers read two manifests",
      edits: [put(textElement(0x00710011, "LO", "SCANSEAL 1.0"))],
      expected: malformed,
    },
    {
      name: "unknown-element",
      attack: "an element xx77 in the seal's block",
      effect: "content hides where nothing is compared",
      edits: [container(0x77, new Uint8Array(4))],
      expected: malformed,
    },
    {
      name: "late-evidence-unknown",
      attack: "xx01 with an entry of unknown type",
      effect: "content hides in a container outside the signature",
      edits: [container(1, concatBytes([Uint8Array.of(1, 1, 0, 9), u32le(1), Uint8Array.of(0)]))],
      expected: malformed,
    },
    {
      name: "container-tail",
      attack: "bytes after the stated length of the seed",
      effect: "content hides after a container",
      edits: [put({ tag: low(2), vr: "OB", value: concatBytes([u32le(32), new Uint8Array(40)]) })],
      expected: malformed,
    },
    {
      name: "seed-stripped",
      attack: "xx02 removed",
      effect: "commitments are taken as checked although no value can be compared",
      edits: [{ kind: "remove", path: [low(2)] }],
      expected: { rootBy: "table", seed: "missing" },
    },
    {
      name: "seed-replaced",
      attack: "xx02 of another object",
      effect: "every attribute seems changed, or nothing is compared",
      edits: [container(2, new Uint8Array(32).fill(9))],
      expected: { rootBy: "table", seed: "differs" },
    },
    {
      name: "table-stripped-and-changed",
      attack: "xx04 removed and an attribute changed",
      effect: "without a table nothing is compared",
      edits: [{ kind: "remove", path: [low(4)] }, put(textElement(tags.patientId, "LO", "0815"))],
      expected: { rootBy: "none", table: "missing" },
    },
    {
      name: "table-stripped",
      attack: "xx04 removed, content untouched",
      effect: "an intact object is called altered",
      edits: [{ kind: "remove", path: [low(4)] }],
      expected: { rootBy: "recomputed", table: "missing" },
    },
  ];
}

function envelopeAttacks({ envelope }: SealContainers): Attack[] {
  const text = latin1(envelope!);
  const malformed = { error: "seal-structure" };
  const rewritten = (change: (text: string) => string): readonly Edit[] => [
    container(0, fromLatin1(change(text))),
  ];
  const inPayload = (change: (payload: string) => string): readonly Edit[] =>
    rewritten((whole) =>
      whole.replace(/"payload":"([^"]+)"/, (_, payload: string) => {
        const changed = change(latin1(fromBase64(payload)));
        return `"payload":"${toBase64(fromLatin1(changed))}"`;
      }),
    );
  return [
    {
      name: "envelope-duplicate-key",
      attack: "the key dsse twice in the envelope",
      effect: "parsers that take the first and the last read two statements",
      edits: rewritten((whole) => whole.replace('{"dsse"', '{"dsse":{},"dsse"')),
      expected: malformed,
    },
    {
      name: "statement-duplicate-key",
      attack: "the key counter twice in the statement",
      effect: "two verifiers read two counters",
      edits: inPayload((payload) => payload.replace('"counter":42', '"counter":1,"counter":42')),
      expected: malformed,
    },
    {
      name: "statement-unknown-key",
      attack: "a key that the schema does not know",
      effect: "content hides in the statement",
      edits: inPayload((payload) => payload.replace('"seed"', '"extra":1,"seed"')),
      expected: malformed,
    },
    {
      name: "statement-assurance-raised",
      attack: "a beside-device statement that claims in-device",
      effect: "assurance is overstated",
      edits: inPayload((payload) => payload.replace('"type":"capture"', '"type":"beside-device"')),
      expected: malformed,
    },
    {
      name: "statement-changed",
      attack: "the counter changed, everything else kept",
      effect: "a replayed counter is accepted",
      edits: inPayload((payload) => payload.replace('"counter":42', '"counter":43')),
      expected: { signatures: ["invalid"], boundBy: [] },
    },
    {
      name: "signature-stripped",
      attack: "no signature in the envelope",
      effect: "every signature is valid, for there is none",
      edits: rewritten((whole) => whole.replace(/"signatures":\[[^\]]*\]/, '"signatures":[]')),
      expected: malformed,
    },
  ];
}
