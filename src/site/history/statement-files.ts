/** Signed statements taken apart for other people's tools: docs/checking-with-other-tools.md. Openings, which are private, stay at home. */
import { type Bytes, fromBase64, latin1, toHex, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { encodePem } from "../../keys/trust/pem.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import {
  decodeEnvelope,
  type Envelope,
  preAuthenticationEncoding,
} from "../../provenance/manifest/envelope.ts";
import { decodeSealProof } from "../../provenance/transparency-log/proof/seal-proof.ts";
import { type SignedStatement, shortDigest } from "./history.ts";

export interface ExportedFile {
  /** With forward slashes, relative to the folder. */
  readonly name: string;
  readonly content: Bytes;
}

/** A folder for each statement that can be read, and a README.txt beside them. */
export function statementFiles(statements: readonly SignedStatement[]): ExportedFile[] {
  const folders = statements.flatMap((statement) => folderOf(statement) ?? []);
  const index = folders.map(({ folder, predicateType, hash, lines }) =>
    [
      `${folder}/`,
      `  ${predicateType}`,
      ...commandLines(folder, hash).map((line) => `  ${line}`),
      ...lines,
    ].join("\n"),
  );
  return [
    ...folders.flatMap(({ files }) => files),
    { name: "README.txt", content: utf8(`${[introduction, ...index].join("\n\n")}\n`) },
  ];
}

const introduction = `Signed statements about one object, as docs/checking-with-other-tools.md describes them. Each folder holds
  payload.json      what was signed: an in-toto statement
  signed.bin        the bytes under the signature: DSSE's encoding of payload.json
  signature.der     the signature
  certificate.pem   the signer's certificate. Whether it is to be believed is for you to say: get the anchor from
                    the site by another way (scanseal trust export), never from this folder
They name no patient. With openssl, in this folder:`;

interface StatementFolder {
  readonly folder: string;
  readonly predicateType: string;
  /** As openssl calls it: "sha256". */
  readonly hash: string;
  readonly files: readonly ExportedFile[];
  /** Of the README, on late evidence. */
  readonly lines: readonly string[];
}

function folderOf(statement: SignedStatement): StatementFolder | undefined {
  const { predicateType, digest, lateEvidence } = statement;
  const envelope = envelopeOf(statement);
  if (!envelope) return undefined;
  const kind = /\/([a-z-]+)\/v\d+$/.exec(predicateType)?.[1] ?? "statement";
  const folder = `${kind}-${shortDigest(digest)}`;
  const { payload, signatures, certificates } = envelope;
  const file = (name: string, content: Bytes): ExportedFile => ({ name: `${folder}/${name}`, content });
  const late = lateEvidence.map(({ type, bytes }, i) => {
    const before = lateEvidence.slice(0, i).filter((one) => one.type === type);
    return lateFile(folder, type, fromBase64(bytes), before.length + 1);
  });
  return {
    folder,
    predicateType,
    hash: hashNameOf(payload),
    files: [
      file("payload.json", payload),
      file("signed.bin", preAuthenticationEncoding(payload)),
      file("signature.der", signatures[0]!.signature),
      file("certificate.pem", utf8(encodePem("CERTIFICATE", certificates[0]!))),
      ...late.flatMap(({ files }) => files.map(({ name, content }) => file(name, content))),
    ],
    lines: late.map(({ line }) => `  ${line}`),
  };
}

function envelopeOf({ envelope, digest }: SignedStatement): Envelope | undefined {
  try {
    const read = decodeEnvelope(fromBase64(envelope));
    return toHex(nodeCrypto.hash("SHA-256", read.payload)) === digest ? read : undefined;
  } catch (error) {
    if (error instanceof ScansealError && error.code === "seal-structure") return undefined;
    throw error;
  }
}

/** Every statement names its signature's hash; it was read strictly when it was checked. */
function hashNameOf(payload: Bytes): string {
  const found = /"hash":"SHA-(256|384|512)"/.exec(latin1(payload));
  return `sha${found?.[1] ?? "256"}`;
}

function commandLines(folder: string, hash: string): string[] {
  return [
    `openssl x509 -in ${folder}/certificate.pem -pubkey -noout -out ${folder}/key.pem`,
    `openssl dgst -${hash} -verify ${folder}/key.pem -signature ${folder}/signature.der ${folder}/signed.bin`,
    `openssl verify -x509_strict -CAfile anchor.pem ${folder}/certificate.pem`,
  ];
}

interface LateFiles {
  readonly files: readonly { readonly name: string; readonly content: Bytes }[];
  readonly line: string;
}

function lateFile(folder: string, type: string, bytes: Bytes, number: number): LateFiles {
  const of = (name: string): string => `${folder}/${name}`;
  if (type === "time-stamp") {
    const name = `time-stamp-${number}.der`;
    const line = `openssl ts -verify -token_in -in ${of(name)} -data ${of("signature.der")} -CAfile tsa.pem`;
    return { files: [{ name, content: bytes }], line };
  }
  if (type === "revocation-status") {
    const name = `revocation-status-${number}.der`;
    const line = `openssl ocsp -respin ${of(name)} -issuer anchor.pem -cert ${of("certificate.pem")} -no_nonce -CAfile anchor.pem`;
    return { files: [{ name, content: bytes }], line };
  }
  const whole = { name: `${type}-${number}.bin`, content: bytes };
  const proof = logProofIn(bytes);
  if (!proof) return { files: [whole], line: of(whole.name) };
  const name = `${type}-${number}.tlog-proof`;
  const line = `${of(name)}: docs/checking-with-other-tools.md, "The transparency log"`;
  return { files: [whole, { name, content: proof }], line };
}

/** The text that c2sp.org/tlog-proof describes, without the seal's place in its entry. */
function logProofIn(bytes: Bytes): Bytes | undefined {
  try {
    return decodeSealProof(bytes).proof;
  } catch (error) {
    if (error instanceof ScansealError && error.code === "log-structure") return undefined;
    throw error;
  }
}
