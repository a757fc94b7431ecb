/** Changes to a validly signed object. */
import { type NewElement, numberElement, textElement } from "../../../src/dicom/encode.ts";
import type { Edit } from "../../../src/dicom/splice.ts";
import { tags } from "../../../src/dicom/tags.ts";
import { explicitLittleEndianUid, implicitLittleEndianUid } from "../../../src/dicom/transfer-syntax.ts";
import { concatBytes } from "../../../src/foundation/bytes.ts";
import {
  type Case,
  type CaseKeys,
  type ExpectedFact,
  image,
  jpegLsUid,
  macParameters,
  signatures,
  signed,
  whole,
} from "./case.ts";
import { edited, nativePixels, pixels, referencedImageSequence } from "./objects.ts";

/** What was done, what it brings, the edit, and what must be found. */
type Row = readonly [attack: string, effect: string, edit: Edit, expected: ExpectedFact];

const altered: ExpectedFact = { result: "altered", problems: [] };
const inSignature = [signatures, 0] as const;

function put(element: NewElement, parent?: readonly number[]): Edit {
  return parent ? { kind: "put", element, parent } : { kind: "put", element };
}

export async function alteredCases(keys: CaseKeys): Promise<readonly Case[]> {
  const once = await signed(image, explicitLittleEndianUid, keys["P-256"]);
  const rows = [
    ...changesOfTheObject(),
    ...changesOfWhatIsSaid(),
    ...changesOfTheSigner(keys),
    ...changesOfTheParameters(),
  ];
  return Promise.all(
    rows.map(async ([attack, effect, edit, expected]) => ({
      name: attack,
      attack,
      effect,
      bytes: await edited(once, edit),
      expected: [expected],
    })),
  );
}

function changesOfTheObject(): readonly Row[] {
  const overlay: NewElement = { tag: 0x60003000, vr: "OW", value: new Uint8Array(8).fill(255) };
  const flipped = pixels.slice();
  flipped[77] = flipped[77]! ^ 1;
  return [
    [
      "patient name replaced",
      "another patient's image",
      put(textElement(tags.patientName, "PN", "Vector^Victoria")),
      altered,
    ],
    ["one bit of a pixel flipped", "another image", put({ ...nativePixels, value: flipped }), altered],
    [
      "rescale intercept removed",
      "other Hounsfield values",
      { kind: "remove", path: [0x00281052] },
      { ...altered, absent: [0x00281052] },
    ],
    [
      "a UID in an item replaced",
      "another reference",
      put(textElement(0x00081155, "UI", "2.25.1619"), [referencedImageSequence, 1]),
      altered,
    ],
    [
      "overlay inserted",
      "the image is covered",
      put(overlay),
      { ...whole, uncovered: [0x60003000], requiredUncovered: [0x60003000], disguised: [] },
    ],
    [
      "overlay inserted as UN",
      "as above, out of any signature's reach",
      put({ ...overlay, vr: "UN" }),
      { ...whole, uncovered: [0x60003000], requiredUncovered: [0x60003000], disguised: [0x60003000] },
    ],
    [
      "a signed element rewritten as UN",
      "its value cannot be checked",
      put({
        tag: tags.patientName,
        vr: "UN",
        value: textElement(tags.patientName, "PN", "Vector^Victor").value!,
      }),
      { result: "vr-lost", problems: ["listed-vr-lost"] },
    ],
  ];
}

function changesOfWhatIsSaid(): readonly Row[] {
  return [
    [
      "signature UID replaced",
      "the signature names another manifest",
      put(textElement(0x04000100, "UI", "2.25.779"), inSignature),
      altered,
    ],
    [
      "signing time replaced",
      "backdated",
      put(textElement(0x04000105, "DT", "20200229120000.000000+0000"), inSignature),
      altered,
    ],
    [
      "signing time without a zone",
      "ambiguous time",
      put(textElement(0x04000105, "DT", "20240229120000.000000"), inSignature),
      { result: "altered", problems: ["date-time-without-zone"] },
    ],
    [
      "purpose removed",
      "a modification passes for an original",
      { kind: "remove", path: [signatures, 0, 0x04000401] },
      altered,
    ],
  ];
}

function changesOfTheSigner(keys: CaseKeys): readonly Row[] {
  return [
    [
      "certificate of another signer",
      "somebody else signed",
      put({ tag: 0x04000115, vr: "OB", value: keys["other P-256"].certificate }, inSignature),
      altered,
    ],
    [
      "RSA certificate over an ECDSA signature",
      "key type confusion",
      put({ tag: 0x04000115, vr: "OB", value: keys["RSA-3072"].certificate }, inSignature),
      { result: "malformed", problems: ["attribute-invalid"] },
    ],
    [
      "certificate that is none",
      "no key",
      put({ tag: 0x04000115, vr: "OB", value: new Uint8Array(64) }, inSignature),
      { result: "malformed", problems: ["certificate-unreadable"] },
    ],
    [
      "two bytes after the certificate",
      "smuggled bytes",
      put(
        {
          tag: 0x04000115,
          vr: "OB",
          value: concatBytes([
            keys["P-256"].certificate,
            new Uint8Array(2 + (keys["P-256"].certificate.length & 1)),
          ]),
        },
        inSignature,
      ),
      { result: "malformed", problems: ["certificate-unreadable"] },
    ],
    [
      "signature removed from its item",
      "nothing to check",
      { kind: "remove", path: [signatures, 0, 0x04000120] },
      { result: "malformed", problems: ["attribute-missing"] },
    ],
  ];
}

function changesOfTheParameters(): readonly Row[] {
  return [
    [
      "MAC algorithm NONE",
      "no hash at all",
      put(textElement(0x04000015, "CS", "NONE"), [macParameters, 0]),
      { result: "malformed", problems: ["attribute-invalid"] },
    ],
    [
      "MAC transfer syntax implicit VR",
      "an undefined stream",
      put(textElement(0x04000010, "UI", implicitLittleEndianUid), [macParameters, 0]),
      { result: "malformed", problems: ["attribute-invalid"] },
    ],
    [
      "MAC transfer syntax JPEG-LS",
      "passes a change for a transcode",
      put(textElement(0x04000010, "UI", jpegLsUid), [macParameters, 0]),
      whole,
    ],
    [
      "empty list",
      "nothing is signed",
      put({ tag: 0x04000020, vr: "AT", value: new Uint8Array(0) }, [macParameters, 0]),
      { result: "malformed", problems: ["attribute-invalid"] },
    ],
    [
      "list cut to Pixel Data",
      "everything else is free",
      put(numberElement(0x04000020, "AT", tags.pixelData), [macParameters, 0]),
      altered,
    ],
    [
      "MAC parameters removed",
      "nothing says what was signed",
      { kind: "remove", path: [macParameters] },
      { result: "malformed", problems: ["mac-parameters-missing"] },
    ],
    [
      "signatures rewritten as UN",
      "hidden from software that looks for a sequence",
      put({ tag: signatures, vr: "UN", value: new Uint8Array(16) }),
      { result: "malformed", problems: ["signatures-unreadable"] },
    ],
  ];
}
