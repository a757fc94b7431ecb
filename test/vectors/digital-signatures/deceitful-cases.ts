/** Signatures made to deceive. */
import { numberElement } from "../../../src/dicom/encode.ts";
import type { Edit } from "../../../src/dicom/splice.ts";
import { tags } from "../../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../../src/dicom/transfer-syntax.ts";
import { signDataSet } from "../../../src/digital-signatures/sign.ts";
import type { Bytes } from "../../../src/foundation/bytes.ts";
import {
  type Case,
  type CaseKeys,
  type ExpectedFact,
  image,
  macParameters,
  request,
  signed,
  whole,
} from "./case.ts";
import {
  type CaseKey,
  edited,
  file,
  handmadeEdits,
  open,
  signatureElements,
  signerOf,
  withElements,
} from "./objects.ts";

/** What was done, what it brings, the file, and what must be found. */
type Row = readonly [attack: string, effect: string, bytes: Bytes, expected: readonly ExpectedFact[]];

const plain = file(image, explicitLittleEndianUid);

export async function deceitfulCases(keys: CaseKeys): Promise<readonly Case[]> {
  const rows = [
    ...(await weakRows(keys)),
    ...(await secondSignatures(keys)),
    ...(await misleadingLists(keys)),
  ];
  return rows.map(([attack, effect, bytes, expected]) => ({ name: attack, attack, effect, bytes, expected }));
}

async function weakRows(keys: CaseKeys): Promise<readonly Row[]> {
  const object = await open(plain);
  const weak = async (
    key: CaseKey,
    hash: "MD5" | "SHA-1" | "RIPEMD-160" | "SHA-256",
    macAlgorithm: string,
  ): Promise<Bytes> => edited(plain, ...(await handmadeEdits(object, request, key, { hash, macAlgorithm })));
  return [
    [
      "RSA-1024 with MD5",
      "forged by collision or factoring",
      await weak(keys["RSA-1024"], "MD5", "MD5"),
      [{ result: "weak", computed: "valid", problems: ["hash-legacy", "key-short"] }],
    ],
    [
      "RSA-3072 with SHA-1",
      "forged by collision",
      await weak(keys["RSA-3072"], "SHA-1", "SHA1"),
      [{ result: "weak", computed: "valid", problems: ["hash-legacy"] }],
    ],
    [
      "RIPEMD-160",
      "dcmsign's default",
      await weak(keys["RSA-3072"], "RIPEMD-160", "RIPEMD160"),
      [{ result: "weak", computed: "valid", problems: ["hash-legacy"] }],
    ],
    [
      "hash named wrongly",
      "SHA-1 passed for SHA-256",
      await weak(keys["RSA-3072"], "SHA-1", "SHA256"),
      [{ result: "altered" }],
    ],
    [
      "P-521",
      "outside the suite",
      await weak(keys["P-521"], "SHA-256", "SHA256"),
      [{ result: "weak", computed: "unchecked", problems: ["key-unsupported"] }],
    ],
  ];
}

async function secondSignatures(keys: CaseKeys): Promise<readonly Row[]> {
  const once = await signed(image, explicitLittleEndianUid, keys["P-256"]);
  const object = await open(plain);
  const again = await signDataSet(
    await open(once),
    { ...request, signatureUid: "2.25.778", macIdNumber: 0 },
    signerOf(keys["P-256"], "SHA-256"),
  );
  const attacker = await signDataSet(
    await open(once),
    { ...request, signatureUid: "2.25.666" },
    signerOf(keys["other P-256"], "SHA-256"),
  );
  const copied = await edited(
    once,
    ...signatureElements(
      (await signDataSet(object, { ...request, macIdNumber: 1 }, signerOf(keys["P-256"], "SHA-256"))).edits,
    ).map((element): Edit => ({ kind: "append-item", sequence: element.tag, item: element.items![0]! })),
  );
  return [
    [
      "attacker's signature beside a valid one",
      '"any valid" would pass; trust is judged apart',
      await edited(once, ...attacker.edits),
      [whole, whole],
    ],
    [
      "two parameters of one MAC ID",
      "which of them counts?",
      await edited(once, ...again.edits),
      [
        { result: "malformed", problems: ["mac-id-duplicate"] },
        { result: "malformed", problems: ["mac-id-duplicate"] },
      ],
    ],
    [
      "two signatures of one UID",
      "which of them is meant?",
      copied,
      [
        { result: "malformed", problems: ["signature-uid-duplicate"] },
        { result: "malformed", problems: ["signature-uid-duplicate"] },
      ],
    ],
  ];
}

async function misleadingLists(keys: CaseKeys): Promise<readonly Row[]> {
  const short = await signed(image, explicitLittleEndianUid, keys["P-256"], "SHA-256", {
    tags: [tags.pixelData],
  });
  const padded = withElements(image, {
    tag: tags.dataSetTrailingPadding,
    vr: "OB",
    value: new Uint8Array(4),
  });
  const paddedSigned = await edited(await signed(padded, explicitLittleEndianUid, keys["P-256"]), {
    kind: "put",
    parent: [macParameters, 0],
    element: numberElement(0x04000020, "AT", tags.pixelData, tags.dataSetTrailingPadding),
  });
  const nul = withElements(image, { tag: 0x00080080, vr: "LO", value: Uint8Array.of(0x41, 0) });
  const rest = image.map(({ tag }) => tag).filter((tag) => tag !== tags.pixelData);
  return [
    [
      "short list, validly signed",
      "dcmsign says OK; the header is free",
      short,
      [{ ...whole, uncovered: rest, requiredUncovered: rest }],
    ],
    [
      "trailing padding listed",
      "lists what cannot be signed",
      paddedSigned,
      [{ result: "malformed", problems: ["listed-never-signable"] }],
    ],
    [
      "text padded with NUL",
      "DCMTK 3.7.0 hashes another stream",
      await signed(nul, explicitLittleEndianUid, keys["P-256"]),
      [{ ...whole, problems: ["text-nul-padded"] }],
    ],
    ["stripped", "the object passes for never signed", plain, []],
  ];
}
