/** Puts time stamps into DICOM signatures: CMS_TSP of PS3.15 C.4, over the signature's value. Every other byte stays. */
import { nameTextOf } from "../../dicom/elements.ts";
import { textElement } from "../../dicom/encode.ts";
import { readDicom } from "../../dicom/read.ts";
import type { Edit } from "../../dicom/splice.ts";
import { tags } from "../../dicom/tags.ts";
import { signatureTags } from "../../digital-signatures/attributes.ts";
import { checkSignatures } from "../../digital-signatures/check.ts";
import type { SignatureFact } from "../../digital-signatures/signature-fact.ts";
import { fromBase64 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { withFile } from "../file-input.ts";
import type { OutputFolder } from "../output-folder.ts";
import { requestTimeStamp, type TimeStampSource } from "./time-stamp-client.ts";

/**
 * The object with a stamp in each valid signature of its data set that has none, into the output.
 * @returns how many were added
 * @throws ScansealError `not-sealable` without such a signature, as `requestTimeStamp`, `duplicate-instance`, `io`
 */
export function stampSignatures(
  path: string,
  source: TimeStampSource,
  output: OutputFolder,
): Promise<number> {
  return withFile(path, async (bytes) => {
    const object = await readDicom(bytes);
    const sopInstanceUid = nameTextOf(object.elements, tags.sopInstanceUid);
    const valid = (await checkSignatures(object, { crypto: nodeCrypto })).filter(
      ({ location, result }) => location.length === 0 && result === "valid",
    );
    if (valid.length === 0 || sopInstanceUid === undefined)
      throw new ScansealError("not-sealable", "it has no valid DICOM signature that could be stamped");
    const open = valid.filter(({ timestamp }) => timestamp === undefined);
    const edits = (await Promise.all(open.map((fact) => stampEdits(fact, source)))).flat();
    await output.write(sopInstanceUid, object, edits);
    return open.length;
  });
}

async function stampEdits({ index, signature }: SignatureFact, source: TimeStampSource): Promise<Edit[]> {
  const { token } = await requestTimeStamp(fromBase64(signature!), source);
  const parent = [tags.digitalSignaturesSequence, index];
  const type = textElement(signatureTags.certifiedTimestampType, "CS", "CMS_TSP");
  const stamp = { tag: signatureTags.certifiedTimestamp, vr: "OB", value: token } as const;
  return [
    { kind: "put", element: type, parent },
    { kind: "put", element: stamp, parent },
  ];
}
